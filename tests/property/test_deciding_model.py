"""What becomes of series, where and when: the running parts against a model, by a fake clock.

Real stages, lanes, destinations and ledger; nothing is replaced but time. Images arrive, with what
somebody has typed into them; people hold, release and reroute; hours begin and end; the service
starts anew. After each event everything that may happen happens, and then every series, parcel and
delivery is what ``deciding_model`` says, to the second. In the end all is let go, and what stands
in the folders is what was packed.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from deciding_model import (
    ARCHIVE,
    CLOUD,
    DELAY,
    GROUPS,
    OPTED_OUT,
    QUIET,
    STUDY_QUIET,
    UNREADABLE,
    Model,
    Series,
    Told,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger_walk import without_syncs

from causeway.attributes import tag_of
from causeway.decide.bounded import compile_bounded
from causeway.decide.opting import Answer, OptCondition, OptRules
from causeway.decide.policy import Policy, Route, RoutingPolicy, SourcePolicy
from causeway.decide.rules import compile_rule
from causeway.decide.verdict import PRIO_URGENT, Late, Unit
from causeway.errors import NotAllowed
from causeway.ledger import DeliveryState, ParcelState, SeriesRow, open_ledger
from causeway.pipeline import CompletionRules, Hours, stages
from causeway.schedule import Schedule
from causeway.testing import site as sites
from causeway.testing.site import Image, Site

EXAMPLES = int(os.environ.get("CAUSEWAY_DECIDING_EXAMPLES", "15"))
SEEDS = int(os.environ.get("CAUSEWAY_DECIDING_SEEDS", "4"))
"""More of them make a soak test."""
STEPS = 60

TICK = 5.0
SERIES = {11: 1, 12: 1, 13: 1, 21: 2, 22: 2}
"""Study of each."""
COMMENTS = ("", *(f"fw://{group}/proj" for group in GROUPS), OPTED_OUT, UNREADABLE)
PLACES = (
    Told(group="lab"), Told(group="stat"), Told(group="stop"), Told(group="again"),
    Told(group="whole"), Told(destinations=(CLOUD,)), Told(destinations=(CLOUD, ARCHIVE)),
    Told(group="lab", destinations=(CLOUD,)),
)  # fmt: skip
HOURS = Hours(
    name="even",
    schedule=Schedule.parse(
        [
            f"{hour:02}:{minute:02}-{hour:02}:{minute + 2:02}"
            for hour in range(24)
            for minute in range(0, 60, 4)
        ],
        "UTC",
    ),
)
COMMENTS_TAG = tag_of("PatientComments")
POLICY = Policy(
    routes=(
        Route(
            name="stat", when=compile_rule('group == "stat"'),
            destinations=(ARCHIVE, CLOUD), prio=PRIO_URGENT,
        ),
        Route(
            name="whole", when=compile_rule('group == "whole"'),
            destinations=(ARCHIVE,), unit=Unit.STUDY,
        ),
        Route(
            name="again", when=compile_rule('group == "again"'),
            destinations=(ARCHIVE,), late=Late.AGAIN,
        ),
        Route(
            name="stop", when=compile_rule('group == "stop"'),
            destinations=(ARCHIVE,), late=Late.HOLD,
        ),
        Route(name="rest", destinations=(ARCHIVE,)),
    ),
    usual=SourcePolicy(
        routing=RoutingPolicy(tags=(COMMENTS_TAG,)),
        opting=OptRules(
            opt_out=(
                OptCondition(
                    tag=COMMENTS_TAG, expression=compile_bounded(OPTED_OUT),
                    missing=Answer.TAKE, empty=Answer.TAKE,
                ),
            )
        ),
    ),
)  # fmt: skip
PHASES = {
    "open": {"open", "reopened"},
    "complete": {"complete"},
    "decided": {"routed"},
    "packed": {"packaged", "settled"},
    "denied": {"denied"},
}


class Walk:
    """One site and its model; everything is done to both."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        # A study is looked at with each look at the clock, so that the model need not know when.
        self.patch.setattr(stages, "STUDY_LOOK_SECONDS", 0.1)
        self.patch.setattr(sites, "open_ledger", lambda path: without_syncs(open_ledger(path)))
        self.folder = tempfile.TemporaryDirectory(prefix="causeway-deciding-")
        self.site = Site(Path(self.folder.name), start=False)
        self.site.now = 86_400.0
        archive, cloud = self.site.plan(ARCHIVE), self.site.plan(CLOUD)
        archive = replace(archive, lane=replace(archive.lane, hours=HOURS))
        self.site.configure(
            destinations=(archive, cloud),
            policy=POLICY,
            completion=CompletionRules(quiet_seconds=QUIET),
            acquisition_delay_seconds=DELAY,
            study_quiet_seconds=STUDY_QUIET,
            keep_seconds=1e9,
        )
        self.site.start()
        self.model = Model()
        self.images = 0

    def close(self) -> None:
        self.patch.undo()
        self.site.stop()
        self.folder.cleanup()

    # --- events -------------------------------------------------------------------------------

    def settle(self) -> None:
        """Everything that may happen now does: decisions first, so that hours that begin at the
        moment of a denial are no toss-up.
        """
        now, parts = self.site.now, self.site.parts
        for moment in (now, now + 0.2, now + 0.4):
            self.site.now = moment
            while any([parts.indexer.turn(moment), parts.stages.turn(moment)]):
                pass
        while any(lane.turn(self.site.now) for lane in parts.lanes):
            pass
        self.site.now = now
        self.model.tick(now)

    def goes_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.site.now += TICK
            self.settle()

    def arrive(self, number: int, comments: Sequence[str]) -> None:
        study, now = SERIES[number], self.site.now
        for comment in comments:
            self.images += 1
            image = Image(study=study, series=number, number=self.images, comments=comment)
            # One after the other: of two headers of one moment, either might be the newest.
            self.site.now = now + self.images * 1e-5
            self.site.receive(image)
            self.model.arrives(study, number, self.images, comment, now)
        self.site.now = now
        self.settle()

    def hold(self, number: int) -> None:
        series = self.model.series[number]
        may = not series.held and series.phase != "denied"
        if series.phase == "packed":
            may = may and not all(parcel.settled for parcel in series.standing)
        self.ask(may, lambda: self.site.ledger.hold(name_of(number), **self.act()))
        if may:
            self.model.holds(number)
        self.settle()

    def release(self, number: int) -> None:
        series = self.model.series[number]
        may = bool(series.held) or series.phase == "denied"
        self.ask(may, lambda: self.site.ledger.release(name_of(number), **self.act()))
        if may:
            self.model.releases(number, self.site.now)
        self.settle()

    def hold_study(self, study: int) -> None:
        may = study not in self.model.held_studies
        self.ask(may, lambda: self.site.ledger.hold(f"1.2.{study}", **self.act()))
        self.model.held_studies.add(study)
        self.settle()

    def release_study(self, study: int) -> None:
        held = [each for each in self.model.series.values() if each.study == study and each.held]
        may = study in self.model.held_studies or bool(held)
        self.ask(may, lambda: self.site.ledger.release(f"1.2.{study}", **self.act()))
        self.model.releases_study(study, self.site.now)
        self.settle()

    def reroute(self, study: int, number: int | None, told: Told) -> None:
        self.site.ledger.reroute(
            f"1.2.{study}" if number is None else name_of(number),
            routing=f"fw://{told.group}/proj" if told.group else "",
            destinations=told.destinations,
            **self.act(),
        )
        self.model.reroutes(study, number, told, self.site.now)
        self.settle()

    def restart(self) -> None:
        self.site.stop()
        self.site.start()
        self.settle()

    def act(self) -> dict[str, Any]:
        return {"who": "anna", "why": "because", "now": self.site.now}

    def ask(self, may: bool, verb: Callable[[], object]) -> None:
        if may:
            verb()
        else:
            with pytest.raises(NotAllowed):
                verb()

    # --- judging ------------------------------------------------------------------------------

    def agrees(self) -> None:
        ledger = self.site.ledger
        for number, series in self.model.series.items():
            row = ledger.find(name_of(number))
            assert isinstance(row, SeriesRow)
            self._series_agrees(row, series)
            found = ledger.parcels_of(row.id)
            assert len(found) == len(series.parcels), (number, series)
            for parcel, wanted in zip(found, series.parcels, strict=True):
                members = {int(each.instance_number) for each in ledger.members_of(parcel.id)}
                assert members == wanted.members, (number, series)
                assert (parcel.state is ParcelState.WITHDRAWN) == wanted.withdrawn, (number, series)
                assert (parcel.state is ParcelState.SETTLED) == wanted.settled, (number, series)
                deliveries = ledger.deliveries_of(parcel_id=parcel.id)
                gone = {each.destination: each.state for each in deliveries}
                assert gone.keys() == wanted.gone.keys(), (number, series)
                for each in deliveries:
                    arrived = each.state is DeliveryState.VERIFIED
                    assert arrived == wanted.gone[each.destination], (number, series)
                    assert each.state is not DeliveryState.DEAD
                    assert each.target.split("/")[0] == (wanted.group or "unknown")
        assert ledger.custody().holds, ledger.custody()

    def _series_agrees(self, row: SeriesRow, series: Series) -> None:
        about = (row.id, row.state.value, series)
        if series.held:
            assert row.state.value == "held", about
            assert (row.held_by == "policy") == (series.held in ("policy", "late")), about
            assert row.resumes_as is not None
            assert row.resumes_as.value in PHASES[series.phase], about
            return
        assert row.state.value in PHASES[series.phase], about
        if series.phase == "packed":
            everywhere = all(parcel.settled for parcel in series.standing)
            assert (row.state.value == "settled") == everywhere, about

    def ends_well(self) -> None:
        """All is let go: everything is somewhere, and stands there as it was packed."""
        for study in {series.study for series in self.model.series.values()}:
            held = any(s.held for s in self.model.series.values() if s.study == study)
            if study in self.model.held_studies or held:
                self.release_study(study)
        for _ in range(3):
            self.goes_on(80)
            self.agrees()
            for number, series in self.model.series.items():
                if series.held:
                    self.release(number)
        for series in self.model.series.values():
            assert series.phase in ("packed", "denied")
            if series.phase == "packed":
                assert series.packed == set(series.images)
        for destination in (ARCHIVE, CLOUD):
            stands = Counter(
                frozenset(int(each["instance_number"]) for each in archive.metadata["members"])
                for archive in self.site.archives(destination)
            )
            wanted = Counter(
                parcel.members
                for series in self.model.series.values()
                for parcel in series.parcels
                if parcel.gone.get(destination)
            )
            assert stands == wanted


