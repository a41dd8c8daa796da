"""Retries: the numbers that the documentation promises."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.pipeline.retry import GiveUp, RetryRules, TryAgain, after_failure, grown_seconds

RULES = RetryRules()


def test_the_longest_waits_double_up_to_the_maximum() -> None:
    assert [grown_seconds(n, RULES) for n in range(1, 11)] == [
        10, 20, 40, 80, 160, 320, 640, 1280, 1800, 1800,
    ]  # fmt: skip
    assert grown_seconds(10**9, RULES) == 1800


def test_the_defaults_take_about_a_day() -> None:
    mean = sum(grown_seconds(n, RULES) for n in range(1, RULES.maximum_attempts)) / 2
    assert 22 < mean / 3600 < 26
    assert RULES.give_up_seconds == 3 * 24 * 3600


@given(st.integers(1, 99), st.integers(0, 2**32), st.floats(0, 1e9))
def test_a_wait_is_anything_up_to_the_longest(attempt: int, seed: int, now: float) -> None:
    following = after_failure(attempt, RULES, now, Random(seed))
    assert isinstance(following, TryAgain)
    assert now <= following.at <= now + grown_seconds(attempt, RULES)


def test_failures_of_one_moment_come_back_over_the_whole_time() -> None:
    rng = Random(1)
    found = [after_failure(9, RULES, 0.0, rng) for _ in range(1000)]
    ats = [each.at for each in found if isinstance(each, TryAgain)]
    tenths = {int(at / 180) for at in ats}
    assert tenths == set(range(10)), "full jitter"
    assert len(set(ats)) == 1000


class Middle(Random):
    def random(self) -> float:
        return 0.5


@pytest.mark.parametrize(("asked", "at"), [(0.0, 5.0), (4.0, 5.0), (500.0, 500.0)])
def test_what_the_other_side_asks_for_lengthens_the_wait_only(asked: float, at: float) -> None:
    assert after_failure(1, RULES, 0.0, Middle(), not_before=asked) == TryAgain(at)


def test_tries_end_by_number() -> None:
    assert isinstance(after_failure(99, RULES, 0.0, Middle()), TryAgain)
    assert after_failure(100, RULES, 0.0, Middle()) == GiveUp(100, 0.0)
    assert after_failure(1000, RULES, 50.0, Middle(), failing_since=20.0) == GiveUp(1000, 30.0)


def test_tries_end_by_time() -> None:
    rules = RetryRules(give_up_seconds=3600)
    assert after_failure(20, rules, 2699.0, Middle(), failing_since=0.0) == TryAgain(3599.0)
    assert after_failure(20, rules, 2701.0, Middle(), failing_since=0.0) == GiveUp(20, 2701.0)
