"""Writes the reference pages that say what the code says: settings, commands, exit statuses,
log lines.

    python docs/generate.py            write them
    python docs/generate.py --check    exit status 1 if one of them is stale

A test runs the check, so a setting without a description, or a page that lags behind, fails there.
"""

from __future__ import annotations

import json
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from causeway.cli.app import app
from causeway.cli.exits import EXIT_STATUSES
from causeway.cli.views import BY_COMMAND
from causeway.config import show_size
from causeway.config.describe import Table, tables
from causeway.observe import FIELDS

REFERENCE = Path(__file__).parent / "reference"
_HEAD = "<!-- Written by docs/generate.py from the code; change the code, then run it. -->\n"


_SETTINGS_HEAD = """\
One TOML file, `causeway.toml` unless `--config` or `CAUSEWAY_CONFIG` names another. `causeway init`
writes one with comments, `causeway config check` reads it as the service would, `causeway config
show` prints what is in effect, and `causeway config schema` prints its JSON Schema.

Unknown keys are refused. Relative paths start at the file's folder. Sizes are bytes, or texts such
as `"10 GiB"` and `"500 MB"`. Secrets are references, `"env:NAME"` or `"file:PATH"`. Tables in
double brackets can be repeated.

Everything that a file says is read when the file is checked: rules, regular expressions, mappings,
windows of time and names of time zones and attributes as well.
"""
_COMMANDS_HEAD = """\
Commands read the configuration (`--config FILE`, else the environment's `CAUSEWAY_CONFIG`, else
`causeway.toml` here) and work while the service runs and while it is stopped. What they print goes
to standard output; errors, hints and progress go to standard error. Tables are cut to the
terminal's width; in a pipe nothing is cut and nothing is coloured. Times are local, with their
zone.

With `--json` a command prints one JSON object instead, with the fields that its section names.
These are stable: fields are added, not renamed or taken away. Times in it are ISO 8601 in UTC,
sizes are bytes, and what is not known is `null`. Errors are told on standard error and by the [exit
status](exit-statuses.md) all the same.
"""

_LOGS_HEAD = """\
The service writes events to standard error: a time, a level, an action such as `series.complete`,
and fields. `log.format = "json"` writes one JSON object a line, with `timestamp` (UTC), `level` and
`event`; `log.level` sets the least severity.

Log lines carry no patient data, at any level. These fields are all that a line can have, and each
of them is written only if its value is what the table says; anything else shows as `unfit`, and a
field that is not listed is left out and named in `undeclared`. Of an exception that is not one of
Causeway's own, its type and a line of the program are written, never its text; the same holds for
what libraries log. `study`, `series`, `instance`, `parcel` and `delivery` are numbers of the
ledger, which `causeway study` and its likes take.
"""

# --- settings ----------------------------------------------------------------------------------


def settings_page() -> str:
    parts = [
        _HEAD,
        "# Settings\n",
        _SETTINGS_HEAD,
    ]
    later = {table.model: table.heading for table in tables()}
    for table in tables():
        parts.append(f"## {_heading(table)}\n")
        if table.heading != later[table.model]:
            link = later[table.model]
            parts.append(f"The keys of `{link}`, for this source, in place of what stands there.\n")
            continue
        parts.append(f"{_prose(table.model.__doc__)}\n")
        rows = list(_settings_rows(table))
        if rows:
            parts += ["| setting | value | default | |\n|---|---|---|---|", *rows, ""]
    return "\n".join(parts).rstrip() + "\n"


def _heading(table: Table) -> str:
    return f"`{table.heading}`" if table.heading else "At the top"


def _settings_rows(table: Table) -> Iterator[str]:
    schemas = table.model.model_json_schema(by_alias=True)["properties"]
    for key, field in table.settings():
        default = "**required**" if field.is_required() else _default(field, schemas[key])
        yield f"| `{key}` | {_value(schemas[key])} | {default} | {_prose(field.description)} |"


def _default(field: Any, schema: dict[str, Any]) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined or value is None:
        return ""
    if _is_size(schema):
        return f"`{value}`" if value < 1024 else f'`"{show_size(value)}"`'
    return f"`{json.dumps(value)}`"


def _is_size(schema: dict[str, Any]) -> bool:
    kinds = schema.get("anyOf", [])
    return len(kinds) == 2 and "pattern" in kinds[1] and "KiB" in kinds[1]["pattern"]


