"""The association: bytes in, events out; intentions in, bytes out. (Skeleton: signatures only.)"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from causeway.dimse.buffer import BlockPool
from causeway.dimse.errors import AbortReason, AbortSource
from causeway.dimse.events import Event, NeedData
from causeway.dimse.limits import Limits
from causeway.dimse.messages import Command
from causeway.dimse.pdu import AcceptedContext, AssociateAnswer, AssociateRequest, PeerInfo
from causeway.dimse.states import Role, State

Buffer: TypeAlias = bytes | bytearray | memoryview


class Association:
    """One association over one transport connection, seen from one side."""

    role: Role
    limits: Limits
    contexts: Mapping[int, AcceptedContext]
    peer: PeerInfo

    def __init__(
        self, role: Role, *, limits: Limits | None = None, blocks: BlockPool | None = None
    ) -> None:
        raise NotImplementedError

    # What the shell must know

    @property
    def state(self) -> State:
        raise NotImplementedError

    @property
    def artim_running(self) -> bool:
        """Whether the shell's ARTIM timer has to run; when it ends, call ``artim_expired``."""
        raise NotImplementedError

    @property
    def must_close(self) -> bool:
        """Whether the standard now asks this side to close the transport connection."""
        raise NotImplementedError

    # Bytes in

    def get_buffer(self) -> memoryview:
        raise NotImplementedError

    def buffer_updated(self, count: int) -> None:
        raise NotImplementedError

    def receive_data(self, data: Buffer) -> None:
        raise NotImplementedError

    def transport_closed(self) -> None:
        raise NotImplementedError

    def artim_expired(self) -> None:
        """The ARTIM timer ran out: ``must_close`` becomes true."""
        raise NotImplementedError

    def next_event(self) -> Event | NeedData:
        raise NotImplementedError

    def release_fragments(self) -> None:
        raise NotImplementedError

    def trim(self) -> None:
        """Give back the receive block of an association that is quiet (call it from an idle timer)."""
        raise NotImplementedError

    # Intentions in, bytes out

    def associate(self, request: AssociateRequest) -> bytes:
        raise NotImplementedError

    def accept(self, answer: AssociateAnswer) -> bytes:
        raise NotImplementedError

    def reject(self, result: int, source: int, reason: int) -> bytes:
        raise NotImplementedError

    def release(self) -> bytes:
        raise NotImplementedError

    def release_response(self) -> bytes:
        raise NotImplementedError

    def abort(
        self,
        source: AbortSource = AbortSource.SERVICE_USER,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
    ) -> bytes:
        """Never raises: where there is nothing to abort, there are no bytes to send."""
        raise NotImplementedError

    def send_message(
        self,
        context_id: int,
        command: Command,
        data: Buffer | Iterable[Buffer] | None = None,
    ) -> Iterator[list[Buffer]]:
        """Each list fits one ``sendmsg``. Checks at the call; produces as it is consumed."""
        raise NotImplementedError

    def encode_response(self, context_id: int, command: Command) -> bytes:
        """A message without data set, as one ``bytes`` (any command, responses are the usual one)."""
        raise NotImplementedError
