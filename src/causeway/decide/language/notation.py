r"""From the notation of patterns to regular expressions.

Between its captures, a pattern is written as people write file names: ``*`` is any run without a
slash, ``**/`` any depth of folders, ``.`` and ``^`` are themselves, ``[...]`` may be left out. The
rest is as in a regular expression. All repeats take as little as they can, so that
``{subject}_{session}`` ends the subject at the first underscore.
"""

from __future__ import annotations

import re
from typing import Final

from causeway.decide.bounded import PatternError
from causeway.decide.language.parts import class_end, until

# A UID (PS3.5 chapter 9) of five components or more, as storage names files: MR.1.2.840.…
UID: Final = r"(?:[a-z]{2,8}\.)?(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*)){4,}"
UID_TOKEN: Final = r"\uid"  # noqa: S105


def simple(text: str, *, caret: bool = True) -> str:
    """The expression for text between captures. Brackets may close what another part opened.

    ``caret`` is False where ``^`` means the start, as in filters.
    """
    made: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if text.startswith(UID_TOKEN, at):
            made.append(UID)
            at += len(UID_TOKEN)
            continue
        if character == "\\":
            made.append(escape(text, at))
            at += 2
            continue
        if text.startswith("**/", at):
            made.append(".*?")
            at += 2
        elif character == "*":
            made.append("[^/]*?")
            at += _said_lazy(text, at)
        elif character == "+":
            made.append("+?")
            at += _said_lazy(text, at)
        elif character == "[":
            made.append("(?:")
        elif character == "]":
            made.append(")?")
        elif character == "." or (character == "^" and caret):
            made.append(f"\\{character}")
        else:
            made.append(character)
        at += 1
    return "".join(made)


def lazy(text: str) -> str:
    """A regular expression whose repeats take as little as they can; with UIDs by their token."""
    made: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if text.startswith(UID_TOKEN, at):
            made.append(UID)
            at += len(UID_TOKEN)
        elif character == "\\":
            made.append(escape(text, at))
            at += 2
        elif character == "[":
            made.append(text[at : class_end(text, at)])
            at = class_end(text, at)
        elif character in "*+" and text[at + 1 : at + 2] not in ("?", "+", "*", "{"):
            made.append(f"{character}?")
            at += 1
        else:
            made.append(character)
            at += 1
    return "".join(made)


def escape(text: str, at: int) -> str:
    """What a backslash and the next character mean to RE2; it knows none before other letters."""
    escaped = text[at + 1 : at + 2]
    if not escaped:
        raise PatternError("a backslash at the end escapes nothing", at, hint=r"a backslash is \\")
    return f"\\{escaped}" if escaped.isascii() else re.escape(escaped)


def check_brackets(literals: list[tuple[str, int]]) -> None:
    """Raises ``PatternError`` unless each ``[`` has its ``]``, over all parts of a pattern."""
    opened: list[int] = []
    for text, start in literals:
        at = until(text, "[]")
        while at < len(text):
            if text[at] == "[":
                opened.append(start + at)
            elif not opened:
                raise PatternError(
                    "a ] that closes nothing", start + at, hint=r"one that is meant is \]"
                )
            else:
                opened.pop()
            at = until(text, "[]", at + 1)
    if opened:
        raise PatternError("a [ that is not closed", opened[-1], hint=r"one that is meant is \[")


def _said_lazy(text: str, at: int) -> int:
    """One more character to pass over where somebody has written ``*?``."""
    return int(text[at + 1 : at + 2] == "?")
