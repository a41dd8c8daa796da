"""Implicit VR little endian written as explicit VR little endian, without touching a value.

For servers that take only explicit value representations. Values are copied byte for byte; what
changes is how elements are headed: VRs come from the data dictionary, UN where it has none (PS3.5,
6.2.2), sequences and items get undefined lengths, and group lengths, which would be wrong
afterwards, are left out. Read and written in pieces: an object of any size passes through.

Where the dictionary leaves a choice the standard decides it for implicit VR (PS3.5, A.1: pixel
data, overlays and waveforms are OW), or Pixel Representation does (US or SS).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from typing import Final

from pydicom.datadict import dictionary_VR

IMPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"

DEPTH_LIMIT: Final = 64
_PIECE_BYTES: Final = 1 << 20
_UNDEFINED: Final = 0xFFFFFFFF
_LONG: Final = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_PIXEL_REPRESENTATION: Final = 0x00280103


class NotRewritable(Exception):
    """Not a data set in implicit VR little endian; the text says where it ends to be one."""


def explicit(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The data set in explicit VR. Raises ``NotRewritable``, possibly after bytes of it."""
    source = _Source(pieces)
    yield from _gathered(_elements(source, _UNDEFINED, 0, signed=False))


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
        head = 8
        if vr.decode("latin-1") in _LONG:
            (length,) = struct.unpack_from("<I", meta, offset + 8)
            head = 12
        whole = meta[offset : offset + head + length]
        offset += head + length
        if group != 0x0002:
            break
        if element == 0x0010:
            found = True
            kept += struct.pack("<HH2sH", 2, 0x10, b"UI", len(uid)) + uid
        elif element != 0x0000:
            kept += whole
    if not found or offset != len(meta):
        raise NotRewritable("its file meta information cannot be read")
    return meta[:132] + struct.pack("<HH2sHI", 2, 0, b"UL", 4, len(kept)) + bytes(kept)


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
            raise NotRewritable("it ends within an element")
        return found

    def stream(self, count: int, *, at_end: bool = False) -> Iterator[bytes]:
        while count:
            if not self._buffer:
                piece = next(self._pieces, None)
                if piece is None:
                    if at_end:
                        return
                    raise NotRewritable("it ends within an element")
                self._buffer = memoryview(piece)
                continue
            part, self._buffer = self._buffer[:count], self._buffer[count:]
            count -= len(part)
            self.offset += len(part)
            yield bytes(part)


def _elements(source: _Source, length: int, depth: int, *, signed: bool) -> Iterator[bytes]:
    """The elements of a data set or item, up to its end, however that is told."""
    if depth > DEPTH_LIMIT:
        raise NotRewritable("its sequences are nested too deeply")
    end = source.offset + length
    while length == _UNDEFINED or source.offset < end:
        head = source.take(8)
        if not head:
            if depth or length != _UNDEFINED:
                raise NotRewritable("it ends within a sequence")
            return
        group, element, size = struct.unpack("<HHI", head)
        tag = group << 16 | element
        if tag == _ITEM_END and depth and length == _UNDEFINED:
            return
        if group in (0x0000, 0x0002, 0xFFFE):
            raise NotRewritable("it has an element that belongs elsewhere")
        vr = _vr(tag, signed)
        if vr == "SQ" or size == _UNDEFINED:
            yield struct.pack("<HH2sHI", group, element, b"SQ", 0, _UNDEFINED)
            yield from _items(source, size, depth + 1, signed=signed)
        elif element == 0x0000:
            for _ in source.stream(size):
                pass
        else:
            if tag == _PIXEL_REPRESENTATION and size == 2:
                value = source.take(2)
                signed = value == b"\1\0"
                yield struct.pack("<HH2sH", group, element, b"US", 2) + value
                continue
            if vr not in _LONG and size > 0xFFFF:
                vr = "UN"
            if vr in _LONG:
                yield struct.pack("<HH2sHI", group, element, vr.encode(), 0, size)
            else:
                yield struct.pack("<HH2sH", group, element, vr.encode(), size)
            yield from source.stream(size)
    if source.offset != end and length != _UNDEFINED:
        raise NotRewritable("an element is longer than what it stands in")


def _items(source: _Source, length: int, depth: int, *, signed: bool) -> Iterator[bytes]:
    end = source.offset + length
    while length == _UNDEFINED or source.offset < end:
        head = source.take(8)
        if not head:
            raise NotRewritable("it ends within a sequence")
        group, element, size = struct.unpack("<HHI", head)
        tag = group << 16 | element
        if tag == _SEQUENCE_END and length == _UNDEFINED:
            break
        if tag != _ITEM:
            raise NotRewritable("a sequence has something else than items")
        yield struct.pack("<HHI", 0xFFFE, 0xE000, _UNDEFINED)
        yield from _elements(source, size, depth, signed=signed)
        yield struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    if length != _UNDEFINED and source.offset != end:
        raise NotRewritable("an item is longer than its sequence")
    yield struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


@functools.lru_cache(maxsize=4096)
def _vr(tag: int, signed: bool) -> str:
    group, element = tag >> 16, tag & 0xFFFF
    if group % 2:
        # PS3.5, 7.8.1: private creators are LO; what they reserve is known to them.
        return "LO" if 0x0010 <= element <= 0x00FF else "UN"
    if element == 0x0000:
        return "UL"
    try:
        vr = str(dictionary_VR(tag))
    except KeyError:
        return "UN"
    if vr in ("US or SS", "US or SS or OW"):
        return "SS" if signed else "US"
    return "OW" if " or " in vr else vr


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
