"""Claims, leases, attempts and associations: what holds on every database."""

from __future__ import annotations

import threading

import pytest
from ledger_steps import LATER, claim, parcel_of

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Ledger,
    LookAgain,
    Retry,
    SeriesState,
    Wait,
    open_ledger,
)
from causeway.testing.feed import Feed

# --- claims -------------------------------------------------------------------------------------


def test_what_somebody_works_on_is_not_due(ledger: Ledger) -> None:
    """Else whoever sleeps until something is due would not sleep at all."""
    item = Feed().indexed()
    ledger.index([item], now=1000)
    now = item.due_at + 1
    (claim,) = ledger.claim_series(
        [SeriesState.OPEN], limit=1, now=now, owner="me", lease_seconds=60
    )
    assert ledger.next_due_at(now=now) is None
    assert ledger.next_due_at(now=now + 61) == claim.series.due_at


def test_nothing_is_claimed_before_it_is_due(ledger: Ledger) -> None:
    item = Feed().indexed()
    ledger.index([item], now=1000)
    assert ledger.next_due_at(now=1000) == item.due_at
    states = [SeriesState.OPEN]
    early = item.due_at - 0.5
    assert ledger.claim_series(states, limit=1, now=early, owner="w", lease_seconds=9) == ()
    (got,) = ledger.claim_series(states, limit=1, now=item.due_at, owner="w", lease_seconds=9)
    assert (got.attempt, got.series.owner, got.series.lease_until) == (1, "w", item.due_at + 9)
    assert got.series == ledger.series(1)
    assert got.study == ledger.study(1)
    assert got.associations_open == 1


def test_the_urgent_come_first_and_the_old_are_not_forgotten(ledger: Ledger) -> None:
    feed = Feed(quiet_seconds=0)
    ledger.index([feed.indexed(number, 1, 1) for number in (1, 2, 3)], now=1000)
    for number, prio in ((1, 100), (2, 100), (3, 99)):
        held = next(
            each
            for each in ledger.claim_series(
                [SeriesState.OPEN], limit=9, now=2000, owner="w", lease_seconds=0
            )
            if each.id == number
        )
        due_at = {1: 3000.0, 2: 3010.0, 3: 3050.0}[number]
        outcome = Advanced(to=SeriesState.COMPLETE, prio=prio, due_at=due_at)
        assert ledger.settle_series(held, outcome, now=2000)
    # A step of priority is worth a minute: the third was due 50 seconds after the first.
    got = ledger.claim_series([SeriesState.COMPLETE], limit=9, now=4000, owner="w", lease_seconds=1)
    assert [each.id for each in got] == [3, 1, 2]


def test_a_lease_keeps_others_away_until_it_ends(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    first = claim(ledger, SeriesState.OPEN, now=2000, owner="one")
    states = [SeriesState.OPEN]
    assert ledger.claim_series(states, limit=1, now=2059, owner="two", lease_seconds=60) == ()
    assert ledger.renew([first], now=2050, lease_seconds=60) == (True,)
    assert ledger.claim_series(states, limit=1, now=2100, owner="two", lease_seconds=60) == ()
    second = claim(ledger, SeriesState.OPEN, now=2110, owner="two")
    assert second.attempt == 2
    assert ledger.renew([first, second], now=2111, lease_seconds=60) == (False, True)
    assert not ledger.settle_series(first, Advanced(to=SeriesState.COMPLETE), now=2111)
    assert ledger.settle_series(second, Advanced(to=SeriesState.COMPLETE), now=2111)
    assert not ledger.settle_series(second, Advanced(to=SeriesState.COMPLETE), now=2111)


def test_a_worker_is_not_taken_for_its_later_self(ledger: Ledger) -> None:
    """The threads of one process share an owner's name; the epoch tells their claims apart."""
    ledger.index([Feed().indexed()], now=1000)
    first = claim(ledger, SeriesState.OPEN, now=2000, owner="pipeline")
    second = claim(ledger, SeriesState.OPEN, now=2060, owner="pipeline")
    assert ledger.renew([first, second], now=2061, lease_seconds=60) == (False, True)
    assert not ledger.settle_series(first, Advanced(to=SeriesState.COMPLETE), now=2061)
    assert ledger.settle_series(second, Advanced(to=SeriesState.COMPLETE), now=2061)


def test_a_late_result_counts_while_nobody_else_has_claimed(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    held = claim(ledger, SeriesState.OPEN, now=2000)
    assert ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=9000)


def test_all_leases_can_be_freed_at_the_start(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(2, 1, 1)], now=1000)
    first, second = ledger.claim_series(
        [SeriesState.OPEN], limit=9, now=LATER, owner="gone", lease_seconds=60
    )
    assert ledger.release_all_leases(owner="other", now=LATER) == 0
    assert ledger.release_all_leases(owner=None, now=LATER) == 2
    assert not ledger.settle_series(first, Advanced(to=SeriesState.COMPLETE), now=LATER)
    again = ledger.claim_series(
        [SeriesState.OPEN], limit=9, now=LATER, owner="new", lease_seconds=60
    )
    # The attempt that the crash interrupted stays counted: poison ends as dead.
    assert [each.attempt for each in again] == [2, 2]
    assert second.id in {each.id for each in again}


