"""When things go: the running parts against a model, in any order of events, by a fake clock.

Completion by quiet time, the acquisition delay, studies that go whole, late images by each policy,
holds of persons and policies, and opening hours. The model is told the same events and says of each
series where it stands and what is in its parcels; after each tick both must agree to the second.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_walk import without_syncs

from causeway.decide.policy import Policy, Route
from causeway.decide.verdict import PRIO_URGENT, PRIO_USUAL, Late, Unit
from causeway.ledger import DeliveryState, open_ledger
from causeway.pipeline import CompletionRules, Hours, stages
from causeway.schedule import Schedule
from causeway.testing import site as sites
from causeway.testing.site import Image, Site

TICK = 5.0
QUIET = 30.0
DELAY = 10.0
STUDY_QUIET = 50.0
OPEN = [f"{hour:02}:{minute:02}-{hour:02}:{minute + 2:02}" for hour in range(24)
        for minute in range(0, 60, 4)]  # fmt: skip
"""Open for two minutes, closed for two."""
NO_HOURS_CHANCE = (True, True, False)


def is_open(now: float) -> bool:
    return (now // 60) % 4 < 2


@dataclass
class Kept:
    """A series, as the model has it."""

    study: int
    last_at: float
    phase: str = "open"
    since: float = 0.0
    images: set[int] = field(default_factory=set)
    packed: set[int] = field(default_factory=set)
    parcels: list[tuple[frozenset[int], bool]] = field(default_factory=list)
    """What is in each, and whether it has gone."""
    held: str = ""
    cleared: bool = False
    """A person has let go of what is here now."""


@dataclass
class Model:
    late: Late
    unit: Unit
    waits_for_hours: bool
    series: dict[int, Kept] = field(default_factory=dict)

    def arrives(self, study: int, series: int, number: int, now: float) -> None:
        kept = self.series.setdefault(series, Kept(study=study, last_at=now))
        kept.images.add(number)
        kept.last_at = now
        if kept.phase != "open":
            kept.phase = "open"
            kept.cleared = False

    def tick(self, now: float) -> None:
        for kept in self.series.values():
            self._complete(kept, now)
        for kept in self.series.values():
            self._pack(kept, now)
        for kept in self.series.values():
            if kept.held or (self.waits_for_hours and not is_open(now)):
                continue
            kept.parcels = [(members, True) for members, _ in kept.parcels]

    def _complete(self, kept: Kept, now: float) -> None:
        if kept.held:
            return
        if kept.phase == "open" and now >= kept.last_at + QUIET:
            kept.phase, kept.since = "complete", now
        if kept.phase == "complete" and now >= kept.since + DELAY:
            if self.late is Late.HOLD and kept.parcels and not kept.cleared:
                kept.held = "policy"
            else:
                kept.phase = "decided"

    def _pack(self, kept: Kept, now: float) -> None:
        if kept.held or kept.phase != "decided":
            return
        if self.unit is Unit.STUDY:
            others = [each for each in self.series.values() if each.study == kept.study]
            if any(each.phase == "open" and not each.held for each in others):
                return
            if now < max(each.last_at for each in others) + STUDY_QUIET:
                return
        new = kept.images if self.late is Late.AGAIN else kept.images - kept.packed
        kept.parcels.append((frozenset(new), False))
        kept.packed = set(kept.images)
        kept.phase = "packed"

    def released(self, kept: Kept, now: float) -> None:
        kept.cleared = kept.cleared or kept.held == "policy"
        if kept.phase == "complete":
            kept.since = now - DELAY  # a person has seen it: it goes on at once
        kept.held = ""


STATES = {
    "open": {"open", "reopened"},
    "complete": {"complete"},
    "decided": {"routed"},
    "packed": {"packaged", "settled"},
}


class Timing(RuleBasedStateMachine):
    @initialize(
        late=st.sampled_from(Late),
        unit=st.sampled_from((Unit.SERIES, Unit.STUDY)),
        urgent=st.booleans(),
        hours=st.sampled_from(NO_HOURS_CHANCE),
    )
    def begin(self, late: Late, unit: Unit, urgent: bool, hours: bool) -> None:
        self.patch = pytest.MonkeyPatch()
        # A study is looked at again with each look at the clock: the model need not know when.
        self.patch.setattr(stages, "STUDY_LOOK_SECONDS", 0.1)
        self.patch.setattr(sites, "open_ledger", lambda path: without_syncs(open_ledger(path)))
        self.folder = tempfile.TemporaryDirectory(prefix="causeway-timing-")
        self.site = Site(Path(self.folder.name), start=False)
        self.site.now = 86_400.0
        (plan,) = self.site.settings.destinations
        if hours:
            schedule = Schedule.parse(OPEN, "UTC")
            plan = replace(plan, lane=replace(plan.lane, hours=Hours(name="h", schedule=schedule)))
        prio = PRIO_URGENT if urgent else PRIO_USUAL
        route = Route(name="all", destinations=("archive",), late=late, unit=unit, prio=prio)
        self.site.configure(
            destinations=(plan,),
            policy=Policy(routes=(route,)),
            completion=CompletionRules(quiet_seconds=QUIET),
            acquisition_delay_seconds=DELAY,
            study_quiet_seconds=STUDY_QUIET,
            keep_seconds=1e9,
        )
        self.site.start()
        self.model = Model(late=late, unit=unit, waits_for_hours=hours and not urgent)
        self.numbers = 0

    def teardown(self) -> None:
        if hasattr(self, "site"):
            self.patch.undo()
            self.site.stop()
            self.folder.cleanup()

    def settle(self) -> None:
        """Everything that may happen now does, in the pipeline and in the model."""
        now, parts = self.site.now, self.site.parts
        for moment in (now, now + 0.2, now + 0.4):
            self.site.now = moment
            while any([parts.indexer.turn(moment), parts.stages.turn(moment)]):
                pass
        # Decisions first: hours may begin at the moment at which a series is held.
        while any(lane.turn(self.site.now) for lane in parts.lanes):
            pass
        self.site.now = now
        self.model.tick(now)

    @rule(series=st.sampled_from((1, 2, 3)), count=st.sampled_from((1, 2)))
    def arrives(self, series: int, count: int) -> None:
        study = 1 if series < 3 else 2
        for _ in range(count):
            self.numbers += 1
            self.site.receive(Image(study=study, series=series, number=self.numbers))
            self.model.arrives(study, series, self.numbers, self.site.now)
        self.settle()

    @rule(ticks=st.sampled_from((1, 1, 2, 6, 12, 24)))
    def time_goes_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.site.now += TICK
            self.settle()

    @precondition(lambda self: any(not kept.held for kept in self.model.series.values()))
    @rule(data=st.data())
    def is_held(self, data: st.DataObject) -> None:
        free = [
            number
            for number, kept in self.model.series.items()
            if not kept.held and self.row(number).state.value not in {"settled", "dead"}
        ]
        if not free:
            return
        number = data.draw(st.sampled_from(free))
        self.site.ledger.hold(self.name(number), who="anna", why="look", now=self.site.now)
        self.model.series[number].held = "person"
        self.settle()

    @precondition(lambda self: any(kept.held for kept in self.model.series.values()))
    @rule(data=st.data())
    def is_released(self, data: st.DataObject) -> None:
        held = [number for number, kept in self.model.series.items() if kept.held]
        number = data.draw(st.sampled_from(held))
        self.site.ledger.release(self.name(number), who="anna", why="ok", now=self.site.now)
        self.model.released(self.model.series[number], self.site.now)
        self.settle()

    def row(self, number: int):  # type: ignore[no-untyped-def]
        found = self.site.ledger.find(self.name(number))
        assert found is not None
        return found

    def name(self, number: int) -> str:
        return f"1.2.{1 if number < 3 else 2}.{number}"

    @invariant()
    def they_agree(self) -> None:
        if not hasattr(self, "site"):
            return
        ledger = self.site.ledger
        for number, kept in self.model.series.items():
            row = self.row(number)
            if kept.held:
                assert (row.state.value, row.held_by == "policy") == ("held", kept.held == "policy")
                assert row.resumes_as.value in STATES[kept.phase]
            else:
                assert row.state.value in STATES[kept.phase], (number, kept)
            parcels = []
            for parcel in ledger.parcels_of(row.id):
                (delivery,) = ledger.deliveries_of(parcel_id=parcel.id)
                members = frozenset(
                    int(each.instance_number) for each in ledger.members_of(parcel.id)
                )
                parcels.append((members, delivery.state is DeliveryState.VERIFIED))
            assert parcels == kept.parcels
        assert ledger.custody().holds


Timing.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestTiming = Timing.TestCase
