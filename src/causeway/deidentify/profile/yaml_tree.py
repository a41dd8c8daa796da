"""YAML as values and lines, and nothing that YAML can do beyond that.

PyYAML reads it: Flywheel's own engine does, so that a text means the same here (``yes`` is true,
``0010`` is a number), it gives each node its line, and every distribution packages it. ruamel.yaml
would also keep comments for writing back, which nobody does here. Its constructors are not used:
no tags, no aliases, no merge keys, no key twice, each text with its own line.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

from causeway.lines import Lines, Path
from causeway.problems import InvalidConfiguration, Problem

DEPTH: Final = 30
CHARACTERS: Final = 1_000_000

_TEXT: Final = "tag:yaml.org,2002:str"
_KINDS: Final = {
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
}


class _Wrong(Exception):
    def __init__(self, mark: Any, what: str, right: str) -> None:
        super().__init__(what)
        self.mark, self.what, self.right = mark, what, right


def read_yaml(text: str, *, file: str, as_written: frozenset[str]) -> tuple[Any, Lines]:
    """The document in ``text`` and the line of each path in it.

    Scalars under a key of ``as_written`` are texts, whatever they look like: ``00100010`` is a tag
    to everybody but YAML, to which it is the number 32776. Raises ``InvalidConfiguration``.
    """
    found: dict[Path, int] = {}
    try:
        if len(text) > CHARACTERS:
            raise _Wrong(None, f"is longer than {CHARACTERS:,} characters", "a profile is short")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        value = None if node is None else _Values(found, as_written).of(node, (), "")
    except _Wrong as error:
        raise _invalid(file, error.mark, error.what, error.right) from None
    except yaml.MarkedYAMLError as error:
        what = f"this is not YAML: {error.problem or error.context or 'it cannot be read'}"
        right = (
            "keys and values are joined by a colon and a space; what belongs together is indented"
        )
        raise _invalid(file, error.problem_mark or error.context_mark, what, right) from None
    except yaml.YAMLError:
        raise _invalid(
            file, None, "this is not YAML", "it has characters that no text has"
        ) from None
    except (RecursionError, ValueError):
        raise _invalid(
            file, None, "this cannot be read", "fewer levels, and plain values"
        ) from None
    return value, Lines(found)


def _invalid(file: str, mark: Any, what: str, right: str) -> InvalidConfiguration:
    line = 1 if mark is None else mark.line + 1
    return InvalidConfiguration(
        file, [Problem(file=file, line=line, setting="", what=what, right=right)]
    )


class _Values:
    def __init__(self, found: dict[Path, int], as_written: frozenset[str]) -> None:
        self.found = found
        self.as_written = as_written
        self.seen: set[int] = set()
        self.constructor = yaml.constructor.SafeConstructor()

    def of(self, node: Any, path: Path, key: str) -> Any:
        if len(path) > DEPTH:
            raise _Wrong(node.start_mark, f"is nested more than {DEPTH} deep", "a profile is flat")
        if id(node) in self.seen:
            raise _Wrong(node.start_mark, "uses an alias", "write it out where it is meant")
        self.seen.add(id(node))
        self.found.setdefault(path, node.start_mark.line + 1)
        match node:
            case yaml.MappingNode():
                return self._mapping(node, path)
            case yaml.SequenceNode():
                return [self.of(each, (*path, at), key) for at, each in enumerate(node.value)]
        return self._scalar(node, key)

    def _mapping(self, node: Any, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == (
                "tag:yaml.org,2002:merge"
            ):
                raise _Wrong(key_node.start_mark, "is no key", "a word, such as name")
            key = str(key_node.value)
            if key in made:
                raise _Wrong(key_node.start_mark, f'says "{key}" twice', "once is enough")
            self.found[(*path, key)] = key_node.start_mark.line + 1
            made[key] = self.of(value_node, (*path, key), key)
        return made

    def _scalar(self, node: Any, key: str) -> Any:
        if node.tag == _TEXT or (key in self.as_written and node.tag in _KINDS):
            return str(node.value)
        if node.tag == "tag:yaml.org,2002:timestamp":
            return str(node.value)
        if node.tag not in _KINDS:
            raise _Wrong(node.start_mark, f"has the tag {node.tag}", "a plain value")
        return self.constructor.construct_object(node)