def test_attempts_are_given_back_for_waiting_but_not_for_failing(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    for outcome, attempts, due_at in (
        (LookAgain(at=2000.0), 0, 2000.0),
        (Wait(until=3000.0, why="closed"), 0, 3000.0),
        (Retry(at=4000.0, code="boom", text="it broke"), 1, 4000.0),
        (Wait(until=5000.0, why="closed"), 1, 5000.0),
        (Retry(at=6000.0, code="boom"), 2, 6000.0),
        (Advanced(to=SeriesState.COMPLETE, reason="quiet"), 0, 7000.0),
    ):
        series = ledger.series(1)
        assert series is not None
        held = claim(ledger, SeriesState.OPEN, now=max(1500, series.due_at))
        assert ledger.settle_series(held, outcome, now=7000)
        series = ledger.series(1)
        assert series is not None
        assert (series.attempt, series.due_at) == (attempts, due_at)
    assert series.completion_reason == "quiet"
    assert series.fail_code == ""
    assert series.waits_for == ""


def test_stages_cannot_do_what_the_tables_lack(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    held = claim(ledger, SeriesState.OPEN)
    for to in (SeriesState.ROUTED, SeriesState.SETTLED, SeriesState.PACKAGED, SeriesState.DEAD):
        with pytest.raises(NotAllowed):
            ledger.settle_series(held, Advanced(to=to), now=LATER)
    with pytest.raises(NotAllowed):
        ledger.settle_series(held, parcel_of(ledger, 1), now=LATER)
    with pytest.raises(NotAllowed):
        ledger.claim_series([SeriesState.SETTLED], limit=1, now=1, owner="w", lease_seconds=1)
    assert ledger.settle_series(held, Advanced(to=SeriesState.COMPLETE), now=LATER)


def test_several_results_are_taken_with_one_commit_each_by_itself(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(number, 1, 1) for number in range(1, 5)], now=1000)
    claims = ledger.claim_series(
        [SeriesState.OPEN], limit=9, now=LATER, owner="w", lease_seconds=60
    )
    ledger.index([feed.indexed(2, 1, 2)], now=LATER)
    results = [(each, Advanced(to=SeriesState.COMPLETE)) for each in reversed(claims)]
    assert ledger.settle_series_all(results, now=LATER) == (True, True, False, True)


def test_many_workers_never_hold_one_series_together(address: str) -> None:
    with open_ledger(address) as ledger:
        feed = Feed()
        ledger.index([feed.indexed(number, 1, 1) for number in range(40)], now=1000)
        taken: list[int] = []
        barrier = threading.Barrier(4)

        def work(owner: str) -> None:
            barrier.wait()
            while claims := ledger.claim_series(
                [SeriesState.OPEN], limit=3, now=LATER, owner=owner, lease_seconds=60
            ):
                for each in claims:
                    assert ledger.settle_series(each, Advanced(to=SeriesState.COMPLETE), now=LATER)
                    taken.append(each.id)

        threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(taken) == list(range(1, 41))


# --- associations -------------------------------------------------------------------------------


def test_the_last_association_to_end_makes_its_open_series_due(ledger: Ledger) -> None:
    one, two = Feed(association="a1"), Feed(container="b.1", association="a2")
    ledger.index([one.indexed(1, 1, 1), two.indexed(1, 1, 2)], now=1000)
    assert ledger.association_ended("a1", "released", at=1001, look_at=1002) == (1,)
    series = ledger.series(1)
    assert series is not None
    assert series.due_at == 1030
    held = claim(ledger, SeriesState.OPEN)
    assert (held.associations_open, held.associations_ended_at) == (1, None)
    assert ledger.association_ended("a2", "aborted", at=1003, look_at=1004) == (1,)
    # The worker looked before this was known.
    assert not ledger.settle_series(held, LookAgain(at=LATER), now=LATER)
    again = claim(ledger, SeriesState.OPEN, now=1004)
    assert (again.associations_open, again.associations_ended_at) == (0, 1003)
    assert [each.outcome for each in ledger.associations_of(1)] == ["released", "aborted"]


def test_the_word_of_the_end_may_come_before_what_it_brought(ledger: Ledger) -> None:
    assert ledger.association_ended("a1", "released", at=999, look_at=999) == ()
    ledger.index([Feed().indexed()], now=1000)
    held = claim(ledger, SeriesState.OPEN)
    assert (held.associations_open, held.associations_ended_at) == (0, 999)


def test_a_new_start_ends_what_was_open(ledger: Ledger) -> None:
    ledger.index([Feed().indexed()], now=1000)
    assert ledger.end_all_associations("lost", at=1500) == 1
    assert claim(ledger, SeriesState.OPEN).associations_open == 0


def test_acquisitions_say_what_the_headers_promise(ledger: Ledger) -> None:
    feed = Feed()
    batch = [
        feed.indexed(1, 1, 1, acquisition_number="1", images_in_acquisition="2"),
        feed.indexed(1, 1, 2, acquisition_number="1", images_in_acquisition="2"),
        feed.indexed(1, 1, 3, acquisition_number="2", images_in_acquisition="9"),
        feed.indexed(1, 1, 4, acquisition_number="2"),
    ]
    ledger.index(batch, now=1000)
    assert [(each.number, each.count, each.expected) for each in ledger.acquisitions(1)] == [
        ("1", 2, 2),
        ("2", 2, None),
    ]
