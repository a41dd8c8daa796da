"""Answers at the study's level: read once, and what they come to is what reading them gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.attributes import Attributes
from causeway.errors import BadDataSet
from causeway.pull.contract import Answer
from causeway.pull.identifiers import decode_identifier, encode_identifier
from causeway.pull.keys import (
    IMAGES_IN_STUDY,
    PATIENT_ID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)
from causeway.pull.plan import NodePlan
from causeway.pull.studies import Reader, Remembered, Told
from causeway.pull.windows import Window, since

IMPLICIT = "1.2.840.10008.1.2"
COMMENTS = 0x00104000
PLAN = NodePlan(name="pacs", decides_by=(COMMENTS,), filters={PATIENT_ID: ("P*",)})


@dataclass
class Counting:
    """Makes answers, and counts how many were read."""

    reads: int = 0

    def answer(self, **values: str) -> Answer:
        return Answer(encode_identifier(tags(values), IMPLICIT), self.read)

    def read(self, encoded: bytes) -> Attributes:
        self.reads += 1
        return decode_identifier(encoded, IMPLICIT)


def tags(values: dict[str, str]) -> dict[int, str]:
    names = {"uid": STUDY_INSTANCE_UID, "date": STUDY_DATE, "time": STUDY_TIME,
             "patient": PATIENT_ID, "images": IMAGES_IN_STUDY, "comments": COMMENTS}  # fmt: skip
    return {names[name]: value for name, value in values.items()}


def plain(told: Told) -> list[object]:
    return [
        told.keys.tolist(),
        told.digests.tolist(),
        told.counted.tolist(),
        told.wanted.tolist(),
        told.outside,
    ]


@pytest.fixture
def node() -> Counting:
    return Counting()


def looking(remembered: Remembered) -> Callable[[Sequence[Answer], Window], Told]:
    def look(answers: Sequence[Answer], window: Window) -> Told:
        remembered.begin()
        told = Reader(PLAN, remembered).read(answers, window)
        remembered.turn()
        return told

    return look


def test_an_answer_that_has_not_changed_is_not_read_again(node: Counting) -> None:
    look = looking(Remembered())
    answers = [node.answer(uid=f"1.{n}", images="3", patient=f"P{n}") for n in range(50)]
    first = look(answers, Window())
    assert node.reads == 50
    answers[7] = node.answer(uid="1.7", images="4", patient="P7")
    second = look(answers, Window())
    assert node.reads == 51
    assert list(second.read) == [7]
    differs = [a != b for a, b in zip(first.digests, second.digests, strict=True)]
    assert differs == [place == 7 for place in range(50)]
    # What is there no more is not remembered either.
    remembered = Remembered()
    look = looking(remembered)
    look(answers, Window())
    look(answers[:10], Window())
    assert len(remembered) == 10


def test_what_a_look_noted_that_was_not_answered_in_full_is_dropped(node: Counting) -> None:
    remembered = Remembered()
    looking(remembered)([node.answer(uid="1.1")], Window())
    remembered.begin()
    Reader(PLAN, remembered).read([node.answer(uid="1.2")], Window())
    remembered.begin()
    remembered.turn()
    assert len(remembered) == 1
    looking(remembered)([node.answer(uid="1.1")], Window())
    assert node.reads == 2


def test_an_answer_is_told_to_be_outside_of_the_window_each_time(node: Counting) -> None:
    look = looking(Remembered())
    answers = [node.answer(uid="1.1", date="20261101")]
    assert [look(answers, since("20261102")).outside for _ in range(3)] == [True] * 3
    assert [look(answers, since("20261101")).outside for _ in range(3)] == [False] * 3


def test_answers_that_have_no_bytes_are_read_each_time(node: Counting) -> None:
    look = looking(Remembered())
    said = {"1.1": "3"}

    def read(_encoded: bytes) -> Attributes:
        return Attributes(values={STUDY_INSTANCE_UID: ("1.1",), IMAGES_IN_STUDY: (said["1.1"],)})

    (first,) = look([Answer(b"", read)], Window()).digests.tolist()
    said["1.1"] = "4"
    (second,) = look([Answer(b"", read)], Window()).digests.tolist()
    assert first != second


def test_what_cannot_be_read_is_an_error_each_time(node: Counting) -> None:
    remembered = Remembered()
    for _ in range(2):
        with pytest.raises(BadDataSet):
            looking(remembered)([Answer(b"\x08\x00\x20\x00\xff\x00\x00\x00", node.read)], Window())
    assert not len(remembered)


ANSWERS = st.lists(
    st.builds(
        lambda number, images, patient, date, comments: {
            "uid": f"1.{number}" if number else "", "images": images, "patient": patient,
            "date": date, "time": "101112", "comments": comments,
        },
        st.integers(0, 5), st.sampled_from(["", "1", "2"]), st.sampled_from(["P1", "Q1", ""]),
        st.sampled_from(["", "20261101", "20261118"]), st.sampled_from(["", "a"]),
    ),
    max_size=6,
)  # fmt: skip
WINDOWS = st.sampled_from(
    [Window(), since("20261110"), Window(dt.date(2026, 11, 18), dt.date(2026, 11, 18), 0, 4000)]
)


@given(looks=st.lists(st.tuples(ANSWERS.filter(bool), WINDOWS), max_size=8))
def test_what_is_remembered_is_what_reading_gives(
    looks: list[tuple[list[dict[str, str]], Window]],
) -> None:
    node = Counting()
    look = looking(Remembered())
    for values, window in looks:
        answers = [node.answer(**each) for each in values]
        alone = Reader(PLAN, Remembered()).read(answers, window)
        assert plain(look(answers, window)) == plain(alone)
