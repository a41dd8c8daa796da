"""The layouts, byte by byte, as the format's page has them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from zlib import crc32

import pytest
from spool_parts import receipt

from causeway.spool import format as spool_format
from causeway.spool.format import (
    BLOCK,
    FIRST_RECORD,
    Head,
    Place,
    align,
    decode_head,
    decode_header,
    decode_receipt,
    encode_head,
    encode_header,
    encode_receipt,
    encode_seal,
    generation_of,
    record_size,
)
from causeway.spool.layout import (
    failed_state,
    new_id,
    own_container,
    parse_container,
    parse_own_file,
    parse_segment_file,
    segment_container,
)
from causeway.spool.model import Kind
from causeway.values import Caller, SpoolAddress

PAGE = Path(__file__).parents[3] / "docs/reference/spool-format.md"
PLACE = Place(id=0x1122334455667788, generation=7, size=1 << 20)
DIGEST = bytes(range(32))


def test_head_is_laid_out_as_documented() -> None:
    block = encode_head(Head(0x1122334455667788, 7, 64 << 20))
    assert len(block) == BLOCK
    assert block[:8] == b"\x89CWSEG\n\x01"
    assert block[8:16] == bytes.fromhex("8877665544332211")
    assert block[16:24] == b"\7\0\0\0" + bytes(4)
    assert struct.unpack("<Q", block[24:32]) == (64 << 20,)
    assert struct.unpack("<I", block[32:36]) == (crc32(block[:32]),)
    assert not any(block[36:])
    assert decode_head(block) == Head(0x1122334455667788, 7, 64 << 20)


def test_header_is_laid_out_as_documented() -> None:
    header = encode_header(
        PLACE, offset=8192, sequence=3, size=500, receipt=b"who", digest=DIGEST, flags=2
    )
    assert len(header) == 96
    assert header[:8] == b"\x89CWREC\n\x01"
    assert header[8:16] == bytes.fromhex("8877665544332211")
    assert struct.unpack("<IIQQIIII", header[16:56]) == (7, 3, 8192, 500, 3, 2, crc32(b"who"), 0)
    assert header[56:88] == DIGEST
    assert header[88:92] == bytes(4)
    assert struct.unpack("<I", header[92:]) == (crc32(header[:92]),)


def test_the_page_names_the_magics_and_sizes_of_the_code() -> None:
    page = PAGE.read_text()
    for magic in (spool_format._HEAD_MAGIC, spool_format._HEADER_MAGIC):
        assert magic.hex(" ").upper() in page
    assert "64 MiB" in page
    assert f"| {spool_format.HEADER_SIZE} | | the receipt" in page


def test_header_comes_back_whole() -> None:
    block = encode_header(
        PLACE, offset=8192, sequence=3, size=500, receipt=b"who", digest=DIGEST, flags=2
    )
    header = decode_header(block, PLACE, 8192)
    assert header is not None
    assert (header.sequence, header.size, header.receipt_size) == (3, 500, 3)
    assert (header.data, header.data_end, header.end) == (8291, 8791, 12288)
    assert header.is_relaxed
    assert not header.is_seal
    assert header.digest == DIGEST


@pytest.mark.parametrize(
    ("place", "offset"),
    [
        (PLACE._replace(id=1), 8192),
        (PLACE._replace(generation=6), 8192),
        (PLACE._replace(generation=8), 8192),
        (PLACE, 12288),
        (PLACE._replace(size=8192 + 96 + 3 + 499), 8192),
    ],
    ids=["another file", "an older reader", "a newer generation", "elsewhere", "beyond the end"],
)
def test_a_header_is_sound_in_its_own_place_only(place: Place, offset: int) -> None:
    block = encode_header(PLACE, offset=8192, sequence=0, size=500, receipt=b"who", digest=DIGEST)
    assert decode_header(block, PLACE, 8192) is not None
    assert decode_header(block, place, offset) is None


def test_no_byte_of_head_or_header_may_change() -> None:
    head = encode_head(Head(1, 2, 3))
    header = encode_header(PLACE, offset=0, sequence=0, size=5, receipt=b"", digest=DIGEST)
    for position in range(36):
        assert decode_head(flipped(head, position)) is None
    for position in range(96):
        assert decode_header(flipped(header, position), PLACE, 0) is None
        assert generation_of(flipped(header, position), PLACE.id, 0) is None
    assert generation_of(header, PLACE.id, 0) == 7


def flipped(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 0x40]) + data[position + 1 :]


@pytest.mark.parametrize("length", [0, 35, 95])
def test_too_few_bytes_are_no_header(length: int) -> None:
    assert decode_head(encode_head(Head(1, 2, 3))[: min(length, 35)]) is None
    assert decode_header(encode_seal(PLACE, offset=0, sequence=0)[:length], PLACE, 0) is None


def test_seal_is_a_block_without_receipt_and_data() -> None:
    seal = encode_seal(PLACE, offset=4096, sequence=9)
    header = decode_header(seal, PLACE, 4096)
    assert len(seal) == BLOCK
    assert header is not None
    assert header.is_seal
    assert (header.size, header.receipt_size) == (0, 0)


def test_records_take_whole_blocks() -> None:
    assert [align(n) for n in (0, 1, 4096, 4097)] == [0, 4096, 4096, 8192]
    assert record_size(300, 4096 - 96 - 300) == BLOCK
    assert record_size(300, 4096 - 96 - 300 + 1) == 2 * BLOCK
    assert FIRST_RECORD == 2 * BLOCK


def test_receipt_is_two_lines_of_json() -> None:
    odd = Caller(
        source='quote " and \\',
        calling_ae="Ä\x00\x1f\ud800",
        called_ae="",
        address="::1",
        association="a\n1",
        certificate="ab" * 32,
    )
    sent = receipt(5, odd)
    encoded = encode_receipt(sent)
    caller, thing, rest = encoded.split(b"\n")
    assert rest == b""
    assert json.loads(caller)["calling_ae"] == odd.calling_ae
    assert json.loads(thing)["sop_instance_uid"] == "1.2.3.5"
    assert encoded.isascii()
    assert decode_receipt(encoded) == sent


def test_receipt_of_another_version_is_readable() -> None:
    got = decode_receipt(b'{"source":"ct","colour":"blue"}\n{"sop_instance_uid":"1.2","size":3}\n')
    assert (got.caller.source, got.caller.calling_ae) == ("ct", "")
    assert (got.sop_instance_uid, got.received_at, got.move_originator) == ("1.2", 0.0, "")


@pytest.mark.parametrize("line", [b"", b"\n", b"no json\n{}", b"{}\nno json", b"\xff\n\xff"])
def test_what_is_no_receipt_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError):
        decode_receipt(line)


def test_names_of_containers_are_addresses() -> None:
    assert segment_container(0xAB, 3) == "seg-00000000000000ab.3"
    assert parse_container("seg-00000000000000ab.3") == (Kind.SEGMENT, 0xAB, 3)
    for kind in (Kind.LARGE, Kind.KEPT):
        assert parse_container(own_container(kind, 0xAB)) == (kind, 0xAB, 1)
    address = SpoolAddress(segment_container(0xAB, 3), 8192)
    assert SpoolAddress.parse(str(address)) == address


@pytest.mark.parametrize("name", ["", "seg-1.1", "large-../../etc/passwd0", "seg-" + "0" * 16])
def test_other_names_are_no_containers(name: str) -> None:
    with pytest.raises(ValueError):
        parse_container(name)


def test_names_of_files() -> None:
    ready = parse_segment_file("00000000000000ab.ready")
    failed = parse_segment_file(f"00000000000000ab.{failed_state(3, 8192)}")
    assert ready is not None
    assert failed is not None
    assert (ready.id, ready.state, ready.failed_at(1)) == (0xAB, "ready", None)
    assert (failed.id, failed.state) == (0xAB, "failed")
    assert failed.failed_at(3) == 8192
    assert failed.failed_at(4) is None, "an old name says nothing of a newer generation"
    assert parse_segment_file("lost+found") is None
    assert parse_own_file("00000000000000ab.tmp") == (0xAB, "tmp")
    assert parse_own_file("x.obj") is None


def test_ids_do_not_come_twice() -> None:
    made = [new_id() for _ in range(200)]
    assert len(set(made)) > 190  # 20 random bits within a millisecond
    assert all(0 <= one < 1 << 64 for one in made)
