"""The breaker's table, by a clock and a chance of the test's."""

from __future__ import annotations

from random import Random

from causeway.ledger import BreakerState
from causeway.pipeline.breaker import CLOSED, SPREAD, Breaker
from causeway.pipeline.failure import Fault

AWAY = Fault(code="destination_unavailable", text="away", unavailable=True)
BUSY = Fault(code="destination_busy", text="busy", unavailable=True, wait_seconds=600.0)
LOCKED_OUT = Fault(
    code="destination_unauthorised", text="who?", unavailable=True, unauthorised=True
)


class Least(Random):
    """No pause is shortened."""

    def random(self) -> float:
        return 0.0


def pauses(fault: Fault, count: int, rng: Random) -> list[float]:
    breaker, now, found = CLOSED, 0.0, []
    for _ in range(count):
        breaker = breaker.refused(fault, now, rng)
        assert breaker.state is BreakerState.OPEN
        found.append(breaker.until - now)
        now = breaker.until
        assert breaker.at(now - 0.001).state is BreakerState.OPEN
        breaker = breaker.at(now)
        assert breaker.state is BreakerState.HALF_OPEN
    return found


def test_one_that_is_away_is_asked_soon_and_then_every_two_minutes() -> None:
    assert pauses(AWAY, 9, Least()) == [2, 4, 8, 16, 32, 64, 120, 120, 120]


def test_one_that_does_not_know_us_is_left_alone_for_long() -> None:
    assert pauses(LOCKED_OUT, 6, Least()) == [300, 600, 1200, 2400, 3600, 3600]


def test_one_that_asks_to_wait_is_left_alone_for_as_long_as_it_asks() -> None:
    assert pauses(BUSY, 3, Least()) == [600, 600, 600]
    assert (
        CLOSED.refused(
            Fault(code="x", text="", unavailable=True, wait_seconds=1e9), 0.0, Least()
        ).until
        == 24 * 3600
    )


def test_a_clock_that_is_set_back_ends_a_pause() -> None:
    """Else a day's correction would keep a lane closed for a day."""
    breaker = CLOSED.refused(AWAY, 100_000.0, Least())
    assert breaker.at(100_001.0).state is BreakerState.OPEN
    assert breaker.at(13_600.0).state is BreakerState.HALF_OPEN
    again = breaker.refused(AWAY, 13_600.0, Least())
    assert again.until - 13_600.0 == 4


def test_pauses_are_spread() -> None:
    rng = Random(3)
    found = {CLOSED.refused(AWAY, 0.0, rng).until for _ in range(200)}
    assert len(found) == 200
    assert 2 * (1 - SPREAD) <= min(found) < 1.7
    assert 1.9 < max(found) <= 2


def test_of_several_that_fail_together_the_first_counts() -> None:
    once = CLOSED.refused(AWAY, 10.0, Least())
    assert once.refused(AWAY, 10.5, Least()) == once
    asked = once.refused(BUSY, 10.5, Least())
    assert (asked.refusals, asked.until) == (1, 610.5), "what is asked for prolongs it"


def test_a_closed_one_stays_closed() -> None:
    assert CLOSED.at(1e12) == CLOSED == Breaker()
