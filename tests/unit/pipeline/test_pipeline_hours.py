"""Deliveries in their destination's hours, over a real ledger and a real folder."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from causeway.decide.policy import Policy, Route
from causeway.decide.verdict import PRIO_LOW, PRIO_URGENT, PRIO_USUAL
from causeway.errors import LedgerBusy
from causeway.ledger import DeliveryRow, QueueLane, SeriesState
from causeway.pipeline import DestinationPlan, Hours
from causeway.schedule import Schedule
from causeway.testing.site import Image, Site

DAY = 86_400.0
MIDNIGHT = 12 * DAY
"""A Tuesday in January 1970, UTC."""
HOUR = 3600.0

NIGHTS = Hours(name="nights", schedule=Schedule.parse(["18:00-06:00"], "UTC"))


def at(site: Site, hours: float) -> None:
    site.now = MIDNIGHT + hours * HOUR


def closing(site: Site, hours: Hours | None = NIGHTS, prio: int = PRIO_USUAL) -> None:
    """Other hours and priority, from now on."""
    (plan,) = site.settings.destinations
    plan: DestinationPlan = replace(plan, lane=replace(plan.lane, hours=hours))
    route = Route(name="all", destinations=("archive",), prio=prio)
    site.stop()
    site.configure(destinations=(plan,), policy=Policy(routes=(route,)))
    site.start()


def only(site: Site) -> DeliveryRow:
    (row,) = site.ledger.deliveries_of()
    return row


def lane(site: Site) -> QueueLane:
    (found,) = site.ledger.queue(now=site.now)
    return found


def said(site: Site) -> list[str]:
    return [event.what for event in site.events if event.what.startswith("lane.")]


def arrives(site: Site, **values: Any) -> None:
    site.receive(Image(**values))
    site.work(60, step=5)


@pytest.mark.parametrize("prio", [PRIO_USUAL, PRIO_LOW])
def test_by_day_it_waits_for_the_night(site: Site, prio: int) -> None:
    closing(site, prio=prio)
    at(site, 9)
    arrives(site)
    opens = MIDNIGHT + 18 * HOUR
    assert (only(site).due_at, only(site).waits_for) == (opens, "schedule nights")
    assert only(site).attempt == 0
    queue = lane(site)
    assert (queue.count, queue.next_at) == (1, opens)
    assert [(each.why, each.until) for each in queue.waits] == [("schedule nights", opens)]
    at(site, 18)
    site.work(1)
    assert only(site).state.value == "verified"
    assert said(site) == ["lane.closed", "lane.open"]


def test_what_is_urgent_does_not_wait(site: Site) -> None:
    closing(site, prio=PRIO_URGENT)
    at(site, 9)
    arrives(site)
    assert only(site).state.value == "verified"


def test_what_has_not_gone_when_hours_end_waits_for_the_next(site: Site) -> None:
    closing(site)
    at(site, 5.9)
    site.receive(Image())
    site.parts.indexer.turn(site.now)
    site.now += 31
    while site.parts.indexer.turn(site.now) or site.parts.stages.turn(site.now):
        pass
    assert only(site).waits_for == ""
    at(site, 6)
    assert not site.parts.lanes[0].turn(site.now)
    assert (only(site).due_at, only(site).waits_for) == (
        MIDNIGHT + 18 * HOUR,
        "schedule nights",
    )


def test_other_hours_hold_at_once(site: Site) -> None:
    closing(site)
    at(site, 9)
    arrives(site)
    noon = Hours(name="noon", schedule=Schedule.parse(["12:00-13:00"], "UTC"))
    closing(site, noon)
    site.work(1)
    assert (only(site).due_at, only(site).waits_for) == (MIDNIGHT + 12 * HOUR, "schedule noon")
    closing(site, None)
    site.work(1)
    assert only(site).state.value == "verified"
    assert said(site) == ["lane.closed", "lane.closed"], "without hours there is nothing to say"


def test_a_persons_retry_does_not_open_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    closing(site)
    at(site, 5.9)
    destination = site.parts.destinations["archive"]

    def fails(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(destination, "start", fails)
    arrives(site)
    assert only(site).fail_code != ""
    monkeypatch.undo()
    at(site, 7)
    site.work(1)
    site.ledger.retry("series:1", who="anna", why="mended", now=site.now)
    site.work(90)
    assert (only(site).state.value, only(site).waits_for) == ("due", "schedule nights")
    at(site, 18)
    site.work(1)
    series = site.ledger.series(1)
    assert series is not None
    assert series.state is SeriesState.SETTLED


def test_a_closed_lane_is_told_seldom(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    closing(site)
    at(site, 9)
    told = []
    original = site.ledger.set_opening

    def set_opening(destination: str, **values: Any) -> int:
        told.append(site.now)
        return original(destination, **values)

    monkeypatch.setattr(site.ledger, "set_opening", set_opening)
    site.work(150)
    assert len(told) == 3
    at(site, 18)
    site.work(150)
    assert len(told) == 4


def test_a_busy_ledger_is_told_at_the_next_turn(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    closing(site)
    at(site, 9)
    told = []

    def busy_once(destination: str, **values: Any) -> int:
        told.append(destination)
        if len(told) == 1:
            raise LedgerBusy("the database is locked")
        return 0

    monkeypatch.setattr(site.ledger, "set_opening", busy_once)
    (closed,) = site.parts.lanes
    with pytest.raises(LedgerBusy):
        closed.turn(site.now)
    closed.turn(site.now + 1)
    assert len(told) == 2
    assert said(site) == ["lane.closed"]
