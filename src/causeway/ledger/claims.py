"""Claims and outcomes: the right to work on a row, and what the worker says about it in the end.

A claim lasts until its lease ends or until something makes it void: an image that arrived
meanwhile, an operator's move, another worker that took over. The ledger turns an outcome into a
change of state, or refuses it when the claim is void; then nothing has happened and the work is
dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.ledger.rows import DeliveryRow, ParcelRow, SeriesRow, StudyRow
from causeway.ledger.states import SeriesState


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesClaim:
    """The right to work on a series until its lease ends."""

    series: SeriesRow
    study: StudyRow
    associations_open: int
    """Associations that brought instances of it and have not ended."""
    associations_ended_at: float | None
    """When the last of them ended, if all have."""
    awaited: bool = False
    """A node has more of it, which was asked for: what is here is a part."""
    retrieved_count: int | None = None
    """As many images a node has of it, and all of them have come; None if no node was asked."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """The stage is done; the series goes to its next state."""

    to: SeriesState
    """COMPLETE, ROUTED, HELD, DENIED or CLEANED. PACKAGED needs ``Packaged``."""
    reason: str = ""
    """Why it is complete, held or denied, without patient data."""
    code: str = ""
    """The same as a word, of a hold or a denial."""
    verdict: str | None = None
    cleaning: str | None = None
    left_out: tuple[int, ...] = ()
    """With CLEANED or DENIED: instances that go nowhere at all, and wait in quarantine."""
    expected_count: int | None = None
    due_at: float | None = None
    """When the next stage may begin; now, if it is not said."""
    waits_for: str = ""
    """Why it may not begin now, if it may not."""
    prio: int | None = None
    """0 to 200; a step below 100 is worth a minute in the queue. Unchanged, if it is not said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A destination that a parcel shall go to."""

    destination: str
    treatment_id: int | None = None
    """What was done to what goes there; None: it goes as it came."""
    target: str = field(default="", repr=False)
    due_at: float | None = None
    waits_for: str = ""
    """Why it is not due now, if it is not."""
    prio: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class NewParcel:
    """A parcel that shall be entered."""

    key: str = field(default="", repr=False)
    """Of the group that it holds; empty for the main one. An amendment has the key of what it
    amends."""
    name: str = field(repr=False)
    size: int
    digest: bytes
    instance_ids: tuple[int, ...]
    deliveries: tuple[NewDelivery, ...]
    manifest: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SoFar:
    """What the stages that a parcel of an arriving series has jumped over would have said."""

    verdict: str
    cleaning: str
    prio: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """Parcels and deliveries of a series, entered in one transaction.

    Together they hold each instance of ``Ledger.to_package`` once; more or fewer is refused as
    ``NotAllowed``. Only of a series that is sent on as it comes may they hold fewer.
    """

    parcels: tuple[NewParcel, ...]
    whole: bool = False
    """They hold all instances of the series, those that were sent before too."""
    so_far: SoFar | None = None
    """They hold what was there when they were made, of a series that may still be arriving."""


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
