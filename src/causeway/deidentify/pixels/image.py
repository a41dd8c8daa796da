"""What the Image Pixel module says (PS3.3 C.7.6.3), and blanking in the bytes of a frame.

Blanked pixels are black: zero, but for MONOCHROME1, whose black is the largest value, and for the
colour differences of YBR, whose zero is green. In every case all of them are one value, so nothing
of what was there is left.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.scan import (
    DOUBLE_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    PIXELS,
    Found,
    Scan,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAMPLES: Final = 0x00280002
PHOTOMETRIC: Final = 0x00280004
PLANAR: Final = 0x00280006
FRAMES: Final = 0x00280008
ROWS: Final = 0x00280010
COLUMNS: Final = 0x00280011
ALLOCATED: Final = 0x00280100
STORED: Final = 0x00280101
HIGH_BIT: Final = 0x00280102
REPRESENTATION: Final = 0x00280103

FRAME_LIMIT: Final = 1 << 30
"""Bytes of one frame in memory: the largest mammograms have 60 MB, slides are cut into tiles."""
FRAMES_LIMIT: Final = 1_000_000

_SHARED_CHROMA: Final = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """How pixels are stored."""

    rows: int
    columns: int
    frames: int
    samples: int
    photometric: str
    planar: int
    allocated: int
    stored: int
    high_bit: int
    signed: bool
    floating: bool = False
    little: bool = True
    word_swapped: bool = False
    """Explicit VR Big Endian with VR OW and less than 16 bits: bytes of each word are swapped."""

    @property
    def shares_chroma(self) -> bool:
        """Y1 Y2 Cb Cr for two pixels, as native YBR_FULL_422 has it (C.7.6.3.1.2)."""
        return self.photometric in _SHARED_CHROMA

    @property
    def frame_bits(self) -> int:
        per_pixel = 2 if self.shares_chroma else self.samples
        return self.rows * self.columns * per_pixel * self.allocated

    @property
    def native_bytes(self) -> int:
        """Of all frames, without padding."""
        return -(-self.frame_bits * self.frames // 8)

    @property
    def frames_in_unit(self) -> int:
        """Frames that together fill whole bytes: frames of one bit are not aligned (PS3.5 8.2)."""
        step = 16 if self.word_swapped else 8
        return step // math.gcd(self.frame_bits, step)

    def dtype(self) -> np.dtype[Any]:
        import numpy as np

        order = "<" if self.little else ">"
        kind = "f" if self.floating else "u"
        return np.dtype(f"{order}{kind}{self.allocated // 8}")

    def decoded(self, *, photometric: str) -> Image:
        """As a decoder gives it: sample by sample, in the machine's order."""
        return replace(
            self,
            photometric="YBR_FULL" if photometric in _SHARED_CHROMA else photometric,
            planar=0,
        )


def image_of(scan: Scan, by_tag: Mapping[int, Found]) -> Image:
    """Raises ``Doubt`` where there are no pixels, or none of a form that is known."""
    pixels = [by_tag[tag] for tag in sorted(PIXELS) if tag in by_tag]
    if len(pixels) != 1:
        raise Doubt("pixels", "there are no pixels" if not pixels else "pixels stand in two places")

    def number(tag: int, usual: int | None = None) -> int:
        element = by_tag.get(tag)
        if element is None or element.length == 0:
            if usual is not None:
                return usual
            raise _odd(tag)
        if element.length != 2:
            raise _odd(tag)
        found: int = struct.unpack(scan.dialect.order + "H", scan.take(element.value, 2))[0]
        return found

    def text(tag: int) -> str:
        element = by_tag.get(tag)
        if element is None or element.length > 64:
            return ""
        return scan.take(element.value, element.length).decode("ascii", "replace").strip(" \0")

    floating = pixels[0].tag != 0x7FE00010
    width = {FLOAT_PIXEL_DATA: 32, DOUBLE_PIXEL_DATA: 64}.get(pixels[0].tag)
    allocated = number(ALLOCATED, width)
    stored = number(STORED, allocated)
    image = Image(
        rows=number(ROWS),
        columns=number(COLUMNS),
        frames=_frames(text(FRAMES)),
        samples=number(SAMPLES, 1),
        photometric=text(PHOTOMETRIC).upper(),
        planar=number(PLANAR, 0),
        allocated=allocated,
        stored=stored,
        high_bit=number(HIGH_BIT, stored - 1),
        signed=number(REPRESENTATION, 0) == 1,
        floating=floating,
        little=scan.dialect.little,
        word_swapped=not scan.dialect.little and pixels[0].vr == "OW" and allocated < 16,
    )
    _check(image, width)
    return image


