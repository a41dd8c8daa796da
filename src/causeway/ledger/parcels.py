"""Parcels: entered whole, settled when every destination has verified them.

A series is packaged into one parcel, or into one for each of its groups; a group is known by its
key. What a parcel holds follows from its kind:

- *first* and *amendment*: instances that are in no earlier parcel. Together the parcels that are
  entered hold all of these, each once;
- *again*: instances whether or not they were sent before. Together they hold all of the series.

A parcel that is *withdrawn* counts as if it had never been: what it held is in no parcel. Parcels,
members, deliveries and the state of the series are entered in one transaction, under the claim.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.claims import NewParcel, Packaged
from causeway.ledger.convert import NEWEST_PARCEL
from causeway.ledger.rows import ParcelRow, SeriesRow
from causeway.ledger.states import (
    LIVE,
    PARCEL,
    SERIES,
    WAITING,
    DeliveryState,
    InstanceState,
    ParcelKind,
    ParcelState,
    SeriesState,
    after_delivery,
    require,
)
from causeway.ledger.store import entry, lock_series, log, write_series

_OF_SERIES = schema.instance.c.series_id == bindparam("series_id")
_UNPACKED = (
    select(schema.instance.c.id, schema.instance.c.bytes_gone_at)
    .where(
        _OF_SERIES,
        schema.instance.c.state.in_([state.value for state in WAITING]),
        NEWEST_PARCEL.is_(None),
    )
    .order_by(schema.instance.c.id)
)
_WHOLE = (
    select(schema.instance.c.id, schema.instance.c.bytes_gone_at)
    .where(_OF_SERIES, schema.instance.c.state.in_([state.value for state in LIVE]))
    .order_by(schema.instance.c.id)
)
_EARLIER = select(schema.parcel.c.key, schema.parcel.c.state).where(
    schema.parcel.c.series_id == bindparam("series_id")
)
_ENTER = insert(schema.parcel).returning(schema.parcel.c.id)
_MEMBERS = insert(schema.parcel_member)
_DELIVERIES = insert(schema.delivery)
_STANDING = (
    select(schema.delivery.c.state, func.count().label("number"))
    .where(
        schema.delivery.c.series_id == bindparam("series_id"),
        schema.delivery.c.state != literal_column(repr(DeliveryState.WITHDRAWN.value)),
        schema.delivery.c.extra == 0,
    )
    .group_by(schema.delivery.c.state)
)
_OPEN_OF_PARCEL = select(func.count()).where(
    schema.delivery.c.parcel_id == bindparam("the_parcel"),
    schema.delivery.c.state != DeliveryState.VERIFIED.value,
    schema.delivery.c.extra == 0,
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


def kind_of(key: str, earlier: Iterable[tuple[str, ParcelState]], *, whole: bool) -> ParcelKind:
    """How a new parcel stands to the earlier ones (key and state) of its series."""
    standing = [known for known, state in earlier if state is not ParcelState.WITHDRAWN]
    if whole and standing:
        return ParcelKind.AGAIN
    return ParcelKind.AMENDMENT if key in standing else ParcelKind.FIRST


def amended_by(key: str, earlier: Iterable[ParcelRow]) -> tuple[ParcelRow, ...]:
    """The earlier parcels that one of this key adds to, or takes the place of."""
    return tuple(
        row for row in earlier if row.key == key and row.state is not ParcelState.WITHDRAWN
    )


def enter_parcels(
    connection: Connection, series: SeriesRow, packaged: Packaged, now: float
) -> tuple[int, ...]:
    """Enter the parcels of a series that this transaction has locked; answers their ids.

    Raises ``NotAllowed`` if they do not hold exactly what they must, or one goes nowhere.
    """
    query = _WHOLE if packaged.whole else _UNPACKED
    wanted = connection.execute(query, {"series_id": series.id}).all()
    given = [each for parcel in packaged.parcels for each in parcel.instance_ids]
    if packaged.so_far is not None:
        now_given = frozenset(given)
        wanted = [row for row in wanted if row.id in now_given]
    if not wanted and not given and series.generation > 1:
        return ()  # all that came late is left out
    if not wanted or sorted(given) != [row.id for row in wanted]:
        raise NotAllowed(
            f"the parcels of series {series.id} do not hold exactly what is to be packaged: "
            f"{len(given)} instances given, {len(wanted)} wanted",
            hint="take them from to_package, after the claim",
        )
    if any(row.bytes_gone_at is not None for row in wanted):
        raise NotAllowed(f"bytes of series {series.id} are gone, so it cannot be sent again whole")
    keys = Counter(parcel.key for parcel in packaged.parcels)
    if max(keys.values()) > 1:
        raise NotAllowed(f"two parcels of series {series.id} have one key")
    if not all(parcel.deliveries and parcel.instance_ids for parcel in packaged.parcels):
        raise NotAllowed(f"a parcel of series {series.id} is empty or has no destination")
    earlier = [
        (row.key, ParcelState(row.state))
        for row in connection.execute(_EARLIER, {"series_id": series.id})
    ]
    return tuple(
        _enter(
            connection,
            series,
            parcel,
            number=len(earlier) + index,
            kind=kind_of(parcel.key, earlier, whole=packaged.whole),
            now=now,
        )
        for index, parcel in enumerate(packaged.parcels, start=1)
    )


def _enter(
    connection: Connection,
    series: SeriesRow,
    parcel: NewParcel,
    *,
    number: int,
    kind: ParcelKind,
    now: float,
) -> int:
    count = len(parcel.instance_ids)
    parcel_id: int = connection.execute(
        _ENTER,
        {
            "series_id": series.id,
            "study_id": series.study_id,
            "number": number,
            "key": parcel.key,
            "kind": kind.value,
            "generation": series.generation,
            "state": ParcelState.MADE.value,
            "name": parcel.name,
            "size": parcel.size,
            "digest": parcel.digest,
            "manifest": parcel.manifest,
            "instance_count": count,
            "created_at": now,
        },
    ).scalar_one()
    connection.execute(
        _MEMBERS, [{"parcel_id": parcel_id, "instance_id": each} for each in parcel.instance_ids]
    )
    connection.execute(
        _DELIVERIES,
        [
            {
                "parcel_id": parcel_id,
                "series_id": series.id,
                "study_id": series.study_id,
                "destination": each.destination,
                "treatment_id": each.treatment_id,
                "target": each.target,
                "state": DeliveryState.DUE.value,
                "due_at": now if each.due_at is None else each.due_at,
                "waits_for": each.waits_for,
                "prio": each.prio,
                "attempt": 0,
                "epoch": 0,
                "created_at": now,
                "state_at": now,
            }
            for each in parcel.deliveries
        ],
    )
    log(
        connection,
        entry(
            now,
            "series.packaged",
            f"{count} {'instance' if count == 1 else 'instances'}, {kind.value}",
            study_id=series.study_id,
            series_id=series.id,
            parcel_id=parcel_id,
        ),
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
