"""A node, a ledger and time, all in memory: what happens to a site that pulls, by random histories.

The poller, the fetcher and every rule are the real ones. ``MemoryLedger`` keeps rows as the ledger
does, and holds each step against the same state tables; that the ledger itself does so is the
matter of the contract tests, and of the same histories over the real one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import Any

from causeway.attributes import Attributes
from causeway.errors import PeerError
from causeway.ledger import (
    NodeRow,
    NodeSeriesRow,
    NodeSeriesState,
    SeriesSeen,
    StudySeen,
)
from causeway.ledger.states import NODE_SERIES, NODE_SERIES_BEGINS, NODE_SERIES_OPEN, require
from causeway.pull.abilities import Abilities
from causeway.pull.contract import Answer, Arrivals, Level, Query, QueryRefused, Report, Wanted
from causeway.pull.fetching import Fetcher, Surroundings
from causeway.pull.keys import (
    IMAGES_IN_SERIES,
    IMAGES_IN_STUDY,
    SERIES_IN_STUDY,
    SERIES_INSTANCE_UID,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    STUDY_DATE,
    STUDY_INSTANCE_UID,
)
from causeway.pull.plan import Limits, NodePlan, Watch
from causeway.pull.polling import Poller

State = NodeSeriesState
COMMENT = 0x00104000
BEGIN = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC).timestamp()


@dataclass
class MemoryNode:
    """What a node has, and how it answers."""

    studies: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    """Study → series → images."""
    comments: dict[str, str] = field(default_factory=dict)
    """By series."""
    up: bool = True
    breaks_after: int = -1
    """Ends each query with a failure after so many answers."""
    counts: bool = True
    lists: bool = True
    drops: int = 0
    """Images that each retrieval leaves out."""
    grows: Callable[[], None] | None = None
    """Called in the middle of a retrieval."""
    sent: Callable[[str, str, str], None] = field(default=lambda *_: None)
    asked_for: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def session(self) -> Iterator[MemoryNode]:
        if not self.up:
            raise PeerError("the node is away")
        yield self

    def echo(self) -> None:
        return

    def find(self, query: Query) -> Iterator[Answer]:
        for number, values in enumerate(self._matching(query)):
            if number == self.breaks_after:
                raise QueryRefused("it broke off", status=0xC001)
            yield Answer(repr(values).encode(), partial(_said, values))
        if self.breaks_after >= 0:
            raise QueryRefused("it broke off", status=0xC001)

    def _matching(self, query: Query) -> Iterator[list[tuple[int, str]]]:
        if query.level is Level.STUDY:
            for study, series in self.studies.items():
                total = sum(map(len, series.values()))
                told = [(SERIES_IN_STUDY, str(len(series))), (IMAGES_IN_STUDY, str(total))]
                yield [
                    (STUDY_INSTANCE_UID, study), (STUDY_DATE, "20261120"),
                    *(told if self.counts else []),
                ]  # fmt: skip
            return
        study = query.keys[STUDY_INSTANCE_UID]
        for uid, images in self.studies.get(study, {}).items():
            if query.level is Level.SERIES:
                yield [
                    (STUDY_INSTANCE_UID, study), (SERIES_INSTANCE_UID, uid),
                    (COMMENT, self.comments.get(uid, "")),
                    *([(IMAGES_IN_SERIES, str(len(images)))] if self.counts else []),
                ]  # fmt: skip
            elif uid == query.keys[SERIES_INSTANCE_UID]:
                if not self.lists:
                    raise QueryRefused("no such level", status=0xA900)
                for image in sorted(images):
                    yield [(SOP_INSTANCE_UID, image), (SOP_CLASS_UID, "1.2"),
                           (SERIES_INSTANCE_UID, uid)]  # fmt: skip

    def retrieve(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        if not self.up:
            return Report(way="get", code="unreachable", text="away", unavailable=True)
        uid = wanted.series_instance_uid
        self.asked_for.append(uid)
        images = sorted(self.studies.get(wanted.study_instance_uid, {}).get(uid, ()))
        if wanted.sop_instance_uids:
            images = [each for each in images if each in wanted.sop_instance_uids]
        sent = images[: max(0, len(images) - self.drops)]
        for number, image in enumerate(sent):
            if number == 1 and self.grows is not None:
                grows, self.grows = self.grows, None
                grows()
            self.sent(wanted.study_instance_uid, uid, image)
        return Report(way="get", completed=len(sent))


def _said(values: list[tuple[int, str]], _encoded: bytes) -> Attributes:
    return Attributes(values={tag: (value,) if value else () for tag, value in values})


class MemoryLedger:
    """As much of the ledger as pulling takes, in dictionaries."""

    def __init__(self) -> None:
        self.node_row: NodeRow | None = None
        self.studies: dict[str, tuple[int, int, str]] = {}
        """UID → id, digest, date."""
        self.gone: set[int] = set()
        self.rows: dict[tuple[int, str], NodeSeriesRow] = {}
        self.images: dict[str, set[str]] = {}

    def query_began(self, name: str, *, now: float) -> NodeRow:
        row = self.node_row or NodeRow(name=name)
        self.node_row = replace(row, began_at=now)
        return self.node_row

    def query_failed(self, name: str, *, now: float, **said: Any) -> None:
        assert self.node_row is not None
        self.node_row = replace(
            self.node_row, failures=self.node_row.failures + 1,
            failing_since=self.node_row.failing_since or now,
        )  # fmt: skip

    def query_succeeded(
        self, name: str, *, now: float, since: str, thorough: bool, **said: Any
    ) -> None:
        row = self.node_row
        assert row is not None
        self.node_row = replace(
            row, full_at=now, first_full_at=row.first_full_at or now, failures=0,
            failing_since=None, thorough_at=now if thorough else row.thorough_at,
            baseline_from=since if row.baseline_from is None else row.baseline_from,
        )  # fmt: skip

    def known_studies(
        self, name: str, *, since: str, take: Callable[[Sequence[tuple[int, str, int, int]]], None]
    ) -> None:
        open_studies = {row.study_id for row in self.rows.values() if row.state in NODE_SERIES_OPEN}
        take(
            [
                (row_id, uid, digest, int(row_id in open_studies or row_id in self.gone))
                for uid, (row_id, digest, date) in self.studies.items()
                if date >= since
            ]
        )

    def oldest_open(self, name: str) -> str | None:
        return None

    def observed(
        self, name: str, studies: Sequence[StudySeen], *, observe: Any, gone: Any, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        changed = []
        for study in studies:
            known = self.studies.get(study.study_instance_uid)
            study_id = known[0] if known else len(self.studies) + 1
            self.studies[study.study_instance_uid] = (study_id, study.digest, study.study_date)
            self.gone.discard(study_id)
            there = set()
            for seen in study.series:
                there.add(seen.series_instance_uid)
                changed += self._observe(study, study_id, seen, name, observe)
            for key, row in list(self.rows.items()):
                if key[0] == study_id and key[1] not in there:
                    changed += self._put(key, row, gone(row))
        return tuple(changed)

    def _observe(
        self, study: StudySeen, study_id: int, seen: SeriesSeen, name: str, observe: Any
    ) -> list[NodeSeriesRow]:
        key = (study_id, seen.series_instance_uid)
        row = self.rows.get(key)
        blank = NodeSeriesRow(
            id=0 if row else len(self.rows) + 1, study_id=study_id, node=name,
            study_instance_uid=study.study_instance_uid, study_date=study.study_date,
            series_instance_uid=seen.series_instance_uid,
        )  # fmt: skip
        return self._put(key, row, observe(row, seen, blank))

    def _put(
        self, key: tuple[int, str], row: NodeSeriesRow | None, new: NodeSeriesRow
    ) -> list[NodeSeriesRow]:
        if new == row:
            return []
        if row is None:
            assert new.state in NODE_SERIES_BEGINS
        elif row.state is not new.state and new.state not in NODE_SERIES[row.state]:
            require(NODE_SERIES, row.state, State.STABLE)
            require(NODE_SERIES, State.STABLE, new.state)
        self.rows[key] = new
        return [new]

    def studies_gone(
        self, name: str, ids: Sequence[int], *, gone: Any, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        self.gone |= set(ids)
        changed = []
        for key, row in list(self.rows.items()):
            if key[0] in ids:
                changed += self._put(key, row, gone(row))
        return tuple(changed)

    def claim_retrievals(
        self, name: str, *, limit: int, new_studies: int, now: float
    ) -> tuple[NodeSeriesRow, ...]:
        due = [
            key for key, row in self.rows.items() if row.state is State.QUEUED and row.due_at <= now
        ][:limit]
        for key in due:
            row = self.rows[key]
            self._put(
                key, row,
                replace(row, state=State.RETRIEVING, attempt=row.attempt + 1, begun=True,
                        epoch=row.epoch + 1, state_at=now),
            )  # fmt: skip
        return tuple(self.rows[key] for key in due)

    def settle_retrieval(
        self, claimed: NodeSeriesRow, settle: Any, *, now: float
    ) -> NodeSeriesRow | None:
        key = (claimed.study_id, claimed.series_instance_uid)
        current = self.rows[key]
        if current.epoch != claimed.epoch or current.state is not State.RETRIEVING:
            return None
        new: NodeSeriesRow = settle(current)
        self._put(key, current, new)
        return new

    def release_retrievals(self, *, now: float) -> int:
        for key, row in list(self.rows.items()):
            if row.state is State.RETRIEVING:
                self._put(
                    key, row,
                    replace(row, state=State.QUEUED, due_at=now, attempt=max(0, row.attempt - 1)),
                )  # fmt: skip
        return 0

    def made_here(self, series_instance_uids: Sequence[str]) -> frozenset[str]:
        return frozenset()

    def here(self, series_instance_uid: str) -> frozenset[str]:
        return frozenset(self.images.get(series_instance_uid, ()))

    def series(self) -> Mapping[str, NodeSeriesRow]:
        return {row.series_instance_uid: row for row in self.rows.values()}


class World:
    """All of it, by a clock of its own."""

    def __init__(
        self, ledger: Any = None, *, delay: float = 0.0, ignore_existing: bool = False
    ) -> None:
        self.now = BEGIN
        self.node = MemoryNode()
        self.ledger: Any = ledger or MemoryLedger()
        self.node.sent = self._receive
        self.arrivals: dict[str, int] = {}
        """How often each image came over the wire."""
        self.told: list[str] = []
        self.plan = NodePlan(
            name="node", limits=Limits(failures=10), decides_by=(COMMENT,),
            watch=Watch(
                acquisition_delay_seconds=delay, ignore_existing=ignore_existing,
                window_days=0, thorough_seconds=3600,
            ),
        )  # fmt: skip
        self.receive: Callable[[str, str, str], None] = self._keep
        self.start()

    def start(self) -> None:
        self.abilities = abilities = Abilities()
        self.poller = Poller(
            self.node, self.plan, self.ledger, abilities=abilities, emit=self._emit,
            clock=lambda: self.now, zone=dt.UTC,
        )  # fmt: skip
        self.surroundings = Surroundings(
            facts=self.ledger, emit=self._emit, clock=lambda: self.now, rng=Random(7),
            cancelled=lambda: False, all_indexed=lambda _: True,
            sleep=lambda _: None,
        )  # fmt: skip
        self.fetcher = Fetcher(self.node, self.plan, abilities, self.surroundings)
        self.ledger.release_retrievals(now=self.now)

    def _emit(self, event: str, /, **fields: object) -> None:
        self.told.append(event)

    def _receive(self, study: str, series: str, image: str) -> None:
        self.arrivals[image] = self.arrivals.get(image, 0) + 1
        self.receive(study, series, image)

    def _keep(self, study: str, series: str, image: str) -> None:
        self.ledger.images.setdefault(series, set()).add(image)

    def look(self, seconds: float = 60.0) -> bool:
        """A query after so long; whether it counts."""
        self.now += seconds
        return self.poller.look() is not None

    def fetch(self, limit: int = 100) -> int:
        """All that is due; how many series were tried."""
        claimed = self.ledger.claim_retrievals("node", limit=limit, new_studies=1000, now=self.now)
        for row in claimed:
            self.fetcher.fetch(row)
        return len(claimed)

    def settle(self, turns: int = 40) -> None:
        """Long enough for everything that can come to come."""
        for _ in range(turns):
            self.look(4000.0)
            self.fetch()
