"""One thread per process that ends associations whose peer has used up its patience.

The thread that serves an association is blocked in a system call when that happens, so it is woken
by shutting the socket down for reading: its receive returns as if the peer had closed, it finds the
reason noted, and sends the A-ABORT itself (two threads must not write to one TLS connection). A
thread that is blocked in a send is not woken by that; a second look later the socket is shut down
for both directions.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from causeway.net.pace import Expiry, Marks, Pace, Patience

LOOK_SECONDS = 0.25
"""Deadlines are kept to within this. 300 looks take about a millisecond."""


class Watched(Protocol):
    """What is watched."""

    @property
    def marks(self) -> Marks: ...

    def expire(self, expiry: Expiry) -> None:
        """Wake the serving thread so that it ends the association in order."""

    def cut(self) -> None:
        """Make every blocked call of the serving thread return."""


class Watchdog:
    """Looks at everything that was put under watch until it is taken out again."""

    def __init__(self, patience: Patience, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._paces: dict[Watched, Pace] = {}
        self._expired: set[Watched] = set()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def renew(self, patience: Patience) -> None:
        """Other bounds for what is put under watch from now on; what is there keeps its own."""
        self._patience = patience

    def watch(self, watched: Watched) -> None:
        with self._lock:
            self._paces[watched] = Pace(self._patience, self._clock(), watched.marks.phase)

    def forget(self, watched: Watched) -> None:
        with self._lock:
            self._paces.pop(watched, None)
            self._expired.discard(watched)

    def look(self) -> None:
        """One round."""
        now = self._clock()
        with self._lock:
            under_watch = list(self._paces.items())
        for watched, pace in under_watch:
            if watched in self._expired:
                watched.cut()
                continue
            expiry = pace.look(now, watched.marks)
            if expiry is not None:
                with self._lock:
                    if watched not in self._paces:
                        continue
                    self._expired.add(watched)
                watched.expire(expiry)

    def _run(self) -> None:
        while not self._stop.wait(LOOK_SECONDS):
            self.look()
