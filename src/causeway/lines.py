"""Which line of a TOML file says what.

``tomllib`` tells values but not their places, and "port is wrong" without a line is half a message
in a file with four listeners. This scanner walks the same text and notes the line of each key,
table header and array element. It leans on ``tomllib`` having accepted the text, so it decides
nothing about validity; it only has to find the end of each value.

A path is what pydantic gives as an error's location: ``("listener", 1, "tls", "key")``.
"""

from __future__ import annotations

import bisect
import tomllib
from collections.abc import Sequence

Path = tuple[str | int, ...]


class Lines:
    """Lines by path; a path that is not in the file has the line of what it would stand in."""

    def __init__(self, found: dict[Path, int]) -> None:
        self._found = found

    def of(self, path: Sequence[str | int]) -> int:
        path = tuple(path)
        while path:
            line = self._found.get(path)
            if line is not None:
                return line
            path = path[:-1]
        return 1

    def exact(self, path: Sequence[str | int]) -> int | None:
        """The line that says it, or None if no line does."""
        return self._found.get(tuple(path))

    def paths(self) -> frozenset[Path]:
        return frozenset(self._found)


def scan(text: str) -> Lines:
    """Lines of a text that ``tomllib`` accepts."""
    return Lines(_Scanner(text.replace("\r\n", "\n")).document())


_BLANK = " \t"
_VOID = " \t\n"
_BARE_END = ",]}#\n"


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.elements: dict[Path, int] = {}  # how many [[tables]] of a name there are so far
        self.line_ends = [index for index, char in enumerate(text) if char == "\n"]

    # --- the document ---

    def document(self) -> dict[Path, int]:
        table: Path = ()
        while True:
            self._skip_void()
            if self.at >= len(self.text):
                return self.found
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._entry(table)

    def _header(self) -> Path:
        many = self.text.startswith("[[", self.at)
        line = self._line()
        self.at += 2 if many else 1
        keys = self._key()
        self.at = self.text.index("]", self.at) + (2 if many else 1)
        path: Path = ()
        for position, key in enumerate(keys):
            path = (*path, key)
            last = position == len(keys) - 1
            if last and many:
                index = self.elements.get(path, 0)
                self.elements[path] = index + 1
                self.found.setdefault(path, line)
                path = (*path, index)
            elif path in self.elements:  # a table below the latest element of an array
                path = (*path, self.elements[path] - 1)
            self.found.setdefault(path, line)
        return path

    def _entry(self, table: Path) -> None:
        line = self._line()
        path = table
        for key in self._key():
            path = (*path, key)
            self.found.setdefault(path, line)
        self.at = self.text.index("=", self.at) + 1
        self._value(path)

    # --- keys ---

    def _key(self) -> list[str]:
        """A key with its dots; stops before what follows it."""
        parts = []
        while True:
            self._skip(_BLANK)
            if self.text[self.at] in "\"'":
                start = self.at
                self._string()
                parts.append(str(tomllib.loads(f"k = {self.text[start : self.at]}")["k"]))
            else:
                start = self.at
                while self.text[self.at].isalnum() or self.text[self.at] in "-_":
                    self.at += 1
                parts.append(self.text[start : self.at])
            self._skip(_BLANK)
            if self.at >= len(self.text) or self.text[self.at] != ".":
                return parts
            self.at += 1

    # --- values ---

    def _value(self, path: Path) -> None:
        self._skip(_BLANK)
        match self.text[self.at]:
            case '"' | "'":
                self._string()
            case "[":
                self._array(path)
            case "{":
                self._inline_table(path)
            case _:
                while self.at < len(self.text) and self.text[self.at] not in _BARE_END:
                    self.at += 1

    def _array(self, path: Path) -> None:
        self.at += 1
        index = 0
        while True:
            self._skip_void()
            if self.text[self.at] == "]":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self.found[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1

    def _inline_table(self, path: Path) -> None:
        self.at += 1
        while True:
            self._skip_void()
            if self.text[self.at] == "}":
                self.at += 1
                return
            if self.text[self.at] == ",":
                self.at += 1
                continue
            self._entry(path)

    def _string(self) -> None:
        quote = self.text[self.at]
        if self.text.startswith(quote * 3, self.at):
            self.at += 3
            while not self.text.startswith(quote * 3, self.at):
                self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
            self.at += 3
            # Up to two quotes may stand directly before the closing three.
            while self.text.startswith(quote, self.at):
                self.at += 1
            return
        self.at += 1
        while self.text[self.at] != quote:
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += 1

    # --- places ---

    def _skip(self, characters: str) -> None:
        while self.at < len(self.text) and self.text[self.at] in characters:
            self.at += 1

    def _skip_void(self) -> None:
        """Blanks, line ends and comments."""
        while True:
            self._skip(_VOID)
            if self.at >= len(self.text) or self.text[self.at] != "#":
                return
            end = self.text.find("\n", self.at)
            self.at = len(self.text) if end < 0 else end

    def _line(self) -> int:
        return bisect.bisect_left(self.line_ends, self.at) + 1
