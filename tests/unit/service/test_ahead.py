"""When segments are made, and when whoever receives has the disk for itself."""

from __future__ import annotations

from threading import Event

import pytest

from causeway.service.ahead import FULL_SPEED, QUIET_SECONDS, Ahead, Inflow

FEW = 100


class Spool:
    """What is ready and what was received, and a clock that waiting moves."""

    def __init__(self, *, ready: int = 1000, rate: float = 0.0) -> None:
        self.now = 50.0
        self.ready = ready
        self.received = 0.0
        self.rate = rate
        self.ends_at = 1e9
        self.waited = 0.0
        world = self

        class Clockwork(Event):
            def wait(self, timeout: float | None = None) -> bool:
                assert timeout is not None
                world.waited += timeout
                world.pass_time(timeout)
                return self.is_set()

        self.stop = Clockwork()
        self.ahead = Ahead(
            stop=self.stop,
            received_bytes=lambda: int(self.received),
            ready_bytes=lambda: self.ready,
            few=FEW,
            clock=lambda: self.now,
        )

    def pass_time(self, seconds: float) -> None:
        coming = min(seconds, max(0.0, self.ends_at - self.now))
        self.now += seconds
        self.received += coming * self.rate
        assert self.now < 1000, "waits for ever"

    def waits(self) -> float:
        """How long it gives way when it is asked now."""
        before = self.waited
        self.ahead.give_way()
        return self.waited - before

    def has_looked(self, seconds: float = 5.0) -> None:
        for _ in range(round(seconds / 0.25)):
            self.ahead._inflow.look(int(self.received), self.ready, self.now)
            self.pass_time(0.25)


def test_nothing_hinders_while_nothing_comes() -> None:
    spool = Spool(ready=0)
    spool.has_looked()
    assert spool.waits() == 0


def test_while_objects_come_it_waits_for_their_end_if_enough_is_left() -> None:
    spool = Spool(ready=FEW, rate=1e6)
    spool.has_looked()
    spool.ends_at = spool.now + 10
    assert spool.waits() == pytest.approx(10 + QUIET_SECONDS, abs=0.5)


def test_while_objects_come_now_and_then_the_last_few_are_made_up_for() -> None:
    spool = Spool(ready=FEW - 1, rate=FULL_SPEED / 2)
    spool.has_looked()
    assert spool.waits() == 0


def test_at_full_speed_none_is_made_however_few_are_left() -> None:
    spool = Spool(ready=0, rate=FULL_SPEED * 1.2)
    spool.has_looked()
    spool.ends_at = spool.now + 10
    assert 10 <= spool.waits() <= 10 + QUIET_SECONDS + 0.5


def test_a_segment_that_is_taken_speaks_before_any_receiver() -> None:
    spool = Spool(ready=1000)
    spool.has_looked()
    spool.ready = 0
    # Nobody has told how fast it comes; then nothing more happens.
    assert spool.waits() == pytest.approx(QUIET_SECONDS, abs=0.3)


def test_it_is_asked_often_and_looks_now_and_then() -> None:
    spool = Spool()
    assert spool.waits() == 0
    spool.ready = 0  # taken, and not seen before the next look
    assert spool.waits() == 0
    spool.pass_time(0.2)
    assert spool.waits() > 0


def test_it_ends_at_once_when_all_ends() -> None:
    spool = Spool(ready=0, rate=FULL_SPEED * 2)
    spool.has_looked()
    spool.stop.set()
    assert spool.ahead.give_way()
    assert spool.waited == 0


def test_speed_is_taken_over_the_last_moments_only() -> None:
    inflow = Inflow()
    total = 0
    for tick in range(40):  # five seconds of flood, then a trickle
        total += FULL_SPEED // 2 if tick < 20 else 1000
        inflow.look(total, 0, tick * 0.25)
        if tick == 19:
            assert inflow.at_full_speed(tick * 0.25)
    assert inflow.comes(10.0)
    assert not inflow.at_full_speed(10.0)
    assert not inflow.comes(12.0)
