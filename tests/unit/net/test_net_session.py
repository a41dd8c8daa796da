"""One association on the wire: what is declined, what ends it, and what an object costs."""

from __future__ import annotations

import array
import errno
import os
import socket
import struct
import threading
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace

import pytest

from causeway.dimse import (
    AssociateAccepted,
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CMoveRQ,
    Command,
    CStoreRQ,
    MessageReceived,
    NActionRQ,
    ReleaseConfirmed,
    Response,
    offer,
)
from causeway.net import (
    Acceptance,
    Ending,
    Outgoing,
    ReceiveOptions,
    associate,
    echo,
    handover,
)
from causeway.net.handover import Channel, Connection, channel_pair
from causeway.testing.listening import Listening, RecordingSink, wait_for
from causeway.testing.peers import (
    CT_IMAGE_STORAGE,
    ECHO_CONTEXT,
    STORE_CONTEXT,
    ScriptedClient,
)

EXPLICIT = "1.2.840.10008.1.2.1"
QUERY = "1.2.840.10008.5.1.4.1.2.2.1"
COMMAND_FIELD = b"\0\0\0\x01\x02\0\0\0"


def ask(client: ScriptedClient, context_id: int, wire: bytes) -> int:
    """Send bytes as they are; the status that comes back."""
    client.connection.sendall(wire)
    event = client.next_event()
    assert isinstance(event, MessageReceived)
    assert isinstance(event.command, Response)
    assert event.context_id == context_id
    assert not event.has_data
    return event.command.status


def encoded(
    client: ScriptedClient, context_id: int, command: Command, data: bytes | None = None
) -> bytes:
    lists = client.association.send_message(context_id, command, data)
    return b"".join(b"".join(buffers) for buffers in lists)


def echoes(client: ScriptedClient) -> bool:
    number = client.association.new_message_id()
    return ask(client, ECHO_CONTEXT, encoded(client, ECHO_CONTEXT, CEchoRQ(message_id=number))) == 0


# What is not served


@pytest.mark.parametrize("data", [None, b"0123456789" * 50_000], ids=["command", "data set"])
@pytest.mark.parametrize(
    "command",
    [
        CFindRQ(message_id=9, affected_sop_class_uid=QUERY),
        CGetRQ(message_id=9, affected_sop_class_uid=QUERY),
        CMoveRQ(message_id=9, affected_sop_class_uid=QUERY, move_destination="ELSEWHERE"),
        NActionRQ(
            message_id=9,
            requested_sop_class_uid="1.2.840.10008.1.20.1",
            requested_sop_instance_uid="1.2.840.10008.1.20.1.1",
            action_type_id=1,
        ),
    ],
    ids=lambda command: type(command).__name__,
)
def test_an_operation_that_is_not_served_is_declined_and_the_next_one_taken(
    command: Command, data: bytes | None
):
    with Listening() as listening, ScriptedClient(listening.port) as client:
        assert isinstance(client.associate(), AssociateAccepted)
        wire = encoded(client, STORE_CONTEXT, command, data)
        assert ask(client, STORE_CONTEXT, wire) == 0x0211
        assert ask(client, STORE_CONTEXT, client.store_bytes(b"1234")) == 0
        assert [each.data for each in listening.sink.kept] == [b"1234"]


def test_a_command_that_nobody_knows_is_declined():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        wire = encoded(client, ECHO_CONTEXT, CEchoRQ(message_id=9))
        unknown = wire.replace(COMMAND_FIELD + b"\x30\0", COMMAND_FIELD + b"\x40\x01")
        assert unknown != wire
        client.connection.sendall(unknown)
        answer = client.connection.recv(65536)
        assert COMMAND_FIELD + b"\x40\x81" in answer
        assert struct.pack("<HHIH", 0x0000, 0x0900, 2, 0x0211) in answer


