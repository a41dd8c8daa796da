"""Whom a client calls, how long it waits, and what can go wrong with it.

::

    PeerError                       (causeway.errors)
    ├── Unreachable                 no connection, or no TLS over it
    ├── AssociationRejected         A-ASSOCIATE-RJ, with its result, source and reason
    ├── AssociationLost             aborted, closed, timed out, or the peer broke the rules
    └── NotNegotiated               the peer accepted no presentation context for what was asked

``temporary`` says whether trying again later may help; what is not known counts as temporary.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.dimse import (
    AcseRejectReason,
    PresentationRejectReason,
    RejectResult,
    RejectSource,
    UserRejectReason,
)
from causeway.errors import PeerError
from causeway.net.tls import ClientTls


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """How long a client waits, in seconds. Each bounds a whole wait, whatever drips in."""

    connect_seconds: float = 10.0
    """TCP and TLS."""
    associate_seconds: float = 30.0
    response_seconds: float = 120.0
    """From the end of a request to its answer, and between two pending answers. Archives that index
    before they answer take a while.
    """
    progress_seconds: float = 60.0
    """A send that the peer does not take up."""
    release_seconds: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A node that is called."""

    host: str
    port: int
    called_ae: str
    calling_ae: str = "CAUSEWAY"
    tls: ClientTls | None = None
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_pdu_length: int = 131_072
    """The most that is sent in one PDU, and that is accepted."""

    def __str__(self) -> str:
        return f"{self.called_ae} at {self.host}:{self.port}"


class Unreachable(PeerError):
    """No connection to the peer."""

    temporary = True


class AssociationRejected(PeerError):
    """The peer does not want the association."""

    def __init__(self, peer: Peer, result: int, source: int, reason: int) -> None:
        super().__init__(f"{peer} rejected the association: {_reason(source, reason)}")
        self.result = result
        self.source = source
        self.reason = reason
        self.temporary = result != RejectResult.PERMANENT


class AssociationLost(PeerError):
    """The association ended before it was released."""

    temporary = True


class NotNegotiated(PeerError):
    """The peer takes nothing of the kind."""

    temporary = False


_REASONS: dict[tuple[int, int], str] = {
    (RejectSource.SERVICE_USER, reason): reason.name for reason in UserRejectReason
}
_REASONS |= {
    (RejectSource.SERVICE_PROVIDER_ACSE, reason): reason.name for reason in AcseRejectReason
}
_REASONS |= {
    (RejectSource.SERVICE_PROVIDER_PRESENTATION, reason): reason.name
    for reason in PresentationRejectReason
}


def _reason(source: int, reason: int) -> str:
    """PS3.8 table 9-21 in words."""
    name = _REASONS.get((source, reason))
    if name is None:
        return f"source {source}, reason {reason}"
    return name.lower().replace("_", " ").replace("ae title", "AE title")
