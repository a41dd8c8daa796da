"""The receive buffer: views stay true, memory is used again, and little is held at rest."""

from __future__ import annotations

import pytest
from dimse_pair import CT_IMAGE, Pair, data_set, events, feed_whole, joined

from causeway.dimse import (
    NEED_DATA,
    AssociateRequest,
    Association,
    BlockPool,
    CEchoRQ,
    CStoreRQ,
    FragmentReceived,
    Limits,
    LocalProtocolError,
    MessageReceived,
    Role,
    offer,
)
from causeway.dimse.buffer import BLOCK_SIZE


def store(message_id: int) -> CStoreRQ:
    return CStoreRQ(
        message_id=message_id, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid="1.2.3"
    )


def put(association: Association, raw: bytes) -> list[FragmentReceived]:
    """As a socket would; fragments are held as views."""
    held = []
    position = 0
    while position < len(raw):
        view = association.get_buffer()
        count = min(len(view), len(raw) - position)
        view[:count] = raw[position : position + count]
        association.buffer_updated(count)
        position += count
        while (event := association.next_event()) is not NEED_DATA:
            if isinstance(event, FragmentReceived):
                held.append(event)
            else:
                assert isinstance(event, MessageReceived)
    return held


def blocks_under(fragments: list[FragmentReceived]) -> set[int]:
    return {id(fragment.data.obj) for fragment in fragments}


@pytest.mark.parametrize("pdu", [4_096, 16_384, 65_536, 131_072])
def test_views_stay_true_until_released(pdu: int) -> None:
    pair = Pair(acceptor=Limits(max_pdu_length=pdu))
    content = bytes(index * 31 % 253 for index in range(1_000_000))
    held = put(pair.acceptor, joined(pair.requestor.send_message(3, store(1), content)))
    assert b"".join(fragment.data for fragment in held) == content
    assert all(fragment.data.readonly for fragment in held)


def test_blocks_are_used_again() -> None:
    """After the first objects no memory is taken."""
    pool = BlockPool(retain=8)
    pair = Pair()
    acceptor = Association(Role.ACCEPTOR, blocks=pool)
    reconnect(pair, acceptor)
    seen: list[set[int]] = []
    for message_id in range(1, 8):
        whole = joined(pair.requestor.send_message(1, store(message_id), bytes(600_000)))
        held = put(acceptor, whole)
        seen.append(blocks_under(held))
        held.clear()
        acceptor.release_fragments()
        answer = acceptor.encode_response(1, store(message_id).response(0))
        pair.to_requestor(answer)
    assert len(set().union(*seen[1:])) <= 4


def reconnect(pair: Pair, acceptor: Association) -> None:
    """Give the pair a fresh association with ``acceptor``, one context for CT images."""
    from causeway.dimse import AssociateRequested, negotiate

    pair.requestor = Association(Role.REQUESTOR)
    request = AssociateRequest(
        called_ae="A", calling_ae="B", contexts=offer([(CT_IMAGE, ["1.2.840.10008.1.2"])])
    )
    (asked,) = feed_whole(acceptor, pair.requestor.associate(request))
    assert isinstance(asked, AssociateRequested)
    pair.acceptor = acceptor
    pair.to_requestor(acceptor.accept(negotiate(asked.request)))


def test_held_blocks_are_not_written_again() -> None:
    """Two objects, the first never released: the second goes elsewhere."""
    pair = Pair()
    first = put(pair.acceptor, joined(pair.requestor.send_message(3, store(1), b"a" * 700_000)))
    pair.to_requestor(pair.acceptor.encode_response(3, store(1).response(0)))
    second = put(pair.acceptor, joined(pair.requestor.send_message(3, store(2), b"b" * 700_000)))
    assert b"".join(fragment.data for fragment in first) == b"a" * 700_000
    assert b"".join(fragment.data for fragment in second) == b"b" * 700_000


def test_an_echoing_association_stays_small() -> None:
    pair = Pair()
    for message_id in range(1, 200):
        assert not put(
            pair.acceptor, pair.requestor.encode_response(1, CEchoRQ(message_id=message_id))
        )
        pair.to_requestor(
            pair.acceptor.encode_response(1, CEchoRQ(message_id=message_id).response())
        )
    assert len(pair.acceptor._buffer.block) == 16_384


def test_before_an_association_memory_follows_what_arrived() -> None:
    """A request of 256 KiB is announced, and a kilobyte of it comes."""
    association = Association(Role.ACCEPTOR)
    association.receive_data(b"\1\0\0\4\0\0" + bytes(1_000))
    assert events(association) == []
    for _ in range(4):
        association.buffer_updated(len(association.get_buffer()))
        assert events(association) == []
        received = association._buffer.end
        assert len(association._buffer.block) <= max(16_384, 2 * received)


