"""What observations and tries make of a series of a node: the rules, one by one."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from causeway.ledger import NodeSeriesRow, NodeSeriesState, SeriesSeen
from causeway.pull.contract import Report
from causeway.pull.deciding import (
    EMPTY,
    EXISTING,
    Result,
    RetryLimits,
    Rules,
    gone,
    observed,
    retrieved,
)

State = NodeSeriesState
BLANK = NodeSeriesRow(node="pacs", study_instance_uid="1.2", series_instance_uid="1.2.3")
DAY = 86400.0
USUAL = Rules()


def seen(count: int | None = 10, marks: int = 1, skip: str = "") -> SeriesSeen:
    return SeriesSeen(
        series_instance_uid="1.2.3", image_count=count, marks=marks, skip_code=skip,
        skip_why=skip and "because",
    )  # fmt: skip


def look(
    row: NodeSeriesRow | None, what: SeriesSeen, now: float, rules: Rules = USUAL
) -> NodeSeriesRow:
    return observed(row, what, BLANK, rules=rules, now=now)


def row(state: State = State.RETRIEVED, **values: object) -> NodeSeriesRow:
    return replace(
        BLANK,
        id=1,
        state=state,
        image_count=10,
        marks=1,
        state_at=100.0,
        **values,  # type: ignore[arg-type]
    )


def test_a_series_is_queued_when_it_was_seen_twice_alike() -> None:
    first = look(None, seen(3), 0)
    assert first.state is State.NEW
    second = look(first, seen(7), 60)
    assert second.state is State.GROWING
    third = look(second, seen(7), 120)
    assert (third.state, third.image_count, third.due_at) == (State.QUEUED, 7, 120)


def test_the_acquisition_delay_begins_when_it_is_stable() -> None:
    rules = Rules(acquisition_delay_seconds=100)
    one = look(None, seen(), 0, rules)
    two = look(one, seen(), 60, rules)
    assert (two.state, two.due_at) == (State.STABLE, 160)
    assert look(two, seen(), 120, rules).state is State.STABLE
    assert look(two, seen(), 160, rules).state is State.QUEUED
    grown = look(two, seen(11), 120, rules)
    assert grown.state is State.GROWING
    assert look(grown, seen(11), 180, rules).due_at == 280


@pytest.mark.parametrize("state", [State.NEW, State.GROWING, State.REAPPEARED, State.CHANGED])
def test_what_is_opted_out_or_empty_is_skipped_with_the_reason(state: State) -> None:
    skipped = look(row(state), seen(skip="opt_out"), 200)
    assert (skipped.state, skipped.skip_code) == (State.SKIPPED, "opt_out")
    empty = look(replace(row(state), image_count=0), seen(0), 200)
    assert (empty.state, empty.skip_code) == (State.SKIPPED, EMPTY)


@pytest.mark.parametrize("state", [State.RETRIEVED, State.SKIPPED, State.ABANDONED])
def test_what_was_done_with_and_differs_has_to_be_stable_again(state: State) -> None:
    before = row(state, skip_code="x" if state is State.SKIPPED else "", attempt=10, fail_code="x")
    assert look(before, seen(), 200) is before
    changed = look(before, seen(12), 200)
    assert (changed.state, changed.attempt, changed.skip_code) == (State.CHANGED, 0, "")
    assert not changed.anew
    assert look(changed, seen(13), 260).state is State.CHANGED
    assert look(look(changed, seen(13), 260), seen(13), 320).state is State.QUEUED


def test_other_tags_of_what_was_retrieved_ask_for_all_of_it_anew() -> None:
    assert look(row(), seen(marks=2), 200).anew
    assert not look(row(State.SKIPPED, skip_code="opt_in"), seen(marks=2), 200).anew


def test_a_series_that_grows_while_it_waits_waits_longer() -> None:
    assert look(row(State.QUEUED), seen(11), 200).state is State.GROWING
    asked = look(row(State.QUEUED, asked_by="anna"), seen(11), 200)
    assert (asked.state, asked.image_count) == (State.QUEUED, 11)
    running = look(row(State.RETRIEVING), seen(11), 200)
    assert (running.state, running.image_count) == (State.RETRIEVING, 11)


@pytest.mark.parametrize("state", sorted(set(State) - {State.VANISHED, State.RETRIEVING}))
def test_what_a_full_answer_does_not_have_is_vanished_and_remembers(state: State) -> None:
    lost = gone(row(state), now=500)
    assert (lost.state, lost.resumes_as, lost.state_at) == (State.VANISHED, state, 500)
    assert gone(lost, now=600) is lost


def test_what_a_person_waits_for_does_not_vanish() -> None:
    for kept in (row(State.RETRIEVING), row(State.QUEUED, asked_by="anna")):
        assert gone(kept, now=500) is kept


@pytest.mark.parametrize("state", [State.RETRIEVED, State.SKIPPED, State.ABANDONED])
def test_back_within_the_grace_period_it_is_what_it_was(state: State) -> None:
    before = row(state, skip_code="opt_out" if state is State.SKIPPED else "", fail_code="x")
    lost = gone(before, now=0)
    back = look(lost, seen(), 7 * DAY)
    assert (back.state, back.resumes_as, back.skip_code) == (state, None, before.skip_code)
    assert look(lost, seen(11), 7 * DAY).state is State.CHANGED


def test_back_later_it_is_looked_at_anew() -> None:
    lost = gone(row(), now=0)
    back = look(lost, seen(), 7 * DAY + 1)
    assert (back.state, back.resumes_as) == (State.REAPPEARED, None)
    assert look(back, seen(), 8 * DAY).state is State.QUEUED
    assert look(back, seen(12), 8 * DAY).state is State.GROWING


def test_what_vanished_before_it_was_retrieved_is_looked_at_anew_at_once() -> None:
    assert look(gone(row(State.GROWING), now=0), seen(), 60).state is State.REAPPEARED


def test_at_the_first_contact_what_exists_can_be_left_there() -> None:
    first = observed(None, seen(), BLANK, rules=USUAL, now=0, existing=lambda _: True)
    assert (first.state, first.skip_code) == (State.SKIPPED, EXISTING)
    assert look(first, seen(), 60) is first
    assert look(first, seen(11), 60).state is State.CHANGED


# --- tries ----------------------------------------------------------------------------------------

GOOD = Report(way="move", completed=10)
LIMITS = RetryLimits(failures=3, first_wait_seconds=10, longest_wait_seconds=15)
CLAIMED = row(State.RETRIEVING, attempt=1, begun=True, epoch=4)


def settle(
    result: Result, claimed: NodeSeriesRow = CLAIMED, current: NodeSeriesRow | None = None
) -> NodeSeriesRow:
    return retrieved(claimed, current or claimed, result, LIMITS, 1000, Random(1))


@pytest.mark.parametrize("missing", [0, None])
def test_it_is_retrieved_when_as_many_as_the_node_counts_are_here(missing: int | None) -> None:
    done = settle(Result(here=10, missing=missing, report=GOOD))
    assert (done.state, done.here_count, done.attempt) == (State.RETRIEVED, 10, 0)
    assert not done.begun


def test_success_without_the_images_is_a_failure() -> None:
    failed = settle(Result(here=8, missing=None, report=GOOD))
    assert (failed.state, failed.fail_code) == (State.QUEUED, "fewer_images")
    assert "8 of 10" in failed.fail_text
    assert failed.begun
    assert 1008 <= failed.due_at <= 1012


def test_a_list_that_is_shorter_than_the_count_is_told_as_that() -> None:
    failed = settle(Result(here=8, missing=0, report=GOOD))
    assert failed.fail_code == "wrong_count"
    assert "accept" in failed.fail_hint


def test_waits_grow_and_the_last_failure_abandons_it() -> None:
    second = settle(Result(here=8, missing=2, report=GOOD), replace(CLAIMED, attempt=2))
    assert 1012 <= second.due_at <= 1018
    third = settle(Result(here=8, missing=2, report=GOOD), replace(CLAIMED, attempt=3))
    assert (third.state, third.attempt) == (State.ABANDONED, 3)


def test_a_node_that_is_away_costs_no_try() -> None:
    away = Report(way="move", code="unreachable", text="no", unavailable=True)
    waiting = settle(Result(here=0, missing=None, report=away), replace(CLAIMED, attempt=3))
    assert (waiting.state, waiting.attempt, waiting.fail_code) == (State.QUEUED, 2, "unreachable")


def test_what_grew_meanwhile_has_to_be_stable_again_though_all_came() -> None:
    grown = settle(
        Result(here=10, missing=0, report=GOOD), current=replace(CLAIMED, image_count=12)
    )
    assert (grown.state, grown.image_count, grown.attempt) == (State.GROWING, 12, 0)
    assert grown.begun


def test_an_interruption_is_no_failure() -> None:
    left = settle(Result(here=3, missing=7, report=GOOD, interrupted=True))
    assert (left.state, left.attempt, left.due_at) == (State.QUEUED, 0, 1000)


def test_what_is_fetched_anew_has_to_be_sent_whatever_is_here() -> None:
    claimed = replace(CLAIMED, anew=True)
    bad = Report(way="move", code="status_a702", text="no")
    assert settle(Result(here=10, missing=0, report=bad), claimed).state is State.QUEUED
    assert settle(Result(here=10, missing=0, report=GOOD), claimed).state is State.RETRIEVED


def test_a_node_that_neither_counts_nor_lists_is_taken_at_its_word() -> None:
    claimed = replace(CLAIMED, image_count=None)
    assert settle(Result(here=4, missing=None, report=GOOD), claimed).state is State.RETRIEVED
    lost = replace(GOOD, failed=1)
    assert settle(Result(here=4, missing=None, report=lost), claimed).state is State.QUEUED
