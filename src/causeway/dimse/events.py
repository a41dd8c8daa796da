"""What ``Association.next_event`` gives. An event is a fact; it holds no reference to the
association.

``FragmentReceived`` is the one that comes thousands of times a second; it is built by position.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

from causeway.dimse.messages import Command
from causeway.dimse.pdu import AssociateAnswer, AssociateRequest


class NeedData(enum.Enum):
    """The type of ``NEED_DATA``, so that a type checker can narrow ``event is NEED_DATA``."""

    NEED_DATA = "NEED_DATA"

    def __repr__(self) -> str:
        return "NEED_DATA"


NEED_DATA: Final = NeedData.NEED_DATA
"""Nothing more can be said before more bytes come. A value, not an exception: it is no failure."""


@dataclass(frozen=True, slots=True)
class AssociateRequested:
    """A peer wants an association: answer with ``accept`` or ``reject``."""

    request: AssociateRequest


@dataclass(frozen=True, slots=True)
class AssociateAccepted:
    """The peer accepted; ``Association.contexts`` says what may be used."""

    answer: AssociateAnswer


@dataclass(frozen=True, slots=True)
class AssociateRejected:
    """The peer refused; values beyond the standard's enumerations are passed on as they came."""

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A whole command. With ``has_data``, its data set follows as ``FragmentReceived`` events."""

    context_id: int
    command: Command
    has_data: bool


@dataclass(frozen=True, slots=True)
class FragmentReceived:
    """A piece of a data set, as a view of the receive buffer: valid until ``release_fragments``.

    Fragments are never empty, but the last one may be.
    """

    context_id: int
    data: memoryview = field(repr=False)
    last: bool


@dataclass(frozen=True, slots=True)
class ReleaseRequested:
    """The peer wants to end: answer with ``release_response``.

    With ``collision`` this side had asked as well. The requestor of the association answers at
    once; the acceptor is to wait for ``ReleaseConfirmed`` first (PS3.8 section 7.2.2.7; states
    Sta9 and Sta10).
    """

    collision: bool = False


@dataclass(frozen=True, slots=True)
class ReleaseConfirmed:
    """The peer agreed to end. Close the transport, unless a collision leaves an answer to give."""


@dataclass(frozen=True, slots=True)
class Aborted:
    """The peer aborted; values beyond the standard's enumerations are passed on as they came."""

    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class TransportClosed:
    """The transport is gone. ``abrupt``: in the middle of an association, that is, it was lost."""

    abrupt: bool


Event = (
    AssociateRequested
    | AssociateAccepted
    | AssociateRejected
    | MessageReceived
    | FragmentReceived
    | ReleaseRequested
    | ReleaseConfirmed
    | Aborted
    | TransportClosed
)
