"""Random histories of a node, against what must hold of every one of them.

Series begin, grow, lose images, vanish and return; the node is down for a minute or a month, breaks
off in the middle of an answer, answers as if it were empty, leaves out images or counts; the puller
dies in the middle. Whatever happens: what is wanted comes in the end, an image crosses the wire
once unless it was asked for anew, and nothing comes again because of an outage.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from pull_world import State, World

from causeway.pull.fetching import Fetcher

SERIES = st.sampled_from(["1.1", "1.2", "2.1", "3.1"])
DAY = 86400.0


class Histories(RuleBasedStateMachine):
    """See the module's text."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.made = 0
        self.edits: dict[str, int] = {}
        """Of tags, by series: all of it may come once more for each."""
        self.aside: dict[str, set[str]] = {}
        self.ever: dict[str, set[str]] = {}

    @initialize(delay=st.sampled_from([0.0, 90.0]), lists=st.booleans(), counts=st.booleans())
    def begin(self, delay: float, lists: bool, counts: bool) -> None:
        self.world = World(delay=delay)
        self.world.node.lists = lists
        # A node that does neither could only be taken at its word.
        self.world.node.counts = counts or not lists

    def _study(self, series: str) -> dict[str, set[str]]:
        return self.world.node.studies.setdefault(series.split(".", maxsplit=1)[0], {})

    # --- what happens at the node ---------------------------------------------------------------

    @rule(series=SERIES, count=st.integers(1, 3))
    def images_come(self, series: str, count: int) -> None:
        images = self._study(series).setdefault(series, set())
        for _ in range(count):
            self.made += 1
            images.add(f"{series}.{self.made}")
        self.ever.setdefault(series, set()).update(images)

    @rule(series=SERIES)
    def a_series_is_taken_away_and_kept_aside(self, series: str) -> None:
        study = self._study(series)
        if series in study:
            self.aside.setdefault(series, set()).update(study.pop(series))

    @rule(series=SERIES)
    def a_series_is_put_back(self, series: str) -> None:
        if series in self.aside:
            self._study(series).setdefault(series, set()).update(self.aside.pop(series))

    @rule(series=SERIES)
    def a_comment_is_edited(self, series: str) -> None:
        if series in self._study(series):
            self.edits[series] = self.edits.get(series, 0) + 1
            self.world.node.comments[series] = f"edit {self.edits[series]}"

    @rule(drops=st.integers(0, 2))
    def images_get_lost_on_the_way(self, drops: int) -> None:
        self.world.node.drops = drops

    @rule(series=SERIES)
    def a_series_grows_in_the_middle(self, series: str) -> None:
        self.world.node.grows = lambda: self.images_come(series, 1)

    @rule()
    def it_goes_down(self) -> None:
        self.world.node.up = False

    @rule(after=st.integers(0, 2))
    def it_answers_in_part(self, after: int) -> None:
        self.world.node.breaks_after = after

    @rule()
    def it_is_well_again(self) -> None:
        self.world.node.up, self.world.node.breaks_after = True, -1

    # --- what happens here ----------------------------------------------------------------------

    @rule(seconds=st.sampled_from([60.0, 60.0, 3700.0, 8 * DAY, 40 * DAY]))
    def look(self, seconds: float) -> None:
        before = {uid: row.state for uid, row in self.world.ledger.series().items()}
        counts = self.world.look(seconds)
        well = self.world.node.up and self.world.node.breaks_after < 0
        assert counts == well
        if not counts:
            after = {uid: row.state for uid, row in self.world.ledger.series().items()}
            assert after == before, "a query that failed changes nothing"

    @rule()
    def fetch(self) -> None:
        self.world.fetch()

    @rule()
    def die_while_retrieving_and_start_again(self) -> None:
        self.world.ledger.claim_retrievals("node", limit=2, new_studies=9, now=self.world.now)
        self.world.start()

    # --- what holds -----------------------------------------------------------------------------

    @invariant()
    def no_image_comes_twice_for_nothing(self) -> None:
        if not self.world.node.lists:
            return  # then a part is asked for whole, and the ledger finds what came twice
        for image, times in self.world.arrivals.items():
            series = image.rpartition(".")[0]
            # A retrieval for edited tags may fail, and be tried ten times for each edit.
            allowed = 1 + 10 * self.edits.get(series, 0)
            assert times <= allowed, (image, times)

    @invariant()
    def what_is_retrieved_is_here(self) -> None:
        for uid, row in self.world.ledger.series().items():
            if row.state is State.RETRIEVED:
                assert len(self.world.ledger.here(uid)) >= (row.image_count or 1)
                assert not row.begun

    def teardown(self) -> None:
        """In the end the node is well: everything that it has comes, and then nothing more."""
        world = self.world
        world.node.up, world.node.breaks_after, world.node.drops = True, -1, 0
        world.node.grows = None
        for series in list(self.aside):
            self.a_series_is_put_back(series)
        abandoned = {
            uid for uid, row in world.ledger.series().items() if row.state is State.ABANDONED
        }
        world.settle()
        for uid, images in self.ever.items():
            if uid not in abandoned:
                assert world.ledger.here(uid) >= images, (uid, world.ledger.series().get(uid))
        arrivals = dict(world.arrivals)
        # An outage of a month, an answer as of an empty node, and all is as it was.
        world.node.up = False
        for _ in range(3):
            world.look(10 * DAY)
        world.node.up = True
        studies, world.node.studies = world.node.studies, {}
        world.look(10 * DAY)
        world.look(10 * DAY)
        world.node.studies = studies
        world.settle(6)
        if world.node.lists or not abandoned:
            assert world.arrivals == arrivals


