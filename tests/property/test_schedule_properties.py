"""Schedules against a model that looks at the wall once a minute.

The model shares nothing with the schedule: it takes each minute's wall time from the zone and looks
whether that is in a window. Zones are chosen for their changes: north and south, half an hour
(Lord Howe), at midnight (Havana puts its clocks forward from 00:00 to 01:00), and none.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from causeway.errors import ConfigurationError
from causeway.schedule import Schedule, closes_at, opened_at, opens_at

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "America/Havana",
)


@dataclass(frozen=True)
class Window:
    """As a person means it: on these days from a minute to another, maybe of the next day."""

    days: frozenset[int]
    start: int
    end: int

    @property
    def text(self) -> str:
        def clock(minute: int) -> str:
            return f"{minute // 60:02}:{minute % 60:02}"

        days = ",".join(DAYS[day] for day in sorted(self.days))
        return f"{days} {clock(self.start)}-{clock(self.end)}"

    def shows(self, weekday: int, minute: int) -> bool:
        if self.start < self.end:
            return weekday in self.days and self.start <= minute < self.end
        evening = weekday in self.days and minute >= self.start
        morning = (weekday - 1) % 7 in self.days and minute < self.end
        return evening or morning


@lru_cache
def changes(zone: str) -> tuple[int, ...]:
    """The minutes (since 1970) of 2026 at which the clock is changed: looked for one by one."""
    first = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp()) // 60
    hours = range(first, first + 366 * 1440, 60)
    found = []
    for hour in hours:
        if offset(zone, hour) != offset(zone, hour + 60):
            found += [
                minute
                for minute in range(hour + 1, hour + 61)
                if offset(zone, minute) != offset(zone, minute - 1)
            ]
    return tuple(found)


def offset(zone: str, minute: int) -> dt.timedelta | None:
    return dt.datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).utcoffset()


@lru_cache(maxsize=64)
def walls(zone: str, first: int, count: int) -> tuple[tuple[int, int], ...]:
    """Weekday and minute of the day on the wall, for each minute."""
    shown = []
    for minute in range(first, first + count):
        wall = dt.datetime.fromtimestamp(minute * 60, ZoneInfo(zone))
        shown.append((wall.weekday(), wall.hour * 60 + wall.minute))
    return tuple(shown)


BEFORE, SPAN = 2 * 1440, 12 * 1440
"""Minutes from before a change, and how many are looked at: a week of windows comes after it."""

minutes = st.one_of(st.integers(0, 1439), st.integers(0, 240), st.sampled_from([0, 90, 120, 150]))
windows = st.builds(
    Window,
    days=st.frozensets(st.integers(0, 6), min_size=1),
    start=minutes,
    end=st.one_of(minutes, st.just(1440)),
).filter(lambda window: window.start != window.end)


def test_the_zones_are_what_they_are_chosen_for():
    for zone in ZONES:
        assert len(changes(zone)) == 2
    hours = {
        zone: abs(offset(zone, changes(zone)[0]) - offset(zone, changes(zone)[0] - 1))
        for zone in ZONES
    }
    assert hours["Australia/Lord_Howe"] == dt.timedelta(minutes=30)
    # In the south, clocks go back in the first half of the year.
    assert offset("Pacific/Auckland", changes("Pacific/Auckland")[0]) == dt.timedelta(hours=12)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=60, deadline=None)
@given(
    week=st.lists(windows, min_size=1, max_size=3),
    asked=st.lists(st.integers(0, 4 * 1440), min_size=1, max_size=12),
    second=st.floats(0, 59.9),
)
@example(week=[Window(frozenset(range(7)), 120, 150)], asked=[0, 2780, 2880, 2910], second=0.0)
@example(week=[Window(frozenset(range(7)), 135, 120)], asked=[0, 2780, 2880, 2910], second=0.5)
@example(week=[Window(frozenset({6}), 0, 1440)], asked=[0, 2780, 2880, 2910], second=30.0)
def test_as_the_wall_says_minute_by_minute(
    zone: str, which: int, week: list[Window], asked: list[int], second: float
):
    first = changes(zone)[which] - BEFORE
    shown = walls(zone, first, SPAN)
    is_open = [any(window.shows(*wall) for window in week) for wall in shown]
    schedule = Schedule.parse([window.text for window in week], zone)
    for minute in asked:
        now = (first + minute) * 60 + second
        opens, closes = opens_at(schedule, now), closes_at(schedule, now)
        opened = opened_at(schedule, now, since=first * 60)
        if is_open[minute]:
            assert opens is None
            closed_before = [past for past in range(minute) if not is_open[past]]
            assert opened == (first + (closed_before[-1] + 1 if closed_before else 0)) * 60
            try:
                assert closes == (first + is_open.index(False, minute)) * 60
            except ValueError:  # longer than is looked at
                assert closes is None or closes >= (first + SPAN) * 60
        else:
            assert closes == now
            assert opened is None
            try:
                assert opens == (first + is_open.index(True, minute)) * 60
            except ValueError:
                assert opens is not None
                assert opens >= (first + SPAN) * 60


@settings(max_examples=100)
@given(
    week=st.lists(windows, min_size=1, max_size=4),
    zone=st.sampled_from([*ZONES, "UTC", "Asia/Kathmandu", "Africa/Casablanca"]),
    now=st.floats(0, 4e9),
)
def test_it_is_open_when_it_was_said_to_open(week: list[Window], zone: str, now: float):
    schedule = Schedule.parse([window.text for window in week], zone)
    opens = opens_at(schedule, now)
    if opens is not None:
        assert now < opens < now + 15 * 86400
        assert opens_at(schedule, opens) is None
        assert opens_at(schedule, opens - 1) is not None or opens - 1 < now
    at = now if opens is None else opens
    closes = closes_at(schedule, at)
    if closes is not None:
        assert at < closes
        assert opens_at(schedule, closes) is not None


@given(st.text(), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_any_text_is_a_window_or_says_why(text: str, zone: str):
    assert refused(text, zone) != ""


@given(st.text())
def test_any_text_is_a_zone_or_says_why(text: str):
    assert refused("Mon", text) != ""


def refused(window: str, zone: str) -> str | None:
    """What would be right; None for what is taken."""
    try:
        assert Schedule.parse([window], zone).spans
    except ConfigurationError as error:
        return error.hint
    return None
