"""Moments: what the header's dates and times mean on the site's clock.

A value of DICOM has a date (DA), a time (TM) or both (DT), and a zone only if it says so: in itself
(DT) or in Timezone Offset From UTC (0008,0201) for the whole object. One that says nothing is of
the connector's zone. All are told in that zone in the end, so that the sessions of a site sort.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

# DA: YYYYMMDD, or YYYY.MM.DD of ACR-NEMA. TM: HH[MM[SS[.F{1,6}]]], or HH:MM:SS (PS3.5 6.2).
_DATE: Final = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.([0-9]*))?)?)?")
# DT of at least a day: a year or a month alone dates no images.
_DATE_TIME: Final = re.compile(r"([0-9]{8})([0-9]{0,6}(?:\.[0-9]*)?)([+-][0-9]{4})?")
_OFFSET: Final = re.compile(r"([+-]?)([0-9]{2})([0-9]{2})")
_UID_MOMENT: Final = re.compile(r"\.((?:19|20)[0-9]{6})([0-9]{6})[0-9]*(?=\.|$)")

_OFFSET_HOURS_LIMIT: Final = 14  # PS3.5 6.2: -1200 to +1400


def parsed(date: str, time: str) -> dt.datetime | None:
    """A DA and a TM, without zone; a date without a time that can be read is at noon."""
    day = _day(date)
    if day is None:
        return None
    clock = _clock(time)
    return dt.datetime.combine(day, dt.time(12) if clock is None else clock)


def is_time(text: str) -> bool:
    """Whether a TM can be read: a noon that nobody has said is noon in no zone but the site's."""
    return _clock(text) is not None


def divided(text: str) -> tuple[str, str, str]:
    """A DT as DA, TM and ``&ZZXX``; all empty unless it names a day."""
    found = _DATE_TIME.fullmatch(text.strip())
    return (found[1], found[2], found[3] or "") if found else ("", "", "")


def parsed_date_time(text: str) -> tuple[dt.datetime, dt.tzinfo | None] | None:
    """A DT, and the zone that it says; None unless it names a day."""
    date, time, said = divided(text)
    moment = parsed(date, time)
    return None if moment is None else (moment, offset(said))


def offset(text: str) -> dt.tzinfo | None:
    """``&ZZXX`` of a DT or of Timezone Offset From UTC; there senders leave the sign out."""
    found = _OFFSET.fullmatch(text.strip())
    if found is None or int(found[2]) > _OFFSET_HOURS_LIMIT or int(found[3]) > 59:
        return None
    away = dt.timedelta(hours=int(found[2]), minutes=int(found[3]))
    return dt.timezone(-away if found[1] == "-" else away)


def dated_uid(uid: str) -> dt.datetime | None:
    """The moment that some scanners write into their UIDs, without zone.

    14 digits that begin a component other than the first and that are a date and a time; the last
    of several. The digits of a UID from a UUID (PS3.5 B.2) only happen to look like one.
    """
    if uid.startswith("2.25."):
        return None
    for found in reversed(list(_UID_MOMENT.finditer(uid))):
        day, clock = _day(found[1]), _clock(found[2])
        if day is not None and clock is not None:
            return dt.datetime.combine(day, clock)
    return None


def in_zone(moment: dt.datetime, said: dt.tzinfo | None, zone: dt.tzinfo) -> dt.datetime:
    """A moment without zone told in ``zone``; ``said`` is the zone that the header gave it.

    One that comes twice, when clocks go back, is the first of the two.
    """
    if said is None:
        return moment.replace(tzinfo=zone)
    try:
        return moment.replace(tzinfo=said).astimezone(zone)
    except (OverflowError, ValueError):  # at the ends of the calendar
        return moment.replace(tzinfo=said)


def moment_text(moment: dt.datetime) -> str:
    """ISO 8601 with milliseconds and offset."""
    return moment.isoformat(timespec="milliseconds")


def moment_label(moment: dt.datetime | None) -> str:
    """As a part of a name: ``2026-01-02T10-11-12``."""
    # Not strftime, which leaves out leading zeros of early years on some systems.
    return moment.isoformat(timespec="seconds")[:19].replace(":", "-") if moment else ""


def zone_name(zone: dt.tzinfo, at: dt.datetime | None = None) -> str:
    """Its IANA name; of a zone without one, what it calls itself."""
    key = getattr(zone, "key", None)
    return key if isinstance(key, str) and key else zone.tzname(at) or ""


def _day(text: str) -> dt.date | None:
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return None
    try:
        return dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None


def _clock(text: str) -> dt.time | None:
    found = _TIME.fullmatch(text.strip())
    if found is None:
        return None
    hour, minute, second = (int(part or 0) for part in found.groups()[:3])
    if hour > 23 or minute > 59 or second > 60:
        return None
    # A leap second is the last second of its minute to every clock that cannot show it.
    microsecond = int((found[4] or "")[:6].ljust(6, "0"))
    return dt.time(hour, minute, min(second, 59), microsecond)
