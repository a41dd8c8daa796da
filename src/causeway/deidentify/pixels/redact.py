"""A data set whose pixels are blanked in places, as another source.

What changes: the pixels; copies of them that would show what was blanked (icon images at any
depth, pixels inside of sequences, overlays in their groups and in unused bits); what tells how
pixels stand, where that has changed; group lengths, which are retired and would be wrong. All else
are spans of the source, byte for byte.

Native pixels stay in their transfer syntax and are blanked as they are read. Encapsulated ones are
decoded; where the syntax is lossless by itself and there is an encoder they are encoded again, and
otherwise they leave uncompressed in Explicit VR Little Endian, with Lossy Image Compression as it
was: what was lost stays lost. So are deflated objects written. The same object and area give the
same bytes, with the same versions of the codecs.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from causeway.deidentify.edit.clean import DEFLATED, Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import NOTHING, Area, Rectangle
from causeway.deidentify.pixels.codecs import LOSSY, has_encoder
from causeway.deidentify.pixels.encapsulated import EncapsulatedPixels
from causeway.deidentify.pixels.fragments import EXTENDED_LENGTHS, EXTENDED_OFFSETS, frames_of
from causeway.deidentify.pixels.image import PHOTOMETRIC, PLANAR, Image, image_of
from causeway.deidentify.pixels.native import NativePixels
from causeway.deidentify.pixels.scan import (
    EXPLICIT_LITTLE,
    ICON_IMAGE_SEQUENCE,
    PIXEL_DATA,
    PIXELS,
    UNDEFINED,
    Found,
    Scan,
    Span,
    assembled,
    dialect_of,
    made,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXPLICIT_VR_LITTLE_ENDIAN: Final = "1.2.840.10008.1.2.1"
NATIVE: Final = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.20", EXPLICIT_VR_LITTLE_ENDIAN, "1.2.840.10008.1.2.2"}
)
INFLATED_LIMIT: Final = 256 * 1024 * 1024

_LOSSY: Final = 0x00282110
_LOSSY_RATIO: Final = 0x00282112
_LOSSY_METHOD: Final = 0x00282114
_ULTRASOUND_REGIONS: Final = 0x00186011
_TOTAL_LENGTH: Final = 0x7FE00003
_PROVIDER_URL: Final = 0x00287FE0
_OVERLAY_ALLOCATED: Final = 0x0100
_OVERLAY_POSITION: Final = 0x0102
_OVERLAY_DATA: Final = 0x3000


def _is_overlay(tag: int) -> bool:
    group = tag >> 16
    return 0x6000 <= group <= 0x60FF and not group & 1


def _is_copy(tag: int) -> bool:
    """Inside of sequences: an icon, an overlay, or pixels, wherever they are."""
    return tag == ICON_IMAGE_SEQUENCE or tag in PIXELS or _is_overlay(tag)


def _is_stale(tag: int) -> bool:
    """At the top level: as above, but for the pixels; group lengths; tables of encapsulation."""
    return tag == ICON_IMAGE_SEQUENCE or _is_overlay(tag) or not tag & 0xFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A source, inflated if need be, and where its elements are."""

    source: Source
    scan: Scan
    elements: list[Found]
    by_tag: Mapping[int, Found]

    @property
    def has_pixels(self) -> bool:
        return bool(PIXELS & self.by_tag.keys())


def _read(source: Source) -> _Read:
    if source.transfer_syntax_uid in DEFLATED:
        inflated = _inflated(source)
        source = replace(
            source,
            fetch=lambda offset, size: inflated[offset : offset + size],
            size=len(inflated),
            transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
        )
    scan = Scan(source.fetch, source.size, dialect_of(source.transfer_syntax_uid))
    elements = scan.elements()
    return _Read(
        source=source,
        scan=scan,
        elements=elements,
        by_tag={element.tag: element for element in elements},
    )


def _inflated(source: Source) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(source.fetch(0, source.size), INFLATED_LIMIT)
    except zlib.error:
        raise Doubt("structure", "the deflated data set cannot be inflated") from None
    if not inflater.eof:
        raise Doubt("size", f"deflated, and more than {INFLATED_LIMIT >> 20} MiB or cut short")
    return data


