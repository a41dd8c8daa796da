r"""The texts of templates and patterns, cut at their braces.

Both are literal text with blocks in braces. A backslash before any character takes its meaning
away; braces inside a block, as of ``\d{3}``, come in pairs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from causeway.decide.bounded import PatternError

TEXT_CHARACTERS: Final = 1000
"""Of a template or a pattern."""


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of literal text, or what stands between two braces."""

    text: str
    at: int
    """Index in the whole text of its first character."""
    is_block: bool


def parts_of(text: str, *, what: str) -> tuple[Part, ...]:
    """The parts; a text without braces is one block.

    Raises ``PatternError`` for braces that do not match, or nothing at all.
    """
    if not text.strip():
        raise PatternError(f"the {what} is empty")
    if len(text) > TEXT_CHARACTERS:
        raise PatternError(f"the {what} is longer than {TEXT_CHARACTERS} characters")
    if not has_blocks(text):
        return (Part(text, 0, is_block=True),)
    parts: list[Part] = []
    depth, start, at = 0, 0, 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            at += 1
        elif character == "{":
            if depth == 0:
                parts.append(Part(text[start:at], start, is_block=False))
                start = at + 1
            depth += 1
        elif character == "}":
            if depth == 0:
                raise PatternError("a } that closes nothing", at, hint=r"one that is meant is \}")
            depth -= 1
            if depth == 0:
                if start == at:
                    raise PatternError("nothing stands between { and }", at)
                parts.append(Part(text[start:at], start, is_block=True))
                start = at + 1
        at += 1
    if depth:
        raise PatternError("a { that is not closed", start - 1, hint=r"one that is meant is \{")
    parts.append(Part(text[start:], start, is_block=False))
    return tuple(part for part in parts if part.text or part.is_block)


def has_blocks(text: str) -> bool:
    """Whether there is a brace that no backslash stands before."""
    return re.search(r"(?:^|[^\\])(?:\\\\)*[{}]", text) is not None


def until(text: str, ends: str, start: int = 0, *, classes: bool = False) -> int:
    """Index of the first of ``ends`` that no backslash stands before; the length if there is none.

    With ``classes``, what stands in brackets is passed over, as in ``[^/]``.
    """
    at = start
    while at < len(text):
        if text[at] == "\\":
            at += 2
        elif classes and text[at] == "[":
            at = class_end(text, at)
        elif text[at] in ends:
            return at
        else:
            at += 1
    return len(text)


def class_end(text: str, start: int) -> int:
    """Behind the bracket that closes a class; one that comes first in it is of the class."""
    at = start + 1
    at += text[at : at + 1] == "^"
    at += text[at : at + 1] == "]"
    while at < len(text) and text[at] != "]":
        if text.startswith("[:", at) and (end := text.find(":]", at)) > 0:
            at = end + 2
        else:
            at += 2 if text[at] == "\\" else 1
    return min(at + 1, len(text))


def unescaped(text: str) -> str:
    """Without the backslash before each character that it stands before."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)
