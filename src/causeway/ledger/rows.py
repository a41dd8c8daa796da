"""What the ledger hands out and takes: frozen values, no dictionaries, no database objects.

Three families stand below. *Rows* are copies of what a table held at one moment. *Claims* are rows
together with the right to change them, until a lease ends. *Outcomes* are what a worker says about
a claim; the ledger turns them into a change of state, or refuses them when the claim is void.

Text that can name a person is hidden from ``repr``, UIDs included, as a study's UID finds the
patient in any archive of the same hospital. Logs name rows by their ids.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.ledger.states import (
    DeliveryState,
    InstanceState,
    SeriesState,
    StudyState,
)
from causeway.values import Disposition, Header, Identity, Record, SpoolAddress

# --- intake -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A record of the spool whose header could be read."""

    record: Record
    header: Header
    due_at: float
    """When completion shall look at the series, if nothing more arrives."""
    expected_count: int | None = None
    """Instances that the series will have, where the header can be trusted on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record of the spool that is kept, but cannot be indexed: it goes to quarantine."""

    record: Record
    reason: str
    """A short code without patient data, such as ``no-study-uid`` or ``digest``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Bytes of a container that hold no record; indexing passes over them and says so."""

    container: str
    offset: int
    end: int
    reason: str


class Arrival:
    """What became of an item of an intake batch."""

    FRESH = "fresh"
    """A new instance; its series is open."""
    REOPENED = "reopened"
    """A new instance of a series that was past completion, or that a worker held in hand."""
    DUPLICATE = "duplicate"
    """The same object with the same bytes is here already; nothing is sent again."""
    CONFLICT = "conflict"
    """The same object with other bytes is here already; this one is in quarantine."""
    QUARANTINED = "quarantined"
    """Not readable; kept for a person to look at."""
    KNOWN = "known"
    """This very record was indexed before; nothing was changed."""
    PASSED = "passed"
    """Damage, passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer to one item of an intake batch, in the batch's order."""

    arrival: str
    """One of ``Arrival``."""
    instance_id: int | None
    series_id: int | None
    study_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """How far a container of the spool is indexed."""

    container: str
    offset: int
    """Where the next record would start."""
    records: int
    """Records seen in it so far: the counter that custody compares the rows with."""
    damages: int
    moved_at: float


# --- rows ---------------------------------------------------------------------------------------


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
    parcel_id: int | None
    """The parcel that it is a member of, if there is one yet."""


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
    held_why: str = field(repr=False)
    released_by: str
    """The person who released it from a hold; a policy must not hold it again for the same."""
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
    """What is delivered: an artefact made of the instances of a series in no earlier parcel."""

    id: int
    series_id: int
    study_id: int
    number: int
    """1 for the first of its series; more are amendments."""
    generation: int
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
class DeliveryRow:
    """One parcel to one destination."""

    id: int
    parcel_id: int
    series_id: int
    study_id: int
    destination: str
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
    created_at: float
    state_at: float


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


# --- claims -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesClaim:
    """The right to work on a series until its lease ends."""

    series: SeriesRow
    study: StudyRow
    associations_open: int
    """Associations that brought instances of it and have not ended."""
    associations_ended_at: float | None
    """When the last of them ended, if all have."""

    @property
    def id(self) -> int:
        return self.series.id

    @property
    def attempt(self) -> int:
        """1 at the first try of this state."""
        return self.series.attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryClaim:
    """The right to send a parcel to a destination until its lease ends."""

    delivery: DeliveryRow
    parcel: ParcelRow
    series: SeriesRow
    study: StudyRow

    @property
    def id(self) -> int:
        return self.delivery.id

    @property
    def attempt(self) -> int:
        return self.delivery.attempt


# --- outcomes of work ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """The stage is done; the series goes to its next state."""

    to: SeriesState
    """COMPLETE, ROUTED, HELD, DENIED or CLEANED. PACKAGED needs ``Packaged``."""
    reason: str = ""
    """A code: why it is complete, held or denied."""
    verdict: str | None = None
    cleaning: str | None = None
    expected_count: int | None = None
    due_at: float | None = None
    """When the next stage may begin; now, if it is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A destination that a parcel shall go to."""

    destination: str
    target: str = field(default="", repr=False)
    due_at: float | None = None
    prio: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """The parcel stands on disk, durable; it and its deliveries are entered in one transaction."""

    name: str = field(repr=False)
    size: int
    digest: bytes
    instance_ids: tuple[int, ...]
    """All instances of ``Ledger.to_package``; more or fewer is refused as ``NotAllowed``."""
    deliveries: tuple[NewDelivery, ...]
    manifest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LookAgain:
    """Nothing to do yet; the attempt is given back."""

    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Something outside is not ready (hours, link, breaker); not a failure, no attempt is spent."""

    until: float
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """It failed and may work later."""

    at: float
    code: str
    text: str = ""
    """For the operator; without patient data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """It failed and is not tried again unless a person says so."""

    code: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """The destination has the parcel, and it was read back or vouched for."""

    reference: str = field(default="", repr=False)


SeriesOutcome = Advanced | Packaged | LookAgain | Wait | Retry | Dead
DeliveryOutcome = Verified | Wait | Retry | Dead


# --- retirement ---------------------------------------------------------------------------------


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


# --- what a person sees -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many rows are in a state."""

    state: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneCount:
    """How many deliveries to a destination are in a state."""

    destination: str
    state: DeliveryState
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Something that was counted and left no row: a refusal at the door, a rejected object."""

    kind: str
    """``association`` or ``object``."""
    source: str
    reason: str
    count: int
    first_at: float
    last_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The state of the whole, for ``causeway status``."""

    at: float
    studies: tuple[Count, ...]
    series: tuple[Count, ...]
    instances: tuple[Count, ...]
    deliveries: tuple[LaneCount, ...]
    oldest_undelivered_at: float | None
    """When the oldest instance that is on its way was received."""
    bytes_awaiting: int
    """Bytes of instances that are not delivered yet."""
    held_studies: int
    held_series: int
    dead_series: int
    dead_deliveries: int
    quarantined: int
    last_received_at: float | None
    last_delivered_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A contradiction in the ledger, by name."""

    name: str
    count: int
    example: str
    """A ledger id, such as ``series 12``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DispositionCount:
    disposition: Disposition
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Custody:
    """received = the sum of all dispositions, and what contradicts it."""

    study_id: int | None
    received: int
    """From counters of their own, not from the instance rows."""
    counts: tuple[DispositionCount, ...]
    """Every disposition once, in the order of ``values.Disposition``."""
    violations: tuple[Violation, ...]

    def count(self, disposition: Disposition) -> int:
        return next(c.count for c in self.counts if c.disposition is disposition)

    @property
    def accounted(self) -> int:
        return sum(c.count for c in self.counts)

    @property
    def holds(self) -> bool:
        """Nothing is missing and nothing contradicts."""
        return self.received == self.accounted and not self.violations
