"""What nodes were asked for, as receivers see it."""

from __future__ import annotations

import os
from pathlib import Path

from causeway.pull.asked import AskedFor, AskedOf, Asker
from causeway.pull.classes import MOST_CONTEXTS, contexts_for


def asked(node: str = "pacs", message_id: int = 7, series: str = "1.2.3") -> AskedFor:
    return AskedFor(node=node, mover="US", message_id=message_id, series_instance_uid=series)


def series_of(found: tuple[AskedFor, ...]) -> set[str]:
    return {each.series_instance_uid for each in found}


def test_an_object_belongs_to_the_retrieval_that_its_command_names(tmp_path: Path) -> None:
    asker, receiver = Asker(tmp_path), AskedOf(tmp_path)
    assert receiver.matching(node="pacs", mover="US", message_id=7) == ()
    match = receiver.matching
    with (
        asker.asking(asked()),
        asker.asking(asked(message_id=8, series="1.2.4")),
        asker.asking(asked(node="other", message_id=9, series="1.2.5")),
    ):
        assert series_of(match(node="pacs", mover="US", message_id=7)) == {"1.2.3"}
        assert series_of(match(node=None, mover="US", message_id=9)) == {"1.2.5"}
        assert match(node="pacs", mover="US", message_id=9) == ()
        assert match(node="pacs", mover="THEM", message_id=7) == ()
        # Who names neither is told by node and series.
        assert series_of(match(node="pacs", mover="", message_id=None)) == {"1.2.3", "1.2.4"}
        assert match(node=None, mover="", message_id=None) == ()
    assert receiver.matching(node="pacs", mover="US", message_id=7) == ()


def test_what_is_young_is_read_again(tmp_path: Path) -> None:
    asker, receiver = Asker(tmp_path), AskedOf(tmp_path)
    for number in range(200):
        with asker.asking(asked(message_id=number)):
            assert receiver.matching(node="pacs", mover="US", message_id=number), number
        assert not receiver.matching(node="pacs", mover="US", message_id=number), number


def test_what_a_predecessor_left_means_nothing(tmp_path: Path) -> None:
    left = Asker(tmp_path).asking(asked())
    left.__enter__()
    (tmp_path / "x.asked").write_text("{")
    assert len(AskedOf(tmp_path).matching(node="pacs", mover="US", message_id=7)) == 1
    Asker(tmp_path)
    assert os.listdir(tmp_path) == []


def test_contexts_fit_into_an_association() -> None:
    mr = "1.2.840.10008.5.1.4.1.1.4"
    assert {uid for uid, _ in contexts_for([mr, ""], "MR")} == {mr}
    for modality in ("MR", "CT", "??", ""):
        kinds = contexts_for((), modality)
        assert len(set(kinds)) == len(kinds) <= MOST_CONTEXTS
        assert ("1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.2.1") in kinds
    many = [f"1.2.3.{number}" for number in range(200)]
    assert len(contexts_for(many, "MR")) == MOST_CONTEXTS