class Frames:
    """The frames of an object, one at a time, whatever its transfer syntax."""

    def __init__(self, source: Source) -> None:
        """Raises ``Doubt`` where there are none, or they cannot be found."""
        self._read = _read(source)
        self.image = image_of(self._read.scan, self._read.by_tag)
        self._pixels = _pixels(self._read, self.image)

    def __len__(self) -> int:
        return self.image.frames

    def cells(self, index: int) -> tuple[NDArray[Any], Image]:
        """The cells of a frame, flat, and how they stand. Raises ``Doubt``."""
        if isinstance(self._pixels, NativePixels):
            return self._pixels.frame(index), self.image
        array, image = self._pixels.frame(index)
        return array.reshape(-1), image

    def elements(self, group: int) -> bytes:
        """The elements of a group, as they are written: palettes and windows are read from it."""
        return b"".join(
            self._read.scan.take(each.start, each.end - each.start)
            for each in self._read.elements
            if each.tag >> 16 == group and each.length != UNDEFINED
        )

    @property
    def is_implicit(self) -> bool:
        return self._read.scan.dialect.implicit

    @property
    def is_little(self) -> bool:
        return self._read.scan.dialect.little


def has_pixels(source: Source) -> bool:
    """Whether there is a picture at all. Raises ``Doubt``."""
    return _read(source).has_pixels


def ultrasound_regions(source: Source) -> tuple[Rectangle, ...]:
    """Where Sequence of Ultrasound Regions (PS3.3 C.8.5.5) says that there is image, spectrum or
    trace: all regions but those of graphics, and those that say nothing of what they are.

    Raises ``Doubt`` for a sequence that cannot be read.
    """
    from pydicom.filereader import read_dataset

    read = _read(source)
    element = read.by_tag.get(_ULTRASOUND_REGIONS)
    if element is None:
        return ()
    data = read.scan.take(element.start, element.end - element.start)
    dialect = read.scan.dialect
    found: list[Rectangle] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            items = read_dataset(BytesIO(data), dialect.implicit, dialect.little)[
                _ULTRASOUND_REGIONS
            ].value
            for item in items:
                if int(item.RegionSpatialFormat) not in (1, 2, 3, 4) or not int(
                    item.RegionDataType
                ):
                    continue
                x, y = int(item.RegionLocationMinX0), int(item.RegionLocationMinY0)
                found.append(
                    Rectangle(
                        x=x,
                        y=y,
                        width=int(item.RegionLocationMaxX1) - x + 1,
                        height=int(item.RegionLocationMaxY1) - y + 1,
                    )
                )
    except Exception:  # noqa: BLE001 - pydicom may say anything of what is broken
        raise Doubt("structure", "the ultrasound regions cannot be read") from None
    return tuple(found)


def redact(source: Source, area: Area = NOTHING) -> Source:
    """The object with the area blanked in every frame. Raises ``Doubt``, also while its pixels are
    read, where they cannot be decoded.
    """
    read = _read(source)
    if not area and not read.has_pixels:
        return _written(read, {}, read.source.transfer_syntax_uid)
    if _PROVIDER_URL in read.by_tag:
        raise Doubt("pixels", "its pixels are somewhere else")
    image = image_of(read.scan, read.by_tag)
    bits = _overlay_bits(read, image)
    pixels = _pixels(read, image)
    syntax = read.source.transfer_syntax_uid
    if isinstance(pixels, NativePixels):
        return _written(read, _native(read, pixels, area, bits), syntax)
    if not area and not bits:
        return _written(read, {}, syntax)
    if has_encoder(syntax):
        spans = pixels.as_encapsulated(area, bits)
        if spans is not None:
            head = read.scan.dialect.head(PIXEL_DATA, "OB", UNDEFINED)
            return _written(read, {PIXEL_DATA: [made(head), *spans]}, syntax, tables=False)
    instead = _decoded(read, pixels, area, bits)
    return _written(read, instead, EXPLICIT_VR_LITTLE_ENDIAN, tables=False)


