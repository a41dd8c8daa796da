"""Encapsulated pixels: decoded, blanked and written again, a frame at a time."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.codecs import decode, encode
from causeway.deidentify.pixels.fragments import Fragments
from causeway.deidentify.pixels.image import Image, blank_frame
from causeway.deidentify.pixels.scan import ITEM, SEQUENCE_END, Fetch, Span, made

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Encoded frames that are held in memory; what is beyond is encoded again when it is read."""
_LARGEST: Final = 0xFFFFFFFE


class EncapsulatedPixels:
    """The frames of an object."""

    def __init__(
        self, fetch: Fetch, frames: tuple[Fragments, ...], transfer_syntax_uid: str, image: Image
    ) -> None:
        self.image = image
        self._fetch = fetch
        self._frames = frames
        self._syntax = transfer_syntax_uid

    @property
    def encoded_bytes(self) -> int:
        return sum(length for frame in self._frames for _, length in frame)

    def frame(self, index: int) -> tuple[NDArray[Any], Image]:
        """One frame decoded, and how its samples stand. Raises ``Doubt``."""
        data = b"".join(self._fetch(offset, length) for offset, length in self._frames[index])
        return decode(data, self._syntax, self.image)

    def _blanked(
        self, index: int, mask: NDArray[Any], overlay_bits: int
    ) -> tuple[NDArray[Any], Image]:
        array, image = self.frame(index)
        cells = array.reshape(-1).view(f"u{array.dtype.itemsize}")
        blank_frame(cells, image, mask, overlay_bits)
        return array, image

    def as_native(self, area: Area, overlay_bits: int = 0) -> tuple[Image, Span]:
        """As pixels of defined length, and how they stand; decoded as they are read."""
        mask = area.mask(self.image.rows, self.image.columns)
        first, image = self._blanked(0, mask, overlay_bits)
        size = first.nbytes
        total = size * len(self._frames)
        if total > _LARGEST:
            raise Doubt("size", "uncompressed, the pixels are more than a data element can hold")

        def written(index: int) -> bytes:
            array, found = self._blanked(index, mask, overlay_bits)
            if found != image:
                raise Doubt("pixels", "frames are compressed in different ways")
            return array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()

        return image, _in_turn([size] * len(self._frames), written, pad=total % 2)

    def as_encapsulated(self, area: Area, overlay_bits: int = 0) -> list[Span] | None:
        """Encoded again without loss in the same syntax: all items with their offset table and the
        delimiter; None if a frame cannot be.
        """
        mask = area.mask(self.image.rows, self.image.columns)
        kept: dict[int, bytes] = {}
        room = KEPT_BYTES
        sizes: list[int] = []

        def encoded(index: int) -> bytes:
            if index in kept:
                return kept[index]
            data = encode(self._blanked(index, mask, overlay_bits)[0], self._syntax, self.image)
            if data is None or len(data) + len(data) % 2 != sizes[index]:
                raise Doubt("pixels", "a frame was encoded once, and not a second time")
            return _padded(data)

        for index in range(len(self._frames)):
            data = encode(self._blanked(index, mask, overlay_bits)[0], self._syntax, self.image)
            if data is None or len(data) >= _LARGEST:
                return None
            data = _padded(data)
            sizes.append(len(data))
            if len(data) <= room:
                kept[index] = data
                room -= len(data)
        offsets: list[int] = []
        at = 0
        for size in sizes:
            offsets.append(at)
            at += size + 8
        # Offsets of 32 bits, where they suffice; an empty table is always right (PS3.5 A.4).
        table = struct.pack(f"<{len(offsets)}I", *offsets) if at <= _LARGEST else b""

        def item(index: int) -> bytes:
            return _head(ITEM, sizes[index]) + encoded(index)

        return [
            made(_head(ITEM, len(table)) + table),
            _in_turn([size + 8 for size in sizes], item),
            made(_head(SEQUENCE_END, 0)),
        ]


def _in_turn(sizes: list[int], piece: Callable[[int], bytes], pad: int = 0) -> Span:
    """Pieces behind each other, made when they are read; the last one read is remembered."""
    from bisect import bisect_right
    from itertools import accumulate

    ends = list(accumulate(sizes))
    total = ends[-1] + pad
    memo: tuple[int, bytes] = (-1, b"")

    def fetch(offset: int, size: int) -> bytes:
        nonlocal memo
        stop = min(offset + size, total)
        found: list[bytes] = []
        while offset < stop:
            index = bisect_right(ends, offset)
            if index == len(ends):
                found.append(bytes(stop - offset))
                break
            if memo[0] != index:
                memo = index, piece(index)
            begin = ends[index] - sizes[index]
            found.append(memo[1][offset - begin : stop - begin])
            offset = min(stop, ends[index])
        return found[0] if len(found) == 1 else b"".join(found)

    return Span(total, fetch)


def _head(tag: int, length: int) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, length)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (len(data) % 2)
