"""Delivering once more, or to another destination, because a person says so.

What was delivered stays delivered: parcel, series and custody are as they were, whatever becomes of
this. It is a delivery of its own all the same, with lane, retries and an end, and as long as it is
open the bytes stay. What a destination has of it already is asked for, and only what is missing is
sent. Where bytes are gone nothing can be sent any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.convert import delivery_row, parcel_row
from causeway.ledger.engine import Verbs
from causeway.ledger.lanes import reopen
from causeway.ledger.operator import need, retry_deliveries
from causeway.ledger.rows import DeliveryRow, InstanceRow, ParcelRow, SeriesRow
from causeway.ledger.states import (
    DELIVERY_BY_OPERATOR,
    DeliveryState,
    ParcelKind,
    ParcelState,
    require,
)
from causeway.ledger.store import entry, lock_series, log
from causeway.values import Standing

Act = tuple[str, str, float]


class AgainVerbs(Verbs):
    """What a person wants delivered beyond what the rules do."""

    def deliverable(self, reference: str) -> tuple[ParcelRow, ...]:
        """The parcels of a study or series as a person means them, in order.

        Withdrawn ones are not, nor what a later parcel holds again. Raises ``NotAllowed``.
        """
        return self._db.read(lambda connection: _deliverable(connection, reference))

    def deliver(
        self,
        reference: str,
        destination: str,
        targets: Mapping[int, str],
        *,
        treatment: str = "",
        who: str,
        why: str,
        now: float,
    ) -> int:
        """Have parcels delivered to a destination, again or for the first time.

        ``targets`` says where each goes, by its id; ``treatment`` what is done to identifying data
        where the rules have sent nothing. Answers how many parcels that are; those on their way
        there are none. Raises ``NotAllowed``.
        """
        if not who:
            raise NotAllowed("it must be said who does this")

        def work(connection: Connection) -> int:
            parcels = _deliverable(connection, reference)
            lock_series(connection, [row.series_id for row in parcels])
            # A dead one is what the rules wait for: it comes alive, and its series with it.
            moved = sum(
                retry_deliveries(connection, None, series_id, destination, (who, why, now))
                for series_id in sorted({row.series_id for row in parcels})
            )
            standing = _standing(connection, [row.id for row in parcels], destination)
            for row in parcels:
                found = standing.get(row.id)
                if found is None:
                    target = targets.get(row.id)
                    if target is None:
                        raise NotAllowed("it was made meanwhile", hint="say it again")
                    _enter(connection, row, destination, target, treatment, (who, why, now))
                    moved += 1
                elif found.state is DeliveryState.VERIFIED:
                    _again(connection, found, (who, why, now))
                    moved += 1
            reopen(connection, destination, now)
            return moved

        return self._db.write(work)


def _deliverable(connection: Connection, reference: str) -> tuple[ParcelRow, ...]:
    found = need(connection, reference)
    if isinstance(found, InstanceRow):
        raise NotAllowed("an instance is not delivered by itself", hint="name its series")
    column = schema.parcel.c.series_id if isinstance(found, SeriesRow) else schema.parcel.c.study_id
    rows = [
        parcel_row(row) for row in connection.execute(_PARCELS.where(column == found.id)).mappings()
    ]
    parcels = _latest(rows)
    if not parcels:
        raise NotAllowed(
            "nothing of it is packaged yet", hint="see `causeway study` for what it waits for"
        )
    gone = connection.execute(_GONE, {"ids": [row.id for row in parcels]}).scalars().all()
    if gone:
        raise NotAllowed(
            f"the bytes of {len(gone)} of its parcels are not here any more",
            hint="retire.keep_hours says how long they stay; copy it from where it was delivered",
        )
    return parcels


def _latest(rows: Sequence[ParcelRow]) -> tuple[ParcelRow, ...]:
    """Without those whose instances a later one holds again. Pure."""
    last_again: dict[int, int] = {}
    for row in rows:
        if row.kind is ParcelKind.AGAIN:
            first = min(
                other.number
                for other in rows
                if other.series_id == row.series_id
                and other.kind is ParcelKind.AGAIN
                and other.created_at == row.created_at
            )
            last_again[row.series_id] = max(last_again.get(row.series_id, 0), first)
    return tuple(row for row in rows if row.number >= last_again.get(row.series_id, 0))


def _standing(
    connection: Connection, parcel_ids: Sequence[int], destination: str
) -> dict[int, DeliveryRow]:
    values = {"ids": list(parcel_ids), "the_destination": destination}
    rows = connection.execute(_DELIVERIES, values).mappings()
    return {row["parcel_id"]: delivery_row(row) for row in rows}


def _enter(
    connection: Connection,
    parcel: ParcelRow,
    destination: str,
    target: str,
    treatment: str,
    act: Act,
) -> None:
    who, why, now = act
    delivery_id: int = connection.execute(
        _INSERT,
        {
            "parcel_id": parcel.id,
            "series_id": parcel.series_id,
            "study_id": parcel.study_id,
            "destination": destination,
            "target": target,
            "state": DeliveryState.DUE.value,
            "due_at": now,
            "extra": 1,
            "treatment": treatment,
            "created_at": now,
            "state_at": now,
        },
    ).scalar_one()
    _log(connection, parcel, delivery_id, who, f"{why} (to {destination})".strip(), now)


def _again(connection: Connection, row: DeliveryRow, act: Act) -> None:
    who, why, now = act
    require(DELIVERY_BY_OPERATOR, row.state, DeliveryState.DUE, by="deliver")
    # What was verified once may be gone there: it is asked for, like all that nobody knows.
    connection.execute(_UNSURE, {"the_delivery": row.id})
    connection.execute(_DUE, {"the_id": row.id, "now": now})
    _log(connection, row, row.id, who, f"{why} (to {row.destination})".strip(), now)


def _log(
    connection: Connection,
    row: ParcelRow | DeliveryRow,
    delivery_id: int,
    who: str,
    why: str,
    now: float,
) -> None:
    parcel_id = row.id if isinstance(row, ParcelRow) else row.parcel_id
    log(
        connection,
        entry(now, "delivery.deliver", why, who=who, study_id=row.study_id,
              series_id=row.series_id, parcel_id=parcel_id, delivery_id=delivery_id),
    )  # fmt: skip


_PARCELS = (
    select(schema.parcel)
    .where(schema.parcel.c.state != ParcelState.WITHDRAWN.value)
    .order_by(schema.parcel.c.id)
)
_GONE = select(schema.parcel.c.id).where(
    schema.parcel.c.id.in_(bindparam("ids", expanding=True)),
    exists(
        select(schema.parcel_member.c.instance_id)
        .join(schema.instance, schema.instance.c.id == schema.parcel_member.c.instance_id)
        .where(
            schema.parcel_member.c.parcel_id == schema.parcel.c.id,
            schema.instance.c.bytes_gone_at.is_not(None),
        )
    ),
)
_DELIVERIES = select(schema.delivery).where(
    schema.delivery.c.parcel_id.in_(bindparam("ids", expanding=True)),
    schema.delivery.c.destination == bindparam("the_destination"),
)
_INSERT = insert(schema.delivery).returning(schema.delivery.c.id)
_UNSURE = (
    update(schema.outcome)
    .where(schema.outcome.c.delivery_id == bindparam("the_delivery"))
    .values(standing=Standing.UNSURE.value)
)
_DUE = (
    update(schema.delivery)
    .where(schema.delivery.c.id == bindparam("the_id"))
    .values(
        state=DeliveryState.DUE.value,
        due_at=bindparam("now"),
        attempt=0,
        extra=1,  # the rules do not wait for it: it was verified
        fail_code="",
        fail_text="",
        waits_for="",
        failing_since=None,
        state_at=bindparam("now"),
    )
)
