"""What a person does: hold, release, retry.

Each verb takes who and why, and writes them down as events in the transaction of the change. Each
is checked against the operators' tables of ``states``; what they do not have is ``NotAllowed`` and
changes nothing. A move of a person makes whatever a worker has in hand void.

A *reference* is what the person has: the UID of a study, a series or an object, or a ledger id as
the listings show it: ``study:12``, ``series:34``, ``instance:56``.

``release`` of a study ends its own hold and that of its series. It does not overrule a denial: a
policy said that the series shall not go, and whoever wants that names the series itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Select, bindparam, or_, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.convert import INSTANCES, instances, series_by_id, studies_by_id
from causeway.ledger.engine import Verbs
from causeway.ledger.lanes import reopen
from causeway.ledger.outcomes import again_refused
from causeway.ledger.parcels import roll_up
from causeway.ledger.queue import SCHEDULE
from causeway.ledger.rows import InstanceRow, SeriesRow, StudyRow
from causeway.ledger.states import (
    DELIVERY_BY_OPERATOR,
    SERIES_BY_OPERATOR,
    WORKABLE,
    DeliveryState,
    SeriesState,
    require,
)
from causeway.ledger.store import LIVE_STATES, entry, lock_series, log, write_series
from causeway.ledger.work import DEIDENTIFY, LATENESS, POLICY

Found = StudyRow | SeriesRow | InstanceRow


class OperatorVerbs(Verbs):
    """Moves that only a person makes."""

    def find(self, reference: str) -> Found | None:
        """The study, series or instance that a reference names, if there is one."""
        return self._db.read(lambda connection: _find(connection, reference))

    def hold(self, reference: str, *, who: str, why: str, now: float) -> int:
        """Stop a study or a series where it stands. Answers 1.

        What is being sent at this moment is finished; nothing more is begun.
        """

        def work(connection: Connection) -> int:
            found = need(connection, reference)
            if isinstance(found, StudyRow):
                return _hold_study(connection, found, who, why, now)
            if isinstance(found, SeriesRow):
                return _hold_series(connection, found, who, why, now)
            raise NotAllowed("an instance cannot be held by itself", hint="hold its series")

        return self._write(who, work)

    def release(self, reference: str, *, who: str, why: str, now: float) -> int:
        """Let a held study or series, or a denied series, go on. Answers how many were released."""

        def work(connection: Connection) -> int:
            found = need(connection, reference)
            if isinstance(found, StudyRow):
                return _release_study(connection, found, who, why, now)
            if isinstance(found, SeriesRow):
                series = lock_series(connection, [found.id])
                return release_series(connection, list(series.values()), who, why, now)
            raise NotAllowed(
                "an instance is not released like this", hint="use: quarantine release"
            )

        return self._write(who, work)

    def retry(
        self,
        reference: str | None,
        *,
        who: str,
        why: str,
        now: float,
        destination: str | None = None,
    ) -> int:
        """Try again at once what is dead, and what waits for another try after a failure.

        ``None`` means all there is; a destination narrows it to deliveries to it. Answers how many
        series and deliveries were moved.
        """

        def work(connection: Connection) -> int:
            study_id = series_id = None
            if reference is not None:
                found = need(connection, reference)
                if isinstance(found, InstanceRow):
                    raise NotAllowed("an instance is not retried by itself", hint="name its series")
                study_id = found.id if isinstance(found, StudyRow) else None
                series_id = found.id if isinstance(found, SeriesRow) else None
            moved = _retry(connection, study_id, series_id, destination, (who, why, now))
            if not moved and reference is not None:
                raise NotAllowed("there is nothing to retry: nothing of it is dead or failed")
            return moved

        return self._write(who, work)

    def _write(self, who: str, work: Any) -> int:
        if not who:
            raise NotAllowed("it must be said who does this")
        moved: int = self._db.write(work)
        return moved


# --- finding ------------------------------------------------------------------------------------

_STUDY = select(schema.study.c.id).where(schema.study.c.study_instance_uid == bindparam("uid"))
_SERIES = select(schema.series.c.id).where(schema.series.c.series_instance_uid == bindparam("uid"))
_INSTANCE = INSTANCES.where(schema.instance.c.id == bindparam("the_id"))
_BY_SOP_UID = (
    INSTANCES.where(
        schema.instance.c.sop_instance_uid == bindparam("uid"),
        schema.instance.c.state.in_(LIVE_STATES),
    )
    .order_by(schema.instance.c.approved, schema.instance.c.id)
    .limit(1)
)
_BY_SOP_UID_AT_ALL = (
    INSTANCES.where(schema.instance.c.sop_instance_uid == bindparam("uid"))
    .order_by(schema.instance.c.id)
    .limit(1)
)


def _find(connection: Connection, reference: str) -> Found | None:
    kind, colon, number = reference.partition(":")
    if colon and number.isdigit() and len(number) < 19:
        row_id = int(number)
        match kind:
            case "study":
                return studies_by_id(connection, [row_id]).get(row_id)
            case "series":
                return series_by_id(connection, [row_id]).get(row_id)
            case "instance":
                found = instances(connection, _INSTANCE, the_id=row_id)
                return found[0] if found else None
            case _:
                return None
    uid = {"uid": reference}
    study_id = connection.execute(_STUDY, uid).scalar_one_or_none()
    if study_id is not None:
        return studies_by_id(connection, [study_id])[study_id]
    series_ids = connection.execute(_SERIES, uid).scalars().all()
    if len(series_ids) > 1:
        names = ", ".join(f"series:{series_id}" for series_id in sorted(series_ids))
        raise NotAllowed("several studies have a series of this UID", hint=f"name one: {names}")
    if series_ids:
        return series_by_id(connection, series_ids)[series_ids[0]]
    for query in (_BY_SOP_UID, _BY_SOP_UID_AT_ALL):
        if found := instances(connection, query, uid=reference):
            return found[0]
    return None


def need(connection: Connection, reference: str) -> Found:
    found = _find(connection, reference)
    if found is None:
        raise NotAllowed(
            "the ledger knows nothing of that name",
            hint="give a study, series or SOP Instance UID, or an id such as study:12",
        )
    return found


# --- holding and releasing ----------------------------------------------------------------------

_HOLD_STUDY = (
    update(schema.study)
    .where(schema.study.c.id == bindparam("the_id"))
    .values(held_by=bindparam("who"), held_why=bindparam("why"))
)


def _hold_study(connection: Connection, study: StudyRow, who: str, why: str, now: float) -> int:
    if study.held_by:
        raise NotAllowed(f"study {study.id} is held already, by {study.held_by}")
    connection.execute(_HOLD_STUDY, {"the_id": study.id, "who": who, "why": why})
    log(connection, entry(now, "study.hold", why, who=who, study_id=study.id))
    return 1


def _hold_series(connection: Connection, found: SeriesRow, who: str, why: str, now: float) -> int:
    series = lock_series(connection, [found.id])[found.id]
    require(SERIES_BY_OPERATOR, series.state, SeriesState.HELD, by="hold")
    held = replace(
        fenced(series),
        state=SeriesState.HELD,
        resumes_as=series.state,
        held_by=who,
        held_why=why,
        state_at=now,
    )
    write_series(connection, [held])
    _log(connection, series, "series.hold", (who, why, now))
    return 1


def _release_study(connection: Connection, study: StudyRow, who: str, why: str, now: float) -> int:
    released = 0
    if study.held_by:
        connection.execute(_HOLD_STUDY, {"the_id": study.id, "who": "", "why": ""})
        log(connection, entry(now, "study.release", why, who=who, study_id=study.id))
        released = 1
    ids = connection.execute(
        select(schema.series.c.id).where(
            schema.series.c.study_id == study.id, schema.series.c.state == SeriesState.HELD.value
        )
    ).scalars()
    held = lock_series(connection, list(ids))
    if held:
        released += release_series(connection, list(held.values()), who, why, now)
    if not released:
        raise NotAllowed(
            f"nothing of study {study.id} is held", hint="a denied series is released by its name"
        )
    return released


def release_series(
    connection: Connection, rows: Sequence[SeriesRow], who: str, why: str, now: float
) -> int:
    for series in rows:
        # From a denial back to the decision; from a hold back to where it stood.
        to = series.resumes_as if series.state is SeriesState.HELD else SeriesState.COMPLETE
        assert to is not None
        require(SERIES_BY_OPERATOR, series.state, to, by="release")
        overrules = (
            series.state is SeriesState.DENIED or series.held_by == POLICY
        ) and series.held_code != DEIDENTIFY
        free = replace(
            fenced(series),
            state=to,
            resumes_as=None,
            held_by="",
            held_code="",
            held_why="",
            # That late images may go does not mean that a header may not opt out any more.
            released_by=who
            if overrules and series.held_code not in LATENESS
            else series.released_by,
            released_generation=series.generation if overrules else series.released_generation,
            due_at=max(now, series.due_at) if to in _ARRIVING_DUE else now,
            state_at=now,
        )
        write_series(connection, [free])
        _log(connection, series, "series.release", (who, why, now))
        roll_up(connection, series.id, now)
    return len(rows)


_ARRIVING_DUE = frozenset({SeriesState.OPEN, SeriesState.REOPENED})
"""Released into these, a series still waits for silence."""


# --- trying again -------------------------------------------------------------------------------


def _retry(
    connection: Connection,
    study_id: int | None,
    series_id: int | None,
    destination: str | None,
    act: tuple[str, str, float],
) -> int:
    moved = retry_deliveries(connection, study_id, series_id, destination, act)
    if destination is None:
        moved += _retry_series(connection, study_id, series_id, act)
    return moved


def _retry_series(
    connection: Connection, study_id: int | None, series_id: int | None, act: tuple[str, str, float]
) -> int:
    _, _, now = act
    table = schema.series
    query = select(table.c.id).where(
        or_(
            (table.c.state == SeriesState.DEAD.value)
            & (table.c.resumes_as != SeriesState.PACKAGED.value),
            table.c.state.in_([state.value for state in WORKABLE])
            & (table.c.fail_code != "")
            & (table.c.due_at > now),
        )
    )
    ids = connection.execute(_of(query, table.c, study_id, series_id, table.c.id)).scalars().all()
    rows = lock_series(connection, ids)
    for series in rows.values():
        if series.state is SeriesState.DEAD:
            assert series.resumes_as is not None
            require(SERIES_BY_OPERATOR, series.state, series.resumes_as, by="retry")
            series = replace(series, state=series.resumes_as, resumes_as=None, state_at=now)
        write_series(connection, [replace(fenced(series), due_at=now, fail_code="", fail_text="")])
        _log(connection, series, "series.retry", act)
    return len(rows)


def retry_deliveries(
    connection: Connection,
    study_id: int | None,
    series_id: int | None,
    destination: str | None,
    act: tuple[str, str, float],
) -> int:
    """Make due what is dead or waits for another try; how many deliveries that are."""
    who, why, now = act
    require(DELIVERY_BY_OPERATOR, DeliveryState.DEAD, DeliveryState.DUE, by="retry")
    table = schema.delivery
    query = select(table.c.id, table.c.series_id, table.c.study_id, table.c.parcel_id).where(
        or_(
            table.c.state == DeliveryState.DEAD.value,
            (table.c.state == DeliveryState.DUE.value)
            & or_(
                table.c.fail_code != "",
                (table.c.waits_for != "") & ~table.c.waits_for.like(f"{SCHEDULE}%"),
            )
            & (table.c.due_at > now),
        )
    )
    if destination is not None:
        query = query.where(table.c.destination == destination)
    query = _of(query, table.c, study_id, series_id, table.c.series_id)
    reopen(connection, destination, now)
    chosen = connection.execute(query).all()
    if not chosen:
        return 0
    # The series first, as everyone locks them; then what is still so.
    series = lock_series(connection, [row.series_id for row in chosen])
    connection.execute(
        _DUE_NOW, [{"the_id": row.id, "now": now} for row in sorted(chosen, key=lambda r: r.id)]
    )
    again_refused(connection, [row.id for row in chosen])
    log(
        connection,
        *(
            entry(now, "delivery.retry", why, who=who, study_id=row.study_id,
                  series_id=row.series_id, parcel_id=row.parcel_id, delivery_id=row.id)
            for row in chosen
        ),
    )  # fmt: skip
    for row in series.values():
        if row.state is SeriesState.DEAD and row.resumes_as is SeriesState.PACKAGED:
            require(SERIES_BY_OPERATOR, row.state, SeriesState.PACKAGED, by="retry")
            alive = replace(
                row, state=SeriesState.PACKAGED, resumes_as=None, fail_code="", state_at=now
            )
            write_series(connection, [alive])
            _log(connection, row, "series.retry", act)
            roll_up(connection, row.id, now)  # another of its deliveries may be dead still
    return len(chosen)


_DUE_NOW = (
    update(schema.delivery)
    .where(
        schema.delivery.c.id == bindparam("the_id"),
        or_(
            schema.delivery.c.state == DeliveryState.DEAD.value,
            schema.delivery.c.state == DeliveryState.DUE.value,
        ),
    )
    .values(
        state=DeliveryState.DUE.value,
        due_at=bindparam("now"),
        attempt=0,
        waits_for="",
        failing_since=None,
        state_at=bindparam("now"),
    )
)


def _of(
    query: Select[Any], columns: Any, study_id: int | None, series_id: int | None, series: Any
) -> Select[Any]:
    if study_id is not None:
        query = query.where(columns.study_id == study_id)
    if series_id is not None:
        query = query.where(series == series_id)
    return query.order_by(columns.id)


# --- common -------------------------------------------------------------------------------------


def fenced(series: SeriesRow) -> SeriesRow:
    """Void whatever a worker has in hand, and forget its attempts."""
    return replace(series, epoch=series.epoch + 1, owner=None, lease_until=None, attempt=0)


def _log(connection: Connection, series: SeriesRow, what: str, act: tuple[str, str, float]) -> None:
    who, why, now = act
    log(
        connection,
        entry(now, what, why, who=who, study_id=series.study_id, series_id=series.id),
    )
