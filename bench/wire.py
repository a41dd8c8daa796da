"""The sender's half of DICOM, prepared beforehand, so that the load generator costs nearly nothing.

A benchmark on one machine measures the sender too. So nothing is encoded while the clock runs: each
object is two byte strings, one of its own (the C-STORE-RQ command and the head of the data set,
with its UIDs and instance number) and one that all objects of an association share (the pixels, cut
into P-DATA-TF PDUs of the length that the receiver asked for). One ``sendmsg`` sends both.

This is deliberately not ``causeway.dimse``: a generator that shares code with one of the receivers
could share its mistakes. Byte layouts are those of PS3.8 section 9.3 and PS3.7 annex E.
"""

from __future__ import annotations

import socket
import ssl
import struct
from dataclasses import dataclass

from causeway.testing.phantom import make_instance

EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
SHAPES = {"CT": ("CT", 512, 512), "MR": ("MR", 128, 128), "tiny": ("MR", 16, 16)}
TIMEOUT_SECONDS = 60

# In a C-STORE-RSP, (0000,0800) Command Data Set Type, 0x0101, stands just before (0000,0900)
# Status. The pattern is long enough that no message ID or UID can look like it.
_STATUS_FOLLOWS = bytes.fromhex("0000 0008 02000000 0101 0000 0009 02000000")


class Refused(Exception):
    """The receiver did not accept the association or the context."""


@dataclass(frozen=True)
class Template:
    """The data set of one shape, cut where an object's own parts stand."""

    sop_class_uid: str
    pieces: tuple[bytes, bytes, bytes]
    """Before the SOP instance UID, from there to the series UID, and on to the instance number."""
    shared: bytes
    """What comes after the instance number; the same for all."""

    def own(self, sop_instance_uid: str, series_instance_uid: str, instance_number: int) -> bytes:
        before, between, after = self.pieces
        return b"%b%b%b%b%b%05d" % (
            before,
            sop_instance_uid.encode(),
            between,
            series_instance_uid.encode(),
            after,
            instance_number % 100_000,
        )


def make_template(shape: str, name: str) -> Template:
    """Each ``name`` is a study of its own; placeholders are as long as what replaces them."""
    modality, rows, columns = SHAPES[shape]
    instance = make_instance(
        modality,
        rows=rows,
        columns=columns,
        seed=name,
        sop_instance_uid=object_uid(name, 0),
        series_instance_uid=series_uid(name, 0),
        InstanceNumber="77777 ",
    )
    before, _, rest = instance.data_set.partition(object_uid(name, 0).encode())
    between, _, rest = rest.partition(series_uid(name, 0).encode())
    after, _, shared = rest.partition(b"77777")
    return Template(instance.sop_class_uid, (before, between, after), shared)


def object_uid(name: str, number: int) -> str:
    """A UID that no other object of any run has, always 44 characters."""
    return _fixed_uid(name, number)


def series_uid(name: str, number: int) -> str:
    return _fixed_uid(name, 10**11 + number)


def _fixed_uid(name: str, number: int) -> str:
    base = int.from_bytes(name.encode()[:10].ljust(10, b"\0"), "big")
    return f"2.25.{10**38 + base * 10**12 + number:039d}"


def associate(
    sock: socket.socket | ssl.SSLSocket, *, called: str, calling: str, sop_class_uid: str
) -> int:
    """Open an association with one context; return the longest PDU that the peer takes."""
    contexts = _item(0x20, b"\x01\0\0\0" + _uid(0x30, sop_class_uid) + _uid(0x40, EXPLICIT_LITTLE))
    user = _item(0x50, _item(0x51, struct.pack(">I", 16384)) + _uid(0x52, "2.25.1"))
    fixed = struct.pack(">HH16s16s32x", 1, 0, called.ljust(16).encode(), calling.ljust(16).encode())
    body = fixed + _uid(0x10, "1.2.840.10008.3.1.1.1") + contexts + user
    sock.sendall(struct.pack(">BxI", 1, len(body)) + body)
    kind, answer = read_pdu(sock)
    if kind != 2:
        raise Refused(f"PDU type {kind}: {answer.hex()}")
    return _read_acceptance(answer)


def _read_acceptance(answer: bytes) -> int:
    at, longest = 68, 0
    while at < len(answer):
        kind, length = struct.unpack_from(">BxH", answer, at)
        if kind == 0x21 and answer[at + 6] != 0:
            raise Refused(f"presentation context refused: {answer[at + 6]}")
        if kind == 0x50:
            inner, end = at + 4, at + 4 + length
            while inner < end:
                item, size = struct.unpack_from(">BxH", answer, inner)
                if item == 0x51:
                    (longest,) = struct.unpack_from(">I", answer, inner + 4)
                inner += 4 + size
        at += 4 + length
    return longest


