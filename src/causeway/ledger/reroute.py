"""Rerouting: a person says where a study or series goes, before it is delivered or after.

What is said is kept, and holds for what comes later too; the newest word counts. Then everything
goes back to the decision, in the same transaction:

- parcels that are not delivered everywhere are *withdrawn*, with their deliveries. One that is
  being sent at this moment may yet arrive where it was going: that is said, not prevented;
- what every destination has already is sent again, whole, to the new place. That needs its bytes,
  so it is refused where they are gone;
- a hold or denial by the rules is over, as the person has answered it; a hold of a person stays.

Nothing is removed from any destination: ``Rerouted.standing`` says what stands where.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, or_, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.convert import delivery_row, parcel_row, reroute_row
from causeway.ledger.engine import Verbs
from causeway.ledger.operator import fenced, need
from causeway.ledger.rows import (
    DeliveryRow,
    InstanceRow,
    ParcelRow,
    Rerouted,
    RerouteRow,
    SeriesRow,
    Standing,
    StudyRow,
)
from causeway.ledger.states import (
    ARRIVING,
    DELIVERY_BY_OPERATOR,
    GONE_OUT,
    KNOWS_WHERE_TO,
    PARCEL_BY_OPERATOR,
    SERIES_BY_OPERATOR,
    DeliveryState,
    ParcelState,
    SeriesState,
    require,
)
from causeway.ledger.store import LIVE_STATES, entry, lock_series, log, unclean, write_series
from causeway.ledger.work import POLICY


class RerouteVerbs(Verbs):
    """Where a person has said that something goes."""

    def reroute(
        self,
        reference: str,
        *,
        routing: str = "",
        destinations: Sequence[str] = (),
        who: str,
        why: str,
        now: float,
    ) -> Rerouted:
        """Send a study or a series elsewhere: to this place, to these destinations, or both.

        ``routing`` is a routing string that the caller has understood. Raises ``NotAllowed`` for
        what has been delivered and whose bytes are gone; then nothing has changed.
        """
        if not who:
            raise NotAllowed("it must be said who does this")
        if not routing and not destinations:
            raise NotAllowed(
                "it must be said where it goes", hint="a routing string, destinations, or both"
            )

        def work(connection: Connection) -> Rerouted:
            found = need(connection, reference)
            if isinstance(found, InstanceRow):
                raise NotAllowed("an instance is not rerouted by itself", hint="name its series")
            return _reroute(connection, found, routing, tuple(destinations), (who, why, now))

        return self._db.write(work)

    def reroute_of(self, series_id: int) -> RerouteRow | None:
        """What a person has said of where a series goes; the newest word, if there is one."""

        def work(connection: Connection) -> RerouteRow | None:
            row = connection.execute(_NEWEST, {"the_series": series_id}).mappings().one_or_none()
            return None if row is None else reroute_row(row)

        return self._db.read(work)

    def reroutes_of(self, study_id: int) -> tuple[RerouteRow, ...]:
        """All that was said of a study and its series, the oldest first."""
        return self._db.read(
            lambda connection: tuple(
                reroute_row(row)
                for row in connection.execute(_ALL, {"the_study": study_id}).mappings()
            )
        )


Act = tuple[str, str, float]
"""Who, why, when."""


def _reroute(
    connection: Connection,
    found: StudyRow | SeriesRow,
    routing: str,
    destinations: tuple[str, ...],
    act: Act,
) -> Rerouted:
    who, why, now = act
    study_id = found.id if isinstance(found, StudyRow) else found.study_id
    series_id = found.id if isinstance(found, SeriesRow) else None
    ids: Sequence[int]
    if series_id is not None:
        ids = [series_id]
    else:
        ids = list(connection.execute(_SERIES_OF_STUDY, {"the_study": study_id}).scalars())
    series = lock_series(connection, ids)
    parcels = _parcels(connection, series)
    delivered = {row.series_id for row in parcels if row.state in GONE_OUT}
    _need_bytes(connection, sorted(delivered))
    deliveries = _deliveries(connection, [row.id for row in parcels])
    reroute_id: int = connection.execute(
        _ENTER,
        {
            "at": now,
            "who": who,
            "why": why,
            "study_id": study_id,
            "series_id": series_id,
            "routing": routing,
            "destinations": json.dumps(list(destinations)),
        },
    ).scalar_one()
    standing = _standing(parcels, deliveries)
    withdrawn = _withdraw(connection, parcels, deliveries, act)
    after = [_decided_anew(row, whole=row.id in delivered, now=now) for row in series.values()]
    write_series(connection, after)
    unclean(connection, sorted(series), now)
    what = "study.reroute" if series_id is None else "series.reroute"
    log(connection, entry(now, what, why, who=who, study_id=study_id, series_id=series_id))
    if series_id is None:
        log(
            connection,
            *(
                entry(now, "series.reroute", who=who, study_id=study_id, series_id=row.id)
                for row in after
            ),
        )
    return Rerouted(
        id=reroute_id,
        series_ids=tuple(sorted(series)),
        again_ids=tuple(sorted(delivered)),
        withdrawn=withdrawn,
        standing=standing,
    )


def _need_bytes(connection: Connection, series_ids: Sequence[int]) -> None:
    if not series_ids:
        return
    gone = {
        row.series_id: row.number for row in connection.execute(_GONE, {"ids": list(series_ids)})
    }
    if gone:
        names = ", ".join(f"series:{series_id}" for series_id in sorted(gone))
        raise NotAllowed(
            f"the bytes of {sum(gone.values())} delivered instances are gone ({names}), "
            "so they cannot be sent again",
            hint="move them at the destination; series whose bytes are here can be named one by "
            "one, and so can what comes late",
        )


def _standing(
    parcels: Sequence[ParcelRow], deliveries: Sequence[DeliveryRow]
) -> tuple[Standing, ...]:
    known = {row.id: row for row in parcels}
    found = []
    for row in deliveries:
        certain = row.state is DeliveryState.VERIFIED
        if certain or (row.epoch > 0 and row.state in DELIVERY_BY_OPERATOR):
            found.append(
                Standing(
                    destination=row.destination,
                    reference=row.reference or f"{row.target}/{known[row.parcel_id].name}",
                    series_id=row.series_id,
                    certain=certain,
                )
            )
    return tuple(found)


def _withdraw(
    connection: Connection,
    parcels: Sequence[ParcelRow],
    deliveries: Sequence[DeliveryRow],
    act: Act,
) -> int:
    """Withdraw parcels that are not delivered everywhere; answers how many."""
    who, _, now = act
    made = {row.id: row for row in parcels if row.state is ParcelState.MADE}
    for parcel in made.values():
        require(PARCEL_BY_OPERATOR, parcel.state, ParcelState.WITHDRAWN, by="reroute")
    stopped = [
        row
        for row in deliveries
        if row.parcel_id in made and row.state is not DeliveryState.VERIFIED
    ]
    for row in stopped:
        require(DELIVERY_BY_OPERATOR, row.state, DeliveryState.WITHDRAWN, by="reroute")
    if not made:
        return 0
    connection.execute(_WITHDRAW_PARCEL, [{"the_id": key} for key in sorted(made)])
    if stopped:
        connection.execute(_WITHDRAW_DELIVERY, [{"the_id": row.id, "now": now} for row in stopped])
    log(
        connection,
        *(
            entry(
                now,
                "delivery.withdrawn",
                "it was being sent" if row.state is DeliveryState.SENDING else "",
                who=who,
                study_id=row.study_id,
                series_id=row.series_id,
                parcel_id=row.parcel_id,
                delivery_id=row.id,
            )
            for row in stopped
        ),
    )
    return len(made)


def _decided_anew(series: SeriesRow, *, whole: bool, now: float) -> SeriesRow:
    """The series on its way back to the decision. Pure."""
    series = replace(series, whole=series.whole or whole)
    if series.state in ARRIVING:
        return fenced(series)
    if series.state is SeriesState.HELD and series.held_by != POLICY:
        # It goes on as it would have, or is decided about anew; but a person holds it.
        anew = series.resumes_as in KNOWS_WHERE_TO
        return replace(
            fenced(series), resumes_as=SeriesState.COMPLETE if anew else series.resumes_as
        )
    to = SeriesState.COMPLETE
    if series.resumes_as in ARRIVING:
        if series.state is SeriesState.DEAD:
            return fenced(series)  # what failed has nothing to do with where it goes
        to = SeriesState.REOPENED
    if series.state is not to:
        require(SERIES_BY_OPERATOR, series.state, to, by="reroute")
    return replace(
        fenced(series),
        state=to,
        resumes_as=None,
        verdict="",
        cleaning="",
        fail_code="",
        fail_text="",
        waits_for="",
        held_by="",
        held_code="",
        held_why="",
        due_at=max(now, series.due_at) if to in ARRIVING else now,
        state_at=now,
    )


# --- statements ---------------------------------------------------------------------------------

_SERIES_OF_STUDY = select(schema.series.c.id).where(
    schema.series.c.study_id == bindparam("the_study")
)
_ENTER = insert(schema.reroute).returning(schema.reroute.c.id)
_STUDY_OF_IT = select(schema.series.c.study_id).where(schema.series.c.id == bindparam("the_series"))
_NEWEST = (
    select(schema.reroute)
    .where(
        schema.reroute.c.study_id.in_(_STUDY_OF_IT),
        or_(
            schema.reroute.c.series_id.is_(None),
            schema.reroute.c.series_id == bindparam("the_series"),
        ),
    )
    .order_by(schema.reroute.c.id.desc())
    .limit(1)
)
_ALL = (
    select(schema.reroute)
    .where(schema.reroute.c.study_id == bindparam("the_study"))
    .order_by(schema.reroute.c.id)
)
_PARCELS = (
    select(schema.parcel)
    .where(schema.parcel.c.series_id.in_(bindparam("ids", expanding=True)))
    .order_by(schema.parcel.c.id)
)
_DELIVERIES = (
    select(schema.delivery)
    .where(schema.delivery.c.parcel_id.in_(bindparam("ids", expanding=True)))
    .order_by(schema.delivery.c.id)
    .with_for_update()
)
_GONE = (
    select(schema.instance.c.series_id, func.count().label("number"))
    .where(
        schema.instance.c.series_id.in_(bindparam("ids", expanding=True)),
        schema.instance.c.state.in_(LIVE_STATES),
        schema.instance.c.bytes_gone_at.is_not(None),
    )
    .group_by(schema.instance.c.series_id)
)
_WITHDRAW_PARCEL = (
    update(schema.parcel)
    .where(schema.parcel.c.id == bindparam("the_id"))
    .values(state=ParcelState.WITHDRAWN.value)
)
_WITHDRAW_DELIVERY = (
    update(schema.delivery)
    .where(schema.delivery.c.id == bindparam("the_id"))
    .values(
        state=DeliveryState.WITHDRAWN.value,
        state_at=bindparam("now"),
        epoch=schema.delivery.c.epoch + 1,
        owner=None,
        lease_until=None,
        waits_for="",
    )
)


def _parcels(connection: Connection, series: Mapping[int, Any]) -> list[ParcelRow]:
    if not series:
        return []
    rows = connection.execute(_PARCELS, {"ids": sorted(series)}).mappings()
    return [parcel_row(row) for row in rows]


def _deliveries(connection: Connection, parcel_ids: Sequence[int]) -> list[DeliveryRow]:
    if not parcel_ids:
        return []
    rows = connection.execute(_DELIVERIES, {"ids": list(parcel_ids)}).mappings()
    return [delivery_row(row) for row in rows]
