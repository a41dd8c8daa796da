"""Retirement: when bytes may go.

The one irreversible thing that this package has a say in. So the conditions are stated twice: once
when candidates are listed, once more in the UPDATE that marks them, and an instance is only
retirable if its own state *and* the deliveries of all its parcels say so.

The order for the caller: ask for ``retirable``, call ``retired``, and then remove or recycle what
``idle_containers`` names. A crash in between leaves bytes that nobody needs, which the next start
finds idle again; the other way round it would leave rows whose bytes are gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    text,
    update,
)

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.convert import IDS_AT_ONCE, parcel_row
from causeway.ledger.engine import Verbs, insert_ignore
from causeway.ledger.rows import ParcelRow, Pinning, Retirable
from causeway.ledger.states import (
    INSTANCE,
    PARCEL,
    PARKED,
    WAITING,
    WORKABLE,
    DeliveryState,
    InstanceState,
    ParcelState,
    require,
)
from causeway.values import SpoolAddress


class RetireVerbs(Verbs):
    """What may leave the spool and the parcel folder."""

    def retirable(self, *, now: float, keep_seconds: float, limit: int) -> tuple[Retirable, ...]:
        """Instances whose bytes are not needed: delivered everywhere, duplicate, or discarded.

        And that for ``keep_seconds`` at least, in a study that is not on hold. What was delivered
        of a series that is in work again stays, as all of it may have to go again.
        """
        values = {"before": now - keep_seconds, "limit": limit}

        def work(connection: Connection) -> tuple[Retirable, ...]:
            found: list[Retirable] = []
            for query in _RETIRABLE:
                for row in connection.execute(query, values):
                    address = SpoolAddress(row.container, row.offset)
                    found.append(Retirable(instance_id=row.id, address=address, size=row.size))
            return tuple(found[:limit])

        return self._db.read(work)

    def retired(self, instance_ids: Sequence[int], *, now: float) -> int:
        """Mark instances whose bytes are about to go; answers how many are marked.

        One that is not retirable is left as it is and not counted.
        """
        require(INSTANCE, InstanceState.DELIVERED, InstanceState.RETIRED)

        def work(connection: Connection) -> int:
            count = 0
            for start in range(0, len(instance_ids), IDS_AT_ONCE):
                values = {"ids": list(instance_ids[start : start + IDS_AT_ONCE]), "now": now}
                count += connection.execute(_RETIRE, values).rowcount
                count += connection.execute(_FORGET_BYTES, values).rowcount
            return count

        return self._db.write(work)

    def pinning(self, *, limit: int, after: int = 0) -> tuple[Pinning, ...]:
        """Instances that will stay long where they were received, with ids above ``after``.

        In quarantine, or of a held, denied or dead series or a held study, as long as they are
        needed. Copied out of their
        segment they do not keep it from being recycled; then say ``moved``.
        """

        def work(connection: Connection) -> tuple[Pinning, ...]:
            return tuple(
                Pinning(
                    instance_id=row.id,
                    address=SpoolAddress(row.container, row.offset),
                    size=row.size,
                    state=InstanceState(row.state),
                )
                for row in connection.execute(_PINNING, {"after": after, "limit": limit})
            )

        return self._db.read(work)

    def moved(self, instance_id: int, old: SpoolAddress, new: SpoolAddress, *, now: float) -> bool:
        """The bytes of an instance were copied, durable, to a container of their own.

        False if they are no longer needed or not at ``old``; the copy is then an idle one.
        """

        def work(connection: Connection) -> bool:
            insert_ignore(
                connection,
                schema.position,
                [{"container": new.container, "offset": new.offset, "records": 0, "damages": 0,
                  "kept": 1, "moved_at": now}],
            )  # fmt: skip
            kept = connection.execute(_IS_KEPT, {"name": new.container}).scalar_one()
            if not kept:
                raise NotAllowed(f"container {new.container} is one that objects arrive in")
            values = {
                "the_id": instance_id,
                "old_container": old.container,
                "old_offset": old.offset,
                "new_container": new.container,
                "new_offset": new.offset,
            }
            return connection.execute(_MOVE, values).rowcount == 1

        return self._db.write(work)

    def retirable_parcels(
        self, *, now: float, keep_seconds: float, limit: int
    ) -> tuple[ParcelRow, ...]:
        """Parcels verified everywhere for so long, whose artefacts may be removed."""
        values = {"before": now - keep_seconds, "limit": limit}
        return self._db.read(
            lambda connection: tuple(
                parcel_row(row) for row in connection.execute(_PARCELS, values).mappings()
            )
        )

    def parcels_retired(self, parcel_ids: Sequence[int], *, now: float) -> int:
        """Mark parcels whose artefacts are removed; answers how many are marked."""
        require(PARCEL, ParcelState.SETTLED, ParcelState.RETIRED)
        if not parcel_ids:
            return 0
        return self._db.write(
            lambda connection: (
                connection.execute(_RETIRE_PARCELS, {"ids": list(parcel_ids), "now": now}).rowcount
            )
        )


# --- statements ---------------------------------------------------------------------------------

_i = schema.instance.c

_UNVERIFIED: ColumnElement[bool] = exists(
    select(schema.delivery.c.id)
    .join(schema.parcel_member, schema.parcel_member.c.parcel_id == schema.delivery.c.parcel_id)
    .where(
        schema.parcel_member.c.instance_id == _i.id,
        schema.delivery.c.state.not_in(
            [DeliveryState.VERIFIED.value, DeliveryState.WITHDRAWN.value]
        ),
    )
)
_VERIFIED_SINCE: ColumnElement[bool] = exists(
    select(schema.delivery.c.id)
    .join(schema.parcel_member, schema.parcel_member.c.parcel_id == schema.delivery.c.parcel_id)
    .where(
        schema.parcel_member.c.instance_id == _i.id,
        schema.delivery.c.state == DeliveryState.VERIFIED.value,
        schema.delivery.c.state_at > bindparam("before"),
    )
)
"""Delivered once more, or elsewhere, after it was delivered: its time begins anew."""
_IN_SETTLED_PARCEL: ColumnElement[bool] = exists(
    select(schema.parcel.c.id)
    .join(schema.parcel_member, schema.parcel_member.c.parcel_id == schema.parcel.c.id)
    .where(
        schema.parcel_member.c.instance_id == _i.id,
        schema.parcel.c.settled_at.is_not(None),
    )
)
_IN_WORK: ColumnElement[bool] = exists(
    select(schema.series.c.id).where(
        schema.series.c.id == _i.series_id,
        or_(
            schema.series.c.state.in_([state.value for state in WORKABLE]),
            schema.series.c.resumes_as.in_([state.value for state in WORKABLE]),
        ),
    )
)
"""It may be decided that all of its series goes again."""
_SENT = and_(~_UNVERIFIED, _IN_SETTLED_PARCEL, ~_IN_WORK)
_STUDY_HELD: ColumnElement[bool] = exists(
    select(schema.study.c.id).where(schema.study.c.id == _i.study_id, schema.study.c.held_by != "")
)


def _retirable(state: InstanceState, *also: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    return (
        select(_i.id, _i.container, _i.offset, _i.size)
        .where(
            _i.state == literal_column(repr(state.value)),
            _i.bytes_gone_at.is_(None),
            _i.state_at <= bindparam("before"),
            ~_STUDY_HELD,
            *also,
        )
        .order_by(_i.state_at)
        .limit(bindparam("limit"))
    )


_RETIRABLE = (
    _retirable(InstanceState.DELIVERED, _SENT, ~_VERIFIED_SINCE),
    _retirable(InstanceState.DUPLICATE),
    _retirable(InstanceState.DISCARDED),
)
_these = _i.id.in_(bindparam("ids", expanding=True))
_RETIRE = (
    update(schema.instance)
    .where(_these, _i.state == InstanceState.DELIVERED.value, _SENT, ~_STUDY_HELD)
    .values(
        state=InstanceState.RETIRED.value,
        state_at=bindparam("now"),
        bytes_gone_at=bindparam("now"),
    )
)
_FORGET_BYTES = (
    update(schema.instance)
    .where(
        _these,
        _i.state.in_([InstanceState.DUPLICATE.value, InstanceState.DISCARDED.value]),
        _i.bytes_gone_at.is_(None),
        ~_STUDY_HELD,
    )
    .values(bytes_gone_at=bindparam("now"))
)
_PINNING = (
    select(_i.id, _i.container, _i.offset, _i.size, _i.state)
    .select_from(
        schema.instance.outerjoin(schema.series, schema.series.c.id == _i.series_id)
        .outerjoin(schema.study, schema.study.c.id == _i.study_id)
        .outerjoin(schema.position, schema.position.c.container == _i.container)
    )
    .where(
        _i.id > bindparam("after"),
        _i.bytes_gone_at.is_(None),
        or_(
            _i.state == InstanceState.QUARANTINED.value,
            and_(
                _i.state.in_([state.value for state in WAITING]),
                or_(
                    schema.series.c.state.in_(sorted(state.value for state in PARKED)),
                    schema.study.c.held_by != "",
                ),
            ),
            and_(
                _i.state == InstanceState.DELIVERED.value,
                or_(
                    schema.series.c.resumes_as.in_([state.value for state in WORKABLE]),
                    schema.study.c.held_by != "",
                ),
            ),
        ),
        or_(schema.position.c.kept.is_(None), schema.position.c.kept == 0),
    )
    .order_by(_i.id)
    .limit(bindparam("limit"))
)
_IS_KEPT = select(schema.position.c.kept).where(schema.position.c.container == bindparam("name"))
_MOVE = (
    update(schema.instance)
    .where(
        _i.id == bindparam("the_id"),
        _i.container == bindparam("old_container"),
        _i.offset == bindparam("old_offset"),
        _i.bytes_gone_at.is_(None),
    )
    .values(container=bindparam("new_container"), offset=bindparam("new_offset"))
)
_PARCELS = (
    select(schema.parcel)
    .where(
        text("retired_at IS NULL"),
        schema.parcel.c.settled_at <= bindparam("before"),
        ~exists(
            select(schema.study.c.id).where(
                schema.study.c.id == schema.parcel.c.study_id, schema.study.c.held_by != ""
            )
        ),
    )
    .order_by(schema.parcel.c.settled_at)
    .limit(bindparam("limit"))
)
_RETIRE_PARCELS = (
    update(schema.parcel)
    .where(
        schema.parcel.c.id.in_(bindparam("ids", expanding=True)),
        schema.parcel.c.state == ParcelState.SETTLED.value,
    )
    .values(state=ParcelState.RETIRED.value, retired_at=bindparam("now"))
)
