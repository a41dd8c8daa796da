"""Names for associations: short, in order of time, unique over processes and restarts.

Nine characters of Crockford's base 32 hold the milliseconds since 1970 until the year 3084, six
more are random (30 bits): two processes that accept in the same millisecond collide once in a
thousand million. Lower case, without i, l, o and u, so that a person can read one over the
telephone.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_TIME_DIGITS = 9
_RANDOM_DIGITS = 6


class AssociationIds:
    """A factory; calling it gives the next name. Names of one factory only ever grow."""

    def __init__(
        self,
        clock: Callable[[], float] = time.time,
        random_bits: Callable[[int], int] = secrets.randbits,
    ) -> None:
        self._clock = clock
        self._random_bits = random_bits
        self._last = 0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        milliseconds = int(self._clock() * 1000)
        fresh = milliseconds << 5 * _RANDOM_DIGITS | self._random_bits(5 * _RANDOM_DIGITS)
        with self._lock:
            # Same millisecond, or a clock that was set back: count on from the last name.
            self._last = number = max(fresh, self._last + 1)
        return "".join(
            _ALPHABET[number >> shift & 31]
            for shift in range(5 * (_TIME_DIGITS + _RANDOM_DIGITS - 1), -1, -5)
        )
