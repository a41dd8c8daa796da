"""What a person sees: summaries, tallies and the custody line, as frozen values."""

from __future__ import annotations

from dataclasses import dataclass

from causeway.ledger.rows import LaneRow
from causeway.ledger.states import CallState, DeliveryState
from causeway.values import Disposition


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
class QueueWait:
    """Deliveries to one destination that wait for the same."""

    why: str
    count: int
    until: float
    """When the first of them may go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLane:
    """What is still to go to a destination."""

    destination: str
    count: int
    """Deliveries that are due, now or later, or being sent."""
    sending: int
    urgent: int
    """Of these: wait for no schedule."""
    held: int
    """Of these: of a series or study on hold, or skipped, so that they go when it is released."""
    failing: int
    """Of these: the last try failed."""
    dead: int
    """Given up; these are not counted in ``count``."""
    bytes: int
    oldest_at: float | None
    """When the parcel that has waited longest was made."""
    next_at: float | None
    """When the first may go; None if all there is is held."""
    last_at: float | None
    """When all of them may have gone, if nothing fails and nothing takes its time."""
    waits: tuple[QueueWait, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A delivery that is being sent."""

    delivery_id: int
    destination: str
    series_id: int
    attempt: int
    prio: int
    instances: int
    done: int
    """Of these: there, or handed over and not looked at yet."""
    bytes: int
    since: float
    """When it was claimed."""


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
class CallCount:
    """Calls of one trigger in one state."""

    trigger: str
    state: CallState
    count: int


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
    lanes: tuple[LaneRow, ...] = ()
    """How the ways to destinations stand, of which something was said."""
    commitments: tuple[Count, ...] = ()
    """Requests for storage commitment, by state."""
    calls: tuple[CallCount, ...] = ()

    @property
    def dead_calls(self) -> int:
        return sum(each.count for each in self.calls if each.state is CallState.DEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A contradiction in the ledger, by name."""

    name: str
    meaning: str
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


def custody_line(custody: Custody) -> str:
    """One line for people: ``received 512 = delivered 480 + held 0 + …``."""
    terms = " + ".join(f"{term.disposition.value} {term.count}" for term in custody.counts)
    sign = "=" if custody.received == custody.accounted else "≠"
    line = f"received {custody.received} {sign} {terms}"
    if custody.violations:
        names = ", ".join(
            f"{violation.name} ({violation.count})" for violation in custody.violations
        )
        line += f"; contradictions: {names}"
    return line
