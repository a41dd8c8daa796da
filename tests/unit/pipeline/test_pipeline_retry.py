"""Retries: the numbers that the documentation promises."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.pipeline.retry import (
    SPREAD,
    GiveUp,
    RetryRules,
    TryAgain,
    after_failure,
    wait_seconds,
)

RULES = RetryRules()


def test_waits_double_up_to_the_longest() -> None:
    assert [wait_seconds(n, RULES) for n in range(1, 11)] == [
        10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800,
    ]  # fmt: skip
    assert wait_seconds(10**9, RULES) == 1800


def test_the_defaults_take_almost_a_day() -> None:
    hours = sum(wait_seconds(n, RULES) for n in range(1, RULES.maximum_attempts)) / 3600
    assert 20 < hours < 24


@given(st.integers(1, 60), st.integers(0, 2**32), st.floats(0, 1e9))
def test_waits_are_spread_but_not_far(attempt: int, seed: int, now: float) -> None:
    following = after_failure(attempt, RULES, now, Random(seed))
    if attempt >= RULES.maximum_attempts:
        assert following == GiveUp(attempt)
        return
    assert isinstance(following, TryAgain)
    base = wait_seconds(attempt, RULES)
    assert now + base * (1 - SPREAD) <= following.at <= now + base * (1 + SPREAD)


def test_two_failures_of_one_moment_do_not_come_back_together() -> None:
    rng = Random(1)
    assert len({after_failure(3, RULES, 0.0, rng) for _ in range(100)}) == 100


@pytest.mark.parametrize(("asked", "at"), [(0.0, 10.0), (5.0, 10.0), (500.0, 500.0)])
def test_what_the_other_side_asks_for_lengthens_the_wait_only(asked: float, at: float) -> None:
    class Middle(Random):
        def random(self) -> float:
            return 0.5

    assert after_failure(1, RULES, 0.0, Middle(), not_before=asked) == TryAgain(at)
