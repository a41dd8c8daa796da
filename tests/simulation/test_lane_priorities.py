"""An urgent lane over a destination that is slow for each instance, by the simulation's clock.

What is urgent arrives at any rate, up to more than the destination can take at all, while others
wait. It goes before them, in the midst of what is on its way, and keeps nobody back but for what
comes within the head start that its rank gives it.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from causeway.decide.policy import Policy, Route
from causeway.decide.rules import compile_rule
from causeway.destinations import Instance, Takes
from causeway.ledger import DeliveryState
from causeway.pipeline import CompletionRules, LaneSettings
from causeway.testing.recording import RecordingDestination, Shelf
from causeway.testing.site import Image, Site

URGENT, USUAL = 20, 100
HEADSTART_SECONDS = (USUAL - URGENT) * 60.0
"""What is urgent has before what is not, by the ranks."""


class Slow:
    """The lane's only thread, and a far side that takes its time."""

    def __init__(self, folder: Path, *, seconds: float = 1.0) -> None:
        self.site = Site(folder, start=False)
        urgent = Route(
            name="urgent", destinations=("archive",), prio=URGENT,
            when=compile_rule('SeriesDescription == "STAT"'),
        )  # fmt: skip
        self.site.configure(
            policy=Policy(routes=(urgent, Route(name="rest", destinations=("archive",)))),
            completion=CompletionRules(quiet_seconds=1.0),
        )
        self.site.start()
        (self.lane,) = self.site.parts.lanes
        self.lane.settings = LaneSettings(parallel=1)
        self.order: list[tuple[str, float]] = []
        """UIDs as they arrive there, and when."""
        self.shelf = Shelf()
        self.seconds = seconds
        """Of one instance."""
        self.lane._destination = RecordingDestination(
            self.shelf, name="archive", takes=Takes(instances=1), on=self.happens
        )
        self.arriving: list[tuple[float, list[Image]]] = []

    def happens(self, step: str, instance: Instance | None) -> None:
        if step == "sent" and instance is not None:
            self.pass_time(self.seconds)
            self.order.append((instance.sop_instance_uid, self.site.now))

    def arrives(self, after: float, images: list[Image]) -> None:
        self.arriving.append((self.site.now + after, images))

    def pass_time(self, seconds: float) -> None:
        """What goes on beside the lane: images arrive, and are made ready to go."""
        self.site.now += seconds
        due = [each for each in self.arriving if each[0] <= self.site.now]
        self.arriving = [each for each in self.arriving if each[0] > self.site.now]
        for _, images in due:
            for image in images:
                self.site.receive(image)
        parts = self.site.parts
        while parts.indexer.turn(self.site.now) or parts.stages.turn(self.site.now):
            pass

    def run(self, seconds: float) -> None:
        until = self.site.now + seconds
        while self.site.now < until:
            if not self.lane.turn(self.site.now):
                self.pass_time(1.0)


def series(number: int, images: int, *, stat: bool = False) -> list[Image]:
    return [
        Image(study=number, number=n, size=20, series_description="STAT" if stat else "T1")
        for n in range(1, images + 1)
    ]


def of(study: int, order: list[tuple[str, float]]) -> list[float]:
    return [at for uid, at in order if uid.startswith(f"1.2.{study}.")]


def test_what_is_urgent_goes_between_two_instances(tmp_path: Path) -> None:
    world = Slow(tmp_path)
    start = world.site.now
    world.arrives(0, series(1, 60))
    world.arrives(20, series(2, 3, stat=True))
    world.run(90)
    first = of(2, world.order)
    assert len(first) == 3
    assert first[0] <= start + 20 + 2 + 1 + 2, "its quiet time, the instance on its way, its own"
    assert first[-1] - first[0] == 2, "and nothing in between"
    usual = of(1, world.order)
    assert len(usual) == 60
    assert min(usual) < first[0] < max(usual), "in the midst of the other"
    assert set(world.shelf.brought.values()) == {1}, "which goes on where it was"
    world.site.stop()


def test_what_is_urgent_takes_the_place_of_an_archive_once(tmp_path: Path) -> None:
    world = Slow(tmp_path)
    world.lane._destination = world.site.parts.destinations["archive"]
    original = world.site.reader.chunks

    def slow(where: object, size: int = 1 << 20) -> object:
        world.pass_time(1.0)
        return original(where, size)  # type: ignore[arg-type]

    world.site.reader.chunks = slow  # type: ignore[method-assign,assignment]
    for number in range(4):
        world.arrives(0 if number == 0 else 12.0 * number, series(number, 40, stat=number > 0))
    world.run(400)
    ledger = world.site.ledger
    rows = [row for study in (1, 2, 3, 4) for row in ledger.deliveries_of(study_id=study)]
    assert [row.state for row in rows] == [DeliveryState.VERIFIED] * 4
    gave_way = world.site.said("delivery.waits")
    assert len(gave_way) == 1, "not a second time"
    usual, *urgent = sorted(rows, key=lambda row: row.id)
    assert min(row.state_at for row in urgent) < usual.state_at
    world.site.stop()


@pytest.mark.parametrize("load", [0.95, 1.5])
def test_whatever_is_urgent_the_rest_goes_in_bounded_time(tmp_path: Path, load: float) -> None:
    world = Slow(tmp_path, seconds=20.0)
    random = Random(7)
    start = world.site.now
    hours = 2.2
    study = 10
    at = 0.0
    while at < hours * 3600:
        images = random.randrange(5, 25)
        study += 1
        world.arrives(at, series(study, images, stat=True))
        at += images * world.seconds / load
    world.arrives(300, series(1, 15))
    world.run(hours * 3600 + 1200)
    done = of(1, world.order)
    assert len(done) == 15
    waited = max(done) - start - 300
    assert waited <= HEADSTART_SECONDS * max(1.0, load) + 1100, "what came in its head start"
    if load > 1:
        assert waited > HEADSTART_SECONDS / 2, "it was kept back, and still went"
    assert set(world.shelf.brought.values()) == {1}
    world.site.stop()
