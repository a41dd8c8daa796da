"""How things look: times, sizes, tables, JSON.

Output goes to people and to programs. On a terminal a table fits its width, by shortening the
columns that can bear it; in a pipe nothing is shortened and nothing is coloured. Key values, those
that one would copy into the next command, are never shortened.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import typer


def when(at: float | None) -> str:
    """Local time with its zone: ``2026-11-20 21:03:12 CET``."""
    if at is None:
        return "never"
    return datetime.fromtimestamp(at).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def iso(at: float | None) -> str | None:
    """ISO 8601 in UTC, to the millisecond, for JSON."""
    if at is None:
        return None
    text = datetime.fromtimestamp(at, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def ago(seconds: float) -> str:
    """``12 s ago``, ``5 min ago``, ``3 h ago``, ``2 days ago``."""
    if seconds < 0:
        return "in the future"
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / unit)} {name} ago"
    return f"{round(seconds / 86400)} days ago"


def amount(count: float) -> str:
    """Bytes for people: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def plural(count: int, noun: str, many: str = "") -> str:
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def printable(text: str) -> str:
    """Text from a data set without what would steer the terminal."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def say(text: str = "") -> None:
    typer.echo(text)


def note(text: str) -> None:
    """For the person, not for a pipe: goes to standard error."""
    typer.echo(text, err=True)


_COLOURS = {
    "settled": "green",
    "delivered": "green",
    "verified": "green",
    "ok": "green",
    "held": "yellow",
    "warning": "yellow",
    "quarantined": "yellow",
    "denied": "yellow",
    "due": "yellow",
    "paused": "yellow",
    "trying": "yellow",
    "dead": "red",
    "failed": "red",
    "fail": "red",
    "violated": "red",
}


def paint(text: str, *, fg: str | None = None, bold: bool = False) -> str:
    """Colours, which typer takes out again where there is no terminal; see https://no-color.org."""
    return text if os.environ.get("NO_COLOR") else typer.style(text, fg=fg, bold=bold)


def state(text: str) -> str:
    """A state in its colour; typer leaves colours out where there is no terminal."""
    return paint(text, fg=_COLOURS.get(text))


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    right: bool = False
    least: int = 0
    """Width to which it may be shortened; 0 for a key value, which never is."""
    coloured: bool = False


@dataclass(slots=True)
class Table:
    columns: Sequence[Column]
    rows: list[Sequence[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append([printable(str(cell)) for cell in cells])

    def lines(self, width: int | None = None) -> list[str]:
        """The table as text; at most ``width`` columns wide if its key values allow that."""
        titles = [column.title for column in self.columns]
        widths = [
            max(columns_of(row[index]) for row in [titles, *self.rows])
            for index in range(len(self.columns))
        ]
        if width is not None:
            widths = _fit(widths, [column.least for column in self.columns], width)
        return [
            paint(self._line(titles, widths, plain=True), bold=True),
            *(self._line(row, widths) for row in self.rows),
        ]

    def _line(self, cells: Sequence[str], widths: Sequence[int], *, plain: bool = False) -> str:
        parts = []
        for cell, column, width in zip(cells, self.columns, widths, strict=True):
            text = _shorten(cell, width)
            padding = " " * (width - columns_of(text))
            shown = state(text) if column.coloured and not plain else text
            parts.append(padding + shown if column.right else shown + padding)
        return "  ".join(parts).rstrip()

    def print(self) -> None:
        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
        for line in self.lines(width):
            typer.echo(line)


def _fit(widths: list[int], least: Sequence[int], whole: int) -> list[int]:
    """Take the missing room from the widest column that can still give, one at a time."""
    widths = list(widths)
    excess = sum(widths) + 2 * (len(widths) - 1) - whole
    while excess > 0:
        giving = [i for i, width in enumerate(widths) if least[i] and width > least[i]]
        if not giving:
            break
        widest = max(giving, key=lambda i: widths[i])
        widths[widest] -= 1
        excess -= 1
    return widths


def columns_of(text: str) -> int:
    """Columns on a terminal: East Asian characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def _shorten(text: str, width: int) -> str:
    if columns_of(text) <= width:
        return text
    while text and columns_of(text) > width - 1:
        text = text[:-1]
    return text + "…"