def test_a_cancel_of_nothing_is_no_mistake():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        wire = encoded(client, ECHO_CONTEXT, CEchoRQ(message_id=9))
        # Our core cancels only what it has asked.
        cancel = wire.replace(COMMAND_FIELD + b"\x30\0", COMMAND_FIELD + b"\xff\x0f")
        cancel = cancel.replace(
            struct.pack("<HHIH", 0x0000, 0x0110, 2, 9), struct.pack("<HHIH", 0x0000, 0x0120, 2, 9)
        )
        assert CCancelRQ.command_field == 0x0FFF
        client.connection.sendall(cancel + wire)
        event = client.next_event()
        assert isinstance(event, MessageReceived)
        assert isinstance(event.command, Response)
        assert event.command.status == 0


def test_an_identifier_offered_twice_in_two_orders_is_answered():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        syntaxes = (EXPLICIT, "1.2.840.10008.1.2")
        two = offer([(CT_IMAGE_STORAGE, syntaxes), (CT_IMAGE_STORAGE, syntaxes[::-1])])
        wire = client.association.associate(replace(client.request, contexts=two))
        first, second = (bytes((number, 0, 0, 0, 0x30)) for number in (1, 3))
        assert wire.count(second) == 1
        client.connection.sendall(wire.replace(second, first))
        answer = client.connection.recv(65536)
        assert answer[:1] == b"\x02", "no A-ASSOCIATE-AC"
        assert answer.count(b"\x01\0\x01\0\x40") == 1, "not refused by the user, once"


def test_a_class_that_was_not_negotiated_is_not_stored_by_the_context_of_another():
    only = Acceptance(sop_classes=frozenset({CT_IMAGE_STORAGE}))
    with (
        Listening(options=ReceiveOptions(acceptance=only)) as listening,
        ScriptedClient(listening.port) as client,
    ):
        client.associate()
        plan = CStoreRQ(
            message_id=9,
            affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.481.5",
            affected_sop_instance_uid="1.2.3",
        )
        assert ask(client, STORE_CONTEXT, encoded(client, STORE_CONTEXT, plan, b"1234")) == 0x0122
        assert ask(client, STORE_CONTEXT, client.store_bytes(b"1234")) == 0
    assert [each.request.affected_sop_class_uid for each in listening.sink.kept] == [
        CT_IMAGE_STORAGE
    ]


def test_a_store_without_a_data_set_is_declined():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        command = CStoreRQ(
            message_id=9,
            affected_sop_class_uid=CT_IMAGE_STORAGE,
            affected_sop_instance_uid="1.2.3",
        )
        assert ask(client, STORE_CONTEXT, encoded(client, STORE_CONTEXT, command)) >> 12 == 0xC
        assert echoes(client)
    assert listening.sink.kept == []


# What ends an association, and with which words (PS3.8 table 9-26)


def pdu(kind: int, body: bytes = b"") -> bytes:
    return struct.pack(">BBI", kind, 0, len(body)) + body


def fragment(context_id: int, control: int, data: bytes) -> bytes:
    return struct.pack(">IBB", len(data) + 2, context_id, control) + data


PROVIDER, UNRECOGNIZED, UNEXPECTED = 2, 1, 2


@pytest.mark.parametrize(
    ("wire", "said"),
    [
        (pdu(0x99), (PROVIDER, UNRECOGNIZED)),
        (pdu(0x02, bytes(68)), (PROVIDER, UNEXPECTED)),
        (pdu(0x03, bytes(4)), (PROVIDER, UNEXPECTED)),
        (pdu(0x06, bytes(4)), (PROVIDER, UNEXPECTED)),
        (pdu(0x04, fragment(77, 0x03, bytes(8))), (PROVIDER, None)),
        (pdu(0x04, fragment(ECHO_CONTEXT, 0x02, bytes(8))), (PROVIDER, None)),
        (pdu(0x04, struct.pack(">IBB", 9_000, ECHO_CONTEXT, 3)), (PROVIDER, None)),
        (pdu(0x04, fragment(ECHO_CONTEXT, 0x03, b"\xff" * 40)), (PROVIDER, None)),
    ],
    ids=[
        "no such PDU",
        "accepts us",
        "rejects us",
        "answers a release that nobody asked",
        "a context that was not accepted",
        "data before a command",
        "a fragment longer than its PDU",
        "a command that is none",
    ],
)
def test_who_breaks_the_rules_is_aborted_and_told(wire: bytes, said: tuple[int, int | None]):
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        client.connection.sendall(wire)
        answer = client.connection.recv(100)
        assert len(answer) == 10
        assert answer[0] == 0x07
        assert answer[8] == said[0]
        assert said[1] is None or answer[9] == said[1]
        # By then all is over (see the session's order at the end).
        assert [each.outcome for each in listening.sink.ended] == ["aborted"]
        client.close()
        wait_for(lambda: listening.events("association.ended"))
        assert listening.events("association.ended")[0]["outcome"] == Ending.ABORTED
        assert echo(listening.peer()) == 0


