"""What arrived: instances, their heads, series and studies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway.ledger.states import (
    InstanceState,
    SeriesState,
    StudyState,
)
from causeway.values import Caller, Identity, Receipt, SpoolAddress

if TYPE_CHECKING:
    from causeway.attributes import Attributes


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRow:
    """One received object."""

    id: int
    study_id: int | None
    series_id: int | None
    state: InstanceState
    reason: str
    """Why it is in quarantine or discarded; a code."""
    conflict: bool
    """Another object with this UID and other bytes has arrived."""
    approved: bool
    """A person let it through as it is, although it conflicts or cannot be read."""
    original_id: int | None
    """Of a duplicate or a conflicting object: the instance that was here first."""
    address: SpoolAddress
    """Where the bytes are now."""
    origin: SpoolAddress
    """Where they were received; never changes."""
    size: int
    digest: bytes
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    instance_number: str
    acquisition_number: str
    images_in_acquisition: str
    number_of_frames: str
    image_type: str
    rows: str
    columns: str
    orientation: str
    """Numbers joined by backslashes, as they stand in the header; so is the position."""
    position: str
    referenced_series: str = field(repr=False)
    """UIDs of series that it names, joined by backslashes."""
    charset: str
    source: str
    calling_ae: str
    called_ae: str
    peer_address: str
    certificate: str
    move_originator: str
    association: str
    received_at: float
    state_at: float
    bytes_gone_at: float | None
    """When its bytes left the spool, if they have."""
    parcel_id: int | None
    """The newest parcel that it is a member of, if there is one yet; withdrawn ones aside."""

    @property
    def receipt(self) -> Receipt:
        """The receipt that it was made from."""
        return Receipt(
            caller=Caller(
                source=self.source,
                calling_ae=self.calling_ae,
                called_ae=self.called_ae,
                address=self.peer_address,
                association=self.association,
                certificate=self.certificate,
            ),
            sop_class_uid=self.sop_class_uid,
            sop_instance_uid=self.sop_instance_uid,
            transfer_syntax_uid=self.transfer_syntax_uid,
            received_at=self.received_at,
            move_originator=self.move_originator,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRow:
    """What the headers of a series say, of those that agree."""

    id: int
    series_id: int
    digest: bytes
    attributes: Attributes = field(repr=False)
    """Of the first instance that came with it."""
    count: int
    """Instances that came with it."""
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRow:
    """One series: the unit of work."""

    id: int
    study_id: int
    state: SeriesState
    resumes_as: SeriesState | None
    """Of a held series: the state that its release brings back."""
    series_instance_uid: str = field(repr=False)
    modality: str
    series_number: str
    series_description: str = field(repr=False)
    protocol_name: str = field(repr=False)
    series_date: str = field(repr=False)
    series_time: str = field(repr=False)
    acquisition_date: str = field(repr=False)
    acquisition_time: str = field(repr=False)
    manufacturer: str
    station_name: str
    source: str
    """The source of its first instance."""
    calling_ae: str
    """The AE title that the first instance was sent by."""
    called_ae: str
    """The AE title that the first instance was sent to."""
    generation: int
    """Raised whenever an arrival makes work in hand or already done incomplete."""
    instance_count: int
    """Instances that belong to it: neither duplicates nor in quarantine nor discarded."""
    byte_count: int
    expected_count: int | None
    first_at: float
    last_at: float
    due_at: float
    prio: int
    """Lower goes first; 100 is usual."""
    attempt: int
    epoch: int
    owner: str | None
    lease_until: float | None
    completion_reason: str
    verdict: str = field(repr=False)
    """What the policy stage decided, in the pipeline's own words; empty until then."""
    cleaning: str = field(repr=False)
    """What the de-identification stage did, in the pipeline's own words."""
    fail_code: str
    fail_text: str
    waits_for: str
    """Why nothing is done now although nothing failed (closed hours, a link that is down)."""
    held_by: str
    held_code: str
    """Of a hold or denial by a policy: why, as a word."""
    held_why: str = field(repr=False)
    released_by: str
    """The person who released it from a hold; a policy must not hold it again for the same."""
    released_generation: int
    """The generation that was released; what came later nobody has looked at."""
    whole: bool
    """All of it goes in its next parcels, what was sent before included."""
    state_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyRow:
    """One study: identity, roll-up, and an operator's hold."""

    id: int
    study_instance_uid: str = field(repr=False)
    identity: Identity
    state: StudyState
    """Derived from its series and the hold."""
    series_count: int
    instance_count: int
    """Instances that belong to its series."""
    received_count: int
    """Objects that arrived for it: duplicates and conflicting ones too."""
    byte_count: int
    first_at: float
    last_at: float
    held_by: str
    held_why: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquisition:
    """The instances of a series that share an acquisition number."""

    number: str
    count: int
    expected: int | None
    """ImagesInAcquisition where all of them say the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationRow:
    """An association that brought instances."""

    name: str
    source: str
    first_at: float
    ended_at: float | None
    outcome: str
