"""The table of triggers: one firing of each, until whoever is to be told has heard of it."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint

from causeway.ledger.columns import (
    any_of,
    one_of,
    partial,
    reference,
    row_id,
    text_column,
    time_column,
)
from causeway.ledger.schema import LEASE, metadata
from causeway.ledger.states import CallState

CALL_READY = any_of("state", (CallState.DUE, CallState.CALLING))

call = Table(
    "call",
    metadata,
    row_id(),
    Column("trigger", Text, nullable=False),
    Column("scope", Text, nullable=False),
    reference("study_id", "study.id"),
    reference("series_id", "series.id", nullable=True),
    reference("parcel_id", "parcel.id"),
    Column("state", Text, nullable=False),
    time_column("due_at"),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("owner", Text),
    time_column("lease_until", nullable=True),
    text_column("fail_code"),
    text_column("fail_text"),
    time_column("created_at"),
    time_column("state_at"),
    UniqueConstraint("trigger", "study_id", "parcel_id"),
    CheckConstraint(one_of("state", CallState), name="state"),
    CheckConstraint("scope IN ('series', 'study')", name="scope"),
    CheckConstraint("(scope = 'series') = (series_id IS NOT NULL)", name="subject"),
    CheckConstraint(LEASE, name="lease"),
    CheckConstraint("(state = 'calling') = (owner IS NOT NULL)", name="calling"),
    CheckConstraint("attempt >= 0", name="counts"),
    Index(None, "parcel_id"),
    partial("ix_call_ready", "trigger", "due_at", where=CALL_READY),
    partial("ix_call_leased", "owner", where="owner IS NOT NULL"),
    Index(None, "trigger", "state"),
    comment="one firing of a trigger, for what was verified everywhere",
)
