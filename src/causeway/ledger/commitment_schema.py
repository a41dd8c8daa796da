"""The tables of storage commitment: what we were asked to take responsibility for."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, PrimaryKeyConstraint, Table, Text

from causeway.ledger.columns import (
    UID,
    any_of,
    count_column,
    one_of,
    partial,
    reference,
    row_id,
    text_column,
    time_column,
)
from causeway.ledger.schema import metadata
from causeway.ledger.states import CommitmentState

COMMITMENT_OPEN = any_of("state", (CommitmentState.WAITING, CommitmentState.REPORTING))

commitment = Table(
    "commitment",
    metadata,
    row_id(),
    Column("letter", Text, nullable=False, unique=True, comment="by which it came last"),
    Column("transaction_uid", UID, nullable=False),
    Column("source", Text, nullable=False),
    text_column("calling_ae"),
    text_column("called_ae"),
    text_column("peer_address"),
    text_column("association"),
    Column("state", Text, nullable=False),
    count_column("object_count"),
    count_column("failed_count"),
    time_column("asked_at"),
    time_column("due_at"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("waits_for"),
    time_column("state_at"),
    CheckConstraint(one_of("state", CommitmentState), name="state"),
    CheckConstraint("attempt >= 0 AND failed_count <= object_count", name="counts"),
    Index(None, "source", "transaction_uid"),
    partial("ix_commitment_due", "state", "due_at", where=COMMITMENT_OPEN),
    Index(None, "state", "state_at"),
    comment="a request that we take responsibility for objects, until its requester has an answer",
)

commitment_object = Table(
    "commitment_object",
    metadata,
    reference("commitment_id", "commitment.id"),
    Column("position", Integer, nullable=False),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("reason", Integer, comment="0: it is safe; else the failure; null: not decided"),
    PrimaryKeyConstraint("commitment_id", "position"),
    CheckConstraint("reason BETWEEN 0 AND 65535", name="reason"),
    comment="what a request for commitment asks about",
)
