"""How the way to a destination stands, on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance

from causeway.errors import PermanentError
from causeway.ledger import BreakerState, LaneRow, Ledger, Retry, SeriesState, Wait, rank_of
from causeway.testing.feed import Feed

OPEN = LaneRow(
    destination="cloud",
    breaker=BreakerState.OPEN,
    refusals=3,
    open_until=LATER + 100,
    changed_at=LATER,
    fail_code="destination_unavailable",
    fail_text="cloud does not answer",
    fail_hint="is the cable in?",
    failed_at=LATER,
    bytes_per_second=12.5,
    measured_at=LATER,
)


def test_it_is_kept_and_replaced(ledger: Ledger) -> None:
    assert ledger.lane("cloud") is None
    assert ledger.lanes() == ()
    ledger.set_lane(OPEN)
    assert ledger.lane("cloud") == OPEN
    closed = LaneRow(destination="cloud", breaker=BreakerState.CLOSED, changed_at=LATER + 1)
    ledger.set_lane(closed)
    ledger.set_lane(LaneRow(destination="a", breaker=BreakerState.CLOSED, changed_at=LATER))
    assert [row.destination for row in ledger.lanes()] == ["a", "cloud"]
    assert ledger.lane("cloud") == closed


def test_one_that_pauses_knows_until_when(ledger: Ledger) -> None:
    with pytest.raises(PermanentError):
        ledger.set_lane(LaneRow(destination="x", breaker=BreakerState.OPEN, changed_at=LATER))


def packaged(ledger: Ledger, studies: int = 2) -> None:
    feed = Feed()
    ledger.index([feed.indexed(study, 1, 1) for study in range(1, studies + 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "cloud")


def test_a_persons_retry_ends_the_pause(ledger: Ledger) -> None:
    packaged(ledger)
    other = LaneRow(
        destination="other", breaker=BreakerState.OPEN, open_until=LATER + 99, changed_at=LATER
    )
    for row in (OPEN, other):
        ledger.set_lane(row)
    (claim,) = ledger.claim_deliveries("cloud", limit=1, now=LATER, owner="w", lease_seconds=60)
    ledger.settle_delivery(claim, Wait(until=LATER + 100, why="it does not answer"), now=LATER)
    moved = ledger.retry(None, who="anna", why="", now=LATER + 5, destination="cloud")
    assert moved == 1, "what waits for it is due"
    lane = ledger.lane("cloud")
    assert lane is not None
    assert (lane.breaker, lane.open_until) == (BreakerState.OPEN, LATER + 5)
    assert ledger.lane("other") == other
    assert len(ledger.claim_deliveries("cloud", limit=9, now=LATER + 5, owner="w",
                                       lease_seconds=60)) == 2  # fmt: skip


def test_since_when_it_fails(ledger: Ledger) -> None:
    packaged(ledger, studies=1)

    def after(outcome: Retry | Wait, now: float) -> float | None:
        claim = ledger.claim_deliveries("cloud", limit=1, now=now, owner="w", lease_seconds=60)[0]
        assert ledger.settle_delivery(claim, outcome, now=now)
        return next(
            row.failing_since for row in ledger.deliveries_of(study_id=1) if row.id == claim.id
        )

    assert after(Wait(until=LATER, why="x"), LATER) is None
    assert after(Retry(at=LATER, code="x"), LATER) == LATER
    assert after(Retry(at=LATER + 9, code="x"), LATER + 5) == LATER
    ledger.retry("series:1", who="anna", why="", now=LATER + 6)
    assert ledger.deliveries_of(study_id=1)[0].failing_since is None


def test_the_best_rank_that_can_be_claimed(ledger: Ledger) -> None:
    assert ledger.first_rank("cloud", now=LATER, prio_at_most=200) is None
    packaged(ledger)
    best = min(rank_of(row) for study in (1, 2) for row in ledger.deliveries_of(study_id=study))
    assert ledger.first_rank("cloud", now=LATER, prio_at_most=200) == best
    assert ledger.first_rank("cloud", now=LATER, prio_at_most=20) is None
    assert ledger.first_rank("other", now=LATER, prio_at_most=200) is None
