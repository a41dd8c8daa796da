"""The ledger against a model of it, in any order of events, with a clock that is a number.

Claims are kept and settled late, so that many of them are void by then; the process is restarted;
records are scanned again. After every step custody holds, and every row is what the model says.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from ledger_model import ARRIVING, WORKABLE
from ledger_walk import LEASE, Arrived, LedgerWalk

from causeway.ledger import SeriesState

SEEDS = int(os.environ.get("CAUSEWAY_LEDGER_SEEDS", "6"))
"""More of them make a soak test."""
STEPS = 250

DESTINATIONS = (("archive",), ("archive", "cloud"))
PACKING = ("one", "one", "two", "again")
RESULTS = ("on", "on", "wait", "hold", "deny", "look", "retry", "dead")
SENT = ("verified", "verified", "wait", "retry", "dead")


class Choices:
    """Where decisions come from: Hypothesis, which shrinks, or a seed, which goes far."""

    def __init__(self, pick: Callable[[Sequence[Any]], Any]) -> None:
        self.of = pick

    @classmethod
    def drawn(cls, data: st.DataObject) -> Choices:
        return cls(lambda choices: data.draw(st.sampled_from(choices)))

    def arrivals(self) -> list[Arrived]:
        return [
            (
                self.of((1, 2)),
                self.of((1, 2)),
                self.of((1, 2, 3, self.of(range(4, 60)))),
                self.of("aab"),
                self.of((True, True, True, False)),
            )
            for _ in range(self.of((1, 2, 3)))
        ]


class Actors:
    """Who does something to a ledger, and what they choose from."""

    def __init__(self) -> None:
        self.walk = LedgerWalk()

    def scanner_acts(self, choose: Choices) -> None:
        match choose.of(("new", "new", "again", "retire")):
            case "new":
                self.walk.arrive(choose.arrivals())
            case "again":
                self.walk.scan_again(choose.of(range(len(self.walk.history))))
            case _:
                self.walk.retire()

    def worker_acts(self, choose: Choices) -> None:
        acts = ["claim", "claim", "go on"] + ["settle", "settle", "renew"] * bool(self.walk.claims)
        match choose.of(acts):
            case "claim":
                states = choose.of((WORKABLE, ARRIVING, {"complete"}, {"routed"}, {"cleaned"}))
                self.walk.claim(states, choose.of((9, 1)), choose.of(("one", "one", "two")))
            case "go on":
                stages = choose.of((1, 2, 3, 4))
                self.walk.go_on(choose.of(DESTINATIONS), stages, choose.of(PACKING))
            case "settle":
                claim = self.walk.claims.pop(choose.of(range(len(self.walk.claims))))
                result, to = choose.of(RESULTS), choose.of(DESTINATIONS)
                self.walk.settle(claim, result, to, choose.of(PACKING))
            case _:
                self.walk.renew()

    def sender_acts(self, choose: Choices) -> None:
        acts = ["claim", "deliver"] + ["settle", "settle"] * bool(self.walk.sendings)
        match choose.of(acts):
            case "claim":
                self.walk.claim_delivery(choose.of(("archive", "cloud")), choose.of((1, 2)))
            case "deliver":
                self.walk.deliver(dies=choose.of((False, False, True)))
            case _:
                claim = self.walk.sendings.pop(choose.of(range(len(self.walk.sendings))))
                self.walk.settle_delivery(claim, choose.of(SENT))

    def person_acts(self, choose: Choices) -> None:
        stopped = self.walk.having({"held", "denied"})
        standing = self.walk.having(WORKABLE | {"packaged"})
        ended = self.walk.having(set(SeriesState) - WORKABLE - {"packaged"})
        kept = sorted(k for k, t in self.walk.model.things.items() if t.state == "quarantined")
        # People let go more than they stop, or nothing would ever move.
        studies = sorted(self.walk.model.held_studies)
        every = sorted({series.study for series in self.walk.model.series.values()})
        acts = ["hold", "hold a study", "retry", "reroute"]
        acts += ["release"] * 4 * bool(stopped) + ["release a study"] * 4 * bool(studies)
        acts += ["in vain"] * bool(ended) + ["quarantine"] * 2 * bool(kept)
        match choose.of(acts):
            case "hold" if standing:
                self.walk.hold_series(choose.of(standing))
            case "hold a study":
                self.walk.hold_or_release_study(choose.of(every))
            case "reroute":
                series = choose.of([None, *sorted(self.walk.model.series)])
                self.walk.reroute(choose.of(every), series)
            case "retry" | "hold":
                self.walk.retry_everything()
            case "release":
                self.walk.release_series(choose.of(stopped))
            case "release a study":
                self.walk.hold_or_release_study(choose.of(studies))
            case "in vain":
                self.walk.hold_in_vain(choose.of(ended))
            case _:
                self.walk.decide_quarantine(choose.of(kept), let_through=choose.of((True, False)))

    def clock_acts(self, choose: Choices) -> None:
        if seconds := choose.of((LEASE, 1.0, 15.0, 0.0)):
            self.walk.now += seconds
        else:
            self.walk.restart()


class LedgerMachine(RuleBasedStateMachine):
    """The actors in any order that Hypothesis thinks of."""

    @initialize()
    def begin(self) -> None:
        self.actors = Actors()

    def teardown(self) -> None:
        if hasattr(self, "actors"):
            self.actors.walk.close()

    @invariant()
    def it_is_what_the_model_says(self) -> None:
        if hasattr(self, "actors"):
            self.actors.walk.custody_holds()
            self.actors.walk.rows_are_what_the_model_says()

    # Few rules, as Hypothesis leaves out some of the rules in each of its runs, and
    # the way to a settled series needs all of them.

    @rule(data=st.data())
    def scanner(self, data: st.DataObject) -> None:
        self.actors.scanner_acts(Choices.drawn(data))

    @rule(data=st.data())
    def worker(self, data: st.DataObject) -> None:
        self.actors.worker_acts(Choices.drawn(data))

    @rule(data=st.data())
    def sender(self, data: st.DataObject) -> None:
        self.actors.sender_acts(Choices.drawn(data))

    @rule(data=st.data())
    def person(self, data: st.DataObject) -> None:
        self.actors.person_acts(Choices.drawn(data))

    @rule(data=st.data())
    def clock(self, data: st.DataObject) -> None:
        self.actors.clock_acts(Choices.drawn(data))


LedgerMachine.TestCase.settings = settings(
    max_examples=25,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestLedger = LedgerMachine.TestCase


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_long_life_is_what_the_model_says(seed: int) -> None:
    """Far from the beginning, where Hypothesis seldom comes."""
    chance = random.Random(seed)
    choose = Choices(chance.choice)
    actors = Actors()
    acts = [actors.scanner_acts, actors.worker_acts, actors.worker_acts, actors.sender_acts]
    acts += [actors.sender_acts, actors.person_acts, actors.clock_acts]
    try:
        for _ in range(STEPS):
            chance.choice(acts)(choose)
            actors.walk.custody_holds()
            actors.walk.rows_are_what_the_model_says()
    finally:
        actors.walk.close()
