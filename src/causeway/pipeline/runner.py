"""The pipeline as it runs: a few threads, each turning one part of it, and what wakes them.

::

    index ──▶ stages ──▶ lane, lane, …        retirement        leases

A part is an object with ``turn(now)``: it does a bounded piece of work and says whether there is
more. The threads here only call it, wait when there is nothing, and keep going when something
fails; so a simulation can turn the same parts from one thread, in any order, by its own clock.

Whatever hands work on wakes the next part, the stages sleep until something is due, and a poll each
second is the net: rows are the truth, so a lost wake-up costs that, and what another process has
written is found.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final

from causeway.decide.policy import Policy
from causeway.destinations import Destination, DestinationSettings, Files, Tended, build
from causeway.errors import LedgerCorrupt, TemporaryError
from causeway.ledger import Ledger
from causeway.pipeline.clean_contents import AsDecided
from causeway.pipeline.completion import CompletionRules
from causeway.pipeline.decider import Decider
from causeway.pipeline.deidentify.apart import Apart
from causeway.pipeline.deidentify.cleaning import Cleaner, Cleaning, Record
from causeway.pipeline.deidentify.here import Here
from causeway.pipeline.deidentify.naming import CleanNaming
from causeway.pipeline.deidentify.treating import Treating
from causeway.pipeline.deliver import Lane, LaneSettings
from causeway.pipeline.events import Emit
from causeway.pipeline.grouping import Grouper
from causeway.pipeline.header import Structure
from causeway.pipeline.index import Indexer, IndexRules
from causeway.pipeline.leases import LEASE_SECONDS, Leases
from causeway.pipeline.remembering import LedgerMemory
from causeway.pipeline.retire import Retirement
from causeway.pipeline.stages import StageRules, Stages
from causeway.pipeline.triggers import Trigger, TriggerPlan
from causeway.pipeline.work import CLEANING, StageWorker
from causeway.spool import SpoolKeeper, SpoolReader

POLL_SECONDS: Final = 1.0
"""How soon is found what another process wrote, such as an operator's release. Due times are known,
so nothing else waits for it, and a quarter of a second cost three times the processor when idle."""
INDEX_POLL_SECONDS: Final = 0.25
"""An idle turn of the indexer asks nobody; it moves the time up to which all is known."""
INDEX_SPACING_SECONDS: Final = 0.05
"""From one turn of the indexer to the next while images come one by one, unless an association
ends: a commit for each handful of them cost more than reading them. The first after a rest is
entered at once."""
SHORTEST_SLEEP_SECONDS: Final = 0.1
HELPER_POLL_SECONDS: Final = 10.0
"""Of a lane's further threads, which are called when there is work."""
RETIREMENT_SECONDS: Final = 5.0
TEND_SECONDS: Final = 5.0
PAUSE_SECONDS: Final = 1.0
"""After a failure, before the same part is turned again."""
LONGEST_PAUSE_SECONDS: Final = 30.0
DROP_SECONDS: Final = 2.0
"""For a thread to notice that its work is not wanted any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DestinationPlan:
    """A destination, and how it is used."""

    settings: DestinationSettings
    deidentify: str
    """What it asks for: ``none``, or the name of a profile."""
    lane: LaneSettings = field(default_factory=LaneSettings)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSettings:
    """The configuration, as far as it concerns the pipeline."""

    policy: Policy
    destinations: Sequence[DestinationPlan]
    treating: Treating = field(default_factory=Treating)
    cleaning_processes: int = 0
    """Processes beside this one that clean; without one, this one does."""
    record: Record | None = None
    """Where it is written who is who; without it, nowhere."""
    completion: CompletionRules = field(default_factory=CompletionRules)
    acquisition_delay_seconds: float = 0.0
    study_quiet_seconds: float = 300.0
    triggers: Sequence[TriggerPlan] = ()
    structure: Structure = Structure.WHOLE
    keep_seconds: float = 24 * 3600.0
    lease_seconds: float = LEASE_SECONDS


class Parts:
    """Everything that turns, built but not running."""

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        ledger: Ledger,
        spool: SpoolReader,
        keeper: SpoolKeeper,
        owner: str,
        rng: Random,
        emit: Emit,
        clock: Callable[[], float] | None = None,
        files: Files | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.clock = clock or ledger.now
        self.next_due_at = ledger.next_due_at
        self.leases = Leases(ledger, owner=owner, lease_seconds=settings.lease_seconds)
        self.indexer = Indexer(
            spool, ledger,
            IndexRules(
                completion=settings.completion, structure=settings.structure,
                decided_by=settings.policy.asks_for, at_once=settings.policy.sends_on,
            ),
            emit=emit, clock=self.clock,
        )  # fmt: skip
        decider = Decider(ledger, settings.policy)
        naming = CleanNaming(settings.policy)
        rules = StageRules(
            completion=settings.completion,
            decide=lambda claim, now: decider(claim.study, claim.series, now).verdict,
            grouping=Grouper(ledger),
            naming=naming,
            acquisition_delay_seconds=settings.acquisition_delay_seconds,
            study_quiet_seconds=settings.study_quiet_seconds,
            hours={
                plan.settings.name: plan.lane.hours
                for plan in settings.destinations
                if plan.lane.hours is not None
            },
            at_once=settings.policy.sends_on,
        )
        treating = replace(
            settings.treating,
            usual={plan.settings.name: plan.deidentify for plan in settings.destinations},
        )
        tells_who = settings.record is not None

        def stages_with(cleaner: Cleaner) -> Stages:
            cleaning = Cleaning(
                ledger, treating, cleaner, naming, clock=self.clock, record=settings.record,
                emit=emit,
            )  # fmt: skip
            return Stages(ledger, rules, cleaning, indexed_until=lambda: self.indexer.indexed_until)

        self.cleaners = tuple(
            Apart(spool.root, tells_who=tells_who)
            for _ in range(settings.cleaning_processes if treating.recipes else 0)
        )
        here = stages_with(Here(spool, tells_who=tells_who))
        states = [each for each in here.states if not (self.cleaners and each in CLEANING)]
        self.stages = StageWorker(here, ledger, self.leases, rng=rng, emit=emit, states=states)
        self.cleaning = tuple(
            StageWorker(
                stages_with(cleaner), ledger, self.leases, rng=rng, emit=emit,
                states=CLEANING, batch=1, clock=self.clock,
            )
            for cleaner in self.cleaners
        )  # fmt: skip
        self.destinations: Mapping[str, Destination] = {
            plan.settings.name: build(
                plan.settings, memory=LedgerMemory(ledger, plan.settings.name, self.clock),
                files=files, batches=ledger,
            )
            for plan in settings.destinations
        }  # fmt: skip
        contents = AsDecided(spool, ledger, treating, self.clock)
        self.lanes = tuple(
            Lane(
                self.destinations[plan.settings.name], plan.lane, ledger=ledger,
                contents=contents, leases=self.leases, clock=self.clock, rng=rng, emit=emit,
                sleep=sleep,
            )
            for plan in settings.destinations
        )  # fmt: skip
        self.triggers = tuple(
            Trigger(
                plan, ledger=ledger, owner=owner, clock=self.clock, rng=rng, emit=emit,
                study_quiet_seconds=settings.study_quiet_seconds,
            )
            for plan in settings.triggers
        )  # fmt: skip
        self.retirement = Retirement(
            ledger, spool, keeper, keep_seconds=settings.keep_seconds,
            adopt=self.indexer.adopt, emit=emit,
        )  # fmt: skip


class _Loop:
    """One thread's work."""

    def __init__(
        self,
        part: str,
        turn: Callable[[float], bool],
        poll_seconds: float,
        *,
        destination: str = "",
        idle_seconds: Callable[[float], float] | None = None,
        spacing_seconds: float = 0.0,
    ) -> None:
        self.part = part
        self.turn = turn
        self.poll_seconds = poll_seconds
        self.idle_seconds = idle_seconds
        """How long to sleep when there is nothing to do, if it is not always the same."""
        self.spacing_seconds = spacing_seconds
        """Between the beginnings of two turns, for work that costs less when it has gathered."""
        self.destination = destination
        self.wake = threading.Event()
        self.hurry = threading.Event()

    def wake_now(self) -> None:
        """Wake it for something that others wait for: it lets nothing gather now."""
        self.hurry.set()
        self.wake.set()

    def rest(self, seconds: float, turned_at: float) -> None:
        """Until it is woken, and until enough has gathered."""
        self.wake.wait(seconds)
        if (left := turned_at + self.spacing_seconds - time.monotonic()) > 0:
            self.hurry.wait(left)


