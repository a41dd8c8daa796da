"""Hours: whether it is open now, and if not, when it will be.

A schedule is a week of windows on the clock on the wall of a time zone. It is open whenever that
clock shows a time inside a window. Of clocks that are changed it follows that a window which would
begin in the hour that is left out begins with the change, and that in the hour that comes twice a
window is open twice.

Between two changes of the clock, wall time runs as UTC does, so that the time is cut into pieces of
one offset, and in each piece the answer is arithmetic in seconds of the week.
"""

from __future__ import annotations

import datetime as dt
import difflib
import math
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from causeway.errors import ConfigurationError

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
DAY_SECONDS: Final = 86_400
_WEEK_SECONDS: Final = 7 * DAY_SECONDS
_MONDAY: Final = 3 * DAY_SECONDS
"""The first of January 1970 was a Thursday: seconds since its Monday."""

_STEP_SECONDS: Final = 3 * 3600
"""How far apart offsets are compared. Two changes of a clock are never closer than days."""
_HORIZON_STEPS: Final = 8 * _WEEK_SECONDS // _STEP_SECONDS
"""Eight weeks. Any window comes once in two: a change takes it away in one week at most."""

_FULL_NAMES: Final = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
_TIME: Final = re.compile(r"([0-9]{1,2}):([0-9]{2})")
_HOURS: Final = re.compile(r"(\S+)\s*-\s*(\S+)")
_WINDOW: Final = re.compile(r"(?P<days>[^0-9:]*?)\s*(?P<hours>[0-9].*)?")
_EXAMPLE: Final = 'for example "Mon-Fri 18:00-06:00"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A week of windows in a time zone."""

    windows: tuple[str, ...]
    """As they were written."""
    zone: dt.tzinfo
    spans: tuple[tuple[int, int], ...]
    """From and to, in seconds of the week: in order, apart, none over the week's end."""

    @classmethod
    def parse(cls, windows: Sequence[str], timezone: str | dt.tzinfo) -> Schedule:
        """Windows such as ``Mon-Fri 18:00-06:00``, ``Sat,Sun`` or ``20:00-24:00``.

        Raises ``ConfigurationError``, with what would be right.
        """
        if not windows:
            raise ConfigurationError("there is no window, so that it never opens", hint=_EXAMPLE)
        zone = zone_of(timezone) if isinstance(timezone, str) else timezone
        spans = (span for window in windows for span in _window(window))
        return cls(windows=tuple(windows), zone=zone, spans=_merged(spans))

    @property
    def never_closes(self) -> bool:
        return self.spans == ((0, _WEEK_SECONDS),)


def opens_at(schedule: Schedule, now: float) -> float | None:
    """When it opens, in seconds since 1970; None if it is open now."""
    for start, end, second in _pieces(schedule.zone, math.floor(now)):
        at = start + _until_open(schedule.spans, second)
        if at < end:
            return None if at <= now else float(at)
    return float(end)  # not before then, whatever the zone does


def closes_at(schedule: Schedule, now: float) -> float | None:
    """When it closes, in seconds since 1970: ``now`` if it is closed, None if it never does."""
    if schedule.never_closes:
        return None
    for start, end, second in _pieces(schedule.zone, math.floor(now)):
        at = start + _until_closed(schedule.spans, second)
        if at < end:
            return max(float(at), now)
    return float(end)


def opened_at(schedule: Schedule, now: float, *, since: float) -> float | None:
    """When the opening of ``now`` began, or ``since`` if that was before it; None if it is closed.

    It is looked for from ``since`` on, opening by opening.
    """
    at = since
    while True:
        opens = opens_at(schedule, at)
        if opens is not None:
            if opens > now:
                return None
            at = opens
        closes = closes_at(schedule, at)
        if closes is None or closes > now:
            return at
        at = closes


# --- pieces of one offset -------------------------------------------------------------------------


def _pieces(zone: dt.tzinfo, now: int) -> Iterator[tuple[int, int, int]]:
    """Start and end in seconds since 1970, and the second of the week on the wall at the start."""
    start, offset = now, _offset(zone, now)
    for step in range(1, _HORIZON_STEPS):
        end = now + step * _STEP_SECONDS
        after = _offset(zone, end)
        change = end if after == offset else _change(zone, end - _STEP_SECONDS, end, offset)
        yield start, change, (start + offset + _MONDAY) % _WEEK_SECONDS
        if change < end:
            yield change, end, (change + after + _MONDAY) % _WEEK_SECONDS
        start, offset = end, after


def _change(zone: dt.tzinfo, before: int, after: int, offset: int) -> int:
    """The first second that has another offset; ``before`` has this one, ``after`` has not."""
    while after - before > 1:
        middle = (before + after) // 2
        if _offset(zone, middle) == offset:
            before = middle
        else:
            after = middle
    return after


