"""Work on series: claiming, renewing, settling.

A worker claims what is due and gets a lease. When it is done it settles the claim with an outcome.
What the outcome makes of the series is decided by ``after``, a pure function; the result is written
only where the claim still holds: same owner, same epoch (raised by each claim), same generation
(raised by each arrival that the worker cannot have seen). A void claim changes nothing.

An attempt is counted when the claim is made, so that an input which kills the process is counted
too, and ends as dead. ``LookAgain`` and ``Wait`` give it back: not being due and having to wait
are no failures.

The lease protects against a worker that is gone, not against one that is slow. A slow one's result
is taken as long as nobody else has claimed; and after that refused. So steps must be repeatable.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.claims import (
    Advanced,
    Dead,
    LookAgain,
    Packaged,
    Retry,
    SeriesClaim,
    SeriesOutcome,
    SoFar,
    Wait,
)
from causeway.ledger.cleaned import leave_out
from causeway.ledger.convert import (
    IDS_AT_ONCE,
    INSTANCES,
    NEWEST_PARCEL,
    instances,
    series_row,
    studies_by_id,
)
from causeway.ledger.engine import Verbs
from causeway.ledger.nodes import AWAITED, RETRIEVED_COUNT
from causeway.ledger.parcels import enter_parcels, roll_up
from causeway.ledger.rows import Acquisition, InstanceRow, SeriesRow
from causeway.ledger.states import (
    ARRIVING,
    SERIES,
    WAITING,
    WORKABLE,
    InstanceState,
    SeriesState,
    require,
)
from causeway.ledger.store import LIVE_STATES, entry, lock_series, log, write_claimed, write_series

POLICY = "policy"
"""Who holds a series that a stage has put on hold."""

LATENESS = ("late", "bytes_gone")
"""Codes of holds that are about when images came, and not about what the rules say of them."""

DEIDENTIFY = "deidentify"
"""Code of the hold of a series of which an image is held or in doubt. It is ended by what is said
of the images; whoever releases the series only has it looked at once more."""


class WorkVerbs(Verbs):
    """The life of a series, stage by stage."""

    def claim_series(
        self,
        states: Collection[SeriesState],
        *,
        limit: int,
        now: float,
        owner: str,
        lease_seconds: float,
    ) -> tuple[SeriesClaim, ...]:
        """Take up to ``limit`` series in these states that are due and that nobody works on.

        The most urgent first. A series whose own hold or whose study's hold is on is left alone.
        """
        if limit < 1:
            return ()
        return self._db.write(
            lambda connection: _claim(connection, states, limit, now, owner, lease_seconds)
        )

    def settle_series(self, claim: SeriesClaim, outcome: SeriesOutcome, *, now: float) -> bool:
        """Say what became of a claim. False: it is void, and nothing was changed.

        Raises ``NotAllowed`` for an outcome that the state tables do not have.
        """
        return self.settle_series_all([(claim, outcome)], now=now)[0]

    def settle_series_all(
        self, results: Sequence[tuple[SeriesClaim, SeriesOutcome]], *, now: float
    ) -> tuple[bool, ...]:
        """Settle several claims with one commit; each is taken or refused by itself."""
        if not results:
            return ()

        def work(connection: Connection) -> tuple[bool, ...]:
            taken: dict[int, bool] = {}
            # In the order of ids, as everyone locks series.
            for index, (claim, outcome) in sorted(
                enumerate(results), key=lambda item: item[1][0].id
            ):
                taken[index] = _settle(connection, claim.series, outcome, now)
            return tuple(taken[index] for index in range(len(results)))

        return self._db.write(work)

    def to_package(self, series_id: int, *, whole: bool = False) -> tuple[InstanceRow, ...]:
        """What the next parcels of a series hold, in the order of arrival.

        Instances that are in no parcel yet; with ``whole`` all of the series, those that were sent
        before and those whose bytes are gone too.
        """
        query = _ALL_OF_IT if whole else _TO_PACKAGE
        return self._db.read(lambda connection: instances(connection, query, series_id=series_id))

    def acquisitions(self, series_id: int) -> tuple[Acquisition, ...]:
        """The instances of a series by acquisition number, with what the headers promise."""
        return self._db.read(
            lambda connection: tuple(
                Acquisition(
                    number=row.acquisition_number,
                    count=row.number,
                    expected=_promised(row.least, row.most),
                )
                for row in connection.execute(_ACQUISITIONS, {"series_id": series_id})
            )
        )


def _promised(least: str, most: str) -> int | None:
    return int(least) if least == most and least.isdigit() else None


# --- claiming -----------------------------------------------------------------------------------


def _due_in(state: SeriesState) -> Select[tuple[object, ...]]:
    """Series in one state that can be claimed, the most urgent first.

    A statement for each state: with the state written out, the partial index serves both the
    search and the order, so that a backlog of 200,000 costs no more than one of ten.
    """
    return (
        select(schema.series)
        .join(schema.study, schema.study.c.id == schema.series.c.study_id)
        .where(
            schema.series.c.state == literal_column(repr(state.value)),
            schema.series.c.rank <= bindparam("now") + schema.RANK_SLACK_SECONDS,
            schema.series.c.due_at <= bindparam("now"),
            (schema.series.c.lease_until.is_(None))
            | (schema.series.c.lease_until <= bindparam("now")),
            schema.study.c.held_by == "",
        )
        .order_by(schema.series.c.rank)
        .limit(bindparam("limit"))
        .with_for_update(of=schema.series, skip_locked=True)
    )


_CLAIMABLE: Mapping[SeriesState, Select[tuple[object, ...]]] = {
    state: _due_in(state) for state in WORKABLE
}
_TAKE = (
    update(schema.series)
    .where(schema.series.c.id == bindparam("the_id"))
    .values(
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        epoch=schema.series.c.epoch + 1,
        attempt=schema.series.c.attempt + 1,
    )
)
_ASSOCIATIONS = (
    select(
        schema.series_association.c.series_id,
        func.count().label("number"),
        func.count(schema.association.c.ended_at).label("ended"),
        func.max(schema.association.c.ended_at).label("ended_at"),
    )
    .join(schema.association, schema.association.c.name == schema.series_association.c.association)
    .where(schema.series_association.c.series_id.in_(bindparam("ids", expanding=True)))
    .group_by(schema.series_association.c.series_id)
)
_NODES = select(
    schema.series.c.id, AWAITED.label("awaited"), RETRIEVED_COUNT.label("retrieved")
).where(schema.series.c.id.in_(bindparam("ids", expanding=True)))


def _claim(
    connection: Connection,
    states: Collection[SeriesState],
    limit: int,
    now: float,
    owner: str,
    lease_seconds: float,
) -> tuple[SeriesClaim, ...]:
    found: list[tuple[float, SeriesRow]] = []
    for state in sorted(states):
        if state not in _CLAIMABLE:
            raise NotAllowed(f"a series that is {state.value} cannot be worked on")
        rows = connection.execute(_CLAIMABLE[state], {"now": now, "limit": limit}).mappings()
        found.extend((row["rank"], series_row(row)) for row in rows)
    found.sort(key=lambda item: item[0])
    chosen = [series for _, series in found[:limit]]
    if not chosen:
        return ()
    until = now + lease_seconds
    connection.execute(
        _TAKE, [{"the_id": series.id, "by": owner, "until": until} for series in chosen]
    )
    studies = studies_by_id(connection, (series.study_id for series in chosen))
    associations = {
        row.series_id: row
        for row in connection.execute(_ASSOCIATIONS, {"ids": [series.id for series in chosen]})
    }
    # Whether they are whole is asked of arriving ones only.
    arriving = [series.id for series in chosen if series.state in ARRIVING]
    nodes = (
        {row.id: row for row in connection.execute(_NODES, {"ids": arriving})} if arriving else {}
    )
    claims = []
    for series in chosen:
        asked = nodes.get(series.id)
        known = associations.get(series.id)
        open_now = known.number - known.ended if known else 0
        claims.append(
            SeriesClaim(
                series=replace(
                    series,
                    owner=owner,
                    lease_until=until,
                    epoch=series.epoch + 1,
                    attempt=series.attempt + 1,
                ),
                study=studies[series.study_id],
                associations_open=open_now,
                associations_ended_at=known.ended_at if known and not open_now else None,
                awaited=asked is not None and bool(asked.awaited),
                retrieved_count=None if asked is None else asked.retrieved,
            )
        )
    return tuple(claims)


# --- settling -----------------------------------------------------------------------------------

_BY_ADVANCE = frozenset(
    {
        SeriesState.COMPLETE,
        SeriesState.ROUTED,
        SeriesState.HELD,
        SeriesState.DENIED,
        SeriesState.CLEANED,
    }
)


def after(series: SeriesRow, outcome: SeriesOutcome, now: float) -> SeriesRow:
    """The series that an outcome makes of a claimed one. Pure; raises ``NotAllowed``."""
    free = replace(series, owner=None, lease_until=None)
    given_back = max(0, series.attempt - 1)
    match outcome:
        case Advanced():
            return _advanced(free, outcome, now)
        case Packaged():
            if outcome.so_far is None and series.state in ARRIVING:
                raise NotAllowed(f"series {series.id} is still arriving, and was not cleaned")
            require(SERIES, series.state, SeriesState.PACKAGED)
            return replace(_fresh(free, now), state=SeriesState.PACKAGED, whole=False)
        case LookAgain(at=at):
            return replace(free, due_at=at, attempt=given_back, waits_for="")
        case Wait(until=until, why=why):
            return replace(free, due_at=until, attempt=given_back, waits_for=why)
        case Retry(at=at, code=code, text=text):
            return replace(free, due_at=at, fail_code=code, fail_text=text, waits_for="")
        case Dead(code=code, text=text):
            require(SERIES, series.state, SeriesState.DEAD)
            return replace(
                free,
                state=SeriesState.DEAD,
                resumes_as=series.state,
                fail_code=code,
                fail_text=text,
                waits_for="",
                state_at=now,
            )


def _fresh(series: SeriesRow, now: float) -> SeriesRow:
    """As a series enters a state: no attempts, no failures, due now."""
    return replace(
        series, attempt=0, fail_code="", fail_text="", waits_for="", due_at=now, state_at=now
    )


def _advanced(series: SeriesRow, outcome: Advanced, now: float) -> SeriesRow:
    if outcome.to not in _BY_ADVANCE:
        raise NotAllowed(f"no stage can say that a series is {outcome.to.value}")
    require(SERIES, series.state, outcome.to)
    row = replace(_fresh(series, now), state=outcome.to)
    if outcome.due_at is not None:
        row = replace(row, due_at=outcome.due_at, waits_for=outcome.waits_for)
    if outcome.prio is not None:
        row = replace(row, prio=outcome.prio)
    if outcome.verdict is not None:
        row = replace(row, verdict=outcome.verdict)
    if outcome.cleaning is not None:
        row = replace(row, cleaning=outcome.cleaning)
    if outcome.expected_count is not None:
        row = replace(row, expected_count=outcome.expected_count)
    if outcome.to is SeriesState.COMPLETE:
        return replace(row, completion_reason=outcome.reason)
    if outcome.to is SeriesState.HELD:
        row = replace(row, resumes_as=series.state, held_by=POLICY)
    if outcome.to in (SeriesState.HELD, SeriesState.DENIED):
        return replace(row, held_code=outcome.code, held_why=outcome.reason)
    return row


_CLEAN = (
    update(schema.instance)
    .where(
        schema.instance.c.series_id == bindparam("the_id"),
        schema.instance.c.state == InstanceState.INDEXED.value,
    )
    .values(state=InstanceState.CLEANED.value, state_at=bindparam("now"))
)


def _settle_so_far(
    connection: Connection, claimed: SeriesRow, outcome: Packaged, so_far: SoFar, now: float
) -> bool:
    """Enter parcels of a series that may have grown since it was claimed.

    Arrivals raise the generation and take the lease away, so that nobody calls a series whole that
    is not; here nobody does, and what has come meanwhile is for the next parcel. What a person has
    said meanwhile raises the epoch, and is respected.
    """
    series = lock_series(connection, [claimed.id])[claimed.id]
    if series.epoch != claimed.epoch or series.state not in ARRIVING:
        return False
    ids = [each for parcel in outcome.parcels for each in parcel.instance_ids]
    for start in range(0, len(ids), IDS_AT_ONCE):
        connection.execute(_CLEAN_THESE, {"ids": ids[start : start + IDS_AT_ONCE], "now": now})
    enter_parcels(connection, series, outcome, now)
    more = connection.execute(_IS_UNPACKED, {"series_id": series.id}).first() is not None
    state = SeriesState.REOPENED if more else SeriesState.PACKAGED
    if state is not series.state:
        require(SERIES, series.state, state)
    free = replace(_fresh(series, now), owner=None, lease_until=None)
    row = replace(
        free, state=state, verdict=so_far.verdict, cleaning=so_far.cleaning, prio=so_far.prio
    )
    write_series(connection, [row])
    roll_up(connection, row.id, now)
    return True


def _settle(connection: Connection, claimed: SeriesRow, outcome: SeriesOutcome, now: float) -> bool:
    if isinstance(outcome, Packaged) and outcome.so_far is not None:
        return _settle_so_far(connection, claimed, outcome, outcome.so_far, now)
    row = after(claimed, outcome, now)
    if isinstance(outcome, Packaged):
        # Locked before anything is written: the deliveries of its earlier parcels change it too.
        lock_series(connection, [row.id])
    if not write_claimed(connection, row, claimed):
        return False
    match outcome:
        case Advanced(to=to, reason=reason):
            if to in (SeriesState.CLEANED, SeriesState.DENIED):
                leave_out(connection, row, outcome.left_out, now)
            if to is SeriesState.CLEANED:
                connection.execute(_CLEAN, {"the_id": row.id, "now": now})
            _log(connection, row, f"series.{to.value}", reason, now)
        case Packaged():
            enter_parcels(connection, claimed, outcome, now)
            roll_up(connection, row.id, now)
        case Retry(code=code):
            _log(connection, row, "series.retry", code, now)
        case Dead(code=code):
            _log(connection, row, "series.dead", code, now)
        case Wait(why=why):
            if why != claimed.waits_for:
                _log(connection, row, "series.wait", why, now)
        case LookAgain():
            pass
    return True


def _log(connection: Connection, row: SeriesRow, what: str, why: str, now: float) -> None:
    log(connection, entry(now, what, why, study_id=row.study_id, series_id=row.id))


# --- other statements ---------------------------------------------------------------------------

_CLEAN_THESE = (
    update(schema.instance)
    .where(
        schema.instance.c.id.in_(bindparam("ids", expanding=True)),
        schema.instance.c.state == InstanceState.INDEXED.value,
    )
    .values(state=InstanceState.CLEANED.value, state_at=bindparam("now"))
)

_IS_UNPACKED = (
    select(schema.instance.c.id)
    .where(
        schema.instance.c.series_id == bindparam("series_id"),
        schema.instance.c.state.in_([state.value for state in WAITING]),
        NEWEST_PARCEL.is_(None),
    )
    .limit(1)
)

_TO_PACKAGE = (
    INSTANCES.where(
        schema.instance.c.series_id == bindparam("series_id"),
        schema.instance.c.state.in_([state.value for state in WAITING]),
        NEWEST_PARCEL.is_(None),
    )
).order_by(schema.instance.c.id)

_ALL_OF_IT = (
    INSTANCES.where(
        schema.instance.c.series_id == bindparam("series_id"),
        schema.instance.c.state.in_(LIVE_STATES),
    )
).order_by(schema.instance.c.id)

_ACQUISITIONS = (
    select(
        schema.instance.c.acquisition_number,
        func.count().label("number"),
        func.min(schema.instance.c.images_in_acquisition).label("least"),
        func.max(schema.instance.c.images_in_acquisition).label("most"),
    )
    .where(
        schema.instance.c.series_id == bindparam("series_id"),
        schema.instance.c.state.in_(LIVE_STATES),
    )
    .group_by(schema.instance.c.acquisition_number)
    .order_by(schema.instance.c.acquisition_number)
)
