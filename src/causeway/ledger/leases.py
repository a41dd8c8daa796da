"""Leases: prolonging them, freeing them, and when the next one can be taken."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, or_, select, text, update

from causeway.ledger import call_schema, schema
from causeway.ledger.claims import DeliveryClaim, SeriesClaim
from causeway.ledger.engine import Verbs
from causeway.ledger.states import CallState, DeliveryState


class LeaseVerbs(Verbs):
    """The right to work on something, for a while."""

    def renew(
        self,
        claims: Sequence[SeriesClaim | DeliveryClaim],
        *,
        now: float,
        lease_seconds: float,
    ) -> tuple[bool, ...]:
        """Prolong leases; False for each claim that does not hold any more."""
        if not claims:
            return ()
        until = now + lease_seconds

        def work(connection: Connection) -> tuple[bool, ...]:
            return tuple(
                connection.execute(
                    _RENEW_SERIES if isinstance(claim, SeriesClaim) else _RENEW_DELIVERY,
                    _fence(claim) | {"until": until},
                ).rowcount
                == 1
                for claim in claims
            )

        return self._db.write(work)

    def release_all_leases(self, *, owner: str | None = None, now: float) -> int:
        """Free what an owner, or anybody, has claimed; answers how much that was.

        Only for one who knows that they are gone: the holder of the lock on the data folder.
        """
        values = {"owner": owner, "now": now}

        def work(connection: Connection) -> int:
            freed = 0
            for statement, table in (
                (_FREE_SERIES, schema.series),
                (_FREE_DELIVERIES, schema.delivery),
                (_FREE_CALLS, call_schema.call),
            ):
                chosen = statement
                if owner is not None:
                    chosen = chosen.where(table.c.owner == owner)
                freed += connection.execute(chosen, values).rowcount
            return freed

        return self._db.write(work)

    def next_due_at(self, *, now: float) -> float | None:
        """About when there will be something to claim; a hint for how long to sleep.

        What an operator's hold on a study keeps from being claimed is included, so it can lie in
        the past for long: sleep a little in any case.
        """

        def work(connection: Connection) -> float | None:
            found: list[float | None] = [
                connection.execute(query, {"now": now}).scalar_one_or_none() for query in _NEXT_DUE
            ]
            return min((at for at in found if at is not None), default=None)

        return self._db.read(work)


def _first_due(table: Table, predicate: str) -> Select[Any]:
    """The soonest due time of what nobody works on; the predicate is that of a partial index."""
    # Not a minimum: with a condition besides, SQLite looks at all that waits to find it.
    return (
        select(table.c.due_at)
        .where(
            text(f"({predicate})"),
            or_(table.c.lease_until.is_(None), table.c.lease_until <= bindparam("now")),
        )
        .order_by(table.c.due_at)
        .limit(1)
    )


_NEXT_DUE = (
    _first_due(schema.series, schema.SERIES_READY),
    _first_due(schema.delivery, schema.DELIVERY_READY),
)

_RENEW_SERIES = (
    update(schema.series)
    .where(
        schema.series.c.id == bindparam("the_id"),
        schema.series.c.epoch == bindparam("its_epoch"),
        schema.series.c.owner == bindparam("its_owner"),
        schema.series.c.generation == bindparam("its_generation"),
    )
    .values(lease_until=bindparam("until"))
)
_RENEW_DELIVERY = (
    update(schema.delivery)
    .where(
        schema.delivery.c.id == bindparam("the_id"),
        schema.delivery.c.epoch == bindparam("its_epoch"),
        schema.delivery.c.owner == bindparam("its_owner"),
    )
    .values(lease_until=bindparam("until"))
)
_FREE_SERIES = (
    update(schema.series)
    .where(schema.series.c.owner.is_not(None))
    .values(owner=None, lease_until=None)
)
_FREE_DELIVERIES = (
    update(schema.delivery)
    .where(schema.delivery.c.owner.is_not(None))
    .values(owner=None, lease_until=None, state=DeliveryState.DUE.value)
)
_FREE_CALLS = (
    update(call_schema.call)
    .where(call_schema.call.c.owner.is_not(None))
    .values(owner=None, lease_until=None, state=CallState.DUE.value)
)


def _fence(claim: SeriesClaim | DeliveryClaim) -> dict[str, Any]:
    if isinstance(claim, SeriesClaim):
        row = claim.series
        fence = {"the_id": row.id, "its_epoch": row.epoch, "its_owner": row.owner}
        return fence | {"its_generation": row.generation}
    delivery = claim.delivery
    return {"the_id": delivery.id, "its_epoch": delivery.epoch, "its_owner": delivery.owner}
