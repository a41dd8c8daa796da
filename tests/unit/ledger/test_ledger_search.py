# ruff: noqa: RUF001
"""Folding, and the two ways in which a study's state is derived."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from causeway.ledger import SeriesState, StudyState, open_ledger, schema
from causeway.ledger.search import STUDY_STATE, fold, folded_identity
from causeway.values import Identity


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Müller^Jürgen", "muller jurgen"),
        ("  Ångström^ Å ", "angstrom a"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("Łódź", "łodz"),
        ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "yamada tarou 山田 太郎 やまた たろう"),
        ("ΜΑΡΊΑ", "μαρια"),
        ("İstanbul", "istanbul"),
        ("^^^", ""),
    ],
)
def test_names_fold(text: str, folded: str) -> None:
    assert fold(text) == folded
    assert fold(folded) == folded


def test_an_identity_folds_to_all_that_people_search_for() -> None:
    identity = Identity(
        patient_id="P 1", patient_name="A^B", accession_number="ACC", study_description="Herz"
    )
    assert folded_identity(identity) == "a b\np 1\nacc\nherz"


def test_the_state_of_a_study_is_the_same_in_python_and_in_sql(tmp_path: Path) -> None:
    """For every set of up to three states of series, with and without a hold."""
    cases = [
        (states, held)
        for size in range(4)
        for states in combinations(SeriesState, size)
        for held in (False, True)
    ]
    with open_ledger(tmp_path / "ledger.db") as ledger:

        def fill(connection):  # type: ignore[no-untyped-def]
            for number, (states, held) in enumerate(cases, start=1):
                connection.execute(
                    insert(schema.study),
                    {
                        "id": number,
                        "study_instance_uid": f"1.{number}",
                        "first_at": 0,
                        "last_at": number,
                        "held_by": "op" if held else "",
                    },
                )
                for state in states:
                    parked = state in {SeriesState.HELD, SeriesState.DEAD}
                    connection.execute(
                        insert(schema.series),
                        {
                            "study_id": number,
                            "series_instance_uid": f"1.{number}.{state.value}",
                            "state": state.value,
                            "resumes_as": "open" if parked else None,
                            "held_by": "op" if state is SeriesState.HELD else "",
                            "first_at": 0,
                            "last_at": 0,
                            "due_at": 0,
                            "state_at": 0,
                        },
                    )
            connection.execute(update(schema.study).values(received_count=0))
            return dict(connection.execute(select(schema.study.c.id, STUDY_STATE)).all())

        in_sql = ledger._db.write(fill)
        in_python = {each.id: each.state for each in ledger.search(limit=9999)}
        assert len(in_python) == len(cases) == 352
        assert in_sql == {key: state.value for key, state in in_python.items()}
        for state in StudyState:
            found = {each.id for each in ledger.search(state=state, limit=9999)}
            assert found == {key for key, value in in_python.items() if value is state}
        counted = {each.state: each.count for each in ledger.summary(now=0).studies}
        assert sum(counted.values()) == len(cases)
