"""Series that are sent on as they come: what holds on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, claim, delivery, new_parcel, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import Ledger, Packaged, SeriesClaim, SeriesState, SoFar, Verified
from causeway.testing.feed import Feed
from causeway.values import Disposition

ARRIVING = (SeriesState.OPEN, SeriesState.REOPENED)
WHO = {"who": "anna", "why": "because"}


def so_far(ledger: Ledger, claimed: SeriesClaim) -> Packaged:
    ids = tuple(each.id for each in ledger.to_package(claimed.id))
    return Packaged(parcels=(new_parcel(ids),), so_far=SoFar(verdict="v", cleaning="c", prio=100))


def arrived(ledger: Ledger, feed: Feed, *numbers: int) -> None:
    ledger.index([feed.indexed(1, 1, number) for number in numbers], now=LATER)


def state(ledger: Ledger) -> SeriesState:
    row = ledger.series(1)
    assert row is not None
    return row.state


def test_what_is_there_goes_and_what_comes_is_for_the_next(ledger: Ledger) -> None:
    feed = Feed()
    arrived(ledger, feed, 1, 2)
    first = claim(ledger, *ARRIVING)
    made = so_far(ledger, first)
    arrived(ledger, feed, 3)  # while it was being made
    assert ledger.settle_series(first, made, now=LATER)
    assert state(ledger) is SeriesState.REOPENED
    assert [each.state.value for each in ledger.members_of(1)] == ["cleaned", "cleaned"]
    second = claim(ledger, *ARRIVING)
    assert ledger.settle_series(second, so_far(ledger, second), now=LATER)
    assert state(ledger) is SeriesState.PACKAGED
    assert [len(ledger.members_of(number)) for number in (1, 2)] == [2, 1]
    settle_everything(ledger)
    assert state(ledger) is SeriesState.SETTLED
    assert ledger.custody().holds
    assert ledger.custody().count(Disposition.DELIVERED) == 3
    arrived(ledger, feed, 4)
    assert state(ledger) is SeriesState.REOPENED


def test_parcels_settle_one_by_one_while_it_arrives(ledger: Ledger) -> None:
    feed = Feed()
    arrived(ledger, feed, 1)
    first = claim(ledger, *ARRIVING)
    assert ledger.settle_series(first, so_far(ledger, first), now=LATER)
    arrived(ledger, feed, 2)
    assert ledger.settle_delivery(delivery(ledger), Verified(reference="there"), now=LATER)
    assert ledger.custody().count(Disposition.DELIVERED) == 1
    assert ledger.custody().count(Disposition.ON_ITS_WAY) == 1
    assert ledger.custody().holds


@pytest.mark.parametrize("move", ["hold", "reroute"])
def test_what_a_person_says_meanwhile_counts(ledger: Ledger, move: str) -> None:
    feed = Feed()
    arrived(ledger, feed, 1)
    claimed = claim(ledger, *ARRIVING)
    made = so_far(ledger, claimed)
    if move == "hold":
        ledger.hold("series:1", **WHO, now=LATER)
    else:
        ledger.reroute("series:1", routing="", destinations=("other",), **WHO, now=LATER)
    assert not ledger.settle_series(claimed, made, now=LATER)
    assert ledger.parcels_of(1) == ()
    assert ledger.custody().holds


def test_a_claim_that_was_taken_over_is_refused(ledger: Ledger) -> None:
    arrived(ledger, Feed(), 1)
    late = claim(ledger, *ARRIVING)
    made = so_far(ledger, late)
    again = claim(ledger, *ARRIVING, now=LATER + 100, owner="other")
    assert not ledger.settle_series(late, made, now=LATER + 101)
    assert ledger.settle_series(again, made, now=LATER + 102)


def test_more_than_is_there_is_refused(ledger: Ledger) -> None:
    arrived(ledger, Feed(), 1)
    claimed = claim(ledger, *ARRIVING)
    made = Packaged(
        parcels=(new_parcel((1, 99)),), so_far=SoFar(verdict="v", cleaning="c", prio=100)
    )
    with pytest.raises(NotAllowed):
        ledger.settle_series(claimed, made, now=LATER)


def test_only_what_says_so_may_leave_the_stages_out(ledger: Ledger) -> None:
    arrived(ledger, Feed(), 1)
    claimed = claim(ledger, *ARRIVING)
    with pytest.raises(NotAllowed):
        ledger.settle_series(claimed, Packaged(parcels=(new_parcel((1,)),)), now=LATER)


def test_where_a_parcel_waits_is_told_until_somebody_takes_it_up(ledger: Ledger) -> None:
    arrived(ledger, Feed(), 1)
    claimed = claim(ledger, *ARRIVING)
    assert ledger.due_destinations(1) == frozenset()
    assert ledger.settle_series(claimed, so_far(ledger, claimed), now=LATER)
    assert ledger.due_destinations(1) == {"archive"}
    delivery(ledger)
    assert ledger.due_destinations(1) == frozenset()
