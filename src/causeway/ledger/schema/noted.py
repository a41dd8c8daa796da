"""What was noted beside: what persons said, who brought what, how far the spool was read, what was
refused, and every event.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
)

from causeway.ledger.columns import (
    count_column,
    partial,
    reference,
    row_id,
    text_column,
    time_column,
)
from causeway.ledger.schema.base import metadata

reroute = Table(
    "reroute",
    metadata,
    row_id(),
    time_column("at"),
    Column("who", Text, nullable=False),
    text_column("why"),
    reference("study_id", "study.id"),
    reference("series_id", "series.id", nullable=True),
    text_column("routing"),
    Column("destinations", Text, nullable=False, server_default="[]", comment="JSON, names"),
    CheckConstraint("routing <> '' OR destinations <> '[]'", name="says_where"),
    Index(None, "study_id"),
    comment="where a person has said that a study, or a series of it, goes; the newest counts",
)

association = Table(
    "association",
    metadata,
    Column("name", Text, primary_key=True),
    text_column("source"),
    time_column("first_at"),
    time_column("ended_at", nullable=True),
    text_column("outcome"),
    partial("ix_association_open", "first_at", where="ended_at IS NULL"),
    comment="an association that brought instances",
)

series_association = Table(
    "series_association",
    metadata,
    reference("series_id", "series.id"),
    Column("association", Text, ForeignKey("association.name"), nullable=False),
    PrimaryKeyConstraint("series_id", "association"),
    Index(None, "association"),
    comment="which associations brought instances of a series",
)

position = Table(
    "position",
    metadata,
    Column("container", Text, primary_key=True),
    Column("offset", BigInteger, nullable=False, comment="indexed up to here"),
    count_column("records"),
    count_column("damages"),
    Column("kept", SmallInteger, nullable=False, server_default="0"),
    time_column("moved_at"),
    time_column("gone_at", nullable=True),
    CheckConstraint("kept IN (0, 1)", name="flags"),
    partial("ix_position_present", "container", where="gone_at IS NULL"),
    comment="how far each container of the spool is indexed, and how many records that were",
)

tally = Table(
    "tally",
    metadata,
    Column("kind", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    count_column("count"),
    time_column("first_at"),
    time_column("last_at"),
    PrimaryKeyConstraint("kind", "source", "reason"),
    CheckConstraint("kind IN ('association', 'object')", name="kind"),
    comment="what was counted and left no row: refusals at the door, rejected objects",
)

event = Table(
    "event",
    metadata,
    row_id(),
    time_column("at"),
    Column("who", Text, nullable=False, comment="causeway, or the operator"),
    Column("what", Text, nullable=False),
    text_column("why"),
    reference("study_id", "study.id", nullable=True),
    reference("series_id", "series.id", nullable=True),
    reference("instance_id", "instance.id", nullable=True),
    reference("parcel_id", "parcel.id", nullable=True),
    reference("delivery_id", "delivery.id", nullable=True),
    Index(None, "study_id", "id"),
    Index(None, "series_id", "id"),
    comment="what happened, when, why and by whom; only ever added to, without patient data",
)
