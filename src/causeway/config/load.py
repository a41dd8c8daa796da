"""From a file to the tree, or to all that is wrong with the file.

Three readings follow each other over the same text: TOML's grammar (its first mistake ends the
reading, since nothing after it can be trusted), the shape and values of each setting (pydantic),
and the rules between settings (``rules``), which look at what was written rather than at what was
accepted. So the last two report together, however broken a table is.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from causeway.config import doubts, rules
from causeway.config.describe import field_at, keys_at, tables_with
from causeway.config.kinds import Surroundings, kind_of, quoted
from causeway.config.tree import Configuration
from causeway.errors import ConfigurationError
from causeway.lines import Lines, scan
from causeway.problems import InvalidConfiguration, Problem, location

DEFAULT_NAME = "causeway.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A valid configuration, and where each of its settings was written."""

    configuration: Configuration
    path: Path
    content: bytes = field(repr=False)
    """The file, byte for byte."""
    lines: Lines
    warnings: tuple[Problem, ...]
    """What works, but is probably not meant."""


def load(path: Path | str) -> Configuration:
    """The configuration in a file.

    Raises ``ConfigurationError`` if there is no such file, and ``InvalidConfiguration``, with every
    problem in it, if it cannot be used.
    """
    return read(path).configuration


def read(path: Path | str) -> Loaded:
    """As ``load``, with lines and warnings."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no configuration at {path}",
            hint=f"write one with `causeway init {path}`, or name yours with --config",
        ) from None
    except IsADirectoryError:
        raise ConfigurationError(
            f"{path} is a folder, not a configuration",
            hint=f"name the file, for example {path / DEFAULT_NAME}",
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", hint="see its owner and rights with `ls -l`"
        ) from None
    return parse(decoded(content, file=path), file=path, content=content)


def decoded(content: bytes, *, file: Path) -> str:
    """The text of a file. Raises ``InvalidConfiguration`` for what is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = Problem(
            file=str(file),
            line=content.count(b"\n", 0, error.start) + 1,
            setting="",
            what=f"byte 0x{content[error.start]:02x} is not UTF-8",
            right="save the file as UTF-8, as TOML requires",
        )
        raise InvalidConfiguration(str(file), [problem]) from None


def parse(
    text: str,
    *,
    file: Path | str = DEFAULT_NAME,
    look: bool = True,
    content: bytes | None = None,
) -> Loaded:
    """The configuration in a text that stands, or would stand, at ``file``.

    ``look=False`` leaves the file system alone: folders and files that are named need not be there.
    ``content`` is what the text was decoded from, if it was.
    """
    file = Path(file)
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidConfiguration(str(file), [_grammar(error, text, str(file))]) from None

    lines = scan(text)
    surroundings = Surroundings(folder=file.absolute().parent, look=look)
    problems = [
        Problem(
            file=str(file),
            line=lines.of(found.path),
            setting=location(found.path),
            what=found.what,
            right=found.right,
        )
        for found in rules.contradictions(written)
    ]
    try:
        configuration = Configuration.model_validate(_tuples(written), context=surroundings)
    except ValidationError as error:
        problems += [
            _problem(detail, written, lines, str(file))
            for detail in error.errors(include_url=False, include_input=True)
            if not _is_echo(detail, written)
        ]
    if problems:
        raise InvalidConfiguration(str(file), problems)
    warnings = tuple(
        Problem(
            file=str(file),
            line=lines.of(found.path),
            setting=location(found.path),
            what=found.what,
            right=found.right,
        )
        for found in doubts.doubts(configuration)
    )
    return Loaded(
        configuration=configuration,
        path=file,
        content=text.encode() if content is None else content,
        lines=lines,
        warnings=warnings,
    )


def _tuples(value: Any) -> Any:
    """Lists as tuples, which is what the frozen tree is made of."""
    if isinstance(value, dict):
        return {key: _tuples(item) for key, item in value.items()}
    if isinstance(value, list):
        return tuple(_tuples(item) for item in value)
    return value


# --- grammar -----------------------------------------------------------------------------------

_AT = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


def _grammar(error: tomllib.TOMLDecodeError, text: str, file: str) -> Problem:
    """TOML's own words are for people who know its grammar; say what was probably meant."""
    message = str(error)
    match = _AT.search(message)
    line = int(match[1]) if match and match[1] else text.count("\n") + 1
    what = message[: match.start()] if match else message
    rows = text.splitlines()
    row = rows[line - 1].strip() if line <= len(rows) else ""
    return Problem(
        file=file,
        line=line,
        setting="",
        what=f"this is not TOML: {what[:1].lower()}{what[1:]}",
        right=_meant(what, row),
    )


