"""Routes that send images on as they come: no waiting, batches by themselves, nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from causeway.decide.policy import Action, Route
from causeway.decide.verdict import Unit
from causeway.ledger import SeriesState
from causeway.testing.site import Image, Site
from causeway.values import Disposition


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path, start=False)
    made.configure(routes=[Route(name="on", destinations=("archive",), unit=Unit.ARRIVAL)])
    made.start()
    yield made
    made.stop()


def members(site: Site) -> list[list[int]]:
    """Instance numbers, parcel by parcel."""
    return [
        [int(each["instance_number"]) for each in archive.metadata["members"]]
        for archive in site.archives()
    ]


def test_an_image_goes_on_without_waiting_for_others(site: Site):
    site.receive(Image(number=1))
    site.work()
    assert members(site) == [[1]]
    site.receive(Image(number=2))
    site.work()
    assert sorted(members(site)) == [[1], [2]]
    assert site.ledger.custody().holds
    assert site.ledger.custody().count(Disposition.DELIVERED) == 2
    series = site.ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED


def test_while_a_parcel_waits_what_comes_is_for_the_next(site: Site):
    index, stages, lane, *_ = site.turns()
    site.receive(Image(number=1))
    while index(site.now) or stages(site.now):
        pass
    for number in range(2, 6):
        site.receive(Image(number=number))
        site.now += 0.3
        while index(site.now):
            pass
        stages(site.now)
    assert len(site.ledger.parcels_of(1)) == 1
    lane(site.now)
    site.now += 0.3
    site.work()
    assert sorted(members(site)) == [[1], [2, 3, 4, 5]]


def test_a_destination_that_is_dead_keeps_none_of_the_others_waiting(tmp_path: Path):
    site = Site(tmp_path, start=False)
    site.configure(
        destinations=(site.plan("archive"), site.plan("dead")),
        routes=[Route(name="on", destinations=("archive", "dead"), unit=Unit.ARRIVAL)],
    )
    site.start()
    (site.base / "dead").write_text("a file where a folder should be")
    for number in range(1, 5):
        site.receive(Image(number=number))
        site.work(1.0)
    assert sorted(each for parcel in members(site) for each in parcel) == [1, 2, 3, 4]
    assert site.ledger.custody().count(Disposition.DELIVERED) == 0
    assert site.ledger.custody().holds
    site.stop()


def test_what_the_rules_stop_is_stopped_as_ever(tmp_path: Path):
    site = Site(tmp_path, start=False)
    site.configure(
        routes=[
            Route(name="no", action=Action.DENY, destinations=()),
            Route(name="on", destinations=("archive",), unit=Unit.ARRIVAL),
        ]
    )
    site.start()
    site.receive(Image(number=1))
    site.work(40)
    assert members(site) == []
    series = site.ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.DENIED
    site.stop()


@pytest.mark.parametrize("seed", range(8))
def test_in_any_order_of_turns_each_image_goes_once(tmp_path: Path, seed: int):
    site = Site(tmp_path, seed=seed, start=False)
    site.configure(routes=[Route(name="on", destinations=("archive",), unit=Unit.ARRIVAL)])
    site.start()
    random = Random(seed)
    sent = 0
    while sent < 30:
        if random.random() < 0.4:
            sent += 1
            site.receive(Image(number=sent, series=1 + sent % 2))
        else:
            random.choice(site.turns())(site.now)
        site.now += random.random() / 5
    site.work(5)
    delivered = Counter(uid for uid, _ in site.delivered_data_sets())
    assert len(delivered) == 30
    assert set(delivered.values()) == {1}
    assert site.ledger.custody().holds
    assert site.ledger.custody().count(Disposition.DELIVERED) == 30
    site.work(200, retire=True)
    assert site.said("retire.retired")
    site.stop()
