"""The puller's threads, over a real ledger and nodes in memory."""

from __future__ import annotations

import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from causeway.attributes import Attributes
from causeway.ledger import Ledger, SeriesSeen, StudySeen, open_ledger
from causeway.pull import puller as puller_module
from causeway.pull.contract import Arrivals, Query, Report, Wanted
from causeway.pull.plan import Limits, NodePlan, Watch
from causeway.pull.puller import Puller, PullParts

PATIENCE_SECONDS = 60


class _Node:
    """Sends nothing, and tells by an event which series it was asked for."""

    def __init__(self) -> None:
        self.asked: dict[str, threading.Event] = {}
        self.at_once = 0
        self.most_at_once = 0
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def session(self) -> Iterator[_Node]:
        yield self

    def echo(self) -> None:
        return

    def find(self, _query: Query) -> Iterator[Attributes]:
        yield from ()

    def retrieve(self, wanted: Wanted, _arrivals: Arrivals) -> Report:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked[wanted.series_instance_uid].set()
        with self._lock:
            self.at_once -= 1
        return Report(way="get")


def _parts(ledger: Ledger, node: _Node, all_indexed: Callable[[float], bool]) -> PullParts:
    return PullParts(
        ledger=ledger, make_node=lambda *_: node, emit=lambda *_, **__: None, rng=Random(7),
        zone=dt.UTC, all_indexed=all_indexed,
    )  # fmt: skip


def _ask(ledger: Ledger, *series: str) -> None:
    seen = tuple(SeriesSeen(series_instance_uid=uid, image_count=3) for uid in series)
    study = StudySeen(study_instance_uid="1.2", series=seen)
    ledger.ask_for("node", [study], who="somebody", why="", now=ledger.now())


def test_a_series_is_fetched_while_what_came_before_is_counted(tmp_path: Path) -> None:
    node = _Node()
    node.asked = {uid: threading.Event() for uid in ("1.2.1", "1.2.2")}
    counting = threading.Event()

    def all_indexed(_: float) -> bool:
        counting.set()
        return all(each.is_set() for each in node.asked.values())

    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.query_began("node", now=ledger.now())
        _ask(ledger, *node.asked)
        puller = Puller(
            [NodePlan(name="node", limits=Limits(retrievals=1), watch=Watch())],
            _parts(ledger, node, all_indexed),
            on_failure=lambda: None,
        )  # fmt: skip
        puller.start()
        try:
            for asked in node.asked.values():
                assert asked.wait(PATIENCE_SECONDS)
        finally:
            puller.stop(patience_seconds=PATIENCE_SECONDS)
    assert counting.is_set()
    assert node.most_at_once == 1


def test_a_node_at_rest_is_woken_for_what_somebody_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(puller_module, "QUEUE_SECONDS", 3600.0)
    node = _Node()
    node.asked = {"1.2.1": threading.Event()}
    with open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.query_began("node", now=ledger.now())
        puller = Puller(
            [NodePlan(name="node")], _parts(ledger, node, lambda _: True), on_failure=lambda: None
        )
        puller.start()
        try:
            _ask(ledger, "1.2.1")
            until = time.monotonic() + PATIENCE_SECONDS
            while not node.asked["1.2.1"].wait(0.01) and time.monotonic() < until:
                puller.look()
            assert node.asked["1.2.1"].is_set()
        finally:
            puller.stop(patience_seconds=PATIENCE_SECONDS)
