"""Verbs of nodes: how querying goes, what they have, and the retrieval of series.

What an answer makes of a series is not decided here. ``observed`` and ``gone`` are handed a pure
function from a row to the row that it becomes; it is asked inside the transaction, about rows that
nobody else can change meanwhile, and every step that it takes is held against the state tables.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection, bindparam, case, exists, func, insert, literal_column, select
from sqlalchemy import update as sql_update
from sqlalchemy.engine import RowMapping

from causeway.ledger import cleaning_schema, schema
from causeway.ledger.engine import Verbs, insert_ignore
from causeway.ledger.node_rows import (
    NodeCounts,
    NodeRow,
    NodeSeriesRow,
    SeriesSeen,
    StudySeen,
)
from causeway.ledger.node_schema import node, node_series, node_study
from causeway.ledger.states import (
    ARRIVING,
    NODE_SERIES,
    NODE_SERIES_BEGINS,
    NODE_SERIES_OPEN,
    InstanceState,
    NodeSeriesState,
    require,
)
from causeway.ledger.store import lock_series, write_series
from causeway.ledger.tallies import sooner

ROWS_AT_ONCE: Final = 400
"""Parameters of one statement; SQLite of old allows 999."""
SCAN_ROWS: Final = 5_000

_PLACE: Final = ("node", "study_instance_uid", "patient_id")

Observe = Callable[[NodeSeriesRow | None, SeriesSeen, NodeSeriesRow], NodeSeriesRow]
"""(the row, what was seen, a blank row of that series) → the row that it becomes."""
Gone = Callable[[NodeSeriesRow], NodeSeriesRow]
KnownStudy = tuple[int, str, int, int]
"""Id, Study Instance UID, digest; 1 if it has to be looked at in any case."""

_SERIES_FIELDS: Final = (
    "modality", "series_number", "state", "resumes_as", "image_count", "marks", "counted_at",
    "due_at", "prio", "attempt", "epoch", "anew", "begun", "here_count", "fail_code", "fail_text",
    "fail_hint", "skip_code", "skip_why", "asked_by", "first_at", "state_at",
)  # fmt: skip


class NodeVerbs(Verbs):
    """What is known of nodes, and the retrieval of what they have."""

    # --- queries --------------------------------------------------------------------------------

    def node(self, name: str) -> NodeRow | None:
        return self._db.read(lambda c: _node(c, name))

    def nodes(self) -> tuple[NodeRow, ...]:
        """Every node that was ever queried, by name."""
        return self._db.read(
            lambda c: tuple(NodeRow(**row) for row in c.execute(_NODES).mappings())
        )

    def query_began(self, name: str, *, now: float) -> NodeRow:
        """A query is under way; what is known of the node."""

        def work(connection: Connection) -> NodeRow:
            insert_ignore(connection, node, [{"name": name}])
            connection.execute(_BEGAN, {"the_name": name, "now": now})
            row = _node(connection, name)
            assert row is not None
            return row

        return self._db.write(work)

    def query_failed(self, name: str, *, code: str, text: str, hint: str, now: float) -> None:
        """It failed, or was answered in part. Nothing that the node has is changed by that."""
        values = {"the_name": name, "now": now, "code": code, "text": text, "hint": hint}
        self._db.write(lambda c: c.execute(_FAILED, values))

    def query_succeeded(
        self,
        name: str,
        *,
        began_at: float,
        now: float,
        studies: int,
        since: str,
        thorough: bool,
        abilities: str,
    ) -> None:
        """It was answered in full, from the study date ``since`` on (empty: all)."""
        values = {
            "the_name": name, "now": now, "took": max(0.0, now - began_at), "count": studies,
            "since": since, "thorough": int(thorough), "can": abilities,
        }  # fmt: skip
        self._db.write(lambda c: c.execute(_SUCCEEDED, values))

    # --- what nodes have ------------------------------------------------------------------------

    def known_studies(
        self, name: str, *, since: str, take: Callable[[Sequence[KnownStudy]], None]
    ) -> None:
        """Hand over the studies of a node from a study date on, some thousands at a time."""
        values = {"the_name": name, "since": since}

        def work(connection: Connection) -> None:
            result = connection.execution_options(yield_per=SCAN_ROWS).execute(_KNOWN, values)
            for rows in result.partitions(SCAN_ROWS):
                take([(row[0], row[1], row[2], row[3]) for row in rows])

        self._db.read(work)

    def oldest_open(self, name: str) -> str | None:
        """The earliest study date of a series that is not done with; None if there is none."""
        return self._db.read(lambda c: c.execute(_OLDEST_OPEN, {"the_name": name}).scalar())

    def observed(
        self, name: str, studies: Sequence[StudySeen], *, observe: Observe, gone: Gone, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        """What a node has, of these studies all: the rows that changed.

        Series of them that are known and were not seen are ``gone``.
        """
        if not studies:
            return ()
        return self._db.write(lambda c: Observing(c, name, now).run(studies, observe, gone))

    def studies_gone(
        self, name: str, study_ids: Sequence[int], *, gone: Gone, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        """Studies that a full answer did not have."""
        if not study_ids:
            return ()
        return self._db.write(lambda c: Observing(c, name, now).lose(study_ids, gone))

    # --- retrieval ------------------------------------------------------------------------------

    def claim_retrievals(
        self, name: str, *, limit: int, new_studies: int, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        """Take up to ``limit`` queued series of a node that are due, those first that a person
        waits for; of at most so many studies of which nothing was asked within the last hour.
        """
        if limit < 1:
            return ()
        return self._db.write(lambda c: _claim(c, name, limit, new_studies, now))

    def settle_retrieval(
        self, claimed: NodeSeriesRow, settle: Gone, *, now: float
    ) -> NodeSeriesRow | None:
        """Write what became of a claim: ``settle`` makes it of the row as it is now, with what a
        query may have learned meanwhile. None if a person's move came between: it counts.

        Where the series is whole now, its completion need not wait any longer.
        """

        def work(connection: Connection) -> NodeSeriesRow | None:
            current = _by_id(connection, claimed.id)
            if (
                current is None
                or current.epoch != claimed.epoch
                or current.state is not NodeSeriesState.RETRIEVING
            ):
                return None
            new = settle(current)
            _write(connection, current, new)
            _recount(connection, [current.study_id])
            if new.state is NodeSeriesState.RETRIEVED:
                look_now(connection, new.series_instance_uid, now)
            return new

        return self._db.write(work)

    def release_retrievals(self, *, now: float) -> int:
        """At the start: nobody retrieves anything; what was under way is due again."""

        def work(connection: Connection) -> int:
            rows = select_series(
                connection, node_series.c.state == NodeSeriesState.RETRIEVING.value
            )
            for row in rows:
                _write(
                    connection,
                    row,
                    replace(
                        row, state=NodeSeriesState.QUEUED, due_at=now, state_at=now,
                        attempt=max(0, row.attempt - 1),
                    ),
                )  # fmt: skip
            return len(rows)

        return self._db.write(work)

    def here(self, series_instance_uid: str) -> frozenset[str]:
        """SOP Instance UIDs that came for a series, whatever became of them; what a person threw
        away does not count.
        """
        return self._db.read(
            lambda c: frozenset(c.execute(_HERE, {"uid": series_instance_uid}).scalars())
        )

    def made_here(self, series_instance_uids: Sequence[str]) -> frozenset[str]:
        """Those of these series that de-identification has made: whoever has them has them of us.

        One that kept its UID is known by its images, as any other.
        """

        def work(connection: Connection) -> frozenset[str]:
            found: set[str] = set()
            for start in range(0, len(series_instance_uids), ROWS_AT_ONCE):
                some = list(series_instance_uids[start : start + ROWS_AT_ONCE])
                found.update(connection.execute(_MADE_HERE, {"uids": some}).scalars())
            return frozenset(found)

        return self._db.read(work)

    def next_retrieval_at(self, name: str) -> float | None:
        """When the next queued series of a node is due."""
        return self._db.read(lambda c: c.execute(_NEXT, {"the_name": name}).scalar())

    def nodes_due(self, names: Collection[str], *, now: float) -> frozenset[str]:
        """Those of the nodes of which a series may be retrieved."""
        values = {"names": sorted(names), "now": now}
        return frozenset(self._db.read(lambda c: list(c.execute(_NODES_DUE, values).scalars())))

    def studies_asked(self, name: str, *, since: float) -> int:
        """Studies of a node of which something was asked since then."""
        return int(
            self._db.read(
                lambda c: c.execute(_ASKED, {"the_name": name, "since": since}).scalar_one()
            )
        )

    # --- looking --------------------------------------------------------------------------------

    def node_counts(self, *, now: float) -> Mapping[str, NodeCounts]:
        """Of every node, its series by state and what waits."""
        return self._db.read(lambda c: _counts(c, now))

    def node_series(
        self,
        name: str,
        *,
        states: Sequence[NodeSeriesState] = (),
        series: Sequence[str] = (),
        studies: Sequence[str] = (),
        limit: int = 1000,
    ) -> tuple[NodeSeriesRow, ...]:
        """Series of a node, in these states, of these UIDs or studies; the latest change first."""
        query = _ROWS.where(node_series.c.node == name)
        if states:
            query = query.where(node_series.c.state.in_([state.value for state in states]))
        if series:
            query = query.where(node_series.c.series_instance_uid.in_(list(series)))
        if studies:
            query = query.where(node_study.c.study_instance_uid.in_(list(studies)))
        query = query.order_by(node_series.c.state_at.desc(), node_series.c.id).limit(limit)
        return self._db.read(lambda c: tuple(map(_row, c.execute(query).mappings())))

    def node_series_by_id(self, ids: Sequence[int]) -> Mapping[int, NodeSeriesRow]:
        def work(connection: Connection) -> Mapping[int, NodeSeriesRow]:
            found: dict[int, NodeSeriesRow] = {}
            for start in range(0, len(ids), ROWS_AT_ONCE):
                some = ids[start : start + ROWS_AT_ONCE]
                found |= {
                    row.id: row for row in select_series(connection, node_series.c.id.in_(some))
                }
            return found

        return self._db.read(work)


# --- observing ------------------------------------------------------------------------------------


class Observing:
    """One transaction's work on what a node has."""

    def __init__(self, connection: Connection, name: str, now: float) -> None:
        self._connection = connection
        self._name = name
        self._now = now

    def run(
        self,
        studies: Sequence[StudySeen],
        observe: Observe,
        gone: Gone,
        *,
        summary: bool = True,
    ) -> tuple[NodeSeriesRow, ...]:
        """Enter what was seen. Without ``summary`` the studies are not taken for looked at: only
        some of their series were.
        """
        ids = self._studies(studies, summary=summary)
        known: dict[int, dict[str, NodeSeriesRow]] = {}
        for row in self._rows(list(ids.values())):
            known.setdefault(row.study_id, {})[row.series_instance_uid] = row
        changed: list[tuple[NodeSeriesRow | None, NodeSeriesRow]] = []
        for study in studies:
            study_id = ids[study.study_instance_uid]
            rows = known.get(study_id, {})
            for seen in study.series:
                known_row = rows.get(seen.series_instance_uid)
                blank = NodeSeriesRow(
                    study_id=study_id,
                    node=self._name,
                    patient_id=study.patient_id,
                    study_instance_uid=study.study_instance_uid,
                    study_date=study.study_date,
                    series_instance_uid=seen.series_instance_uid,
                )
                new = observe(known_row, seen, blank)
                if new != known_row:
                    changed.append((known_row, new))
            there = {seen.series_instance_uid for seen in study.series}
            for uid, left in rows.items():
                if uid not in there and (new := gone(left)) != left:
                    changed.append((left, new))
        return self._write(changed)

    def lose(self, study_ids: Sequence[int], gone: Gone) -> tuple[NodeSeriesRow, ...]:
        changed = [(row, new) for row in self._rows(study_ids) if (new := gone(row)) != row]
        for start in range(0, len(study_ids), ROWS_AT_ONCE):
            some = list(study_ids[start : start + ROWS_AT_ONCE])
            self._connection.execute(_STUDIES_GONE, {"ids": some})
        return self._write(changed)

    def _studies(self, studies: Sequence[StudySeen], *, summary: bool) -> dict[str, int]:
        values = [
            {
                "node": self._name,
                "study_instance_uid": each.study_instance_uid,
                "patient_id": each.patient_id,
                "study_date": each.study_date,
                "digest": each.digest if summary else 0,
                "seen_at": self._now,
            }
            for each in studies
        ]
        insert_ignore(self._connection, node_study, values)
        self._connection.execute(
            _STUDY_SEEN if summary else _STUDY_THERE,
            [
                {f"the_{name}": value for name, value in each.items() if summary or name in _PLACE}
                for each in sorted(values, key=lambda each: str(each["study_instance_uid"]))
            ],
        )
        found: dict[str, int] = {}
        uids = [each.study_instance_uid for each in studies]
        for start in range(0, len(uids), ROWS_AT_ONCE):
            some = {"the_name": self._name, "uids": uids[start : start + ROWS_AT_ONCE]}
            found |= {
                row.study_instance_uid: row.id for row in self._connection.execute(_STUDY_IDS, some)
            }
        return found

    def _rows(self, study_ids: Sequence[int]) -> list[NodeSeriesRow]:
        rows: list[NodeSeriesRow] = []
        for start in range(0, len(study_ids), ROWS_AT_ONCE):
            some = list(study_ids[start : start + ROWS_AT_ONCE])
            rows += select_series(self._connection, node_series.c.study_id.in_(some))
        return rows

    def _write(
        self, changed: Sequence[tuple[NodeSeriesRow | None, NodeSeriesRow]]
    ) -> tuple[NodeSeriesRow, ...]:
        fresh: list[NodeSeriesRow] = []
        for row, new in changed:
            if row is None:
                assert new.state in NODE_SERIES_BEGINS, new.state
                fresh.append(new)
            else:
                _check(row, new)
        if fresh:
            self._connection.execute(
                insert(node_series),
                [
                    {
                        "study_id": row.study_id,
                        "node": row.node,
                        "series_instance_uid": row.series_instance_uid,
                    }
                    | _values(row)
                    for row in fresh
                ],
            )
        old = [new for row, new in changed if row is not None]
        if old:
            self._connection.execute(_WRITE, [_bound(new) for new in old])
        if changed:
            _recount(self._connection, sorted({new.study_id for _, new in changed}))
        return tuple(new for _, new in changed)


