"""However a stream is cut, the same messages come out, and held views stay true."""

from __future__ import annotations

import itertools

from fuzz_dimse import CT_IMAGE, pair, store
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.dimse import (
    NEED_DATA,
    Association,
    CStoreRQ,
    FragmentReceived,
    LimitExceeded,
    MessageReceived,
)
from causeway.dimse.commandset import encode


@settings(deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 12_000), max_size=4), min_size=1, max_size=3),
    st.lists(st.integers(50, 40_000), min_size=1, max_size=10),
    st.booleans(),
)
def test_store_after_store(objects: list[list[int]], reads: list[int], hold: bool) -> None:
    """Data of any pieces, sent and read in any sizes; released after each object, or after each
    read.
    """
    requestor, acceptor = pair()
    for number, pieces in enumerate(objects, start=1):
        data = [
            bytes((number * 17 + index) % 256 for _ in range(size))
            for index, size in enumerate(pieces)
        ]
        command = store(f"1.2.{number}")
        sent = b"".join(
            bytes(part) for buffers in requestor.send_message(3, command, data) for part in buffers
        )
        kept: list[tuple[memoryview, bytes]] = []
        content = b""
        messages = []
        position = turn = 0
        try:
            while position < len(sent):
                view = acceptor.get_buffer()
                count = min(len(view), len(sent) - position, reads[turn % len(reads)])
                view[:count] = sent[position : position + count]
                acceptor.buffer_updated(count)
                position += count
                turn += 1
                while (event := acceptor.next_event()) is not NEED_DATA:
                    if isinstance(event, FragmentReceived):
                        content += event.data
                        kept.append((event.data, bytes(event.data)))
                        assert event.last is (position == len(sent) and len(content) == sum(pieces))
                    else:
                        messages.append(event)
                if not hold:
                    assert all(view == copy for view, copy in kept)
                    kept.clear()
                    acceptor.release_fragments()
        except LimitExceeded:
            # The bounds of these associations are small on purpose; only who holds meets them.
            assert hold
            return
        assert messages == [MessageReceived(3, command, True)]
        assert content == b"".join(data)
        assert all(view == copy for view, copy in kept)
        kept.clear()
        acceptor.release_fragments()
        requestor.receive_data(acceptor.encode_response(3, command.response(0)))
        assert isinstance(requestor.next_event(), MessageReceived)


def pdata(pdvs: list[tuple[int, bytes]]) -> bytes:
    body = b"".join(
        (len(content) + 2).to_bytes(4, "big") + bytes((3, control)) + content
        for control, content in pdvs
    )
    return b"\4\0" + len(body).to_bytes(4, "big") + body


def cut(content: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(content) + 1) for place in places), len(content)]
    return [content[start:end] for start, end in itertools.pairwise(edges)]


@given(
    st.binary(max_size=200),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.lists(st.integers(0, 10_000), max_size=6),
    st.lists(st.integers(1, 5), min_size=1, max_size=5),
    st.lists(st.integers(1, 60), min_size=1, max_size=5),
)
def test_any_fragmentation(
    content: bytes,
    command_cuts: list[int],
    data_cuts: list[int],
    together: list[int],
    reads: list[int],
) -> None:
    """Command and data cut anywhere, empty fragments too, several PDVs in one PDU."""
    command = CStoreRQ(
        message_id=1, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid="1.2.3"
    )
    commands = cut(encode(command, has_data=True), command_cuts)
    fragments = cut(content, data_cuts)
    pdvs = [(1 | 2 * (index == len(commands) - 1), one) for index, one in enumerate(commands)]
    pdvs += [(2 * (index == len(fragments) - 1), one) for index, one in enumerate(fragments)]
    raw = b""
    turn = 0
    while pdvs:
        size = together[turn % len(together)]
        raw += pdata(pdvs[:size])
        del pdvs[:size]
        turn += 1
    expected: list[object] = [MessageReceived(3, command, True)]
    expected += [
        FragmentReceived(3, memoryview(one), index == len(fragments) - 1)
        for index, one in enumerate(fragments)
        if one or index == len(fragments) - 1
    ]
    assert read(pair()[1], raw, reads) == expected


def read(association: Association, raw: bytes, reads: list[int]) -> list[object]:
    found: list[object] = []
    position = turn = 0
    while position < len(raw):
        size = reads[turn % len(reads)]
        turn += 1
        association.receive_data(raw[position : position + size])
        position += size
        while (event := association.next_event()) is not NEED_DATA:
            if isinstance(event, FragmentReceived):
                event = FragmentReceived(
                    event.context_id, memoryview(bytes(event.data)), event.last
                )
            found.append(event)
    return found
