"""Several parcels of a series, hours, the queue: what holds on every database."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ledger_steps import LATER, advance, again, claim, delivery, new_parcel, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Dead,
    DeliveryState,
    InstanceState,
    Ledger,
    NewDelivery,
    Packaged,
    ParcelKind,
    ParcelState,
    QueueLane,
    QueueWait,
    Retry,
    SeriesRow,
    SeriesState,
    amended_by,
)
from causeway.testing.feed import Feed
from causeway.values import Disposition

MUCH_LATER = LATER + 10_000


def series_of(ledger: Ledger, number: int = 1) -> SeriesRow:
    row = ledger.series(number)
    assert row is not None
    return row


def cleaned(ledger: Ledger, feed: Feed, *numbers: int) -> None:
    feed.at = LATER if ledger.search() else 1000.0
    ledger.index([feed.indexed(1, 1, number) for number in numbers], now=feed.at)
    advance(ledger, SeriesState.CLEANED, now=MUCH_LATER)


def package(ledger: Ledger, made: Packaged) -> None:
    held = claim(ledger, SeriesState.CLEANED, now=MUCH_LATER)
    assert ledger.settle_series(held, made, now=MUCH_LATER)


def kinds(ledger: Ledger) -> list[tuple[int, str, str, str, int]]:
    return [
        (row.number, row.key, row.kind.value, row.state.value, row.instance_count)
        for row in ledger.parcels_of(1)
    ]


# --- groups -------------------------------------------------------------------------------------


def test_a_series_goes_in_a_parcel_for_each_group(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1, 2, 3)
    one, two, three = (row.id for row in ledger.to_package(1))
    made = Packaged(
        parcels=(new_parcel((one, two), "archive"), new_parcel((three,), "archive", key="dose"))
    )
    package(ledger, made)
    assert kinds(ledger) == [(1, "", "first", "made", 2), (2, "dose", "first", "made", 1)]
    assert [row.parcel_id for row in ledger.instances_of(1)] == [1, 1, 2]
    first = ledger.claim_deliveries("archive", limit=9, now=MUCH_LATER, owner="s", lease_seconds=60)
    assert [each.parcel.key for each in first] == ["", "dose"]
    assert ledger.settle_delivery(first[0], Dead(code="refused"), now=MUCH_LATER)
    assert series_of(ledger).state is SeriesState.DEAD
    ledger.retry("series:1", who="anna", why="again", now=MUCH_LATER)
    settle_everything(ledger, now=MUCH_LATER + 99)
    assert series_of(ledger).state is SeriesState.SETTLED
    assert ledger.custody().holds
    events = [event.why for event in ledger.events_of() if event.what == "series.packaged"]
    assert events == ["2 instances, first", "1 instance, first"]


def test_an_amendment_has_the_key_of_what_it_amends(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1, 2)
    one, two = (row.id for row in ledger.to_package(1))
    package(ledger, Packaged(parcels=(new_parcel((one,)), new_parcel((two,), key="dose"))))
    cleaned(ledger, feed, 3, 4)
    three, four = (row.id for row in ledger.to_package(1))
    package(
        ledger, Packaged(parcels=(new_parcel((three,), key="dose"), new_parcel((four,), key="x")))
    )
    assert [(each[1], each[2]) for each in kinds(ledger)] == [
        ("", "first"),
        ("dose", "first"),
        ("dose", "amendment"),
        ("x", "first"),
    ]
    parcels = ledger.parcels_of(1)
    assert [row.number for row in amended_by("dose", parcels[:2])] == [2]
    assert amended_by("y", parcels) == ()
    settle_everything(ledger, now=MUCH_LATER + 99)
    assert series_of(ledger).state is SeriesState.SETTLED


# --- again --------------------------------------------------------------------------------------


def test_a_series_goes_again_whole(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1, 2)
    package(ledger, again(ledger, 1))
    assert [each[2] for each in kinds(ledger)] == ["first"]  # there was nothing before
    settle_everything(ledger, now=MUCH_LATER)
    cleaned(ledger, feed, 3)
    assert len(ledger.to_package(1)) == 1
    assert [row.state.value for row in ledger.to_package(1, whole=True)] == [
        "delivered",
        "delivered",
        "cleaned",
    ]
    package(ledger, again(ledger, 1))
    assert kinds(ledger)[1] == (2, "", "again", "made", 3)
    # What was delivered stays delivered, and keeps its bytes until it is delivered again.
    assert ledger.custody().count(Disposition.DELIVERED) == 2
    assert ledger.custody().count(Disposition.ON_ITS_WAY) == 1
    assert ledger.retirable(now=9e9, keep_seconds=0, limit=9) == ()
    settle_everything(ledger, now=MUCH_LATER)
    assert ledger.custody().count(Disposition.DELIVERED) == 3
    assert ledger.custody().holds
    assert [row.parcel_id for row in ledger.instances_of(1)] == [2, 2, 2]
    assert len(ledger.members_of(1)) == 2
    assert len(ledger.retirable(now=9e9, keep_seconds=0, limit=9)) == 3


def test_an_image_delivered_by_the_later_parcel_waits_for_the_earlier_one(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1)
    package(ledger, again(ledger, 1))
    cleaned(ledger, feed, 2)
    package(ledger, again(ledger, 1, "cloud"))
    settle_everything(ledger, "cloud", now=MUCH_LATER)
    assert {row.state for row in ledger.instances_of(1)} == {InstanceState.DELIVERED}
    assert series_of(ledger).state is SeriesState.PACKAGED
    assert [each.instance_id for each in ledger.retirable(now=9e9, keep_seconds=0, limit=9)] == [2]
    assert ledger.custody().holds
    settle_everything(ledger, now=MUCH_LATER)
    assert series_of(ledger).state is SeriesState.SETTLED
    assert ledger.custody().holds


def test_bytes_stay_while_it_may_be_decided_that_all_goes_again(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1)
    package(ledger, again(ledger, 1))
    settle_everything(ledger, now=MUCH_LATER)
    (first,) = ledger.retirable(now=9e9, keep_seconds=0, limit=9)
    feed.at = LATER
    ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    assert ledger.retirable(now=9e9, keep_seconds=0, limit=9) == ()
    assert ledger.retired([first.instance_id], now=9e9) == 0
    held = claim(ledger, SeriesState.REOPENED, now=MUCH_LATER)
    assert ledger.settle_series(held, Dead(code="boom"), now=MUCH_LATER)
    assert ledger.retirable(now=9e9, keep_seconds=0, limit=9) == ()
    # It may be long until a person looks, so they leave their segment.
    assert [each.instance_id for each in ledger.pinning(limit=9)] == [1, 2]


def test_what_is_gone_cannot_go_again(ledger: Ledger) -> None:
    feed = Feed()
    cleaned(ledger, feed, 1)
    package(ledger, again(ledger, 1))
    settle_everything(ledger, now=MUCH_LATER)
    assert ledger.retired([1], now=9e9) == 1
    cleaned(ledger, feed, 2)
    assert [row.bytes_gone_at for row in ledger.to_package(1, whole=True)] == [9e9, None]
    held = claim(ledger, SeriesState.CLEANED, now=MUCH_LATER)
    with pytest.raises(NotAllowed, match="bytes of series 1 are gone"):
        ledger.settle_series(held, again(ledger, 1), now=MUCH_LATER)
    ids = tuple(row.id for row in ledger.to_package(1))
    assert ledger.settle_series(held, Packaged(parcels=(new_parcel(ids),)), now=MUCH_LATER)
    assert kinds(ledger)[1] == (2, "", "amendment", "made", 1)


# --- what a policy says -------------------------------------------------------------------------


def test_a_hold_by_policy_says_why_and_what_was_released(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    advance(ledger, SeriesState.COMPLETE)
    held = claim(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=SeriesState.HELD, code="unparsed", reason="no group")
    assert ledger.settle_series(held, outcome, now=LATER)
    row = series_of(ledger)
    assert (row.held_code, row.held_why, row.released_generation) == ("unparsed", "no group", 0)
    ledger.release("series:1", who="anna", why="ok", now=LATER)
    row = series_of(ledger)
    assert (row.held_code, row.released_by, row.released_generation) == ("", "anna", 1)
    feed.at = LATER
    ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    row = series_of(ledger)
    assert (row.generation, row.released_generation) == (2, 1)


def test_a_denial_is_forgotten_when_more_comes(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    advance(ledger, SeriesState.COMPLETE)
    held = claim(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=SeriesState.DENIED, code="opt_out", reason="NOFW")
    assert ledger.settle_series(held, outcome, now=LATER)
    assert (series_of(ledger).held_code, series_of(ledger).held_why) == ("opt_out", "NOFW")
    ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    assert (series_of(ledger).held_code, series_of(ledger).held_why) == ("", "")
    assert series_of(ledger).state is SeriesState.REOPENED


def test_a_decision_may_wait_and_says_what_for(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    held = claim(ledger, SeriesState.OPEN)
    outcome = Advanced(to=SeriesState.COMPLETE, due_at=LATER + 60, waits_for="acquisition delay")
    assert ledger.settle_series(held, outcome, now=LATER)
    assert series_of(ledger).waits_for == "acquisition delay"
    states = [SeriesState.COMPLETE]
    early = LATER + 59
    assert ledger.claim_series(states, limit=1, now=early, owner="w", lease_seconds=9) == ()
    held = claim(ledger, SeriesState.COMPLETE, now=LATER + 60)
    assert ledger.settle_series(held, Advanced(to=SeriesState.ROUTED), now=LATER + 60)
    assert series_of(ledger).waits_for == ""


# --- hours and the queue ------------------------------------------------------------------------


def queued(ledger: Ledger, *prios: int) -> None:
    """A packaged series for each priority, in a study of its own."""
    feed = Feed()
    for number, prio in enumerate(prios, start=1):
        ledger.index([feed.indexed(number, 1, 1)], now=1000)
        advance(ledger, SeriesState.CLEANED)
        held = claim(ledger, SeriesState.CLEANED)
        ids = tuple(row.id for row in ledger.to_package(held.id))
        parcel = replace(
            new_parcel(ids), deliveries=(NewDelivery(destination="archive", prio=prio),)
        )
        assert ledger.settle_series(held, Packaged(parcels=(parcel,)), now=LATER + number)


def due(ledger: Ledger) -> list[tuple[float, str]]:
    return [(row.due_at, row.waits_for) for row in ledger.deliveries_of()]


def test_deliveries_wait_for_hours_and_the_urgent_do_not(ledger: Ledger) -> None:
    queued(ledger, 100, 20, 160)
    say = {"schedule": "nights", "urgent": 20}
    opens = LATER + 3600.0
    assert ledger.set_opening("other", opens_at=opens, **say, now=LATER + 9) == 0
    assert ledger.set_opening("archive", opens_at=opens, **say, now=LATER + 9) == 2
    assert ledger.set_opening("archive", opens_at=opens, **say, now=LATER + 9) == 0
    closed = (opens, "schedule nights")
    assert due(ledger) == [closed, (LATER + 2, ""), closed]
    urgent = delivery(ledger, now=LATER + 10)
    assert urgent.delivery.prio == 20
    # Other hours, sooner, by another name; then none at all.
    assert ledger.set_opening("archive", opens_at=opens - 60, **say, now=LATER + 10) == 2
    say["schedule"] = "breaks"
    assert ledger.set_opening("archive", opens_at=opens - 60, **say, now=LATER + 10) == 2
    assert due(ledger)[0] == (opens - 60, "schedule breaks")
    assert ledger.set_opening("archive", opens_at=None, **say, now=LATER + 11) == 2
    assert due(ledger)[0] == (LATER + 11, "")
    assert ledger.set_opening("archive", opens_at=None, **say, now=LATER + 12) == 0


def test_one_that_backs_off_beyond_the_hours_is_left_alone(ledger: Ledger) -> None:
    queued(ledger, 100)
    outcome = Retry(at=LATER + 9000, code="boom")
    assert ledger.settle_delivery(delivery(ledger, now=LATER + 9), outcome, now=LATER + 9)
    said = ledger.set_opening(
        "archive", opens_at=LATER + 3600, schedule="nights", urgent=20, now=LATER + 9
    )
    assert said == 0
    assert due(ledger) == [(LATER + 9000, "")]


def test_only_the_urgent_can_be_claimed(ledger: Ledger) -> None:
    queued(ledger, 100, 20)
    found = ledger.claim_deliveries(
        "archive", limit=9, now=LATER + 9, owner="s", lease_seconds=60, prio_at_most=20
    )
    assert [each.delivery.prio for each in found] == [20]


def test_the_queue_says_how_many_how_old_and_when(ledger: Ledger) -> None:
    assert ledger.queue(now=1) == ()
    queued(ledger, 100, 20, 160, 100, 100)
    now = LATER + 100
    assert ledger.settle_delivery(
        ledger.claim_deliveries(
            "archive", limit=1, now=now, owner="s", lease_seconds=60, prio_at_most=20
        )[0],
        Retry(at=now + 30, code="boom"),
        now=now,
    )
    ledger.set_opening("archive", opens_at=now + 600, schedule="nights", urgent=20, now=now)
    ledger.hold("study:4", who="anna", why="look", now=now)
    assert ledger.queue(now=now) == (
        QueueLane(
            destination="archive",
            count=5,
            sending=0,
            urgent=1,
            held=1,
            failing=1,
            dead=0,
            bytes=50,
            oldest_at=LATER + 1,
            next_at=now + 30,
            last_at=now + 600,
            waits=(QueueWait(why="schedule nights", count=4, until=now + 600),),
        ),
    )
    ledger.set_opening("archive", opens_at=None, schedule="nights", urgent=20, now=now)
    for each in ledger.claim_deliveries("archive", limit=2, now=now, owner="s", lease_seconds=60):
        assert ledger.settle_delivery(each, Dead(code="refused"), now=now)
    (lane,) = ledger.queue(now=now + 5)
    assert (lane.count, lane.dead, lane.next_at, lane.waits) == (3, 2, now + 5, ())


def test_a_queue_of_which_all_is_held_has_no_time(ledger: Ledger) -> None:
    queued(ledger, 100)
    ledger.hold("series:1", who="anna", why="look", now=LATER)
    (lane,) = ledger.queue(now=LATER)
    assert (lane.count, lane.held, lane.next_at, lane.last_at) == (1, 1, None, None)


def test_states_that_are_in_use_are_covered_here() -> None:
    """A reminder for whoever adds one."""
    assert set(ParcelKind) == {"first", "amendment", "again"}
    assert set(ParcelState) == {"made", "settled", "retired", "withdrawn"}
    assert set(DeliveryState) == {"due", "sending", "verified", "dead", "withdrawn"}
