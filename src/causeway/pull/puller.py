"""All nodes at work: for each a watcher, which looks at it each interval, and some fetchers.

A node that is down or slow holds up nobody but itself. Whoever stops lets each fetcher end what it
has in hand, for a while; what is cut off is taken up at the next start, from what is here then.
"""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final

from causeway.errors import CausewayError, LedgerCorrupt, TemporaryError
from causeway.ledger import Ledger, NodeSeriesRow, NodeSeriesState
from causeway.pull.abilities import Abilities
from causeway.pull.contract import Emit, Node
from causeway.pull.fetching import Fetcher, Surroundings
from causeway.pull.plan import NodePlan
from causeway.pull.polling import Poller
from causeway.schedule import opens_at

QUEUE_SECONDS: Final = 1.0
"""How soon is found what a person has asked for, unless ``look`` is called."""
PAUSE_SECONDS: Final = 5.0
"""After a failure of our own, such as a ledger that is locked."""
HOUR_SECONDS: Final = 3600.0
NO_LIMIT: Final = 1 << 30

MakeNode = Callable[[NodePlan, Abilities], Node]


@dataclass(frozen=True, slots=True, kw_only=True)
class PullParts:
    """What nodes are pulled with."""

    ledger: Ledger
    make_node: MakeNode
    emit: Emit
    rng: Random
    zone: dt.tzinfo
    all_indexed: Callable[[float], bool]
    whole: Callable[[], None] = lambda: None
    """Called when a series was retrieved whole."""
    has_room: Callable[[], bool] = lambda: True
    """Whether the spool takes more."""


