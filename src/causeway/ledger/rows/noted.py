"""What persons said, what happened, and where bytes are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway.ledger.states import (
    InstanceState,
)
from causeway.values import SpoolAddress

if TYPE_CHECKING:
    pass


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