def _check(old: NodeSeriesRow, new: NodeSeriesRow) -> None:
    """A step of the tables, or two where one observation makes both."""
    if old.state is new.state:
        return
    if new.state in NODE_SERIES.get(old.state, {}):
        return
    # Seen twice alike, and there is no delay: stable only for a moment.
    require(NODE_SERIES, old.state, NodeSeriesState.STABLE)
    require(NODE_SERIES, NodeSeriesState.STABLE, new.state)


def look_now(connection: Connection, series_instance_uid: str, now: float) -> None:
    """What was retrieved is whole: whether its series is need not wait for quiet.

    A worker that has it in hand looked before this was known; its claim becomes void.
    """
    ids = connection.execute(_ARRIVING, {"uid": series_instance_uid}).scalars().all()
    write_series(connection, [sooner(row, now) for row in lock_series(connection, ids).values()])


# --- claiming -------------------------------------------------------------------------------------

HOUR_SECONDS: Final = 3600.0


def _claim(
    connection: Connection, name: str, limit: int, new_studies: int, now: float
) -> tuple[NodeSeriesRow, ...]:
    # More than can be taken, as some may belong to studies for which there is no room this hour.
    values = {"the_name": name, "now": now, "limit": 50 * limit}
    chosen: list[NodeSeriesRow] = []
    begun: set[int] = set()
    recent: dict[int, bool] = {}
    for mapping in connection.execute(_DUE, values).mappings():
        row = _row(mapping)
        asked_at = mapping["asked_at"]
        recent[row.study_id] = asked_at is not None and asked_at > now - HOUR_SECONDS
        if not recent[row.study_id] and row.study_id not in begun:
            if len(begun) >= new_studies and not row.asked_by:
                continue
            begun.add(row.study_id)
        chosen.append(row)
        if len(chosen) == limit:
            break
    claimed = []
    for row in chosen:
        new = replace(
            row, state=NodeSeriesState.RETRIEVING, attempt=row.attempt + 1, epoch=row.epoch + 1,
            begun=True, state_at=now,
        )  # fmt: skip
        _write(connection, row, new)
        claimed.append(new)
    if chosen:
        ids = sorted({row.study_id for row in chosen})
        connection.execute(_STUDY_ASKED, [{"the_id": each, "now": now} for each in ids])
    return tuple(claimed)


