r"""Times in patterns and templates: formats of strptime, and moments as machines write them.

A format such as ``%Y%m%d_%H%M`` shapes what a capture takes, and then really parses it. Without a
format, a moment is read if it is written with its year first, as ISO 8601 and DICOM do; what order
``01/02/03`` has, nobody can tell, so that it is no moment.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from causeway.decide.bounded import PatternError
from causeway.decide.moments import in_zone, moment_text

DIRECTIVES: Final = {
    "a": r"[A-Za-z]+?",
    "A": r"[A-Za-z]+?",
    "b": r"[A-Za-z]+?",
    "B": r"[A-Za-z]+?",
    "p": r"[A-Za-z]+?",
    "w": r"[0-9]",
    "u": r"[0-9]",
    "y": r"[0-9]{2}",
    "m": r"[0-9]{2}",
    "d": r"[0-9]{2}",
    "H": r"[0-9]{2}",
    "I": r"[0-9]{2}",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
    "U": r"[0-9]{2}",
    "W": r"[0-9]{2}",
    "V": r"[0-9]{2}",
    "j": r"[0-9]{3}",
    "Y": r"[0-9]{4}",
    "G": r"[0-9]{4}",
    "f": r"[0-9]{1,6}?",
    "z": r"(?:Z|[+-][0-9]{2}:?[0-9]{2}(?::?[0-9]{2}(?:\.[0-9]{1,6}?)?)?)",
    "Z": r"[A-Z]*?",
}
"""What each directive of strptime looks like; those of the locale's own making are left out."""

_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_MOMENT: Final = re.compile(
    r"([0-9]{4})([-./]?)([0-9]{2})\2([0-9]{2})"
    r"(?:[T _-]?([0-9]{2})(?:[:. _-]?([0-9]{2})(?:[:. _-]?([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?)?"
    r"\s*(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
# TM (PS3.5 6.2).
_CLOCK: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]{1,6}))?)?)?")


def is_format(text: str) -> bool:
    """Whether a constraint is a format of strptime, and no regular expression."""
    return re.search(r"%[A-Za-z]", text) is not None


def check_format(text: str) -> None:
    """Raises ``PatternError`` for a directive that is not known."""
    for found in _DIRECTIVE.finditer(text):
        if found[1] not in DIRECTIVES and found[1] != "%":
            raise PatternError(
                f"%{found[1]} is no directive of a time", found.start(), hint="such as %Y%m%d"
            )


def shape_of(text: str) -> str:
    """The regular expression of what a format matches."""
    made, end = "", 0
    for found in _DIRECTIVE.finditer(text):
        made += re.escape(text[end : found.start()]) + DIRECTIVES.get(found[1], "%")
        end = found.end()
    return made + re.escape(text[end:])


def moment_by(text: str, form: str) -> dt.datetime | None:
    """The moment that a text says in this format; None if it is none, as the 31st of June."""
    try:
        # Whether it has a zone is what the format says.
        return dt.datetime.strptime(text, form)  # noqa: DTZ007
    except (ValueError, OverflowError):
        return None


def moment_of(text: str) -> dt.datetime | None:
    """A moment with its year first; a day without time begins at midnight."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        return None
    year, _, month, day, hour, minute, second, fraction, zone = found.groups()
    try:
        moment = dt.datetime(  # noqa: DTZ001
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            59 if second == "60" else int(second or 0),  # a leap second
            int((fraction or "")[:6].ljust(6, "0")),
        )
        return moment.replace(tzinfo=_zone(zone)) if zone else moment
    except ValueError:
        return None


def clock_of(text: str) -> dt.datetime | None:
    """A time of day (TM), on a day that means nothing."""
    found = _CLOCK.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return dt.datetime(  # noqa: DTZ001
            1900,
            1,
            1,
            int(found[1]),
            int(found[2] or 0),
            59 if found[3] == "60" else int(found[3] or 0),
            int((found[4] or "").ljust(6, "0")),
        )
    except ValueError:
        return None


def told(moment: dt.datetime, zone: dt.tzinfo) -> str:
    """On the site's clock, as ISO 8601 with milliseconds and offset."""
    said = moment.tzinfo
    return moment_text(in_zone(moment.replace(tzinfo=None), said, zone))


def _zone(text: str) -> dt.tzinfo:
    if text == "Z":
        return dt.UTC
    digits = text.replace(":", "")
    away = dt.timedelta(hours=int(digits[1:3]), minutes=int(digits[3:5]))
    return dt.timezone(-away if digits[0] == "-" else away)
