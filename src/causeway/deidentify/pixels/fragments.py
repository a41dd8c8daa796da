"""Which fragments of encapsulated pixels belong to which frame (PS3.5 A.4).

An offset table says it, or there is one fragment for each frame, or one frame for all fragments.
Where none of that is so, a frame begins with each fragment that begins a codestream. What stays
open is ``Doubt``: blanking a wrong frame would be worse than none.
"""

from __future__ import annotations

import itertools
import struct
from collections.abc import Mapping
from typing import Final

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.scan import PIXEL_DATA, Found, Scan

__all__ = ["EXTENDED_LENGTHS", "EXTENDED_OFFSETS", "codestream_size", "frames_of"]

EXTENDED_OFFSETS: Final = 0x7FE00001
EXTENDED_LENGTHS: Final = 0x7FE00002
_STARTS: Final = (b"\xff\xd8\xff", b"\xff\x4f\xff\x51", b"\x00\x00\x00\x0cjP  ")
"""Of a JPEG or JPEG-LS stream, of a JPEG 2000 one, of one in a JP2 file."""

Fragments = tuple[tuple[int, int], ...]
"""(offset, length) in the source, of one frame."""


def frames_of(scan: Scan, by_tag: Mapping[int, Found], frames: int) -> tuple[Fragments, ...]:
    """The fragments of each frame. Raises ``Doubt``."""
    items, _ = scan.fragments(by_tag[PIXEL_DATA].value)
    if len(items) < 2:
        raise Doubt("pixels", "there are no fragments of pixels")
    table, fragments = items[0], items[1:]
    if frames == 1:
        return (tuple(fragments),)
    found = (
        _by_extended_table(scan, by_tag, fragments, frames)
        or _by_offsets(fragments, _basic_offsets(scan, table, frames))
        or (tuple((each,) for each in fragments) if len(fragments) == frames else None)
        or _by_starts(scan, fragments, frames)
    )
    if found is None:
        raise Doubt("pixels", "it cannot be said which fragments belong to which frame")
    return found


def _basic_offsets(scan: Scan, table: tuple[int, int], frames: int) -> list[int]:
    offset, length = table
    if length != 4 * frames:
        return []
    return list(struct.unpack(f"<{frames}I", scan.take(offset, length)))


def _by_extended_table(
    scan: Scan, by_tag: Mapping[int, Found], fragments: list[tuple[int, int]], frames: int
) -> tuple[Fragments, ...] | None:
    offsets, lengths = by_tag.get(EXTENDED_OFFSETS), by_tag.get(EXTENDED_LENGTHS)
    if offsets is None or lengths is None or not offsets.length == lengths.length == 8 * frames:
        return None
    return _by_offsets(
        fragments, list(struct.unpack(f"<{frames}Q", scan.take(offsets.value, offsets.length)))
    )


def _by_offsets(
    fragments: list[tuple[int, int]], offsets: list[int]
) -> tuple[Fragments, ...] | None:
    """Offsets are of the items' tags, from the first fragment's on (PS3.5 A.4)."""
    if not offsets or offsets[0] != 0:
        return None
    first = fragments[0][0]
    starts = {value - first: index for index, (value, _) in enumerate(fragments)}
    if any(offset not in starts for offset in offsets):
        return None
    at = [starts[offset] for offset in offsets] + [len(fragments)]
    if any(later <= earlier for earlier, later in itertools.pairwise(at)):
        return None
    return tuple(tuple(fragments[begin:end]) for begin, end in itertools.pairwise(at))


def _by_starts(
    scan: Scan, fragments: list[tuple[int, int]], frames: int
) -> tuple[Fragments, ...] | None:
    found: list[list[tuple[int, int]]] = []
    for offset, length in fragments:
        begins = scan.take(offset, min(length, 8)).startswith(_STARTS)
        if begins:
            found.append([])
        if not found:
            return None
        found[-1].append((offset, length))
    return tuple(tuple(each) for each in found) if len(found) == frames else None


def codestream_size(data: bytes) -> tuple[int, int] | None:
    """(rows, columns) that a codestream of the JPEG family says of itself; None for one that is
    none. A stream may be larger than the header tells, and what is outside would not be seen.
    """
    if data.startswith(_STARTS[2]):
        at = data.find(b"jp2c")
        data = data[at + 4 :] if at >= 0 else b""
    if data.startswith(_STARTS[1]):
        if len(data) < 24:
            return None
        x, y, x0, y0 = struct.unpack_from(">IIII", data, 8)
        return y - y0, x - x0
    if not data.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC)) or marker == 0xF7:
            rows, columns = struct.unpack_from(">HH", data, at + 5)
            return rows, columns
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
