"""Delivering again, or to another destination, on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance

from causeway.errors import NotAllowed
from causeway.ledger import (
    Dead,
    DeliveryClaim,
    DeliveryState,
    InstanceState,
    Ledger,
    OutcomeRow,
    ParcelState,
    SeriesState,
    Verified,
)
from causeway.testing.feed import Feed
from causeway.values import Standing


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
def delivered(ledger: Ledger, feed: Feed) -> Ledger:
    ledger.index([feed.indexed(1, 1, number) for number in range(3)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    claim = claimed(ledger, "archive")
    rows = [
        OutcomeRow(delivery_id=claim.id, instance_id=n, standing=Standing.VERIFIED, at=LATER)
        for n in (1, 2, 3)
    ]
    ledger.note_outcomes(claim, rows, begun=3)
    ledger.settle_delivery(claim, Verified(reference="there"), now=LATER)
    return ledger


def claimed(ledger: Ledger, destination: str, now: float = LATER) -> DeliveryClaim:
    (claim,) = ledger.claim_deliveries(destination, limit=1, now=now, owner="w", lease_seconds=60)
    return claim


def deliver(ledger: Ledger, to: str, reference: str = "series:1", **given: str) -> int:
    targets = {row.id: "g/p/s" for row in ledger.deliverable(reference)}
    return ledger.deliver(
        reference, to, targets, who="anna", why="asked for", now=LATER + 10, **given
    )


def assert_as_it_was(ledger: Ledger) -> None:
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED
    assert {row.state for row in ledger.parcels_of(1)} == {ParcelState.SETTLED}
    assert {row.state for row in ledger.instances_of(1)} == {InstanceState.DELIVERED}
    custody = ledger.custody()
    assert custody.holds, custody.violations


def test_again_to_where_it_is_asks_about_everything(delivered: Ledger) -> None:
    assert deliver(delivered, "archive") == 1
    assert_as_it_was(delivered)
    claim = claimed(delivered, "archive", LATER + 10)
    assert (claim.attempt, claim.delivery.extra, claim.delivery.begun) == (1, True, 3)
    assert {row.standing for row in delivered.outcomes(claim.id)} == {Standing.UNSURE}
    delivered.settle_delivery(claim, Verified(reference="there"), now=LATER + 11)
    assert_as_it_was(delivered)


def test_to_another_it_is_a_delivery_of_its_own(delivered: Ledger) -> None:
    assert deliver(delivered, "cloud", "study:1", treatment="none") == 1
    assert_as_it_was(delivered)
    claim = claimed(delivered, "cloud", LATER + 10)
    assert (claim.delivery.target, claim.delivery.treatment) == ("g/p/s", "none")
    assert delivered.settle_delivery(claim, Dead(code="refused"), now=LATER + 11)
    assert_as_it_was(delivered)
    assert delivered.retry("series:1", who="anna", why="", now=LATER + 12) == 1
    claim = claimed(delivered, "cloud", LATER + 12)
    delivered.settle_delivery(claim, Verified(reference="x"), now=LATER + 13)
    assert_as_it_was(delivered)


def test_bytes_stay_as_long_as_it_is_open(delivered: Ledger) -> None:
    deliver(delivered, "cloud")
    much_later = LATER + 1_000_000
    assert delivered.retirable(now=much_later, keep_seconds=0, limit=10) == ()
    claim = claimed(delivered, "cloud", much_later)
    delivered.settle_delivery(claim, Verified(reference="x"), now=much_later)
    assert len(delivered.retirable(now=much_later, keep_seconds=0, limit=10)) == 3


def test_bytes_stay_for_their_time_after_the_last_of_their_deliveries(delivered: Ledger) -> None:
    deliver(delivered, "cloud")
    much_later = LATER + 1_000_000
    claim = claimed(delivered, "cloud", much_later)
    delivered.settle_delivery(claim, Verified(reference="x"), now=much_later)
    assert delivered.retirable(now=much_later + 3599, keep_seconds=3600, limit=10) == ()
    assert len(delivered.retirable(now=much_later + 3600, keep_seconds=3600, limit=10)) == 3


def test_while_the_rules_still_wait_an_extra_one_settles_nothing(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    deliver(ledger, "cloud")
    ledger.settle_delivery(
        claimed(ledger, "cloud", LATER + 10), Verified(reference="x"), now=LATER + 10
    )
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.PACKAGED
    ledger.settle_delivery(
        claimed(ledger, "archive", LATER + 10), Verified(reference="x"), now=LATER + 11
    )
    assert_as_it_was(ledger)


def test_what_is_dead_comes_alive_with_its_series(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    ledger.settle_delivery(claimed(ledger, "archive"), Dead(code="x"), now=LATER)
    assert deliver(ledger, "archive") == 1
    claim = claimed(ledger, "archive", LATER + 10)
    assert not claim.delivery.extra
    ledger.settle_delivery(claim, Verified(reference="x"), now=LATER + 11)
    assert_as_it_was(ledger)


def test_what_is_on_its_way_is_left_alone(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    assert deliver(ledger, "archive") == 0
    assert ledger.deliveries_of(series_id=1)[0].state is DeliveryState.DUE


def test_what_cannot_be_delivered_says_why(delivered: Ledger, feed: Feed) -> None:
    delivered.index([feed.indexed(2, 1, 1)], now=LATER)
    with pytest.raises(NotAllowed, match="nothing of it is packaged"):
        delivered.deliverable("study:2")
    with pytest.raises(NotAllowed, match="series"):
        delivered.deliverable("instance:1")
    delivered.retired([1, 2, 3], now=LATER + 1_000_000)
    with pytest.raises(NotAllowed, match="not here any more"):
        deliver(delivered, "cloud")
    with pytest.raises(NotAllowed, match="who"):
        delivered.deliver("series:1", "x", {}, who="", why="", now=LATER)


def test_who_and_why_are_kept(delivered: Ledger) -> None:
    deliver(delivered, "cloud")
    event = delivered.events_of(series_id=1)[-1]
    assert (event.what, event.who, event.why) == (
        "delivery.deliver", "anna", "asked for (to cloud)",
    )  # fmt: skip


def test_what_is_under_way(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, number) for number in range(3)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive")
    assert ledger.under_way() == ()
    claim = claimed(ledger, "archive")
    rows = [
        OutcomeRow(delivery_id=claim.id, instance_id=n, standing=standing, at=LATER)
        for n, standing in ((1, Standing.VERIFIED), (2, Standing.SENT), (3, Standing.AGAIN))
    ]
    ledger.note_outcomes(claim, rows, begun=3)
    (going,) = ledger.under_way()
    assert (going.destination, going.instances, going.done, going.attempt) == ("archive", 3, 2, 1)
