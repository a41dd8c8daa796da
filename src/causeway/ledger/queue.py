"""The queue of each destination: how many parcels, how old, and when they may go.

And opening hours, as far as rows tell of them: a delivery outside its destination's hours is due
when they begin, and ``waits_for`` says so. What is urgent is left as it is.
"""

from __future__ import annotations

from sqlalchemy import Connection, and_, bindparam, case, func, literal_column, or_, select, update

from causeway.ledger import schema
from causeway.ledger.engine import Verbs
from causeway.ledger.reports import QueueLane, QueueWait
from causeway.ledger.states import STOPPED, DeliveryState

SCHEDULE = "schedule "
"""Begins the words of ``waits_for`` that speak of opening hours."""


def waits_for_schedule(name: str) -> str:
    """What ``waits_for`` says of a delivery outside the hours of this schedule."""
    return SCHEDULE + name


class QueueVerbs(Verbs):
    """What waits to be delivered."""

    def queue(self, *, now: float) -> tuple[QueueLane, ...]:
        """The queue of each destination to which something is still to go, by name."""
        return self._db.read(lambda connection: _queue(connection, now))

    def set_opening(
        self, destination: str, *, opens_at: float | None, schedule: str, urgent: int, now: float
    ) -> int:
        """Say when deliveries to a destination may go: now (None), or not before ``opens_at``.

        Those of a priority of at most ``urgent`` may go at any time. Answers how many rows that
        changed. Repeatable, and to be said whenever hours begin or end.
        """
        values = {"the_destination": destination, "now": now, "urgent": urgent}
        if opens_at is not None:
            values |= {"at": opens_at, "why": waits_for_schedule(schedule)}
        return self._db.write(
            lambda connection: (
                connection.execute(_OPENED if opens_at is None else _CLOSED, values).rowcount
            )
        )


_d = schema.delivery.c
_WAITS_FOR_HOURS = _d.waits_for.like(f"{SCHEDULE}%")
_ITS_DUE = and_(
    _d.destination == bindparam("the_destination"),
    _d.state == literal_column(repr(DeliveryState.DUE.value)),
)
_OPENED = (
    update(schema.delivery)
    .where(_ITS_DUE, _WAITS_FOR_HOURS)
    .values(due_at=bindparam("now"), waits_for="")
)
_CLOSED = (
    update(schema.delivery)
    .where(
        _ITS_DUE,
        _d.prio > bindparam("urgent"),
        or_(
            and_(
                _WAITS_FOR_HOURS,
                or_(_d.due_at != bindparam("at"), _d.waits_for != bindparam("why")),
            ),
            and_(~_WAITS_FOR_HOURS, _d.due_at < bindparam("at")),
        ),
    )
    .values(due_at=bindparam("at"), waits_for=bindparam("why"))
)

_HELD = or_(
    schema.series.c.state.in_([state.value for state in STOPPED]), schema.study.c.held_by != ""
)
_GOING = _d.state.in_([DeliveryState.DUE.value, DeliveryState.SENDING.value])
_FREE = and_(_GOING, ~_HELD)
_LANES = (
    select(
        _d.destination,
        func.sum(case((_GOING, 1), else_=0)).label("number"),
        func.sum(case((_d.state == DeliveryState.SENDING.value, 1), else_=0)).label("sending"),
        func.sum(case((and_(_GOING, _d.prio <= bindparam("urgent")), 1), else_=0)).label("urgent"),
        func.sum(case((and_(_GOING, _HELD), 1), else_=0)).label("held"),
        func.sum(case((and_(_GOING, _d.fail_code != ""), 1), else_=0)).label("failing"),
        func.sum(case((_d.state == DeliveryState.DEAD.value, 1), else_=0)).label("dead"),
        func.sum(case((_GOING, schema.parcel.c.size), else_=0)).label("bytes"),
        func.min(case((_GOING, _d.created_at))).label("oldest_at"),
        func.min(case((_FREE, _d.due_at))).label("next_at"),
        func.max(case((_FREE, _d.due_at))).label("last_at"),
    )
    .join(schema.series, schema.series.c.id == _d.series_id)
    .join(schema.study, schema.study.c.id == _d.study_id)
    .join(schema.parcel, schema.parcel.c.id == _d.parcel_id)
    .where(
        _d.state.in_(
            [DeliveryState.DUE.value, DeliveryState.SENDING.value, DeliveryState.DEAD.value]
        )
    )
    .group_by(_d.destination)
    .order_by(_d.destination)
)
_WAITS = (
    select(
        _d.destination,
        _d.waits_for,
        func.count().label("number"),
        func.min(_d.due_at).label("until"),
    )
    .where(_d.state == DeliveryState.DUE.value, _d.waits_for != "", _d.due_at > bindparam("now"))
    .group_by(_d.destination, _d.waits_for)
    .order_by(_d.destination, func.min(_d.due_at))
)


def _queue(connection: Connection, now: float) -> tuple[QueueLane, ...]:
    waits: dict[str, list[QueueWait]] = {}
    for row in connection.execute(_WAITS, {"now": now}):
        waits.setdefault(row.destination, []).append(
            QueueWait(why=row.waits_for, count=int(row.number), until=row.until)
        )
    return tuple(
        QueueLane(
            destination=row.destination,
            count=int(row.number),
            sending=int(row.sending),
            urgent=int(row.urgent),
            held=int(row.held),
            failing=int(row.failing),
            dead=int(row.dead),
            bytes=int(row.bytes),
            oldest_at=row.oldest_at,
            next_at=row.next_at if row.next_at is None else max(now, row.next_at),
            last_at=row.last_at if row.last_at is None else max(now, row.last_at),
            waits=tuple(waits.get(row.destination, ())),
        )
        for row in connection.execute(_LANES, {"urgent": schema.PRIO_URGENT})
    )
