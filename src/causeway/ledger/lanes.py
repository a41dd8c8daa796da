"""How the way to each destination stands: its breaker, its last failure, its rate.

One row a destination, written by whoever delivers and read by everybody: ``status`` runs in another
process, and a person who has put something right must not wait for the end of a pause.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from causeway.ledger import schema
from causeway.ledger.convert import lane_row
from causeway.ledger.engine import Verbs, upsert
from causeway.ledger.rows import LaneRow
from causeway.ledger.states import BreakerState


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
            lambda connection: tuple(map(lane_row, connection.execute(_LANES).mappings()))
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


_LANE = select(schema.lane).where(schema.lane.c.destination == bindparam("name"))
_LANES = select(schema.lane).order_by(schema.lane.c.destination)
_REOPEN = (
    update(schema.lane)
    .where(
        schema.lane.c.breaker == BreakerState.OPEN.value,
        schema.lane.c.open_until > bindparam("now"),
    )
    .values(open_until=bindparam("now"))
)
