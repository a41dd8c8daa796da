"""Nodes, what they have, and its retrieval: what holds on every database."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

import pytest
from sqlalchemy import Connection, insert, update

from causeway.errors import NotAllowed, PermanentError
from causeway.ledger import (
    Ledger,
    LookAgain,
    NodeSeriesRow,
    NodeSeriesState,
    SeriesSeen,
    SeriesState,
    StudySeen,
    cleaning_schema,
)
from causeway.ledger.node_schema import node_series, node_study
from causeway.pull import deciding
from causeway.pull.polling import without_ours
from causeway.testing.feed import Feed

State = NodeSeriesState
RULES = deciding.Rules()


def study(number: int = 1, *counts: int | None, digest: int = 1, marks: int = 5) -> StudySeen:
    return StudySeen(
        study_instance_uid=f"1.2.{number}",
        patient_id=f"P{number}",
        study_date="20261120",
        digest=digest,
        series=tuple(
            SeriesSeen(
                series_instance_uid=f"1.2.{number}.{index}", modality="MR",
                series_number=str(index), image_count=count, marks=marks,
            )
            for index, count in enumerate(counts, start=1)
        ),
    )  # fmt: skip


def look(ledger: Ledger, now: float, *studies: StudySeen) -> tuple[NodeSeriesRow, ...]:
    return ledger.observed(
        "pacs", studies, observe=partial(deciding.observed, rules=RULES, now=now),
        gone=partial(deciding.gone, now=now), now=now,
    )  # fmt: skip


def states(ledger: Ledger) -> dict[str, State]:
    return {row.series_instance_uid: row.state for row in ledger.node_series("pacs")}


def settle(
    ledger: Ledger, claimed: NodeSeriesRow, here: int, now: float = 300
) -> NodeSeriesRow | None:
    result = deciding.Result(here=here, missing=None, report=None)
    return ledger.settle_retrieval(
        claimed,
        lambda current: deciding.retrieved(
            claimed, current, result, deciding.RetryLimits(), now, Random(1)
        ),
        now=now,
    )


def test_a_query_is_known_from_its_beginning_to_its_end(ledger: Ledger) -> None:
    assert ledger.node("pacs") is None
    row = ledger.query_began("pacs", now=100)
    assert (row.asking_since, row.full_at, row.baseline_from) == (100, None, None)
    ledger.query_failed("pacs", code="unreachable", text="away", hint="look", now=110)
    ledger.query_began("pacs", now=160)
    ledger.query_failed("pacs", code="lost", text="broke off", hint="", now=170)
    row = ledger.nodes()[0]
    assert (row.failures, row.failing_since, row.fail_code) == (2, 110, "lost")
    assert row.asking_since is None
    for began, since in ((200, "20261101"), (300, "20261120")):
        ledger.query_began("pacs", now=began)
        ledger.query_succeeded(
            "pacs", began_at=began, now=began + 5, studies=7, since=since, thorough=began == 200,
            abilities='{"gets": true}',
        )  # fmt: skip
    row = ledger.nodes()[0]
    assert (row.failures, row.failing_since, row.fail_text) == (0, None, "")
    assert (row.first_full_at, row.full_at, row.thorough_at) == (205, 305, 205)
    assert (row.baseline_from, row.seconds, row.studies) == ("20261101", 5, 7)


def test_what_a_node_has_goes_by_the_rules_and_says_when_it_is_to_be_looked_at(
    ledger: Ledger,
) -> None:
    assert len(look(ledger, 100, study(1, 3, 4), study(2, None))) == 3
    assert set(states(ledger).values()) == {State.NEW}
    assert known(ledger) == {"1.2.1": (1, 1), "1.2.2": (1, 1)}
    assert len(look(ledger, 160, study(1, 3, 5, digest=2))) == 2
    assert states(ledger)["1.2.1.1"] is State.QUEUED
    assert states(ledger)["1.2.1.2"] is State.GROWING
    # Not there any more, in an answer that has the study: vanished, and remembered.
    look(ledger, 220, study(1, 3, digest=3))
    (row,) = ledger.node_series("pacs", series=["1.2.1.2"])
    assert (row.state, row.resumes_as, row.image_count) == (State.VANISHED, State.GROWING, 5)
    assert (row.patient_id, row.study_date, row.modality) == ("P1", "20261120", "MR")
    assert "1.2.1" not in repr(row)
    assert "P1" not in repr(row)
    assert not look(ledger, 280, study(1, 3, digest=3))


def known(ledger: Ledger, since: str = "") -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}

    def take(rows: object) -> None:
        for _, uid, digest, look_at in rows:  # type: ignore[attr-defined]
            found[uid] = (digest, look_at)

    ledger.known_studies("pacs", since=since, take=take)
    return found


def test_a_study_that_is_done_with_need_not_be_looked_at(ledger: Ledger) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3))
    (claimed,) = ledger.claim_retrievals("pacs", limit=5, new_studies=9, now=200)
    assert known(ledger) == {"1.2.1": (1, 1)}
    assert settle(ledger, claimed, here=3) is not None
    assert known(ledger) == {"1.2.1": (1, 0)}
    assert ledger.oldest_open("pacs") is None
    assert known(ledger, since="20261121") == {}
    ids = [row.study_id for row in ledger.node_series("pacs")]
    gone = partial(deciding.gone, now=400)
    assert [row.state for row in ledger.studies_gone("pacs", ids, gone=gone, now=400)] == [
        State.VANISHED
    ]
    # One that is gone is looked into when it is back, whatever its digest.
    assert known(ledger) == {"1.2.1": (1, 1)}
    look(ledger, 500, study(1, 3))
    assert states(ledger) == {"1.2.1.1": State.RETRIEVED}
    assert known(ledger) == {"1.2.1": (1, 0)}


def test_claims_are_one_for_each_and_those_that_a_person_waits_for_come_first(
    ledger: Ledger,
) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3, 3), study(2, 3))
    ids = ledger.ask_for("pacs", [study(2, 4)], who="anna", why="", now=170)
    (first,) = ledger.claim_retrievals("pacs", limit=1, new_studies=9, now=200)
    assert (first.id, first.asked_by, first.image_count) == (ids[0], "anna", 4)
    assert (first.state, first.attempt, first.begun) == (State.RETRIEVING, 1, True)
    rest = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=200)
    assert len(rest) == 2
    assert not ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=200)
    assert not ledger.claim_retrievals("other", limit=9, new_studies=9, now=200)


def test_nodes_are_due_by_their_own_series(ledger: Ledger) -> None:
    for name in ("pacs", "scanner"):
        ledger.query_began(name, now=100)
    ledger.ask_for("pacs", [study(1, 3)], who="anna", why="", now=200)
    assert ledger.nodes_due(["pacs", "scanner"], now=199) == frozenset()
    assert ledger.nodes_due(["pacs", "scanner"], now=200) == {"pacs"}
    assert ledger.nodes_due(["scanner"], now=200) == ledger.nodes_due([], now=200) == frozenset()
    ledger.claim_retrievals("pacs", limit=1, new_studies=1, now=200)
    assert ledger.nodes_due(["pacs"], now=200) == frozenset()


def test_studies_an_hour_are_counted_when_the_first_of_their_series_is_asked(
    ledger: Ledger,
) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3, 3), study(2, 3), study(3, 3))
    claimed = ledger.claim_retrievals("pacs", limit=9, new_studies=1, now=200)
    assert {row.study_instance_uid for row in claimed} == {"1.2.1"}
    assert ledger.studies_asked("pacs", since=0) == 1
    assert not ledger.claim_retrievals("pacs", limit=9, new_studies=0, now=300)
    assert len(ledger.claim_retrievals("pacs", limit=9, new_studies=1, now=300)) == 1
    assert ledger.studies_asked("pacs", since=250) == 1


def test_a_result_that_is_late_is_dropped(ledger: Ledger) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3))
    (claimed,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=200)
    assert ledger.release_retrievals(now=210) == 1
    (again,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=220)
    assert again.attempt == 1  # an interruption is no failure
    assert again.begun
    assert settle(ledger, claimed, here=3) is None
    assert settle(ledger, again, here=3) is not None
    assert settle(ledger, again, here=3) is None


def test_what_a_query_learns_during_a_retrieval_counts_at_its_end(ledger: Ledger) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3))
    (claimed,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=200)
    look(ledger, 220, study(1, 5))
    settled = settle(ledger, claimed, here=3)
    assert settled is not None
    assert (settled.state, settled.image_count, settled.begun) == (State.GROWING, 5, True)


def test_people_retry_and_accept(ledger: Ledger) -> None:
    for now in (100, 160):
        look(ledger, now, study(1, 3))
    row = ledger.node_series("pacs")[0]
    with pytest.raises(NotAllowed):
        ledger.accept_retrievals([row.id], who="anna", why="x", now=170)
    for now in range(1_000_000, 11_000_000, 1_000_000):
        (claimed,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=now)
        settle(ledger, claimed, here=2, now=now)
    assert states(ledger) == {"1.2.1.1": State.ABANDONED}
    counts = ledger.node_counts(now=2e7)["pacs"]
    assert counts.series == {State.ABANDONED: 1}
    assert counts.last_failure[0] == "fewer_images"
    ledger.retry_retrievals([row.id], who="anna", why="", now=2e7)
    (claimed,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=2e7)
    assert (claimed.attempt, claimed.asked_by) == (1, "anna")
    settle(ledger, replace(claimed, attempt=10), here=2, now=2e7)
    ledger.retry_retrievals([row.id], who="anna", why="", now=2e7)
    with pytest.raises(NotAllowed):
        ledger.retry_retrievals([4711], who="anna", why="", now=2e7)


def test_completion_waits_while_a_node_owes_some_and_no_longer(ledger: Ledger) -> None:
    feed = Feed()
    items = [feed.indexed(1, 1, number) for number in (1, 2)]
    ledger.index(items, now=1000)
    series = ledger.series(1)
    study_row = ledger.study(1)
    assert series is not None
    assert study_row is not None
    seen = StudySeen(
        study_instance_uid=study_row.study_instance_uid, digest=1,
        series=(SeriesSeen(series_instance_uid=series.series_instance_uid, image_count=3),),
    )  # fmt: skip
    for now in (1000, 1060):
        look(ledger, now, seen)
    (claimed,) = ledger.claim_retrievals("pacs", limit=9, new_studies=9, now=1100)
    assert len(ledger.here(series.series_instance_uid)) == 2

    def claim(now: float) -> object:
        (found,) = ledger.claim_series(
            [SeriesState.OPEN], limit=1, now=now, owner=f"w{now}", lease_seconds=1
        )
        return (found.awaited, found.retrieved_count)

    assert claim(1e9) == (True, None)
    ledger.index([feed.indexed(1, 1, 3)], now=1200)
    assert claim(2e9) == (False, None)  # as many as the node counts are here, from wherever
    # A worker that has it in hand looked before this was known: it looks again at once.
    (in_hand,) = ledger.claim_series(
        [SeriesState.OPEN], limit=1, now=3e9, owner="late", lease_seconds=1e9
    )
    settle(ledger, claimed, here=3, now=3e9 + 1)
    assert not ledger.settle_series(in_hand, LookAgain(at=9e9), now=3e9 + 2)
    assert claim(3e9 + 3) == (False, 3)


@pytest.mark.parametrize(
    "values",
    [
        {"state": "gone"},
        {"state": "vanished"},
        {"state": "new", "resumes_as": "new"},
        {"state": "skipped"},
        {"state": "abandoned"},
        {"state": "retrieving", "begun": 0},
        {"state": "retrieved", "begun": 1},
        {"state": "new", "image_count": -1},
    ],
)
def test_the_database_refuses_what_cannot_be(ledger: Ledger, values: dict[str, object]) -> None:
    look(ledger, 100, study(1, 3))
    with pytest.raises(PermanentError):
        ledger._db.write(lambda c: c.execute(update(node_series).values(values)))
    with pytest.raises(PermanentError):
        ledger._db.write(
            lambda c: c.execute(
                insert(node_study).values(
                    node="pacs", study_instance_uid="1.2.1", digest=1, seen_at=1
                )
            )
        )


def test_many_series_in_one_look(ledger: Ledger) -> None:
    many = [study(number, 1, 2) for number in range(1, 1201)]
    assert len(look(ledger, 100, *many)) == 2400
    assert len(known(ledger)) == 1200
    assert len(look(ledger, 160, *many)) == 2400
    assert set(states(ledger).values()) == {State.QUEUED}


def test_what_de_identification_has_made_is_known_when_a_node_has_it(ledger: Ledger) -> None:
    feed = Feed()
    ledger.index([feed.indexed(1, 1, 1), feed.indexed(1, 2, 1)], now=1000)
    kept = ledger.series(2)
    assert kept is not None

    def enter(connection: Connection) -> None:
        connection.execute(
            insert(cleaning_schema.treatment).values(
                id=1, digest="d", name="basic", profile_digest="p", pixels_digest="x", key_id="k",
                place="a/b", shift_days=0, shift_multiple_of=1, described="{}", written="{}",
                first_at=1,
            )
        )  # fmt: skip
        connection.execute(
            insert(cleaning_schema.account).values(id=1, digest=bytes(32), told="{}")
        )
        for instance, uid in ((1, "2.25.1"), (2, kept.series_instance_uid)):
            connection.execute(
                insert(cleaning_schema.cleaned).values(
                    instance_id=instance, treatment_id=1, state="clean", size=1, account_id=1,
                    digest=bytes(32), series_instance_uid=uid, state_at=1,
                )
            )  # fmt: skip

    ledger._db.write(enter)
    uids = ["2.25.1", "2.25.2", kept.series_instance_uid]
    assert ledger.made_here(uids) == {"2.25.1"}
    seen = [study(1, 3), StudySeen(
        study_instance_uid="1.9", series=(SeriesSeen(series_instance_uid="2.25.1", image_count=1),)
    )]  # fmt: skip
    for now in (100, 160):
        look(ledger, now, *without_ours(seen, ledger))
    assert states(ledger) == {"1.2.1.1": State.QUEUED, "2.25.1": State.SKIPPED}
