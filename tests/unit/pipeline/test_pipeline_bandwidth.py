"""Bandwidth: the rate holds, by a clock of the test's."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.pipeline.bandwidth import BURST_SECONDS, Bandwidth, TokenBucket, Window
from causeway.schedule import Schedule

MONDAY_NOON = dt.datetime(2026, 1, 5, 12, tzinfo=dt.UTC).timestamp()


@given(
    st.lists(st.tuples(st.integers(1, 5_000_000), st.floats(0, 20)), min_size=1, max_size=60),
    st.integers(1000, 10_000_000),
)
def test_over_any_time_no_more_goes_than_the_rate_allows(
    pieces: list[tuple[int, float]], rate: int
) -> None:
    now = 0.0
    bucket = TokenBucket(now)
    sent = 0
    for size, idle in pieces:
        now += idle
        now += bucket.take(size, rate, now)
        sent += size
        assert sent <= rate * (now + BURST_SECONDS) * 1.000001 + 1


def test_a_line_that_is_kept_busy_is_used_to_the_full() -> None:
    now, bucket = 0.0, TokenBucket(0.0)
    for _ in range(1000):
        now += bucket.take(65_536, 1_000_000, now)
    assert now == pytest.approx(65.536, rel=0.02)


def test_without_a_rate_nothing_waits_and_nothing_is_owed() -> None:
    bucket = TokenBucket(0.0)
    assert bucket.take(10**12, None, 0.0) == 0.0
    assert bucket.take(1000, 1000, 0.0) == 1.0


def test_a_clock_that_is_set_back_owes_nothing() -> None:
    bucket = TokenBucket(1000.0)
    bucket.take(100, 100, 1000.0)
    assert bucket.take(100, 100, 0.0) <= 2.0


def test_the_first_window_that_is_open_counts() -> None:
    def window(text: str, rate: float | None) -> Window:
        return Window(schedule=Schedule.parse((text,), "UTC"), bytes_per_second=rate)

    bandwidth = Bandwidth(
        bytes_per_second=5.0,
        windows=(window("Mon-Fri 08:00-18:00", 1.0), window("Mon 00:00-24:00", 2.0),
                 window("Sun 00:00-24:00", None)),
    )  # fmt: skip
    assert bandwidth.rate(MONDAY_NOON) == 1.0
    assert bandwidth.rate(MONDAY_NOON + 8 * 3600) == 2.0
    assert bandwidth.rate(MONDAY_NOON + 36 * 3600) == 5.0
    assert bandwidth.rate(MONDAY_NOON - 24 * 3600) is None
    assert Bandwidth().rate(0.0) is None
