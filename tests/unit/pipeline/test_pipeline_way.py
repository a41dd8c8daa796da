"""A lane's breaker and bandwidth, over a real ledger: seen by others, outliving the process."""

from __future__ import annotations

import pytest

from causeway.destinations import Instance, Takes
from causeway.errors import (
    DestinationBusy,
    DestinationUnauthorised,
    DestinationUnavailable,
    NotYet,
    TemporaryError,
)
from causeway.ledger import BreakerState, DeliveryState, LaneRow
from causeway.pipeline import Bandwidth, LaneSettings, RetryRules
from causeway.pipeline.deliver import Lane
from causeway.pipeline.way import Way
from causeway.testing.recording import RecordingDestination, Shelf
from causeway.testing.site import Image, Site


class Peer:
    """A far side that answers as the test says."""

    def __init__(self, site: Site, parcels: int = 1, **settings: object) -> None:
        self.site = site
        self.error: Exception | None = None
        self.at = "start"
        self.asked = 0
        self.shelf = Shelf()
        self.lane: Lane = site.parts.lanes[0]
        self.attach(**settings)
        for number in range(1, parcels + 1):
            site.receive(Image(series=number, size=50_000))
        while site.parts.indexer.turn(site.now):
            pass
        site.now += 31
        site.parts.indexer.turn(site.now)
        while site.parts.stages.turn(site.now):
            pass

    def attach(self, **settings: object) -> None:
        site = self.site
        self.lane = site.parts.lanes[0]
        chosen = {"retry": RetryRules(first_seconds=1.0), **settings}
        self.lane.settings = LaneSettings(**chosen)  # type: ignore[arg-type]
        self.lane._destination = RecordingDestination(
            self.shelf, name="archive", takes=Takes(instances=1), on=self.happens
        )
        self.lane._way = Way(
            "archive", self.lane.settings.bandwidth, ledger=site.ledger,
            clock=lambda: site.now, rng=site.random, emit=site._emit,
        )  # fmt: skip

    def happens(self, step: str, instance: Instance | None) -> None:
        if step == "start":
            self.asked += 1
        if step == self.at and self.error is not None:
            raise self.error

    def turn(self) -> bool:
        return self.lane.turn(self.site.now)

    def row(self) -> LaneRow:
        row = self.site.ledger.lane("archive")
        assert row is not None
        return row

    def states(self) -> set[DeliveryState]:
        return {row.state for row in self.site.ledger.deliveries_of(study_id=1)}


def test_others_see_that_it_pauses_and_why_and_what_to_do(site: Site) -> None:
    peer = Peer(site)
    peer.error = DestinationUnavailable("archive does not answer", hint="is the cable in?")
    assert peer.turn()
    row = peer.row()
    assert (row.breaker, row.refusals) == (BreakerState.OPEN, 1)
    assert row.open_until is not None
    assert 1.6 <= row.open_until - site.now <= 2.0
    assert (row.fail_code, row.fail_text, row.fail_hint, row.failed_at) == (
        "destination_unavailable", "archive does not answer", "is the cable in?", site.now,
    )  # fmt: skip
    assert not peer.turn()
    site.now = row.open_until
    peer.error = None
    assert peer.turn()
    row = peer.row()
    assert (row.breaker, row.refusals, row.open_until) == (BreakerState.CLOSED, 0, None)
    assert row.fail_text == "archive does not answer", "when it was is said beside it"
    assert row.delivered_at == site.now
    assert [event.what for event in site.events if event.what.startswith("lane.")] == [
        "lane.away", "lane.answers",
    ]  # fmt: skip


def test_half_open_lets_one_through(site: Site) -> None:
    peer = Peer(site, parcels=3)
    peer.error = DestinationUnavailable("away")
    peer.turn()
    site.now += 200
    seen = []

    def looks(step: str, instance: Instance | None) -> None:
        if step == "start":
            seen.append(peer.row().breaker)
            seen.append(peer.lane.turn(site.now))

    peer.lane._destination.on = looks  # type: ignore[attr-defined]
    assert peer.turn()
    assert seen[:2] == [BreakerState.HALF_OPEN, False], "a second thread is not let through"
    assert peer.turn(), "closed again"


def test_a_half_open_lane_with_nothing_to_do_stays_ready(site: Site) -> None:
    peer = Peer(site)
    peer.error = DestinationUnavailable("away")
    peer.turn()
    site.ledger.hold("study:1", who="anna", why="wait", now=site.now)
    site.now += 200
    assert not peer.turn()
    assert not peer.turn()
    site.ledger.release("study:1", who="anna", why="", now=site.now)
    peer.error = None
    assert peer.turn()


def test_a_new_process_asks_at_once_and_still_counts(site: Site) -> None:
    peer = Peer(site, parcels=2)
    peer.error = DestinationUnavailable("away")
    for _ in range(6):
        site.now += 130
        peer.turn()
    assert peer.row().refusals == 6
    assert not peer.turn()
    peer.attach()
    assert peer.turn()
    assert peer.row().refusals == 7


