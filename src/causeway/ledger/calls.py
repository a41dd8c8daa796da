"""Calls: what is told to others once something is delivered, one row for each firing of a trigger.

A call is entered when its subject, a parcel or a whole study, has been verified everywhere, and is
then claimed and settled like a delivery. It is entered by looking at what has been settled since
the last look, so nothing that delivers has to think of it, and a crash between the two loses
nothing. A trigger that is new looks from the moment on when it was first seen: what was delivered
before does not fire it.

One parcel, or one study as far as its newest parcel, fires a trigger once. Its key is told along at
every try, so that whoever is called can tell a repetition.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from sqlalchemy import Connection, and_, bindparam, exists, func, or_, select, update

from causeway.ledger import call_schema, schema
from causeway.ledger.claims import Dead, Retry
from causeway.ledger.engine import Verbs, insert_ignore, upsert
from causeway.ledger.reports import CallCount
from causeway.ledger.states import CALL, CALL_BY_OPERATOR, CallState, SeriesState, require
from causeway.ledger.store import ENGINE, entry, log

OWNER: Final = "~trigger"
"""Whose memory it is how far each trigger has looked; no destination can be named so."""

SLACK_SECONDS: Final = 600.0
"""How far back a look goes beyond the last: transactions do not end in the order of their times,
and clocks are set back by some seconds."""

AT_ONCE: Final = 100


class CallScope(enum.StrEnum):
    """What a call is about."""

    SERIES = "series"
    STUDY = "study"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRow:
    """One firing of a trigger."""

    id: int
    trigger: str
    scope: CallScope
    study_id: int
    series_id: int | None
    parcel_id: int
    """The parcel, or the newest one of the study."""
    state: CallState
    due_at: float
    attempt: int
    epoch: int
    owner: str | None
    lease_until: float | None
    fail_code: str
    fail_text: str
    created_at: float
    state_at: float

    @property
    def key(self) -> str:
        """The same at every try."""
        subject = self.series_id if self.scope is CallScope.SERIES else self.study_id
        return f"{self.trigger}-{self.scope.value}-{subject}-{self.parcel_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFacts:
    """What there is to tell."""

    study_instance_uid: str = field(repr=False)
    patient_id: str = field(repr=False)
    accession_number: str = field(repr=False)
    study_description: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    """Empty for a study."""
    modality: str
    series_description: str = field(repr=False)
    source: str
    series: int
    instances: int
    bytes: int
    destinations: tuple[str, ...]
    references: tuple[tuple[str, str], ...] = field(repr=False)
    """By destination: what it is called there."""
    delivered_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallClaim:
    """The right to make a call until its lease ends."""

    call: CallRow
    facts: CallFacts = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """Whoever was called has taken it."""


CallOutcome = Called | Retry | Dead


class CallVerbs(Verbs):
    """What follows a delivery."""

    def enter_calls(
        self, trigger: str, scope: CallScope, *, quiet_seconds: float = 0.0, now: float
    ) -> int:
        """Enter what has become due for a trigger since the last look; how many calls that was.

        A study counts as whole when nothing of it waits any more and nothing arrived for
        ``quiet_seconds``.
        """
        looked_to = self._db.read(lambda connection: _looked_to(connection, trigger))
        slack = SLACK_SECONDS + 2 * quiet_seconds
        values = {"the_trigger": trigger, "now": now, "quiet_at": now - quiet_seconds}
        if looked_to is not None:
            since = {"since": looked_to - slack, "limit": AT_ONCE}
            query = _PARCELS if scope is CallScope.SERIES else _STUDIES
            found = self._db.read(
                lambda connection: [
                    dict(row) for row in connection.execute(query, values | since).mappings()
                ]
            )
            if not found and now < looked_to + SLACK_SECONDS:
                return 0
        else:
            found = []

        def work(connection: Connection) -> int:
            rows = [
                {
                    "trigger": trigger, "scope": scope.value, "study_id": row["study_id"],
                    "series_id": row.get("series_id"), "parcel_id": row["parcel_id"],
                    "state": CallState.DUE.value, "due_at": now, "attempt": 0, "epoch": 0,
                    "created_at": now, "state_at": now,
                }
                for row in found
            ]  # fmt: skip
            insert_ignore(connection, call_schema.call, rows)
            if len(found) < AT_ONCE:
                upsert(
                    connection,
                    schema.memory,
                    [{"destination": OWNER, "key": trigger, "value": repr(now), "at": now}],
                )
            return len(found)

        return self._db.write(work)

    def claim_call(
        self, trigger: str, *, now: float, owner: str, lease_seconds: float
    ) -> CallClaim | None:
        """Take the oldest call of a trigger that is due."""

        def work(connection: Connection) -> CallClaim | None:
            found = (
                connection.execute(_DUE, {"the_trigger": trigger, "now": now}).mappings().first()
            )
            if found is None:
                return None
            call = replace(
                call_row(found), state=CallState.CALLING, owner=owner, state_at=now,
                lease_until=now + lease_seconds, attempt=found["attempt"] + 1,
                epoch=found["epoch"] + 1,
            )  # fmt: skip
            connection.execute(
                _TAKE, {"the_id": call.id, "by": owner, "until": call.lease_until, "now": now}
            )
            return CallClaim(call=call, facts=_facts(connection, call))

        return self._db.write(work)

    def settle_call(self, claim: CallClaim, outcome: CallOutcome, *, now: float) -> bool:
        """Say what became of a call. False: another has taken over, and nothing was changed."""
        call = claim.call
        values: dict[str, Any] = {"now": now, "due": call.due_at, "code": "", "text": ""}
        match outcome:
            case Called():
                state, what = CallState.DONE, "call.done"
            case Retry(at=at, code=code, text=text):
                state, what = CallState.DUE, "call.retry"
                values |= {"due": at, "code": code, "text": text}
            case Dead(code=code, text=text):
                state, what = CallState.DEAD, "call.dead"
                values |= {"code": code, "text": text}
        require(CALL, CallState.CALLING, state)
        fence = {"the_id": call.id, "its_epoch": call.epoch, "its_owner": call.owner}

        def work(connection: Connection) -> bool:
            changed = connection.execute(_SETTLE, {**values, **fence, "new": state.value})
            if changed.rowcount != 1:
                return False
            _log(connection, call, what, f"{call.trigger} {values['code']}".strip(), now)
            return True

        return self._db.write(work)

    def calls(
        self, *, trigger: str = "", states: Sequence[CallState] = (), limit: int = 100
    ) -> tuple[CallRow, ...]:
        """Calls, the newest first."""
        query = select(call_schema.call).order_by(call_schema.call.c.id.desc()).limit(limit)
        if trigger:
            query = query.where(call_schema.call.c.trigger == trigger)
        if states:
            query = query.where(call_schema.call.c.state.in_([state.value for state in states]))
        return self._db.read(
            lambda connection: tuple(call_row(row) for row in connection.execute(query).mappings())
        )

    def call_counts(self) -> tuple[CallCount, ...]:
        """By trigger and state."""
        return self._db.read(call_counts)

    def retry_calls(self, ids: Sequence[int], *, who: str, now: float) -> int:
        """A person wants dead calls made again, from the first try on; how many there were."""
        require(CALL_BY_OPERATOR, CallState.DEAD, CallState.DUE, by="retry")

        def work(connection: Connection) -> int:
            changed = 0
            for each in ids:
                if connection.execute(_AGAIN, {"the_id": each, "now": now}).rowcount:
                    changed += 1
                    row = connection.execute(_ONE, {"the_id": each}).mappings().one()
                    _log(connection, call_row(row), "call.retried", "", now, who=who)
            return changed

        return self._db.write(work)


def call_row(row: Any) -> CallRow:
    names = [each for each in CallRow.__dataclass_fields__ if each not in ("scope", "state")]
    return CallRow(
        scope=CallScope(row["scope"]),
        state=CallState(row["state"]),
        **{name: row[name] for name in names},
    )


def call_counts(connection: Connection) -> tuple[CallCount, ...]:
    return tuple(
        CallCount(trigger=row.trigger, state=CallState(row.state), count=int(row.number))
        for row in connection.execute(_COUNTS)
    )


def _looked_to(connection: Connection, trigger: str) -> float | None:
    found = connection.execute(_LOOKED_TO, {"the_trigger": trigger}).scalar()
    return None if found is None else float(found)


def _facts(connection: Connection, call: CallRow) -> CallFacts:
    study = connection.execute(_STUDY, {"the_study": call.study_id}).one()
    about = schema.delivery.c.study_id == call.study_id
    parcels = schema.parcel.c.study_id == call.study_id
    series = None
    if call.scope is CallScope.SERIES:
        series = connection.execute(_SERIES, {"the_series": call.series_id}).one()
        about = schema.delivery.c.parcel_id == call.parcel_id
        parcels = schema.parcel.c.id == call.parcel_id
    totals = connection.execute(
        select(
            func.count(func.distinct(schema.parcel.c.series_id)).label("series"),
            func.sum(schema.parcel.c.instance_count).label("instances"),
            func.sum(schema.parcel.c.size).label("bytes"),
            func.max(schema.parcel.c.settled_at).label("at"),
        ).where(parcels, schema.parcel.c.settled_at.is_not(None))
    ).one()
    delivered = connection.execute(
        select(schema.delivery.c.destination, schema.delivery.c.reference)
        .where(about, schema.delivery.c.state == "verified")
        .order_by(schema.delivery.c.destination, schema.delivery.c.id)
    ).all()
    return CallFacts(
        study_instance_uid=study.study_instance_uid,
        patient_id=study.patient_id,
        accession_number=study.accession_number,
        study_description=study.study_description,
        series_instance_uid=series.series_instance_uid if series else "",
        modality=series.modality if series else "",
        series_description=series.series_description if series else "",
        source=series.source if series else "",
        series=int(totals.series or 0),
        instances=int(totals.instances or 0),
        bytes=int(totals.bytes or 0),
        destinations=tuple(dict.fromkeys(row.destination for row in delivered)),
        references=tuple((row.destination, row.reference) for row in delivered),
        delivered_at=totals.at or call.created_at,
    )


def _log(
    connection: Connection, call: CallRow, what: str, why: str, now: float, *, who: str = ""
) -> None:
    row = entry(
        now, what, why, who=who or ENGINE, study_id=call.study_id, series_id=call.series_id,
        parcel_id=call.parcel_id,
    )  # fmt: skip
    log(connection, row)


# --- statements ---------------------------------------------------------------------------------

_c = call_schema.call.c
_p = schema.parcel.c
_s = schema.series.c
_ENDED: Final = (SeriesState.SETTLED.value, SeriesState.DENIED.value)

_LOOKED_TO = select(schema.memory.c.value).where(
    schema.memory.c.destination == OWNER, schema.memory.c.key == bindparam("the_trigger")
)
_PARCELS = (
    select(_p.id.label("parcel_id"), _p.series_id, _p.study_id)
    .where(
        _p.settled_at >= bindparam("since"),
        ~exists().where(_c.trigger == bindparam("the_trigger"), _c.parcel_id == _p.id),
    )
    .order_by(_p.settled_at)
    .limit(bindparam("limit"))
)
_moved = schema.series.alias("moved")
_waits = schema.series.alias("waits")
_newest = (
    select(func.max(_p.id))
    .where(_p.study_id == schema.study.c.id, _p.settled_at.is_not(None))
    .scalar_subquery()
)
_STUDIES = (
    select(schema.study.c.id.label("study_id"), _newest.label("parcel_id"))
    .where(
        schema.study.c.id.in_(
            select(_moved.c.study_id).where(
                _moved.c.state.in_(_ENDED), _moved.c.state_at >= bindparam("since")
            )
        ),
        schema.study.c.held_by == "",
        schema.study.c.last_at <= bindparam("quiet_at"),
        _newest.is_not(None),
        ~exists().where(_waits.c.study_id == schema.study.c.id, _waits.c.state.not_in(_ENDED)),
        ~exists().where(
            _c.trigger == bindparam("the_trigger"),
            _c.study_id == schema.study.c.id,
            _c.parcel_id >= _newest,
        ),
    )
    .limit(bindparam("limit"))
)
_DUE = (
    select(call_schema.call)
    .where(
        _c.trigger == bindparam("the_trigger"),
        or_(
            and_(_c.state == CallState.DUE.value, _c.due_at <= bindparam("now")),
            and_(_c.state == CallState.CALLING.value, _c.lease_until <= bindparam("now")),
        ),
    )
    .order_by(_c.due_at, _c.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_TAKE = (
    update(call_schema.call)
    .where(_c.id == bindparam("the_id"))
    .values(
        state=CallState.CALLING.value,
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        state_at=bindparam("now"),
        attempt=_c.attempt + 1,
        epoch=_c.epoch + 1,
    )
)
_SETTLE = (
    update(call_schema.call)
    .where(
        _c.id == bindparam("the_id"),
        _c.epoch == bindparam("its_epoch"),
        _c.owner == bindparam("its_owner"),
    )
    .values(
        state=bindparam("new"),
        due_at=bindparam("due"),
        fail_code=bindparam("code"),
        fail_text=bindparam("text"),
        owner=None,
        lease_until=None,
        state_at=bindparam("now"),
    )
)
_AGAIN = (
    update(call_schema.call)
    .where(_c.id == bindparam("the_id"), _c.state == CallState.DEAD.value)
    .values(
        state=CallState.DUE.value, due_at=bindparam("now"), attempt=0, state_at=bindparam("now")
    )
)
_ONE = select(call_schema.call).where(_c.id == bindparam("the_id"))
_COUNTS = (
    select(_c.trigger, _c.state, func.count().label("number"))
    .group_by(_c.trigger, _c.state)
    .order_by(_c.trigger, _c.state)
)
_STUDY = select(schema.study).where(schema.study.c.id == bindparam("the_study"))
_SERIES = select(schema.series).where(schema.series.c.id == bindparam("the_series"))
