"""The page about the ledger says what the ledger is."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

import causeway.ledger
from causeway.ledger import open_ledger, states
from causeway.ledger.document import diagram, renewed

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "ledger.md"


def test_the_generated_parts_are_current() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert renewed(page) == page, f"run: python -m causeway.ledger.document {PAGE.name}"


def test_a_place_that_is_missing_is_noticed() -> None:
    with pytest.raises(ValueError, match="places for"):
        renewed("# a page without places")


def test_a_diagram_has_every_move_and_tells_persons_apart() -> None:
    text = diagram(states.SERIES_BEGINS, states.SERIES, states.SERIES_BY_OPERATOR)
    solid = sum(len(moves) for moves in states.SERIES.values()) + len(states.SERIES_BEGINS)
    dashed = sum(len(moves) for moves in states.SERIES_BY_OPERATOR.values())
    assert text.count(" -->|") == solid
    assert text.count(" -.->|") == dashed


def test_the_queries_for_the_hand_work(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(path).close()
    blocks = re.findall(r"```sql\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 4
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for statement in ";".join(blocks).split(";"):
        connection.execute(statement)
    connection.close()


def test_every_state_of_a_series_is_explained() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for state in states.SeriesState:
        assert f"| {state.value} |" in page


def test_the_public_face_is_complete() -> None:
    for name in causeway.ledger.__all__:
        assert hasattr(causeway.ledger, name)
    public = {
        name
        for name, value in vars(causeway.ledger).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("causeway.")
    }
    assert public <= set(causeway.ledger.__all__)
