"""The project's documentation as tests see it: pages, and the fenced blocks in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: ``console runnable`` has the language console and the mark runnable."""

    page: Path
    line: int
    language: str
    marks: tuple[str, ...]
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def pages() -> list[Path]:
    """Every page of the project, the README and its likes too."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *ROOT.glob("*/README.md")])


def blocks() -> Iterator[Block]:
    for page in dict.fromkeys(pages()):
        text = page.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            language, *marks = match["info"].split() or [""]
            indent = match["indent"]
            body = "".join(
                line.removeprefix(indent) for line in match["body"].splitlines(keepends=True)
            )
            yield Block(page, text.count("\n", 0, match.start()) + 1, language, tuple(marks), body)


def without_blocks(text: str) -> str:
    """Prose alone, with the same line numbers."""
    return _FENCE.sub(lambda match: "\n" * match[0].count("\n"), text)
