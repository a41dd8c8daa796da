"""Parcels: entered whole, settled when every destination has verified them.

A parcel holds exactly those instances of its series that are in no earlier one. So the parcels of a
series are a history: the first, and an amendment for each time that images arrived late. Parcel,
members, deliveries and the state of the series are entered in one transaction, under the claim.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, bindparam, func, insert, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.claims import Packaged
from causeway.ledger.rows import SeriesRow
from causeway.ledger.states import (
    PARCEL,
    SERIES,
    DeliveryState,
    InstanceState,
    ParcelState,
    SeriesState,
    after_delivery,
    require,
)
from causeway.ledger.store import entry, lock_series, log, write_series

_UNPACKED = (
    select(schema.instance.c.id)
    .where(
        schema.instance.c.series_id == bindparam("series_id"),
        schema.instance.c.state.in_(["indexed", "cleaned"]),
        ~schema.instance.c.id.in_(
            select(schema.parcel_member.c.instance_id)
            .join(schema.parcel, schema.parcel.c.id == schema.parcel_member.c.parcel_id)
            .where(schema.parcel.c.series_id == bindparam("series_id"))
        ),
    )
    .order_by(schema.instance.c.id)
)
_EARLIER = select(func.count()).where(schema.parcel.c.series_id == bindparam("series_id"))
_ENTER = insert(schema.parcel).returning(schema.parcel.c.id)
_MEMBERS = insert(schema.parcel_member)
_DELIVERIES = insert(schema.delivery)
_STANDING = (
    select(schema.delivery.c.state, func.count().label("number"))
    .where(schema.delivery.c.series_id == bindparam("series_id"))
    .group_by(schema.delivery.c.state)
)
_OPEN_OF_PARCEL = select(func.count()).where(
    schema.delivery.c.parcel_id == bindparam("the_parcel"),
    schema.delivery.c.state != DeliveryState.VERIFIED.value,
)
_SETTLE_PARCEL = (
    update(schema.parcel)
    .where(
        schema.parcel.c.id == bindparam("the_parcel"),
        schema.parcel.c.state == ParcelState.MADE.value,
    )
    .values(state=ParcelState.SETTLED.value, settled_at=bindparam("now"))
)
_DELIVERED = (
    update(schema.instance)
    .where(
        schema.instance.c.id.in_(
            select(schema.parcel_member.c.instance_id).where(
                schema.parcel_member.c.parcel_id == bindparam("the_parcel")
            )
        ),
        schema.instance.c.state == InstanceState.CLEANED.value,
    )
    .values(state=InstanceState.DELIVERED.value, state_at=bindparam("now"))
)


def enter_parcel(connection: Connection, series: SeriesRow, packaged: Packaged, now: float) -> int:
    """Enter a parcel of a series that this transaction has locked; answers its id.

    Raises ``NotAllowed`` if it does not hold exactly what it must, or goes nowhere.
    """
    wanted = connection.execute(_UNPACKED, {"series_id": series.id}).scalars().all()
    if not wanted or sorted(packaged.instance_ids) != list(wanted):
        raise NotAllowed(
            f"the parcel of series {series.id} does not hold exactly its unpacked instances: "
            f"{len(packaged.instance_ids)} given, {len(wanted)} wanted",
            hint="take them from to_package, after the claim",
        )
    if not packaged.deliveries:
        raise NotAllowed(f"the parcel of series {series.id} has no destination")
    earlier = connection.execute(_EARLIER, {"series_id": series.id}).scalar_one()
    parcel_id: int = connection.execute(
        _ENTER,
        {
            "series_id": series.id,
            "study_id": series.study_id,
            "number": earlier + 1,
            "generation": series.generation,
            "state": ParcelState.MADE.value,
            "name": packaged.name,
            "size": packaged.size,
            "digest": packaged.digest,
            "manifest": packaged.manifest,
            "instance_count": len(wanted),
            "created_at": now,
        },
    ).scalar_one()
    connection.execute(_MEMBERS, [{"parcel_id": parcel_id, "instance_id": each} for each in wanted])
    connection.execute(
        _DELIVERIES,
        [
            {
                "parcel_id": parcel_id,
                "series_id": series.id,
                "study_id": series.study_id,
                "destination": each.destination,
                "target": each.target,
                "state": DeliveryState.DUE.value,
                "due_at": now if each.due_at is None else each.due_at,
                "prio": each.prio,
                "attempt": 0,
                "epoch": 0,
                "created_at": now,
                "state_at": now,
            }
            for each in packaged.deliveries
        ],
    )
    return parcel_id


def settle_parcel(connection: Connection, parcel_id: int, now: float) -> bool:
    """If every destination has verified it: its instances are delivered."""
    if connection.execute(_OPEN_OF_PARCEL, {"the_parcel": parcel_id}).scalar_one():
        return False
    require(PARCEL, ParcelState.MADE, ParcelState.SETTLED)
    values = {"the_parcel": parcel_id, "now": now}
    connection.execute(_SETTLE_PARCEL, values)
    connection.execute(_DELIVERED, values)
    return True


def roll_up(connection: Connection, series_id: int, now: float) -> SeriesState:
    """Let a packaged series follow from its deliveries, of all its parcels.

    The series is locked first: two deliveries that are verified at the same moment in two
    transactions would each see the other as unfinished, and nobody would settle the series.
    """
    series = lock_series(connection, [series_id])[series_id]
    if series.state is not SeriesState.PACKAGED:
        return series.state  # held, reopened, on its way to an amendment, or dead for good reason
    standing = {
        DeliveryState(row.state): row.number
        for row in connection.execute(_STANDING, {"series_id": series_id})
    }
    state = after_delivery(
        dead=standing.get(DeliveryState.DEAD, 0),
        verified=standing.get(DeliveryState.VERIFIED, 0),
        total=sum(standing.values()),
    )
    if state is series.state:
        return state
    require(SERIES, series.state, state)
    changed = replace(series, state=state, state_at=now)
    if state is SeriesState.DEAD:
        changed = replace(changed, resumes_as=SeriesState.PACKAGED, fail_code="delivery")
    write_series(connection, [changed])
    log(
        connection,
        entry(now, f"series.{state.value}", study_id=series.study_id, series_id=series_id),
    )
    return state
