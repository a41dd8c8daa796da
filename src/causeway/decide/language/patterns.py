r"""Patterns: what takes the fields out of a text.

``[fw://]{group}[/{project}[/{subject}]]``, ``{subject:\d+}_{session}``,
``scan_{timestamp:%Y%m%d_%H%M%S}.*``. A pattern is compiled to one regular expression that has to
match the whole text; a word without braces captures all of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from causeway.decide.bounded import Bounded, PatternError, compile_bounded
from causeway.decide.language.fields import LABELS, field_of
from causeway.decide.language.notation import check_brackets, lazy, simple
from causeway.decide.language.parts import Part, parts_of
from causeway.decide.language.times import check_format, is_format, shape_of
from causeway.errors import ConfigurationError

_OPTIONS: Final = re.compile(r"(?<!\\)!([A-Za-z]+)$")
_COUNT: Final = re.compile(r"[0-9]{1,4}(?:,[0-9]{0,4})?")
TEMPORARY: Final = re.compile(r"@[A-Za-z_]\w{0,63}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Capture:
    """One capture of a pattern."""

    field: str
    """The full name, or ``@name`` of something that is only kept for later mappings."""
    form: str
    """The strptime format that it has to have; empty if none was given."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern; made by ``compile``. Matching never raises."""

    text: str
    captures: tuple[Capture, ...]
    expression: Bounded = field(repr=False)

    @classmethod
    def compile(cls, text: str) -> Pattern:
        """Raises ``PatternError``, with the place, for what is no pattern."""
        whole, raw, ignore_case = _options(text)
        parts = parts_of(whole, what="pattern")
        if not raw:
            check_brackets([(part.text, part.at) for part in parts if not part.is_block])
        captures: list[Capture] = []
        made = ""
        for part in parts:
            if part.is_block and _COUNT.fullmatch(part.text):  # a repeat, as of \d{3}
                made += f"{{{part.text}}}"
            elif part.is_block:
                capture, shape = _capture(part)
                made += f"(?P<{_name(len(captures))}>{shape})"
                captures.append(capture)
            else:
                made += _literal(part, raw=raw)
        if not captures:
            raise PatternError("the pattern captures nothing", hint="a field in braces: {subject}")
        return cls(text, tuple(captures), _compiled(made, ignore_case=ignore_case))

    @property
    def fields(self) -> frozenset[str]:
        """All that it may capture, ``@names`` too."""
        return frozenset(capture.field for capture in self.captures)

    def match(self, text: str) -> dict[Capture, str]:
        """What each capture took; none if the pattern does not match, or it took nothing.

        Line ends at the end of the text are no part of it.
        """
        found = self.expression.fullmatch(text.rstrip("\r\n"))
        if found is None:
            return {}
        return {
            capture: taken
            for number, capture in enumerate(self.captures)
            if (taken := found.group(_name(number)))
        }


def _options(text: str) -> tuple[str, bool, bool]:
    """The pattern without its ``!r`` and ``!i``, and whether it had them."""
    found = _OPTIONS.search(text)
    if found is None:
        return text, False, False
    if strange := set(found[1]) - {"r", "i"}:
        raise PatternError(
            f'"!{found[1]}" is no option of a pattern ({min(strange)})',
            found.start(),
            hint=r"!r, !i or !ri; an exclamation mark that is meant is \!",
        )
    return text[: found.start()], "r" in found[1], "i" in found[1]


def _capture(part: Part) -> tuple[Capture, str]:
    name, colon, constraint = part.text.partition(":")
    try:
        known = name.strip() if TEMPORARY.fullmatch(name.strip()) else field_of(name)
    except ConfigurationError as error:
        raise PatternError(error.message, part.at, hint=error.hint) from None
    start = part.at + len(name) + 1
    if colon and not constraint:
        raise PatternError("nothing stands behind the colon", start - 1)
    if not colon:
        return Capture(known, ""), "[^/]+?" if known in LABELS else ".+?"
    try:
        if is_format(constraint):
            check_format(constraint)
            return Capture(known, constraint), shape_of(constraint)
        shape = lazy(constraint)
        compile_bounded(shape)  # so that an error is of the constraint, and in it
        return Capture(known, ""), shape
    except PatternError as error:
        raise error.moved(start) from None


def _literal(part: Part, *, raw: bool) -> str:
    try:
        return lazy(part.text) if raw else simple(part.text)
    except PatternError as error:
        raise error.moved(part.at) from None


def _compiled(made: str, *, ignore_case: bool) -> Bounded:
    try:
        return compile_bounded(made, ignore_case=ignore_case)
    except PatternError as error:
        # The place is one in the expression that the pattern was made into.
        raise PatternError(error.what, hint=error.hint) from None


def _name(number: int) -> str:
    return f"causeway_{number}"
