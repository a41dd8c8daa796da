"""How fast bytes may go to a destination: a token bucket, and a rate by time of day. Pure.

Tokens are bytes. Whoever wants to send takes as many as the piece has, at once, even if there are
not so many: the bucket is then in debt, and the answer is how long to wait until it is not. So the
rate holds over any stretch of time whatever the size of pieces, and nobody has to split them.

What is urgent goes before the rest without stopping it: while something urgent is on its way, the
rest pays ``URGENT_WEIGHT`` times for each byte, and so gets a share that is small and never
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from causeway.schedule import Schedule, opens_at

BURST_SECONDS: Final = 1.0
"""As much as flows in this time may go at once after a pause."""

URGENT_WEIGHT: Final = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rate that holds while a schedule is open."""

    schedule: Schedule
    bytes_per_second: float | None
    """None: as fast as it goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bandwidth:
    """What a destination may take of the line."""

    bytes_per_second: float | None = None
    windows: Sequence[Window] = ()
    """The first that is open counts; else the rate above."""

    def rate(self, now: float) -> float | None:
        for window in self.windows:
            if opens_at(window.schedule, now) is None:
                return window.bytes_per_second
        return self.bytes_per_second


class TokenBucket:
    """The bytes that may go. For one thread at a time."""

    def __init__(self, now: float) -> None:
        self._tokens = 0.0
        self._at = now

    def take(self, size: float, rate: float | None, now: float) -> float:
        """Take the tokens of a piece; how many seconds to wait before it goes."""
        if rate is None:
            self._tokens, self._at = 0.0, now
            return 0.0
        elapsed = max(0.0, now - self._at)
        self._tokens = min(self._tokens + elapsed * rate, BURST_SECONDS * rate) - size
        self._at = now
        return max(0.0, -self._tokens / rate)
