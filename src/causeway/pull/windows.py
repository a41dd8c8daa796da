"""Windows of study dates and times: how they are asked for, and halved where a node says too much.

A window is a range of dates, open at either end, or a range of times within one day. Range matching
of dates and times is in every information model (PS3.4 C.2.2.2.5), and it is the one way of asking
in parts that every node has: there are no pages in C-FIND.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Final

DAY_SECONDS: Final = 86_400
SHORTEST_SECONDS: Final = 60
"""A node with more studies in a minute than it can list is told apart from one with many."""
EARLIEST: Final = dt.date(1900, 1, 1)
LATEST: Final = dt.date(2199, 12, 31)
"""Study dates beyond these are slips, and are found by windows that are open at that end."""


@dataclass(frozen=True, slots=True)
class Window:
    """Studies from one date to another, both included; None: open. Times only within one day."""

    first: dt.date | None = None
    last: dt.date | None = None
    from_second: int = 0
    to_second: int = DAY_SECONDS - 1

    @property
    def dates(self) -> str:
        """For StudyDate; empty matches all, those without a date too."""
        if self.first is None and self.last is None:
            return ""
        if self.first == self.last:
            return _date(self.first)
        return f"{_date(self.first)}-{_date(self.last)}"

    @property
    def times(self) -> str:
        """For StudyTime; empty where the whole day is meant."""
        if self.from_second == 0 and self.to_second == DAY_SECONDS - 1:
            return ""
        # Range matching compares as far as both go: without the fraction, a study of the last
        # second, 235959.7, would be outside.
        return f"{_time(self.from_second)}-{_time(self.to_second)}.999999"

    def excludes(self, date: str, time: str) -> bool:
        """Whether a study of that date and time has no business in it."""
        day = date if len(date) == 8 and date.isdigit() else ""
        if day and self.first is not None and day < _date(self.first):
            return True
        if day and self.last is not None and day > _date(self.last):
            return True
        if not self.times:
            return False
        # Asked for by its time, one that has none does not match.
        clock = time[:6]
        return len(clock) < 6 or not _time(self.from_second) <= clock <= _time(self.to_second)

    def halves(self, today: dt.date) -> tuple[Window, Window] | None:
        """Two windows that have all that this one has, or None if it is too short for that.

        Studies without a date are in neither half of the whole.
        """
        if self.first is not None and self.first == self.last:
            if self.to_second - self.from_second < SHORTEST_SECONDS:
                return None
            middle = (self.from_second + self.to_second) // 2
            return (
                Window(self.first, self.last, self.from_second, middle),
                Window(self.first, self.last, middle + 1, self.to_second),
            )
        last_of_first = _middle(self.first, self.last, today)
        if last_of_first is None:
            return None
        return (
            Window(self.first, last_of_first),
            Window(last_of_first + dt.timedelta(days=1), self.last),
        )


def _middle(first: dt.date | None, last: dt.date | None, today: dt.date) -> dt.date | None:
    """The last date of the first half."""
    if first is not None and last is not None:
        return first + (last - first) // 2
    if first is not None:
        # Nearly all is before tomorrow; what is dated later is a slip of somebody's clock.
        if first <= today:
            return first + (today - first) // 2
        return first if first < LATEST else None
    end = min(last or today, today) if last is None or last <= today else today
    if end <= EARLIEST:
        return None
    # An archive is as old as nobody knows: a year first, then twice as far back each time.
    age = max(1, (today - end).days)
    back = 365 if last is None else 2 * age
    return max(EARLIEST, end - dt.timedelta(days=back))


def since(first: str) -> Window:
    """All from a date on (``YYYYMMDD``), or all."""
    return Window(dt.date.fromisoformat(first) if first else None, None)


def _date(value: dt.date | None) -> str:
    return "" if value is None else f"{value:%Y%m%d}"


def _time(second: int) -> str:
    return f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
