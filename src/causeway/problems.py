"""What is wrong with a configuration, told so that a person can mend it at once.

A problem has the four things that its reader needs: file and line, the setting, what is wrong, and
what would be right. All of a file's problems travel together in one ``InvalidConfiguration``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from causeway.errors import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    file: str
    line: int
    setting: str
    """Where in the tree, as ``location`` writes it; empty for the file as a whole."""
    what: str
    right: str = ""

    def __str__(self) -> str:
        where = f"{self.setting}: " if self.setting else ""
        text = f"{self.file}:{self.line}: {where}{self.what}"
        return f"{text}\n    → {self.right}" if self.right else text


class InvalidConfiguration(ConfigurationError):
    """A file with problems; the message is all of them."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.setting)))
        count = len(self.problems)
        head = f"{file} has {'a problem' if count == 1 else f'{count} problems'}:"
        super().__init__("\n".join([head, *map(str, self.problems)]))


def location(path: Sequence[str | int]) -> str:
    """``("listener", 1, "tls", "key")`` as ``listener 2, tls.key``: tables are counted from one."""
    text = ""
    for position, part in enumerate(path):
        if isinstance(part, int):
            text += f" {part + 1}" if position == 1 else f"[{part + 1}]"
        elif not text:
            text = part
        else:
            text += (", " if isinstance(path[position - 1], int) else ".") + part
    return text