Histories.TestCase.settings = settings(
    max_examples=2000, stateful_step_count=30, deadline=None,
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
# Not bounded by the clock: what is slow here is the machine.
TestHistories = pytest.mark.timeout(900)(pytest.mark.slow(Histories.TestCase))


def test_what_vanished_and_returned_is_not_fetched_again_when_images_cannot_be_listed() -> None:
    world = World()
    world.node.lists = False
    world.node.studies = {"1": {"1.1": {"a", "b"}}}
    world.settle(4)
    assert world.arrivals == {"a": 1, "b": 1}
    studies, world.node.studies = world.node.studies, {}
    world.look(60)
    world.node.studies = studies
    world.settle(4)
    world.node.studies = {}
    world.look(30 * DAY)
    world.node.studies = studies
    world.settle(4)
    assert world.arrivals == {"a": 1, "b": 1}


def test_history_is_left_there_even_when_the_first_query_fails() -> None:
    world = World(ignore_existing=True)
    world.node.studies = {"1": {"1.1": {"a"}}, "2": {"2.1": {"b"}}}
    world.node.breaks_after = 1
    assert not world.look()
    assert not world.ledger.series()
    world.node.breaks_after = -1
    world.settle(4)
    assert not world.arrivals
    world.node.studies["2"]["2.1"].add("c")
    world.node.studies["3"] = {"3.1": {"d"}}
    world.settle(4)
    assert set(world.arrivals) == {"b", "c", "d"}


def test_ten_failures_abandon_and_a_change_gives_another_chance() -> None:
    world = World()
    world.node.studies = {"1": {"1.1": {"a", "b", "c"}}}
    world.node.drops = 1
    world.settle(30)
    row = world.ledger.series()["1.1"]
    assert (row.state, row.attempt, row.fail_code) == (State.ABANDONED, 10, "fewer_images")
    assert row.begun
    world.node.drops = 0
    world.settle(4)
    assert world.ledger.series()["1.1"].state is State.ABANDONED
    world.node.studies["1"]["1.1"].add("d")
    world.settle(4)
    assert world.ledger.series()["1.1"].state is State.RETRIEVED


def test_the_node_is_left_before_what_has_come_is_counted() -> None:
    world = World()
    world.node.studies = {"1": {"1.1": {"a", "b"}}}
    world.look()
    world.look()
    order: list[str] = []

    def all_indexed(_: float) -> bool:
        order.append("counted")
        return True

    around = replace(world.surroundings, all_indexed=all_indexed)
    fetcher = Fetcher(world.node, world.plan, world.abilities, around)
    claimed = world.ledger.claim_retrievals("node", limit=1, new_studies=1, now=world.now)
    settled = fetcher.fetch(claimed[0], lambda: order.append("left"))
    assert settled is not None
    assert settled.state is State.RETRIEVED
    assert order == ["left", "counted"]