def _offset(zone: dt.tzinfo, at: int) -> int:
    away = dt.datetime.fromtimestamp(at, zone).utcoffset()
    return 0 if away is None else int(away.total_seconds())


# --- the week -------------------------------------------------------------------------------------


def _until_open(spans: Sequence[tuple[int, int]], second: int) -> int:
    """Seconds from this one of the week, without changes of the clock; 0 if it is open."""
    place = bisect_right(spans, (second, _WEEK_SECONDS))
    if place and second < spans[place - 1][1]:
        return 0
    return spans[place][0] - second if place < len(spans) else spans[0][0] + _WEEK_SECONDS - second


def _until_closed(spans: Sequence[tuple[int, int]], second: int) -> int:
    place = bisect_right(spans, (second, _WEEK_SECONDS))
    if not place or second >= spans[place - 1][1]:
        return 0
    end = spans[place - 1][1]
    over = spans[0][1] if end == _WEEK_SECONDS and spans[0][0] == 0 else 0
    return end + over - second


def _merged(spans: Iterable[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    cut: list[tuple[int, int]] = []
    for start, end in spans:
        cut.append((start, min(end, _WEEK_SECONDS)))
        if end > _WEEK_SECONDS:
            cut.append((0, end - _WEEK_SECONDS))
    merged: list[tuple[int, int]] = []
    for start, end in sorted(cut):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


# --- what is written ------------------------------------------------------------------------------


def _window(text: str) -> Iterator[tuple[int, int]]:
    found = _WINDOW.fullmatch(" ".join(text.split()))
    if found is None or not (found["days"] or found["hours"]):
        raise ConfigurationError(f'"{text}" is no window', hint=_EXAMPLE)
    days = days_of(found["days"]) if found["days"] else frozenset(range(7))
    start, end = hours_of(found["hours"]) if found["hours"] else (0, DAY_SECONDS)
    length = end - start if end > start else end - start + DAY_SECONDS
    for day in sorted(days):
        yield day * DAY_SECONDS + start, day * DAY_SECONDS + start + length


def days_of(text: str) -> frozenset[int]:
    """Days of the week, Monday is 0: ``Mon``, ``Mon-Fri``, ``Fri-Mon``, ``Sat,Sun``, ``Monday``.

    Raises ``ConfigurationError`` for what is none.
    """
    days: set[int] = set()
    for part in text.split(","):
        first, dash, last = part.partition("-")
        start = _day(first)
        end = _day(last) if dash else start
        days.update((start + step) % 7 for step in range((end - start) % 7 + 1))
    return frozenset(days)


def _day(text: str) -> int:
    said = text.strip().casefold()
    for number, name in enumerate(_FULL_NAMES):
        if said in (name, name[:3]):
            return number
    raise ConfigurationError(
        f'"{text.strip()}" is no day of the week', hint=f"days are {', '.join(DAYS)}"
    )


def hours_of(text: str) -> tuple[int, int]:
    """From and to, in seconds of the day; the end is before the start over midnight.

    Raises ``ConfigurationError``; for two equal times too, which might mean all day or never.
    """
    found = _HOURS.fullmatch(text.strip())
    if found is None:
        raise ConfigurationError(f'"{text}" is no span of time', hint='for example "18:00-06:00"')
    start, end = clock_of(found[1]), clock_of(found[2], ends=True)
    if start == end % DAY_SECONDS and end != DAY_SECONDS:
        raise ConfigurationError(
            f'"{text}" begins when it ends', hint='the whole day is "00:00-24:00"'
        )
    return start, end


def clock_of(text: str, *, ends: bool = False) -> int:
    """Seconds of the day of ``HH:MM``; ``24:00`` only where something ends."""
    found = _TIME.fullmatch(text.strip())
    if found is not None:
        minutes = int(found[1]) * 60 + int(found[2])
        if int(found[2]) < 60 and (minutes < 1440 or (ends and minutes == 1440)):
            return minutes * 60
    last = "24:00" if ends else "23:59"
    raise ConfigurationError(f'"{text}" is no time of day', hint=f"00:00 to {last}")


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ``ConfigurationError`` with the nearest one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass
    by_case = {known.casefold(): known for known in available_timezones()}
    cities = {known.rpartition("/")[2].casefold(): known for known in by_case.values()}
    near = difflib.get_close_matches(name.casefold(), by_case, n=1, cutoff=0.75)
    meant = cities.get(name.casefold()) or (by_case[near[0]] if near else "")
    raise ConfigurationError(
        f'"{name}" is no time zone',
        hint=f'did you mean "{meant}"?' if meant else 'an IANA name, such as "Europe/Berlin"',
    )
