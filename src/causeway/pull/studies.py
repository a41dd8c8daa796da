"""What answers at the study's level come to, and how none is read twice.

A look at an archive gets the same answers as the last one, but for a few. What an answer says is a
function of its bytes, so what was made of it is remembered by a digest of them, and the answer is
read only if it is another. That costs a microsecond where reading takes ten, and 32 bytes for each.

What is remembered is of one look. A digest has 64 bits and covers the window that was asked for: of
a million answers, two fall together at one of forty million sites.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Final

import numpy as np
import numpy.typing as npt

from causeway.attributes import Attributes
from causeway.pull.contract import Answer
from causeway.pull.filtering import passes
from causeway.pull.keys import (
    IMAGES_IN_STUDY,
    PATIENT_ID,
    SERIES_IN_STUDY,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
    STUDY_TIME,
)
from causeway.pull.plan import NodePlan
from causeway.pull.windows import Window

_COUNTED, _OUTSIDE, _LEFT_OUT = 1, 2, 4
_COLUMNS: Final = 3
"""Digest of the UID, digest of what the node says, and these flags."""

Table = npt.NDArray[np.int64]
Prints = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyAnswer:
    """A study as an answer at the study's level has it."""

    uid: str = field(repr=False)
    patient_id: str = field(repr=False)
    date: str = field(repr=False)
    attributes: Attributes = field(repr=False)
    digest: int
    counted: bool
    """Whether the node says how many images it has, so that a digest can tell of new ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What some answers come to, each at its place."""

    answers: Sequence[Answer] = field(repr=False)
    keys: npt.NDArray[np.int64]
    """``digest_of`` the Study Instance UIDs."""
    digests: npt.NDArray[np.int64]
    counted: npt.NDArray[np.bool_]
    """See ``StudyAnswer``."""
    wanted: npt.NDArray[np.bool_]
    """Whether it is a study, and passes the filter."""
    outside: bool
    """One of them has no business in the window that was asked for."""
    read: Mapping[int, StudyAnswer] = field(repr=False)
    """Those that had to be read, by their places."""


class Remembered:
    """What was made of the answers of the last look. It belongs to one plan."""

    def __init__(self) -> None:
        self._prints: Prints = np.empty(0, np.uint64)
        self._table: Table = np.empty((0, _COLUMNS), np.int64)
        self._noted: list[tuple[Prints, Table]] = []

    def __len__(self) -> int:
        return len(self._prints)

    def recall(self, prints: Prints) -> tuple[npt.NDArray[np.bool_], Table]:
        """Which of them are known, and a table that has what is known of these."""
        if not len(self._prints):
            return np.zeros(len(prints), np.bool_), np.zeros((len(prints), _COLUMNS), np.int64)
        places = np.minimum(np.searchsorted(self._prints, prints), len(self._prints) - 1)
        return self._prints[places] == prints, self._table[places]

    def note(self, prints: Prints, table: Table) -> None:
        """To be remembered from the next turn on."""
        self._noted.append((prints, table))

    def begin(self) -> None:
        """A look begins; what an earlier one noted that did not come to its end is dropped."""
        self._noted.clear()

    def turn(self) -> None:
        """A look was answered in full: what it noted is remembered, and nothing else."""
        if not self._noted:
            return
        prints = np.concatenate([each for each, _ in self._noted])
        table = np.concatenate([each for _, each in self._noted])
        self._noted.clear()
        self._prints, places = np.unique(prints, return_index=True)
        self._table = table[places]


class Reader:
    """Reads answers for one plan, as far as they are not remembered."""

    def __init__(self, plan: NodePlan, remembered: Remembered) -> None:
        self._plan = plan
        self._remembered = remembered
        self._kept = frozenset(plan.decides_by) | frozenset(plan.filters)

    def read(self, answers: Sequence[Answer], window: Window) -> Told:
        """Raises ``BadDataSet``."""
        remembered = self._remembered
        whole = all(answer.encoded for answer in answers)
        prints = _prints(answers, window)
        known, table = remembered.recall(prints)
        read: dict[int, StudyAnswer] = {}
        for place in range(len(answers)) if not whole else np.flatnonzero(~known).tolist():
            attributes = answers[place].attributes
            study = self.study(attributes)
            flags = _COUNTED if study.counted else 0
            if window.excludes(study.date, attributes.first(STUDY_TIME)):
                flags |= _OUTSIDE
            if study.uid and passes(self._plan.filters, attributes, of_study=True):
                read[place] = study
            else:
                flags |= _LEFT_OUT
            table[place] = digest_of(study.uid), study.digest, flags
        if whole:
            remembered.note(prints, table)
        flags_of_all = table[:, 2]
        return Told(
            answers=answers,
            keys=table[:, 0],
            digests=table[:, 1],
            counted=flags_of_all & _COUNTED != 0,
            wanted=flags_of_all & _LEFT_OUT == 0,
            outside=bool(np.any(flags_of_all & _OUTSIDE)),
            read=read,
        )

    def study(self, attributes: Attributes) -> StudyAnswer:
        """What an answer at the study's level says."""
        series, images = (
            count_of(attributes, SERIES_IN_STUDY),
            count_of(attributes, IMAGES_IN_STUDY),
        )
        marks = (attributes.text(tag) or "" for tag in self._plan.decides_by)
        return StudyAnswer(
            uid=attributes.first(STUDY_INSTANCE_UID),
            patient_id=attributes.first(PATIENT_ID),
            date=date_of(attributes.first(STUDY_DATE)),
            attributes=Attributes(
                values={tag: found for tag, found in attributes.values.items() if tag in self._kept}
            ),
            digest=digest_of(series, images, *marks),
            counted=images is not None,
        )


def _prints(answers: Sequence[Answer], window: Window) -> Prints:
    salt = digest_of(window.dates, window.times).to_bytes(8, "big")
    joined = b"".join(
        [blake2b(each.encoded, digest_size=8, salt=salt).digest() for each in answers]
    )
    return np.frombuffer(joined, np.uint64)


def digest_of(*values: object) -> int:
    """63 bits, which fit a column; a clash goes unnoticed once in 10^8 years of minutes."""
    text = "\x1f".join(map(str, values)).encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(text, digest_size=8).digest(), "big") >> 1


def date_of(text: str) -> str:
    """As eight digits, so that dates compare as text; PS3.5 of old had dots in them."""
    bare = text.replace(".", "")
    return bare if len(bare) == 8 and bare.isdigit() else ""


def count_of(attributes: Attributes, tag: int) -> int | None:
    """How many; None where it is not said."""
    text = attributes.first(tag).strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
