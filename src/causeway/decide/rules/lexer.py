"""A rule's text as tokens."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from causeway.decide.rules.errors import RuleError

TEXT_CHARACTERS: Final = 4000
"""Of a rule; about sixty conditions. Longer ones are better as several routes."""


class Sort(enum.Enum):
    """Of a token."""

    NAME = "a name"
    TAG = "a tag"
    NUMBER = "a number"
    TEXT = "a text"
    MARK = "a mark"
    END = "the end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A piece of a rule."""

    sort: Sort
    text: str
    """As it stands; of a text in quotes what is between them."""
    at: int

    def says(self, *words: str) -> bool:
        """Whether it is one of these words of the language or marks."""
        return self.sort in (Sort.NAME, Sort.MARK) and self.text.lower() in words

    @property
    def shown(self) -> str:
        """As messages name it."""
        match self.sort:
            case Sort.END:
                return "the end"
            case Sort.TEXT:
                return f'the text "{self.text}"'
            case _:
                return f'"{self.text}"'


_TOKEN: Final = re.compile(
    r"""
      (?P<space>\s+)
    | (?P<tag>\(\s*[0-9A-Fa-f]{4}\s*,\s*[0-9A-Fa-f]{4}\s*\))
    | (?P<number>[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![A-Za-z0-9_.]))
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<text>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')
    | (?P<mark>==|!=|<=|>=|[<>()\[\],])
    """,
    re.VERBOSE | re.ASCII,
)
_SORTS: Final = {
    "tag": Sort.TAG,
    "number": Sort.NUMBER,
    "name": Sort.NAME,
    "text": Sort.TEXT,
    "mark": Sort.MARK,
}
_QUOTED: Final = re.compile(r"\\(.)")

# What other languages write.
_ELSEWHERE: Final[Mapping[str, str]] = {
    "&&": "write: and",
    "&": "write: and",
    "||": "write: or",
    "|": "write: or",
    "!": "write: not, or !=",
    "=~": "write: matches",
    "=": "write: ==",
    "<>": "write: !=",
    "~": "write: matches, or like",
    "\N{LEFT DOUBLE QUOTATION MARK}": 'quotes are straight: "',
    "\N{RIGHT DOUBLE QUOTATION MARK}": 'quotes are straight: "',
    "\N{DOUBLE LOW-9 QUOTATION MARK}": 'quotes are straight: "',
    "\N{LEFT SINGLE QUOTATION MARK}": 'quotes are straight: "',
    "\N{RIGHT SINGLE QUOTATION MARK}": 'quotes are straight: "',
    "{": "lists stand in brackets: [ ]",
    ".": "only the top level of a data set is looked at, and a number begins with a digit",
}


def tokens(text: str) -> list[Token]:
    """All of them, and the end. Raises ``RuleError``."""
    if len(text) > TEXT_CHARACTERS:
        raise RuleError(
            f"the rule is longer than {TEXT_CHARACTERS} characters",
            text,
            TEXT_CHARACTERS,
            hint="make several of it, or a list with: in",
        )
    found: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or text.startswith("<>", at):
            raise _stranger(text, at)
        kind = match.lastgroup or ""
        if kind != "space":
            said = _unquoted(match[0]) if kind == "text" else match[0]
            found.append(Token(sort=_SORTS[kind], text=said, at=at))
        at = match.end()
    found.append(Token(sort=Sort.END, text="", at=len(text)))
    return found


def _unquoted(text: str) -> str:
    """A backslash stands for itself, as expressions need it, except before the quote around."""
    quote = text[0]
    return _QUOTED.sub(lambda pair: quote if pair[1] == quote else pair[0], text[1:-1])


def _stranger(text: str, at: int) -> RuleError:
    if text[at] in "\"'":
        return RuleError(
            "the text that begins here has no end", text, at, hint=f"close it: {text[at]}"
        )
    if text[at].isdigit() or (text[at] in "+-" and text[at + 1 : at + 2].isdigit()):
        word = re.match(r"[-+]?[\w.]+", text[at:])
        said = word[0] if word else text[at]
        return RuleError(
            f'"{said}" is no number',
            text,
            at,
            hint='numbers are 12 or 1.5, texts stand in quotes ("A1"), tags are (0019,100C)',
        )
    mark = next((mark for mark in _ELSEWHERE if text.startswith(mark, at)), text[at])
    return RuleError(f'"{mark}" means nothing here', text, at, hint=_ELSEWHERE.get(mark, ""))
