"""Reads tables that people wrote, strictly: each key is taken once, and what is left over is wrong.

TOML and YAML both end up as dictionaries, lists, texts and numbers, and as lines by path, so one
reader serves both. It collects problems and goes on, so that all of a file's are told together.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from causeway.errors import ConfigurationError
from causeway.lines import Lines
from causeway.problems import Problem, location

Path = tuple[str | int, ...]


@dataclass(slots=True)
class Findings:
    """Problems of one file."""

    file: str
    lines: Lines
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: Path, what: str, right: str, *, setting: Path | None = None) -> None:
        self.problems.append(self.problem(path, what, right, setting=setting))

    def problem(self, path: Path, what: str, right: str, *, setting: Path | None = None) -> Problem:
        return Problem(
            file=self.file,
            line=self.lines.of(path),
            setting=location(path if setting is None else setting),
            what=what,
            right=right,
        )


class Reader:
    """One table."""

    def __init__(self, written: Mapping[str, Any], findings: Findings, path: Path = ()) -> None:
        self.written = written
        self.findings = findings
        self.path = path
        self._known: list[str] = []

    @property
    def line(self) -> int:
        return self.findings.lines.of(self.path)

    def wrong(self, key: str, what: str, right: str) -> None:
        self.findings.add((*self.path, key), what, right)

    def has(self, key: str) -> bool:
        return key in self.written

    def text(self, key: str, default: str = "", *, example: str = "…") -> str:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str):
            self.wrong(
                key, f"must be a text, not {kind_of(value)}", f"write a text, such as {example}"
            )
            return default
        return value

    def truth(self, key: str, default: bool) -> bool:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.wrong(key, f"must be true or false, not {kind_of(value)}", "true or false")
            return default
        return value

    def whole(self, key: str, default: int | None = None) -> int | None:
        value = self._take(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int):
            self.wrong(key, f"must be a whole number, not {kind_of(value)}", "such as -17")
            return default
        return value

    def choice(self, key: str, choices: Sequence[str], default: str) -> str:
        value = self._take(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in choices:
            self.wrong(key, f"must not be {kind_of(value)}", one_of(value, choices))
            return default
        return value

    def texts(self, key: str) -> list[tuple[str, Path]]:
        """Texts of a list, each with its path; one text alone will do as well."""
        value = self._take(key)
        if value is None:
            return []
        if isinstance(value, str):
            return [(value, (*self.path, key))]
        if not isinstance(value, list):
            self.wrong(key, f"must be a list of texts, not {kind_of(value)}", '["…", "…"]')
            return []
        found = []
        for index, each in enumerate(value):
            path = (*self.path, key, index)
            if isinstance(each, str):
                found.append((each, path))
            else:
                self.findings.add(path, f"must be a text, not {kind_of(each)}", "put it in quotes")
        return found

    def tables(self, key: str) -> list[Reader]:
        value = self._take(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(key, f"must be a list of tables, not {kind_of(value)}", "one entry for each")
            return []
        found = []
        for index, each in enumerate(value):
            path = (*self.path, key, index)
            if isinstance(each, dict):
                found.append(Reader(each, self.findings, path))
            else:
                self.findings.add(path, f"must be a table, not {kind_of(each)}", "keys and values")
        return found

    def table(self, key: str) -> Reader | None:
        value = self._take(key)
        if value is None:
            return None
        if not isinstance(value, dict):
            self.wrong(key, f"must be a table, not {kind_of(value)}", "keys and values")
            return None
        return Reader(value, self.findings, (*self.path, key))

    def raw(self, key: str) -> Any:
        """The value as it stands, of any kind; None if it is not there."""
        return self._take(key)

    def end(self) -> None:
        """Every key that nobody took is wrong."""
        for key in self.written:
            if key not in self._known:
                near = difflib.get_close_matches(key, self._known, n=1)
                right = f'did you mean "{near[0]}"?' if near else f"known: {', '.join(self._known)}"
                self.findings.add(
                    (*self.path, key), f'unknown key "{key}"', right, setting=self.path
                )

    def tell(self, key: str, error: ConfigurationError) -> None:
        """An error of a part, at the key that it stands in."""
        self.wrong(key, error.message, error.hint)

    def _take(self, key: str) -> Any:
        if key not in self._known:
            self._known.append(key)
        return self.written.get(key)


def one_of(value: object, choices: Sequence[str]) -> str:
    said = ", ".join(f'"{choice}"' for choice in choices)
    near = difflib.get_close_matches(str(value).lower().replace("-", "_"), choices, n=1)
    return f"one of {said}" + (f'; did you mean "{near[0]}"?' if near else "")


def kind_of(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case str():
            return f'the text "{value}"'
        case int() | float():
            return f"the number {value}"
        case dict():
            return "a table"
        case list():
            return "a list"
        case _:
            return "a date or time"