class Puller:
    """The nodes of a configuration, pulled. ``start`` once, ``stop`` once."""

    def __init__(
        self, plans: Sequence[NodePlan], parts: PullParts, *, on_failure: Callable[[], None]
    ) -> None:
        self.failure: BaseException | None = None
        """What ended it by itself: a ledger that cannot be trusted any more."""
        self._parts = parts
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._at_work = [_AtWork(plan, parts, self._stopping) for plan in plans]

    def start(self) -> None:
        # One puller has the data folder: what is under way is that of a predecessor that died.
        self._parts.ledger.release_retrievals(now=self._parts.ledger.now())
        for node in self._at_work:
            self._run(node.watch, f"watch-{node.plan.name}")
            self._run(node.dispatch, f"pull-{node.plan.name}")
            for number in range(node.fetchers):
                self._run(node.fetch, f"fetch-{node.plan.name}-{number}")

    def look(self) -> None:
        """Wake nodes at rest of which something is due: others may have written to the ledger."""
        idle = {node.plan.name: node for node in self._at_work if node.idle}
        if idle:
            ledger = self._parts.ledger
            for name in ledger.nodes_due(idle, now=ledger.now()):
                idle[name].wake()

    def stop(self, *, patience_seconds: float) -> bool:
        """Let everybody end what is in hand; whether they did."""
        self._stopping.set()
        for node in self._at_work:
            node.wake()
        until = time.monotonic() + patience_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, turn: Callable[[], float], name: str) -> None:
        """Turn for ever; each turn says how long to rest until the next."""

        def loop() -> None:
            while not self._stopping.is_set():
                try:
                    rest = turn()
                except LedgerCorrupt as error:
                    self._fail(error)
                    return
                except Exception as error:  # noqa: BLE001  one node must not end the others
                    level = "warning" if isinstance(error, CausewayError) else "error"
                    self._parts.emit(
                        "pull.failed", level=level, kind=name.split("-", maxsplit=1)[0], error=error
                    )
                    rest = PAUSE_SECONDS
                if rest > 0:
                    self._stopping.wait(rest)

        thread = threading.Thread(target=loop, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _fail(self, error: BaseException) -> None:
        if self.failure is None:
            self.failure = error
            self._parts.emit("pull.failed", level="error", kind="ledger", error=error)
            self._on_failure()


class _AtWork:
    """One node at work."""

    def __init__(self, plan: NodePlan, parts: PullParts, stopping: threading.Event) -> None:
        self.plan = plan
        self._parts = parts
        self._stopping = stopping
        self._changed = threading.Condition()
        row = parts.ledger.node(plan.name)
        abilities = Abilities() if row is None else Abilities.from_json(row.abilities)
        node = parts.make_node(plan, abilities)
        clock = parts.ledger.now
        self._clock = clock
        self._poller = Poller(
            node, plan, parts.ledger, abilities=abilities, emit=parts.emit, clock=clock,
            zone=parts.zone,
        )  # fmt: skip
        self._fetcher = Fetcher(
            node, plan, abilities,
            Surroundings(
                facts=parts.ledger, emit=parts.emit, clock=clock, rng=parts.rng,
                cancelled=stopping.is_set, all_indexed=parts.all_indexed,
                sleep=self._rest,
            ),
        )  # fmt: skip
        self.fetchers = 2 * plan.limits.retrievals
        """Threads: while one counts what has come, another has the node."""
        self._queue: list[NodeSeriesRow] = []
        self._busy = 0
        self._at_node = 0
        self.idle = False
        """Whether it waits for something to be due."""

    def _rest(self, seconds: float) -> None:
        self._stopping.wait(seconds)

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def watch(self) -> float:
        """Look at the node once; seconds until the next look."""
        began = time.monotonic()
        looked = self._poller.look(self._stopping.is_set)
        if looked is not None and looked.changed:
            self.wake()
        return max(0.0, self.plan.watch.interval_seconds - (time.monotonic() - began))

    def dispatch(self) -> float:
        """Claim what is due for fetchers that are free."""
        limits = self.plan.limits
        with self._changed:
            free = min(limits.retrievals - self._at_node, self.fetchers - self._busy)
            free -= len(self._queue)
            if free <= 0:
                self._changed.wait(QUEUE_SECONDS)
                return 0.0
        now = self._clock()
        closed = limits.hours is not None and opens_at(limits.hours, now) is not None
        may_begin = not closed and self._parts.has_room()
        claimed = self._claim(free, now) if may_begin else ()
        with self._changed:
            if claimed:
                self._queue.extend(claimed)
                self._changed.notify_all()
            else:
                self.idle = may_begin
                self._changed.wait(QUEUE_SECONDS)
                self.idle = False
        return 0.0

    def _claim(self, free: int, now: float) -> tuple[NodeSeriesRow, ...]:
        ledger, limits = self._parts.ledger, self.plan.limits
        due_at = ledger.next_retrieval_at(self.plan.name)
        if due_at is None or due_at > now:
            return ()
        new_studies = NO_LIMIT
        if limits.studies_an_hour:
            asked = ledger.studies_asked(self.plan.name, since=now - HOUR_SECONDS)
            new_studies = max(0, limits.studies_an_hour - asked)
        return ledger.claim_retrievals(self.plan.name, limit=free, new_studies=new_studies, now=now)

    def fetch(self) -> float:
        """Retrieve one series that was claimed."""
        with self._changed:
            if not self._queue:
                self._changed.wait(60.0)
            if not self._queue or self._stopping.is_set():
                return 0.0
            claimed = self._queue.pop(0)
            self._busy += 1
            self._at_node += 1
        visit = _Visit(self._left)
        try:
            settled = self._fetcher.fetch(claimed, visit.end)
            if settled is not None and settled.state is NodeSeriesState.RETRIEVED:
                self._parts.whole()
        except Exception:
            self._give_back(claimed)
            raise
        finally:
            visit.end()
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()
        return 0.0

    def _left(self) -> None:
        with self._changed:
            self._at_node -= 1
            self._changed.notify_all()

    def _give_back(self, claimed: NodeSeriesRow) -> None:
        """A claim of which nobody could say what became of it is due again; the try counts."""
        while not self._stopping.is_set():
            at = self._clock() + self.plan.limits.first_wait_seconds
            try:
                self._parts.ledger.settle_retrieval(
                    claimed,
                    partial(_due_again, at=at),
                    now=at,
                )
                return
            except TemporaryError:
                self._stopping.wait(PAUSE_SECONDS)


def _due_again(row: NodeSeriesRow, *, at: float) -> NodeSeriesRow:
    return replace(row, state=NodeSeriesState.QUEUED, due_at=at)


class _Visit:
    """A retrieval at its node, which ends once, however often that is said."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended
        self._over = False

    def end(self) -> None:
        if not self._over:
            self._over = True
            self._ended()