def _value(schema: dict[str, Any]) -> str:
    """What a setting takes, in words."""
    if _is_size(schema):
        low, high = schema.get("minimum"), schema.get("maximum")
        between = f", {show_size(low)} to {show_size(high)}" if low and high else ""
        return f"size{between}"
    if "anyOf" in schema:
        kinds = [_value(one) for one in schema["anyOf"] if one.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in schema:
        return " or ".join(f'`"{one}"`' for one in schema["enum"])
    if "const" in schema:
        return f'`"{schema["const"]}"`'
    kind = schema.get("type")
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _bounds(schema)
    if kind == "object":
        return f"table of {_value(schema.get('additionalProperties', {}))}s"
    if kind == "array":
        return f"list of {_value(schema.get('items', {}))}s"
    if kind == "string":
        if schema.get("format") == "path":
            return "path"
        return "secret" if "env" in schema.get("pattern", "") else "text"
    return {"boolean": "`true` or `false`"}.get(str(kind), "")


def _bounds(schema: dict[str, Any]) -> str:
    low, over = schema.get("minimum"), schema.get("exclusiveMinimum")
    high = schema.get("maximum")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}"
    if over is not None and high is not None:
        return f", above {over:g}, at most {high:g}"
    if high is not None:
        return f", at most {high:g}"
    if over is not None:
        return f", above {over:g}"
    return "" if low is None else f", at least {low:g}"


def _prose(text: str | None) -> str:
    return " ".join((text or "").split())


# --- commands ----------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any]]:
    """Every command with its full name, in the order of ``causeway --help``."""
    yield from _commands_below("", typer.main.get_command(app))


