"""Calls of triggers: entered once for what is delivered, claimed, settled, tried again."""

from __future__ import annotations

import threading
from dataclasses import replace
from weakref import WeakKeyDictionary

import pytest
from ledger_steps import LATER, advance, again, claim, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    CallClaim,
    Called,
    CallScope,
    CallState,
    Dead,
    Ledger,
    Retry,
    SeriesState,
)
from causeway.testing.feed import Feed

FEEDS: WeakKeyDictionary[Ledger, Feed] = WeakKeyDictionary()
SERIES, STUDY = CallScope.SERIES, CallScope.STUDY
BEFORE = 500.0


def arrive(ledger: Ledger, *numbers: int, series: int = 1, at: float = 1000.0) -> None:
    feed = FEEDS.setdefault(ledger, Feed())
    feed.at = at
    ledger.index([feed.indexed(1, series, number) for number in numbers], now=at)


def delivered(ledger: Ledger, *numbers: int, series: int = 1, now: float = LATER) -> None:
    """A series of study 1, verified everywhere."""
    arrive(ledger, *(numbers or (1, 2)), series=series)
    advance(ledger, SeriesState.PACKAGED, "archive", "cloud", now=now)
    settle_everything(ledger, "archive", "cloud", now=now)


def enter(ledger: Ledger, scope: CallScope = SERIES, name: str = "hook", now: float = LATER) -> int:
    return ledger.enter_calls(name, scope, quiet_seconds=0.0 if scope is SERIES else 60.0, now=now)


def take(ledger: Ledger, name: str = "hook", now: float = LATER, owner: str = "a") -> CallClaim:
    found = ledger.claim_call(name, now=now, owner=owner, lease_seconds=60)
    assert found is not None
    return found


@pytest.fixture
def feed(ledger: Ledger) -> Ledger:
    """A trigger that was there before anything was delivered."""
    for scope in CallScope:
        assert enter(ledger, scope, f"{scope}", now=BEFORE) == 0
    assert enter(ledger, now=BEFORE) == 0
    return ledger


def test_what_was_delivered_before_a_trigger_was_known_does_not_fire_it(ledger: Ledger) -> None:
    delivered(ledger)
    assert enter(ledger, now=LATER + 700) == 0
    assert enter(ledger, now=LATER + 701) == 0
    assert ledger.claim_call("hook", now=LATER + 800, owner="a", lease_seconds=60) is None


def test_a_parcel_fires_once_with_what_there_is_to_tell(feed: Ledger) -> None:
    delivered(feed)
    assert enter(feed) == 1
    assert enter(feed, now=LATER + 1) == 0
    found = take(feed, now=LATER + 1)
    assert (found.call.state, found.call.attempt, found.call.scope) == (
        CallState.CALLING, 1, SERIES,
    )  # fmt: skip
    assert found.call.key == f"hook-series-{found.call.series_id}-{found.call.parcel_id}"
    facts = found.facts
    assert facts.destinations == ("archive", "cloud")
    assert facts.instances == 2
    assert facts.study_instance_uid
    assert facts.study_instance_uid not in repr(found)
    assert feed.settle_call(found, Called(), now=LATER + 2)
    assert not feed.settle_call(found, Called(), now=LATER + 3)
    assert [row.state for row in feed.calls()] == [CallState.DONE]
    assert feed.claim_call("hook", now=LATER + 1000, owner="a", lease_seconds=60) is None


def test_nothing_fires_before_all_destinations_have_it(feed: Ledger) -> None:
    arrive(feed, 1, series=1, at=1000.0)
    advance(feed, SeriesState.PACKAGED, "archive", "cloud")
    settle_everything(feed, "archive")
    assert enter(feed) == 0
    settle_everything(feed, "cloud")
    assert enter(feed) == 1


def test_a_series_that_goes_again_fires_again(feed: Ledger) -> None:
    delivered(feed)
    enter(feed)
    arrive(feed, 9, series=1, at=LATER)
    later = LATER + 1000
    advance(feed, SeriesState.CLEANED, now=later)
    held = claim(feed, SeriesState.CLEANED, now=later)
    assert feed.settle_series(held, again(feed, held.id), now=later)
    settle_everything(feed, now=later)
    assert enter(feed, now=later) == 1
    keys = {row.key for row in feed.calls(trigger="hook")}
    assert len(keys) == 2


def test_a_study_fires_when_all_of_it_is_delivered_and_nothing_came_for_a_while(
    feed: Ledger,
) -> None:
    delivered(feed, series=1)
    arrive(feed, 1, series=2, at=LATER - 30)
    assert enter(feed, STUDY, "study", now=LATER) == 0, "a series is on its way"
    advance(feed, SeriesState.PACKAGED, now=LATER)
    settle_everything(feed, now=LATER)
    assert enter(feed, STUDY, "study", now=LATER) == 0, "an image came half a minute ago"
    assert enter(feed, STUDY, "study", now=LATER + 31) == 1
    assert enter(feed, STUDY, "study", now=LATER + 32) == 0
    found = take(feed, "study", now=LATER + 40)
    assert found.call.series_id is None
    assert (found.facts.series, found.facts.instances) == (2, 3)


