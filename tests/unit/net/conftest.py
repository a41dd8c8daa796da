"""Looks and snapshots come more often here than in service: tests wait for them all the time."""

from __future__ import annotations

from functools import partial

import pytest

from causeway.net import door, receiver, refuser, watchdog
from causeway.net.burst import BurstSummary


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receiver, "TICK_SECONDS", 0.1)
    monkeypatch.setattr(watchdog, "LOOK_SECONDS", 0.1)
    monkeypatch.setattr(door, "_TICK_SECONDS", 0.1)
    monkeypatch.setattr(refuser, "_LOOK_SECONDS", 0.1)
    for module in (door, receiver):
        monkeypatch.setattr(module, "BurstSummary", partial(BurstSummary, quiet_seconds=0.5))
