"""Parcels, deliveries and retirement: what holds on every database."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest
from ledger_steps import (
    LATER,
    advance,
    claim,
    delivery,
    parcel_of,
    settle_everything,
)

from causeway.errors import NotAllowed, PermanentError
from causeway.ledger import (
    Dead,
    DeliveryState,
    InstanceState,
    Ledger,
    NewParcel,
    Packaged,
    ParcelState,
    Retry,
    SeriesState,
    Verified,
    Wait,
)
from causeway.testing.feed import Feed
from causeway.values import Disposition, SpoolAddress


def packaged(ledger: Ledger, *destinations: str, instances: int = 2) -> Feed:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, number) for number in range(instances)], now=1000)
    advance(ledger, SeriesState.PACKAGED, *destinations)
    return feed


# --- parcels ------------------------------------------------------------------------------------


def test_a_parcel_enters_with_members_and_deliveries(ledger: Ledger) -> None:
    packaged(ledger, "archive", "cloud")
    (parcel,) = ledger.parcels_of(1)
    assert (parcel.number, parcel.instance_count, parcel.state) == (1, 2, ParcelState.MADE)
    assert parcel == ledger.parcel(parcel.id)
    members = ledger.members_of(parcel.id)
    assert [each.parcel_id for each in members] == [parcel.id] * 2
    assert {each.state for each in members} == {InstanceState.CLEANED}
    deliveries = ledger.deliveries_of(series_id=1)
    assert [each.destination for each in deliveries] == ["archive", "cloud"]
    assert deliveries == ledger.deliveries_of(parcel_id=parcel.id)
    assert deliveries == ledger.deliveries_of(study_id=1)
    assert ledger.to_package(1) == ()


@pytest.mark.parametrize(
    "fault",
    [
        *("too few", "too many", "none", "no parcel", "an empty one", "in two of them"),
        *("one key for two", "no destination", "twice"),
    ],
)
def test_a_parcel_that_is_not_right_is_refused_whole(ledger: Ledger, fault: str) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 1, 2), feed.indexed(2, 1, 1)], now=1000)
    advance(ledger, SeriesState.CLEANED)
    held = next(
        each
        for each in ledger.claim_series(
            [SeriesState.CLEANED], limit=9, now=LATER, owner="w", lease_seconds=60
        )
        if each.id == 1
    )
    right = parcel_of(ledger, 1)
    (parcel,) = right.parcels
    ids = parcel.instance_ids
    first, second = (replace(parcel, instance_ids=(each,)) for each in ids)
    wrong: tuple[NewParcel, ...] = {
        "too few": (replace(parcel, instance_ids=ids[:1]),),
        "too many": (replace(parcel, instance_ids=(*ids, 3)),),
        "none": (replace(parcel, instance_ids=()),),
        "no parcel": (),
        "an empty one": (parcel, replace(parcel, key="x", instance_ids=())),
        "in two of them": (parcel, replace(second, key="x")),
        "one key for two": (first, second),
        "no destination": (replace(parcel, deliveries=()),),
        "twice": (replace(parcel, deliveries=parcel.deliveries * 2),),
    }[fault]
    with pytest.raises(PermanentError):
        ledger.settle_series(held, Packaged(parcels=wrong), now=LATER)
    assert ledger.parcels_of(1) == ()
    assert ledger.series(1) == held.series
    assert ledger.settle_series(held, right, now=LATER)


def test_a_parcel_of_a_void_claim_is_not_entered(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    advance(ledger, SeriesState.CLEANED)
    slow = claim(ledger, SeriesState.CLEANED, owner="slow")
    quick = claim(ledger, SeriesState.CLEANED, owner="quick", now=LATER + 61)
    made = parcel_of(ledger, 1)
    assert ledger.settle_series(quick, made, now=LATER + 62)
    assert not ledger.settle_series(slow, made, now=LATER + 63)
    assert len(ledger.parcels_of(1)) == 1


# --- deliveries ---------------------------------------------------------------------------------


def test_a_series_settles_when_the_last_destination_has_verified(ledger: Ledger) -> None:
    packaged(ledger, "archive", "cloud")
    first = delivery(ledger, "archive")
    assert first.attempt == 1
    assert first.delivery == ledger.deliveries_of()[0]
    assert (first.parcel, first.series) == (ledger.parcel(1), ledger.series(1))
    assert ledger.settle_delivery(first, Verified(reference="here"), now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.PACKAGED
    assert ledger.custody().count(Disposition.ON_ITS_WAY) == 2
    assert ledger.settle_delivery(delivery(ledger, "cloud"), Verified(), now=LATER + 1)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED
    assert ledger.deliveries_of()[0].reference == "here"
    assert {each.state for each in ledger.instances_of(1)} == {InstanceState.DELIVERED}
    parcel = ledger.parcel(1)
    assert parcel is not None
    assert (parcel.state, parcel.settled_at) == (ParcelState.SETTLED, LATER + 1)
    assert ledger.custody().holds


def test_two_verified_at_the_same_moment_settle_the_series(ledger: Ledger) -> None:
    destinations = [f"d{number}" for number in range(6)]
    packaged(ledger, *destinations)
    claims = [delivery(ledger, each) for each in destinations]
    barrier = threading.Barrier(len(claims))
    taken: list[bool] = []

    def verify(index: int) -> None:
        barrier.wait()
        taken.append(ledger.settle_delivery(claims[index], Verified(), now=LATER))

    threads = [threading.Thread(target=verify, args=(index,)) for index in range(len(claims))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [True] * len(claims)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED
    assert ledger.custody().holds


def test_a_delivery_waits_retries_and_dies(ledger: Ledger) -> None:
    packaged(ledger)
    for outcome, attempt, due_at in (
        (Wait(until=LATER + 10, why="closed"), 0, LATER + 10),
        (Retry(at=LATER + 20, code="timeout", text="no answer"), 1, LATER + 20),
    ):
        (before,) = ledger.deliveries_of()
        assert ledger.settle_delivery(delivery(ledger, now=before.due_at + 1), outcome, now=LATER)
        (after,) = ledger.deliveries_of()
        assert (after.state, after.attempt, after.due_at) == (DeliveryState.DUE, attempt, due_at)
        assert after.owner is None
    last = delivery(ledger, now=LATER + 20)
    assert last.attempt == 2
    assert ledger.settle_delivery(last, Dead(code="refused"), now=LATER + 21)
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.resumes_as) == (SeriesState.DEAD, SeriesState.PACKAGED)
    assert ledger.custody().count(Disposition.HELD) == 2
    assert ledger.retry("series:1", who="op", why="repaired", now=LATER + 30) == 1
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.PACKAGED
    again = delivery(ledger, now=LATER + 30)
    assert again.attempt == 1
    assert ledger.settle_delivery(again, Verified(), now=LATER + 31)
    assert ledger.custody().count(Disposition.DELIVERED) == 2


def test_a_lost_lease_of_a_delivery_is_taken_over(ledger: Ledger) -> None:
    packaged(ledger)
    slow = delivery(ledger)
    assert (
        ledger.claim_deliveries("archive", limit=9, now=LATER + 59, owner="x", lease_seconds=1)
        == ()
    )
    quick = delivery(ledger, now=LATER + 60)
    assert quick.attempt == 2
    assert not ledger.settle_delivery(slow, Verified(), now=LATER + 61)
    assert ledger.renew([slow, quick], now=LATER + 61, lease_seconds=60) == (False, True)
    assert ledger.settle_delivery(quick, Verified(), now=LATER + 62)


def test_a_sender_is_not_taken_for_its_later_self(ledger: Ledger) -> None:
    packaged(ledger)
    first, second = delivery(ledger), delivery(ledger, now=LATER + 60)
    assert first.delivery.owner == second.delivery.owner
    assert ledger.renew([first], now=LATER + 61, lease_seconds=60) == (False,)
    assert not ledger.settle_delivery(first, Verified(), now=LATER + 61)
    assert ledger.settle_delivery(second, Verified(), now=LATER + 61)


def test_freed_deliveries_are_due_again(ledger: Ledger) -> None:
    packaged(ledger)
    lost = delivery(ledger)
    assert ledger.release_all_leases(owner=None, now=LATER) == 1
    assert ledger.deliveries_of()[0].state is DeliveryState.DUE
    assert not ledger.settle_delivery(lost, Verified(), now=LATER)
    assert delivery(ledger).attempt == 2


def test_an_amendment_does_not_hide_a_dead_delivery(ledger: Ledger) -> None:
    feed = packaged(ledger)
    ledger.index([feed.indexed(1, 1, 9)], now=LATER)
    assert ledger.settle_delivery(delivery(ledger), Dead(code="refused"), now=LATER)
    advance(ledger, SeriesState.PACKAGED, now=LATER + 100)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.DEAD
    settle_everything(ledger, now=LATER + 100)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.DEAD
    ledger.retry("series:1", who="op", why="again", now=LATER + 200)
    settle_everything(ledger, now=LATER + 200)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED
    assert ledger.custody().holds


def test_lanes_are_independent(ledger: Ledger) -> None:
    packaged(ledger, "archive", "cloud")
    assert ledger.settle_delivery(delivery(ledger, "cloud"), Dead(code="refused"), now=LATER)
    assert ledger.settle_delivery(delivery(ledger, "archive"), Verified(), now=LATER)
    assert [each.state for each in ledger.deliveries_of()] == [
        DeliveryState.VERIFIED,
        DeliveryState.DEAD,
    ]


def test_an_effect_is_recorded_once(ledger: Ledger) -> None:
    packaged(ledger)
    assert ledger.effect(1, "upload-id", "first", at=1) == "first"
    assert ledger.effect(1, "upload-id", "second", at=2) == "first"
    assert ledger.effect(1, "part-1", "etag", at=3) == "etag"
    assert ledger.effects(1) == (("part-1", "etag"), ("upload-id", "first"))


def test_the_first_owner_of_a_folder_keeps_it(ledger: Ledger) -> None:
    mine = ledger.place("archive", "g/p/subject", "study:1", at=1)
    theirs = ledger.place("archive", "g/p/subject", "study:2", at=2)
    again = ledger.place("archive", "g/p/subject", "study:1", at=3)
    elsewhere = ledger.place("cloud", "g/p/subject", "study:2", at=4)
    assert (mine.won, theirs.won, again.won, elsewhere.won) == (True, False, True, True)
    assert theirs.owner == "study:1"
    assert ledger.placed("archive", "study:1") == ("g/p/subject",)
    assert ledger.placed("archive", "study:2") == ()


# --- retirement ---------------------------------------------------------------------------------


def test_bytes_are_needed_until_everything_is_verified_and_for_some_time(ledger: Ledger) -> None:
    packaged(ledger, "archive", "cloud")
    settle_everything(ledger, "archive")
    assert ledger.retirable(now=LATER * 9, keep_seconds=0, limit=9) == ()
    assert ledger.retired([1, 2], now=LATER) == 0
    settle_everything(ledger, "cloud", now=LATER)
    assert ledger.retirable(now=LATER + 9, keep_seconds=10, limit=9) == ()
    assert ledger.idle_containers() == ()
    with pytest.raises(NotAllowed):
        ledger.container_gone("segment-000001.1", now=LATER)
    found = ledger.retirable(now=LATER + 10, keep_seconds=10, limit=9)
    assert [each.instance_id for each in found] == [1, 2]
    assert ledger.retired([1, 2], now=LATER + 11) == 2
    assert ledger.retired([1, 2], now=LATER + 11) == 0
    (idle,) = ledger.idle_containers()
    assert (idle.container, idle.offset) == ("segment-000001.1", 2048)
    ledger.container_gone(idle.container, now=LATER + 12)
    assert ledger.idle_containers() == ()
    assert ledger.positions() == ()
    custody = ledger.custody()
    assert custody.holds
    assert custody.count(Disposition.DELIVERED) == 2


def test_bytes_of_duplicates_and_of_the_discarded_are_not_needed(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(data="a"), feed.indexed(data="a"), feed.indexed(data="b")], now=1000)
    ledger.quarantine_discard(2, who="op", why="wrong", now=1001)
    found = {each.instance_id for each in ledger.retirable(now=5000, keep_seconds=0, limit=9)}
    states = {each.id: each.state for each in ledger.instances_of_study(1)}
    assert {states[each] for each in found} == {InstanceState.DUPLICATE, InstanceState.DISCARDED}
    assert ledger.retired(sorted(found), now=5000) == 2
    assert {each.id: each.state for each in ledger.instances_of_study(1)} == states
    assert ledger.custody().holds


def test_a_study_on_hold_keeps_its_bytes(ledger: Ledger) -> None:
    packaged(ledger)
    settle_everything(ledger)
    ledger.hold("study:1", who="op", why="look first", now=LATER)
    assert ledger.retirable(now=LATER * 2, keep_seconds=0, limit=9) == ()
    assert ledger.retired([1, 2], now=LATER) == 0
    assert ledger.retirable_parcels(now=LATER * 2, keep_seconds=0, limit=9) == ()


def test_what_stays_long_is_copied_out_of_its_segment(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.unreadable("x"), feed.indexed(2, 1, 1)], now=1000)
    ledger.hold("study:1", who="op", why="wait", now=1001)
    pins = ledger.pinning(limit=9)
    assert {each.state for each in pins} == {InstanceState.INDEXED, InstanceState.QUARANTINED}
    assert len(ledger.pinning(limit=1)) == 1
    assert ledger.pinning(limit=9, after=pins[0].instance_id) == pins[1:]
    for number, pin in enumerate(pins):
        new = SpoolAddress(f"kept-{number}.1", 64)
        assert ledger.moved(pin.instance_id, pin.address, new, now=1002)
        assert not ledger.moved(pin.instance_id, pin.address, new, now=1002)
        moved = ledger.instance(pin.instance_id)
        assert moved is not None
        assert (moved.address, moved.origin) == (new, pin.address)
    assert ledger.pinning(limit=9) == ()
    kept = {each.container: each.kept for each in ledger.positions()}
    assert kept == {"segment-000001.1": False, "kept-0.1": True, "kept-1.1": True}
    with pytest.raises(NotAllowed):
        ledger.moved(3, SpoolAddress("segment-000001.1", 2048), pins[0].address, now=1002)
    assert ledger.custody().holds
    # A start that scans the copy as well finds nothing new in it.
    copy = Feed(container="kept-0.1", offset=64)
    (outcome,) = ledger.index([copy.indexed(1, 1, 1)], now=1003)
    assert outcome.arrival == "known"
    assert ledger.custody().holds


def test_artefacts_go_after_their_parcels_are_settled(ledger: Ledger) -> None:
    packaged(ledger)
    assert ledger.parcels_retired([1], now=LATER) == 0
    settle_everything(ledger)
    assert ledger.retirable_parcels(now=LATER + 1, keep_seconds=2, limit=9) == ()
    (parcel,) = ledger.retirable_parcels(now=LATER + 2, keep_seconds=2, limit=9)
    assert ledger.parcels_retired([parcel.id], now=LATER + 3) == 1
    assert ledger.retirable_parcels(now=LATER + 9, keep_seconds=2, limit=9) == ()
    assert ledger.custody().holds
