"""When segments are made ready: while nobody waits for the disk, as far as that can be had.

Each byte of a segment that is made ready is written twice, first as a zero. In a pause that costs
nobody anything. While objects come at full speed the disk has no time for zeros: receivers then
write to segments whose room was merely allocated, at the price of the journal in each sync. So
three cases are told apart:

- nothing comes: segments are made until there are enough;
- objects come now and then, as from scanners: only while few are left, since one answer in a
  hundred took 5 ms longer with both at once (33 kB objects);
- objects come at full speed, as from an archive that is moved: none are made, however few are left.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from threading import Event

from causeway.spool import SEGMENT_SIZE

AHEAD_SECONDS = 0.25
"""Between two tries to make some, and while others need the disk."""
LOOK_SECONDS = 0.1
"""Between two looks while one is made; each lists the segments."""
QUIET_SECONDS = 1.5
"""Receivers tell once a second what they received; without news for so long, nothing comes."""
FULL_SPEED = SEGMENT_SIZE
"""Bytes a second. From there on a segment is used up each second, and one that is made in half of
the disk's time, as they are, would slow those down that use them.
"""
SPAN_SECONDS = 2.0
"""Over which the speed is taken."""


class Inflow:
    """What comes, told from totals that are looked at now and then."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque()
        self._ready_bytes = 0
        self._began_at = self._changed_at = float("-inf")

    def look(self, received_bytes: int, ready_bytes: int, now: float) -> None:
        """What receivers have told by now, and what is ready for them.

        A segment that is taken is the first sign: a second's flood uses up all before anybody has
        told of a byte.
        """
        looks = self._looks
        if ready_bytes < self._ready_bytes or (looks and looks[-1][1] != received_bytes):
            if not self.comes(now):
                self._began_at = now
            self._changed_at = now
        self._ready_bytes = ready_bytes
        looks.append((now, received_bytes))
        while len(looks) > 2 and looks[1][0] <= now - SPAN_SECONDS:
            looks.popleft()

    def comes(self, now: float) -> bool:
        """Whether objects came within the last moments."""
        return now - self._changed_at < QUIET_SECONDS

    def at_full_speed(self, now: float) -> bool:
        """Whether it comes faster than ``FULL_SPEED``, or may: nobody has told yet."""
        if not self.comes(now):
            return False
        (_, before), (_, total) = self._looks[0], self._looks[-1]
        untold = now - self._began_at < QUIET_SECONDS
        return untold or total - before > FULL_SPEED * SPAN_SECONDS


class Ahead:
    """Says to whoever makes segments when to wait, and when to end."""

    def __init__(
        self,
        *,
        stop: Event,
        received_bytes: Callable[[], int],
        ready_bytes: Callable[[], int],
        few: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``few``: bytes in ready segments below which some are made while objects come."""
        self._stop = stop
        self._received_bytes = received_bytes
        self._ready_bytes = ready_bytes
        self._few = few
        self._clock = clock
        self._inflow = Inflow()
        self._looked_at = float("-inf")

    def give_way(self) -> bool:
        """Wait while receivers need the disk; whether to stop altogether. Cheap enough to be asked
        after each MiB.
        """
        if self._clock() - self._looked_at >= LOOK_SECONDS:
            while not self._stop.is_set() and self._disk_is_needed():
                self._stop.wait(AHEAD_SECONDS)
        return self._stop.is_set()

    def _disk_is_needed(self) -> bool:
        self._looked_at = now = self._clock()
        ready = self._ready_bytes()
        self._inflow.look(self._received_bytes(), ready, now)
        if not self._inflow.comes(now):
            return False
        return ready >= self._few or self._inflow.at_full_speed(now)
