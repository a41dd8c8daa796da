"""People as a header tells of them: names, sex, age, weight.

What cannot be read is left out and never guessed. The header's own text is kept beside (``Field``).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass, field
from typing import Final

SECONDS_PER_DAY: Final = 86_400

_AGE: Final = re.compile(r"([0-9]{1,6})\s*([DWMY]?)", re.IGNORECASE)
_DAYS: Final = {"D": 1.0, "W": 7.0, "M": 30.0, "Y": 365.25, "": 365.25}

_NUMBER: Final = re.compile(r"\+?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")

_SEXES: Final = {"m": "male", "f": "female", "o": "other"}
_SEX_WORDS: Final = frozenset({"male", "female", "other", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A person's name; either part may be empty."""

    first: str = field(repr=False)
    last: str = field(repr=False)


def name_of(text: str) -> Name:
    """A name by the components of PN, or of a text without them.

    The first component group that has something counts: alphabetic, ideographic, phonetic (PS3.5
    6.2.1). With carets the family name is the last name, given and middle names the first; prefix
    and suffix are no part of either. Without, the last word is the last name; what stands
    before a comma is, if there is one.
    """
    written = next((group for group in text.split("=") if group.strip(" ^")), "")
    if "^" in written:
        # One that begins with its caret is of somebody without a family name.
        family, given, middle = (*written.split("^"), "", "")[:3]
        return Name(first=_cased(f"{given} {middle}"), last=_cased(family))
    if "," in written:
        family, _, given = written.partition(",")
        return Name(first=_cased(given), last=_cased(family))
    given, _, family = " ".join(written.split()).rpartition(" ")
    return Name(first=_cased(given), last=_cased(family))


def _cased(text: str) -> str:
    """In title case, unless somebody has taken care of it (``McDonald``, ``van Dyck``)."""
    text = " ".join(text.split())
    return text.title() if text.isupper() or text.islower() else text


def full_name(text: str) -> str:
    """``First Last``."""
    name = name_of(text)
    return f"{name.first} {name.last}".strip()


def sex_of(text: str) -> str:
    """``male``, ``female``, ``other`` or ``unknown``; empty for anything else."""
    said = text.strip().lower()
    return _SEXES.get(said, said if said in _SEX_WORDS else "")


def age_of(text: str) -> int | None:
    """An age (AS) in seconds; digits without unit are years."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        return None
    return int(int(found[1]) * _DAYS[found[2].upper()] * SECONDS_PER_DAY)


def age_at(birth: dt.date, day: dt.date) -> int | None:
    """Seconds between two days; None for somebody not yet born."""
    days = (day - birth).days
    return days * SECONDS_PER_DAY if days >= 0 else None


def weight_of(text: str) -> float | None:
    """Kilograms (DS); None for less than nothing."""
    if not _NUMBER.fullmatch(text.strip()):
        return None
    weight = float(text.strip())
    return weight if math.isfinite(weight) else None
