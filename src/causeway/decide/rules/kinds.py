"""Kinds of value: how the text of an attribute is compared, by its VR in PS3.6.

Texts are compared as they stand but for case and for space around. Numbers, days, times of day and
ages have a key by which they are ordered; a value that does not read as what its VR says has none,
and nothing compares with it.
"""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from causeway.decide.moments import parsed, parsed_date_time
from causeway.decide.people import age_of
from causeway.errors import ConfigurationError
from causeway.schedule import clock_of, days_of

Key = float | str


class Kind(enum.Enum):
    """Of a value; the text names it in messages."""

    TEXT = "text"
    NUMBER = "a number"
    DATE = "a date"
    CLOCK = "a time of day"
    AGE = "an age"
    WEEKDAY = "a day of the week"
    OPEN = "text or a number"
    """Of an attribute that PS3.6 does not list: what it is compared with decides."""

    @property
    def is_ordered(self) -> bool:
        return self in (Kind.NUMBER, Kind.DATE, Kind.CLOCK, Kind.AGE)

    @property
    def example(self) -> str:
        """As it is written in a rule."""
        return _READING[self].example

    def key(self, value: str) -> Key | None:
        """Of a value of a header; None if it does not read as this kind."""
        return _READING[self].value(value)

    def written(self, text: str) -> Key | None:
        """Of a text in a rule; None if it is none of this kind. Weekdays are more than one."""
        return _READING[self].written(text)


_TEXTS: Final = "AE AT CS LO LT PN SH ST UC UI UR UT"
_NUMBERS: Final = "DS FD FL IS SL SS SV UL US UV"
_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_TEXTS.split(), Kind.TEXT),
    **dict.fromkeys(_NUMBERS.split(), Kind.NUMBER),
    "US or SS": Kind.NUMBER,
    "DA": Kind.DATE,
    "DT": Kind.DATE,
    "TM": Kind.CLOCK,
    "AS": Kind.AGE,
}


def kind_of(vr: str) -> Kind | None:
    """None for a VR whose values are not text: sequences and binary ones."""
    return _KINDS.get(vr)


# --- reading --------------------------------------------------------------------------------------

_NUMBER: Final = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_CLOCK: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(\.[0-9]*)?)?)?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8}")


def folded(text: str) -> str:
    """For comparing without regard to case."""
    return text.strip().casefold()


def _number(text: str) -> float | None:
    if not _NUMBER.fullmatch(text.strip()):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _day(text: str) -> float | None:
    """Of DA, and of the day of DT; ordinal of the day."""
    moment = parsed(text, "")
    if moment is None:
        told = parsed_date_time(text)
        moment = told[0] if told else None
    return None if moment is None else float(moment.toordinal())


def _written_day(text: str) -> float | None:
    return _day(text.replace("-", "")) if _DAY.fullmatch(text.strip()) else None


def _clock(text: str) -> float | None:
    """Seconds of the day."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in found.groups()[:3])
    if hours > 23 or minutes > 59 or seconds > 60:  # 60 is a leap second
        return None
    return hours * 3600 + minutes * 60 + seconds + float(f"0{found[4] or '.'}0")


def _written_clock(text: str) -> float | None:
    try:
        return float(clock_of(text))
    except ConfigurationError:
        return _clock(text)


def _age(text: str) -> float | None:
    """In seconds."""
    found = age_of(text)
    return None if found is None else float(found)


def _weekday(text: str) -> float | None:
    try:
        (day,) = days_of(text)
    except (ConfigurationError, ValueError):
        return None
    return float(day)


@dataclass(frozen=True, slots=True)
class _Reading:
    value: Callable[[str], Key | None]
    written: Callable[[str], Key | None]
    example: str


_READING: Final[Mapping[Kind, _Reading]] = {
    Kind.TEXT: _Reading(folded, folded, '"MR"'),
    Kind.NUMBER: _Reading(_number, _number, "3"),
    Kind.DATE: _Reading(_day, _written_day, '"2026-01-31"'),
    Kind.CLOCK: _Reading(_clock, _written_clock, '"18:00"'),
    Kind.AGE: _Reading(_age, _age, '"018Y"'),
    Kind.WEEKDAY: _Reading(_weekday, _weekday, '"Mon"'),
    Kind.OPEN: _Reading(folded, folded, '"MR"'),
}
