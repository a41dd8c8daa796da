"""Windows of dates and times: what they ask for, and that halves lose nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.pull.windows import DAY_SECONDS, Window, since

TODAY = dt.date(2026, 11, 20)
DATES = st.dates(dt.date(1950, 1, 1), dt.date(2030, 1, 1))


def covers(window: Window, date: dt.date, second: int) -> bool:
    if window.first is not None and date < window.first:
        return False
    if window.last is not None and date > window.last:
        return False
    return window.from_second <= second <= window.to_second


def test_they_ask_by_range_matching() -> None:
    day = dt.date(2026, 11, 20)
    assert (Window().dates, Window().times) == ("", "")
    assert Window(day, day).dates == "20261120"
    assert Window(day, None).dates == "20261120-"
    assert Window(None, day).dates == "-20261120"
    assert Window(day, dt.date(2026, 11, 22)).dates == "20261120-20261122"
    assert Window(day, day, 0, DAY_SECONDS // 2 - 1).times == "000000-115959.999999"
    assert since("20261101").dates == "20261101-"
    assert since("").dates == ""


@given(
    first=st.none() | DATES, last=st.none() | DATES, date=DATES,
    second=st.integers(0, DAY_SECONDS - 1), depth=st.integers(1, 40),
)  # fmt: skip
def test_every_study_is_in_one_half_and_in_one_only(
    first: dt.date | None, last: dt.date | None, date: dt.date, second: int, depth: int
) -> None:
    if first is not None and last is not None and last < first:
        first, last = last, first
    window = Window(first, last)
    for _ in range(depth):
        if not covers(window, date, second):
            return
        halves = window.halves(TODAY)
        if halves is None:
            return
        assert sum(covers(half, date, second) for half in halves) == 1
        assert halves[0] != window
        window = next(half for half in halves if covers(half, date, second))


@pytest.mark.parametrize("date", [dt.date(1970, 1, 1), dt.date(2026, 11, 20), dt.date(2026, 12, 1)])
def test_halving_comes_to_an_end_at_a_minute(date: dt.date) -> None:
    window, steps = Window(), 0
    while (halves := window.halves(TODAY)) is not None:
        window = next(half for half in halves if covers(half, date, 40_000))
        steps += 1
        assert steps < 60
    assert window.first == window.last == date
    assert window.to_second - window.from_second < 60
