"""What is delivered: parcels, deliveries, what came of them, and the way to each destination."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway import values
from causeway.ledger.states import (
    BreakerState,
    DeliveryState,
    ParcelKind,
    ParcelState,
)

if TYPE_CHECKING:
    pass


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
class Placement:
    """Who owns a folder of a destination."""

    destination: str
    path: str = field(repr=False)
    owner: str = field(repr=False)
    won: bool
    """The caller owns it, now or since before."""