# --- rows -----------------------------------------------------------------------------------------

_ROWS = select(
    node_series,
    node_study.c.study_instance_uid,
    node_study.c.patient_id,
    node_study.c.study_date,
    node_study.c.asked_at,
).join(node_study, node_study.c.id == node_series.c.study_id)


def _row(row: RowMapping) -> NodeSeriesRow:
    resumes_as = row["resumes_as"]
    values: dict[str, Any] = {name: row[name] for name in _SERIES_FIELDS}
    values |= {
        "state": NodeSeriesState(row["state"]),
        "resumes_as": NodeSeriesState(resumes_as) if resumes_as else None,
        "anew": bool(row["anew"]),
        "begun": bool(row["begun"]),
    }
    return NodeSeriesRow(
        id=row["id"],
        study_id=row["study_id"],
        node=row["node"],
        series_instance_uid=row["series_instance_uid"],
        study_instance_uid=row["study_instance_uid"],
        patient_id=row["patient_id"],
        study_date=row["study_date"],
        **values,
    )


def select_series(connection: Connection, where: Any) -> list[NodeSeriesRow]:
    query = _ROWS.where(where).order_by(node_series.c.id).with_for_update(of=node_series)
    return list(map(_row, connection.execute(query).mappings()))


def _by_id(connection: Connection, row_id: int) -> NodeSeriesRow | None:
    found = select_series(connection, node_series.c.id == row_id)
    return found[0] if found else None