def name_of(number: int) -> str:
    return f"1.2.{SERIES[number]}.{number}"


class Actors:
    """Who does something, and what they choose from."""

    def __init__(self, walk: Walk, pick: Callable[[Sequence[Any]], Any]) -> None:
        self.walk = walk
        self.pick = pick

    def scanner(self) -> None:
        number = self.pick(sorted(SERIES))
        self.walk.arrive(number, [self.pick(COMMENTS) for _ in range(self.pick((1, 1, 2)))])

    def person(self) -> None:
        model = self.walk.model
        known = sorted(model.series)
        if not known:
            return
        number = self.pick(known)
        stopped = [n for n in known if model.series[n].held or model.series[n].phase == "denied"]
        match self.pick(("hold", "release", "release", "study", "reroute", "reroute")):
            case "hold":
                self.walk.hold(number)
            case "release":
                self.walk.release(self.pick(stopped or known))
            case "study":
                study = SERIES[number]
                if study in model.held_studies or self.pick((True, False)):
                    self.walk.release_study(study)
                else:
                    self.walk.hold_study(study)
            case _:
                only = self.pick((None, number))
                self.walk.reroute(SERIES[number], only, self.pick(PLACES))

    def clock(self) -> None:
        self.walk.goes_on(self.pick((1, 2, 6, 8, 12, 24)))

    def machine(self) -> None:
        self.walk.restart()


