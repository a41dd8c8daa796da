"""Nodes that misbehave on purpose when a client calls them, each named after what it does wrong.

Built on the DICOM core and on bare sockets. All are context managers that listen on a free port of
loopback. The callers among the misbehaving are in ``peers``.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Self

from causeway.dimse import (
    NEED_DATA,
    VERIFICATION,
    AssociateRequest,
    AssociateRequested,
    Association,
    CEchoRQ,
    Command,
    CStoreRQ,
    Event,
    FragmentReceived,
    MessageReceived,
    Policy,
    ProtocolError,
    ReleaseRequested,
    Role,
    TransportClosed,
    negotiate,
)


class ScriptedServer:
    """Accepts connections on a free port and serves each in a thread, by default as it should be.

    Subclasses override what they do wrong. ``received`` has the data sets that came whole.
    """

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.received: list[bytes] = []
        self.requests: list[AssociateRequest] = []
        self.over = threading.Event()
        """Set when the block ends; those who wait for ever wait for this."""
        self._threads: list[threading.Thread] = []
        self._connections: list[socket.socket] = []

    def serve(self, connection: socket.socket) -> None:
        """One connection, from accept to close."""
        association = Association(Role.ACCEPTOR)
        data = bytearray()
        command: Command | None = None
        while True:
            event = next_event(connection, association)
            reply = b""
            if isinstance(event, AssociateRequested):
                self.requests.append(event.request)
                reply = self.answer(association, event.request)
            elif isinstance(event, MessageReceived):
                command = event.command
                data.clear()
                if isinstance(command, CEchoRQ):
                    reply = association.encode_response(event.context_id, command.response())
            elif isinstance(event, FragmentReceived):
                data += event.data
                association.release_fragments()
                if event.last and isinstance(command, CStoreRQ):
                    self.received.append(bytes(data))
                    reply = self.stored(association, event.context_id, command)
            elif isinstance(event, ReleaseRequested):
                reply = self.released(association)
            else:
                return
            connection.sendall(reply)

    def answer(self, association: Association, request: AssociateRequest) -> bytes:
        return association.accept(negotiate(request))

    def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
        return association.encode_response(context_id, command.response(0x0000))

    def released(self, association: Association) -> bytes:
        return association.release_response()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over.set()
        # Wakes the thread that waits in accept; closing alone does not.
        self._listening.shutdown(socket.SHUT_RDWR)
        for connection in self._connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        self._listening.close()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self._connections.append(connection)
            self._start(partial(self._serve, connection))

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError, ProtocolError):
            self.serve(connection)

    def _start(self, target: Callable[[], None]) -> None:
        thread = threading.Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()


def next_event(connection: socket.socket, association: Association) -> Event:
    """The next event of a blocking socket; after its end, ``TransportClosed`` at the latest."""
    while (event := association.next_event()) is NEED_DATA:
        count = connection.recv_into(association.get_buffer())
        if not count:
            association.transport_closed()
            event = association.next_event()
            return TransportClosed(abrupt=True) if event is NEED_DATA else event
        association.buffer_updated(count)
    return event


class SilentServer(ScriptedServer):
    """Takes the connection and never answers."""

    def serve(self, connection: socket.socket) -> None:
        connection.recv(1)
        self.over.wait()


class DrippingServer(ScriptedServer):
    """Answers one byte at a time, too slowly to ever be done."""

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        for byte in struct.pack(">BBI", 0x02, 0, 60_000) + bytes(60_000):
            if self.over.wait(0.05):
                return
            connection.send(bytes([byte]))


class GarbageServer(ScriptedServer):
    """Answers with what is no DICOM."""

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
        self.over.wait()


class RejectingServer(ScriptedServer):
    """Rejects every association."""

    def __init__(self, result: int, source: int, reason: int) -> None:
        super().__init__()
        self._answer = (result, source, reason)

    def answer(self, association: Association, _request: AssociateRequest) -> bytes:
        return association.reject(*self._answer)


class PickyServer(ScriptedServer):
    """Accepts associations and none of the presentation contexts but Verification."""

    def answer(self, association: Association, request: AssociateRequest) -> bytes:
        policy = Policy(abstract_syntax=lambda uid: uid == VERIFICATION)
        return association.accept(negotiate(request, policy))


class FullServer(ScriptedServer):
    """Has no room for the second object, nor for any after it: 0xA700."""

    def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
        if len(self.received) < 2:
            return super().stored(association, context_id, command)
        return association.encode_response(
            context_id, command.response(0xA700, error_comment="no room")
        )


class AbortingServer(ScriptedServer):
    """Aborts instead of answering the second object."""

    def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
        if len(self.received) < 2:
            return super().stored(association, context_id, command)
        return association.abort()


class NeverAnswersStore(ScriptedServer):
    """Takes an object and says nothing."""

    def stored(self, *_: object) -> bytes:
        return b""


class LeavesWithItsAnswer(ScriptedServer):
    """Asks to end the association in one segment with the answer to the first object."""

    def stored(self, association: Association, context_id: int, command: CStoreRQ) -> bytes:
        answered = super().stored(association, context_id, command)
        return answered + association.release()


class NeverAnswersRelease(ScriptedServer):
    """Does all that it is asked, except to let go."""

    def released(self, *_: object) -> bytes:
        return b""
