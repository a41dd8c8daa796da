"""The tables of nodes that are queried: what each has, and how far its retrieval is.

Nothing is ever deleted here. A series that is gone from its node is *vanished*, and remembers what
it was, so that an outage, a maintenance window or a purge on the other side can never make an image
go out a second time.

What is kept of a study is enough to tell that nothing happened to it: a digest of what the node
said. So one poll of a node that has nothing new reads and writes no series at all.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    Index,
    Integer,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

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
from causeway.ledger.schema import PRIO_USUAL, PRIO_WORST, metadata
from causeway.ledger.states import NODE_SERIES_OPEN, NodeSeriesState

NODE_SERIES_IS_OPEN = any_of("state", NODE_SERIES_OPEN)

node = Table(
    "node",
    metadata,
    Column("name", Text, primary_key=True),
    Column("baseline_from", Text, comment="first study date of the first full query; NULL: none"),
    time_column("first_full_at", nullable=True),
    time_column("began_at", nullable=True),
    time_column("ended_at", nullable=True),
    time_column("full_at", nullable=True),
    time_column("thorough_at", nullable=True),
    Column("seconds", Double, nullable=False, server_default="0"),
    count_column("studies"),
    count_column("failures"),
    time_column("failing_since", nullable=True),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("fail_hint"),
    Column("abilities", Text, nullable=False, server_default="{}", comment="JSON"),
    CheckConstraint("failures >= 0 AND studies >= 0", name="counts"),
    CheckConstraint("(failures = 0) = (failing_since IS NULL)", name="failing"),
    CheckConstraint("failures = 0 OR fail_code <> ''", name="reason"),
    CheckConstraint("(first_full_at IS NULL) = (baseline_from IS NULL)", name="baseline"),
    CheckConstraint("(full_at IS NULL) = (first_full_at IS NULL)", name="full"),
    comment="how querying a node goes; its answers count only when they came in full",
)

node_study = Table(
    "node_study",
    metadata,
    row_id(),
    Column("node", Text, nullable=False),
    Column("study_instance_uid", UID, nullable=False),
    text_column("patient_id"),
    text_column("study_date"),
    Column("digest", BigInteger, nullable=False, comment="of what the node says of it"),
    Column("open_count", Integer, nullable=False, server_default="0"),
    Column("gone", SmallInteger, nullable=False, server_default="0"),
    time_column("seen_at"),
    time_column("asked_at", nullable=True),
    UniqueConstraint("node", "study_instance_uid"),
    CheckConstraint("open_count >= 0", name="counts"),
    CheckConstraint("gone IN (0, 1)", name="flags"),
    Index(None, "node", "study_date"),
    partial("ix_node_study_open", "node", "study_date", where="open_count > 0"),
    Index(None, "node", "asked_at"),
    comment="a study that a node has, or had; open_count: its series that are not done with",
)

node_series = Table(
    "node_series",
    metadata,
    row_id(),
    reference("study_id", "node_study.id"),
    Column("node", Text, nullable=False),
    Column("series_instance_uid", UID, nullable=False),
    text_column("modality"),
    text_column("series_number"),
    Column("state", Text, nullable=False),
    Column("resumes_as", Text, comment="of a vanished series: what it was"),
    Column("image_count", Integer, comment="as the node says; NULL: it does not"),
    Column("marks", BigInteger, nullable=False, comment="digest of the tags that decide"),
    time_column("counted_at"),
    time_column("due_at"),
    Column("prio", SmallInteger, nullable=False, server_default=str(PRIO_USUAL)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("anew", SmallInteger, nullable=False, server_default="0"),
    Column("begun", SmallInteger, nullable=False, server_default="0"),
    Column("here_count", Integer, nullable=False, server_default="0"),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("fail_hint"),
    text_column("skip_code"),
    text_column("skip_why"),
    text_column("asked_by"),
    time_column("first_at"),
    time_column("state_at"),
    UniqueConstraint("study_id", "series_instance_uid"),
    CheckConstraint(one_of("state", NodeSeriesState), name="state"),
    CheckConstraint("(state = 'vanished') = (resumes_as IS NOT NULL)", name="resumes"),
    CheckConstraint(
        "resumes_as IS NULL OR (" + one_of("resumes_as", NodeSeriesState) + ")"
        " AND resumes_as <> 'vanished'",
        name="resumes_as",
    ),
    CheckConstraint("state <> 'skipped' OR skip_code <> ''", name="skipped"),
    CheckConstraint("state <> 'abandoned' OR fail_code <> ''", name="abandoned"),
    CheckConstraint("image_count IS NULL OR image_count >= 0", name="count"),
    CheckConstraint("attempt >= 0 AND here_count >= 0", name="counts"),
    CheckConstraint("anew IN (0, 1) AND begun IN (0, 1)", name="flags"),
    CheckConstraint("state <> 'retrieving' OR begun = 1", name="begun"),
    CheckConstraint("state <> 'retrieved' OR begun = 0", name="done"),
    CheckConstraint(f"prio BETWEEN 0 AND {PRIO_WORST}", name="prio"),
    Index(None, "series_instance_uid"),
    Index(None, "node", "state"),
    partial("ix_node_series_queued", "node", "prio", "due_at", where="state = 'queued'"),
    comment="a series that a node has, or had: its count, and how far its retrieval is",
)
