"""What is delivered: parcels, their way to each destination, and how each of those stands."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Double,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from causeway.ledger.columns import (
    any_of,
    count_column,
    one_of,
    partial,
    reference,
    row_id,
    text_column,
    time_column,
)
from causeway.ledger.schema.base import LEASE, PRIO_IN_RANGE, PRIO_USUAL, RANK, metadata
from causeway.ledger.states import (
    BreakerState,
    DeliveryState,
    ParcelKind,
    ParcelState,
)
from causeway.values import Standing

DELIVERY_READY = any_of("state", (DeliveryState.DUE, DeliveryState.SENDING))

parcel = Table(
    "parcel",
    metadata,
    row_id(),
    reference("series_id", "series.id"),
    reference("study_id", "study.id"),
    Column("number", Integer, nullable=False),
    Column("key", Text, nullable=False, server_default="", comment="of its group; empty: the main"),
    Column("kind", Text, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    text_column("manifest"),
    Column("instance_count", Integer, nullable=False),
    time_column("created_at"),
    time_column("settled_at", nullable=True),
    time_column("retired_at", nullable=True),
    UniqueConstraint("series_id", "number"),
    CheckConstraint(one_of("state", ParcelState), name="state"),
    CheckConstraint(one_of("kind", ParcelKind), name="kind"),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("instance_count > 0", name="not_empty"),
    CheckConstraint(
        "(state = 'made' OR state = 'withdrawn') = (settled_at IS NULL)", name="settled"
    ),
    CheckConstraint("(state = 'retired') = (retired_at IS NOT NULL)", name="retired"),
    partial("ix_parcel_present", "settled_at", where="retired_at IS NULL"),
    Index(None, "settled_at"),
    Index(None, "study_id"),
    comment="what is delivered: an artefact made of instances of one series",
)

parcel_member = Table(
    "parcel_member",
    metadata,
    reference("parcel_id", "parcel.id"),
    reference("instance_id", "instance.id"),
    PrimaryKeyConstraint("parcel_id", "instance_id"),
    Index(None, "instance_id"),
    comment="which instances a parcel holds",
)

delivery = Table(
    "delivery",
    metadata,
    row_id(),
    reference("parcel_id", "parcel.id"),
    reference("series_id", "series.id"),
    reference("study_id", "study.id"),
    Column("destination", Text, nullable=False),
    reference("treatment_id", "treatment.id", nullable=True),
    text_column("target"),
    Column("state", Text, nullable=False),
    time_column("due_at"),
    Column("prio", SmallInteger, nullable=False, server_default=str(PRIO_USUAL)),
    Column("rank", Double, Computed(RANK, persisted=True)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("owner", Text),
    time_column("lease_until", nullable=True),
    text_column("reference"),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("waits_for"),
    Column("begun", Integer, nullable=False, server_default="0", comment="instances, in order"),
    time_column("failing_since", nullable=True),
    Column("extra", SmallInteger, nullable=False, server_default="0", comment="a person's wish"),
    Column("treatment", Text, nullable=False, server_default="", comment="of an extra one"),
    time_column("created_at"),
    time_column("state_at"),
    UniqueConstraint("parcel_id", "destination"),
    CheckConstraint(one_of("state", DeliveryState), name="state"),
    CheckConstraint(LEASE, name="lease"),
    CheckConstraint("(state = 'sending') = (owner IS NOT NULL)", name="sending"),
    CheckConstraint("extra IN (0, 1) AND (extra = 1 OR treatment = '')", name="flags"),
    CheckConstraint(PRIO_IN_RANGE, name="prio"),
    CheckConstraint("attempt >= 0", name="counts"),
    Index(None, "series_id"),
    Index(None, "study_id"),
    partial(
        "ix_delivery_ready",
        "destination",
        "state",
        "rank",
        where=DELIVERY_READY,
    ),
    partial("ix_delivery_due", "due_at", where=DELIVERY_READY),
    partial("ix_delivery_leased", "owner", where="owner IS NOT NULL"),
    Index(None, "destination", "state", "state_at"),
    comment="one parcel to one destination",
)

outcome = Table(
    "outcome",
    metadata,
    reference("delivery_id", "delivery.id"),
    reference("instance_id", "instance.id"),
    Column("standing", Text, nullable=False),
    Column("already_there", SmallInteger, nullable=False, server_default="0"),
    text_column("code"),
    text_column("why"),
    text_column("reference"),
    text_column("transcoded_to"),
    time_column("at"),
    PrimaryKeyConstraint("delivery_id", "instance_id"),
    CheckConstraint(one_of("standing", Standing), name="standing"),
    CheckConstraint("already_there IN (0, 1)", name="flags"),
    partial("ix_outcome_refused", "delivery_id", where="standing = 'refused'"),
    comment="what became of each instance of a delivery",
)

effect = Table(
    "effect",
    metadata,
    reference("delivery_id", "delivery.id"),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    time_column("at"),
    PrimaryKeyConstraint("delivery_id", "key"),
    comment="what a delivery has already done outside, so that a repetition can tell",
)

lane = Table(
    "lane",
    metadata,
    Column("destination", Text, primary_key=True),
    Column("breaker", Text, nullable=False),
    count_column("refusals"),
    time_column("open_until", nullable=True),
    time_column("changed_at"),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("fail_hint"),
    time_column("failed_at", nullable=True),
    time_column("delivered_at", nullable=True),
    Column("bytes_per_second", Double),
    time_column("measured_at", nullable=True),
    CheckConstraint(one_of("breaker", BreakerState), name="breaker"),
    CheckConstraint("(breaker = 'closed') = (open_until IS NULL)", name="open_until"),
    CheckConstraint("refusals >= 0", name="counts"),
    comment="how the way to a destination stands, as whoever delivers has found it",
)

memory = Table(
    "memory",
    metadata,
    Column("destination", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("value", Text, nullable=False),
    time_column("at"),
    PrimaryKeyConstraint("destination", "key"),
    comment="what a destination knows of itself over all deliveries",
)

placement = Table(
    "placement",
    metadata,
    Column("destination", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("owner", Text, nullable=False),
    time_column("at"),
    PrimaryKeyConstraint("destination", "path"),
    Index(None, "destination", "owner"),
    comment="which folder of a destination belongs to whom",
)
