"""What door and receivers say to each other, and the channel that they say it on.

The channel is a pair of Unix sockets of type SOCK_SEQPACKET: each message arrives whole or not at
all, an accepted connection travels as its file descriptor (SCM_RIGHTS) beside the message that
describes it, and the death of either side is an end of file for the other. Messages are JSON
objects, since a few per association cost nothing and can be read in a trace. Both sides run the
same release, so a message that does not decode is an error in this program and not an input to
survive.
"""

from __future__ import annotations

import array
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace

from causeway.net.statistics import ReceiverStatistics, SourceCounts

_LONGEST_MESSAGE = 131_072
"""Below Linux's default socket buffer (212,992), so that one message always fits. Snapshots are the
long ones: some 130 bytes for a source, and its name.
"""
_SOURCES_AT_ONCE = 256
"""In one snapshot; a name has 64 letters at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """Door to receiver, with a descriptor: this one is yours."""

    number: int
    listener: int
    """Index in the listeners of the configuration."""
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admit:
    """Receiver to door: may this connection be an association of the source?"""

    number: int
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Door to receiver: the answer."""

    number: int
    granted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AssociationEnded:
    """Receiver to door: its source may have another one. Sent before the peer can know."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionClosed:
    """Receiver to door: the socket is gone."""

    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Receiver to door, each second: also the sign that it lives.

    Of the sources it has some; ``snapshots`` makes as many as it takes for all of them.
    """

    statistics: ReceiverStatistics


def snapshots(statistics: ReceiverStatistics) -> Iterator[Snapshot]:
    """The counts in messages that fit, however many sources a site has."""
    sources = list(statistics.sources.items())
    for start in range(0, len(sources) or 1, _SOURCES_AT_ONCE):
        some = dict(sources[start : start + _SOURCES_AT_ONCE])
        yield Snapshot(statistics=replace(statistics, sources=some))


@dataclass(frozen=True, slots=True, kw_only=True)
class Refresh:
    """Door to receiver: read certificates and revocation lists again, for new handshakes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renew:
    """Door to receiver, with a descriptor: other rules for what comes from now on.

    They stand behind the descriptor, since they may be longer than a message, and in whatever form
    the two processes have agreed on.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Door to receiver: finish the objects in hand within so many seconds (0: none), then end."""

    drain_seconds: float


Message = (
    Connection
    | Admit
    | Admitted
    | AssociationEnded
    | ConnectionClosed
    | Snapshot
    | Refresh
    | Renew
    | Stop
)
_KINDS: dict[str, type[Message]] = {
    kind.__name__: kind
    for kind in (
        Connection,
        Admit,
        Admitted,
        AssociationEnded,
        ConnectionClosed,
        Snapshot,
        Refresh,
        Renew,
        Stop,
    )
}


def encode(message: Message) -> bytes:
    """One message as bytes."""
    body = asdict(message)
    return json.dumps({"is": type(message).__name__, **body}, separators=(",", ":")).encode()


def decode(raw: bytes) -> Message:
    """One message from bytes; raises ValueError, KeyError or TypeError on anything else."""
    body = json.loads(raw)
    kind = _KINDS[body.pop("is")]
    if kind is Snapshot:
        return Snapshot(statistics=_statistics(body["statistics"]))
    return kind(**body)


def _statistics(body: Mapping[str, object]) -> ReceiverStatistics:
    known = {field.name: body[field.name] for field in fields(ReceiverStatistics)}
    sources = known.pop("sources")
    assert isinstance(sources, dict)
    return ReceiverStatistics(
        sources={name: SourceCounts(**counts) for name, counts in sources.items()},
        **known,  # type: ignore[arg-type]
    )


class Channel:
    """One end. Sending is safe from several threads; one thread receives."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        return self._end.fileno()

    def send(self, message: Message, descriptor: int | None = None, *, wait: bool = True) -> bool:
        """Whether the message went out. False when the other side is gone, or slow and ``wait`` is
        off.
        """
        flags = 0 if wait else socket.MSG_DONTWAIT
        rights = [] if descriptor is None else [_rights(descriptor)]
        try:
            # Not ``socket.send_fds``: before Python 3.12 it takes flags and does not hand them on.
            self._end.sendmsg([encode(message)], rights, flags)
        except OSError:
            return False
        return True

    def receive(self, *, wait: bool = True) -> tuple[Message, int | None] | None:
        """The next message, with the descriptor that came with it; None when the other side is
        gone.

        Raises BlockingIOError without ``wait`` when there is none.
        """
        flags = socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT)
        try:
            raw, descriptors = _receive(self._end, flags)
        except BlockingIOError:
            raise
        except OSError:
            return None
        if not raw:
            return None
        return decode(raw), descriptors[0] if descriptors else None

    def close(self) -> None:
        self._end.close()


def _rights(descriptor: int) -> tuple[int, int, array.array[int]]:
    return (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [descriptor]))


def _receive(end: socket.socket, flags: int) -> tuple[bytes, array.array[int]]:
    # Not ``socket.recv_fds``, for the same reason.
    descriptors = array.array("i")
    raw, ancillary, _, _ = end.recvmsg(
        _LONGEST_MESSAGE, socket.CMSG_LEN(descriptors.itemsize), flags
    )
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
    return raw, descriptors


def channel_pair() -> tuple[Channel, socket.socket]:
    """The door's end, and the receiver's as a socket that a child process inherits."""
    door, receiver = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(door), receiver


def close_descriptor(descriptor: int | None) -> None:
    """Close what came with a message that nobody wants."""
    if descriptor is not None:
        os.close(descriptor)
