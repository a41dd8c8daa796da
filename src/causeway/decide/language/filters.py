r"""Filters: ``Modality=MR``, ``StudyDescription=~*brain*``, ``SeriesNumber>=100``.

A field, an operator, a value; case does not matter. Include and exclude lists of them take a series
if any include filter matches (or there is none) and no exclude filter does. A field that is absent
matches no filter, not even ``!=``. Of several values one has to match, and for ``!=`` and ``!~``
all.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from causeway.attributes import Attributes, tag_of
from causeway.decide.bounded import Bounded, PatternError, compile_bounded
from causeway.decide.language.notation import check_brackets, simple
from causeway.dictionary import dictionary_vr

CALLING: Final = "calling_aet"
CALLED: Final = "called_aet"

_WRITTEN: Final = re.compile(
    r"\s*([\w.]+|\([0-9A-Fa-f]{4}\s*,\s*[0-9A-Fa-f]{4}\))\s*(=~|!~|!=|<=|>=|==|=|<|>)(.*)",
    re.DOTALL,
)
_OPTIONS: Final = re.compile(r"(?<!\\)!([ri]{1,2})$")
_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NUMBERS: Final = frozenset(
    {"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV", "US or SS"}
)


@dataclass(frozen=True, slots=True)
class Filter:
    """A compiled filter; made by ``compile``."""

    text: str
    source: int | str
    """A tag, ``calling_aet`` or ``called_aet``."""
    operator: str
    value: str | float
    expression: Bounded | None = field(default=None, repr=False)

    @classmethod
    def compile(cls, text: str) -> Filter:
        """Raises ``ConfigurationError`` for what is no filter, or a field that is not known."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise PatternError("a filter is field, operator, value", hint="such as Modality=MR")
        name, sign, value = found[1], found[2].replace("==", "="), found[3].strip()
        source = name.lower() if name.lower() in (CALLING, CALLED) else tag_of(name)
        if "~" in sign:
            return cls(text, source, sign, value, _expression(value, found.start(3)))
        if isinstance(source, int) and _is_number(source):
            try:
                return cls(text, source, sign, float(value))
            except ValueError:
                raise PatternError(
                    f'"{name}" is a number', found.start(3), hint=f"{name}{sign}3"
                ) from None
        return cls(text, source, sign, value.lower())

    def matches(self, values: Sequence[str] | None) -> bool:
        """Whether one of the values matches; None for a field that is absent."""
        if values is None:
            return False
        tests = (self._test(value) for value in values or ("",))
        return all(tests) if self.operator.startswith("!") else any(tests)

    def _test(self, value: str) -> bool:
        if self.expression is not None:
            return (self.expression.search(value) is not None) == (self.operator == "=~")
        if isinstance(self.value, str):
            return _COMPARED[self.operator](value.lower(), self.value)
        try:
            return _COMPARED[self.operator](float(value), self.value)
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Filters:
    """Include and exclude filters."""

    include: tuple[Filter, ...] = ()
    exclude: tuple[Filter, ...] = ()

    @classmethod
    def compile(cls, include: Sequence[str] = (), exclude: Sequence[str] = ()) -> Filters:
        return cls(tuple(map(Filter.compile, include)), tuple(map(Filter.compile, exclude)))

    def match(self, attributes: Attributes, *, calling_aet: str = "", called_aet: str = "") -> bool:
        """Whether a series is taken."""

        def matches(one: Filter) -> bool:
            if isinstance(one.source, int):
                return one.matches(attributes.values.get(one.source))
            return one.matches((calling_aet if one.source == CALLING else called_aet,))

        return (not self.include or any(map(matches, self.include))) and not any(
            map(matches, self.exclude)
        )


def _expression(text: str, at: int) -> Bounded:
    """Found anywhere, in the notation of patterns; ``!r`` at the end for a regular expression."""
    options = _OPTIONS.search(text)
    pattern = text[: options.start()] if options else text
    try:
        if options is None or "r" not in options[1]:
            check_brackets([(pattern, 0)])
            pattern = simple(pattern, caret=False)
        return compile_bounded(pattern, ignore_case=True)
    except PatternError as error:
        raise error.moved(at) from None


def _is_number(tag: int) -> bool:
    try:
        return dictionary_vr(tag) in _NUMBERS
    except KeyError:  # private, or not in PS3.6
        return False
