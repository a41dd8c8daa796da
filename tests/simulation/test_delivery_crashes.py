"""Deliveries that die at every named point, and within every step of a destination.

One seed is one history. The far side outlives all of it and counts: in the end each image is there
once, and nothing was brought twice, whatever had to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from causeway.decide.policy import Route
from causeway.destinations import Instance, Takes
from causeway.errors import DestinationUnavailable, TemporaryError
from causeway.ledger import DeliveryState
from causeway.pipeline import points
from causeway.testing.disk import FaultyDisk, PowerCut
from causeway.testing.recording import RecordingDestination, Shelf
from causeway.testing.site import Image, Site

SEEDS = 12
POINTS = tuple(point for point in points.POINTS if point.startswith("deliver."))
STEPS = ("start", "send", "sent", "commit", "committed", "verify", "abort")
NAMES = ("archive", "second", "third")
IMAGES = 7


@pytest.fixture(autouse=True)
def no_points() -> Iterator[None]:
    yield
    points.on_reach(None)


class World:
    """Three destinations that take images one by one, two at a time, or all at once."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = Random(seed)
        self.troubled = True
        self.crashes = 0
        self.site = Site(folder, seed=seed, disk=FaultyDisk(Random(seed)), start=False)
        self.site.configure(
            routes=(Route(name="all", destinations=NAMES),),
            destinations=[self.site.plan(name) for name in NAMES],
        )
        self.shelves = {name: Shelf() for name in NAMES}
        self.site.start()
        self.attach()

    def attach(self) -> None:
        """As at each start of the process: only the shelves are what they were."""
        takes = (Takes(instances=1), Takes(instances=2), Takes())
        for lane, size in zip(self.site.parts.lanes, takes, strict=True):
            lane._destination = RecordingDestination(
                self.shelves[lane.name], name=lane.name, takes=size, on=self.happens
            )
        points.on_reach(self.reached)

    def reached(self, point: str) -> None:
        if self.troubled and point in POINTS and self.random.random() < 0.03:
            raise PowerCut

    def happens(self, step: str, instance: Instance | None) -> None:
        del instance
        assert step in STEPS
        if not self.troubled or step == "abort":
            return
        chance = self.random.random()
        if chance < 0.02:
            raise PowerCut
        if chance < 0.03:
            raise TemporaryError("not now")
        if chance < 0.04:
            raise ConnectionResetError
        if chance < 0.05 and step == "start":
            raise DestinationUnavailable("away")

    def turn(self) -> None:
        try:
            self.random.choice(self.site.turns(retire=False))(self.site.now)
        except PowerCut:
            self.crashes += 1
            self.site.crash(power=self.random.random() < 0.5)
            self.site.now += self.random.choice((0.1, 100.0))
            points.on_reach(None)
            self.site.start()
            self.attach()
        self.site.now += self.random.choice((0.0, 0.1, 1.0))

    def rows(self) -> list[DeliveryState]:
        return [row.state for row in self.site.ledger.deliveries_of(study_id=1)]


@pytest.mark.parametrize("seed", range(SEEDS))
def test_each_image_is_there_once_whatever_died_when(seed: int, tmp_path: Path) -> None:
    world = World(tmp_path, seed)
    images = [Image(series=n % 2, number=n, size=100) for n in range(IMAGES)]
    for image in images:
        world.site.receive(image)
    world.site.now += 1
    for _ in range(600):
        world.turn()
    world.troubled = False
    world.site.work(200.0, step=5.0)
    assert world.rows() == [DeliveryState.VERIFIED] * 2 * len(NAMES)
    for name, shelf in world.shelves.items():
        assert set(shelf.kept) == {image.uid for image in images}
        for image in images:
            assert shelf.kept[image.uid].endswith(image.data())
        assert set(shelf.brought.values()) == {1}, f"{name}: something was brought twice"
    assert world.site.ledger.custody().holds
    world.site.stop()


def test_the_histories_do_have_crashes(tmp_path: Path) -> None:
    crashes = 0
    for seed in range(3):
        (folder := tmp_path / str(seed)).mkdir()
        world = World(folder, seed)
        for n in range(IMAGES):
            world.site.receive(Image(series=n % 2, number=n, size=100))
        for _ in range(400):
            world.turn()
        crashes += world.crashes
        world.site.stop()
    assert crashes >= 6
