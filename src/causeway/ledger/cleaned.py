"""What de-identification made of each instance, under each treatment.

A treatment is entered once, by its digest. Under it an instance has one row: it is clean, with
everything by which its bytes can be made again and recognised; or it waits for a person. Rows are
written while a series is cleaned, under the claim on it, so that a worker that dies leaves what it
had done, and one that lost its claim writes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BindParameter,
    Connection,
    bindparam,
    delete,
    insert,
    literal_column,
    select,
    update,
)

from causeway.ledger import cleaning_schema, schema
from causeway.ledger.claims import SeriesClaim
from causeway.ledger.convert import IDS_AT_ONCE, INSTANCES, cleaned_row, instances, treatment_row
from causeway.ledger.engine import Verbs, insert_ignore
from causeway.ledger.rows import CleanedRow, CleanHeadRow, KeptBack, SeriesRow, TreatmentRow
from causeway.ledger.states import (
    CLEANED,
    INSTANCE,
    UNDECIDED,
    CleanedState,
    InstanceState,
    require,
)
from causeway.ledger.store import entry, log

if TYPE_CHECKING:
    from causeway.attributes import Attributes

LEFT_OUT = "left_out"
"""Why an instance is in quarantine that goes nowhere, as it is left out wherever it would go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTreatment:
    """A treatment that shall be known."""

    digest: str
    name: str
    profile_digest: str
    pixels_digest: str
    key_id: str
    place: str
    shift_days: int
    shift_multiple_of: int
    described: str
    written: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCleaned:
    """What became of an instance: ``CLEAN``, ``HELD`` or ``DOUBT``."""

    instance_id: int
    state: CleanedState
    code: str = ""
    reason: str = ""
    sop_instance_uid: str = field(default="", repr=False)
    study_instance_uid: str = field(default="", repr=False)
    series_instance_uid: str = field(default="", repr=False)
    transfer_syntax_uid: str = ""
    subject: str = field(default="", repr=False)
    alias: str = field(default="", repr=False)
    size: int | None = None
    digest: bytes | None = None
    account: str = ""
    """JSON: what was done to it; the same for most instances of a series."""
    tokens: int = 0
    uids: int = 0
    searched_bytes: int = 0
    pixel_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCleanHead:
    """What a head of the series says once it is clean."""

    digest: bytes
    attributes: Attributes = field(repr=False)


