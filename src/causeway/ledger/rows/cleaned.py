"""What became of instances under a treatment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway.ledger.states import (
    CleanedState,
)

if TYPE_CHECKING:
    from causeway.attributes import Attributes
from causeway.ledger.rows.arrived import InstanceRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentRow:
    """What is done to identifying data."""

    id: int
    digest: str
    name: str
    """Of the profile."""
    profile_digest: str
    pixels_digest: str
    key_id: str
    place: str
    """The project, as its key is made for it."""
    shift_days: int
    shift_multiple_of: int
    described: str
    """JSON: edition, codes, conformance."""
    written: str = field(repr=False)
    """JSON: profile and rules as they were."""
    first_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanedRow:
    """What became of an instance under a treatment."""

    instance_id: int
    treatment_id: int
    state: CleanedState
    code: str
    """Why it is held, in doubt or left out, as a word."""
    reason: str
    """The same as a sentence, without patient data."""
    sop_instance_uid: str = field(repr=False)
    """Its new one; so are the next two."""
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    subject: str = field(repr=False)
    """The patient's pseudonym."""
    alias: str = field(repr=False)
    """Empty, unless the site has given the subject a label of its own."""
    size: int | None
    """Of the clean data set; so is the digest (BLAKE3)."""
    digest: bytes | None
    account_id: int | None
    tokens: int
    uids: int
    searched_bytes: int
    pixel_bytes: int
    decided_by: str
    """Who has released it or left it out."""
    decided_why: str = field(repr=False)
    regions: tuple[tuple[int, int, int, int], ...]
    """(x, y, width, height), blanked by a person's word."""
    excused: bool
    """A person has said that what the proof finds names nobody."""
    state_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanHeadRow:
    """What the headers of a series say once they are clean."""

    series_id: int
    treatment_id: int
    digest: bytes
    """Of the head that it was made from."""
    attributes: Attributes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBack:
    """An instance that does not leave, as de-identifying it has led to doubt."""

    instance: InstanceRow = field(repr=False)
    cleaned: CleanedRow
    treatment: TreatmentRow
