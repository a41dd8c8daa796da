"""The clock of a database server, counted on between two looks at it."""

from __future__ import annotations

from causeway.ledger.postgres import CLOCK_SECONDS, ServerClock


class _World:
    def __init__(self) -> None:
        self.server = 1000.0
        self.stopwatch = 50.0
        self.asked = 0

    def ask(self) -> float:
        self.asked += 1
        said = self.server
        self.pass_by(0.5)  # the answer is on its way
        return said

    def pass_by(self, seconds: float) -> None:
        self.server += seconds
        self.stopwatch += seconds


def test_it_is_asked_once_and_then_counted_on_and_is_never_ahead() -> None:
    world = _World()
    clock = ServerClock(world.ask, stopwatch=lambda: world.stopwatch)
    assert clock() == 1000.0
    world.pass_by(2.0)
    assert clock() == 1002.0
    assert world.server - 0.5 == 1002.0
    assert world.asked == 1


def test_a_clock_that_is_set_is_noticed() -> None:
    world = _World()
    clock = ServerClock(world.ask, stopwatch=lambda: world.stopwatch)
    clock()
    world.server = 500.0
    world.pass_by(CLOCK_SECONDS)
    assert clock() == 500.0 + CLOCK_SECONDS
    assert world.asked == 2
