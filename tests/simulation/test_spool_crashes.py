"""Histories from seeds, and one short history cut off at every single call.

`spool_world.World.check` says what must hold after each crash: everything acknowledged is there
with the right bytes, so is everything that the ledger was told; nothing is claimed with wrong
bytes; what was recycled or removed does not come back; a second recovery changes nothing.
"""

from __future__ import annotations

import contextlib

import pytest
from spool_world import SEGMENT, World

from causeway.errors import SpoolGone, TemporaryError
from causeway.spool import Durability
from causeway.testing.disk import PowerCut

POINTS = {
    "segment-made",
    "segment-locked",
    "segment-claimed",
    "segment-cut",
    "record-written",
    "record-synced",
    "large-written",
    "large-synced",
    "large-renamed",
    "large-committed",
    "leftovers-synced",
    "sealed",
    "set-aside",
    "head-half-raised",
    "generation-raised",
    "removed",
}


def run(seeds: range, durability: Durability = Durability.SYNCED) -> dict[str, int]:
    """Run a history for each seed; how often each named point was reached."""
    points: dict[str, int] = {}
    for seed in seeds:
        world = World(seed, durability=durability)
        try:
            world.run(60)
        except BaseException as error:
            error.add_note(f"seed {seed}, {durability}")
            raise
        for point, times in world.disk.points.items():
            points[point] = points.get(point, 0) + times
    return points


def test_nothing_acknowledged_is_lost() -> None:
    points = run(range(80))
    assert set(points) == POINTS, "every named point of the code is passed"


def test_relaxed_durability_survives_the_process_and_never_lies() -> None:
    run(range(60), Durability.RELAXED)


@pytest.mark.parametrize("seed", range(8))
def test_receivers_that_are_killed_again_and_again_do_not_fill_the_disk(seed: int) -> None:
    """Each leaves the segment that it was writing to: 300 of them, where 100 whole ones fit."""
    world = World(seed, faults=False, capacity=100 * SEGMENT)
    world.make_ahead()
    for _ in range(150):
        world.now += 1.0
        for number in (0, 1):
            world.store()
            world.kill_writer(number)
        world.make_ahead()
        world.index()
    assert len(world.promised) >= 300
    world.crash()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("durability", list(Durability))
def test_thousands_of_histories(durability: Durability) -> None:
    run(range(10_000, 11_200), durability)


def history(world: World) -> None:
    """A little of everything, always the same."""
    steps = (
        world.store,
        world.store,
        world.index,
        world.stream,
        world.store,
        world.keep,
        world.restart_writer,
        world.store,
        world.index,
        world.recycle,
        world.make_ahead,
        world.store,
        world.remove,
        world.store,
        world.index,
        world.restart_writer,
        world.recycle,
        world.store,
    )
    for step in steps:
        world.now += 1.0
        with contextlib.suppress(TemporaryError, SpoolGone):
            step()


@pytest.mark.parametrize("seed", [2, 11])
def test_the_power_may_go_at_any_call(seed: int) -> None:
    whole = World(seed, faults=False)
    before = whole.disk.calls
    history(whole)
    calls = whole.disk.calls - before
    assert calls > 200
    for call in range(1, calls, 3):
        world = World(seed, faults=False)
        world.disk.cut_at_call = world.disk.calls + call
        with contextlib.suppress(PowerCut):
            history(world)
        world.crash()
        history(world)
        world.crash()


@pytest.mark.parametrize("point", sorted(POINTS - {"leftovers-synced", "sealed", "set-aside"}))
def test_the_power_may_go_at_any_named_point(point: str) -> None:
    reached = 0
    for seed in range(25):
        world = World(seed, faults=False)
        world.disk.cut_at_point = point
        for _ in range(3):
            try:
                history(world)
            except PowerCut:
                reached += 1
                world.crash()
        world.crash()
    assert reached, f"{point} was never reached"
