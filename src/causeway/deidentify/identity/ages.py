"""Ages: over 89 years they single people out, so they become 90 (45 CFR 164.514(b)(2)(i)(C))."""

from __future__ import annotations

import re
from typing import Final

from causeway.deidentify.identity.dates import read_date

OLDEST: Final = 89
OVER: Final = "090Y"

_AGE: Final = re.compile(r"([0-9]{1,3})([DWMY])")
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.4375, "Y": 365.25}


def capped_age(text: str) -> str:
    """An AS as it is, ``090Y`` if it is over 89 years; what is no age is not kept."""
    found = _AGE.fullmatch(text.strip().upper())
    if found is None:
        return ""
    return OVER if years_of(text) > OLDEST else f"{int(found[1]):03}{found[2]}"


def years_of(text: str) -> float:
    """Years of an AS; 0 if it cannot be read. ``089Y`` is up to the 90th birthday."""
    found = _AGE.fullmatch(text.strip().upper())
    if found is None:
        return 0.0
    if found[2] == "Y":
        return float(found[1])
    return int(found[1]) * _DAYS[found[2]] / _DAYS["Y"]


def is_over(age: str, birth_date: str, at: str) -> bool:
    """Whether a patient is over 89, by Patient's Age or by birth date at a date (DA)."""
    if age and years_of(age) > OLDEST:
        return True
    born, then = read_date(birth_date), read_date(at)
    if born is None or then is None:
        return False
    years = then.year - born.year - ((then.month, then.day) < (born.month, born.day))
    return years > OLDEST