def _values(row: NodeSeriesRow) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in _SERIES_FIELDS}
    return values | {"anew": int(row.anew), "begun": int(row.begun)}


def _bound(row: NodeSeriesRow) -> dict[str, Any]:
    return {"the_id": row.id} | {f"new_{name}": value for name, value in _values(row).items()}


def _write(connection: Connection, old: NodeSeriesRow, new: NodeSeriesRow) -> None:
    if old.state is not new.state:
        require(NODE_SERIES, old.state, new.state)
    connection.execute(_WRITE, _bound(new))


def write_by_operator(connection: Connection, new: NodeSeriesRow) -> None:
    """For moves that were held against the operator's table."""
    connection.execute(_WRITE, _bound(new))
    _recount(connection, [new.study_id])


def _recount(connection: Connection, study_ids: Sequence[int]) -> None:
    for start in range(0, len(study_ids), ROWS_AT_ONCE):
        some = list(study_ids[start : start + ROWS_AT_ONCE])
        connection.execute(_RECOUNT, {"ids": some})


def _node(connection: Connection, name: str) -> NodeRow | None:
    found = connection.execute(_NODE, {"the_name": name}).mappings().first()
    return None if found is None else NodeRow(**found)


# --- counting -------------------------------------------------------------------------------------


def _counts(connection: Connection, now: float) -> Mapping[str, NodeCounts]:
    states: dict[str, dict[NodeSeriesState, int]] = {}
    waiting: dict[str, float | None] = {}
    running: dict[str, float | None] = {}
    done: dict[str, float | None] = {}
    for row in connection.execute(_COUNTS, {"now": now}):
        state = NodeSeriesState(row.state)
        states.setdefault(row.node, {})[state] = int(row.number)
        if state is NodeSeriesState.QUEUED:
            waiting[row.node] = row.waits_since
        elif state is NodeSeriesState.RETRIEVING:
            running[row.node] = row.first_at
        elif state is NodeSeriesState.RETRIEVED:
            done[row.node] = row.last_at
    failures = {
        row.node: (row.fail_code, row.fail_text, row.fail_hint)
        for row in connection.execute(_FAILURES)
    }
    return {
        name: NodeCounts(
            node=name,
            series=by_state,
            oldest_queued_at=waiting.get(name),
            retrieving_since=running.get(name),
            retrieved_at=done.get(name),
            last_failure=failures.get(name, ("", "", "")),
        )
        for name, by_state in states.items()
    }


