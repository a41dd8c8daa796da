"""Import jobs: batches of instances for AWS HealthImaging, and whose instances they hold.

A destination has one batch that fills. Parts join it in one transaction with the look whether they
fit, so a batch never grows beyond its limits; what does not fit seals it and opens the next. A
batch is worked on under a lease, like everything else: one at a time asks the service for a job,
and what it learns is void if its lease was lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import Connection, RowMapping, and_, bindparam, func, or_, select, update

from causeway.import_jobs import (
    Batch,
    BatchRules,
    BatchState,
    Counts,
    FileFate,
    FileResult,
    ImageSet,
    Load,
    Opening,
    Part,
    PartState,
)
from causeway.ledger import import_schema, schema
from causeway.ledger.engine import Verbs

_JOB, _PART = import_schema.import_job, import_schema.import_part

IMPORTS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportMember:
    """What of a series is in a batch."""

    study_id: int
    series_id: int
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    source: str
    delivery_id: int
    instances: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRow:
    """A batch, and whose images it has."""

    batch: Batch
    members: tuple[ImportMember, ...]


class ImportVerbs(Verbs):
    """Batches and their jobs."""

    def join_batch(
        self,
        destination: str,
        delivery_id: int,
        *,
        instances: Sequence[int],
        size: int,
        new: Opening,
        rules: BatchRules,
        at: float,
    ) -> tuple[Batch, Part]:
        """Put instances of a delivery into the destination's batch that fills.

        Parts of the delivery that were never uploaded whole are withdrawn: these instances are in
        their place.
        """

        def work(connection: Connection) -> tuple[Batch, Part]:
            _withdraw_unfinished(connection, destination, delivery_id)
            batch = _with_room(connection, destination, len(instances), size, new, rules, at)
            row = {
                "job_id": batch.id, "delivery_id": delivery_id,
                "state": PartState.UPLOADING.value, "instances": json.dumps(list(instances)),
                "files": len(instances), "bytes": size, "joined_at": at, "results": "{}",
            }  # fmt: skip
            key = connection.execute(_PART.insert().returning(_PART.c.id), row).scalar_one()
            due_at = min(at + rules.quiet_seconds, batch.opened_at + rules.longest_seconds)
            connection.execute(
                update(_JOB).where(_JOB.c.id == batch.id).values(
                    files=_JOB.c.files + len(instances), bytes=_JOB.c.bytes + size,
                    joined_at=at, due_at=due_at, owner=None, lease_until=None,
                    epoch=_JOB.c.epoch + 1,
                )
            )  # fmt: skip
            return _batch(_row(connection, batch.id)), _part(_part_row(connection, key))

        return self._db.write(work)

    def part_uploaded(self, part_id: int) -> bool:
        """All of a part is there. False: it was withdrawn meanwhile."""

        def work(connection: Connection) -> bool:
            done = connection.execute(
                update(_PART)
                .where(_PART.c.id == part_id, _PART.c.state != PartState.WITHDRAWN.value)
                .values(state=PartState.UPLOADED.value)
            )
            return done.rowcount == 1

        return self._db.write(work)

    def claim_batch(
        self, destination: str, *, now: float, owner: str, lease_seconds: float
    ) -> Batch | None:
        """Take the batch for which something is to be done, the one that waits longest."""

        def work(connection: Connection) -> Batch | None:
            found = connection.execute(
                _DUE, {"the_destination": destination, "now": now}
            ).scalar_one_or_none()
            if found is None:
                return None
            connection.execute(
                update(_JOB).where(_JOB.c.id == found).values(
                    owner=owner, lease_until=now + lease_seconds, epoch=_JOB.c.epoch + 1
                )
            )  # fmt: skip
            return _batch(_row(connection, found))

        return self._db.write(work)

    def settle_batch(
        self,
        batch: Batch,
        *,
        keep: bool = False,
        withdraw: Sequence[int] = (),
        results: Mapping[int, Mapping[int, FileResult]] | None = None,
    ) -> bool:
        """Write a claimed batch as it is now. False: the claim is void, and nothing was changed.

        ``keep`` keeps the lease; ``withdraw`` are parts, ``results`` are by part and instance.
        """
        values = _values(batch)
        if not keep:
            values |= {"owner": None, "lease_until": None}

        def work(connection: Connection) -> bool:
            fenced = and_(
                _JOB.c.id == batch.id, _JOB.c.epoch == batch.epoch, _JOB.c.owner == batch.owner
            )
            if connection.execute(update(_JOB).where(fenced).values(values)).rowcount != 1:
                return False
            for part_id in withdraw:
                _withdraw(connection, part_id)
            for part_id, fates in (results or {}).items():
                connection.execute(
                    update(_PART).where(_PART.c.id == part_id).values(results=_told(fates))
                )
            return True

        return self._db.write(work)

    def parts_of_batch(self, batch_id: int) -> tuple[Part, ...]:
        return self._db.read(lambda connection: _parts(connection, _PART.c.job_id == batch_id))

    def parts_of_delivery(
        self, destination: str, delivery_id: int
    ) -> tuple[tuple[Batch, Part], ...]:
        """The parts of a delivery with their batches, in the order in which they joined."""

        def work(connection: Connection) -> tuple[tuple[Batch, Part], ...]:
            parts = _parts(connection, _PART.c.delivery_id == delivery_id)
            batches = {key: _batch(_row(connection, key)) for key in {p.batch_id for p in parts}}
            return tuple(
                (batches[part.batch_id], part)
                for part in parts
                if batches[part.batch_id].destination == destination
            )

        return self._db.read(work)

    def import_load(self, destination: str, *, since: float) -> Load:
        """Jobs of which the end is not known, and when jobs were asked for since then."""

        def work(connection: Connection) -> Load:
            going = (BatchState.STARTING.value, BatchState.RUNNING.value)
            count = select(func.count()).where(
                _JOB.c.destination == destination, _JOB.c.state.in_(going)
            )
            starts = select(_JOB.c.asked_at).where(
                _JOB.c.destination == destination, _JOB.c.asked_at >= since
            )
            return Load(
                jobs=int(connection.execute(count).scalar_one()),
                starts=tuple(connection.execute(starts).scalars()),
            )

        return self._db.read(work)

    def imports(
        self, *, destination: str = "", open_only: bool = False, limit: int = IMPORTS_SHOWN
    ) -> tuple[ImportRow, ...]:
        """Batches with whose images they have, the newest first."""

        def work(connection: Connection) -> tuple[ImportRow, ...]:
            query = select(_JOB).order_by(_JOB.c.id.desc()).limit(limit)
            if destination:
                query = query.where(_JOB.c.destination == destination)
            if open_only:
                query = query.where(_JOB.c.state != BatchState.DONE.value)
            return tuple(
                ImportRow(batch=_batch(row), members=_members(connection, row["id"]))
                for row in connection.execute(query).mappings()
            )

        return self._db.read(work)

    def import_named(self, reference: str) -> ImportRow | None:
        """A batch by its number, its name, or the id of its job."""

        def work(connection: Connection) -> ImportRow | None:
            matches = [_JOB.c.name == reference, _JOB.c.job_id == reference]
            if reference.isdigit() and len(reference) < 18:
                matches.append(_JOB.c.id == int(reference))
            row = connection.execute(select(_JOB).where(or_(*matches)).limit(1)).mappings().first()
            if row is None or not reference:
                return None
            return ImportRow(batch=_batch(row), members=_members(connection, row["id"]))

        return self._db.read(work)


# --- joining ------------------------------------------------------------------------------------

_FILLING = (
    select(_JOB)
    .where(
        _JOB.c.destination == bindparam("the_destination"),
        _JOB.c.state == BatchState.FILLING.value,
    )
    .with_for_update()
)
_DUE = (
    select(_JOB.c.id)
    .where(
        _JOB.c.destination == bindparam("the_destination"),
        _JOB.c.state != BatchState.DONE.value,
        _JOB.c.due_at <= bindparam("now"),
        or_(_JOB.c.lease_until.is_(None), _JOB.c.lease_until <= bindparam("now")),
    )
    .order_by(_JOB.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def _with_room(
    connection: Connection,
    destination: str,
    files: int,
    size: int,
    new: Opening,
    rules: BatchRules,
    at: float,
) -> Batch:
    row = connection.execute(_FILLING, {"the_destination": destination}).mappings().first()
    if row is not None:
        batch = _batch(row)
        is_late = at >= batch.opened_at + rules.longest_seconds
        if rules.fits(batch, files, size) and not is_late:
            return batch
        connection.execute(
            update(_JOB).where(_JOB.c.id == batch.id).values(
                state=BatchState.SEALED.value, is_full=1, due_at=at, owner=None,
                lease_until=None, epoch=_JOB.c.epoch + 1, waits_for="",
            )
        )  # fmt: skip
    made = {
        "destination": destination, "state": BatchState.FILLING.value, "opened_at": at,
        "joined_at": at, "due_at": at + rules.quiet_seconds, **asdict(new),
    }  # fmt: skip
    key = connection.execute(_JOB.insert().returning(_JOB.c.id), made).scalar_one()
    return _batch(_row(connection, key))


def _withdraw_unfinished(connection: Connection, destination: str, delivery_id: int) -> None:
    found = connection.execute(
        select(_PART.c.id)
        .join(_JOB, _JOB.c.id == _PART.c.job_id)
        .where(
            _PART.c.delivery_id == delivery_id,
            _PART.c.state == PartState.UPLOADING.value,
            _JOB.c.destination == destination,
        )
    ).scalars()
    for part_id in list(found):
        _withdraw(connection, part_id)


def _withdraw(connection: Connection, part_id: int) -> None:
    row = _part_row(connection, part_id)
    changed = connection.execute(
        update(_PART)
        .where(_PART.c.id == part_id, _PART.c.state == PartState.UPLOADING.value)
        .values(state=PartState.WITHDRAWN.value)
    )
    if changed.rowcount == 1:
        connection.execute(
            update(_JOB)
            .where(_JOB.c.id == row["job_id"])
            .values(files=_JOB.c.files - row["files"], bytes=_JOB.c.bytes - row["bytes"])
        )


# --- rows ---------------------------------------------------------------------------------------

_COUNTS = tuple(Counts.__dataclass_fields__)
_PLAIN = (
    "due_at", "is_full", "job_id", "job_status", "asked_at", "submitted_at", "ended_at", "message",
    "waits_for", "tries",
)  # fmt: skip


def _values(batch: Batch) -> dict[str, Any]:
    values: dict[str, Any] = {name: getattr(batch, name) for name in _PLAIN}
    values |= {name: getattr(batch.counts, name) for name in _COUNTS}
    values["is_full"] = int(batch.is_full)
    values["state"] = batch.state.value
    values["image_sets"] = json.dumps([asdict(one) for one in batch.image_sets])
    return values


def _row(connection: Connection, key: int) -> RowMapping:
    return connection.execute(select(_JOB).where(_JOB.c.id == key)).mappings().one()


def _part_row(connection: Connection, key: int) -> RowMapping:
    return connection.execute(select(_PART).where(_PART.c.id == key)).mappings().one()


def _parts(connection: Connection, where: Any) -> tuple[Part, ...]:
    query = select(_PART).where(where).order_by(_PART.c.id)
    return tuple(_part(row) for row in connection.execute(query).mappings())


def _batch(row: RowMapping) -> Batch:
    told = {name: row[name] for name in Batch.__dataclass_fields__ if name in row}
    return Batch(
        **told
        | {
            "state": BatchState(row["state"]),
            "is_full": bool(row["is_full"]),
            "counts": Counts(**{name: row[name] for name in _COUNTS}),
            "image_sets": tuple(ImageSet(**one) for one in json.loads(row["image_sets"])),
        }
    )


def _part(row: RowMapping) -> Part:
    return Part(
        id=row["id"],
        batch_id=row["job_id"],
        delivery_id=row["delivery_id"],
        state=PartState(row["state"]),
        instances=tuple(json.loads(row["instances"])),
        bytes=row["bytes"],
        joined_at=row["joined_at"],
        results={int(key): _fate(one) for key, one in json.loads(row["results"]).items()},
    )


def _told(fates: Mapping[int, FileResult]) -> str:
    return json.dumps(
        {
            str(key): [one.fate.value, one.image_set, int(one.is_primary), one.message,
                       list(one.warnings)]
            for key, one in fates.items()
        }
    )  # fmt: skip


def _fate(told: Sequence[Any]) -> FileResult:
    fate, image_set, is_primary, message, warnings = told
    return FileResult(
        fate=FileFate(fate), image_set=image_set, is_primary=bool(is_primary), message=message,
        warnings=tuple(warnings),
    )  # fmt: skip


def _members(connection: Connection, job_id: int) -> tuple[ImportMember, ...]:
    delivery, series, study = schema.delivery, schema.series, schema.study
    query = (
        select(
            study.c.id.label("study_id"), series.c.id.label("series_id"),
            study.c.study_instance_uid, series.c.series_instance_uid, series.c.source,
            delivery.c.id.label("delivery_id"), func.sum(_PART.c.files).label("instances"),
        )
        .join(delivery, delivery.c.id == _PART.c.delivery_id)
        .join(series, series.c.id == delivery.c.series_id)
        .join(study, study.c.id == delivery.c.study_id)
        .where(_PART.c.job_id == job_id, _PART.c.state != PartState.WITHDRAWN.value)
        .group_by(
            study.c.id, series.c.id, study.c.study_instance_uid, series.c.series_instance_uid,
            series.c.source, delivery.c.id,
        )
        .order_by(delivery.c.id)
    )  # fmt: skip
    return tuple(
        ImportMember(**dict(row) | {"instances": int(row["instances"])})
        for row in connection.execute(query).mappings()
    )
