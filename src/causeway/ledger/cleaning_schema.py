"""The tables of de-identification: what is done to instances, and what became of each."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
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
from causeway.ledger.schema import metadata
from causeway.ledger.states import UNDECIDED, CleanedState

treatment = Table(
    "treatment",
    metadata,
    row_id(),
    Column("digest", Text, nullable=False, unique=True, comment="over all that changes a byte"),
    Column("name", Text, nullable=False, comment="of the profile"),
    Column("profile_digest", Text, nullable=False),
    Column("pixels_digest", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("place", Text, nullable=False, comment="the project, as its key is made for it"),
    Column("shift_days", Integer, nullable=False),
    Column("shift_multiple_of", Integer, nullable=False),
    Column("described", Text, nullable=False, comment="JSON: edition, codes, conformance"),
    Column("written", Text, nullable=False, comment="JSON: profile and rules as they were"),
    time_column("first_at"),
    comment="what is done to identifying data: profile, rules for pixels, key of a project",
)

account = Table(
    "account",
    metadata,
    row_id(),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("told", Text, nullable=False, comment="JSON"),
    CheckConstraint("length(digest) = 32", name="digest"),
    comment="what was done to instances, once for each that differs; reports are made of it",
)

cleaned = Table(
    "cleaned",
    metadata,
    reference("instance_id", "instance.id"),
    reference("treatment_id", "treatment.id"),
    Column("state", Text, nullable=False),
    text_column("code"),
    text_column("reason"),
    text_column("sop_instance_uid"),
    text_column("study_instance_uid"),
    text_column("series_instance_uid"),
    text_column("transfer_syntax_uid"),
    text_column("subject"),
    text_column("alias"),
    Column("size", BigInteger),
    Column("digest", LargeBinary, comment="BLAKE3 of the data set"),
    reference("account_id", "account.id", nullable=True),
    count_column("tokens"),
    count_column("uids"),
    count_column("searched_bytes"),
    count_column("pixel_bytes"),
    text_column("decided_by"),
    text_column("decided_why"),
    Column("regions", Text, nullable=False, server_default="[]", comment="JSON; blanked by word"),
    Column("excused", SmallInteger, nullable=False, server_default="0"),
    time_column("state_at"),
    PrimaryKeyConstraint("instance_id", "treatment_id"),
    CheckConstraint(one_of("state", CleanedState), name="state"),
    CheckConstraint(
        "(state = 'clean') = (size IS NOT NULL AND digest IS NOT NULL AND account_id IS NOT NULL)",
        name="clean",
    ),
    CheckConstraint("digest IS NULL OR length(digest) = 32", name="digest"),
    CheckConstraint(f"NOT ({one_of('state', UNDECIDED)}) OR code <> ''", name="code"),
    CheckConstraint("state NOT IN ('released', 'left out') OR decided_by <> ''", name="decided"),
    CheckConstraint("excused IN (0, 1)", name="flags"),
    partial("ix_cleaned_undecided", "instance_id", where=any_of("state", UNDECIDED)),
    Index(None, "treatment_id"),
    partial("ix_cleaned_made", "series_instance_uid", where="series_instance_uid <> ''"),
    comment="what became of an instance under a treatment",
)

clean_head = Table(
    "clean_head",
    metadata,
    reference("series_id", "series.id"),
    reference("treatment_id", "treatment.id"),
    Column("digest", LargeBinary, nullable=False, comment="of the head that it was made from"),
    Column("attributes", Text, nullable=False, comment="JSON of attributes.Attributes"),
    PrimaryKeyConstraint("series_id", "treatment_id", "digest"),
    comment="what the headers of a series say once they are clean; labels are made of it",
)
