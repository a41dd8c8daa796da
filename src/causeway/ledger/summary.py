"""The state of the whole, for ``causeway status`` and whoever watches."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Select, TextClause, func, select, text

from causeway.ledger import commitment_schema, schema
from causeway.ledger.calls import call_counts
from causeway.ledger.convert import lane_row
from causeway.ledger.engine import Verbs
from causeway.ledger.lanes import LANES
from causeway.ledger.reports import Count, LaneCount, Summary
from causeway.ledger.search import STUDY_STATE
from causeway.ledger.states import (
    CommitmentState,
    DeliveryState,
    InstanceState,
    SeriesState,
    StudyState,
)


class SummaryVerbs(Verbs):
    """Counts."""

    def summary(self, *, now: float) -> Summary:
        """Counts by state, what is oldest, how many bytes wait. Costs a scan of an index."""
        return self._db.read(lambda connection: _summary(connection, now))


def _summary(connection: Connection, now: float) -> Summary:
    studies = _counts(connection, _STUDIES)
    series = _counts(connection, _SERIES)
    instances = _counts(connection, _INSTANCES)
    deliveries = tuple(
        LaneCount(
            destination=row.destination, state=DeliveryState(row.state), count=int(row.number)
        )
        for row in connection.execute(_DELIVERIES)
    )
    waiting = connection.execute(_WAITING).one()
    return Summary(
        at=now,
        studies=_all_of(StudyState, studies),
        series=_all_of(SeriesState, series),
        instances=_all_of(InstanceState, instances),
        deliveries=deliveries,
        oldest_undelivered_at=waiting.oldest,
        bytes_awaiting=int(waiting.bytes or 0),
        held_studies=int(connection.execute(_HELD_STUDIES).scalar_one()),
        held_series=series.get(SeriesState.HELD, 0),
        dead_series=series.get(SeriesState.DEAD, 0),
        dead_deliveries=sum(d.count for d in deliveries if d.state is DeliveryState.DEAD),
        quarantined=instances.get(InstanceState.QUARANTINED, 0),
        last_received_at=connection.execute(_LAST_RECEIVED).scalar_one(),
        last_delivered_at=connection.execute(_LAST_DELIVERED).scalar_one(),
        lanes=tuple(map(lane_row, connection.execute(LANES).mappings())),
        calls=call_counts(connection),
        commitments=_all_of(CommitmentState, _counts(connection, _COMMITMENTS)),
    )


def _counts(connection: Connection, query: Select[Any, Any] | TextClause) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for row in connection.execute(query):
        counts[row.state] = counts.get(row.state, 0) + int(row.number)
    return counts


def _all_of(states: type[enum.StrEnum], counts: Mapping[str, int]) -> tuple[Count, ...]:
    """Every state once, in the order of its enumeration, so that readers need not guess."""
    return tuple(Count(state=state.value, count=counts.get(state.value, 0)) for state in states)


_STUDIES = select(STUDY_STATE.label("state"), func.count().label("number")).group_by(text("1"))
_SERIES = select(schema.series.c.state, func.count().label("number")).group_by(
    schema.series.c.state
)
_COMMITMENTS = select(commitment_schema.commitment.c.state, func.count().label("number")).group_by(
    commitment_schema.commitment.c.state
)
_INSTANCES = text(
    """
    SELECT state, count(*) AS number FROM instance WHERE bytes_gone_at IS NULL GROUP BY state
    UNION ALL
    SELECT state, count(*) AS number FROM instance WHERE bytes_gone_at IS NOT NULL GROUP BY state
    """
)
_DELIVERIES = (
    select(schema.delivery.c.destination, schema.delivery.c.state, func.count().label("number"))
    .group_by(schema.delivery.c.destination, schema.delivery.c.state)
    .order_by(schema.delivery.c.destination, schema.delivery.c.state)
)
_WAITING = select(
    func.min(schema.instance.c.received_at).label("oldest"),
    func.sum(schema.instance.c.size).label("bytes"),
).where(text("state = 'indexed' OR state = 'cleaned'"))
_HELD_STUDIES = select(func.count()).select_from(schema.study).where(text("held_by <> ''"))
_LAST_RECEIVED = select(func.max(schema.study.c.last_at))
_LAST_DELIVERED = select(func.max(schema.parcel.c.settled_at))
