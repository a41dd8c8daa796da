"""What a person asks of nodes: retrieve this, try that again, be content with what is here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.engine import Verbs
from causeway.ledger.node_rows import NodeSeriesRow, SeriesSeen, StudySeen
from causeway.ledger.node_schema import node_series
from causeway.ledger.nodes import (
    ROWS_AT_ONCE,
    Observing,
    look_now,
    select_series,
    write_by_operator,
)
from causeway.ledger.states import (
    NODE_SERIES_BY_OPERATOR,
    NodeSeriesState,
    require,
)
from causeway.ledger.store import entry, log


class NodeOperatorVerbs(Verbs):
    """Moves of a person; each leaves an event."""

    def ask_for(
        self, name: str, studies: Sequence[StudySeen], *, who: str, why: str, now: float,
        anew: bool = False,
    ) -> tuple[int, ...]:  # fmt: skip
        """Queue series as a node has just described them, ahead of all others; their ids.

        What is being retrieved goes on. ``anew`` retrieves what is here already too. Limits of the
        node hold all the same.
        """

        def work(connection: Connection) -> tuple[int, ...]:
            return _ask(connection, name, studies, who=who, why=why, now=now, anew=anew)

        return self._db.write(work)

    def retry_retrievals(
        self, ids: Sequence[int], *, who: str, why: str, now: float
    ) -> tuple[int, ...]:
        """Try series again that were abandoned, or that wait after failures; their ids.

        Raises ``NotAllowed`` for one that is in another state.
        """

        def retry(row: NodeSeriesRow) -> NodeSeriesRow:
            return replace(
                row, state=NodeSeriesState.QUEUED, attempt=0, epoch=row.epoch + 1, due_at=now,
                state_at=now, asked_by=who,
            )  # fmt: skip

        return self._db.write(
            lambda c: _move(c, ids, retry, verb="retry", who=who, why=why, now=now)
        )

    def accept_retrievals(
        self, ids: Sequence[int], *, who: str, why: str, now: float
    ) -> tuple[int, ...]:
        """Be content with what came of series that were abandoned or have vanished: it goes on."""

        def accept(row: NodeSeriesRow) -> NodeSeriesRow:
            return replace(
                row, state=NodeSeriesState.RETRIEVED, resumes_as=None, begun=False, anew=False,
                attempt=0, epoch=row.epoch + 1, state_at=now, asked_by=who,
            )  # fmt: skip

        def work(connection: Connection) -> tuple[int, ...]:
            done = _move(connection, ids, accept, verb="accept", who=who, why=why, now=now)
            rows = select_series(connection, node_series.c.id.in_(list(done)))
            for row in rows:
                look_now(connection, row.series_instance_uid, now)
            return done

        return self._db.write(work)


def _ask(
    connection: Connection,
    name: str,
    studies: Sequence[StudySeen],
    *,
    who: str,
    why: str,
    now: float,
    anew: bool,
) -> tuple[int, ...]:
    wanted: list[str] = []

    def leave(row: NodeSeriesRow) -> NodeSeriesRow:
        return row

    def enter(row: NodeSeriesRow | None, seen: SeriesSeen, blank: NodeSeriesRow) -> NodeSeriesRow:
        wanted.append(seen.series_instance_uid)
        if row is not None:
            return row
        return replace(
            blank, modality=seen.modality, series_number=seen.series_number,
            image_count=seen.image_count, marks=seen.marks, counted_at=now, first_at=now,
            state_at=now,
        )  # fmt: skip

    observing = Observing(connection, name, now)
    observing.run(studies, enter, leave, summary=False)
    seen_now = {each.series_instance_uid: each for study in studies for each in study.series}
    ids: list[int] = []
    for start in range(0, len(wanted), ROWS_AT_ONCE):
        some = wanted[start : start + ROWS_AT_ONCE]
        rows = select_series(
            connection, (node_series.c.node == name) & node_series.c.series_instance_uid.in_(some)
        )
        for row in rows:
            ids.append(row.id)
            if row.state is NodeSeriesState.RETRIEVING:
                continue
            require(NODE_SERIES_BY_OPERATOR, row.state, NodeSeriesState.QUEUED, by="pull")
            seen = seen_now[row.series_instance_uid]
            write_by_operator(
                connection,
                replace(
                    row, state=NodeSeriesState.QUEUED, resumes_as=None, attempt=0,
                    epoch=row.epoch + 1, anew=anew or row.anew, due_at=now, state_at=now,
                    prio=schema.PRIO_URGENT, asked_by=who, image_count=seen.image_count,
                    marks=seen.marks, counted_at=now, skip_code="", skip_why="",
                ),
            )  # fmt: skip
    log(connection, entry(now, "node.pull", why or f"{len(ids)} series of {name}", who=who))
    return tuple(ids)


def _move(
    connection: Connection,
    ids: Sequence[int],
    make: Callable[[NodeSeriesRow], NodeSeriesRow],
    *,
    verb: str,
    who: str,
    why: str,
    now: float,
) -> tuple[int, ...]:
    moved: list[int] = []
    for start in range(0, len(ids), ROWS_AT_ONCE):
        rows = select_series(
            connection, node_series.c.id.in_(list(ids[start : start + ROWS_AT_ONCE]))
        )
        for row in rows:
            new = make(row)
            require(NODE_SERIES_BY_OPERATOR, row.state, new.state, by=verb)
            write_by_operator(connection, new)
            moved.append(row.id)
    if len(moved) != len(set(ids)):
        raise NotAllowed("a series that is to be moved is not known")
    log(connection, entry(now, f"node.{verb}", why, who=who))
    return tuple(moved)