def _meant(what: str, row: str) -> str:
    key, _, value = (part.strip() for part in row.partition("="))
    if "already" in what or "overwrite" in what or "twice" in what:
        return (
            "each key and table may be said once; repeatable tables have two brackets: [[source]]"
        )
    if "initial character for a key part" in what and "{" in row:
        return "a table in braces stands on one line, without a comma at its end"
    if re.match(r"[A-Za-z0-9_-]+\s*:", row):
        return f"a key and its value are joined by `=`: {_joined(row)}"
    if value.lower() in ("true", "false", "yes", "no", "on", "off"):
        truth = "true" if value.lower() in ("true", "yes", "on") else "false"
        return f"write: {key} = {truth}"
    if "\\" in row and '"' in row:
        return "a backslash in a text is doubled, or the text stands in single quotes: 'C:\\data'"
    if value.count('"') % 2 or value.count("'") % 2:
        return "a text ends with the quote that it began with, on the same line"
    if row.startswith("[") and "=" not in row:
        return "a table is [name], a repeatable one [[name]]"
    if "=" in row and not value:
        return f'a value follows the `=`, for example: {key} = "…"'
    if value and re.match(r"[A-Za-z/.~*]", value):
        return f'a text stands in quotes: {key} = "{value}"'
    if row and "=" not in row:
        return "each line is `key = value`, `[table]`, or a comment that starts with `#`"
    return "see https://toml.io for what a value can be"


def _joined(row: str) -> str:
    """What somebody who is used to YAML has written, as TOML has it."""
    key, _, value = (part.strip() for part in row.partition(":"))
    if re.match(r"[A-Za-z/.~*]", value) and value not in ("true", "false"):
        value = f'"{value}"'
    return f"{key} = {value}"


# --- shape and values --------------------------------------------------------------------------


def _problem(detail: ErrorDetails, written: Mapping[str, Any], lines: Lines, file: str) -> Problem:
    path = _written_path(detail["loc"])
    what, right = _explain(detail, path, written)
    about_key = detail["type"] in ("missing", "extra_forbidden")
    return Problem(
        file=file,
        line=lines.of(path),
        setting=location(path[:-1] if about_key else path),
        what=what,
        right=right,
    )


def _is_echo(detail: ErrorDetails, written: Mapping[str, Any]) -> bool:
    """Whether an error only follows from another one, which says it better."""
    if detail["type"] == "too_short":  # its elements were counted after the bad ones left
        return bool(detail["input"])
    if detail["type"] == "missing":  # it is there, mistyped
        path = _written_path(detail["loc"])
        unknown = set(_table(path[:-1], written)) - set(keys_at(path[:-1], written))
        return any(_closest(key, [str(path[-1])]) for key in unknown)
    return False


def _written_path(loc: Sequence[str | int]) -> tuple[str | int, ...]:
    """The location without the tag that pydantic puts after an element of a tagged union."""
    if len(loc) > 2 and loc[0] == "destination" and isinstance(loc[1], int):
        return (*loc[:2], *loc[3:])
    return tuple(loc)


_KINDS = {
    "int_type": ("a whole number", "{key} = 8"),
    "int_from_float": ("a whole number", "{key} = 8"),
    "float_type": ("a number", "{key} = 30"),
    "string_type": ("a text in quotes", '{key} = "…"'),
    "bool_type": ("true or false, without quotes", "{key} = true"),
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}


