"""Messages as PDUs: gathered without joining, in flat memory, the last fragment marked."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from dimse_pair import CT_IMAGE, Pair, data_set, feed_whole, joined

from causeway.dimse import Buffer, CStoreRQ, Limits
from causeway.dimse.outgoing import COMMAND, LAST, chunk_size, gather, pdus

STORE = CStoreRQ(message_id=1, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid="1.2.3")


def fragments(stream: bytes) -> list[tuple[int, bytes]]:
    """The PDVs of a stream of one-PDV PDUs: control header and content."""
    found = []
    position = 0
    while position < len(stream):
        assert stream[position] == 4
        length = int.from_bytes(stream[position + 2 : position + 6], "big")
        pdv = int.from_bytes(stream[position + 6 : position + 10], "big")
        assert pdv == length - 4
        found.append((stream[position + 11], stream[position + 12 : position + 6 + length]))
        position += 6 + length
    return found


def streamed(data: list[bytes], max_length: int) -> list[tuple[int, bytes]]:
    return fragments(joined(gather(b"", 3, data, max_length)))


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [0],
        [0, 0, 0],
        [1],
        [4_090],
        [4_091],
        [2_045, 2_045],
        [2_045, 2_045, 0, 0],
        [2_045, 2_045, 1],
        [4_090, 4_090],
        [4_090, 4_090, 0, 1],
        [10_000, 3, 3, 3_000, 0, 20_000],
        [1] * 9_000,
        [2_047, 2_049] * 10,
    ],
    ids=lambda pieces: f"{len(pieces)} pieces, {sum(pieces)} bytes",
)
def test_only_the_last_fragment_is_marked(pieces: list[int]) -> None:
    letters = itertools.cycle(range(256))
    data = [bytes(itertools.islice(letters, size)) for size in pieces]
    found = streamed(data, 4_096)
    assert b"".join(content for _, content in found) == b"".join(data)
    assert [control for control, _ in found] == [0] * (len(found) - 1) + [LAST]
    assert all(len(content) == 4_090 for _, content in found[:-1])
    assert len(found) == max(1, -(-sum(pieces) // 4_090))


@pytest.mark.parametrize("max_length", [8, 9, 10, 4_095])
def test_fragments_are_even(max_length: int) -> None:
    """PS3.8 annex E; so the odd byte of an odd limit is not used."""
    found = streamed([bytes(101)], max_length)
    assert all(len(content) % 2 == 0 for _, content in found[:-1])
    assert all(len(content) + 6 <= max_length for _, content in found)
    assert chunk_size(8) == 2


def test_big_pieces_are_not_copied() -> None:
    content = bytes(100_000)
    views = [
        part
        for buffers in gather(b"head", 3, [content], 16_384)
        for part in buffers
        if isinstance(part, memoryview)
    ]
    # What is left for the last PDU may be small enough to copy.
    assert sum(map(len, views)) > 100_000 - 2_048
    assert all(view.obj is content for view in views)


@pytest.mark.parametrize("piece", [1, 100, 2_047, 2_048, 5_000, 131_072, 10_000_000])
def test_lists_fit_one_call(piece: int) -> None:
    """IOV_MAX is 1024; and no list is so long that a slow peer holds much."""
    chunks = (bytes(piece) for _ in range(min(300_000, 20_000_000 // piece)))
    for buffers in gather(b"head", 3, chunks, 131_072):
        assert len(buffers) < 300
        assert sum(map(len, buffers)) < 524_288 + 131_072 + 1_000


def test_a_file_is_sent_in_flat_memory() -> None:
    """The generator is never more than a list ahead of what was taken."""
    produced = taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal produced
        for _ in range(400):
            produced += 100_000
            yield bytes(100_000)

    pair = Pair()
    for buffers in pair.requestor.send_message(3, STORE, chunks()):
        taken += sum(map(len, buffers))
        assert produced - taken < 524_288 + 2 * 131_072
    assert produced == 40_000_000


@pytest.mark.parametrize(
    "data",
    [
        b"content!",
        bytearray(b"content!"),
        memoryview(b"content!"),
        [b"con", bytearray(b"ten"), memoryview(b"t!")],
        iter([b"content!"]),
        memoryview(b"content!").cast("H"),
        memoryview(b"content!").cast("B", (2, 4)),
    ],
    ids=lambda data: type(data).__name__,
)
def test_data_may_be_any_buffer(data: Buffer) -> None:
    pair = Pair()
    assert data_set(pair.request(3, STORE, data)) == b"content!"


@pytest.mark.parametrize("size", [0, 100, 4_090, 4_091, 50_000])
def test_commands_are_split_too(size: int) -> None:
    """They are joined, being short; a peer with a small limit gets several PDUs."""
    content = bytes(index % 256 for index in range(size))
    found = fragments(pdus(5, COMMAND, content, 4_096))
    assert b"".join(piece for _, piece in found) == content
    assert [control for control, _ in found] == [COMMAND] * (len(found) - 1) + [COMMAND | LAST]


def test_a_split_command_is_put_together() -> None:
    pair = Pair(acceptor=Limits(max_pdu_length=4_096, max_associate_length=65_536))
    # As if the peer had announced the smallest limit there can be.
    pair.requestor._outgoing.max_length = 8
    sent = joined(pair.requestor.send_message(3, STORE, b"content!"))
    assert len(fragments(sent)) > 40
    assert data_set(feed_whole(pair.acceptor, sent)) == b"content!"


def test_the_receiving_lane_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set in PDUs of one PDV never meets the general way."""
    pair = Pair(acceptor=Limits(max_pdu_length=4_096))
    command, *data = pair.requestor.send_message(3, STORE, bytes(10_000))
    (received,) = feed_whole(pair.acceptor, bytes(command.pop(0)))
    monkeypatch.setattr("causeway.dimse.incoming.Incoming._next_pdv", None)
    found = feed_whole(pair.acceptor, joined([command, *data]))
    assert data_set([received, *found]) == bytes(10_000)