class Deciding(RuleBasedStateMachine):
    """The actors in any order that Hypothesis thinks of."""

    @initialize()
    def begin(self) -> None:
        self.walk = Walk()

    def teardown(self) -> None:
        if hasattr(self, "walk"):
            self.walk.close()

    def actors(self, data: st.DataObject) -> Actors:
        return Actors(self.walk, lambda choices: data.draw(st.sampled_from(choices)))

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "walk"):
            self.walk.agrees()

    @rule(data=st.data())
    def scanner(self, data: st.DataObject) -> None:
        self.actors(data).scanner()

    @rule(data=st.data())
    def person(self, data: st.DataObject) -> None:
        self.actors(data).person()

    @rule(data=st.data())
    def clock(self, data: st.DataObject) -> None:
        self.actors(data).clock()

    @rule()
    def machine(self) -> None:
        self.walk.restart()


Deciding.TestCase.settings = settings(
    max_examples=EXAMPLES,
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestDeciding = Deciding.TestCase


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_long_life_ends_well(seed: int) -> None:
    """Far from the beginning, and to the end."""
    chance = random.Random(seed)
    walk = Walk()
    actors = Actors(walk, chance.choice)
    acts = [actors.scanner] * 4 + [actors.clock] * 4 + [actors.person] * 3 + [actors.machine]
    try:
        for _ in range(STEPS):
            chance.choice(acts)()
            walk.agrees()
        walk.ends_well()
    finally:
        walk.close()
