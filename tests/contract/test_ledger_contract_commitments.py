"""Requests for storage commitment, from letter to report: what holds on every database."""

from __future__ import annotations

import pytest
from ledger_steps import LATER, advance, settle_everything

from causeway.errors import NotAllowed
from causeway.ledger import (
    CommitmentRow,
    CommitmentState,
    Dead,
    InstanceState,
    Ledger,
    NewCommitment,
    Retry,
    SeriesState,
    Told,
    Wait,
)
from causeway.testing.feed import Feed, sop_uid
from causeway.values import Caller

CT = "1.2.840.10008.5.1.4.1.1.2"
WHO = {"who": "anna", "why": "because"}


def asked(
    letter: str = "l1", *uids: str, transaction: str = "2.25.1", association: str = "a1"
) -> NewCommitment:
    return NewCommitment(
        letter=letter,
        transaction_uid=transaction,
        caller=Caller(
            source="ct1", calling_ae="CT1", called_ae="CAUSEWAY", address="10.0.0.1",
            association=association,
        ),
        objects=tuple((CT, uid) for uid in uids or ("2.25.10", "2.25.11")),
        asked_at=1000.0,
    )  # fmt: skip


def only(ledger: Ledger) -> CommitmentRow:
    (row,) = ledger.commitments()
    return row


def judged(ledger: Ledger, *reasons: int, now: float = 1001.0) -> None:
    row = only(ledger)
    assert ledger.judge_commitment(row, dict(enumerate(reasons or (0, 0))), now=now)


def claimed(ledger: Ledger, now: float = 1002.0) -> CommitmentRow:
    (row,) = ledger.claim_reports(now=now, limit=10, lease_seconds=60)
    return row


def test_a_letter_is_entered_once(ledger: Ledger) -> None:
    number = ledger.enter_commitment(asked(), now=1000)
    assert ledger.enter_commitment(asked(), now=1001) == number
    row = only(ledger)
    assert (row.state, row.object_count, row.source) == (CommitmentState.WAITING, 2, "ct1")
    assert [each.sop_instance_uid for each in ledger.commitment_objects(row.id)] == [
        "2.25.10",
        "2.25.11",
    ]


def test_what_is_known_of_an_object_is_told(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1)], now=1000)
    ledger.enter_commitment(asked("l1", sop_uid(1, 1, 1), "2.25.404"), now=1000)

    def known() -> list[list[tuple[InstanceState, SeriesState | None]]]:
        return [
            [(one.state, one.series_state) for one in each.known]
            for each in ledger.commitment_objects(only(ledger).id)
        ]

    assert known() == [[(InstanceState.INDEXED, SeriesState.OPEN)], []]
    advance(ledger, SeriesState.PACKAGED)
    settle_everything(ledger)
    assert known() == [[(InstanceState.DELIVERED, SeriesState.SETTLED)], []]
    ledger.index([feed.indexed(1, 1, 1, data="other")], now=1001)
    assert (InstanceState.QUARANTINED, None) in {(state, None) for state, _ in known()[0]}