def test_a_quiet_association_gives_its_block_back() -> None:
    pair = Pair()
    put(pair.acceptor, joined(pair.requestor.send_message(3, store(1), bytes(300_000))))
    pair.acceptor.trim()
    assert len(pair.acceptor._buffer.block) == BLOCK_SIZE, "fragments are held"
    pair.acceptor.release_fragments()
    pair.acceptor.trim()
    assert len(pair.acceptor._buffer.block) == 0
    assert 0 < len(pair.acceptor.get_buffer()) <= 16_384
    pair.to_requestor(pair.acceptor.encode_response(3, store(1).response(0)))
    found = pair.request(3, store(2), b"again")
    assert data_set(found) == b"again"


def test_trim_keeps_what_was_not_read() -> None:
    pair = Pair()
    whole = joined(pair.requestor.send_message(3, store(1), bytes(300_000)))
    put(pair.acceptor, whole[:100_000])
    pair.acceptor.release_fragments()
    pair.acceptor.trim()
    assert len(b"".join(f.data for f in put(pair.acceptor, whole[100_000:]))) == 300_000


def test_a_pool_keeps_what_it_may() -> None:
    pool = BlockPool(block_size=8_192, retain=2)
    blocks = [pool.take(100) for _ in range(4)]
    assert {len(block) for block in blocks} == {8_192}
    big = pool.take(10_000)
    assert len(big) == 10_000
    for block in (*blocks, big):
        pool.give(block)
    again = [pool.take(1), pool.take(1), pool.take(1)]
    assert sum(any(one is block for block in blocks) for one in again) == 2


def test_events_are_to_be_taken() -> None:
    """A caller that only reads would fill memory; it is told."""
    association = Pair(acceptor=Limits(max_pdu_length=4_096)).acceptor
    with pytest.raises(LocalProtocolError):  # noqa: PT012
        for _ in range(100):
            view = association.get_buffer()
            view[:] = (b"\4\0\0\0\0\0" * len(view))[: len(view)]
            association.buffer_updated(len(view))
            # Only the first PDU's length is known to the buffer.
            association._buffer.need = 6


@pytest.mark.parametrize("count", [-1, 16_385])
def test_a_wrong_count_is_refused(count: int) -> None:
    association = Association(Role.ACCEPTOR)
    association.get_buffer()
    with pytest.raises(ValueError, match="room"):
        association.buffer_updated(count)


def test_reading_stops_where_the_next_pdu_would_not_fit() -> None:
    """So that a train of equal PDUs is not carried from block to block, as sockets deliver it."""
    pair = Pair(acceptor=Limits(max_pdu_length=100_000))
    whole = joined(pair.requestor.send_message(3, store(1), bytes(3_000_000)))
    carried = 0
    held = []
    position = 0
    while position < len(whole):
        buffer = pair.acceptor._buffer
        pending, block = buffer.end - buffer.start, buffer.block
        view = pair.acceptor.get_buffer()
        if buffer.block is not block:
            carried += pending
        count = min(len(view), len(whole) - position, 30_000)
        view[:count] = whole[position : position + count]
        pair.acceptor.buffer_updated(count)
        position += count
        held += [event for event in taken(pair.acceptor) if isinstance(event, FragmentReceived)]
    assert b"".join(fragment.data for fragment in held) == bytes(3_000_000)
    # What was read before the first block was known to be too small, and no more.
    assert carried <= 16_384


def test_views_into_an_old_block_do_not_cost_new_ones() -> None:
    """Fragments are held; what comes next is small, and goes round in one block."""
    pair = Pair()
    held = put(pair.acceptor, joined(pair.requestor.send_message(3, store(1), bytes(600_000))))
    pair.to_requestor(pair.acceptor.encode_response(3, store(1).response(0)))
    full_blocks = len(pair.acceptor._buffer._spent)
    for message_id in range(2, 10_000):
        echo = CEchoRQ(message_id=message_id)
        put(pair.acceptor, pair.requestor.encode_response(1, echo))
        pair.to_requestor(pair.acceptor.encode_response(1, echo.response()))
    assert len(pair.acceptor._buffer._spent) <= full_blocks + 1
    assert b"".join(fragment.data for fragment in held) == bytes(600_000)


def taken(association: Association) -> list[object]:
    found: list[object] = []
    while (event := association.next_event()) is not NEED_DATA:
        found.append(event)
    return found
