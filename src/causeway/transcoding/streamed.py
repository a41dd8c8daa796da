"""Implicit VR little endian written as explicit VR little endian, for objects of any size.

As ``explicit_from_implicit``, with the same value representations, but in pieces: nothing is held
but headers, so sequences and items get undefined lengths. What is read once to be measured gives
the same bytes when it is read to be sent.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from causeway.errors import BadDataSet
from causeway.transcoding.elements import (
    ITEM,
    ITEM_END,
    LONG,
    SEQUENCE_END,
    UNDEFINED,
    head,
    vr_of,
)

EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"

_MOST_DEPTH: Final = 64
_PIECE_BYTES: Final = 1 << 20
_PIXEL_REPRESENTATION: Final = 0x00280103


def explicit(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data set in explicit VR. Raises ``BadDataSet``, possibly after bytes of it."""
    source = _Source(pieces)
    yield from _gathered(_elements(source, UNDEFINED, 0, signed=False))


def explicit_size(pieces: Iterator[bytes]) -> int:
    """Bytes that ``explicit`` gives."""
    return sum(len(piece) for piece in explicit(pieces))


def explicit_meta(meta: bytes) -> bytes:
    """Preamble and file meta information that names explicit VR little endian."""
    uid = EXPLICIT_VR_LITTLE_ENDIAN.encode()
    uid += b"\0" * (len(uid) % 2)
    kept, offset, found = bytearray(), 132, False
    while offset + 12 <= len(meta):
        group, element, vr, length = struct.unpack_from("<HH2sH", meta, offset)
        begin = 8
        if vr.decode("latin-1") in LONG:
            (length,) = struct.unpack_from("<I", meta, offset + 8)
            begin = 12
        whole = meta[offset : offset + begin + length]
        offset += begin + length
        if group != 0x0002:
            break
        if element == 0x0010:
            found = True
            kept += head(0x00020010, "UI", len(uid)) + uid
        elif element != 0x0000:
            kept += whole
    if not found or offset != len(meta):
        raise BadDataSet("its file meta information cannot be read")
    return meta[:132] + head(0x00020000, "UL", 4) + struct.pack("<I", len(kept)) + bytes(kept)


class _Source:
    """A stream that is read by the byte, and knows how far it is."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._buffer = memoryview(b"")
        self.offset = 0

    def take(self, count: int) -> bytes:
        """Exactly so many bytes; fewer only at the very end, and then none."""
        found = b"".join(self.stream(count, at_end=True))
        if found and len(found) < count:
            raise BadDataSet("it ends within an element")
        return found

    def stream(self, count: int, *, at_end: bool = False) -> Iterator[bytes]:
        while count:
            if not self._buffer:
                piece = next(self._pieces, None)
                if piece is None:
                    if at_end:
                        return
                    raise BadDataSet("it ends within an element")
                self._buffer = memoryview(piece)
                continue
            part, self._buffer = self._buffer[:count], self._buffer[count:]
            count -= len(part)
            self.offset += len(part)
            yield bytes(part)


def _elements(source: _Source, length: int, depth: int, *, signed: bool) -> Iterator[bytes]:
    """The elements of a data set or item, up to its end, however that is told."""
    if depth > _MOST_DEPTH:
        raise BadDataSet("its sequences are nested too deeply")
    end = source.offset + length
    while length == UNDEFINED or source.offset < end:
        begin = source.take(8)
        if not begin:
            if depth or length != UNDEFINED:
                raise BadDataSet("it ends within a sequence")
            return
        group, element, size = struct.unpack("<HHI", begin)
        tag = group << 16 | element
        if tag == ITEM_END and depth and length == UNDEFINED:
            return
        if group in (0x0000, 0x0002, 0xFFFE):
            raise BadDataSet("it has an element that belongs elsewhere")
        vr = vr_of(tag, size, signed=signed)
        if vr == "SQ" or size == UNDEFINED:
            yield head(tag, "SQ", UNDEFINED)
            yield from _items(source, size, depth + 1, signed=signed)
        elif element == 0x0000:
            for _ in source.stream(size):
                pass
        else:
            if tag == _PIXEL_REPRESENTATION and size == 2:
                value = source.take(2)
                signed = value == b"\1\0"
                yield head(tag, "US", 2) + value
                continue
            if vr not in LONG and size > 0xFFFF:
                vr = "UN"
            yield head(tag, vr, size)
            yield from source.stream(size)
    if source.offset != end and length != UNDEFINED:
        raise BadDataSet("an element is longer than what it stands in")


def _items(source: _Source, length: int, depth: int, *, signed: bool) -> Iterator[bytes]:
    end = source.offset + length
    while length == UNDEFINED or source.offset < end:
        begin = source.take(8)
        if not begin:
            raise BadDataSet("it ends within a sequence")
        group, element, size = struct.unpack("<HHI", begin)
        tag = group << 16 | element
        if tag == SEQUENCE_END and length == UNDEFINED:
            break
        if tag != ITEM:
            raise BadDataSet("a sequence has something else than items")
        yield head(ITEM, "", UNDEFINED)
        yield from _elements(source, size, depth, signed=signed)
        yield head(ITEM_END, "", 0)
    if length != UNDEFINED and source.offset != end:
        raise BadDataSet("an item is longer than its sequence")
    yield head(SEQUENCE_END, "", 0)


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Headers are small; in pieces of a size that is worth a write."""
    waiting = bytearray()
    for piece in pieces:
        if len(piece) >= _PIECE_BYTES // 4:
            if waiting:
                yield bytes(waiting)
                waiting.clear()
            yield piece
            continue
        waiting += piece
        if len(waiting) >= _PIECE_BYTES:
            yield bytes(waiting)
            waiting.clear()
    if waiting:
        yield bytes(waiting)
