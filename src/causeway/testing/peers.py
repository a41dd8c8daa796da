"""Peers that misbehave on purpose, each named after what it does wrong.

Clients call a listener, servers are called by a client. They are built on the DICOM core and on
bare sockets, so that they can stop anywhere in a PDU. All are context managers; what is in the
``with`` statement has happened when the block begins.
"""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Sequence
from types import TracebackType
from typing import ClassVar, Self

from causeway.dimse import (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    NEED_DATA,
    VERIFICATION,
    AssociateRequest,
    Association,
    AsyncWindow,
    CEchoRQ,
    CStoreRQ,
    Event,
    Role,
    offer,
)

CT_IMAGE_STORAGE = "1.2.840.10008.5.1.4.1.1.2"
STORE_CONTEXT, ECHO_CONTEXT = 1, 3
KINDS = (
    (CT_IMAGE_STORAGE, (EXPLICIT_VR_LITTLE_ENDIAN,)),
    (VERIFICATION, (IMPLICIT_VR_LITTLE_ENDIAN,)),
)


class ScriptedClient:
    """Connects, and says nothing by itself: the base of the others."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        calling_ae: str = "TEST",
        called_ae: str = "CAUSEWAY",
        window: int = 1,
    ) -> None:
        self.connection = socket.create_connection((host, port), timeout=20)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.association = Association(Role.REQUESTOR)
        self.request = AssociateRequest(
            called_ae=called_ae,
            calling_ae=calling_ae,
            contexts=offer(KINDS),
            async_window=AsyncWindow(invoked=window, performed=window) if window != 1 else None,
        )

    def misbehave(self) -> None:
        """What happens before the block begins."""

    def associate(self) -> Event:
        """Ask for the association; the answer."""
        self.connection.sendall(self.association.associate(self.request))
        return self.next_event()

    def next_event(self) -> Event:
        while (event := self.association.next_event()) is NEED_DATA:
            count = self.connection.recv_into(self.association.get_buffer())
            self.association.buffer_updated(count)
        return event

    def store_bytes(self, data: bytes, uid: str = "1.2.3") -> bytes:
        """A whole C-STORE request as it would go over the wire."""
        command = CStoreRQ(
            message_id=self.association.new_message_id(),
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid=uid,
        )
        lists = self.association.send_message(STORE_CONTEXT, command, data)
        return b"".join(b"".join(buffers) for buffers in lists)

    def closed_by_peer(self) -> bool:
        """Read until the other side closes; whether it did so before the socket's timeout."""
        with contextlib.suppress(ConnectionError):
            try:
                while self.connection.recv(65536):
                    pass
            except TimeoutError:
                return False
        return True

    def close(self) -> None:
        self.connection.close()

    def __enter__(self) -> Self:
        try:
            self.misbehave()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class SilentClient(ScriptedClient):
    """Connects and says nothing; to a TLS listener, one that never begins its handshake."""


class HttpClient(ScriptedClient):
    """Takes the port for a web server."""

    def misbehave(self) -> None:
        self.connection.sendall(b"GET / HTTP/1.1\r\nHost: pacs.example\r\nAccept: */*\r\n\r\n")


class GarbageSender(ScriptedClient):
    """Sends random bytes, the first of which is no PDU type."""

    seed: ClassVar[int] = 1

    def misbehave(self) -> None:
        self.connection.sendall(b"\xff" + random.Random(self.seed).randbytes(100_000))


class HugePduClient(ScriptedClient):
    """Announces an A-ASSOCIATE-RQ of four gigabytes."""

    def misbehave(self) -> None:
        self.connection.sendall(struct.pack(">BBI", 0x01, 0, 0xFFFF_FFFF) + bytes(1024))


class HugeDataPduClient(ScriptedClient):
    """Announces a P-DATA-TF of four gigabytes over an association that was accepted."""

    def misbehave(self) -> None:
        self.associate()
        self.connection.sendall(struct.pack(">BBI", 0x04, 0, 0xFFFF_FFFF) + bytes(1024))


