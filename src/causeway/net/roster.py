"""The sessions in hand of one receiver, and the counters of those and of all that went before.

What a session counts it counts in its own attributes, without a lock; a snapshot adds those of the
sessions that are open to the sums of those that ended.
"""

from __future__ import annotations

import threading
from collections import Counter

from causeway.net.admission import Refusal
from causeway.net.session import Session
from causeway.net.statistics import ReceiverStatistics, SourceCounts


class Roster:
    """Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: set[Session] = set()
        self._empty = threading.Condition(self._lock)
        self._ended: Counter[str] = Counter()
        self._refused: Counter[str] = Counter()
        self._sources: dict[str, SourceCounts] = {}

    def add(self, session: Session) -> None:
        with self._lock:
            self._open.add(session)

    def remove(self, session: Session) -> None:
        """The session ended: keep its counts."""
        with self._lock:
            self._open.discard(session)
            self._ended[session.ending] += 1
            _count(self._sources, session)
            if not self._open:
                self._empty.notify_all()

    def refused(self, refusal: Refusal) -> None:
        with self._lock:
            self._refused[refusal] += 1

    def open(self) -> list[Session]:
        with self._lock:
            return list(self._open)

    def wait_until_empty(self, seconds: float) -> bool:
        """Whether no session is left within so many seconds."""
        with self._lock:
            return self._empty.wait_for(lambda: not self._open, timeout=seconds)

    def snapshot(self, at: float) -> ReceiverStatistics:
        """The counts now."""
        with self._lock:
            sources = dict(self._sources)
            for session in self._open:
                _count(sources, session)
            return ReceiverStatistics(
                at=at,
                connections=len(self._open),
                sources=sources,
                refused=dict(self._refused),
                ended=dict(self._ended),
            )


def _count(sources: dict[str, SourceCounts], session: Session) -> None:
    """Add a session's counts to its source's, if it ever had one."""
    caller, intake = session.caller, session.intake
    if caller is None:
        return
    counts = SourceCounts(
        associations=1,
        open=int(session.associated),
        objects=intake.stored,
        bytes=intake.bytes,
        refused_objects=intake.refused,
        last_object_at=intake.last_object_at,
    )
    known = sources.get(caller.source)
    sources[caller.source] = counts if known is None else known + counts
