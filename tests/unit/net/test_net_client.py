"""The client against nodes that misbehave: it says what happened, in time, one result for each
object.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from causeway.dimse import Buffer
from causeway.errors import PeerError
from causeway.net import (
    AssociationLost,
    AssociationRejected,
    NotNegotiated,
    Outgoing,
    Peer,
    Timeouts,
    Unreachable,
    associate,
    echo,
    send,
)
from causeway.testing.listening import Listening
from causeway.testing.peers import CT_IMAGE_STORAGE
from causeway.testing.servers import (
    AbortingServer,
    DrippingServer,
    FullServer,
    GarbageServer,
    LeavesWithItsAnswer,
    NeverAnswersRelease,
    NeverAnswersStore,
    PickyServer,
    RejectingServer,
    ScriptedServer,
    SilentServer,
)

EXPLICIT = "1.2.840.10008.1.2.1"
KIND = (CT_IMAGE_STORAGE, EXPLICIT)
HASTY = Timeouts(
    connect_seconds=0.5,
    associate_seconds=0.5,
    response_seconds=0.5,
    progress_seconds=0.5,
    release_seconds=0.5,
)


def calling(server: ScriptedServer, **options: object) -> Peer:
    return Peer(
        host="127.0.0.1",
        port=server.port,
        called_ae="PACS",
        timeouts=HASTY,
        **options,  # type: ignore[arg-type]
    )


def objects(count: int, size: int = 1000) -> list[Outgoing]:
    return [
        Outgoing(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid=f"1.2.3.{number}",
            transfer_syntax_uid=EXPLICIT,
            data=bytes([number]) * size,
            key=number,
        )
        for number in range(count)
    ]


def test_a_node_that_behaves_gets_everything_in_order():
    with ScriptedServer() as server:
        assert echo(calling(server)) == 0
        results = list(send(calling(server), objects(5)))
        assert [each.outgoing.key for each in results] == [0, 1, 2, 3, 4]
        assert all(each.stored for each in results)
        assert server.received == [each.data for each in objects(5)]
        assert {each.calling_ae for each in server.requests} == {"CAUSEWAY"}


@pytest.mark.parametrize("most", [16_384, 131_072])
def test_data_may_come_in_pieces_of_any_size(most: int):
    pieces = [b"a", b"", b"bc" * 100_000, memoryview(b"d" * 70_001), bytearray(b"e" * 5)]

    def produce() -> Iterator[Buffer]:
        yield from pieces

    (one,) = objects(1)
    lazy = Outgoing(
        sop_class_uid=one.sop_class_uid,
        sop_instance_uid=one.sop_instance_uid,
        transfer_syntax_uid=EXPLICIT,
        data=produce,
    )
    with ScriptedServer() as server:
        assert [each.status for each in send(calling(server, max_pdu_length=most), [lazy])] == [0]
        assert server.received == [b"".join(pieces)]


def test_a_source_of_data_that_fails_aborts_and_passes_through():
    def produce() -> Iterator[Buffer]:
        yield bytes(2_000_000)
        raise OSError("the disk is gone")

    (one,) = objects(1)
    broken = Outgoing(
        sop_class_uid=one.sop_class_uid,
        sop_instance_uid=one.sop_instance_uid,
        transfer_syntax_uid=EXPLICIT,
        data=produce,
    )
    with Listening() as listening:
        with pytest.raises(OSError, match="the disk is gone"):
            list(send(listening.peer(), [broken]))
        listening.statistics(lambda now: now.ended == {"aborted": 1})
        assert listening.sink.aborted == 1
        assert listening.sink.kept == []


def test_more_kinds_than_one_association_has_room_for():
    many = [
        Outgoing(
            sop_class_uid=f"1.2.3.{number // 3}",
            sop_instance_uid=f"1.2.{number}",
            transfer_syntax_uid=f"1.2.4.{number % 3}",
            data=str(number).encode() * 2,
            key=number,
        )
        for number in range(300)
    ]
    with ScriptedServer() as server:
        results = list(send(calling(server), many))
        assert sorted(each.outgoing.key for each in results) == list(range(300))
        assert all(each.stored for each in results)
        assert [len(each.contexts) for each in server.requests] == [128, 128, 44]


@pytest.mark.parametrize(
    ("server", "error", "says"),
    [
        (SilentServer(), AssociationLost, "no answer within"),
        (DrippingServer(), AssociationLost, "no answer within"),
        (GarbageServer(), AssociationLost, "broke the protocol"),
        (RejectingServer(1, 1, 7), AssociationRejected, "called AE title not recognized"),
        (RejectingServer(2, 3, 2), AssociationRejected, "local limit exceeded"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ScriptedServer) else "",
)
def test_no_association_is_the_result_of_every_object(
    server: ScriptedServer, error: type[PeerError], says: str
):
    with server:
        began = time.monotonic()
        results = list(send(calling(server), objects(3)))
        assert time.monotonic() - began < 10
    assert [each.outgoing.key for each in results] == [0, 1, 2]
    assert not any(each.stored for each in results)
    for each in results:
        assert isinstance(each.error, error)
        assert says in str(each.error)


def test_nobody_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    peer = Peer(host="127.0.0.1", port=port, called_ae="PACS", timeouts=HASTY)
    with pytest.raises(Unreachable, match="Connection refused"):
        echo(peer)
    (result,) = send(peer, objects(1))
    assert isinstance(result.error, Unreachable)
    assert result.temporary


def test_a_full_node_says_so_for_each():
    with FullServer() as server:
        results = list(send(calling(server), objects(4)))
    assert [each.status for each in results] == [0, 0xA700, 0xA700, 0xA700]
    assert results[1].temporary
    assert results[1].comment == "no room"
    assert "out of resources" in str(results[1])


def test_an_abort_in_the_middle_leaves_the_rest_unsent():
    with AbortingServer() as server:
        results = list(send(calling(server), objects(4)))
    assert [each.status for each in results] == [0, None, None, None]
    assert "aborted" in str(results[1].error)
    assert len(server.received) == 2


def test_no_answer_to_an_object_ends_in_time():
    with NeverAnswersStore() as server:
        began = time.monotonic()
        (result,) = send(calling(server), objects(1))
        assert time.monotonic() - began < 10
    assert isinstance(result.error, AssociationLost)


def test_a_node_that_never_answers_the_release_costs_no_result():
    with NeverAnswersRelease() as server:
        began = time.monotonic()
        results = list(send(calling(server), objects(2)))
        assert 0.4 < time.monotonic() - began < 10
    assert all(each.stored for each in results)


def test_what_is_not_negotiated_is_said_and_the_association_goes_on():
    with PickyServer() as server:
        results = list(send(calling(server), objects(2)))
        assert all(isinstance(each.error, NotNegotiated) for each in results)
        assert not results[0].temporary
        assert echo(calling(server)) == 0


def test_a_farewell_in_one_piece_with_an_answer_is_heard():
    """An association that is left idle must not be used again when its peer has let go of it."""
    with LeavesWithItsAnswer() as server:
        association = associate(calling(server), [KIND])
        (one,) = objects(1)
        assert association.store(one).status == 0
        assert not association.is_quiet()


def test_a_block_that_raises_aborts():
    with Listening() as listening:
        with pytest.raises(ZeroDivisionError), associate(listening.peer(), [KIND]):
            raise ZeroDivisionError
        listening.statistics(lambda now: now.ended == {"aborted": 1})


def test_errors_tell_no_identifiers():
    with AbortingServer() as server:
        results = list(send(calling(server), objects(3)))
    assert all("1.2.3." not in str(each) for each in results)
    assert all("1.2.3." not in repr(each) for each in results)