def test_a_second_request_is_a_mistake():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        request = client.association.associate(client.request)
        client.connection.sendall(request)
        client.next_event()
        client.connection.sendall(request)
        assert client.connection.recv(100) == b"\x07\0\0\0\0\x04\0\0\2\2"


def two_pdus(client: ScriptedClient) -> bytes:
    """The command of an object and a first piece of it; more would have to come."""
    wire = client.store_bytes(bytes(400_000))
    end = 0
    for _ in range(2):
        end += 6 + int.from_bytes(wire[end + 2 : end + 6], "big")
    assert end < len(wire)
    return wire[:end]


def test_a_peer_that_aborts_in_the_middle_of_an_object_leaves_nothing():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        client.connection.sendall(two_pdus(client) + pdu(0x07, bytes(4)))
        assert client.closed_by_peer()
        assert [(each.outcome, each.stored) for each in listening.sink.ended] == [("aborted", 0)]
    assert (listening.sink.aborted, listening.sink.kept) == (1, [])


def test_a_release_in_the_middle_of_an_object_is_no_release():
    """Or half an object would count as a session that went well."""
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        client.connection.sendall(two_pdus(client) + pdu(0x05, bytes(4)))
        assert client.connection.recv(100)[:1] == b"\x07"
        assert [each.outcome for each in listening.sink.ended] == ["aborted"]
    assert (listening.sink.aborted, listening.sink.kept) == (1, [])


def test_a_release_is_answered_when_all_is_done():
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        assert ask(client, STORE_CONTEXT, client.store_bytes(b"1234")) == 0
        client.connection.sendall(client.association.release())
        assert isinstance(client.next_event(), ReleaseConfirmed)
        assert [(each.outcome, each.stored) for each in listening.sink.ended] == [("released", 1)]


def test_objects_and_a_release_in_one_segment_are_all_answered():
    """A sender that writes everything and then waits."""
    with Listening() as listening, ScriptedClient(listening.port) as client:
        client.associate()
        client.connection.sendall(client.store_bytes(b"1234") + pdu(0x05, bytes(4)))
        # Not by the core, which has not asked for a release.
        answer = b""
        while not answer.endswith(pdu(0x06, bytes(4))):
            piece = client.connection.recv(1000)
            assert piece
            answer += piece
        assert answer[0] == 0x04
        assert [each.outcome for each in listening.sink.ended] == ["released"]


# Titles


@pytest.mark.parametrize(
    ("raw", "known"),
    [
        (b"CT1".ljust(16), "CT1"),
        (b"  CT1".ljust(16), "CT1"),
        (b"CT1".ljust(16, b"\0"), "CT1"),
        (b"CT1\0garbage\0\0\0\0\0", "CT1\0garbage"),
        (b"CT\n1\x1b[31m".ljust(16), "CT\n1\x1b[31m"),
        ("Gerät".encode("latin-1").ljust(16), "Gerät"),
        (b"\xff" * 16, "\xff" * 16),
        (b" " * 16, ""),
        (b"\0" * 16, ""),
    ],
)
def test_titles_that_devices_make_up_are_survived(raw: bytes, known: str):
    with Listening() as listening, ScriptedClient(listening.port, calling_ae="X") as client:
        wire = bytearray(client.association.associate(client.request))
        wire[26:42] = raw
        client.connection.sendall(wire)
        assert client.connection.recv(1000)[:1] == b"\x02"
        client.connection.sendall(pdu(0x05, bytes(4)))
        assert client.connection.recv(100)[:1] == b"\x06"
        (ended,) = listening.sink.ended
    assert ended.caller.calling_ae == known
    assert ended.outcome == "released"