def _odd(tag: int) -> Doubt:
    return Doubt("pixels", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) does not say how pixels stand")


def _frames(text: str) -> int:
    if not text:
        return 1
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= FRAMES_LIMIT:
        raise _odd(FRAMES)
    return int(text)


def _check(image: Image, floating_width: int | None) -> None:
    if not (image.rows and image.columns and image.samples):
        raise _odd(ROWS)
    widths = {floating_width} if image.floating else {1, 8, 16, 32, 64}
    if image.allocated not in widths or (image.allocated == 1 and image.samples != 1):
        raise _odd(ALLOCATED)
    if not 0 < image.stored <= image.allocated or not (
        image.stored - 1 <= image.high_bit < image.allocated
    ):
        raise _odd(STORED)
    if image.planar not in (0, 1):
        raise _odd(PLANAR)
    if image.shares_chroma and (
        image.samples != 3 or image.columns % 2 or image.planar or image.allocated < 8
    ):
        raise _odd(PHOTOMETRIC)
    if image.frame_bits // 8 > FRAME_LIMIT:
        raise Doubt("size", f"frames of more than {FRAME_LIMIT >> 20} MiB")


def black(image: Image) -> tuple[int, ...]:
    """The value of each sample of a black pixel, as its bits stand in the cell."""
    low = image.high_bit + 1 - image.stored
    if image.floating:
        return (0,) * image.samples
    if image.photometric == "MONOCHROME1":
        return (((1 << (image.stored - image.signed)) - 1) << low,) * image.samples
    if image.photometric.startswith("YBR") and image.samples == 3 and not image.signed:
        middle = 1 << (image.stored - 1) << low
        return (0, middle, middle)
    return (0,) * image.samples


def blank_frame(
    frame: NDArray[Any], image: Image, mask: NDArray[np.bool_], overlay_bits: int = 0
) -> None:
    """Blank in the cells of one native frame, a flat array of ``image.dtype()`` (for one bit
    allocated: of bits), in place. ``overlay_bits`` are bits of each cell that are no pixel.
    """
    values = black(image)
    if overlay_bits and not image.floating:
        _clear(frame, image, overlay_bits)
    if image.shares_chroma:
        # Chroma is that of both pixels, so both go.
        pairs = mask[:, 0::2] | mask[:, 1::2]
        cells = frame.reshape(image.rows, image.columns // 2, 4)
        cells[pairs] = (values[0], values[0], values[1], values[2])
    elif image.samples == 1:
        frame.reshape(image.rows, image.columns)[mask] = values[0]
    elif image.planar:
        planes = frame.reshape(image.samples, image.rows, image.columns)
        for plane, value in zip(planes, values, strict=True):
            plane[mask] = value
    else:
        frame.reshape(image.rows, image.columns, image.samples)[mask] = values


def _clear(frame: NDArray[Any], image: Image, bits: int) -> None:
    """Overlays out of unused bits; above a signed value its sign is repeated, as readers expect."""
    keep = ((1 << image.allocated) - 1) & ~bits
    above = bits & ~((2 << image.high_bit) - 1)
    negative = (frame >> image.high_bit) & 1 == 1 if image.signed and above else None
    frame &= frame.dtype.type(keep)
    if negative is not None:
        frame[negative] |= frame.dtype.type(above)
