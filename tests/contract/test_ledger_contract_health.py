"""What is asked for health: what may go and has not, and who was heard when."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance, delivery, settle_everything

from causeway.ledger import (
    Advanced,
    Dead,
    LaneWaiting,
    Ledger,
    NewDelivery,
    NewParcel,
    Packaged,
    Retry,
    SeriesState,
    Verified,
)
from causeway.testing.feed import Feed


def lanes(ledger: Ledger) -> dict[str, LaneWaiting]:
    return {lane.destination: lane for lane in ledger.waiting()}


def packaged(ledger: Ledger, *destinations: str) -> None:
    ledger.index([Feed().indexed(1, 1, 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED, *destinations)


def test_what_was_made_waits_since_then_until_it_is_verified(ledger: Ledger) -> None:
    assert ledger.waiting() == ()
    packaged(ledger, "archive", "cloud")
    settle_everything(ledger, "cloud", now=LATER + 9)
    found = lanes(ledger)
    assert (found["archive"].oldest_at, found["archive"].succeeded_at) == (LATER, None)
    assert (found["cloud"].oldest_at, found["cloud"].succeeded_at) == (None, LATER + 9)
    assert ledger.settle_delivery(
        delivery(ledger), Retry(at=LATER + 500, code="refused", text=""), now=LATER + 1
    )
    assert lanes(ledger)["archive"].oldest_at == LATER, "a failure has moved it"


def test_what_is_given_up_waits_for_a_person(ledger: Ledger) -> None:
    packaged(ledger)
    ledger.settle_delivery(delivery(ledger), Dead(code="refused", text=""), now=LATER)
    assert lanes(ledger)["archive"].oldest_at is None


@pytest.mark.parametrize("reference", ["study:1", "series:1"])
def test_what_is_held_does_not_count_and_counts_from_its_release(
    ledger: Ledger, reference: str
) -> None:
    packaged(ledger)
    ledger.hold(reference, who="ada", why="wait", now=LATER + 10)
    assert lanes(ledger)["archive"].oldest_at is None
    ledger.release(reference, who="ada", why="go", now=LATER + 5000)
    assert lanes(ledger)["archive"].oldest_at == LATER + 5000


def test_the_release_of_another_series_changes_nothing(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 2, 2)], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    ledger.hold("series:2", who="ada", why="wait", now=LATER + 10)
    ledger.release("series:2", who="ada", why="go", now=LATER + 5000)
    assert lanes(ledger)["archive"].oldest_at == LATER


def test_urgent_ones_are_told_apart(ledger: Ledger) -> None:
    ledger.index([Feed().indexed(1, 1, 1)], now=1000)
    for state, to in (
        (SeriesState.OPEN, SeriesState.COMPLETE),
        (SeriesState.COMPLETE, SeriesState.ROUTED),
        (SeriesState.ROUTED, SeriesState.CLEANED),
    ):
        (claim,) = ledger.claim_series(
            [state], limit=9, now=LATER, owner="worker", lease_seconds=60
        )
        assert ledger.settle_series(claim, Advanced(to=to, reason="", prio=20), now=LATER)
    (claim,) = ledger.claim_series(
        [SeriesState.CLEANED], limit=9, now=LATER, owner="worker", lease_seconds=60
    )
    assert ledger.settle_series(claim, Packaged(parcels=(urgent(ledger),)), now=LATER)
    found = lanes(ledger)["archive"]
    assert (found.oldest_at, found.oldest_urgent_at) == (None, LATER)
    assert ledger.settle_delivery(delivery(ledger), Verified(reference="r"), now=LATER)
    assert lanes(ledger)["archive"].oldest_urgent_at is None


def urgent(ledger: Ledger) -> NewParcel:
    return NewParcel(
        name="p", size=1, digest=bytes(32),
        instance_ids=tuple(row.id for row in ledger.to_package(1)),
        deliveries=(NewDelivery(destination="archive", prio=20),),
    )  # fmt: skip


def test_sources_are_heard_once_an_hour(ledger: Ledger) -> None:
    feed = Feed()
    for study, at in enumerate([0, 10, 3700, 7300, 7400], start=1):
        feed.at = 360_000.0 + at
        ledger.index([feed.indexed(study)], now=feed.at)
    assert ledger.heard(since=0) == {"ct1": (360_010.0, 363_700.0, 367_400.0)}
    assert ledger.heard(since=363_000.0) == {"ct1": (363_700.0, 367_400.0)}
