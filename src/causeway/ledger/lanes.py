"""How the way to each destination stands: its breaker, its last failure, its rate.

One row a destination, written by whoever delivers and read by everybody: ``status`` runs in another
process, and a person who has put something right must not wait for the end of a pause.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, func, literal_column, select, update

from causeway.ledger import schema
from causeway.ledger.convert import lane_row
from causeway.ledger.engine import Verbs, upsert
from causeway.ledger.reports import UnderWay
from causeway.ledger.rows import LaneRow
from causeway.ledger.states import BreakerState, DeliveryState
from causeway.values import Standing


class LaneVerbs(Verbs):
    """Ways to destinations."""

    def lane(self, destination: str) -> LaneRow | None:
        """How the way to a destination stands; None if nothing was ever said of it."""

        def work(connection: Connection) -> LaneRow | None:
            found = connection.execute(_LANE, {"name": destination}).mappings().one_or_none()
            return None if found is None else lane_row(found)

        return self._db.read(work)

    def lanes(self) -> tuple[LaneRow, ...]:
        """All of which something was said, by name."""
        return self._db.read(
            lambda connection: tuple(map(lane_row, connection.execute(LANES).mappings()))
        )

    def under_way(self) -> tuple[UnderWay, ...]:
        """What is being sent, and how much of it is there."""
        return self._db.read(
            lambda connection: tuple(
                UnderWay(
                    delivery_id=row.id,
                    destination=row.destination,
                    series_id=row.series_id,
                    attempt=row.attempt,
                    prio=row.prio,
                    instances=row.instance_count,
                    done=int(row.done),
                    bytes=row.size,
                    since=row.state_at,
                )
                for row in connection.execute(_UNDER_WAY)
            )
        )

    def set_lane(self, row: LaneRow) -> None:
        """Say how the way to a destination stands."""
        values: dict[str, Any] = {**asdict(row), "breaker": row.breaker.value}
        self._db.write(lambda connection: upsert(connection, schema.lane, [values]))


def reopen(connection: Connection, destination: str | None, now: float) -> None:
    """A person has put something right: what pauses is tried at once."""
    query, values = _REOPEN, {"now": now}
    if destination is not None:
        query = query.where(schema.lane.c.destination == destination)
    connection.execute(query, values)


_d, _p = schema.delivery.c, schema.parcel.c
_DONE = (
    select(func.count())
    .where(
        schema.outcome.c.delivery_id == _d.id,
        schema.outcome.c.standing.in_([Standing.SENT.value, Standing.VERIFIED.value]),
    )
    .correlate(schema.delivery)
    .scalar_subquery()
)
_UNDER_WAY = (
    select(
        _d.id, _d.destination, _d.series_id, _d.attempt, _d.prio, _d.state_at,
        _p.instance_count, _p.size, _DONE.label("done"),
    )
    .join(schema.parcel, _p.id == _d.parcel_id)
    .where(_d.state == literal_column(repr(DeliveryState.SENDING.value)))
    .order_by(_d.destination, _d.id)
)  # fmt: skip
_LANE = select(schema.lane).where(schema.lane.c.destination == bindparam("name"))
LANES = select(schema.lane).order_by(schema.lane.c.destination)
_REOPEN = (
    update(schema.lane)
    .where(
        schema.lane.c.breaker == BreakerState.OPEN.value,
        schema.lane.c.open_until > bindparam("now"),
    )
    .values(open_until=bindparam("now"))
)
