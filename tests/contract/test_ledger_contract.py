"""Intake, duplicates and late arrivals: what holds on every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ledger_steps import LATER, advance, claim, delivery, parcel_of, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Arrival,
    Dead,
    InstanceState,
    Ledger,
    SeriesState,
    StudyState,
    Verified,
)
from causeway.testing.feed import Feed, sop_uid
from causeway.values import Disposition, Identity

# --- intake -------------------------------------------------------------------------------------


def test_a_batch_makes_study_series_and_instances(ledger: Ledger) -> None:
    feed = Feed()
    items = [
        feed.indexed(1, 1, 1),
        feed.indexed(1, 1, 2, expected_count=7),
        feed.indexed(1, 2, 1),
        feed.indexed(2, 1, 1),
    ]
    outcomes = ledger.index(items, now=1000)
    assert [each.arrival for each in outcomes] == [Arrival.FRESH] * 4
    assert outcomes[0].series_id == outcomes[1].series_id != outcomes[2].series_id
    assert outcomes[0].study_id == outcomes[2].study_id != outcomes[3].study_id
    assert outcomes[0].series_id is not None
    series = ledger.series(outcomes[0].series_id)
    assert series is not None
    assert (series.instance_count, series.expected_count) == (2, 7)
    assert (series.first_at, series.last_at, series.due_at) == (1000, 1001, 1031)
    instance = ledger.instance(outcomes[1].instance_id or 0)
    assert instance is not None
    assert instance.address == items[1].record.address == instance.origin
    assert instance.digest == items[1].record.digest
    assert instance.calling_ae == "CT1"


def test_repeating_a_batch_changes_nothing(ledger: Ledger) -> None:
    feed = Feed()
    items = [feed.indexed(1, 1, 1), feed.unreadable("x"), feed.damaged(), feed.indexed(1, 1, 2)]
    first = ledger.index(items, now=1000)
    before = ledger.custody()
    again = ledger.index(items, now=2000)
    assert [each.arrival for each in again] == [
        Arrival.KNOWN,
        Arrival.KNOWN,
        Arrival.PASSED,
        Arrival.KNOWN,
    ]
    assert [each.instance_id for each in again] == [each.instance_id for each in first]
    assert ledger.custody() == before
    assert before.received == 3
    (position,) = ledger.positions()
    assert (position.offset, position.records, position.damages) == (feed.offset, 3, 1)


def test_a_batch_may_overlap_what_is_known(ledger: Ledger) -> None:
    feed = Feed()
    items = [feed.indexed(1, 1, number) for number in range(6)]
    ledger.index(items[:4], now=1000)
    arrivals = [each.arrival for each in ledger.index(items[2:], now=1001)]
    assert arrivals == [Arrival.KNOWN] * 2 + [Arrival.FRESH] * 2
    assert ledger.custody().received == 6


def test_a_record_twice_in_one_batch_is_one(ledger: Ledger) -> None:
    item = Feed().indexed()
    first, second = ledger.index([item, item], now=1000)
    assert (first.arrival, second.arrival) == (Arrival.FRESH, Arrival.KNOWN)
    assert first.instance_id == second.instance_id
    assert ledger.custody().received == 1


def test_a_gap_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    feed = Feed()
    first, _lost, third = (feed.indexed(1, 1, number) for number in range(3))
    ledger.index([first], now=1000)
    other = Feed(container="segment-000002.1").indexed(9, 9, 9)
    with pytest.raises(NotAllowed, match="cannot be indexed before"):
        ledger.index([other, third], now=1001)
    assert ledger.custody().received == 1
    assert len(ledger.search()) == 1


def test_containers_are_independent(ledger: Ledger) -> None:
    one, two = Feed(container="a.1"), Feed(container="b.1")
    batch = [one.indexed(1, 1, 1), two.indexed(1, 1, 2), one.indexed(1, 1, 3)]
    assert {each.arrival for each in ledger.index(batch, now=1000)} == {Arrival.FRESH}
    assert [(each.container, each.records) for each in ledger.positions()] == [
        ("a.1", 2),
        ("b.1", 1),
    ]


def test_later_headers_fill_in_what_the_first_left_empty(ledger: Ledger) -> None:
    feed = Feed()
    first, second, third = (feed.indexed(1, 1, number) for number in range(3))
    poor = replace(first, header=replace(first.header, identity=Identity(patient_id="A")))
    other = replace(third, header=replace(third.header, identity=Identity(patient_id="B")))
    ledger.index([poor], now=1000)
    ledger.index([second], now=1001)
    ledger.index([other], now=1002)
    (study,) = ledger.search("planted1")
    assert study.identity.patient_id == "A"
    assert study.identity.accession_number == "ACC00001"


# --- duplicates and conflicts -------------------------------------------------------------------

Prepare = Callable[[Ledger, Feed], None]


def _live(ledger: Ledger, feed: Feed) -> None:
    ledger.index([feed.indexed(data="a")], now=1000)


def _retired(ledger: Ledger, feed: Feed) -> None:
    _live(ledger, feed)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    found = ledger.retirable(now=LATER, keep_seconds=0, limit=10)
    assert ledger.retired([each.instance_id for each in found], now=LATER) == 1


def _unreadable(ledger: Ledger, feed: Feed) -> None:
    ledger.index([feed.unreadable("a", uid=sop_uid(1, 1, 1))], now=1000)


def _discarded(ledger: Ledger, feed: Feed) -> None:
    _unreadable(ledger, feed)
    ledger.quarantine_discard(1, who="op", why="junk", now=1001)


def _conflicting(ledger: Ledger, feed: Feed) -> None:
    ledger.index([feed.indexed(data="first"), feed.indexed(data="a")], now=1000)


@pytest.mark.parametrize(
    ("prepare", "same", "other"),
    [
        (_live, Arrival.DUPLICATE, Arrival.CONFLICT),
        (_retired, Arrival.DUPLICATE, Arrival.CONFLICT),
        (_unreadable, Arrival.FRESH, Arrival.FRESH),
        (_discarded, Arrival.FRESH, Arrival.FRESH),
        (_conflicting, Arrival.DUPLICATE, Arrival.CONFLICT),
    ],
)
def test_what_arrives_beside_one_of_its_uid(
    ledger: Ledger, prepare: Prepare, same: Arrival, other: Arrival
) -> None:
    feed = Feed()
    prepare(ledger, feed)
    (outcome,) = ledger.index([feed.indexed(data="b")], now=2000)
    assert outcome.arrival is other
    if other is Arrival.FRESH:  # it is the owner of the UID now
        feed = Feed(container="other.1")
        with_same = Arrival.CONFLICT
    else:
        with_same = same
    (outcome,) = ledger.index([feed.indexed(data="a")], now=2001)
    assert outcome.arrival is with_same
    assert ledger.custody().holds


@pytest.mark.parametrize("prepare", [_live, _retired, _unreadable, _conflicting])
def test_an_unreadable_repetition_is_a_duplicate(ledger: Ledger, prepare: Prepare) -> None:
    feed = Feed()
    prepare(ledger, feed)
    (outcome,) = ledger.index([feed.unreadable("a", uid=sop_uid(1, 1, 1))], now=2000)
    assert outcome.arrival is Arrival.DUPLICATE


def test_readable_now_is_not_a_duplicate_of_unreadable_then(ledger: Ledger) -> None:
    feed = Feed()
    _unreadable(ledger, feed)
    (outcome,) = ledger.index([feed.indexed(data="a")], now=2000)
    assert outcome.arrival is Arrival.FRESH


def test_duplicates_and_conflicts_within_one_batch(ledger: Ledger) -> None:
    feed = Feed()
    batch = [
        feed.indexed(data="a"),
        feed.indexed(data="a"),
        feed.indexed(data="b"),
        feed.indexed(data="b"),
        feed.indexed(2, 5, 1, uid=sop_uid(1, 1, 1), data="c"),
    ]
    outcomes = ledger.index(batch, now=1000)
    assert [each.arrival for each in outcomes] == [
        Arrival.FRESH,
        Arrival.DUPLICATE,
        Arrival.CONFLICT,
        Arrival.DUPLICATE,
        Arrival.CONFLICT,
    ]
    original = ledger.instance(outcomes[0].instance_id or 0)
    conflict = ledger.instance(outcomes[2].instance_id or 0)
    duplicate = ledger.instance(outcomes[3].instance_id or 0)
    elsewhere = ledger.instance(outcomes[4].instance_id or 0)
    assert original is not None
    assert conflict is not None
    assert duplicate is not None
    assert elsewhere is not None
    assert original.conflict
    assert (conflict.state, conflict.reason) == (InstanceState.QUARANTINED, "conflict")
    assert conflict.original_id == original.id
    assert duplicate.original_id == conflict.id
    assert elsewhere.study_id != original.study_id
    (series,) = ledger.series_of(original.study_id or 0)
    assert series.instance_count == 1
    custody = ledger.custody()
    assert custody.holds
    assert custody.count(Disposition.DUPLICATE) == 2
    assert custody.count(Disposition.QUARANTINED) == 2


def test_a_duplicate_neither_moves_nor_reopens_its_series(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed()], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    before = ledger.series(1)
    ledger.index([feed.indexed()], now=5000)
    assert ledger.series(1) == before
    study = ledger.study(1)
    assert study is not None
    assert (study.received_count, study.instance_count) == (2, 1)


# --- late arrivals ------------------------------------------------------------------------------


def test_an_arrival_moves_the_due_time_and_never_back(ledger: Ledger) -> None:
    feed = Feed()
    first, second = feed.indexed(1, 1, 1), feed.indexed(1, 1, 2)
    ledger.index([first, second], now=1000)
    early = Feed(container="b.1", at=900.0)
    ledger.index([early.indexed(1, 1, 3)], now=1003)
    series = ledger.series(1)
    assert series is not None
    assert series.due_at == second.due_at
    assert series.first_at == 900


def test_an_arrival_voids_the_claim_of_completion(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    held = claim(ledger, SeriesState.OPEN)
    (outcome,) = ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    assert outcome.arrival is Arrival.FRESH
    assert not ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.generation, series.attempt) == (SeriesState.OPEN, 2, 0)
    assert series.owner is None


@pytest.mark.parametrize(
    "state",
    [SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED],
)
@pytest.mark.parametrize("in_hand", [False, True])
def test_a_late_arrival_reopens(ledger: Ledger, state: SeriesState, *, in_hand: bool) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    advance(ledger, state)
    claims = ledger.claim_series(
        [state], limit=1 if in_hand else 0, now=LATER, owner="slow", lease_seconds=60
    )
    (outcome,) = ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    assert outcome.arrival is Arrival.REOPENED
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.generation) == (SeriesState.REOPENED, 2)
    assert {each.state for each in ledger.instances_of(1)} == {InstanceState.INDEXED}
    for each in claims:
        outcome_of_worker = (
            parcel_of(ledger, 1)
            if state is SeriesState.CLEANED
            else Advanced(
                to=SeriesState.ROUTED if state is SeriesState.COMPLETE else SeriesState.CLEANED
            )
        )
        assert not ledger.settle_series(each, outcome_of_worker, now=LATER)
    assert ledger.parcels_of(1) == ()
    advance(ledger, SeriesState.PACKAGED, now=LATER + 100)
    (parcel,) = ledger.parcels_of(1)
    assert parcel.instance_count == 2
    assert ledger.custody().violations == ()


def test_a_late_arrival_after_packaging_makes_an_amendment(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    sending = delivery(ledger)
    ledger.index([feed.indexed(1, 1, 2), feed.indexed(1, 1, 3)], now=LATER)
    # What is on its way goes on, and counts when it is there.
    assert ledger.settle_delivery(sending, Verified(), now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.REOPENED
    assert ledger.custody().count(Disposition.DELIVERED) == 1
    advance(ledger, SeriesState.PACKAGED, now=LATER + 100)
    first, second = ledger.parcels_of(1)
    assert (first.number, first.instance_count) == (1, 1)
    assert (second.number, second.instance_count, second.generation) == (2, 2, 2)
    settle_everything(ledger, now=LATER + 100)
    study = ledger.study(1)
    assert study is not None
    assert study.state is StudyState.SETTLED
    custody = ledger.custody()
    assert custody.holds
    assert custody.count(Disposition.DELIVERED) == 3


def test_a_late_arrival_reopens_what_is_settled_denied_or_dead(ledger: Ledger) -> None:
    feed = Feed()
    for number, end in enumerate(("settled", "denied", "dead"), start=1):
        ledger.index([feed.indexed(number, 1, 1)], now=1000)
        advance(ledger, SeriesState.COMPLETE)
        if end == "settled":
            advance(ledger, SeriesState.PACKAGED)
            settle_everything(ledger)
        elif end == "denied":
            held = claim(ledger, SeriesState.COMPLETE)
            ledger.settle_series(held, Advanced(to=SeriesState.DENIED, reason="opt-out"), now=LATER)
        else:
            held = claim(ledger, SeriesState.COMPLETE)
            ledger.settle_series(held, Dead(code="boom"), now=LATER)
        series = ledger.series(number)
        assert series is not None
        assert series.state.value == end
        (outcome,) = ledger.index([feed.indexed(number, 1, 2)], now=LATER)
        assert outcome.arrival is Arrival.REOPENED
        series = ledger.series(number)
        assert series is not None
        assert series.state is SeriesState.REOPENED
        assert (series.fail_code, series.resumes_as) == ("", None)
        # Out of the way of the next.
        ledger.hold(f"series:{number}", who="op", why="test", now=LATER)


def test_a_late_arrival_leaves_a_held_series_held(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    advance(ledger, SeriesState.CLEANED)
    ledger.hold("series:1", who="op", why="wait", now=LATER)
    (outcome,) = ledger.index([feed.indexed(1, 1, 2)], now=LATER)
    assert outcome.arrival is Arrival.REOPENED
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.resumes_as) == (SeriesState.HELD, SeriesState.REOPENED)
    assert ledger.custody().count(Disposition.HELD) == 2
    ledger.release("series:1", who="op", why="go", now=LATER + 100)
    advance(ledger, SeriesState.PACKAGED, now=LATER + 200)
    assert ledger.parcels_of(1)[0].instance_count == 2