# What an object costs


class Counting(RecordingSink):
    """Takes objects as a disk does: copies nothing, and keeps nothing."""

    counted = 0

    def begin(self, *_: object) -> Counting:  # type: ignore[override]
        return self

    def write(self, fragment: memoryview) -> bool:
        self.counted += len(fragment)
        return False

    def finish(self) -> int:
        return 0


def test_a_large_object_takes_no_memory():
    piece, count = os.urandom(1 << 20), 96

    def pieces() -> Iterator[bytes]:
        for _ in range(count):
            yield piece

    sink = Counting()
    large = Outgoing(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        data=pieces,
    )
    with Listening(sink=sink) as listening, associate(listening.peer(), [large.kind]) as to:
        tracemalloc.start()
        try:
            assert to.store(large).status == 0
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert sink.counted == count << 20
    assert peak < 4 << 20


# Between door and receiver


def test_a_connection_crosses_with_its_bytes():
    door, end = channel_pair()
    here, there = socket.socketpair()
    receiver = Channel(end)
    with here:
        there.sendall(b"sent before")
        there_number = os.fstat(here.fileno()).st_ino
        assert door.send(Connection(number=1, listener=0, address="10.0.0.9"), here.fileno())
        received = receiver.receive()
    assert received is not None
    message, descriptor = received
    assert message == Connection(number=1, listener=0, address="10.0.0.9")
    assert descriptor is not None
    assert os.fstat(descriptor).st_ino == there_number
    assert not os.get_inheritable(descriptor)
    with socket.socket(fileno=descriptor) as crossed:
        assert crossed.recv(100) == b"sent before"
        crossed.sendall(b"answered")
        assert there.recv(100) == b"answered"
    there.close()
    door.close()
    receiver.close()


def test_a_receiver_that_gets_no_thread_loses_one_connection(monkeypatch: pytest.MonkeyPatch):
    with Listening() as listening:
        start, left = threading.Thread.start, [1]

        def scarce(thread: threading.Thread) -> None:
            if thread.name.startswith("connection-") and left:
                left.pop()
                raise RuntimeError("can't start new thread")
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", scarce)
        with ScriptedClient(listening.port) as client:
            assert client.closed_by_peer()
        wait_for(lambda: listening.door.statistics().connections == 0)
        assert echo(listening.peer()) == 0
    assert len(listening.events("connection.lost")) == 1


def test_a_receiver_without_descriptors_loses_one_connection(monkeypatch: pytest.MonkeyPatch):
    """The kernel drops a descriptor that a process has no room for, and delivers the message."""
    with Listening() as listening:
        receive, left = handover._receive, [1]

        def scarce(end: socket.socket, flags: int) -> tuple[bytes, array.array[int]]:
            raw, descriptors = receive(end, flags)
            if descriptors and left:
                left.pop()
                os.close(descriptors.pop())
            return raw, descriptors

        monkeypatch.setattr(handover, "_receive", scarce)
        with ScriptedClient(listening.port) as client:
            assert client.closed_by_peer()
        wait_for(lambda: listening.door.statistics().connections == 0)
        assert echo(listening.peer()) == 0
    assert len(listening.events("connection.lost")) == 1


def test_a_door_without_descriptors_waits_and_goes_on():
    with Listening() as listening:
        (entrance,) = listening.door._listening
        accept, left = entrance.socket, [errno.EMFILE, errno.EMFILE]

        class Scarce:
            def accept(self) -> tuple[socket.socket, tuple[str, int]]:
                if left:
                    raise OSError(left.pop(), "too many open files")
                return accept.accept()

            def __getattr__(self, name: str) -> object:
                return getattr(accept, name)

        entrance.socket = Scarce()  # type: ignore[assignment]
        assert echo(listening.peer()) == 0
        assert len(listening.events("door.out_of_resources")) == 2
        entrance.socket = accept
