"""Dates moved by whole days, the same number for everything of a patient.

Whole days, so that times, and with them the intervals within a day and over midnight, stay true;
whole weeks by default, so that weekdays do. Always into the past, so that nothing lies in the
future. What cannot be read as a date is not guessed at: the answer is None.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from causeway.deidentify.identity.keys import ProjectKey

# DA: YYYYMMDD, or YYYY.MM.DD of ACR-NEMA (PS3.5 table 6.2-1).
_DATE: Final = re.compile(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})")
# DT: YYYY[MM[DD[HH[MM[SS[.F{1,6}]]]]]][&ZZXX]; missing components from the right.
_DATE_TIME: Final = re.compile(
    r"(?P<year>[0-9]{4})(?:(?P<month>[0-9]{2})(?:(?P<day>[0-9]{2})(?P<time>(?:[01][0-9]|2[0-3])"
    r"(?:[0-5][0-9](?:(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?)?)?)?"
    r"(?P<zone>[+-](?:0[0-9]|1[0-4])[0-5][0-9])?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftRules:
    """How far a patient's dates may be moved."""

    most_days: int = 3650
    multiple_of: int = 7

    def __post_init__(self) -> None:
        if not 1 <= self.multiple_of <= self.most_days:
            raise ValueError("a shift of at least one multiple must fit")


def shift_days(key: ProjectKey, patient: str, rules: ShiftRules) -> int:
    """By how many days a patient's dates are moved; negative, at least one multiple."""
    steps = rules.most_days // rules.multiple_of
    number = int.from_bytes(key.keyed("date", patient)[:8], "big")
    return -rules.multiple_of * (1 + number % steps)


def read_date(text: str) -> dt.date | None:
    """A single DA; None if it cannot be read."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return dt.date(int(found[1]), int(found[3]), int(found[4]))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def shifted_date(text: str, days: int) -> str | None:
    """A DA, or a range of them, moved; in the notation that it had."""
    return _shifted(text.strip(), days, _one_date)


@lru_cache(maxsize=4096)
def shifted_date_time(text: str, days: int) -> str | None:
    """A DT, or a range of them, moved, with the precision that it had.

    Of a year or a month alone the first day is moved, so that it stays close to what it was.
    """
    return _shifted(text.strip(), days, _one_date_time)


def _shifted(text: str, days: int, one: Callable[[str, int], str | None]) -> str | None:
    """One value; else a range, ``from-``, ``-to`` or ``from-to``, if it can be read in one way.

    A hyphen may also begin an offset from UTC.
    """
    if (single := one(text, days)) is not None:
        return single
    ranges = {
        f"{first}-{last}"
        for at, each in enumerate(text)
        if each == "-"
        and len(text) > 1
        and (first := one(text[:at], days) if at else "") is not None
        and (last := one(text[at + 1 :], days) if at + 1 < len(text) else "") is not None
    }
    return ranges.pop() if len(ranges) == 1 else None


def _one_date(text: str, days: int) -> str | None:
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    moved = _moved(found[1], found[3], found[4], days)
    return moved and found[2].join((moved[:4], moved[4:6], moved[6:]))


def _one_date_time(text: str, days: int) -> str | None:
    found = _DATE_TIME.fullmatch(text)
    if found is None:
        return None
    month, day = found["month"], found["day"]
    moved = _moved(found["year"], month or "01", day or "01", days)
    if moved is None:
        return None
    kept = 8 if day else 6 if month else 4
    return moved[:kept] + (found["time"] or "") + (found["zone"] or "")


@lru_cache(maxsize=4096)
def _moved(year: str, month: str, day: str, days: int) -> str | None:
    try:
        date = dt.date(int(year), int(month), int(day)) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{date.year:04}{date.month:02}{date.day:02}"
