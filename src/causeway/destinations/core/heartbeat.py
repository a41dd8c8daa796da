"""A device's sign of life: that it is there, how often it means to say so, and what is wrong.

The platform shows a device as missing when it was silent for longer than the interval that it told
itself; so it beats three times in each.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from causeway import __version__
from causeway.destinations.contract import Memory
from causeway.destinations.core.interface import Interface
from causeway.destinations.core.settings import METHOD
from causeway.errors import CausewayError

BEATS_AN_INTERVAL: Final = 3
ERRORS_TOLD: Final = 5
DEVICE_KEY: Final = "device_key"
_SAID: Final = "heartbeat"


class Heartbeat:
    """What a device says of itself, and what came of saying it. Thread safe."""

    def __init__(
        self,
        interface: Interface,
        memory: Memory,
        *,
        interval_seconds: int,
        clock: Callable[[], float],
    ) -> None:
        self._interface = interface
        self._memory = memory
        self._interval = interval_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._troubles: deque[str] = deque(maxlen=ERRORS_TOLD)
        self._next = 0.0

    def trouble(self, error: CausewayError) -> None:
        """Something went wrong since the last beat; its text has nothing of a patient's."""
        with self._lock:
            if error.message not in self._troubles:
                self._troubles.append(error.message)

    def tend(self, now: float) -> None:
        """Beat, if it is time. What goes wrong is kept for whoever looks, and not raised: a
        delivery would meet it as well, and says so louder.
        """
        with self._lock:
            if not self._interval or now < self._next:
                return
            self._next = now + self._interval / BEATS_AN_INTERVAL
            told = list(self._troubles)
        try:
            if self._memory.recall(DEVICE_KEY) is None and (given := self._interface.greet()):
                self._memory.replace(DEVICE_KEY, given)
            self._interface.beat(
                {
                    "type": METHOD,
                    "version": __version__,
                    "interval": self._interval,
                    "errors": told,
                    "info": {"program": "causeway"},
                }
            )
        except CausewayError as error:
            self._keep(now, "failed", str(error))
            return
        with self._lock:
            for each in told:
                if each in self._troubles:
                    self._troubles.remove(each)
        self._keep(now, "error" if told else "ok", "; ".join(told))

    def _keep(self, now: float, state: str, why: str) -> None:
        self._memory.replace(
            _SAID,
            json.dumps({"at": now, "state": state, "why": why, "interval_seconds": self._interval}),
        )