def _item(kind: int, body: bytes) -> bytes:
    return struct.pack(">BxH", kind, len(body)) + body


def _uid(kind: int, uid: str) -> bytes:
    return _item(kind, uid.encode())


def store_command(sop_class_uid: str, sop_instance_uid: str, message_id: int) -> bytes:
    """C-STORE-RQ (PS3.7 table 9.3-1) in implicit VR little endian."""

    def us(element: int, value: int) -> bytes:
        return struct.pack("<HHIH", 0, element, 2, value)

    def ui(element: int, uid: str) -> bytes:
        value = uid.encode() + b"\0" * (len(uid) % 2)
        return struct.pack("<HHI", 0, element, len(value)) + value

    body = (
        ui(0x0002, sop_class_uid)
        + us(0x0100, 0x0001)
        + us(0x0110, message_id)
        + us(0x0700, 0)
        + us(0x0800, 0x0001)
        + ui(0x1000, sop_instance_uid)
    )
    return struct.pack("<HHII", 0, 0, 4, len(body)) + body


def pdata(fragment: bytes, *, command: bool, last: bool) -> bytes:
    control = (1 if command else 0) | (2 if last else 0)
    head = struct.pack(">BxIIBB", 4, len(fragment) + 6, len(fragment) + 2, 1, control)
    return head + fragment


class Load:
    """The objects of one association, ready to be sent."""

    def __init__(
        self,
        template: Template,
        *,
        name: str,
        count: int,
        peer_max_pdu: int,
        objects_per_series: int = 0,
    ) -> None:
        room = min(peer_max_pdu or 1 << 20, 1 << 20) - 6
        own_size = len(template.own(object_uid(name, 0), series_uid(name, 0), 0))
        first_share = min(len(template.shared), room - own_size)
        if first_share < 0:
            raise Refused(f"a maximum PDU of {peer_max_pdu} does not hold the head of the object")
        rest = template.shared[first_share:]
        pieces = [rest[at : at + room] for at in range(0, len(rest), room)]
        tail = [template.shared[:first_share]]
        tail += [
            pdata(piece, command=False, last=index == len(pieces) - 1)
            for index, piece in enumerate(pieces)
        ]
        self.tail = b"".join(tail)
        self.size = own_size + len(template.shared)
        length = own_size + first_share
        head = struct.pack(">BxIIBB", 4, length + 6, length + 2, 1, 0 if pieces else 2)
        self.heads: list[bytes] = []
        for number in range(count):
            uid = object_uid(name, number)
            series, position = (
                divmod(number, objects_per_series) if objects_per_series else (0, number)
            )
            command = store_command(template.sop_class_uid, uid, number % 0xFFFF + 1)
            own = template.own(uid, series_uid(name, series), position + 1)
            self.heads.append(pdata(command, command=True, last=True) + head + own)


def read_pdu(sock: socket.socket | ssl.SSLSocket) -> tuple[int, bytes]:
    head = _read_exactly(sock, 6)
    kind, length = struct.unpack(">BxI", head)
    return kind, _read_exactly(sock, length)


def _read_exactly(sock: socket.socket | ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise ConnectionError("the receiver closed the connection")
        data += more
    return data


def read_status(sock: socket.socket | ssl.SSLSocket) -> int:
    """The status of the next C-STORE-RSP, whose one PDU nearly always comes in one piece."""
    data = sock.recv(4096)
    while len(data) < 6 or len(data) < 6 + int.from_bytes(data[2:6], "big"):
        more = sock.recv(4096)
        if not more:
            raise ConnectionError("the receiver closed the connection")
        data += more
    at = data.find(_STATUS_FOLLOWS, 12)
    if data[0] != 4 or at < 0:
        raise ConnectionError(f"no C-STORE-RSP but a PDU of type {data[0]}")
    return int.from_bytes(data[at + 18 : at + 20], "little")


def release(sock: socket.socket | ssl.SSLSocket) -> None:
    sock.sendall(struct.pack(">BxI4x", 5, 4))
    read_pdu(sock)


def connect(host: str, port: int, tls: ssl.SSLContext | None) -> socket.socket | ssl.SSLSocket:
    """A connected socket whose system calls give up after a minute; a blocking one never would."""
    sock = socket.create_connection((host, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
        sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", TIMEOUT_SECONDS, 0))
    return tls.wrap_socket(sock, server_hostname=host) if tls else sock
