"""Quarantine, and what a person reads: what holds on every database."""

from __future__ import annotations

import time

import pytest
from ledger_steps import LATER, advance, parcel_of, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    Arrival,
    Dead,
    InstanceState,
    Ledger,
    SeriesRow,
    SeriesState,
    StudyRow,
)
from causeway.testing.feed import Feed, sop_uid
from causeway.values import Disposition

WHO = {"who": "anna", "why": "because"}


def one_series(ledger: Ledger) -> Feed:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 1, 2)], now=1000)
    return feed


def state_of(ledger: Ledger, series_id: int = 1) -> SeriesState:
    series = ledger.series(series_id)
    assert series is not None
    return series.state


# --- quarantine ---------------------------------------------------------------------------------


def test_a_conflict_is_let_through_into_its_series(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(data="a"), feed.indexed(data="b")], now=1000)
    (kept,) = ledger.quarantined()
    outcome = ledger.quarantine_release(kept.id, **WHO, now=1001)
    assert (outcome.arrival, outcome.series_id) == (Arrival.FRESH, 1)
    released = ledger.instance(kept.id)
    assert released is not None
    assert released.approved
    assert released.state is InstanceState.INDEXED
    assert ledger.quarantined() == ()
    advance(ledger, SeriesState.PACKAGED)
    first, second = ledger.members_of(1)
    assert first.sop_instance_uid == second.sop_instance_uid
    settle_everything(ledger)
    assert ledger.custody().holds
    assert ledger.custody(1).count(Disposition.DELIVERED) == 2


def test_a_conflict_in_a_series_that_is_settled_amends_it(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(data="a")], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    ledger.index([feed.indexed(data="b")], now=LATER)
    assert state_of(ledger) is SeriesState.SETTLED
    (kept,) = ledger.quarantined()
    outcome = ledger.quarantine_release(kept.id, **WHO, now=LATER)
    assert outcome.arrival is Arrival.REOPENED
    advance(ledger, SeriesState.PACKAGED, now=LATER)
    assert [each.instance_count for each in ledger.parcels_of(1)] == [1, 1]


def test_an_unreadable_object_is_let_through_as_it_is(ledger: Ledger) -> None:
    ledger.index([Feed().unreadable("x", reason="no-study-uid")], now=1000)
    outcome = ledger.quarantine_release(1, **WHO, now=1001)
    assert outcome.study_id is not None
    study = ledger.study(outcome.study_id)
    assert study is not None
    assert study.study_instance_uid == "as-is/1"
    assert study.received_count == 1
    (instance,) = ledger.instances_of(outcome.series_id or 0)
    assert instance.approved
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    assert ledger.custody().holds
    assert ledger.custody(study.id).count(Disposition.DELIVERED) == 1


def test_what_can_be_read_by_now_is_indexed_like_an_arrival(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.unreadable("x", uid="1.9"), feed.indexed(1, 1, 1)], now=1000)
    read = Feed().indexed(1, 1, 2, data="x")
    with pytest.raises(NotAllowed, match="not the object"):
        ledger.quarantine_release(1, **WHO, now=1001, item=Feed().indexed(1, 1, 2, data="y"))
    outcome = ledger.quarantine_release(1, **WHO, now=1001, item=read)
    instance = ledger.instance(1)
    assert instance is not None
    assert (instance.series_id, instance.approved) == (outcome.series_id, False)
    assert instance.sop_instance_uid == sop_uid(1, 1, 2)
    study = ledger.study(1)
    assert study is not None
    assert (study.received_count, study.instance_count) == (2, 2)
    assert ledger.custody().holds


def test_what_has_arrived_again_since_becomes_a_duplicate(ledger: Ledger) -> None:
    feed = Feed()
    uid = sop_uid(1, 1, 1)
    ledger.index([feed.unreadable("x", uid=uid)], now=1000)
    ledger.index([feed.indexed(1, 1, 1, data="x")], now=1001)
    outcome = ledger.quarantine_release(1, **WHO, now=1002)
    assert outcome.arrival is Arrival.DUPLICATE
    instance = ledger.instance(1)
    assert instance is not None
    assert (instance.state, instance.original_id) == (InstanceState.DUPLICATE, 2)
    assert ledger.custody().holds
    assert ledger.custody(1).holds


