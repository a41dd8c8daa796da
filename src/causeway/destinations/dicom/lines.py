"""Associations with one node: lent to one thread each, and kept open for a while between uses.

To open one costs a connection, a TLS handshake and a negotiation, which is more than most images
take. So what comes back is kept, as long as it is whole and used again soon; a peer that ended it
meanwhile is noticed when it is lent, and a fresh one takes its place.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from causeway.destinations.dicom.contexts import NoWay, Repertoire, Way, way_of
from causeway.errors import PeerError
from causeway.net import ClientAssociation, Peer, associate
from causeway.net.outgoing import Kind

Associate = Callable[[Peer, Sequence[Kind]], ClientAssociation]


@dataclass(slots=True)
class Line:
    """An association, and what it proposed."""

    association: ClientAssociation
    proposed: frozenset[Kind]
    used: bool = False
    """It was lent before: the peer may end it at any time, as if it had been idle for too long."""
    idle_since: float = 0.0

    def way_of(self, kind: Kind, *, convert: bool) -> Way | NoWay | None:
        """None where the kind was not proposed."""
        if kind not in self.proposed:
            return None
        return way_of(kind, self.association.contexts.values(), convert=convert)


class Lines:
    """Thread safe."""

    def __init__(
        self,
        peer: Peer,
        *,
        most: int,
        idle_seconds: float,
        repertoire: Repertoire,
        associate: Associate = associate,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._peer = peer
        self._most = most
        self._idle_seconds = idle_seconds
        self._repertoire = repertoire
        self._associate = associate
        self._clock = clock
        self._changed = threading.Condition()
        self._idle: deque[Line] = deque()
        self._lent = 0
        self._closed = False
        self._reaper: threading.Thread | None = None

    def lend(self, kinds: Sequence[Kind], *, wait: bool = True) -> Line | None:
        """A line for objects of these kinds; None if all are lent and nobody waits for one.

        Raises what ``associate`` raises. Give it back, or ``drop`` it.
        """
        with self._changed:
            while self._lent >= self._most:
                if not wait:
                    return None
                self._changed.wait()
            self._lent += 1
        try:
            return self._kept(kinds) or self._opened(kinds)
        except BaseException:
            self._returned()
            raise

    def give_back(self, line: Line) -> None:
        line.used = True
        line.idle_since = self._clock()
        with self._changed:
            keep = not self._closed and self._idle_seconds > 0
            if keep:
                self._idle.append(line)
                if self._reaper is None:
                    self._reaper = threading.Thread(
                        target=self._reap, name="dicom-idle", daemon=True
                    )
                    self._reaper.start()
        if not keep:
            line.association.release()
        self._returned()

    def drop(self, line: Line) -> None:
        """It is lost, or must not be used any more."""
        line.association.abort()
        self._returned()

    def again(self, line: Line, kinds: Sequence[Kind], *, lost: bool = False) -> Line:
        """Another line in the place of one that is lent: it is lost, or lacks contexts.

        Raises what ``associate`` raises, and then nothing is lent.
        """
        try:
            if lost:
                line.association.abort()
            else:
                line.association.release()
            return self._opened(kinds)
        except BaseException:
            self._returned()
            raise

    def close(self) -> None:
        """Release what is idle; what is lent is when it comes back."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, deque()
            self._changed.notify_all()
        for line in idle:
            line.association.release()

    def _kept(self, kinds: Sequence[Kind]) -> Line | None:
        while True:
            with self._changed:
                if not self._idle:
                    return None
                line = self._idle.pop()
            if not _is_sound(line.association):
                line.association.abort()
            elif line.proposed.issuperset(kinds):
                return line
            else:
                line.association.release()

    def _opened(self, kinds: Sequence[Kind]) -> Line:
        proposed = self._repertoire.add(kinds)
        return Line(self._associate(self._peer, proposed), frozenset(proposed))

    def _returned(self) -> None:
        with self._changed:
            self._lent -= 1
            self._changed.notify_all()

    def _reap(self) -> None:
        """Release what has been idle for too long; ends when nothing is."""
        while True:
            with self._changed:
                if not self._idle:
                    self._reaper = None
                    return
                left = self._idle[0].idle_since + self._idle_seconds - self._clock()
                if left > 0:
                    self._changed.wait(left)
                    continue
                line = self._idle.popleft()
            line.association.release()


def _is_sound(association: ClientAssociation) -> bool:
    """Whether nothing came from the peer, which ends what it does not want to keep."""
    with contextlib.suppress(PeerError):
        return association.is_quiet()
    return False
