"""What intake takes and answers: one item for each record of the spool, in the spool's order."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from causeway.values import Header, Record

if TYPE_CHECKING:
    from causeway.attributes import Attributes

CONFLICT = "conflict"
"""The reason of an instance in quarantine whose UID another one has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a header says at its top level."""

    digest: bytes
    """Of what should be the same in a whole series; 16 bytes."""
    attributes: Attributes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Indexed:
    """A record of the spool whose header could be read."""

    record: Record
    header: Header
    due_at: float
    """When completion shall look at the series, if nothing more arrives."""
    expected_count: int | None = None
    """Instances that the series will have, where the header can be trusted on it."""
    head: Head | None = None
    """None only where nobody decides by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """A record of the spool that is kept, but cannot be indexed: it goes to quarantine."""

    record: Record
    reason: str
    """A short code without patient data, such as ``no-study-uid`` or ``digest``."""

    def __post_init__(self) -> None:
        if not self.reason or self.reason == CONFLICT:
            raise ValueError(f"not a reason for being unreadable: {self.reason!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """Bytes of a container that hold no record; indexing passes over them and says so."""

    container: str
    offset: int
    end: int
    reason: str


Item = Indexed | Unreadable | Damaged


class Arrival(enum.StrEnum):
    """What became of an item of an intake batch."""

    FRESH = "fresh"
    """A new instance; its series is open."""
    REOPENED = "reopened"
    """A new instance of a series that was past completion; what is left to do begins again."""
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

    arrival: Arrival
    instance_id: int | None
    series_id: int | None
    study_id: int | None
