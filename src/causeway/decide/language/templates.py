r"""Templates: what makes one text of several attributes.

``{SeriesNumber:03d} - {SeriesDescription|unnamed}``, ``{PatientID/_.*$//}``, ``{StudyDate:%Y-%m}``.
A block names an attribute (``PatientID``, ``(0019,100C)``), a field that an earlier mapping has
filled (``!subject``), or what one has put aside (``@name``), then in this order what is replaced,
how it is written, and what stands for it if it is missing. A word without braces is one block.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import tag_of
from causeway.decide.bounded import Bounded, PatternError, Replacement, compile_bounded
from causeway.decide.language.fields import field_of
from causeway.decide.language.parts import Part, parts_of, unescaped, until
from causeway.decide.language.patterns import TEMPORARY
from causeway.decide.language.times import check_format, clock_of, is_format, moment_of
from causeway.dictionary import dictionary_vr
from causeway.errors import ConfigurationError

Lookup = Callable[[int], str | None]
"""The text of an attribute by its tag; None if it is absent."""

_WIDTH: Final = 255
# [[fill]align][sign][#][0][width][grouping][.precision][type] of Python's format(). Not of type c,
# a character by its number, which half of a surrogate pair can be.
_SPECIFICATION: Final = re.compile(
    r"(?:.?[<>=^])?[-+ ]?#?0?([0-9]*)[,_]?(?:\.([0-9]+))?([abd-zA-Z%]?)", re.DOTALL
)
_WHOLE: Final = frozenset("bdoxXn")
_REAL: Final = frozenset("eEfFgG%")
_WHOLE_VRS: Final = frozenset({"IS", "SL", "SS", "SV", "UL", "US", "UV"})
_REAL_VRS: Final = frozenset({"DS", "FD", "FL"})


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a template."""

    source: int | str
    """A tag, the full name of a field, or ``@name``."""
    expression: Bounded | None = None
    replacement: Replacement | None = field(default=None, repr=False, compare=False)
    form: str = ""
    default: str = ""

    def made(self, lookup: Lookup, said: Mapping[str, str]) -> str | None:
        """Its text; None if there is none, so that the mapping does not apply."""
        text = lookup(self.source) if isinstance(self.source, int) else said.get(self.source)
        if not text:
            return self.default or None
        if self.expression is not None and self.replacement is not None:
            text = self.expression.sub(self.replacement, text)
        return _formatted(text, self.form, self.source) if self.form else text


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled template; made by ``compile``. Making a text never raises."""

    text: str
    parts: tuple[str | Block, ...] = field(repr=False)

    @classmethod
    def compile(cls, text: str) -> Template:
        """Raises ``ConfigurationError`` for what is no template, or names no attribute."""
        return cls(
            text,
            tuple(
                _block(part) if part.is_block else unescaped(part.text)
                for part in parts_of(text, what="template")
            ),
        )

    @property
    def tags(self) -> frozenset[int]:
        """The attributes that it needs."""
        return frozenset(block.source for block in self._blocks if isinstance(block.source, int))

    @property
    def references(self) -> frozenset[str]:
        """Fields and ``@names`` that earlier mappings have to fill."""
        return frozenset(block.source for block in self._blocks if isinstance(block.source, str))

    @property
    def _blocks(self) -> tuple[Block, ...]:
        return tuple(part for part in self.parts if isinstance(part, Block))

    def made(self, lookup: Lookup, said: Mapping[str, str]) -> str | None:
        """The text; None if one of its sources has no value and no default."""
        texts: list[str] = []
        for part in self.parts:
            text = part if isinstance(part, str) else part.made(lookup, said)
            if text is None:
                return None
            texts.append(text)
        return "".join(texts)


# --- reading a block ------------------------------------------------------------------------------


def _block(part: Part) -> Block:
    text = part.text
    end = until(text, "/:|")
    source = _source(text[:end].strip(), part.at)
    expression, replacement, form, default = None, None, "", ""
    if text[end : end + 1] == "/":
        expression, replacement, end = _substitution(text, end + 1, part.at)
    if text[end : end + 1] == ":":
        start, end = end + 1, until(text, "|", end + 1)
        form = unescaped(text[start:end])
        _check(form, part.at + start)
    if text[end : end + 1] == "|":
        default, end = unescaped(text[end + 1 :]), len(text)
    if end < len(text):
        raise PatternError(
            "this is too much", part.at + end, hint="{Tag/expression/replacement/:format|default}"
        )
    return Block(source, expression, replacement, form, default)


def _source(name: str, at: int) -> int | str:
    bare = name.removeprefix("!")
    if TEMPORARY.fullmatch(bare):
        return bare
    try:
        return field_of(bare) if name.startswith("!") else tag_of(name)
    except ConfigurationError as error:
        raise PatternError(error.message, at, hint=error.hint) from None


def _substitution(text: str, start: int, at: int) -> tuple[Bounded, Replacement, int]:
    """The expression, what is put in its place, and where it ends; a last slash may be left out."""
    end = until(text, "/", start, classes=True)
    pattern = text[start:end]
    if end == len(text) and until(pattern, ":|") < len(pattern):
        raise PatternError(
            "the expression has no end", at + start, hint="{Tag/expression/replacement/}"
        )
    if not pattern:
        raise PatternError("there is nothing to replace", at + start)
    try:
        expression = compile_bounded(pattern)
    except PatternError as error:
        raise error.moved(at + start) from None
    opens = min(end + 1, len(text))
    end = until(text, "/:|", opens)
    written = re.sub(r"\\([/:|{}])", r"\1", text[opens:end])
    try:
        replacement = expression.replacement(written)
    except PatternError as error:
        raise error.moved(at + opens) from None
    return expression, replacement, end + (text[end : end + 1] == "/")


def _check(form: str, at: int) -> None:
    """Raises ``PatternError`` for a format that no value could have."""
    if is_format(form):
        try:
            check_format(form)
        except PatternError as error:
            raise error.moved(at) from None
        return
    found = _SPECIFICATION.fullmatch(form)
    if found is None or max(int(found[1] or 0), int(found[2] or 0)) > _WIDTH:
        raise PatternError(
            f'"{form}" is no format', at, hint="such as 03d, .20 or %Y-%m-%d; at most 255 wide"
        )
    samples: tuple[str | float, ...] = ("x", 1, 1.5)
    if not any(_format(sample, form) is not None for sample in samples):
        raise PatternError(f'"{form}" is no format', at, hint="such as 03d, .20 or %Y-%m-%d")


# --- writing a value ------------------------------------------------------------------------------


def _formatted(text: str, form: str, source: int | str) -> str | None:
    """The value in this format; None for one that does not have it, as a word in ``03d``."""
    if is_format(form):
        moment = moment_of(text) or clock_of(text)
        return None if moment is None else _strftime(moment, form)
    found = _SPECIFICATION.fullmatch(form)
    kind = found[3] if found else ""
    vr = _vr(source) if not kind else ""
    try:
        if kind in _WHOLE or (vr in _WHOLE_VRS and "." not in form):
            return _format(int(text), form)
        if kind in _REAL or vr in _WHOLE_VRS | _REAL_VRS:
            return _format(float(text), form)
    except (ValueError, OverflowError):
        return None
    return _format(text, form)


def _format(value: str | float, form: str) -> str | None:
    try:
        return format(value, form)
    except (ValueError, OverflowError):
        return None


def _strftime(moment: dt.datetime, form: str) -> str | None:
    try:
        return moment.strftime(form)
    except (ValueError, OverflowError):
        return None


def _vr(source: int | str) -> str:
    if isinstance(source, str):
        return ""
    try:
        return dictionary_vr(source)
    except KeyError:  # private, or not in PS3.6
        return ""
