"""What receiving tells besides records: ends of associations, and counts of what was refused.

A refused association or object leaves no row, or a flood of them would fill the disk. It leaves a
count by source and reason; rejected objects are a term of the custody line. Sources are those of
the configuration, or ``""`` for a caller that none of them admits: names that strangers choose do
not become keys.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import Connection, bindparam, case, exists, select, update

from causeway.ledger import schema
from causeway.ledger.arrive import voided
from causeway.ledger.convert import association_row
from causeway.ledger.engine import Verbs, insert_ignore
from causeway.ledger.reports import Tally
from causeway.ledger.rows import AssociationRow, SeriesRow
from causeway.ledger.states import ARRIVING
from causeway.ledger.store import lock_series, write_series

ASSOCIATION = "association"
OBJECT = "object"


class TallyVerbs(Verbs):
    """Associations and counters."""

    def association_ended(
        self, association: str, outcome: str, *, at: float, look_at: float | None = None
    ) -> tuple[int, ...]:
        """An association is over; answers the ids of the series that it brought instances of.

        With ``look_at``, series that are still arriving, and that no open association brings
        instances of any more, are due at that time if they were not due sooner. If a worker has
        one in hand, its claim becomes void, as it has looked before this was known.
        """

        def work(connection: Connection) -> tuple[int, ...]:
            _end(connection, association, outcome, at)
            ids = connection.execute(_FED, {"the_association": association}).scalars().all()
            if look_at is not None and ids:
                rows = lock_series(connection, ids)
                waiting = set(connection.execute(_WAITING, {"ids": list(ids)}).scalars())
                changed = [
                    sooner(row, look_at)
                    for row in rows.values()
                    if row.state in ARRIVING and row.id not in waiting
                ]
                write_series(connection, changed)
            return tuple(sorted(ids))

        return self._db.write(work)

    def end_all_associations(self, outcome: str, *, at: float) -> int:
        """No association that is known is open any more: receiving has started anew."""
        return self._db.write(
            lambda connection: connection.execute(_END_ALL, {"how": outcome, "at": at}).rowcount
        )

    def associations_of(self, series_id: int) -> tuple[AssociationRow, ...]:
        """The associations that brought instances of a series, in order of time."""
        return self._db.read(
            lambda connection: tuple(
                association_row(row)
                for row in connection.execute(_OF_SERIES, {"the_series": series_id}).mappings()
            )
        )

    def tally(self, kind: str, source: str, reason: str, *, at: float, count: int = 1) -> None:
        """Count something that was refused: an ``association``, or an ``object`` of one."""
        if kind not in {ASSOCIATION, OBJECT}:
            raise ValueError(f"not a kind of tally: {kind!r}")
        if count < 1:
            return
        key = {"kind": kind, "source": source, "reason": reason}

        def work(connection: Connection) -> None:
            insert_ignore(
                connection, schema.tally, [{**key, "count": 0, "first_at": at, "last_at": at}]
            )
            connection.execute(
                _COUNT,
                {"the_kind": kind, "the_source": source, "the_reason": reason, "more": count,
                 "at": at},
            )  # fmt: skip

        self._db.write(work)

    def tallies(self) -> tuple[Tally, ...]:
        """All counters."""
        return self._db.read(
            lambda connection: tuple(Tally(**row._asdict()) for row in connection.execute(_TALLIES))
        )


def sooner(series: SeriesRow, look_at: float) -> SeriesRow:
    """Due at that time at the latest; a claim on it is void, as its worker has looked before."""
    due = replace(series, due_at=min(series.due_at, look_at))
    return voided(due) if series.owner is not None else due


def _end(connection: Connection, association: str, outcome: str, at: float) -> None:
    # The word of the end may be quicker than the indexing of what it brought.
    insert_ignore(
        connection,
        schema.association,
        [{"name": association, "source": "", "first_at": at, "outcome": ""}],
    )
    connection.execute(_END, {"the_association": association, "how": outcome, "at": at})


_END = (
    update(schema.association)
    .where(
        schema.association.c.name == bindparam("the_association"),
        schema.association.c.ended_at.is_(None),
    )
    .values(ended_at=bindparam("at"), outcome=bindparam("how"))
)
_END_ALL = (
    update(schema.association)
    .where(schema.association.c.ended_at.is_(None))
    .values(ended_at=bindparam("at"), outcome=bindparam("how"))
)
_FED = select(schema.series_association.c.series_id).where(
    schema.series_association.c.association == bindparam("the_association")
)
_WAITING = (
    select(schema.series_association.c.series_id)
    .where(
        schema.series_association.c.series_id.in_(bindparam("ids", expanding=True)),
        exists(
            select(schema.association.c.name).where(
                schema.association.c.name == schema.series_association.c.association,
                schema.association.c.ended_at.is_(None),
            )
        ),
    )
    .distinct()
)
_OF_SERIES = (
    select(schema.association)
    .join(
        schema.series_association,
        schema.series_association.c.association == schema.association.c.name,
    )
    .where(schema.series_association.c.series_id == bindparam("the_series"))
    .order_by(schema.association.c.first_at, schema.association.c.name)
)
_COUNT = (
    update(schema.tally)
    .where(
        schema.tally.c.kind == bindparam("the_kind"),
        schema.tally.c.source == bindparam("the_source"),
        schema.tally.c.reason == bindparam("the_reason"),
    )
    .values(
        count=schema.tally.c.count + bindparam("more"),
        last_at=case(
            (schema.tally.c.last_at < bindparam("at"), bindparam("at")),
            else_=schema.tally.c.last_at,
        ),
    )
)
_TALLIES = select(schema.tally).order_by(
    schema.tally.c.kind, schema.tally.c.source, schema.tally.c.reason
)
