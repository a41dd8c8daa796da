"""What holds for any bytes: what goes in comes out, and what did not go in never does."""

from __future__ import annotations

from pathlib import Path
from random import Random

from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from causeway.spool import (
    Damaged,
    SpaceGauge,
    SpaceLimits,
    SpoolReader,
    SpoolWriter,
    prepare,
    recover,
)
from causeway.spool.format import (
    Head,
    Place,
    decode_head,
    decode_header,
    decode_receipt,
    encode_head,
    encode_header,
    encode_receipt,
)
from causeway.testing.disk import FaultyDisk
from causeway.values import Caller, Receipt, Record

SEGMENT = 64 << 10
ROOT = Path("/data/spool")
LOG = ROOT / "segments" / "0000000000000001.log"

words = st.text(max_size=40)
callers = st.builds(
    Caller,
    source=words,
    calling_ae=words,
    called_ae=words,
    address=words,
    association=words,
    certificate=words,
)
receipts = st.builds(
    Receipt,
    caller=callers,
    sop_class_uid=words,
    sop_instance_uid=words,
    transfer_syntax_uid=words,
    received_at=st.floats(allow_nan=False, allow_infinity=False),
    move_originator=words,
)
places = st.builds(
    Place,
    id=st.integers(0, 2**64 - 1),
    generation=st.integers(1, 2**32 - 1),
    size=st.integers(1 << 17, 1 << 40),
)


def receipt_of(number: int) -> Receipt:
    return Receipt(
        caller=Caller(source="s", calling_ae="A", called_ae="B", address="::1", association="1"),
        sop_class_uid="1.2",
        sop_instance_uid=str(number),
        transfer_syntax_uid="1.2.3",
        received_at=float(number),
    )


class Spool:
    """On a disk that does not fail by itself."""

    def __init__(self) -> None:
        self.disk = FaultyDisk(random=Random(0))
        self.disk.mkdir(Path("/"))
        self.disk.mkdir(ROOT.parent)
        prepare(ROOT, disk=self.disk)
        numbers = iter(range(1, 1000))
        none = SpaceLimits(soft_bytes=0, hard_bytes=0, reserve_bytes=0)
        self.writer = SpoolWriter(
            ROOT,
            disk=self.disk,
            space=SpaceGauge(ROOT, disk=self.disk, limits=none, segment_size=SEGMENT),
            segment_size=SEGMENT,
            small_object=20_000,
            new_id=lambda: next(numbers),
        )
        self.reader = SpoolReader(ROOT, disk=self.disk)

    def scan(self) -> list[Record | Damaged]:
        return [item for info in self.reader.containers() for item in self.reader.scan(info.name)]


@given(receipts)
def test_receipts_come_back(receipt: Receipt) -> None:
    encoded = encode_receipt(receipt)
    assert decode_receipt(encoded) == receipt
    assert encoded.count(b"\n") == 2
    assert encoded.isascii()


@given(places)
def test_heads_come_back(place: Place) -> None:
    assert decode_head(encode_head(Head(*place))) == Head(*place)


@given(
    place=places,
    offset=st.integers(0, 1 << 16),
    sequence=st.integers(0, 2**32 - 1),
    size=st.integers(0, 1 << 15),
    receipt=st.binary(max_size=300),
    digest=st.binary(min_size=32, max_size=32),
    flags=st.integers(0, 3),
    bit=st.integers(0, 96 * 8 - 1),
)
def test_headers_come_back_and_no_bit_of_them_may_differ(
    place: Place,
    offset: int,
    sequence: int,
    size: int,
    receipt: bytes,
    digest: bytes,
    flags: int,
    bit: int,
) -> None:
    encoded = encode_header(
        place,
        offset=offset,
        sequence=sequence,
        size=size,
        receipt=receipt,
        digest=digest,
        flags=flags,
    )
    header = decode_header(encoded, place, offset)
    assert header is not None
    assert header[:4] == (offset, sequence, size, len(receipt))
    assert (header.digest, header.flags) == (digest, flags)
    changed = bytearray(encoded)
    changed[bit // 8] ^= 1 << bit % 8
    assert decode_header(bytes(changed), place, offset) is None


@given(st.binary(max_size=5000), places, st.integers(0, 1 << 30))
def test_garbage_is_neither_head_nor_header(data: bytes, place: Place, offset: int) -> None:
    assert decode_head(data) is None
    assert decode_header(data, place, offset) is None


@given(st.lists(st.lists(st.binary(max_size=9000), max_size=4), max_size=12), st.data())
@settings(max_examples=40, deadline=None)
def test_what_is_stored_comes_back_in_order(
    objects: list[list[bytes]], data: st.DataObject
) -> None:
    spool = Spool()
    records = [
        spool.writer.store(receipt_of(number), pieces) for number, pieces in enumerate(objects)
    ]
    for record, pieces in zip(records, objects, strict=True):
        whole = b"".join(pieces)
        assert record.digest == blake3(whole).digest()
        assert spool.reader.read(record) == whole
        size = data.draw(st.integers(1, 10_000))
        assert b"".join(spool.reader.chunks(record, size)) == whole
        assert spool.reader.head(record.address, size) == whole[:size]
    found = spool.scan()
    assert sorted(found, key=lambda item: item.address) == sorted(
        records, key=lambda item: item.address
    )


@given(
    st.lists(
        st.tuples(st.integers(0, SEGMENT - 1), st.binary(min_size=1, max_size=600)), max_size=8
    )
)
@settings(max_examples=150, deadline=None)
def test_whatever_rots_nothing_false_is_read_and_nothing_stops(
    rot: list[tuple[int, bytes]],
) -> None:
    """Any bytes of a segment change: readers and recovery stay sane, and what verifies is right."""
    spool = Spool()
    sent: dict[str, bytes] = {}
    records: dict[str, Record] = {}
    for number in range(6):
        data = bytes([number]) * (number * 1500)
        sent[str(number)] = data
        records[str(number)] = spool.writer.store(receipt_of(number), [data])
    spool.writer.close()
    for offset, data in rot:
        spool.disk.rot(LOG, offset, data[: SEGMENT - offset])
    touched = {block for o, d in rot for block in range(o // 4096, (o + len(d) - 1) // 4096 + 1)}
    for _ in range(2):
        found: set[str] = set()
        for info in spool.reader.containers():
            for item in spool.reader.scan(info.name, verify=True):
                if isinstance(item, Record):
                    found.add(item.receipt.sop_instance_uid)
                    assert spool.reader.read(item) == sent[item.receipt.sop_instance_uid]
        # With its head and its own blocks whole, a record is found wherever else there is damage.
        if not touched & {0, 1}:
            for name, record in records.items():
                own = range(record.address.offset // 4096, record.end // 4096)
                assert name in found or touched & set(own)
        spool.disk.kill()
        recover(ROOT, disk=spool.disk, positions={})
        spool.reader = SpoolReader(ROOT, disk=spool.disk)
