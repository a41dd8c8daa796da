"""What became of each instance of a delivery, on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance

from causeway.ledger import DeliveryClaim, Ledger, OutcomeRow, Retry, SeriesState
from causeway.testing.feed import Feed
from causeway.values import Standing


@pytest.fixture
def claim(ledger: Ledger) -> DeliveryClaim:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, number) for number in range(5)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    return claimed(ledger)


def claimed(ledger: Ledger, now: float = LATER) -> DeliveryClaim:
    (claim,) = ledger.claim_deliveries("archive", limit=1, now=now, owner="w", lease_seconds=60)
    return claim


def outcome(claim: DeliveryClaim, instance_id: int, standing: Standing) -> OutcomeRow:
    return OutcomeRow(
        delivery_id=claim.id,
        instance_id=instance_id,
        standing=standing,
        already_there=standing is Standing.VERIFIED,
        code="code",
        why="why",
        reference="there",
        transcoded_to="1.2.840.10008.1.2.1",
        at=LATER,
    )


def test_outcomes_are_kept_and_replaced(ledger: Ledger, claim: DeliveryClaim) -> None:
    first = [outcome(claim, 1, Standing.SENT), outcome(claim, 2, Standing.AGAIN)]
    assert ledger.outcomes(claim.id) == ()
    assert ledger.note_outcomes(claim, first, begun=3)
    assert ledger.outcomes(claim.id) == tuple(first)
    second = outcome(claim, 1, Standing.VERIFIED)
    assert ledger.note_outcomes(claim, [second])
    assert ledger.outcomes(claim.id) == (second, first[1])


def test_how_far_it_was_begun_only_grows(ledger: Ledger, claim: DeliveryClaim) -> None:
    for begun in (3, 0, 2):
        assert ledger.note_outcomes(claim, (), begun=begun)
    assert ledger.settle_delivery(claim, Retry(at=LATER, code="x"), now=LATER)
    assert claimed(ledger).delivery.begun == 3


def test_what_is_begun_again_is_unsure(ledger: Ledger, claim: DeliveryClaim) -> None:
    rows = [outcome(claim, number, Standing.AGAIN) for number in (1, 2, 3)]
    ledger.note_outcomes(claim, rows, begun=3)
    ledger.note_outcomes(claim, (), begun=3, again=[1, 3])
    assert [row.standing for row in ledger.outcomes(claim.id)] == [
        Standing.UNSURE,
        Standing.AGAIN,
        Standing.UNSURE,
    ]


def test_a_void_claim_writes_nothing(ledger: Ledger, claim: DeliveryClaim) -> None:
    claimed(ledger, now=LATER + 61)
    assert not ledger.note_outcomes(claim, [outcome(claim, 1, Standing.VERIFIED)], begun=5)
    assert ledger.outcomes(claim.id) == ()
    assert ledger.deliveries_of(series_id=1)[0].begun == 0


def test_a_value_that_moves_on(ledger: Ledger, claim: DeliveryClaim) -> None:
    ledger.replace_effect(claim.id, "upload", "1", at=LATER)
    ledger.replace_effect(claim.id, "upload", "2", at=LATER)
    assert ledger.effect(claim.id, "upload", "3", at=LATER) == "2"
    ledger.replace_effect(claim.id, "upload", None, at=LATER)
    ledger.replace_effect(claim.id, "never", None, at=LATER)
    assert ledger.effects(claim.id) == ()


def test_what_a_destination_remembers(ledger: Ledger) -> None:
    for key, value in (("job/2", "b"), ("job/1", "a"), ("jobs", "c"), ("Job/3", "d"), ("é", "e")):
        ledger.remember("cloud", key, value, at=1.0)
    ledger.remember("other", "job/9", "z", at=1.0)
    assert ledger.remembered("cloud", "job/") == {"job/1": "a", "job/2": "b"}
    ledger.remember("cloud", "job/1", "new", at=2.0)
    ledger.remember("cloud", "job/2", None, at=2.0)
    assert ledger.remembered("cloud", "job") == {"job/1": "new", "jobs": "c"}
    assert len(ledger.remembered("cloud")) == 4
    assert ledger.remembered("cloud", "%") == {}
