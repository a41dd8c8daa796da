"""Requests for storage commitment as values, and how they stand in their tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    bindparam,
    select,
)

from causeway.ledger import commitment_schema
from causeway.ledger.claims import Dead, Retry, Wait
from causeway.ledger.states import (
    CommitmentState,
    InstanceState,
    SeriesState,
)
from causeway.values import Caller

DUPLICATE_TRANSACTION: Final = 0x0131


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCommitment:
    """A request that came in."""

    letter: str
    """Names the message that it came by; one that was entered is not entered again."""
    transaction_uid: str = field(repr=False)
    caller: Caller
    objects: tuple[tuple[str, str], ...] = field(repr=False)
    """SOP class and instance."""
    asked_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitmentRow:
    """One request."""

    id: int
    letter: str
    transaction_uid: str = field(repr=False)
    source: str
    calling_ae: str
    called_ae: str
    peer_address: str
    association: str
    """On which it was asked last."""
    state: CommitmentState
    object_count: int
    failed_count: int
    """Objects that are not committed to; 0 before it is judged."""
    asked_at: float
    due_at: float
    attempt: int
    epoch: int
    fail_code: str
    fail_text: str
    waits_for: str
    state_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownObject:
    """What is known of an object that is asked about: one row that has its UID."""

    sop_class_uid: str
    state: InstanceState
    series_state: SeriesState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedObject:
    """An object that is asked about."""

    position: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    reason: int | None
    """0: committed to; else why not; None before it is judged."""
    known: tuple[KnownObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """The requester has taken the report."""


ReportOutcome = Told | Wait | Retry | Dead


def commitment_row(row: Any) -> CommitmentRow:
    return CommitmentRow(**{**row, "state": CommitmentState(row["state"])})


COMMITMENT_COLUMNS = tuple(commitment_schema.commitment.c)

ASKED_OBJECTS = (
    select(commitment_schema.commitment_object)
    .where(commitment_schema.commitment_object.c.commitment_id == bindparam("the_id"))
    .order_by(commitment_schema.commitment_object.c.position)
)
