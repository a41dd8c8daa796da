"""A person says where something goes: what holds on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance, again, claim, delivery, parcel_of, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Dead,
    DeliveryState,
    InstanceState,
    Ledger,
    ParcelState,
    Rerouted,
    Retry,
    SeriesRow,
    SeriesState,
    Verified,
)
from causeway.testing.feed import Feed, series_uid, study_uid
from causeway.values import Disposition

ANNA = {"who": "anna", "why": "wrong project"}
THERE = "fw://neuro/Amnesia"
MUCH_LATER = LATER + 10_000


def row(ledger: Ledger, number: int = 1) -> SeriesRow:
    found = ledger.series(number)
    assert found is not None
    return found


def states(ledger: Ledger) -> list[str]:
    return [each.state.value for each in ledger.instances_of(1)]


def one_series(ledger: Ledger, to: SeriesState | None = None, *destinations: str) -> Feed:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 1, 2)], now=1000)
    if to is not None:
        advance(ledger, to, *destinations)
    return feed


def reroute(ledger: Ledger, reference: str = "series:1", now: float = LATER) -> Rerouted:
    done = ledger.reroute(reference, routing=THERE, **ANNA, now=now)
    assert ledger.custody().holds, ledger.custody().violations
    return done


# --- before delivery ------------------------------------------------------------------------------


def test_of_what_is_still_arriving_it_is_noted(ledger: Ledger) -> None:
    one_series(ledger)
    held = claim(ledger, SeriesState.OPEN)
    done = reroute(ledger)
    assert (done.series_ids, done.again_ids, done.withdrawn, done.standing) == ((1,), (), 0, ())
    assert row(ledger).state is SeriesState.OPEN
    assert not ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)
    said = ledger.reroute_of(1)
    assert said is not None
    assert (said.routing, said.destinations, said.who, said.series_id) == (THERE, (), "anna", 1)


@pytest.mark.parametrize("state", [SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED])
def test_it_is_decided_anew(ledger: Ledger, state: SeriesState) -> None:
    one_series(ledger, state)
    (held,) = ledger.claim_series([state], limit=9, now=LATER, owner="w", lease_seconds=60)
    reroute(ledger)
    assert (row(ledger).state, row(ledger).verdict) == (SeriesState.COMPLETE, "")
    assert states(ledger) == ["indexed", "indexed"]
    assert not ledger.renew([held], now=LATER, lease_seconds=60)[0]
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    assert row(ledger).state is SeriesState.SETTLED


def test_a_parcel_that_has_not_gone_is_withdrawn(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED, "archive", "cloud")
    done = reroute(ledger)
    assert (done.withdrawn, done.standing) == (1, ())
    assert [each.state for each in ledger.parcels_of(1)] == [ParcelState.WITHDRAWN]
    assert {each.state for each in ledger.deliveries_of()} == {DeliveryState.WITHDRAWN}
    assert row(ledger).state is SeriesState.COMPLETE
    assert states(ledger) == ["indexed", "indexed"]
    assert ledger.claim_deliveries("archive", limit=9, now=9e9, owner="s", lease_seconds=1) == ()
    advance(ledger, SeriesState.PACKAGED, "other")
    assert [(each.number, each.kind.value) for each in ledger.parcels_of(1)] == [
        (1, "first"),
        (2, "first"),
    ]
    settle_everything(ledger, "other")
    assert row(ledger).state is SeriesState.SETTLED
    assert ledger.custody().count(Disposition.DELIVERED) == 2
    assert ledger.custody().holds
    assert ledger.queue(now=9e9) == ()
    with pytest.raises(NotAllowed):
        ledger.retry("series:1", **ANNA, now=9e9)
    assert len(ledger.retirable(now=9e9, keep_seconds=0, limit=9)) == 2


def test_what_is_being_sent_is_said_and_its_end_does_not_count(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED, "archive", "cloud")
    sending = delivery(ledger, "archive")
    done = reroute(ledger)
    (stands,) = done.standing
    assert (stands.destination, stands.reference, stands.certain) == ("archive", "/parcel", False)
    assert ledger.renew([sending], now=LATER, lease_seconds=9) == (False,)
    assert not ledger.settle_delivery(sending, Verified(reference="here"), now=LATER)
    assert ledger.custody().holds
    said = [event.why for event in ledger.events_of() if event.what == "delivery.withdrawn"]
    assert said == ["it was being sent", ""]


def test_what_one_of_two_has_stands_there(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED, "archive", "cloud")
    assert ledger.settle_delivery(delivery(ledger), Verified(reference="a/b.zip"), now=LATER)
    assert ledger.settle_delivery(delivery(ledger, "cloud"), Dead(code="refused"), now=LATER)
    assert row(ledger).state is SeriesState.DEAD
    done = reroute(ledger)
    assert [(each.destination, each.reference, each.certain) for each in done.standing] == [
        ("archive", "a/b.zip", True),
        ("cloud", "/parcel", False),
    ]
    assert done.again_ids == ()
    assert (row(ledger).state, row(ledger).fail_code) == (SeriesState.COMPLETE, "")
    assert [each.state.value for each in ledger.deliveries_of()] == ["verified", "withdrawn"]


# --- after delivery -------------------------------------------------------------------------------


def delivered(ledger: Ledger) -> Feed:
    feed = one_series(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    return feed


def test_what_was_delivered_goes_again_whole(ledger: Ledger) -> None:
    delivered(ledger)
    done = reroute(ledger)
    assert (done.again_ids, done.withdrawn) == ((1,), 0)
    assert [(each.reference, each.certain) for each in done.standing] == [("there", True)]
    assert (row(ledger).state, row(ledger).whole) == (SeriesState.COMPLETE, True)
    assert states(ledger) == ["delivered", "delivered"]
    assert ledger.custody().count(Disposition.DELIVERED) == 2
    assert ledger.retirable(now=9e9, keep_seconds=0, limit=9) == ()
    advance(ledger, SeriesState.CLEANED)
    assert ledger.to_package(1) == ()
    held = claim(ledger, SeriesState.CLEANED)
    ids = tuple(each.id for each in ledger.to_package(1, whole=True))
    assert ids == (1, 2)
    assert ledger.settle_series(held, again(ledger, 1, "other"), now=LATER)
    assert not row(ledger).whole
    assert [each.kind.value for each in ledger.parcels_of(1)] == ["first", "again"]
    settle_everything(ledger, "other")
    assert row(ledger).state is SeriesState.SETTLED
    assert ledger.custody().holds


def test_more_that_comes_meanwhile_goes_with_it(ledger: Ledger) -> None:
    feed = delivered(ledger)
    reroute(ledger)
    feed.at = LATER
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    assert (row(ledger).state, row(ledger).whole) == (SeriesState.REOPENED, True)
    advance(ledger, SeriesState.CLEANED, now=MUCH_LATER)
    assert len(ledger.to_package(1, whole=True)) == 3


def test_what_came_late_and_has_not_gone_goes_with_it(ledger: Ledger) -> None:
    feed = delivered(ledger)
    feed.at = LATER
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    advance(ledger, SeriesState.PACKAGED, now=MUCH_LATER)
    done = reroute(ledger, now=MUCH_LATER)
    assert (done.again_ids, done.withdrawn) == ((1,), 1)
    assert states(ledger) == ["delivered", "delivered", "indexed"]


def test_bytes_that_are_gone_cannot_go_again(ledger: Ledger) -> None:
    delivered(ledger)
    assert ledger.retired([1], now=9e9) == 1
    before = (row(ledger), ledger.events_of())
    with pytest.raises(NotAllowed, match=r"bytes of 1 delivered instances are gone \(series:1\)"):
        ledger.reroute("study:1", routing=THERE, **ANNA, now=9e9)
    assert (row(ledger), ledger.events_of()) == before
    assert ledger.reroute_of(1) is None


# --- holds and denials ----------------------------------------------------------------------------


@pytest.mark.parametrize("to", [SeriesState.HELD, SeriesState.DENIED])
def test_it_answers_what_the_rules_have_stopped(ledger: Ledger, to: SeriesState) -> None:
    one_series(ledger, SeriesState.COMPLETE)
    held = claim(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=to, code="unparsed", reason="no group")
    assert ledger.settle_series(held, outcome, now=LATER)
    reroute(ledger)
    after = row(ledger)
    assert (after.state, after.held_by, after.held_code, after.held_why) == (
        SeriesState.COMPLETE,
        "",
        "",
        "",
    )


def test_it_does_not_answer_what_a_person_has_stopped(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED)
    ledger.hold("series:1", who="bert", why="look", now=LATER)
    done = reroute(ledger)
    assert done.withdrawn == 1
    assert (row(ledger).state, row(ledger).resumes_as) == (SeriesState.HELD, SeriesState.COMPLETE)
    assert row(ledger).held_by == "bert"
    ledger.release("series:1", who="bert", why="ok", now=LATER)
    assert row(ledger).state is SeriesState.COMPLETE
    assert states(ledger) == ["indexed", "indexed"]


def test_one_that_came_while_it_was_held_is_awaited(ledger: Ledger) -> None:
    feed = one_series(ledger, SeriesState.COMPLETE)
    held = claim(ledger, SeriesState.COMPLETE)
    assert ledger.settle_series(held, Advanced(to=SeriesState.HELD, reason="x"), now=LATER)
    feed.at = LATER
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    reroute(ledger)
    assert (row(ledger).state, row(ledger).due_at) == (SeriesState.REOPENED, LATER + 30)


def test_what_failed_at_completion_stays_so(ledger: Ledger) -> None:
    one_series(ledger)
    assert ledger.settle_series(claim(ledger, SeriesState.OPEN), Dead(code="boom"), now=LATER)
    reroute(ledger)
    assert (row(ledger).state, row(ledger).fail_code) == (SeriesState.DEAD, "boom")
    ledger.retry("series:1", **ANNA, now=LATER)
    assert row(ledger).state is SeriesState.OPEN


def test_what_failed_later_is_tried_again(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.COMPLETE)
    held = claim(ledger, SeriesState.COMPLETE)
    assert ledger.settle_series(held, Retry(at=LATER + 99, code="boom"), now=LATER)
    reroute(ledger)
    assert (row(ledger).due_at, row(ledger).fail_code) == (LATER, "")


# --- what it is about -----------------------------------------------------------------------------


def test_a_study_is_put_right_in_one_step_with_what_comes_later(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 2, 1), feed.indexed(2, 1, 1)], now=1000)
    advance(ledger, SeriesState.PACKAGED)
    done = ledger.reroute(study_uid(1), routing=THERE, destinations=("b", "a"), **ANNA, now=LATER)
    assert (done.series_ids, done.withdrawn) == ((1, 2), 2)
    assert row(ledger, 3).state is SeriesState.PACKAGED
    feed.at = LATER
    ledger.index([feed.indexed(1, 3, 1)], now=LATER)
    said = ledger.reroute_of(4)
    assert said is not None
    assert (said.id, said.series_id, said.destinations) == (done.id, None, ("b", "a"))
    assert ledger.reroute_of(3) is None
    assert [event.what for event in ledger.events_of(study_id=1) if event.who == "anna"] == [
        "delivery.withdrawn",
        "delivery.withdrawn",
        "study.reroute",
        "series.reroute",
        "series.reroute",
    ]


def test_the_newest_word_counts(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 2, 1)], now=1000)
    study = ledger.reroute("study:1", routing=THERE, **ANNA, now=LATER)
    single = ledger.reroute(series_uid(1, 1), destinations=("a",), **ANNA, now=LATER)
    found = [ledger.reroute_of(number) for number in (1, 2)]
    assert [each.id for each in found if each] == [single.id, study.id]
    last = ledger.reroute("study:1", routing="fw://x/y", **ANNA, now=LATER)
    assert [each.id for each in ledger.reroutes_of(1)] == [study.id, single.id, last.id]
    newest = ledger.reroute_of(1)
    assert newest is not None
    assert newest.routing == "fw://x/y"
    assert ledger.reroute_of(99) is None


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("study:9", {"routing": THERE, **ANNA}),
        ("instance:1", {"routing": THERE, **ANNA}),
        ("study:1", {"routing": THERE, "who": "", "why": "x"}),
        ("study:1", ANNA),
    ],
)
def test_what_makes_no_sense_is_refused(
    ledger: Ledger, reference: str, says: dict[str, str]
) -> None:
    one_series(ledger)
    with pytest.raises(NotAllowed):
        ledger.reroute(reference, **says, now=LATER)
    assert ledger.reroutes_of(1) == ()


def test_where_it_goes_is_not_shown_by_accident(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED)
    assert ledger.settle_delivery(
        delivery(ledger), Verified(reference="planted/name.zip"), now=LATER
    )
    done = ledger.reroute("study:1", routing="fw://g/p/planted", **ANNA, now=LATER)
    shown = repr((done, ledger.reroutes_of(1), ledger.events_of()))
    assert "planted" not in shown
    assert "wrong project" not in shown
    with ledger._db.engine.connect() as connection:
        events = [str(tuple(e)) for e in connection.exec_driver_sql("SELECT * FROM event")]
    assert not [event for event in events if "planted" in event]


def test_the_states_of_instances_are_as_before(ledger: Ledger) -> None:
    one_series(ledger, SeriesState.PACKAGED)
    reroute(ledger)
    assert parcel_of(ledger, 1).parcels[0].instance_ids == (1, 2)
    assert {each.state for each in ledger.instances_of(1)} == {InstanceState.INDEXED}
    assert {each.parcel_id for each in ledger.instances_of(1)} == {None}
