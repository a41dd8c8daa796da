"""How long a peer may take: every deadline of an association as one small pure object.

The thread that serves an association writes down what it does in four plain attributes (``Marks``);
the watchdog looks at them a few times a second and does all the arithmetic. So deadlines cost the
hot path an assignment or two for each system call, and no timer is ever armed or cancelled there.

Time is charged to the peer only while its thread waits for it: a disk that is slow in the middle of
an object must not get a scanner thrown out.

A peer that drips is caught by an allowance rather than by a timer, since any single byte would
reset a timer: seconds run out while we wait, and bytes that arrive buy seconds at the minimum rate.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Phase(enum.IntEnum):
    """What an association is at."""

    HANDSHAKE = 0
    """TLS is being set up."""
    OPENING = 1
    """A-ASSOCIATE-RQ is to come (PS3.8 Sta2)."""
    BETWEEN = 2
    """Established, and no object is arriving (Sta6)."""
    OBJECT = 3
    """In the middle of a message (Sta6)."""
    CLOSING = 4
    """Released, rejected or aborted: the peer has to close (Sta13)."""


class Waiting(enum.IntEnum):
    """What the serving thread is blocked on."""

    NOT = 0
    """Not on the peer: it works, or waits for the sink or a processor."""
    TO_RECEIVE = 1
    TO_SEND = 2


class Expiry(enum.StrEnum):
    """Which patience ran out."""

    HANDSHAKE = "handshake"
    ARTIM = "artim"
    """PS3.8's Association Request/Reject/Release Timer: no request came, or no close."""
    IDLE = "idle"
    STALLED = "stalled"
    """In mid-object or mid-PDU with less than the minimum rate; also when our answer is not read.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """The bounds, in seconds unless named otherwise."""

    handshake_seconds: float = 10.0
    artim_seconds: float = 30.0
    """PS3.8 9.1.4 leaves the value open; 30 is what DCMTK and pynetdicom take."""
    closing_seconds: float = 5.0
    """ARTIM where the peer only has to close: it has its answer already."""
    idle_seconds: float = 600.0
    """Scanners keep an association open for a whole examination; minutes of silence are usual."""
    stall_seconds: float = 30.0
    """How long a message may stand still, or be as slow as below the minimum rate."""
    minimum_bytes_per_second: float = 1024.0
    """Slower than any link that images cross (a modem had 7 KB/s), faster than a drip. At 0 any
    byte counts as progress, and only standing still is an offence.
    """


class Marks:
    """What the serving thread writes down. Plain attributes: a torn view costs a quarter of a
    second.
    """

    __slots__ = ("phase", "received", "settled", "waiting")

    def __init__(self, phase: Phase) -> None:
        self.phase = phase
        self.waiting = Waiting.TO_RECEIVE
        self.received = 0
        """Bytes that came, ever."""
        self.settled = 0
        """``received`` when the last message ended: the difference belongs to an unfinished one."""


class Pace:
    """Judges one association from looks at its marks; keeps what the looks add up to."""

    __slots__ = (
        "_allowance",
        "_looked_at",
        "_patience",
        "_phase",
        "_received",
        "_settled",
        "_since",
    )

    def __init__(self, patience: Patience, now: float, phase: Phase) -> None:
        self._patience = patience
        self._phase = phase
        self._since = self._looked_at = now
        self._received = self._settled = 0
        self._allowance = patience.stall_seconds

    def look(self, now: float, marks: Marks) -> Expiry | None:
        """The patience that has run out, if one has."""
        patience = self._patience
        phase, waiting, received, settled = (
            marks.phase,
            marks.waiting,
            marks.received,
            marks.settled,
        )
        elapsed, self._looked_at = now - self._looked_at, now
        gained, self._received = received - self._received, received
        if phase != self._phase or settled != self._settled:
            # Another message, or another part of the association's life: patience starts anew.
            self._phase, self._settled, self._since = phase, settled, now
            self._allowance = patience.stall_seconds
            return None
        if phase is Phase.HANDSHAKE:
            return Expiry.HANDSHAKE if now - self._since >= patience.handshake_seconds else None
        if phase is Phase.OPENING:
            return Expiry.ARTIM if now - self._since >= patience.artim_seconds else None
        if phase is Phase.CLOSING:
            return Expiry.ARTIM if now - self._since >= patience.closing_seconds else None
        if waiting is Waiting.NOT:
            # The time is ours: the sink is at work, or this thread waits for a processor.
            self._since += elapsed
            return None
        if phase is Phase.BETWEEN and received == settled and waiting is Waiting.TO_RECEIVE:
            return Expiry.IDLE if now - self._since >= patience.idle_seconds else None
        if patience.minimum_bytes_per_second:
            bought = gained / patience.minimum_bytes_per_second
        else:
            bought = patience.stall_seconds if gained else 0.0
        self._allowance = min(patience.stall_seconds, self._allowance - elapsed + bought)
        return Expiry.STALLED if self._allowance <= 0 else None