def test_a_study_fires_when_what_was_held_is_denied_at_last(feed: Ledger) -> None:
    delivered(feed, series=1)
    arrive(feed, 1, series=2, at=1000.0)
    advance(feed, SeriesState.COMPLETE, now=LATER)
    held = claim(feed, SeriesState.COMPLETE, now=LATER)
    much_later = LATER + 100_000
    assert enter(feed, STUDY, "study", now=much_later) == 0
    from causeway.ledger import Advanced

    held = claim(feed, SeriesState.COMPLETE, now=much_later)
    assert feed.settle_series(held, Advanced(to=SeriesState.DENIED, code="opt_out"), now=much_later)
    assert enter(feed, STUDY, "study", now=much_later + 10) == 1


def test_triggers_do_not_disturb_each_other(feed: Ledger) -> None:
    delivered(feed)
    enter(feed)
    enter(feed, name="series")
    assert take(feed).call.trigger == "hook"
    assert take(feed, "series").call.trigger == "series"


def test_a_call_that_failed_waits_and_is_given_up_and_is_asked_for_by_a_person(
    feed: Ledger,
) -> None:
    delivered(feed)
    enter(feed)
    found = take(feed)
    assert feed.settle_call(found, Retry(at=LATER + 50, code="away", text="…"), now=LATER)
    assert feed.claim_call("hook", now=LATER + 49, owner="a", lease_seconds=60) is None
    second = take(feed, now=LATER + 50)
    assert second.call.attempt == 2
    assert second.call.key == found.call.key
    assert feed.settle_call(second, Dead(code="away", text="gave up"), now=LATER + 51)
    (row,) = feed.calls(states=(CallState.DEAD,))
    assert (row.fail_code, row.fail_text) == ("away", "gave up")
    assert feed.summary(now=LATER).dead_calls == 1
    assert feed.claim_call("hook", now=LATER + 10**6, owner="a", lease_seconds=60) is None
    assert feed.retry_calls([row.id, 999], who="ada", now=LATER + 60) == 1
    assert feed.retry_calls([row.id], who="ada", now=LATER + 60) == 0
    assert take(feed, now=LATER + 60).call.attempt == 1


def test_a_maker_that_is_gone_is_followed_by_another(feed: Ledger) -> None:
    delivered(feed)
    enter(feed)
    first = take(feed, owner="first")
    assert feed.claim_call("hook", now=LATER + 59, owner="b", lease_seconds=60) is None
    second = take(feed, now=LATER + 60, owner="second")
    assert not feed.settle_call(first, Called(), now=LATER + 61)
    assert feed.settle_call(second, Called(), now=LATER + 62)


def test_a_start_frees_what_the_last_run_had_in_hand(feed: Ledger) -> None:
    delivered(feed)
    enter(feed)
    first = take(feed)
    assert feed.release_all_leases(now=LATER + 1) == 1
    assert not feed.settle_call(first, Called(), now=LATER + 2)
    assert take(feed, now=LATER + 2).call.attempt == 2


def test_many_makers_share_calls_without_a_repetition(feed: Ledger) -> None:
    for series in range(1, 9):
        delivered(feed, 1, series=series)
    assert enter(feed) == 8
    taken: list[int] = []

    def work(owner: str) -> None:
        while found := feed.claim_call("hook", now=LATER, owner=owner, lease_seconds=60):
            taken.append(found.call.id)

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(taken) == sorted({row.id for row in feed.calls(trigger="hook")})


def test_more_than_fits_into_one_look_is_entered_by_the_next(
    feed: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("causeway.ledger.calls.AT_ONCE", 3)
    for series in range(1, 6):
        delivered(feed, 1, series=series)
    assert [enter(feed, now=LATER + n) for n in range(4)] == [3, 2, 0, 0]


def test_a_settled_call_is_never_settled_otherwise(feed: Ledger) -> None:
    from causeway.ledger.states import CALL, require

    for state in (CallState.DONE, CallState.DEAD, CallState.DUE):
        with pytest.raises(NotAllowed):
            require(CALL, state, CallState.DONE)


def test_late_settlements_are_found(feed: Ledger) -> None:
    """A transaction that ended long after its time, and a clock that was set back a little."""
    assert enter(feed, now=LATER + 300) == 0
    delivered(feed, now=LATER)
    assert enter(feed, now=LATER + 310) == 1
    row = feed.calls(trigger="hook")[0]
    assert replace(row, state=CallState.DUE) == row
