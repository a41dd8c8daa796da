"""Schedules, by tables: windows, days, midnight, changes of the clock, and what is refused."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from causeway.errors import ConfigurationError
from causeway.schedule import Schedule, closes_at, hours_of, opens_at

BERLIN = "Europe/Berlin"


def at(text: str, zone: str = BERLIN, *, fold: int = 0) -> float:
    """Seconds since 1970 of a time on the wall."""
    return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).timestamp()


# 2026-01-05 is a Monday.
OPENS = [
    ("Mon-Fri 18:00-06:00", "2026-01-05 17:59:59", "2026-01-05 18:00"),
    ("Mon-Fri 18:00-06:00", "2026-01-05 18:00", None),
    ("Mon-Fri 18:00-06:00", "2026-01-06 05:59:59.9", None),
    ("Mon-Fri 18:00-06:00", "2026-01-06 06:00", "2026-01-06 18:00"),
    ("Mon-Fri 18:00-06:00", "2026-01-10 05:00", None),  # Saturday, of Friday's window
    ("Mon-Fri 18:00-06:00", "2026-01-10 06:00", "2026-01-12 18:00"),
    ("Mon-Fri 18:00-06:00", "2026-01-12 03:00", "2026-01-12 18:00"),  # Sunday has none
    ("Sun 22:00-04:00", "2026-01-05 03:00", None),  # over the week's end
    ("Sun 22:00-04:00", "2026-01-05 04:00", "2026-01-11 22:00"),
    ("20:00-24:00", "2026-01-05 19:00", "2026-01-05 20:00"),
    ("20:00-24:00", "2026-01-06 00:00", "2026-01-06 20:00"),
    ("Sat,Sun 00:00-24:00", "2026-01-09 23:59", "2026-01-10 00:00"),
    ("Sat,Sun", "2026-01-11 23:59", None),
    ("Fri-Mon 12:00-13:00", "2026-01-06 12:30", "2026-01-09 12:00"),
    ("monday 6:00-7:00", "2026-01-05 06:30", None),
    ("00:00-24:00", "2026-01-05 06:30", None),
]


@pytest.mark.parametrize(("window", "now", "opens"), OPENS)
def test_when_it_opens(window: str, now: str, opens: str | None):
    schedule = Schedule.parse([window], BERLIN)
    assert opens_at(schedule, at(now)) == (None if opens is None else at(opens))


@pytest.mark.parametrize(
    ("windows", "now", "closes"),
    [
        (["Mon-Fri 18:00-06:00"], "2026-01-05 19:00", "2026-01-06 06:00"),
        (["Mon-Fri 18:00-06:00"], "2026-01-05 07:00:01.5", "2026-01-05 07:00:01.5"),
        (["Sat,Sun"], "2026-01-10 03:00", "2026-01-12 00:00"),
        (["Sat,Sun", "Mon 00:00-03:00"], "2026-01-10 03:00", "2026-01-12 03:00"),
        (["Fri 18:00-24:00", "Sat,Sun", "Fri 12:00-19:00"], "2026-01-09 13:00", "2026-01-12 00:00"),
        (["00:00-24:00"], "2026-01-10 03:00", None),
        (["00:00-12:00", "12:00-24:00"], "2026-01-10 03:00", None),
        (["Mon-Fri", "Sat", "Sun"], "2026-01-10 03:00", None),
    ],
)
def test_when_it_closes(windows: list[str], now: str, closes: str | None):
    schedule = Schedule.parse(windows, BERLIN)
    assert closes_at(schedule, at(now)) == (None if closes is None else at(closes))


def test_a_window_in_the_hour_that_is_left_out_begins_with_the_change():
    schedule = Schedule.parse(["02:30-04:00"], BERLIN)
    assert opens_at(schedule, at("2026-03-29 01:00")) == at("2026-03-29 03:00")
    assert closes_at(schedule, at("2026-03-29 03:00")) == at("2026-03-29 04:00")
    # One that is wholly in it has no time on that day.
    inside = Schedule.parse(["02:15-02:45"], BERLIN)
    assert opens_at(inside, at("2026-03-29 01:00")) == at("2026-03-30 02:15")
    weekly = Schedule.parse(["Sun 02:15-02:45"], BERLIN)
    assert opens_at(weekly, at("2026-03-23 00:00")) == at("2026-04-05 02:15")


def test_a_window_in_the_hour_that_comes_twice_is_open_twice():
    schedule = Schedule.parse(["02:30-02:45"], BERLIN)
    first, second = (at("2026-10-25 02:30", fold=fold) for fold in (0, 1))
    assert second - first == 3600
    assert opens_at(schedule, at("2026-10-25 01:00")) == first
    assert closes_at(schedule, first) == first + 900
    assert opens_at(schedule, first + 900) == second
    # It opens by the change itself, where that leads back into a window.
    back = Schedule.parse(["01:00-02:30"], BERLIN)
    assert closes_at(back, at("2026-10-25 01:00")) == first
    assert opens_at(back, first) == at("2026-10-25 02:00", fold=1)


def test_a_change_of_half_an_hour():
    schedule = Schedule.parse(["02:15-03:00"], "Australia/Lord_Howe")
    change = at("2026-10-04 01:59:59", "Australia/Lord_Howe") + 1
    assert opens_at(schedule, change - 3600) == change
    assert closes_at(schedule, change) == change + 1800


@pytest.mark.parametrize(
    ("windows", "zone", "what", "hint"),
    [
        ([], BERLIN, "no window", "Mon-Fri 18:00-06:00"),
        ([""], BERLIN, "is no window", "Mon-Fri 18:00-06:00"),
        (["  "], BERLIN, "is no window", "Mon-Fri 18:00-06:00"),
        (["Mon-Fri 18-6"], BERLIN, '"18" is no time of day', "00:00 to 23:59"),
        (["Mon 24:00-06:00"], BERLIN, '"24:00" is no time of day', "00:00 to 23:59"),
        (["Mon 18:00-24:01"], BERLIN, '"24:01" is no time of day', "00:00 to 24:00"),
        (["Mon 18:60-19:00"], BERLIN, '"18:60" is no time of day', "23:59"),
        (["Mon 18:00"], BERLIN, "no span of time", "18:00-06:00"),
        (["Mon 18:00-18:00"], BERLIN, "begins when it ends", "00:00-24:00"),
        (["00:00-00:00"], BERLIN, "begins when it ends", "00:00-24:00"),
        (["Son 18:00-19:00"], BERLIN, '"Son" is no day of the week', "Mon, Tue"),
        (["Mon-Fri,Sut"], BERLIN, '"Sut" is no day of the week', "Mon, Tue"),
        (["Mon-Fri 18:00-19:00 CET"], BERLIN, "no span of time", "18:00-06:00"),
        (["Mon"], "Europe/Berln", '"Europe/Berln" is no time zone', "Europe/Berlin"),
        (["Mon"], "berlin", '"berlin" is no time zone', "Europe/Berlin"),
        (["Mon"], "nowhere at all", "is no time zone", "IANA"),
        (["Mon"], "../../etc/passwd", "is no time zone", "IANA"),
    ],
)
def test_what_is_refused(windows: list[str], zone: str, what: str, hint: str):
    with pytest.raises(ConfigurationError) as caught:
        Schedule.parse(windows, zone)
    assert what in caught.value.message
    assert hint in caught.value.hint


def test_a_zone_may_be_given_as_one():
    schedule = Schedule.parse(["18:00-19:00"], dt.timezone(dt.timedelta(hours=-3)))
    assert opens_at(schedule, at("2026-01-05 17:00", "UTC")) == at("2026-01-05 21:00", "UTC")


def test_hours_are_read_alone():
    assert hours_of("18:00 - 6:30") == (64800, 23400)
