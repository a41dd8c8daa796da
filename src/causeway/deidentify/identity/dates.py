"""Dates moved by whole days, the same number for everything of a patient.

Whole days, so that times, and with them the intervals within a day and over midnight, stay true;
whole weeks by default, so that weekdays do. Always into the past, so that nothing lies in the
future. What cannot be read as a date is not guessed at: the answer is None.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from typing import Final

from causeway.deidentify.identity.keys import ProjectKey

# DA: YYYYMMDD, or YYYY.MM.DD of ACR-NEMA (PS3.5 table 6.2-1).
_DATE: Final = re.compile(r"([0-9]{4})(\.?)([0-9]{2})\2([0-9]{2})")
# DT: YYYY[MM[DD[HH[MM[SS[.F{1,6}]]]]]][&ZZXX]; missing components from the right.
_DATE_TIME: Final = re.compile(
    r"([0-9]{4})([0-9]{2})?(?(2)([0-9]{2})?)(?(3)([0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:\.[0-9]{1,6})?)?)?)?)"
    r"([+-][0-9]{4})?"
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


def shifted_date(text: str, days: int) -> str | None:
    """A DA, moved; in the notation that it had."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    moved = _moved(found[1], found[3], found[4], days)
    return moved and found[2].join((moved[:4], moved[4:6], moved[6:]))


def shifted_date_time(text: str, days: int) -> str | None:
    """A DT, moved, with the precision that it had.

    Of a year or a month alone the first day is moved, so that it stays close to what it was.
    """
    found = _DATE_TIME.fullmatch(text.strip())
    if found is None:
        return None
    year, month, day, time, zone = found.groups()
    moved = _moved(year, month or "01", day or "01", days)
    if moved is None:
        return None
    kept = 8 if day else 6 if month else 4
    return moved[:kept] + (time or "") + (zone or "")


def _moved(year: str, month: str, day: str, days: int) -> str | None:
    try:
        date = dt.date(int(year), int(month), int(day)) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{date.year:04}{date.month:02}{date.day:02}"
