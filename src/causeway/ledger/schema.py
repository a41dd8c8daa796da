"""The tables, and what the database itself refuses.

One schema for SQLite and PostgreSQL. States are text, so that a person reads a table as it is;
times are seconds since the epoch, UTC; flags are 0 and 1, as partial indexes need predicates
that are literally the same in both databases (SQLite proves a partial index from the text of its
predicate, and a bound parameter or a boolean literal defeats it).

What the database refuses, whoever writes: a state that does not exist, a held or dead series that
does not know what it resumes as, a lease without an owner, a delivery that is sending without
one, two live instances of one SOP Instance UID (unless a person approved it), a parcel without a
digest, two owners of one folder, two batches of a destination that fill, and any change of an
event.

``rank`` orders work: due time plus a minute for each step of priority above or below 100. So an
urgent series overtakes what became due up to an hour and forty minutes before it, and nothing
waits for ever: what is due long enough comes first whatever its priority.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Computed,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
)

from causeway.ledger.columns import (
    ID,
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
from causeway.ledger.states import (
    LIVE,
    WORKABLE,
    BreakerState,
    DeliveryState,
    InstanceState,
    ParcelKind,
    ParcelState,
    SeriesState,
)
from causeway.values import Standing

SCHEMA_VERSION = 1

PRIO_URGENT = 20
"""At most this: it waits for no schedule."""
PRIO_USUAL = 100
PRIO_WORST = 200
PRIO_STEP_SECONDS = 60.0
RANK_SLACK_SECONDS = (PRIO_WORST - PRIO_USUAL) * PRIO_STEP_SECONDS
"""A row that is due has a rank of at most now plus this; claims need not look further."""

_RANK = f"due_at + (prio - {PRIO_USUAL}) * {PRIO_STEP_SECONDS}"

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)


SERIES_READY = any_of("state", WORKABLE)
SERIES_ENDED = any_of("state", (SeriesState.SETTLED, SeriesState.DENIED))
DELIVERY_READY = any_of("state", (DeliveryState.DUE, DeliveryState.SENDING))


meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
    comment="schema_version, and the ledger's own id",
)

study = Table(
    "study",
    metadata,
    row_id(),
    Column("study_instance_uid", UID, nullable=False, unique=True),
    text_column("patient_id"),
    text_column("patient_name"),
    text_column("patient_birth_date"),
    text_column("accession_number"),
    text_column("study_id"),
    text_column("study_date"),
    text_column("study_time"),
    text_column("study_description"),
    Column("search", Text, nullable=False, server_default="", comment="folded, see search.py"),
    count_column("received_count"),
    time_column("first_at"),
    time_column("last_at"),
    text_column("held_by"),
    text_column("held_why"),
    CheckConstraint("received_count >= 0", name="counts"),
    Index(None, "last_at"),
    partial("ix_study_held", "id", where="held_by <> ''"),
    comment="identity, what arrived for it, and an operator's hold",
)

LEASE = "(owner IS NULL) = (lease_until IS NULL)"
_PRIO = f"prio BETWEEN 0 AND {PRIO_WORST}"

series = Table(
    "series",
    metadata,
    row_id(),
    reference("study_id", "study.id"),
    Column("series_instance_uid", UID, nullable=False),
    text_column("modality"),
    text_column("series_number"),
    text_column("series_description"),
    text_column("protocol_name"),
    text_column("series_date"),
    text_column("series_time"),
    text_column("acquisition_date"),
    text_column("acquisition_time"),
    text_column("manufacturer"),
    text_column("station_name"),
    text_column("source"),
    text_column("calling_ae"),
    text_column("called_ae"),
    Column("state", Text, nullable=False),
    Column("resumes_as", Text, comment="of a held or dead series: where it goes on"),
    Column("generation", Integer, nullable=False, server_default="1"),
    count_column("instance_count"),
    count_column("byte_count"),
    Column("expected_count", Integer),
    time_column("first_at"),
    time_column("last_at"),
    time_column("due_at"),
    Column("prio", SmallInteger, nullable=False, server_default=str(PRIO_USUAL)),
    Column("rank", Double, Computed(_RANK, persisted=True)),
    Column("attempt", Integer, nullable=False, server_default="0"),
    Column("epoch", Integer, nullable=False, server_default="0"),
    Column("owner", Text),
    time_column("lease_until", nullable=True),
    text_column("completion_reason"),
    text_column("verdict"),
    text_column("cleaning"),
    text_column("fail_code"),
    text_column("fail_text"),
    text_column("waits_for"),
    text_column("held_by"),
    text_column("held_code"),
    text_column("held_why"),
    text_column("released_by"),
    Column("released_generation", Integer, nullable=False, server_default="0"),
    Column("whole", SmallInteger, nullable=False, server_default="0"),
    time_column("state_at"),
    UniqueConstraint("study_id", "series_instance_uid"),
    CheckConstraint(one_of("state", SeriesState), name="state"),
    CheckConstraint(
        "(state = 'held' OR state = 'dead') = (resumes_as IS NOT NULL)", name="resumes"
    ),
    CheckConstraint(
        "resumes_as IS NULL OR " + one_of("resumes_as", (*WORKABLE, SeriesState.PACKAGED)),
        name="resumes_as",
    ),
    CheckConstraint("(state = 'held') = (held_by <> '')", name="holder"),
    CheckConstraint(LEASE, name="lease"),
    CheckConstraint(f"owner IS NULL OR {one_of('state', WORKABLE)}", name="worked_on"),
    CheckConstraint(_PRIO, name="prio"),
    CheckConstraint("attempt >= 0 AND instance_count >= 0", name="counts"),
    CheckConstraint("whole IN (0, 1)", name="flags"),
    Index(None, "series_instance_uid"),
    partial("ix_series_ready", "state", "rank", where=SERIES_READY),
    partial("ix_series_due", "due_at", where=SERIES_READY),
    partial("ix_series_leased", "owner", where="owner IS NOT NULL"),
    partial("ix_series_ended", "state_at", where=SERIES_ENDED),
    Index(None, "state"),
    comment="the unit of work: one row, one lease, one worker",
)

instance = Table(
    "instance",
    metadata,
    row_id(),
    reference("study_id", "study.id", nullable=True),
    reference("series_id", "series.id", nullable=True),
    Column("state", Text, nullable=False),
    text_column("reason"),
    Column("conflict", SmallInteger, nullable=False, server_default="0"),
    Column("approved", SmallInteger, nullable=False, server_default="0"),
    reference("original_id", "instance.id", nullable=True),
    Column("origin_container", Text, nullable=False, comment="where it was received"),
    Column("origin_offset", BigInteger, nullable=False),
    Column("container", Text, nullable=False, comment="where the bytes are now"),
    Column("offset", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False, comment="BLAKE3 of the data set"),
    Column("sop_class_uid", Text, nullable=False),
    Column("sop_instance_uid", UID, nullable=False),
    Column("transfer_syntax_uid", Text, nullable=False),
    text_column("instance_number"),
    text_column("acquisition_number"),
    text_column("images_in_acquisition"),
    text_column("number_of_frames"),
    text_column("image_type"),
    text_column("rows"),
    text_column("columns"),
    text_column("orientation"),
    text_column("position"),
    text_column("referenced_series"),
    text_column("charset"),
    text_column("source"),
    text_column("calling_ae"),
    text_column("called_ae"),
    text_column("peer_address"),
    text_column("certificate"),
    text_column("move_originator"),
    text_column("association"),
    time_column("received_at"),
    time_column("state_at"),
    time_column("bytes_gone_at", nullable=True),
    UniqueConstraint("origin_container", "origin_offset"),
    CheckConstraint(one_of("state", InstanceState), name="state"),
    CheckConstraint(
        f"NOT ({one_of('state', LIVE)}) OR (series_id IS NOT NULL AND study_id IS NOT NULL)",
        name="belongs",
    ),
    CheckConstraint("state <> 'duplicate' OR original_id IS NOT NULL", name="original"),
    CheckConstraint("state <> 'quarantined' OR reason <> ''", name="reason"),
    CheckConstraint("state <> 'retired' OR bytes_gone_at IS NOT NULL", name="retired"),
    CheckConstraint(
        "bytes_gone_at IS NULL OR state IN ('retired', 'duplicate', 'discarded')", name="bytes"
    ),
    CheckConstraint("length(digest) = 32", name="digest"),
    CheckConstraint("conflict IN (0, 1) AND approved IN (0, 1)", name="flags"),
    partial(
        "ux_instance_live",
        "sop_instance_uid",
        where=f"{one_of('state', LIVE)} AND approved = 0",
        unique=True,
    ),
    Index(None, "sop_instance_uid"),
    Index(None, "series_id"),
    Index(None, "study_id"),
    # Two halves of one index by state. Whole, SQLite's planner would prefer it for every query that
    # names a state, as it does not know how few the states are; a half is only considered where a
    # query states its condition.
    partial("ix_instance_present", "state", "state_at", where="bytes_gone_at IS NULL"),
    partial("ix_instance_gone", "state", where="bytes_gone_at IS NOT NULL"),
    partial("ix_instance_needed", "container", where="bytes_gone_at IS NULL"),
    partial(
        "ix_instance_waiting",
        "received_at",
        "size",
        where="state = 'indexed' OR state = 'cleaned'",
    ),
    comment="one received object: its receipt, its place in the spool, where it stands",
)

head = Table(
    "head",
    metadata,
    row_id(),
    reference("series_id", "series.id"),
    Column("digest", LargeBinary, nullable=False, comment="of its series-level attributes"),
    Column("attributes", Text, nullable=False, comment="JSON of attributes.Attributes"),
    count_column("count"),
    time_column("first_at"),
    time_column("last_at"),
    UniqueConstraint("series_id", "digest"),
    CheckConstraint("length(digest) = 16", name="digest"),
    comment="what the headers of a series say, once for each that differs; the newest decides",
)

quarantine = Table(
    "quarantine",
    metadata,
    Column("instance_id", ID, ForeignKey("instance.id"), primary_key=True, autoincrement=False),
    Column("header", Text, nullable=False, comment="JSON of values.Header; a release needs it"),
    Column("head_digest", LargeBinary),
    Column("attributes", Text, comment="of its head, as in head"),
    comment="the header of an object that is readable and yet in quarantine",
)

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
    Column("rank", Double, Computed(_RANK, persisted=True)),
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
    CheckConstraint(_PRIO, name="prio"),
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