def _pixels(read: _Read, image: Image) -> NativePixels | EncapsulatedPixels:
    element = next(read.by_tag[tag] for tag in sorted(PIXELS) if tag in read.by_tag)
    syntax = read.source.transfer_syntax_uid
    if (element.length == UNDEFINED) == (syntax in NATIVE):
        raise Doubt("pixels", "the pixels are not written as their transfer syntax says")
    if syntax in NATIVE:
        return NativePixels(read.source.fetch, element, image)
    frames = frames_of(read.scan, read.by_tag, image.frames)
    return EncapsulatedPixels(read.source.fetch, frames, syntax, image)


def _native(
    read: _Read, pixels: NativePixels, area: Area, overlay_bits: int
) -> dict[int, list[Span]]:
    element = next(read.by_tag[tag] for tag in sorted(PIXELS) if tag in read.by_tag)
    head = read.scan.take(element.start, element.value - element.start)
    return {
        element.tag: [made(head), Span(element.length, pixels.blanked(area, overlay_bits))],
    }


def _decoded(
    read: _Read, pixels: EncapsulatedPixels, area: Area, overlay_bits: int
) -> dict[int, list[Span]]:
    """Uncompressed pixels, and all that must say so."""
    image, span = pixels.as_native(area, overlay_bits)
    dialect = EXPLICIT_LITTLE
    vr = "OW" if image.allocated > 8 else "OB"
    instead = {PIXEL_DATA: [made(dialect.head(PIXEL_DATA, vr, span.length)), span]}
    if image.photometric != pixels.image.photometric:
        instead[PHOTOMETRIC] = [made(dialect.element(PHOTOMETRIC, "CS", image.photometric))]
    if image.samples > 1:
        instead[PLANAR] = [made(dialect.short(PLANAR, 0))]
    method = LOSSY.get(read.source.transfer_syntax_uid)
    if method is not None and _text(read, _LOSSY) != "01":
        ratio = f"{span.length / max(pixels.encoded_bytes, 1):.2f}"
        instead[_LOSSY] = [made(dialect.element(_LOSSY, "CS", "01"))]
        for tag, value_vr, value in ((_LOSSY_RATIO, "DS", ratio), (_LOSSY_METHOD, "CS", method)):
            if not _text(read, tag):
                instead[tag] = [made(dialect.element(tag, value_vr, value))]
    return instead


def _text(read: _Read, tag: int) -> str:
    element = read.by_tag.get(tag)
    if element is None or element.length > 1024:
        return ""
    return read.scan.take(element.value, element.length).decode("ascii", "replace").strip(" \0")


def _overlay_bits(read: _Read, image: Image) -> int:
    """Bits of each cell that hold an overlay (PS3.5 8.1.2, retired)."""
    bits = 0
    for group in range(0x6000, 0x6100, 2):
        numbers: list[int] = []
        for element in (_OVERLAY_ALLOCATED, _OVERLAY_POSITION):
            found = read.by_tag.get(group << 16 | element)
            if found is None or found.length != 2:
                numbers.append(0)
                continue
            raw = read.scan.take(found.value, 2)
            numbers.append(struct.unpack(read.scan.dialect.order + "H", raw)[0])
        allocated, position = numbers
        if (group << 16 | _OVERLAY_DATA) in read.by_tag or (allocated <= 1 and position == 0):
            continue
        low = image.high_bit + 1 - image.stored
        if image.floating or position >= image.allocated or low <= position <= image.high_bit:
            raise Doubt("pixels", "an overlay stands where pixels stand")
        bits |= 1 << position
    return bits


def _written(
    read: _Read, instead: Mapping[int, list[Span]], syntax: str, *, tables: bool = True
) -> Source:
    made_instead: dict[int, list[Span]] = dict(instead)
    for element in read.elements:
        if element.tag in PIXELS or _is_stale(element.tag) or element.tag in made_instead:
            continue
        inner = read.scan.without(element, _is_copy)
        if inner is not None:
            made_instead[element.tag] = [made(inner)]

    gone: Callable[[int], bool] = _is_stale
    if not tables:

        def gone(tag: int) -> bool:
            told = tag in (EXTENDED_OFFSETS, EXTENDED_LENGTHS, _TOTAL_LENGTH)
            return told or _is_stale(tag)

    parts = assembled(read.source.fetch, read.elements, instead=made_instead, gone=gone)
    return replace(read.source, fetch=parts.fetch, size=parts.size, transfer_syntax_uid=syntax)
