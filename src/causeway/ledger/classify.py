"""What an arriving object is, beside the objects that have its SOP Instance UID already.

Two objects are the same if UID and bytes are the same. What counts as being here already:

==================  =====================================  ====================================
the one here is     same bytes arrive                      other bytes arrive
==================  =====================================  ====================================
live, retired too   duplicate, nothing is sent again       conflict: kept in quarantine, flagged
quarantined         duplicate; but if it is there as       as if it were not here
                    unreadable and now can be read, new
duplicate           the original decides                   the original decides
discarded           as if it were not here                 as if it were not here
==================  =====================================  ====================================

So a repetition of something that was sent and retired is not sent again, and what a person has
discarded can be sent to us anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from causeway.ledger import schema
from causeway.ledger.arrivals import CONFLICT, Arrival, Indexed, Unreadable
from causeway.ledger.convert import IDS_AT_ONCE
from causeway.ledger.rows import SeriesRow
from causeway.ledger.states import LIVE, InstanceState
from causeway.values import Header, Record


@dataclass(slots=True, eq=False)
class Bearer:
    """An object that has a SOP Instance UID: a row, or an earlier item of the batch."""

    digest: bytes
    state: InstanceState
    reason: str
    id: int | None = None
    study_id: int | None = None
    series_id: int | None = None

    @property
    def live(self) -> bool:
        return self.state in LIVE


@dataclass(slots=True, eq=False)
class Case:
    """An item that is to become a row."""

    item: Indexed | Unreadable
    arrival: Arrival
    bearer: Bearer
    original: Bearer | None = None
    series: SeriesRow | None = None

    @property
    def record(self) -> Record:
        return self.item.record

    @property
    def header(self) -> Header | None:
        return self.item.header if isinstance(self.item, Indexed) else None


def classify(item: Indexed | Unreadable, here: Sequence[Bearer]) -> Case:
    """What an object is, beside those that have its UID. Pure; the table above is this."""
    record = item.record
    readable = isinstance(item, Indexed)

    def case(
        arrival: Arrival, state: InstanceState, reason: str = "", original: Bearer | None = None
    ) -> Case:
        bearer = Bearer(digest=record.digest, state=state, reason=reason)
        return Case(item=item, arrival=arrival, bearer=bearer, original=original)

    for bearer in here:
        same = bearer.digest == record.digest
        if same and (bearer.live or not readable or bearer.reason == CONFLICT):
            return case(Arrival.DUPLICATE, InstanceState.DUPLICATE, original=bearer)
    if isinstance(item, Unreadable):
        return case(Arrival.QUARANTINED, InstanceState.QUARANTINED, item.reason)
    original = next((bearer for bearer in here if bearer.live), None)
    if original is not None:
        return case(Arrival.CONFLICT, InstanceState.QUARANTINED, CONFLICT, original)
    return case(Arrival.FRESH, InstanceState.INDEXED)


def classify_all(connection: Connection, items: Sequence[Indexed | Unreadable]) -> list[Case]:
    """Each item beside the rows that are here and the items before it."""
    bearers: dict[str, list[Bearer]] = {}
    uids = sorted({sop_uid(item) for item in items})
    for start in range(0, len(uids), IDS_AT_ONCE):
        chunk = {"uids": uids[start : start + IDS_AT_ONCE]}
        for row in connection.execute(_BEARERS, chunk):
            bearers.setdefault(row.sop_instance_uid, []).append(
                Bearer(
                    digest=row.digest,
                    state=InstanceState(row.state),
                    reason=row.reason,
                    id=row.id,
                    study_id=row.study_id,
                    series_id=row.series_id,
                )
            )
    cases = []
    for item in items:
        here = bearers.setdefault(sop_uid(item), [])
        case = classify(item, here)
        if case.arrival is not Arrival.DUPLICATE:
            here.append(case.bearer)
        cases.append(case)
    return cases


def sop_uid(item: Indexed | Unreadable) -> str:
    if isinstance(item, Indexed):
        return item.header.sop_instance_uid
    return item.record.receipt.sop_instance_uid


_BEARERS = (
    select(schema.instance)
    .where(
        schema.instance.c.sop_instance_uid.in_(bindparam("uids", expanding=True)),
        schema.instance.c.state.in_([state.value for state in (*LIVE, InstanceState.QUARANTINED)]),
    )
    .order_by(schema.instance.c.id)
)