class HalfRequestClient(ScriptedClient):
    """Sends half an A-ASSOCIATE-RQ, and no more."""

    def misbehave(self) -> None:
        whole = self.association.associate(self.request)
        self.connection.sendall(whole[: len(whole) // 2])


class HalfObjectSender(ScriptedClient):
    """Stops in the middle of an object, and stays."""

    def misbehave(self) -> None:
        self.associate()
        whole = self.store_bytes(bytes(500_000))
        self.connection.sendall(whole[: len(whole) // 2])


class VanishingSender(HalfObjectSender):
    """Is gone in the middle of an object, as when it is switched off: the connection is reset."""

    def misbehave(self) -> None:
        super().misbehave()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close()


class DripFeeder(ScriptedClient):
    """Begins an object, and sends the rest of it a few bytes a second, for ever."""

    interval_seconds: ClassVar[float] = 0.05

    def misbehave(self) -> None:
        self.associate()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drip, args=(self.store_bytes(bytes(500_000)),))
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        super().close()

    def _drip(self, whole: bytes) -> None:
        with contextlib.suppress(OSError):
            self.connection.sendall(whole[:1000])
            for index in range(1000, len(whole)):
                if self._stop.wait(self.interval_seconds):
                    return
                self.connection.send(whole[index : index + 1])


class NeverCloses(ScriptedClient):
    """Releases in order, and then keeps the connection open."""

    def misbehave(self) -> None:
        self.associate()
        self.connection.sendall(self.association.release())
        self.next_event()


class NeverReads(ScriptedClient):
    """Asks and asks, and reads none of the answers, until it is thrown out."""

    def misbehave(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        self.associate()
        question = Echo(self.association).bytes
        # Not until a timeout of our own: a listener that is merely slower would then go on.
        with contextlib.suppress(TimeoutError, ConnectionError):
            while True:
                self.connection.sendall(question * 1000)


class Echo:
    """A C-ECHO request, encoded once: its message identifier may be used again and again."""

    def __init__(self, association: Association) -> None:
        command = CEchoRQ(message_id=association.new_message_id())
        lists = association.send_message(ECHO_CONTEXT, command)
        self.bytes = b"".join(b"".join(buffers) for buffers in lists)


class ImpatientSender(ScriptedClient):
    """Sends several objects without waiting for any answer, though no window was negotiated."""

    def send_all(self, objects: Sequence[bytes]) -> list[int]:
        """Message identifier << 16 | status of each answer, as they came."""
        self.associate()
        wire = bytearray()
        for number, data in enumerate(objects, 1):
            # A core of its own for each: ours would not send so much at once.
            other = Association(Role.REQUESTOR)
            other.associate(self.request)
            other.receive_data(self._answer)
            other.next_event()
            command = CStoreRQ(
                message_id=number,
                affected_sop_class_uid=CT_IMAGE_STORAGE,
                affected_sop_instance_uid=f"1.2.3.{number}",
            )
            for buffers in other.send_message(STORE_CONTEXT, command, data):
                wire += b"".join(buffers)
        self.connection.sendall(wire)
        return self._statuses(len(objects))

    def associate(self) -> Event:
        self.connection.sendall(self.association.associate(self.request))
        self._answer = self.connection.recv(65536)
        self.association.receive_data(self._answer)
        return self.next_event()

    def _statuses(self, count: int) -> list[int]:
        """Read answers without the core, which would not know to which questions."""
        answers: list[int] = []
        received = bytearray()
        while len(answers) < count:
            piece = self.connection.recv(65536)
            if not piece:
                break
            received += piece
            while len(received) >= 6 and len(received) >= 6 + (
                length := int.from_bytes(received[2:6], "big")
            ):
                body = bytes(received[12 : 6 + length])
                del received[: 6 + length]
                answers.append(_element(body, 0x0120) << 16 | _element(body, 0x0900))
        return answers


def _element(command: bytes, number: int) -> int:
    """A 16-bit element of a command set (implicit VR, little endian)."""
    position = 0
    while position < len(command):
        _, element, length = struct.unpack_from("<HHI", command, position)
        if element == number:
            return int.from_bytes(command[position + 8 : position + 8 + length], "little")
        position += 8 + length
    raise LookupError(f"no element {number:04X} in the answer")