def test_a_discarded_object_leaves_a_receipt(ledger: Ledger) -> None:
    ledger.index([Feed().unreadable("x")], now=1000)
    ledger.quarantine_discard(1, who="anna", why="test image", now=1001)
    receipt = ledger.instance(1)
    assert receipt is not None
    assert (receipt.state, receipt.reason) == (InstanceState.DISCARDED, "truncated")
    for move in (ledger.quarantine_discard, ledger.quarantine_release):
        with pytest.raises(NotAllowed):
            move(1, **WHO, now=1002)
    event = ledger.events_of(instance_id=1)[-1]
    assert (event.who, event.what, event.why) == ("anna", "instance.discarded", "test image")


def test_only_what_is_in_quarantine_is_released_or_discarded(ledger: Ledger) -> None:
    one_series(ledger)
    for move in (ledger.quarantine_discard, ledger.quarantine_release):
        for wrong in (1, 99):
            with pytest.raises(NotAllowed):
                move(wrong, **WHO, now=1002)
    assert ledger.custody().count(Disposition.ON_ITS_WAY) == 2


# --- what a person reads ------------------------------------------------------------------------


def test_a_life_is_written_down(ledger: Ledger) -> None:
    feed = one_series(ledger)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    ledger.hold("study:1", who="anna", why="look", now=LATER)
    life = [(each.who, each.what) for each in ledger.events_of(study_id=1)]
    assert life == [
        ("causeway", "series.open"),
        ("causeway", "series.complete"),
        ("causeway", "series.routed"),
        ("causeway", "series.cleaned"),
        ("causeway", "series.packaged"),
        ("causeway", "delivery.verified"),
        ("causeway", "series.settled"),
        ("causeway", "series.reopened"),
        ("anna", "study.hold"),
    ]
    assert [each.what for each in ledger.events_of(series_id=1, limit=1)] == ["series.reopened"]


def test_the_summary_counts_everything(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 1, 2)], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger, now=LATER)
    ledger.index(
        [feed.indexed(2, 1, 1), feed.indexed(3, 1, 1), feed.unreadable("x"), feed.indexed(1, 1, 1)],
        now=LATER,
    )
    advance(ledger, SeriesState.COMPLETE)
    ledger.settle_series(
        ledger.claim_series([SeriesState.COMPLETE], limit=1, now=LATER, owner="w", lease_seconds=1)[
            0
        ],
        Dead(code="boom"),
        now=LATER,
    )
    ledger.hold("study:3", **WHO, now=LATER)
    summary = ledger.summary(now=LATER)
    series = {each.state: each.count for each in summary.series if each.count}
    assert series == {"settled": 1, "dead": 1, "complete": 1}
    studies = {each.state: each.count for each in summary.studies if each.count}
    assert studies == {"settled": 1, "dead": 1, "held": 1}
    instances = {each.state: each.count for each in summary.instances if each.count}
    assert instances == {"delivered": 2, "indexed": 2, "quarantined": 1, "duplicate": 1}
    assert [(each.destination, each.state.value, each.count) for each in summary.deliveries] == [
        ("archive", "verified", 1)
    ]
    assert (summary.held_studies, summary.held_series, summary.dead_series) == (1, 0, 1)
    assert (summary.quarantined, summary.dead_deliveries) == (1, 0)
    assert summary.bytes_awaiting == 2 * 924
    assert summary.oldest_undelivered_at == 1002
    assert summary.last_delivered_at == LATER
    assert summary.last_received_at == 1005


def test_an_empty_ledger_answers_everything(ledger: Ledger) -> None:
    assert ledger.search() == ledger.search("x") == ledger.quarantined() == ()
    assert ledger.positions() == ledger.idle_containers() == ledger.tallies() == ()
    assert ledger.custody().holds
    assert ledger.custody(1).received == 0
    assert ledger.summary(now=1).oldest_undelivered_at is None
    assert ledger.next_due_at(now=1) is None
    assert ledger.study(1) is ledger.series(1) is ledger.instance(1) is ledger.parcel(1) is None
    assert ledger.index([], now=1) == ()
    assert abs(ledger.now() - time.time()) < 60


@pytest.mark.parametrize("kind", ["study", "series"])
def test_rows_name_what_they_are(ledger: Ledger, kind: str) -> None:
    one_series(ledger)
    found = ledger.find(f"{kind}:1")
    assert isinstance(found, StudyRow if kind == "study" else SeriesRow)
    assert parcel_of(ledger, 1).parcels[0].instance_ids == (1, 2)