def _commands_below(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in group.commands.items():
        full = f"{prefix} {name}".strip()
        if hasattr(command, "commands"):
            if command.invoke_without_command:
                yield full, command
            yield from _commands_below(full, command)
        else:
            yield full, command


def commands_page() -> str:
    whole = typer.main.get_command(app)
    parts = [
        _HEAD,
        "# Commands\n",
        _COMMANDS_HEAD,
        "General options, before or after the command:\n",
        "| option | default | |\n|---|---|---|",
        *(_option_row(option) for option in whole.params if _is_ours(option)),
        "",
    ]
    for name, command in commands():
        parts.append(f"## causeway {name}\n")
        parts.append(f"```\n{_usage(name, command)}\n```\n")
        parts.append(f"{_prose(command.help)}\n")
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        options = [one for one in command.params if one.param_type_name == "option"]
        if arguments:
            parts.append("| argument | |\n|---|---|")
            parts += [f"| `{_metavar(one)}` | {_prose(one.help)} |" for one in arguments]
            parts.append("")
        if options:
            parts.append("| option | default | |\n|---|---|---|")
            parts += [_option_row(one) for one in options]
            parts.append("")
        if name in BY_COMMAND:
            view = BY_COMMAND[name]
            parts.append(f"`--json` prints [{view.__name__}](#{view.__name__.lower()}).\n")
    parts.append("# What `--json` prints\n")
    for view in _views():
        parts.append(f"## {view.__name__}\n")
        parts.append(f"{_prose(view.__doc__)}\n")
        parts.append("| field | type | |\n|---|---|---|")
        parts += [
            f"| `{name}` | {_type(field.annotation)} | {_prose(field.description)} |"
            for name, field in view.model_fields.items()
        ]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _is_ours(option: Any) -> bool:
    return not any("completion" in name for name in option.opts)


def _usage(name: str, command: Any) -> str:
    words = [f"causeway {name}"]
    for one in command.params:
        if one.param_type_name == "argument":
            words.append(_metavar(one))
        elif one.required:
            words.append(f"{one.opts[0]} {one.metavar}")
    if any(one.param_type_name == "option" and not one.required for one in command.params):
        words.append("[OPTIONS]")
    return " ".join(words)


def _metavar(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _option_row(option: Any) -> str:
    names = ", ".join(f"`{name}`" for name in option.opts)
    takes = "" if option.is_flag else f" `{option.metavar or 'NUMBER'}`"
    if option.required:
        default = "**required**"
    elif option.is_flag or option.default in (None, ""):
        default = ""
    else:
        default = f"`{option.default}`"
    return f"| {names}{takes} | {default} | {_prose(option.help)} |"


def _views() -> Iterator[type[BaseModel]]:
    """Each view once, and after it the views inside it that were not shown yet."""
    seen: set[type[BaseModel]] = set()

    def walk(view: type[BaseModel]) -> Iterator[type[BaseModel]]:
        if view in seen:
            return
        seen.add(view)
        yield view
        for field in view.model_fields.values():
            for inner in _inner_views(field.annotation):
                yield from walk(inner)

    for view in BY_COMMAND.values():
        yield from walk(view)


def _inner_views(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in typing.get_args(annotation):
        yield from _inner_views(inner)


def _type(annotation: Any) -> str:
    if annotation is object:
        return "anything"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is list:
        return f"list of {_type(inner[0])}"
    if origin is dict:
        return f"object of {_type(inner[1])}"
    if origin in (types.UnionType, typing.Union):
        return " or ".join("null" if one is type(None) else _type(one) for one in inner)
    names = {str: "text", int: "integer", float: "number", bool: "true or false"}
    return names.get(annotation, str(annotation))


# --- exit statuses -----------------------------------------------------------------------------


def exit_statuses_page() -> str:
    return "\n".join(
        [
            _HEAD,
            "# Exit statuses\n",
            (
                "Every command ends with one of these. In error it says one sentence on standard "
                "error, and below it, where there is one, a hint on what to do.\n"
            ),
            "| status | meaning | for example |\n|---|---|---|",
            *(f"| {one.status} | {one.meaning} | {one.example} |" for one in EXIT_STATUSES),
            "",
        ]
    )


# --- log lines ---------------------------------------------------------------------------------


def logs_page() -> str:
    return "\n".join(
        [
            _HEAD,
            "# Log lines\n",
            _LOGS_HEAD,
            "| field | holds | |\n|---|---|---|",
            *(
                f"| `{name}` | {field.kind.value} | {field.meaning} |"
                for name, field in sorted(FIELDS.items())
            ),
            "",
        ]
    )


# --- confidentiality ----------------------------------------------------------------------------

_CONFIDENTIALITY_HEAD = """\
What each shipped profile does to each attribute, in the form of PS3.2: the rows of PS3.15 table
E.1-1, and those that are protected beyond it (marked `+`). The letters are those of table E.1-1a
where it has one; others are the [actions of
profiles](deidentification-profiles.md#overrides). `causeway profile show` says the same of any
profile, and who says so.
"""


def confidentiality_page() -> str:
    from causeway.deidentify.profile import SHIPPED, compile_profile, load_profile
    from causeway.deidentify.profile.listing import words
    from causeway.deidentify.profile.selectors import ByMask
    from causeway.deidentify.standard import edition, rows
    from causeway.deidentify.standard.table import BASIC

    plans = [compile_profile(load_profile(name)) for name in SHIPPED]
    names = " | ".join(f"`{name}`" for name in SHIPPED)
    lines = [
        _HEAD,
        "# Attributes by profile\n",
        f"{_CONFIDENTIALITY_HEAD}\nThe table is that of {edition()}.\n",
        f"| attribute | tag | {names} |\n|---|---|{'---|' * len(SHIPPED)}",
    ]
    for row in sorted(rows(), key=lambda each: each.value):
        mark = "" if row.origin == BASIC else " +"
        if row.is_repeating:
            tag = str(ByMask(row.mask, row.value))
            found = [
                next(
                    rule
                    for mask, value, rule in plan.by_mask
                    if (mask, value) == (row.mask, row.value)
                )
                for plan in plans
            ]
        else:
            tag = f"({row.value >> 16:04X},{row.value & 0xFFFF:04X})"
            found = [plan.by_tag[row.value] for plan in plans]
        actions = " | ".join(words(rule) for rule in found)
        lines.append(f"| {row.name}{mark} | {tag} | {actions} |")
    lines += [
        "| all private attributes but those listed as safe | | "
        + " | ".join(words(plan.other_private) for plan in plans)
        + " |",
        "| standard attributes that PS3.6 does not list | | "
        + " | ".join(words(plan.unknown) for plan in plans)
        + " |",
    ]
    return "\n".join(lines) + "\n"


PAGES = {
    "confidentiality.md": confidentiality_page,
    "settings.md": settings_page,
    "commands.md": commands_page,
    "exit-statuses.md": exit_statuses_page,
    "logs.md": logs_page,
}


def stale() -> list[str]:
    """Names of the pages that are not what the code says."""
    return [
        name
        for name, make in PAGES.items()
        if not (REFERENCE / name).exists()
        or (REFERENCE / name).read_text(encoding="utf-8") != make()
    ]


def main() -> int:
    if "--check" in sys.argv[1:]:
        for name in stale():
            print(f"docs/reference/{name} is stale: run `python docs/generate.py`")  # noqa: T201
        return 1 if stale() else 0
    for name, make in PAGES.items():
        (REFERENCE / name).write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
