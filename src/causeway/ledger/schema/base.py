"""What the tables have in common: the version, priorities and ranks, leases."""

from __future__ import annotations

from sqlalchemy import (
    Column,
    MetaData,
    Table,
    Text,
)

SCHEMA_VERSION = 1

PRIO_URGENT = 20
"""At most this: it waits for no schedule."""

PRIO_USUAL = 100

PRIO_WORST = 200

PRIO_STEP_SECONDS = 60.0

RANK_SLACK_SECONDS = (PRIO_WORST - PRIO_USUAL) * PRIO_STEP_SECONDS
"""A row that is due has a rank of at most now plus this; claims need not look further."""

RANK = f"due_at + (prio - {PRIO_USUAL}) * {PRIO_STEP_SECONDS}"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="schema_version, and the ledger's own id",
)

LEASE = "(owner IS NULL) = (lease_until IS NULL)"

PRIO_IN_RANGE = f"prio BETWEEN 0 AND {PRIO_WORST}"