# --- statements -----------------------------------------------------------------------------------

_NODES = select(node).order_by(node.c.name)
_NODE = select(node).where(node.c.name == bindparam("the_name"))
_BEGAN = (
    sql_update(node).where(node.c.name == bindparam("the_name")).values(began_at=bindparam("now"))
)
_FAILED = (
    sql_update(node)
    .where(node.c.name == bindparam("the_name"))
    .values(
        ended_at=bindparam("now"),
        failures=node.c.failures + 1,
        failing_since=func.coalesce(node.c.failing_since, bindparam("now")),
        fail_code=bindparam("code"),
        fail_text=bindparam("text"),
        fail_hint=bindparam("hint"),
    )
)
_SUCCEEDED = (
    sql_update(node)
    .where(node.c.name == bindparam("the_name"))
    .values(
        ended_at=bindparam("now"),
        full_at=bindparam("now"),
        first_full_at=func.coalesce(node.c.first_full_at, bindparam("now")),
        baseline_from=func.coalesce(node.c.baseline_from, bindparam("since")),
        thorough_at=case((bindparam("thorough") == 1, bindparam("now")), else_=node.c.thorough_at),
        seconds=bindparam("took"),
        studies=bindparam("count"),
        failures=0,
        failing_since=None,
        fail_code="",
        fail_text="",
        fail_hint="",
        abilities=bindparam("can"),
    )
)
_KNOWN = (
    select(
        node_study.c.id,
        node_study.c.study_instance_uid,
        node_study.c.digest,
        case(((node_study.c.open_count > 0) | (node_study.c.gone == 1), 1), else_=0).label("look"),
    )
    .where(
        node_study.c.node == bindparam("the_name"), node_study.c.study_date >= bindparam("since")
    )
    .order_by(node_study.c.id)
)
_OLDEST_OPEN = select(func.min(node_study.c.study_date)).where(
    node_study.c.node == bindparam("the_name"),
    node_study.c.open_count > 0,
    node_study.c.study_date != "",
)
_STUDY_SEEN = (
    sql_update(node_study)
    .where(
        node_study.c.node == bindparam("the_node"),
        node_study.c.study_instance_uid == bindparam("the_study_instance_uid"),
    )
    .values(
        patient_id=bindparam("the_patient_id"),
        study_date=bindparam("the_study_date"),
        digest=bindparam("the_digest"),
        seen_at=bindparam("the_seen_at"),
        gone=0,
    )
)
_STUDY_THERE = (
    sql_update(node_study)
    .where(
        node_study.c.node == bindparam("the_node"),
        node_study.c.study_instance_uid == bindparam("the_study_instance_uid"),
    )
    .values(patient_id=bindparam("the_patient_id"), gone=0)
)
_STUDY_IDS = select(node_study.c.id, node_study.c.study_instance_uid).where(
    node_study.c.node == bindparam("the_name"),
    node_study.c.study_instance_uid.in_(bindparam("uids", expanding=True)),
)
_STUDIES_GONE = (
    sql_update(node_study)
    .where(node_study.c.id.in_(bindparam("ids", expanding=True)))
    .values(gone=1)
)
_STUDY_ASKED = (
    sql_update(node_study)
    .where(
        node_study.c.id == bindparam("the_id"),
        # The hour of a study begins with its first series.
        (node_study.c.asked_at.is_(None))
        | (node_study.c.asked_at <= bindparam("now") - HOUR_SECONDS),
    )
    .values(asked_at=bindparam("now"))
)
_RECOUNT = (
    sql_update(node_study)
    .where(node_study.c.id.in_(bindparam("ids", expanding=True)))
    .values(
        open_count=select(func.count())
        .where(
            node_series.c.study_id == node_study.c.id,
            node_series.c.state.in_([state.value for state in NODE_SERIES_OPEN]),
        )
        .correlate(node_study)
        .scalar_subquery()
    )
)
_WRITE = (
    sql_update(node_series)
    .where(node_series.c.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in _SERIES_FIELDS})
)
_DUE = (
    _ROWS.where(
        node_series.c.node == bindparam("the_name"),
        node_series.c.state == literal_column(repr(NodeSeriesState.QUEUED.value)),
        node_series.c.due_at <= bindparam("now"),
    )
    .order_by(node_series.c.prio, node_series.c.due_at, node_series.c.id)
    .limit(bindparam("limit"))
    .with_for_update(of=node_series, skip_locked=True)
)
_MADE_HERE = (
    select(cleaning_schema.cleaned.c.series_instance_uid)
    .join(schema.instance, schema.instance.c.id == cleaning_schema.cleaned.c.instance_id)
    .join(schema.series, schema.series.c.id == schema.instance.c.series_id)
    .where(
        cleaning_schema.cleaned.c.series_instance_uid != "",
        cleaning_schema.cleaned.c.series_instance_uid.in_(bindparam("uids", expanding=True)),
        cleaning_schema.cleaned.c.series_instance_uid != schema.series.c.series_instance_uid,
    )
    .distinct()
)
_NEXT = select(func.min(node_series.c.due_at)).where(
    node_series.c.node == bindparam("the_name"),
    node_series.c.state == literal_column(repr(NodeSeriesState.QUEUED.value)),
)
_NODES_DUE = select(node.c.name).where(
    node.c.name.in_(bindparam("names", expanding=True)),
    exists().where(
        node_series.c.node == node.c.name,
        node_series.c.state == literal_column(repr(NodeSeriesState.QUEUED.value)),
        node_series.c.due_at <= bindparam("now"),
    ),
)
_ASKED = (
    select(func.count())
    .select_from(node_study)
    .where(node_study.c.node == bindparam("the_name"), node_study.c.asked_at > bindparam("since"))
)
_HERE = (
    select(schema.instance.c.sop_instance_uid)
    .join(schema.series, schema.series.c.id == schema.instance.c.series_id)
    .where(
        schema.series.c.series_instance_uid == bindparam("uid"),
        schema.instance.c.state != InstanceState.DISCARDED.value,
    )
)
_ARRIVING = select(schema.series.c.id).where(
    schema.series.c.series_instance_uid == bindparam("uid"),
    schema.series.c.state.in_([state.value for state in ARRIVING]),
)
_COUNTS = select(
    node_series.c.node,
    node_series.c.state,
    func.count().label("number"),
    func.min(node_series.c.state_at).label("first_at"),
    func.max(node_series.c.state_at).label("last_at"),
    func.min(case((node_series.c.due_at <= bindparam("now"), node_series.c.due_at))).label(
        "waits_since"
    ),
).group_by(node_series.c.node, node_series.c.state)
_NEWEST_FAILURE = (
    select(node_series.c.node, func.max(node_series.c.id).label("id"))
    .where(
        node_series.c.state.in_([NodeSeriesState.QUEUED.value, NodeSeriesState.ABANDONED.value]),
        node_series.c.fail_code != "",
    )
    .group_by(node_series.c.node)
    .subquery()
)
_FAILURES = select(
    node_series.c.node,
    node_series.c.fail_code,
    node_series.c.fail_text,
    node_series.c.fail_hint,
).join(_NEWEST_FAILURE, _NEWEST_FAILURE.c.id == node_series.c.id)


# --- what completion asks -------------------------------------------------------------------------

AWAITED = exists().where(
    node_series.c.series_instance_uid == schema.series.c.series_instance_uid,
    node_series.c.begun == 1,
    (node_series.c.image_count.is_(None))
    | (node_series.c.image_count > schema.series.c.instance_count),
)
"""Of a series: a node has more of it than came, and it was asked for."""
RETRIEVED_COUNT = (
    select(func.max(node_series.c.here_count))
    .where(
        node_series.c.series_instance_uid == schema.series.c.series_instance_uid,
        node_series.c.state == NodeSeriesState.RETRIEVED.value,
        node_series.c.state_at >= schema.series.c.last_at,
    )
    .correlate(schema.series)
    .scalar_subquery()
)
"""Of a series: how many images a node had, all of which are here since the last one came."""
