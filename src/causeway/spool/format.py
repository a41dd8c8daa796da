"""Byte layouts of the spool, pure: heads of segments, headers of records, receipts.

The page ``docs/reference/spool-format.md`` is the contract; names here are its names. Nothing here
reads or writes a file.
"""

from __future__ import annotations

import json
import struct
from functools import lru_cache
from json.encoder import encode_basestring_ascii as _quote
from typing import NamedTuple
from zlib import crc32

from causeway.values import Caller, Receipt

BLOCK = 4096
FIRST_RECORD = 2 * BLOCK
"""Offset of a segment's first record, behind the two copies of its head."""

HEADER_SIZE = 96
MAX_RECEIPT = 64 << 10
DIGEST_SIZE = 32

SEAL = 1
RELAXED = 2

_CRC = struct.Struct("<I")
_HEAD = struct.Struct("<8sQIIQ")
_HEAD_MAGIC = b"\x89CWSEG\n\x01"
_HEADER = struct.Struct("<8sQIIQQIIII32sI")
_HEADER_MAGIC = b"\x89CWREC\n\x01"
_NO_DIGEST = bytes(DIGEST_SIZE)
_decode = json.JSONDecoder().decode  # json.loads on bytes guesses their encoding first


class Head(NamedTuple):
    """What a segment says of itself."""

    id: int
    generation: int
    size: int


class Place(NamedTuple):
    """Where a header must say that it is."""

    id: int
    generation: int
    size: int
    """Bytes of the file: no record reaches beyond."""


class Header(NamedTuple):
    """A sound header."""

    offset: int
    sequence: int
    size: int
    """Bytes of the data set."""
    receipt_size: int
    receipt_crc: int
    flags: int
    digest: bytes

    @property
    def data(self) -> int:
        """Offset of the data set."""
        return self.offset + HEADER_SIZE + self.receipt_size

    @property
    def data_end(self) -> int:
        return self.offset + HEADER_SIZE + self.receipt_size + self.size

    @property
    def end(self) -> int:
        """Offset of the next record in a segment."""
        return align(self.data_end)

    @property
    def is_seal(self) -> bool:
        return bool(self.flags & SEAL)

    @property
    def is_relaxed(self) -> bool:
        return bool(self.flags & RELAXED)


def align(offset: int) -> int:
    """The next offset at which a block starts."""
    return (offset + BLOCK - 1) & -BLOCK


def record_size(receipt_size: int, data_size: int) -> int:
    """What a record takes in a segment."""
    return align(HEADER_SIZE + receipt_size + data_size)


def encode_head(head: Head) -> bytes:
    """One block."""
    fields = _HEAD.pack(_HEAD_MAGIC, head.id, head.generation, 0, head.size)
    return (fields + _CRC.pack(crc32(fields))).ljust(BLOCK, b"\0")


def decode_head(block: bytes) -> Head | None:
    """None if it is not sound."""
    if len(block) < _HEAD.size + _CRC.size:
        return None
    fields = block[: _HEAD.size]
    magic, id_, generation, _, size = _HEAD.unpack(fields)
    if magic != _HEAD_MAGIC or _CRC.unpack_from(block, _HEAD.size)[0] != crc32(fields):
        return None
    return Head(id_, generation, size)


def encode_header(
    place: Place,
    *,
    offset: int,
    sequence: int,
    size: int,
    receipt: bytes,
    digest: bytes,
    flags: int = 0,
) -> bytes:
    """The 96 bytes in front of the receipt."""
    fields = _HEADER.pack(
        _HEADER_MAGIC,
        place.id,
        place.generation,
        sequence,
        offset,
        size,
        len(receipt),
        flags,
        crc32(receipt),
        0,
        digest,
        0,
    )
    return fields + _CRC.pack(crc32(fields))


def encode_seal(place: Place, *, offset: int, sequence: int) -> bytes:
    """One block that says: nothing behind."""
    header = encode_header(
        place, offset=offset, sequence=sequence, size=0, receipt=b"", digest=_NO_DIGEST, flags=SEAL
    )
    return header.ljust(BLOCK, b"\0")


def decode_header(block: bytes, place: Place, offset: int) -> Header | None:
    """The header at the start of ``block``, if it is sound for this place; otherwise None."""
    if len(block) < HEADER_SIZE or not block.startswith(_HEADER_MAGIC):
        return None
    (
        _,
        id_,
        generation,
        sequence,
        own_offset,
        size,
        receipt_size,
        flags,
        receipt_crc,
        _,
        digest,
        _,
    ) = _HEADER.unpack_from(block)
    if (
        id_ != place.id
        or generation != place.generation
        or own_offset != offset
        or receipt_size > MAX_RECEIPT
        or offset + HEADER_SIZE + receipt_size + size > place.size
        or _CRC.unpack_from(block, _HEADER.size)[0] != crc32(block[: _HEADER.size])
    ):
        return None
    return Header(offset, sequence, size, receipt_size, receipt_crc, flags, digest)


def generation_of(block: bytes, id_: int, offset: int) -> int | None:
    """The generation that a record's header at ``offset`` claims, for files whose head is lost."""
    if len(block) < HEADER_SIZE or not block.startswith(_HEADER_MAGIC):
        return None
    fields = _HEADER.unpack_from(block)
    sound = _CRC.unpack_from(block, _HEADER.size)[0] == crc32(block[: _HEADER.size])
    generation: int = fields[2]
    return generation if sound and fields[1] == id_ and fields[4] == offset else None


def encode_receipt(receipt: Receipt) -> bytes:
    """Two lines of JSON; the first is the same for a whole association and made once."""
    # Written out by hand: this runs for every object, and json.dumps takes three times as long.
    return _encode_caller(receipt.caller) + (
        f'{{"sop_class_uid":{_quote(receipt.sop_class_uid)}'
        f',"sop_instance_uid":{_quote(receipt.sop_instance_uid)}'
        f',"transfer_syntax_uid":{_quote(receipt.transfer_syntax_uid)}'
        f',"received_at":{receipt.received_at!r}'
        f',"move_originator":{_quote(receipt.move_originator)}}}\n'
    ).encode("ascii")


def decode_receipt(line: bytes) -> Receipt:
    """Raises ValueError if it is none. Unknown keys are ignored, absent ones empty."""
    caller, _, rest = line.partition(b"\n")
    fields = _decode(rest.decode("ascii"))
    return Receipt(
        caller=_decode_caller(caller),
        sop_class_uid=fields.get("sop_class_uid", ""),
        sop_instance_uid=fields.get("sop_instance_uid", ""),
        transfer_syntax_uid=fields.get("transfer_syntax_uid", ""),
        received_at=fields.get("received_at", 0.0),
        move_originator=fields.get("move_originator", ""),
    )


_CALLER_KEYS = ("source", "calling_ae", "called_ae", "address", "association", "certificate")


@lru_cache(maxsize=1024)
def _encode_caller(caller: Caller) -> bytes:
    fields = {key: getattr(caller, key) for key in _CALLER_KEYS}
    return json.dumps(fields, separators=(",", ":")).encode("ascii") + b"\n"


@lru_cache(maxsize=1024)
def _decode_caller(line: bytes) -> Caller:
    fields = json.loads(line)
    return Caller(**{key: fields.get(key, "") for key in _CALLER_KEYS})
