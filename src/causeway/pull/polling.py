"""One look at a node: what it has, compared with what is known of it.

A look counts when every question in it was answered in full, and only then is anything written; so
a node that fails, is cut off or answers in part has not lost a single series by that. What fails is
noted at the node, where health and ``causeway nodes`` find it.

What is compared is a digest of what the node says of each study. Series are asked for where that
differs, where the node does not count, where something is not done with, and once an hour of all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Final, TypeVar

import numpy as np

from causeway.errors import CausewayError
from causeway.ledger import Ledger, NodeRow, NodeSeriesRow, StudySeen
from causeway.pull import deciding
from causeway.pull.abilities import Abilities
from causeway.pull.asking import BATCH, Asking
from causeway.pull.contract import Emit, Node, QueryRefused
from causeway.pull.known import Known
from causeway.pull.plan import NodePlan
from causeway.pull.studies import Remembered, StudyAnswer
from causeway.pull.windows import since

OVERLAP_DAYS: Final = 1
"""How far a look goes back beyond the last one, for time zones and clocks."""
OLDEST_DAYS: Final = 60
"""How far beyond its window a look goes for what is not done with."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a look has brought."""

    studies: int
    looked_into: int
    changed: tuple[NodeSeriesRow, ...]
    thorough: bool


class Poller:
    """Looks at one node."""

    def __init__(
        self,
        node: Node,
        plan: NodePlan,
        ledger: Ledger,
        *,
        abilities: Abilities,
        emit: Emit,
        clock: Callable[[], float],
        zone: dt.tzinfo,
    ) -> None:
        self._node = node
        self._plan = plan
        self._ledger = ledger
        self._abilities = abilities
        self._emit = emit
        self._clock = clock
        self._zone = zone
        self._remembered = Remembered()

    def look(self, cancelled: Callable[[], bool] = lambda: False) -> Looked | None:
        """Look once; None if the look does not count, for a reason that is noted."""
        plan, ledger = self._plan, self._ledger
        began_at = self._clock()
        known_of_node = ledger.query_began(plan.name, now=began_at)
        try:
            return self._look(known_of_node, began_at, cancelled)
        except CausewayError as error:
            code = (
                f"status_{error.status:04x}" if isinstance(error, QueryRefused) else _code_of(error)
            )
            ledger.query_failed(
                plan.name, code=code, text=error.message, hint=error.hint, now=self._clock()
            )
            self._emit("node.query_failed", level="warning", node=plan.name, code=code, error=error)
            return None

    def _look(self, row: NodeRow, began_at: float, cancelled: Callable[[], bool]) -> Looked | None:
        plan, ledger = self._plan, self._ledger
        today = dt.datetime.fromtimestamp(began_at, self._zone).date()
        first = self._first_date(row, today)
        thorough = (
            row.thorough_at is None
            or began_at - row.thorough_at >= plan.watch.thorough_seconds
            or began_at < row.thorough_at
        )
        known = Known()
        ledger.known_studies(plan.name, since=first, take=known.take)
        known.seal()
        to_write: list[StudySeen] = []
        studies = 0
        to_look_into: dict[str, StudyAnswer] = {}
        self._remembered.begin()
        with self._node.session() as session:
            asking = Asking(session, plan, self._abilities, today=today)
            for told in asking.told(since(first), self._remembered):
                if cancelled():
                    return None
                studies += int(np.count_nonzero(told.wanted))
                same = known.unchanged(told)
                for place in np.flatnonzero(told.wanted & (thorough | ~same)).tolist():
                    answer = asking.study(told, place)
                    to_look_into[answer.uid] = answer
            # After the last answer: one question at a time.
            for answer in to_look_into.values():
                to_write.append(asking.look_into(answer))
                if cancelled():
                    return None
        # Answered in full: now it counts.
        self._remembered.turn()
        now = self._clock()
        changed: list[NodeSeriesRow] = []
        observe = partial(
            deciding.observed, rules=self._rules(), now=now, existing=self._existing(row)
        )
        gone = partial(deciding.gone, now=now)
        for batch in _batches(to_write, BATCH):
            batch = without_ours(batch, ledger)
            changed += ledger.observed(plan.name, batch, observe=observe, gone=gone, now=now)
        for ids in _batches(known.unseen(), BATCH):
            changed += ledger.studies_gone(plan.name, ids, gone=gone, now=now)
        ledger.query_succeeded(
            plan.name, began_at=began_at, now=self._clock(), studies=studies, since=first,
            thorough=thorough, abilities=self._abilities.to_json(),
        )  # fmt: skip
        if row.failing_since is not None:
            self._emit("node.answers_again", node=plan.name, seconds=now - row.failing_since)
        return Looked(
            studies=studies, looked_into=len(to_look_into), changed=tuple(changed),
            thorough=thorough,
        )  # fmt: skip

    def _first_date(self, row: NodeRow, today: dt.date) -> str:
        """The first study date of this look; empty for all.

        Beyond the window it goes back to where the last full look ended, after an outage, and to
        what is not done with.
        """
        watch = self._plan.watch
        if not watch.window_days:
            return ""
        first = today - dt.timedelta(days=watch.window_days - 1)
        if row.full_at is not None:
            last = dt.datetime.fromtimestamp(row.full_at, self._zone).date()
            first = min(first, last - dt.timedelta(days=OVERLAP_DAYS))
        earliest = f"{today - dt.timedelta(days=watch.window_days + OLDEST_DAYS):%Y%m%d}"
        unfinished = self._ledger.oldest_open(self._plan.name)
        text = f"{first:%Y%m%d}"
        return text if unfinished is None else min(text, max(unfinished, earliest))

    def _existing(self, row: NodeRow) -> Callable[[NodeSeriesRow], bool]:
        """Which series were there before us: all of the first full look, or those of studies from
        before its window, which a later look may come upon.
        """
        if not self._plan.watch.ignore_existing:
            return lambda _: False
        baseline = row.baseline_from
        if baseline is None:
            return lambda _: True
        return lambda series: bool(series.study_date) and series.study_date < baseline

    def _rules(self) -> deciding.Rules:
        watch = self._plan.watch
        return deciding.Rules(
            acquisition_delay_seconds=watch.acquisition_delay_seconds,
            grace_seconds=watch.grace_seconds,
        )


def without_ours(studies: Sequence[StudySeen], ledger: Ledger) -> list[StudySeen]:
    """The same, with what Causeway has made itself marked as not to be retrieved: a node that is a
    destination as well must not send it round in circles.
    """
    uids = [each.series_instance_uid for study in studies for each in study.series]
    ours = ledger.made_here(uids)
    if not ours:
        return list(studies)
    return [
        replace(
            study,
            series=tuple(
                replace(each, skip_code="ours", skip_why="was made here, and delivered there")
                if each.series_instance_uid in ours
                else each
                for each in study.series
            ),
        )
        for study in studies
    ]


def _code_of(error: CausewayError) -> str:
    """``AssociationRejected`` → ``association_rejected``."""
    name = type(error).__name__
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")


def _batches(items: Iterator[T] | Sequence[T], size: int) -> Iterator[list[T]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
