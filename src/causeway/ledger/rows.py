"""Rows: copies of what the tables held at one moment. Frozen; no dictionaries, no database objects.

Text that can name a person is hidden from ``repr``, UIDs included, as a study's UID finds the
patient in any archive of the same hospital. Logs name rows by their ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway import values
from causeway.ledger.states import (
    BreakerState,
    CleanedState,
    DeliveryState,
    InstanceState,
    ParcelKind,
    ParcelState,
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
class ParcelRow:
    """What is delivered: an artefact made of instances of one series."""

    id: int
    series_id: int
    study_id: int
    number: int
    """1 for the first of its series."""
    key: str = field(repr=False)
    """Of the group of instances that it holds; empty for the main one."""
    kind: ParcelKind
    generation: int
    state: ParcelState
    name: str = field(repr=False)
    """Where the artefact is, relative to the parcel folder; the pipeline's choice."""
    size: int
    digest: bytes
    manifest: str = field(repr=False)
    """In the pipeline's own words."""
    instance_count: int
    created_at: float
    settled_at: float | None
    retired_at: float | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One parcel to one destination."""

    id: int
    parcel_id: int
    series_id: int
    study_id: int
    destination: str
    treatment_id: int | None
    """What was done to what goes there; None: it goes as it came."""
    target: str = field(repr=False)
    """Where in the destination; the pipeline's choice."""
    state: DeliveryState
    due_at: float
    prio: int
    attempt: int
    epoch: int
    owner: str | None
    lease_until: float | None
    reference: str = field(repr=False)
    """What the destination calls it, once it is verified."""
    fail_code: str
    fail_text: str
    waits_for: str
    begun: int
    """So many of its instances, in their order, were handed to the destination so far. What became
    of those without an outcome nobody knows."""
    failing_since: float | None
    """When the first of its failures in a row was."""
    extra: bool
    """A person wanted it, beyond what the rules did: what becomes of it changes nothing for its
    parcel and its series."""
    treatment: str
    """What is done to identifying data, of an extra one to where the rules sent nothing."""
    created_at: float
    state_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """What became of one instance of a delivery."""

    delivery_id: int
    instance_id: int
    standing: values.Standing
    already_there: bool = False
    """An earlier attempt, or somebody else, had brought it."""
    code: str = ""
    why: str = ""
    """For the operator; without patient data."""
    reference: str = field(default="", repr=False)
    """What the destination calls it."""
    transcoded_to: str = ""
    """Transfer syntax UID, where it could not go as it was."""
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRow:
    """How the way to a destination stands."""

    destination: str
    breaker: BreakerState
    refusals: int = 0
    """Answers in a row that nothing can be delivered."""
    open_until: float | None = None
    """When it is asked again; None: it is not left alone."""
    changed_at: float
    fail_code: str = ""
    """Of the last failure, whatever has gone well since."""
    fail_text: str = ""
    fail_hint: str = ""
    """What to do."""
    failed_at: float | None = None
    delivered_at: float | None = None
    """When something was last verified there."""
    bytes_per_second: float | None = None
    """As last measured, while something was on its way."""
    measured_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RerouteRow:
    """Where a person has said that a study or series goes."""

    id: int
    at: float
    who: str
    why: str = field(repr=False)
    study_id: int
    series_id: int | None
    """None: all series of the study, also those that come later."""
    routing: str = field(repr=False)
    """A routing string as the person wrote it; empty: the place stays as the rules have it."""
    destinations: tuple[str, ...]
    """Empty: as the routes have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A parcel that stands at a destination, and is not taken away there."""

    destination: str
    reference: str = field(repr=False)
    series_id: int
    certain: bool
    """It was verified there. Else a try was begun, and it may stand there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerouted:
    """What came of a person's word where something goes."""

    id: int
    series_ids: tuple[int, ...]
    """All that it is about."""
    again_ids: tuple[int, ...]
    """Of these: had been delivered, and go again whole."""
    withdrawn: int
    """Parcels that are not delivered any more."""
    standing: tuple[Standing, ...]
    """What stands where it went before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One line of a row's life. Never holds what can name a patient."""

    id: int
    at: float
    who: str
    """``causeway`` or the operator."""
    what: str
    """A code such as ``series.complete`` or ``study.hold``."""
    why: str = field(repr=False)
    """The reason: a code of ours, or an operator's own words."""
    study_id: int | None
    series_id: int | None
    instance_id: int | None
    parcel_id: int | None
    delivery_id: int | None


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Who owns a folder of a destination."""

    destination: str
    path: str = field(repr=False)
    owner: str = field(repr=False)
    won: bool
    """The caller owns it, now or since before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a container of the spool is indexed."""

    container: str
    offset: int
    """Where the next record would start."""
    records: int
    """Records seen in it so far: the counter that custody compares the rows with."""
    damages: int
    kept: bool
    """A copy of something indexed elsewhere: there is nothing in it to scan."""
    moved_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Retirable:
    """An instance whose bytes are no longer needed."""

    instance_id: int
    address: SpoolAddress
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pinning:
    """An instance that keeps a container from being recycled, and may be copied out of it."""

    instance_id: int
    address: SpoolAddress
    size: int
    state: InstanceState