def _explain(
    detail: ErrorDetails, path: tuple[str | int, ...], written: Mapping[str, Any]
) -> tuple[str, str]:
    """What is wrong and what would be right, from pydantic's account of one error."""
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    key = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "causeway":
        return context["what"], context["right"]
    if kind == "extra_forbidden":
        return f'unknown key "{key}"', _instead(key, path[:-1], written)
    if kind == "missing":
        return f'"{key}" is missing', _add(path, written)
    if kind in _KINDS:
        should, example = _KINDS[kind]
        if kind in ("int_type", "float_type") and _is_number(value):
            example = f"{{key}} = {value}"
        elif key == "port":
            example = "{key} = 11112"
        elif kind == "string_type" and isinstance(value, int | float):
            example = f'{{key}} = "{value}"'
        elif kind == "bool_type" and value in ("true", "false"):
            example = f"{{key}} = {value}"
        return f"must be {should}, not {kind_of(value)}", f"write: {example.format(key=key)}"
    if kind in _BOUNDS:
        words, limit = _BOUNDS[kind]
        return f"{value} is out of range", f"{words} {context[limit]:g}"
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return f"must not be {kind_of(value)}", f"one of {_either(choices)}{_near(value, choices)}"
    if kind == "union_tag_invalid":
        choices = re.findall(r"'([^']*)'", str(context["expected_tags"]))
        tag = str(context["tag"])
        return f"there is no type {quoted(tag)}", f"one of {_either(choices)}{_near(tag, choices)}"
    if kind == "union_tag_not_found":
        return '"type" is missing', _add((*path, "type"), written)
    if kind == "tuple_type":
        if isinstance(value, dict):
            return "is one table, but can be repeated", f"write [[{key}]] with two brackets"
        inner = value if isinstance(value, str) else "…"
        return f"must be a list, not {kind_of(value)}", f'write: {key} = ["{inner}"]'
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        if isinstance(value, tuple | list) and len(path) == 1:
            return "stands once, but is written as repeatable", f"write [{key}] with one bracket"
        return f"must be a table, not {kind_of(value)}", f"write [{key}], and its keys below it"
    if kind == "finite_number":
        return "is no finite number", f"write a number, for example: {key} = 30"
    if kind == "string_too_short":
        return "is empty", f'write a text: {key} = "…"'
    if kind == "string_too_long":
        return f"has {len(value)} characters", f"at most {context['max_length']}"
    if kind == "string_pattern_mismatch":
        return f"cannot be {quoted(value)}", _described(path, written)
    if kind == "too_short":
        return "is an empty list", f'name at least one: {key} = ["…"]'
    return str(detail["msg"]), ""


_NEAR = 0.6
"""How alike two keys are, by difflib's ratio, for one to be taken for a slip of the other."""


def _closest(key: str, known: Sequence[str]) -> str:
    """What was probably meant by a key: what it abbreviates, or resembles; empty if nothing."""
    longer = [name for name in known if name.startswith(f"{key}_")]
    return next(iter(longer or difflib.get_close_matches(key, known, n=1, cutoff=_NEAR)), "")


def _instead(key: str, path: tuple[str | int, ...], written: Mapping[str, Any]) -> str:
    known = keys_at(path, written)
    near = _closest(key, known)
    if near:
        return f'did you mean "{near}"?'
    elsewhere = tables_with(key)
    if elsewhere:
        return f'"{key}" stands in {" or ".join(elsewhere)}'
    return f"known here: {', '.join(known)}"


def _described(path: tuple[str | int, ...], written: Mapping[str, Any]) -> str:
    """What a setting is, in the words of its documentation."""
    field = field_at(path, written)
    return " ".join((field.description or "").split()) if field is not None else ""


def _choices(path: tuple[str | int, ...], written: Mapping[str, Any]) -> Sequence[str]:
    """The values of a setting that has few."""
    field = field_at(path, written)
    if field is None or typing.get_origin(field.annotation) is not Literal:
        return ()
    return typing.get_args(field.annotation)


def _add(path: tuple[str | int, ...], written: Mapping[str, Any]) -> str:
    examples = {
        "deidentify": "say what happens to identifying data: the name of a profile takes it away, "
        'and deidentify = "none" leaves it in',
        "data_dir": 'say where spool and ledger are kept: data_dir = "data"',
        "port": "add: port = 11112",
        "ae_title": 'add: ae_title = "CAUSEWAY"',
        "addresses": 'add: addresses = ["192.168.10.0/24"]',
        "type": 'add: type = "folder"',
        "destinations": 'name at least one: destinations = ["…"]',
    }
    key = str(path[-1])
    if key not in examples and (choices := _choices(path, written)):
        return f"add: {key} = one of {_either(choices)}"
    return examples.get(key, f'add: {key} = "…"')


def _table(path: tuple[str | int, ...], written: Mapping[str, Any]) -> Mapping[str, Any]:
    value: Any = written
    for part in path:
        value = value[part]
    return value if isinstance(value, dict) else {}


def _either(choices: Sequence[str]) -> str:
    return ", ".join(f'"{choice}"' for choice in choices)


def _near(value: object, choices: Sequence[str]) -> str:
    near = difflib.get_close_matches(str(value).lower(), choices, n=1)
    return f'; did you mean "{near[0]}"?' if near else ""


def _is_number(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        float(value)
    except ValueError:
        return False
    return True