def test_who_does_not_know_us_is_left_alone_until_a_person_says_so(site: Site) -> None:
    peer = Peer(site)
    peer.error = DestinationUnauthorised("archive does not take the password", hint="renew it")
    peer.turn()
    for _ in range(200):
        site.now += 1
        peer.turn()
    assert peer.asked == 1
    peer.error = None
    site.ledger.retry(None, who="anna", why="renewed", now=site.now, destination="archive")
    site.now += 1
    assert peer.turn()
    assert peer.states() == {DeliveryState.VERIFIED}


def test_who_asks_to_wait_is_waited_for_and_no_try_is_spent(site: Site) -> None:
    peer = Peer(site)
    peer.error = DestinationBusy("archive asks to wait", retry_after_seconds=500.0)
    peer.turn()
    (row,) = site.ledger.deliveries_of(series_id=1)
    assert (row.state, row.attempt, row.due_at) == (DeliveryState.DUE, 0, site.now + 500)
    assert row.waits_for == "archive asks to wait"
    site.now += 499
    assert not peer.turn()
    site.now += 1
    peer.error = None
    assert peer.turn()


def test_work_at_the_other_side_closes_nothing_and_spends_no_try(site: Site) -> None:
    peer = Peer(site, parcels=2)
    peer.at, peer.error = "commit", NotYet("the import goes on", again_in_seconds=60.0)
    assert peer.turn()
    assert peer.turn(), "the other parcel goes all the same"
    rows = site.ledger.deliveries_of(study_id=1)
    assert {row.attempt for row in rows} == {0}
    assert {row.due_at for row in rows} == {site.now + 60}
    peer.error = None
    site.now += 60
    brought = dict(peer.shelf.brought)
    assert peer.turn()
    assert peer.turn()
    assert peer.states() == {DeliveryState.VERIFIED}
    assert dict(peer.shelf.brought) == brought, "nothing is sent again"


def test_what_was_asked_for_comes_before_the_schedule_of_tries(site: Site) -> None:
    peer = Peer(site)
    peer.error = TemporaryError("not now", retry_after_seconds=77.0)
    peer.turn()
    (row,) = site.ledger.deliveries_of(series_id=1)
    assert (row.due_at, row.attempt, row.failing_since) == (site.now + 77, 1, site.now)


def test_it_is_dead_after_its_time_however_few_the_tries(site: Site) -> None:
    peer = Peer(site, retry=RetryRules(first_seconds=1.0, give_up_seconds=3600.0))
    peer.error = TemporaryError("not now", retry_after_seconds=1000.0)
    for _ in range(5):
        peer.turn()
        site.now += 1000
    (row,) = site.ledger.deliveries_of(series_id=1)
    assert row.state is DeliveryState.DEAD
    assert row.fail_text == "gave up after 4 tries: not now"


def test_bytes_go_as_fast_as_they_may_and_the_rate_is_seen(site: Site) -> None:
    peer = Peer(site, parcels=4, bandwidth=Bandwidth(bytes_per_second=10_000.0))
    start = site.now
    while peer.turn():
        pass
    assert 4 * 50_000 / 10_000 * 0.9 < site.now - start < 4 * 51_000 / 10_000 * 1.1
    row = peer.row()
    assert row.bytes_per_second == pytest.approx(10_000, rel=0.25)


def test_what_is_urgent_takes_most_of_the_line_and_not_all(site: Site) -> None:
    way = Way(
        "archive", Bandwidth(bytes_per_second=1000.0), ledger=site.ledger,
        clock=lambda: site.now, rng=site.random, emit=site._emit,
    )  # fmt: skip
    ready = {True: 0.0, False: 0.0}
    sent = {True: 0, False: 0}
    start = site.now
    with way.carrying(urgent=True), way.carrying(urgent=False):
        while site.now < start + 100:
            for urgent in (True, False):
                if site.now >= ready[urgent]:
                    ready[urgent] = site.now + way.take(100, urgent=urgent)
                    sent[urgent] += 100
            site.now += 0.01
    assert sent[False] > 0.08 * sent[True], "the rest is not starved"
    assert sent[True] >= sent[False]
    with way.carrying(urgent=False):
        assert way.take(100, urgent=False) < 1.0


def test_a_stop_ends_it_at_the_next_batch_and_nothing_is_sent_twice(site: Site) -> None:
    for number in range(1, 6):
        site.receive(Image(number=number))
    peer = Peer(site, parcels=1)

    def stops(step: str, instance: Instance | None) -> None:
        if step == "sent" and len(peer.shelf.kept) == 2:
            peer.lane.stop()

    peer.lane._destination.on = stops  # type: ignore[attr-defined]
    assert peer.turn()
    assert len(peer.shelf.kept) == 2
    assert not peer.turn()
    peer.lane._stopping = False
    assert peer.turn()
    assert set(peer.shelf.brought.values()) == {1}
    assert peer.states() == {DeliveryState.VERIFIED}
