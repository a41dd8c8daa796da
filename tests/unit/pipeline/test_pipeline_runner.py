"""The pipeline as it runs: threads, wake-ups, ends."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from causeway.destinations import Shipment, Transfer
from causeway.errors import LedgerBusy, LedgerCorrupt
from causeway.ledger import open_ledger
from causeway.observe.fields import FIELDS, UNFIT, fit
from causeway.pipeline import CompletionRules, Parts, Pipeline
from causeway.pipeline import runner as runner_module
from causeway.testing.site import Event, Image, Site
from causeway.values import Disposition


class Running:
    """A site whose pipeline runs by itself, by the real clock."""

    def __init__(self, folder: Path, *, quiet_seconds: float = 0.3) -> None:
        self.site = Site(folder, start=False)
        self.site.configure(
            completion=CompletionRules(quiet_seconds=quiet_seconds), keep_seconds=0.0
        )
        self.site.start()
        self.failed = threading.Event()
        self.site.parts.clock = time.time
        self.parts = Parts(
            self.site.settings, ledger=self.site.ledger, spool=self.site.reader,
            keeper=self.site.parts.retirement._keeper, owner="running",  # type: ignore[arg-type]
            rng=self.site.random, emit=self.site._emit, clock=time.time,
        )  # fmt: skip
        self.site.parts = self.parts
        self.pipeline = Pipeline(self.parts, emit=self.site._emit, on_failure=self.failed.set)

    def receive(self, image: Image) -> None:
        self.site.now = time.time()
        self.site.hints = False
        record = self.site.receive(image)
        self.pipeline.committed(record.address.container, record.end)

    def wait_for(self, what: Callable[[], Any], seconds: float = 20.0) -> Any:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := what():
                return found
            time.sleep(0.01)
        pytest.fail(f"did not happen in {seconds} s; said: {self.site.events[-5:]}")

    def verified(self, count: int) -> Callable[[], bool]:
        return lambda: len(self.site.said("delivery.verified")) >= count


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    yield made
    made.pipeline.stop(patience_seconds=10)
    made.site.stop()


def test_from_success_to_verified_soon_after_the_quiet_time(running: Running) -> None:
    running.pipeline.start()
    for number in range(5):
        running.receive(Image(number=number))
    last = time.time()
    running.wait_for(running.verified(1))
    assert time.time() - last < 0.3 + 2.0
    running.wait_for(lambda: running.site.ledger.custody().count(Disposition.DELIVERED) == 5)


def test_the_end_of_an_association_is_heard(tmp_path: Path) -> None:
    running = Running(tmp_path, quiet_seconds=600)
    running.pipeline.start()
    for number in range(3):
        running.receive(Image(number=number, expected="3"))
    running.pipeline.association_over("a1", "released")
    running.wait_for(running.verified(1))
    assert running.pipeline.stop(patience_seconds=10)
    running.site.stop()


def test_refusals_are_counted(running: Running) -> None:
    running.pipeline.start()
    running.pipeline.refused("ct1", "A700", 4)
    running.wait_for(lambda: running.site.ledger.custody().count(Disposition.REJECTED) == 4)


def test_what_another_process_writes_is_found(running: Running, tmp_path: Path) -> None:
    operator = open_ledger(tmp_path / "ledger.db", create=False)
    running.pipeline.start()
    running.receive(Image())
    running.wait_for(operator.search)
    operator.hold("study:1", who="alice", why="wait", now=time.time())
    time.sleep(1.0)
    assert not running.site.said("delivery.verified")
    operator.release("study:1", who="alice", why="go on", now=time.time())
    running.wait_for(running.verified(1))
    operator.close()


def test_a_part_that_fails_is_turned_again(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "PAUSE_SECONDS", 0.05)
    original = running.site.ledger.claim_series
    failures = [LedgerBusy("locked"), RuntimeError("Planted^Name")]

    def claim(*args: Any, **kwargs: Any) -> Any:
        if failures:
            raise failures.pop(0)
        return original(*args, **kwargs)

    monkeypatch.setattr(running.site.ledger, "claim_series", claim)
    running.pipeline.start()
    running.receive(Image())
    running.wait_for(running.verified(1))
    said = running.site.said("pipeline.failed")
    assert [s["stage"] for s in said] == ["stages", "stages"]
    assert not running.failed.is_set()


def test_a_ledger_that_cannot_be_trusted_ends_it(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corrupt(*args: Any, **kwargs: Any) -> Any:
        raise LedgerCorrupt("the database is malformed")

    monkeypatch.setattr(running.site.ledger, "claim_series", corrupt)
    running.pipeline.start()
    assert running.failed.wait(10)
    assert isinstance(running.pipeline.failure, LedgerCorrupt)


def test_stopping_lets_a_delivery_finish(running: Running) -> None:
    begun, go_on = threading.Event(), threading.Event()
    destination = running.parts.lanes[0]._destination
    original = destination.start

    def slow(shipment: Shipment) -> Transfer:
        begun.set()
        assert go_on.wait(10)
        return original(shipment)

    destination.start = slow  # type: ignore[method-assign]
    running.pipeline.start()
    running.receive(Image())
    assert begun.wait(10)
    threading.Timer(0.2, go_on.set).start()
    assert running.pipeline.stop(patience_seconds=10)
    assert running.site.ledger.custody().count(Disposition.DELIVERED) == 1


def test_stopping_does_not_wait_for_ever(running: Running) -> None:
    begun = threading.Event()
    destination = running.parts.lanes[0]._destination

    def endless(shipment: Shipment) -> Transfer:
        begun.set()
        while True:
            shipment.archive(lambda parts: None)
            time.sleep(0.01)

    destination.start = endless  # type: ignore[method-assign]
    running.pipeline.start()
    running.receive(Image())
    assert begun.wait(10)
    started = time.monotonic()
    assert running.pipeline.stop(patience_seconds=0.2)
    assert time.monotonic() - started < 10
    assert running.site.ledger.custody().count(Disposition.ON_ITS_WAY) == 1


def test_idling_costs_next_to_nothing(running: Running) -> None:
    running.pipeline.start()
    time.sleep(0.5)
    before, started = time.process_time(), time.monotonic()
    time.sleep(1.5)
    share = (time.process_time() - before) / (time.monotonic() - started)
    assert share < 0.05, f"{share:.1%} of a processor for nothing"


def test_every_event_has_declared_fields_that_fit(tmp_path: Path) -> None:
    """What the pipeline says can stand in the log as it is."""
    site = Site(tmp_path)
    for number in range(3):
        site.receive(Image(number=number))
    site.receive(Image(number=9, cut=3))
    site.receive(Image(number=1, variant=1))
    site.parts.indexer.committed("seg-ffffffffffffffff.9", 4096)
    site.work(40)
    site.writer.close()
    site.work(100, retire=True)
    kinds = {event.what for event in site.events}
    assert {"delivery.verified", "instance.quarantined", "retire.freed"} <= kinds
    for event in site.events:
        check_fields(event)
    site.stop()


def check_fields(event: Event) -> None:
    for name, value in event.fields.items():
        assert name in FIELDS, f"{event.what}: {name} is not declared"
        if not isinstance(value, Exception):
            assert fit(FIELDS[name].kind, value) != UNFIT, f"{event.what}: {name}={value!r}"


def test_what_gathers_waits_for_its_time_and_what_others_wait_for_does_not() -> None:
    loop = runner_module._Loop("index", lambda _: False, 60.0, spacing_seconds=0.05)
    began = time.monotonic()
    loop.wake.set()
    loop.rest(60.0, began)
    assert time.monotonic() - began >= 0.05
    waiting = runner_module._Loop("index", lambda _: False, 60.0, spacing_seconds=3600.0)
    waiting.wake_now()
    waiting.rest(60.0, time.monotonic())  # an hour, if it did not heed it