class CleanedVerbs(Verbs):
    """Treatments, and what became of instances under them."""

    def treatment(self, new: NewTreatment, *, now: float) -> TreatmentRow:
        """The treatment of this digest, entered if it is not known yet."""
        values = {name: getattr(new, name) for name in NewTreatment.__slots__}

        def work(connection: Connection) -> TreatmentRow:
            insert_ignore(connection, cleaning_schema.treatment, [values | {"first_at": now}])
            row = connection.execute(_BY_DIGEST, {"digest": new.digest}).mappings().one()
            return treatment_row(row)

        known = self._db.read(
            lambda connection: (
                connection.execute(_BY_DIGEST, {"digest": new.digest}).mappings().one_or_none()
            )
        )
        return treatment_row(known) if known is not None else self._db.write(work)

    def treatments(self, ids: Iterable[int]) -> Mapping[int, TreatmentRow]:
        """Treatments by their ids."""
        wanted = sorted(set(ids))

        def work(connection: Connection) -> Mapping[int, TreatmentRow]:
            rows = connection.execute(_BY_IDS, {"ids": wanted}).mappings()
            return {row["id"]: treatment_row(row) for row in rows}

        return self._db.read(work)

    def cleaned_of(self, series_id: int, treatment_id: int | None = None) -> tuple[CleanedRow, ...]:
        """What became of the instances of a series, under one treatment or under all."""
        query = _OF_SERIES if treatment_id is None else _OF_SERIES_AND_TREATMENT
        values = {"series_id": series_id, "treatment_id": treatment_id}

        def work(connection: Connection) -> tuple[CleanedRow, ...]:
            return tuple(cleaned_row(row) for row in connection.execute(query, values).mappings())

        return self._db.read(work)

    def clean_heads(self, series_id: int, treatment_id: int) -> tuple[CleanHeadRow, ...]:
        """What the headers of a series say once they are clean."""
        from causeway.attributes import Attributes

        values = {"series_id": series_id, "treatment_id": treatment_id}

        def work(connection: Connection) -> tuple[CleanHeadRow, ...]:
            return tuple(
                CleanHeadRow(
                    series_id=row.series_id,
                    treatment_id=row.treatment_id,
                    digest=row.digest,
                    attributes=Attributes.from_json(row.attributes),
                )
                for row in connection.execute(_HEADS, values)
            )

        return self._db.read(work)

    def accounts(self, ids: Iterable[int]) -> Mapping[int, str]:
        """What was done to instances, as JSON, by the ids that their rows have."""
        wanted = sorted(set(ids))

        def work(connection: Connection) -> Mapping[int, str]:
            found: dict[int, str] = {}
            for start in range(0, len(wanted), IDS_AT_ONCE):
                ids = {"ids": wanted[start : start + IDS_AT_ONCE]}
                found |= {row.id: row.told for row in connection.execute(_ACCOUNTS, ids)}
            return found

        return self._db.read(work)

    def enter_cleaned(
        self,
        claim: SeriesClaim,
        treatment_id: int,
        made: Sequence[NewCleaned],
        heads: Sequence[NewCleanHead] = (),
        *,
        now: float,
    ) -> bool:
        """Say what became of instances of a claimed series. False: the claim is void."""

        def work(connection: Connection) -> bool:
            if not _is_still_ours(connection, claim.series):
                return False
            enter(connection, treatment_id, made, now)
            insert_ignore(
                connection,
                cleaning_schema.clean_head,
                [
                    {
                        "series_id": claim.id,
                        "treatment_id": treatment_id,
                        "digest": head.digest,
                        "attributes": head.attributes.to_json(),
                    }
                    for head in heads
                ],
            )
            return True

        return self._db.write(work)

    def forget_undecided(self, claim: SeriesClaim, treatment_ids: Sequence[int]) -> bool:
        """Of a claimed series, forget what waits under other treatments than these.

        The configuration asks for something else by now. False: the claim is void.
        """

        def work(connection: Connection) -> bool:
            if not _is_still_ours(connection, claim.series):
                return False
            values = {"series_id": claim.id, "ids": list(treatment_ids) or [0]}
            connection.execute(_FORGET, values)
            return True

        return self._db.write(work)

    def leave_out_undecided(
        self, claim: SeriesClaim, treatment_ids: Sequence[int], *, now: float
    ) -> int:
        """Of a claimed series, leave out what is held or in doubt, as the configuration wants it.

        Answers how many instances that were, for how many treatments together.
        """

        def work(connection: Connection) -> int:
            if not _is_still_ours(connection, claim.series):
                return 0
            for state in UNDECIDED:
                require(CLEANED, state, CleanedState.LEFT_OUT)
            values = {"series_id": claim.id, "ids": list(treatment_ids) or [0], "now": now}
            number = connection.execute(_LEAVE_OUT_BY_POLICY, values).rowcount
            if number:
                log(
                    connection,
                    entry(now, "series.left_out", f"{number} images", study_id=claim.study.id,
                          series_id=claim.id),
                )  # fmt: skip
            return number

        return self._db.write(work)

    def made_otherwise(
        self, treatment_id: int, made: NewCleaned, *, now: float, delivery_id: int | None = None
    ) -> None:
        """An instance was cleaned again, and its bytes are others than before.

        Another version of a codec or of the deflating library makes other bytes of the same.
        """

        def work(connection: Connection) -> None:
            require(CLEANED, CleanedState.CLEAN, made.state)
            enter(connection, treatment_id, [made], now)
            log(
                connection,
                entry(now, "instance.made_otherwise", "", instance_id=made.instance_id,
                      delivery_id=delivery_id),
            )  # fmt: skip

        self._db.write(work)

    def kept_back(
        self,
        *,
        series_id: int | None = None,
        study_id: int | None = None,
        instance_id: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> tuple[KeptBack, ...]:
        """Instances that are held or in doubt, the latest first."""
        query = _KEPT_BACK
        for column, wanted in (
            (schema.instance.c.series_id, series_id),
            (schema.instance.c.study_id, study_id),
            (schema.instance.c.id, instance_id),
        ):
            if wanted is not None:
                query = query.where(column == wanted)

        def work(connection: Connection) -> tuple[KeptBack, ...]:
            rows = connection.execute(query.limit(limit).offset(offset)).mappings().all()
            found = [cleaned_row(row) for row in rows]
            known = {
                row.id: row for row in _instances(connection, {each.instance_id for each in found})
            }
            ids = {"ids": sorted({each.treatment_id for each in found})}
            treatments = {
                row["id"]: treatment_row(row) for row in connection.execute(_BY_IDS, ids).mappings()
            }
            return tuple(
                KeptBack(
                    instance=known[each.instance_id],
                    cleaned=each,
                    treatment=treatments[each.treatment_id],
                )
                for each in found
            )

        return self._db.read(work)


def enter(
    connection: Connection, treatment_id: int, made: Sequence[NewCleaned], now: float
) -> None:
    """Write rows over what was there before, but for what a person has said."""
    if not made:
        return
    accounts = _account_ids(connection, {each.account for each in made if each.account})
    rows = [
        {
            **{name: getattr(each, name) for name in NewCleaned.__slots__ if name != "account"},
            "treatment_id": treatment_id,
            "state": each.state.value,
            "account_id": accounts.get(each.account),
            "state_at": now,
        }
        for each in made
    ]
    ids = [each.instance_id for each in made]
    there: set[int] = set()
    for start in range(0, len(ids), IDS_AT_ONCE):
        values = {"ids": ids[start : start + IDS_AT_ONCE], "the_treatment": treatment_id}
        there |= set(connection.execute(_THERE, values).scalars())
    new = [row for row in rows if row["instance_id"] not in there]
    changed = [
        {f"new_{name}": value for name, value in row.items()}
        for row in rows
        if row["instance_id"] in there
    ]
    if new:
        connection.execute(_INSERT, new)
    if changed:
        connection.execute(_UPDATE, changed)


def leave_out(
    connection: Connection, series: SeriesRow, instance_ids: Sequence[int], now: float
) -> None:
    """Instances of a series that go nowhere: into quarantine, where a person finds them."""
    if not instance_ids:
        return
    require(INSTANCE, InstanceState.INDEXED, InstanceState.QUARANTINED)
    count = size = 0
    for start in range(0, len(instance_ids), IDS_AT_ONCE):
        ids = {"ids": list(instance_ids[start : start + IDS_AT_ONCE]), "series_id": series.id}
        for row in connection.execute(_TO_LEAVE_OUT, ids):
            count += 1
            size += row.size
            connection.execute(_QUARANTINE, {"the_id": row.id, "why": LEFT_OUT, "now": now})
            log(
                connection,
                entry(now, "instance.quarantined", LEFT_OUT, study_id=series.study_id,
                      series_id=series.id, instance_id=row.id),
            )  # fmt: skip
    connection.execute(_FEWER, {"the_id": series.id, "fewer": count, "less": size})


def _account_ids(connection: Connection, told: set[str]) -> dict[str, int]:
    if not told:
        return {}
    digests = {text: hashlib.sha256(text.encode()).digest() for text in sorted(told)}
    insert_ignore(
        connection,
        cleaning_schema.account,
        [{"digest": digest, "told": text} for text, digest in digests.items()],
    )
    rows = connection.execute(_ACCOUNTS_BY_DIGEST, {"digests": list(digests.values())})
    known = {bytes(row.digest): row.id for row in rows}
    return {text: known[digest] for text, digest in digests.items()}


def _is_still_ours(connection: Connection, series: SeriesRow) -> bool:
    values = {
        "the_id": series.id,
        "its_epoch": series.epoch,
        "its_owner": series.owner,
        "its_generation": series.generation,
    }
    return connection.execute(_OURS, values).scalar_one_or_none() is not None


def _instances(connection: Connection, ids: set[int]) -> Iterable[Any]:
    wanted = sorted(ids)
    for start in range(0, len(wanted), IDS_AT_ONCE):
        yield from instances(connection, _INSTANCES_BY_ID, ids=wanted[start : start + IDS_AT_ONCE])


# --- statements ---------------------------------------------------------------------------------

_c = cleaning_schema.cleaned.c
_i = schema.instance.c
_s = schema.series.c
_ids: BindParameter[list[int]] = bindparam("ids", expanding=True)

_BY_DIGEST = select(cleaning_schema.treatment).where(
    cleaning_schema.treatment.c.digest == bindparam("digest")
)
_BY_IDS = select(cleaning_schema.treatment).where(cleaning_schema.treatment.c.id.in_(_ids))
_INSTANCES_BY_ID = INSTANCES.where(_i.id.in_(_ids))
_OF_SERIES = (
    select(cleaning_schema.cleaned)
    .join(schema.instance, _i.id == _c.instance_id)
    .where(_i.series_id == bindparam("series_id"))
    .order_by(_c.instance_id, _c.treatment_id)
)
_OF_SERIES_AND_TREATMENT = _OF_SERIES.where(_c.treatment_id == bindparam("treatment_id"))
_HEADS = select(cleaning_schema.clean_head).where(
    cleaning_schema.clean_head.c.series_id == bindparam("series_id"),
    cleaning_schema.clean_head.c.treatment_id == bindparam("treatment_id"),
)
_ACCOUNTS = select(cleaning_schema.account).where(cleaning_schema.account.c.id.in_(_ids))
_ACCOUNTS_BY_DIGEST = select(cleaning_schema.account.c.id, cleaning_schema.account.c.digest).where(
    cleaning_schema.account.c.digest.in_(bindparam("digests", expanding=True))
)
_OURS = (
    select(_s.id)
    .where(
        _s.id == bindparam("the_id"),
        _s.epoch == bindparam("its_epoch"),
        _s.owner == bindparam("its_owner"),
        _s.generation == bindparam("its_generation"),
    )
    .with_for_update()
)
_THERE = select(_c.instance_id).where(
    _c.treatment_id == bindparam("the_treatment"), _c.instance_id.in_(_ids)
)
_INSERT = insert(cleaning_schema.cleaned)
_UPDATED = [name for name in NewCleaned.__slots__ if name not in ("instance_id", "account")] + [
    "account_id",
    "state_at",
]
_UPDATE = (
    update(cleaning_schema.cleaned)
    .where(
        _c.instance_id == bindparam("new_instance_id"),
        _c.treatment_id == bindparam("new_treatment_id"),
    )
    .values({name: bindparam(f"new_{name}") for name in _UPDATED})
)
_IN_SERIES = select(_i.id).where(_i.series_id == bindparam("series_id"))
_IS_UNDECIDED = _c.state.in_([literal_column(repr(state.value)) for state in UNDECIDED])
_FORGET = delete(cleaning_schema.cleaned).where(
    _IS_UNDECIDED, _c.instance_id.in_(_IN_SERIES), _c.treatment_id.not_in(_ids)
)
_LEAVE_OUT_BY_POLICY = (
    update(cleaning_schema.cleaned)
    .where(_IS_UNDECIDED, _c.instance_id.in_(_IN_SERIES), _c.treatment_id.in_(_ids))
    .values(state=CleanedState.LEFT_OUT.value, decided_by="policy", state_at=bindparam("now"))
)
_KEPT_BACK = (
    select(cleaning_schema.cleaned)
    .join(schema.instance, _i.id == _c.instance_id)
    .where(_IS_UNDECIDED)
    .order_by(_c.state_at.desc(), _c.instance_id.desc(), _c.treatment_id)
)
_TO_LEAVE_OUT = (
    select(_i.id, _i.size)
    .where(
        _i.id.in_(_ids),
        _i.series_id == bindparam("series_id"),
        _i.state == InstanceState.INDEXED.value,
    )
    .order_by(_i.id)
)
_QUARANTINE = (
    update(schema.instance)
    .where(_i.id == bindparam("the_id"))
    .values(
        state=InstanceState.QUARANTINED.value, reason=bindparam("why"), state_at=bindparam("now")
    )
)
_FEWER = (
    update(schema.series)
    .where(_s.id == bindparam("the_id"))
    .values(
        instance_count=_s.instance_count - bindparam("fewer"),
        byte_count=_s.byte_count - bindparam("less"),
    )
)