def test_from_asked_to_reported(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    (due,) = ledger.commitments_due(now=1000, limit=10)
    assert ledger.postpone_commitment(due, until=1010, waits_for="more")
    assert ledger.commitments_due(now=1009, limit=10) == ()
    assert only(ledger).waits_for == "more"
    judged(ledger, 0, 0x0112)
    row = claimed(ledger)
    assert (row.attempt, row.failed_count) == (1, 1)
    assert [each.reason for each in ledger.commitment_objects(row.id)] == [0, 0x0112]
    assert ledger.claim_reports(now=1003, limit=10, lease_seconds=60) == ()
    assert ledger.settle_report(row, Told(), now=1004)
    assert only(ledger).state is CommitmentState.REPORTED
    assert ledger.commitment_counts() == {CommitmentState.REPORTED: 1}


def test_a_report_is_tried_again_and_given_up(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    row = claimed(ledger)
    assert ledger.settle_report(row, Retry(at=1100, code="not_taken", text="away"), now=1003)
    assert ledger.claim_reports(now=1099, limit=10, lease_seconds=60) == ()
    row = claimed(ledger, now=1100)
    assert (row.attempt, row.fail_text) == (2, "away")
    assert ledger.settle_report(row, Wait(until=1200, why="hours"), now=1101)
    row = claimed(ledger, now=1200)
    assert row.attempt == 2
    assert ledger.settle_report(row, Dead(code="not_taken", text="for ever"), now=1201)
    assert only(ledger).state is CommitmentState.DEAD


def test_a_claim_that_nobody_settles_comes_back_and_the_late_one_is_refused(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    late = claimed(ledger)
    row = claimed(ledger, now=1100)
    assert not ledger.settle_report(late, Told(), now=1101)
    assert ledger.settle_report(row, Told(), now=1102)


def test_who_asks_again_is_judged_and_told_anew(ledger: Ledger) -> None:
    number = ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    assert ledger.settle_report(claimed(ledger), Told(), now=1004)
    assert ledger.enter_commitment(asked("l2", association="a2"), now=1010) == number
    row = only(ledger)
    assert (row.state, row.association, row.attempt) == (CommitmentState.WAITING, "a2", 0)
    assert {each.reason for each in ledger.commitment_objects(number)} == {None}


def test_a_request_that_comes_again_voids_what_is_in_hand(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    in_hand = claimed(ledger)
    ledger.enter_commitment(asked("l2"), now=1003)
    assert not ledger.settle_report(in_hand, Told(), now=1004)


def test_one_transaction_about_other_objects_is_refused_as_a_whole(ledger: Ledger) -> None:
    first = ledger.enter_commitment(asked(), now=1000)
    second = ledger.enter_commitment(asked("l2", "2.25.77"), now=1001)
    assert second != first
    row = claimed(ledger)
    assert (row.id, row.failed_count) == (second, 1)
    assert [each.reason for each in ledger.commitment_objects(second)] == [0x0131]


def test_other_sources_have_transactions_of_their_own(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    from dataclasses import replace

    other = asked("l2", "2.25.77")
    ledger.enter_commitment(replace(other, caller=replace(other.caller, source="ct2")), now=1001)
    assert {row.state for row in ledger.commitments()} == {CommitmentState.WAITING}


def test_a_person_tries_again_and_discards(ledger: Ledger) -> None:
    number = ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    assert ledger.settle_report(claimed(ledger), Dead(code="no_address", text=""), now=1003)
    ledger.retry_commitment(number, **WHO, now=1010)
    assert only(ledger).state is CommitmentState.WAITING
    judged(ledger, now=1011)
    assert ledger.settle_report(claimed(ledger, now=1012), Retry(at=5000, code="x"), now=1013)
    ledger.retry_commitment(number, **WHO, now=1014)
    assert claimed(ledger, now=1014).id == number
    ledger.discard_commitment(number, **WHO, now=1015)
    assert only(ledger).state is CommitmentState.DISCARDED
    with pytest.raises(NotAllowed):
        ledger.retry_commitment(number, **WHO, now=1016)
    with pytest.raises(NotAllowed):
        ledger.discard_commitment(number, **WHO, now=1016)
    with pytest.raises(NotAllowed):
        ledger.retry_commitment(99, **WHO, now=1016)
    with pytest.raises(NotAllowed):
        ledger.discard_commitment(number, who="", why="", now=1016)


def test_what_is_over_is_forgotten_after_a_while(ledger: Ledger) -> None:
    ledger.enter_commitment(asked(), now=1000)
    judged(ledger)
    assert ledger.settle_report(claimed(ledger), Told(), now=1004)
    ledger.enter_commitment(asked("l2", transaction="2.25.2"), now=1005)
    assert ledger.forget_commitments(before=1004) == 0
    assert ledger.forget_commitments(before=LATER) == 1
    assert only(ledger).state is CommitmentState.WAITING


def test_lists_can_be_narrowed(ledger: Ledger) -> None:
    for number in range(3):
        ledger.enter_commitment(asked(f"l{number}", transaction=f"2.25.{number}"), now=1000)
    assert [row.id for row in ledger.commitments(limit=2)] == [3, 2]
    assert ledger.commitments(states=[CommitmentState.DEAD]) == ()
    found = ledger.commitment(1)
    assert found is not None
    assert found.transaction_uid == "2.25.0"
    assert "2.25.0" not in repr(found)