def _lane_loops(lane: Lane) -> list[_Loop]:
    """A lane's threads. The first polls; whoever finds work calls the others, who only wait."""
    loops: list[_Loop] = []

    def turn(now: float) -> bool:
        worked = lane.turn(now)
        if worked:
            for loop in loops:
                loop.wake.set()
        return worked

    for number in range(lane.settings.parallel):
        poll = POLL_SECONDS if number == 0 else HELPER_POLL_SECONDS
        loops.append(_Loop("lane", turn, poll, destination=lane.name))
    return loops


def _tending(destination: Tended) -> Callable[[float], bool]:
    def turn(now: float) -> bool:
        destination.tend(now)
        return False

    return turn


class Pipeline:
    """The parts, running. ``start`` once, ``stop`` once; hints may come from any thread."""

    def __init__(self, parts: Parts, *, emit: Emit, on_failure: Callable[[], None]) -> None:
        self.failure: BaseException | None = None
        """What ended the pipeline by itself: a ledger that cannot be trusted any more."""
        self._parts = parts
        self._emit = emit
        self._on_failure = on_failure
        self._stopping = threading.Event()
        self._index = _Loop(
            "index", self._turn_index, INDEX_POLL_SECONDS, spacing_seconds=INDEX_SPACING_SECONDS
        )
        self._stages = _Loop(
            "stages", self._turn_stages, POLL_SECONDS, idle_seconds=self._until_due
        )
        self._cleaning = [
            _Loop("cleaning", self._turn_cleaning(worker), POLL_SECONDS)
            for worker in parts.cleaning
        ]
        self._lanes = [loop for lane in parts.lanes for loop in _lane_loops(lane)]
        for each in parts.lanes:
            # What is taken up makes room for the next parcel of images that are sent on.
            each.taken_up = self._stages.wake.set
        self._triggers = [
            _Loop("trigger", trigger.turn, POLL_SECONDS) for trigger in parts.triggers
        ]
        self._tended = [
            _Loop("tending", _tending(each), TEND_SECONDS, destination=each.name)
            for each in parts.destinations.values()
            if isinstance(each, Tended)
        ]
        self._retirement = _Loop("retirement", parts.retirement.turn, RETIREMENT_SECONDS)
        self._leases = _Loop("leases", self._renew, parts.leases.renew_every_seconds)
        self._loops = [
            self._index, self._stages, *self._cleaning, *self._lanes, *self._triggers,
            *self._tended, self._retirement, self._leases,
        ]  # fmt: skip
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        for number, loop in enumerate(self._loops):
            thread = threading.Thread(
                target=self._run, args=(loop,), name=f"pipeline-{loop.part}-{number}", daemon=True
            )
            self._threads.append(thread)
            thread.start()

    def stop(self, *, patience_seconds: float = 30.0) -> bool:
        """Let everybody finish what is in hand; whether they did, in that time.

        What is not finished then is dropped where it stands: a delivery that is under way leaves a
        leftover, and is done again. True is only a matter of tidiness.
        """
        self._stopping.set()
        for lane in self._parts.lanes:
            lane.stop()
        for loop in self._loops:
            loop.wake_now()
        until = time.monotonic() + patience_seconds
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))
        self._parts.leases.abandon()
        for thread in self._threads:
            thread.join(DROP_SECONDS)
        for destination in self._parts.destinations.values():
            destination.close()
        for trigger in self._parts.triggers:
            trigger.close()
        for cleaner in self._parts.cleaners:
            cleaner.close()
        return not any(thread.is_alive() for thread in self._threads)

    # --- hints --------------------------------------------------------------------------------

    def committed(self, container: str, end: int) -> None:
        """A writer says that a container holds durable records up to ``end``."""
        self._parts.indexer.committed(container, end)
        self._index.wake.set()

    def series_whole(self) -> None:
        """A retrieval has ended, of a series that is due since."""
        self._stages.wake.set()

    def association_over(self, association: str, outcome: str) -> None:
        self._parts.indexer.association_over(association, outcome)
        self._index.wake_now()

    def refused(self, source: str, reason: str, count: int) -> None:
        """Objects that were answered with a failure status, and not kept."""
        self._parts.indexer.refused(source, reason, count)
        self._index.wake.set()

    # --- threads ------------------------------------------------------------------------------

    def _turn_index(self, now: float) -> bool:
        idle = self._parts.indexer.is_idle
        more = self._parts.indexer.turn(now)
        if not idle:
            self._stages.wake.set()
        return more

    def _turn_stages(self, now: float) -> bool:
        worked = self._parts.stages.turn(now)
        if worked:
            for loop in (*self._cleaning, *self._lanes):
                loop.wake.set()
        return worked

    def _turn_cleaning(self, worker: StageWorker) -> Callable[[float], bool]:
        def turn(now: float) -> bool:
            worked = worker.turn(now)
            if worked:
                self._stages.wake.set()
            return worked

        return turn

    def _until_due(self, now: float) -> float:
        # What is due but held by a person, or by somebody's lease, lies in the past.
        due_at = self._parts.next_due_at(now=now)
        until = POLL_SECONDS if due_at is None or due_at <= now else due_at - now
        return min(max(until, SHORTEST_SLEEP_SECONDS), POLL_SECONDS)

    def _renew(self, now: float) -> bool:
        self._parts.leases.renew(now)
        return False

    def _run(self, loop: _Loop) -> None:
        pause = PAUSE_SECONDS
        while not self._stopping.is_set():
            loop.wake.clear()
            loop.hurry.clear()
            if self._stopping.is_set():
                return  # said between the lines above, and its wake-up is cleared now
            turned_at = time.monotonic()
            try:
                now = self._parts.clock()
                more = loop.turn(now)
                idle = loop.poll_seconds
                if loop.idle_seconds is not None and not more:
                    idle = loop.idle_seconds(now)
            except LedgerCorrupt as error:
                self.failure = error
                self._emit("pipeline.failed", level="error", stage=loop.part, error=error)
                self._stopping.set()
                self._on_failure()
                return
            except Exception as error:  # noqa: BLE001 - a part that fails is turned again later
                self._emit(
                    "pipeline.failed", stage=loop.part, error=error, again_in_seconds=pause,
                    level="warning" if isinstance(error, TemporaryError) else "error",
                    **({"destination": loop.destination} if loop.destination else {}),
                )  # fmt: skip
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = PAUSE_SECONDS
            if not more:
                loop.rest(idle, turned_at)
