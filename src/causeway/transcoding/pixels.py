"""Compressed pixels made native, frame by frame, by the codecs that de-identification has.

They run in a process of their own, measure what they give back, and are named for each transfer
syntax (``deidentify.pixels.codecs``). What the header says of the pixels stays, but for the two
attributes that describe how samples stand (PS3.3 C.7.6.3.1.2 and .3).
"""

from __future__ import annotations

import struct
from typing import Final

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.codecs import decode
from causeway.deidentify.pixels.image import Image
from causeway.errors import BadDataSet
from causeway.transcoding.elements import (
    ITEM,
    PIXEL_DATA,
    SEQUENCE_END,
    UNDEFINED,
    Found,
    element_at,
    head,
    top_level,
)

_SAMPLES: Final = 0x00280002
_PHOTOMETRIC: Final = 0x00280004
_PLANAR: Final = 0x00280006
_FRAMES: Final = 0x00280008
_ROWS: Final = 0x00280010
_COLUMNS: Final = 0x00280011
_ALLOCATED: Final = 0x00280100
_STORED: Final = 0x00280101
_HIGH_BIT: Final = 0x00280102
_REPRESENTATION: Final = 0x00280103
_EXTENDED_TABLES: Final = frozenset({0x7FE00001, 0x7FE00002, 0x7FE00003})
"""Extended offset table, its lengths, and the total: of encapsulated pixels only."""

_COMPRESSED_ICON: Final = head(PIXEL_DATA, "OB", UNDEFINED)


def decompressed(data: bytes, transfer_syntax_uid: str, *, most: int) -> bytes:
    """In explicit VR little endian. Raises ``BadDataSet``."""
    elements = list(top_level(data))
    by_tag = {each.tag: each for each in elements}
    pixels = by_tag.get(PIXEL_DATA)
    if pixels is None or pixels.length != UNDEFINED:
        if pixels is None:
            return data  # a document or a measurement, which has nothing to compress
        raise BadDataSet("pixels that are not compressed, as their transfer syntax says")
    if data.find(_COMPRESSED_ICON, 0, pixels.start) >= 0:
        raise BadDataSet("an icon in it is compressed too")
    image = _image(data, by_tag)
    if image.native_bytes > most:
        raise BadDataSet(f"uncompressed, the pixels have more than {most >> 20} MiB")
    frames, end = _frames(data, pixels, image.frames)
    native: list[bytes] = []
    stands: Image | None = None
    try:
        for frame in frames:
            array, found = decode(frame, transfer_syntax_uid, image)
            if stands is not None and found != stands:
                raise BadDataSet("frames are compressed in different ways")
            stands = found
            native.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    except Doubt as doubt:
        raise BadDataSet(f"its pixels cannot be decompressed: {doubt}") from None
    assert stands is not None, "there is a frame at least"
    return _written(data, elements, image, stands, native, end)


def _written(
    data: bytes, elements: list[Found], image: Image, stands: Image, native: list[bytes], end: int
) -> bytes:
    parts: list[bytes] = []
    for number, found in enumerate(elements):
        stop = elements[number + 1].start if number + 1 < len(elements) else end
        if found.tag in _EXTENDED_TABLES or found.tag & 0xFFFF == 0:
            continue
        if found.tag == PIXEL_DATA:
            size = sum(map(len, native))
            vr = "OW" if image.allocated > 8 else "OB"
            parts += [head(PIXEL_DATA, vr, size + size % 2), *native, bytes(size % 2)]
        elif found.tag == _PHOTOMETRIC and stands.photometric != image.photometric:
            value = stands.photometric.encode("ascii")
            value += b" " * (len(value) % 2)
            parts += [head(_PHOTOMETRIC, "CS", len(value)), value]
        elif found.tag == _PLANAR:
            parts += [head(_PLANAR, "US", 2), struct.pack("<H", stands.planar)]
        else:
            parts.append(data[found.start : stop])
    parts.append(data[end:])
    return b"".join(parts)


def _image(data: bytes, by_tag: dict[int, Found]) -> Image:
    def number(tag: int, usual: int | None = None) -> int:
        found = by_tag.get(tag)
        if found is None or found.length != 2:
            if usual is None or found is not None:
                raise BadDataSet(
                    f"({tag >> 16:04X},{tag & 0xFFFF:04X}) does not say how pixels stand"
                )
            return usual
        return int.from_bytes(data[found.value : found.value + 2], "little")

    def text(tag: int) -> str:
        found = by_tag.get(tag)
        if found is None or found.length > 64:
            return ""
        return data[found.value : found.value + found.length].decode("latin-1").strip(" \0")

    count = text(_FRAMES) or "1"
    if not (count.isascii() and count.isdigit() and 0 < int(count) <= 1_000_000):
        raise BadDataSet("(0028,0008) is no number of frames")
    stored = number(_STORED)
    image = Image(
        rows=number(_ROWS),
        columns=number(_COLUMNS),
        frames=int(count),
        samples=number(_SAMPLES, 1),
        photometric=text(_PHOTOMETRIC).upper(),
        planar=number(_PLANAR, 0),
        allocated=number(_ALLOCATED),
        stored=stored,
        high_bit=number(_HIGH_BIT, stored - 1),
        signed=number(_REPRESENTATION, 0) == 1,
    )
    if not (image.rows and image.columns and image.samples and image.allocated >= 8):
        raise BadDataSet("pixels of a form that is not compressed")
    return image


def _frames(data: bytes, pixels: Found, count: int) -> tuple[list[bytes], int]:
    """The frames' codestreams, and where the pixels end."""
    fragments: list[bytes] = []
    at = pixels.value
    while True:
        item = element_at(data, at, explicit=False)
        if item.tag == SEQUENCE_END:
            break
        if item.tag != ITEM or item.length > len(data) - item.value:
            raise BadDataSet("compressed pixels that do not hold together")
        at = item.value + item.length
        fragments.append(data[item.value : at])
    if not fragments:
        raise BadDataSet("compressed pixels without an offset table")
    table, *rest = fragments
    if len(rest) == count:
        return rest, item.value
    if count == 1 and rest:
        return [b"".join(rest)], item.value
    return _by_offsets(table, rest, count), item.value


def _by_offsets(table: bytes, fragments: list[bytes], count: int) -> list[bytes]:
    """Several fragments a frame: the basic offset table says where each begins."""
    offsets = struct.unpack(f"<{len(table) // 4}I", table[: len(table) // 4 * 4])
    begins: list[int] = []
    at = 0
    for fragment in fragments:
        begins.append(at)
        at += 8 + len(fragment)
    if len(offsets) != count or not set(offsets) <= set(begins) or list(offsets) != sorted(offsets):
        raise BadDataSet("it cannot be told which fragments belong to which frame")
    ends = [*offsets[1:], at]
    return [
        b"".join(
            fragment
            for begin, fragment in zip(begins, fragments, strict=True)
            if start <= begin < end
        )
        for start, end in zip(offsets, ends, strict=True)
    ]
