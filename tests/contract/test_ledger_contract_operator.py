"""What a person does and finds: what holds on every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from ledger_steps import LATER, advance, claim, delivery, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Arrival,
    Dead,
    DeliveryState,
    Ledger,
    Retry,
    SeriesState,
    StudyState,
    Verified,
)
from causeway.testing.feed import Feed, series_uid, sop_uid, study_uid
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


# --- finding ------------------------------------------------------------------------------------


def test_a_reference_is_a_uid_or_an_id(ledger: Ledger) -> None:
    one_series(ledger)
    assert ledger.find(study_uid(1)) == ledger.find("study:1") == ledger.study(1)
    assert ledger.find(series_uid(1, 1)) == ledger.find("series:1") == ledger.series(1)
    assert ledger.find(sop_uid(1, 1, 2)) == ledger.find("instance:2") == ledger.instance(2)
    for nothing in ("study:9", "series:x", "1.2.3", "", "destination:1", f"study:{10**30}"):
        assert ledger.find(nothing) is None


def test_a_series_uid_in_two_studies_has_to_be_told_apart(ledger: Ledger) -> None:
    feed = Feed()
    first, second = feed.indexed(1, 1, 1), feed.indexed(2, 1, 1)
    header = replace(second.header, series_instance_uid=first.header.series_instance_uid)
    ledger.index([first, replace(second, header=header)], now=1000)
    assert len(ledger.search()) == 2
    with pytest.raises(NotAllowed, match=r"series:1, series:2"):
        ledger.find(series_uid(1, 1))


def test_search_is_tolerant(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(number, 1, 1) for number in (1, 2, 3)], now=1000)

    def found(text: str) -> list[str]:
        return [each.identity.patient_id for each in ledger.search(text)]

    assert found("") == ["ID-0003", "ID-0002", "ID-0001"]
    assert found("planted2") == found("PLÄNTED2^NÀME") == found("name  planted2") == ["ID-0002"]
    assert found("id-0003") == found("acc00003") == found("schadel 3") == ["ID-0003"]
    assert found(study_uid(2)) == found(series_uid(2, 1)) == found(sop_uid(2, 1, 1)) == ["ID-0002"]
    assert found(study_uid(2)[:-2]) == found("")
    assert found("nobody") == found("100%") == found("_") == found("planted2 acc00003") == []
    assert found("^") == found("")
    assert len(ledger.search(limit=2)) == 2
    assert [each.id for each in ledger.search(limit=2, offset=2)] == [1]
    assert len(ledger.search(state=StudyState.ARRIVING)) == 3
    assert ledger.search(state=StudyState.SETTLED) == ()


# --- hold and release ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [
        SeriesState.OPEN,
        SeriesState.COMPLETE,
        SeriesState.ROUTED,
        SeriesState.CLEANED,
        SeriesState.PACKAGED,
    ],
)
def test_a_series_is_held_where_it_stands_and_goes_on_from_there(
    ledger: Ledger, state: SeriesState
) -> None:
    one_series(ledger)
    if state is not SeriesState.OPEN:
        advance(ledger, state)
    assert ledger.hold(series_uid(1, 1), **WHO, now=LATER) == 1
    series = ledger.series(1)
    assert series is not None
    assert (series.state, series.resumes_as) == (SeriesState.HELD, state)
    assert (series.held_by, series.held_why) == ("anna", "because")
    assert ledger.custody().count(Disposition.HELD) == 2
    every = [each for each in SeriesState if each.value in "open reopened complete routed cleaned"]
    assert ledger.claim_series(every, limit=9, now=LATER, owner="w", lease_seconds=1) == ()
    assert ledger.claim_deliveries("archive", limit=9, now=LATER, owner="w", lease_seconds=1) == ()
    with pytest.raises(NotAllowed):
        ledger.hold("series:1", **WHO, now=LATER)
    assert ledger.release("series:1", **WHO, now=LATER + 1) == 1
    assert state_of(ledger) is state
    released = ledger.series(1)
    assert released is not None
    assert released.released_by == ""
    with pytest.raises(NotAllowed):
        ledger.release("series:1", **WHO, now=LATER + 2)
    advance(ledger, SeriesState.PACKAGED, now=LATER + 3)
    settle_everything(ledger, now=LATER + 3)
    assert state_of(ledger) is SeriesState.SETTLED
    assert ledger.custody().holds


def test_a_hold_voids_what_a_worker_has_in_hand(ledger: Ledger) -> None:
    one_series(ledger)
    held = claim(ledger, SeriesState.OPEN)
    ledger.hold("series:1", **WHO, now=LATER)
    assert not ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)
    ledger.release("series:1", **WHO, now=LATER)
    assert not ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)
    assert state_of(ledger) is SeriesState.OPEN


def test_what_is_sent_while_a_hold_comes_counts_at_the_release(ledger: Ledger) -> None:
    one_series(ledger)
    advance(ledger, SeriesState.PACKAGED)
    sending = delivery(ledger)
    ledger.hold("series:1", **WHO, now=LATER)
    assert ledger.settle_delivery(sending, Verified(), now=LATER)
    assert state_of(ledger) is SeriesState.HELD
    assert ledger.custody().holds
    ledger.release("series:1", **WHO, now=LATER)
    assert state_of(ledger) is SeriesState.SETTLED


def test_a_study_is_held_as_a_whole(ledger: Ledger) -> None:
    feed = one_series(ledger)
    ledger.index([feed.indexed(1, 2, 1), feed.indexed(2, 1, 1)], now=1000)
    ledger.hold(study_uid(1), **WHO, now=1001)
    study = ledger.study(1)
    assert study is not None
    assert (study.state, study.held_by) == (StudyState.HELD, "anna")
    assert claim(ledger, SeriesState.OPEN).study.id == 2
    assert ledger.custody(1).count(Disposition.HELD) == 3
    with pytest.raises(NotAllowed):
        ledger.hold("study:1", **WHO, now=1002)
    # Images keep arriving for it.
    assert ledger.index([feed.indexed(1, 1, 3)], now=1003)[0].arrival is Arrival.FRESH
    ledger.hold("series:2", **WHO, now=1004)
    assert ledger.release("study:1", **WHO, now=LATER) == 2
    with pytest.raises(NotAllowed):
        ledger.release("study:1", **WHO, now=LATER)
    assert state_of(ledger, 2) is SeriesState.OPEN


def test_a_policys_hold_is_overruled_by_a_person_for_good(ledger: Ledger) -> None:
    feed = one_series(ledger)
    advance(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=SeriesState.HELD, reason="no-route")
    assert ledger.settle_series(claim(ledger, SeriesState.COMPLETE), outcome, now=LATER)
    series = ledger.series(1)
    assert series is not None
    assert (series.held_by, series.held_why) == ("policy", "no-route")
    ledger.release("study:1", **WHO, now=LATER)
    again = claim(ledger, SeriesState.COMPLETE)
    assert again.series.released_by == "anna"
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    reopened = ledger.series(1)
    assert reopened is not None
    assert reopened.released_by == "anna"


def test_a_denial_is_overruled_only_by_name(ledger: Ledger) -> None:
    one_series(ledger)
    advance(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=SeriesState.DENIED, reason="opt-out")
    assert ledger.settle_series(claim(ledger, SeriesState.COMPLETE), outcome, now=LATER)
    assert ledger.custody().count(Disposition.HELD) == 2
    study = ledger.study(1)
    assert study is not None
    assert study.state is StudyState.DENIED
    with pytest.raises(NotAllowed, match="denied series"):
        ledger.release("study:1", **WHO, now=LATER)
    assert ledger.release("series:1", **WHO, now=LATER) == 1
    assert claim(ledger, SeriesState.COMPLETE).series.released_by == "anna"


@pytest.mark.parametrize("code", ["late", "bytes_gone"])
def test_a_hold_for_lateness_is_released_without_overruling_the_rules(
    ledger: Ledger, code: str
) -> None:
    one_series(ledger)
    advance(ledger, SeriesState.COMPLETE)
    outcome = Advanced(to=SeriesState.HELD, code=code, reason="came late")
    assert ledger.settle_series(claim(ledger, SeriesState.COMPLETE), outcome, now=LATER)
    ledger.release("series:1", **WHO, now=LATER)
    series = claim(ledger, SeriesState.COMPLETE).series
    assert (series.released_by, series.released_generation) == ("", series.generation)


def test_what_is_denied_later_leaves_no_more(ledger: Ledger) -> None:
    feed = one_series(ledger)
    advance(ledger, SeriesState.PACKAGED)
    ledger.index([feed.indexed(1, 1, 3)], now=LATER)
    advance(ledger, SeriesState.COMPLETE, now=2 * LATER)
    outcome = Advanced(to=SeriesState.DENIED, code="opt_out", reason="opted out")
    late = claim(ledger, SeriesState.COMPLETE, now=2 * LATER)
    assert ledger.settle_series(late, outcome, now=2 * LATER)
    sent = {"limit": 9, "now": 3 * LATER, "owner": "sender", "lease_seconds": 60}
    assert ledger.claim_deliveries("archive", **sent) == ()
    (lane,) = ledger.queue(now=3 * LATER)
    assert (lane.count, lane.held, lane.next_at) == (1, 1, None)
    assert ledger.custody().count(Disposition.HELD) == 3
    ledger.release("series:1", **WHO, now=3 * LATER)
    assert len(ledger.claim_deliveries("archive", **sent)) == 1


@pytest.mark.parametrize("died_at", [SeriesState.OPEN, SeriesState.PACKAGED])
def test_what_is_dead_is_retried_and_not_released(ledger: Ledger, died_at: SeriesState) -> None:
    one_series(ledger)
    if died_at is SeriesState.PACKAGED:
        advance(ledger, SeriesState.PACKAGED)
        ledger.settle_delivery(delivery(ledger), Dead(code="refused"), now=LATER)
    else:
        ledger.settle_series(claim(ledger, SeriesState.OPEN), Dead(code="boom"), now=LATER)
    before = ledger.series(1)
    for reference in ("series:1", "study:1"):
        with pytest.raises(NotAllowed):
            ledger.release(reference, **WHO, now=LATER)
        assert ledger.series(1) == before
    with pytest.raises(NotAllowed):
        ledger.hold("series:1", **WHO, now=LATER)
    assert ledger.retry("series:1", **WHO, now=LATER) == 1
    assert state_of(ledger) is died_at


def test_persons_moves_need_a_person_and_a_target(ledger: Ledger) -> None:
    one_series(ledger)
    moves: list[Callable[..., object]] = [ledger.hold, ledger.release, ledger.retry]
    for move in moves:
        with pytest.raises(NotAllowed, match="who"):
            move("series:1", who="", why="x", now=1)
        with pytest.raises(NotAllowed, match="knows nothing"):
            move("1.2.3.4", **WHO, now=1)
        with pytest.raises(NotAllowed, match="instance"):
            move("instance:1", **WHO, now=1)
    assert ledger.custody().count(Disposition.HELD) == 0


# --- retry --------------------------------------------------------------------------------------


def test_dead_and_failed_series_are_tried_again_at_once(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(number, 1, 1) for number in (1, 2, 3)], now=1000)
    dead, failed, fine = ledger.claim_series(
        [SeriesState.OPEN], limit=3, now=LATER, owner="w", lease_seconds=1
    )
    ledger.settle_series(dead, Dead(code="poison", text="it kills"), now=LATER)
    ledger.settle_series(failed, Retry(at=LATER * 2, code="boom"), now=LATER)
    ledger.settle_series(fine, Advanced(to=SeriesState.COMPLETE), now=LATER)
    with pytest.raises(NotAllowed, match="nothing to retry"):
        ledger.retry(f"series:{fine.id}", **WHO, now=LATER)
    assert ledger.retry(None, **WHO, now=LATER) == 2
    assert ledger.retry(None, **WHO, now=LATER) == 0
    again = ledger.claim_series([SeriesState.OPEN], limit=3, now=LATER, owner="w", lease_seconds=1)
    assert {each.id for each in again} == {dead.id, failed.id}
    assert [each.attempt for each in again] == [1, 1]


def test_dead_letters_of_one_destination_are_replayed(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(number, 1, 1) for number in (1, 2)], now=1000)
    advance(ledger, SeriesState.PACKAGED, "archive", "cloud")
    for destination in ("archive", "cloud"):
        for each in ledger.claim_deliveries(
            destination, limit=9, now=LATER, owner="s", lease_seconds=1
        ):
            ledger.settle_delivery(each, Dead(code="refused"), now=LATER)
    assert ledger.retry(None, destination="cloud", **WHO, now=LATER) == 2
    # One of each series is dead still, and says so.
    assert state_of(ledger, 1) is SeriesState.DEAD
    assert ledger.retry(study_uid(1), **WHO, now=LATER) == 1
    assert state_of(ledger, 1) is SeriesState.PACKAGED
    assert state_of(ledger, 2) is SeriesState.DEAD
    states = [each.state for each in ledger.deliveries_of(study_id=2)]
    assert states == [DeliveryState.DEAD, DeliveryState.DUE]
