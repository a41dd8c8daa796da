"""What became of one file."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from causeway.offline.places import Item


class Fate(enum.StrEnum):
    """Each file that is read has one."""

    WRITTEN = "written"
    THERE = "there already"
    """The same bytes stood there: from an earlier run, or from another copy of the file."""
    HELD = "held"
    """Its pixels may have text in them; a rule or a person decides."""
    IN_DOUBT = "in doubt"
    """It cannot be said that it is clean."""
    CONFLICT = "conflict"
    """Other bytes stand under its name: two objects with one UID."""
    FAILED = "failed"
    """It could not be read."""
    NOT_DICOM = "not DICOM"
    DIRECTORY = "DICOMDIR"
    """A list of files under their old names, with the patients' names."""

    @property
    def is_there(self) -> bool:
        return self in (Fate.WRITTEN, Fate.THERE)

    @property
    def is_missing(self) -> bool:
        """Whether it is an object that nobody gets."""
        return self in (Fate.HELD, Fate.IN_DOUBT, Fate.CONFLICT, Fate.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An object that stands in the output, for report and journal. Nothing of the original."""

    file: str
    """Below the output folder."""
    size: int
    study: str
    subject: str
    rules: Mapping[str, int]
    """Attributes by action and origin of the rule."""
    pixels: str
    tokens: int
    uids: int
    searched_bytes: int
    pixel_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file, and why."""

    item: Item
    fate: Fate
    code: str = ""
    """One word, for counting."""
    reason: str = ""
    """Without patient data."""
    study: str = ""
    """The new UID of its study, as far as that is known of one that is not written."""
    subject: str = ""
    entry: Entry | None = None
    """Of one that is there."""
    uids: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Only if maps were asked for, as the next."""
    patient_id: str = field(default="", repr=False)
