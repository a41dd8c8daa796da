"""Facts for whether it works: what should have gone and has not, and who was heard of when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Integer, bindparam, case, cast, func, select

from causeway.ledger import schema
from causeway.ledger.engine import Verbs
from causeway.ledger.states import STOPPED, DeliveryState

HOUR_SECONDS: Final = 3600.0
_RELEASES: Final = ("series.release", "study.release")


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWaiting:
    """Since when deliveries to one destination could have gone, hours and failures apart.

    That is since they were made, or since a person let them go. What is held or denied is left out.
    """

    destination: str
    oldest_at: float | None
    """Of those that wait for opening hours, where there are any; None if there are none."""
    oldest_urgent_at: float | None
    """Of those that wait for no hours."""
    succeeded_at: float | None
    """When the last one was verified."""


class HealthVerbs(Verbs):
    """What a monitoring system asks."""

    def waiting(self) -> tuple[LaneWaiting, ...]:
        """Every destination that ever had a delivery, by name."""
        return self._db.read(_waiting)

    def heard(self, *, since: float) -> Mapping[str, tuple[float, ...]]:
        """When each source was heard, from ``since`` on, in order; about once an hour."""
        return self._db.read(lambda connection: _heard(connection, since))


_d = schema.delivery.c
_e = schema.event.c
_RELEASED_AT = (
    select(func.max(_e.at))
    .where(
        _e.study_id == _d.study_id,
        _e.what.in_(_RELEASES),
        _e.series_id.is_(None) | (_e.series_id == _d.series_id),
    )
    .scalar_subquery()
)
_SINCE = case((_d.created_at < _RELEASED_AT, _RELEASED_AT), else_=_d.created_at)
_URGENT = _d.prio <= schema.PRIO_URGENT
_OLDEST = (
    select(
        _d.destination,
        func.min(case((_URGENT, None), else_=_SINCE)).label("usual"),
        func.min(case((_URGENT, _SINCE))).label("urgent"),
    )
    .join(schema.series, schema.series.c.id == _d.series_id)
    .join(schema.study, schema.study.c.id == _d.study_id)
    .where(
        _d.state.in_([DeliveryState.DUE.value, DeliveryState.SENDING.value]),
        schema.series.c.state.not_in([state.value for state in STOPPED]),
        schema.study.c.held_by == "",
    )
    .group_by(_d.destination)
)
_SUCCEEDED = (
    select(
        _d.destination,
        func.max(case((_d.state == DeliveryState.VERIFIED.value, _d.state_at))).label("at"),
    )
    .group_by(_d.destination)
    .order_by(_d.destination)
)
_HOUR = cast(schema.series.c.last_at / HOUR_SECONDS, Integer)
_HEARD = (
    select(schema.series.c.source, func.max(schema.series.c.last_at).label("at"))
    .join(schema.study, schema.study.c.id == schema.series.c.study_id)
    # The study's time is the indexed one.
    .where(schema.study.c.last_at >= bindparam("since"))
    .where(schema.series.c.last_at >= bindparam("since"))
    .group_by(schema.series.c.source, _HOUR)
    .order_by(schema.series.c.source, func.max(schema.series.c.last_at))
)


def _waiting(connection: Connection) -> tuple[LaneWaiting, ...]:
    oldest = {row.destination: row for row in connection.execute(_OLDEST)}
    return tuple(
        LaneWaiting(
            destination=row.destination,
            oldest_at=oldest[row.destination].usual if row.destination in oldest else None,
            oldest_urgent_at=oldest[row.destination].urgent if row.destination in oldest else None,
            succeeded_at=row.at,
        )
        for row in connection.execute(_SUCCEEDED)
    )


def _heard(connection: Connection, since: float) -> Mapping[str, tuple[float, ...]]:
    heard: dict[str, list[float]] = {}
    for row in connection.execute(_HEARD, {"since": since}):
        heard.setdefault(row.source, []).append(row.at)
    return {source: tuple(times) for source, times in heard.items()}
