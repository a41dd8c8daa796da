"""Native pixels, blanked as they are read: nothing is copied, and one frame is in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.image import Image, blank_frame
from causeway.deidentify.pixels.scan import Fetch, Found

if TYPE_CHECKING:
    from numpy.typing import NDArray


class NativePixels:
    """The value of a pixel element of defined length, and what it becomes."""

    def __init__(self, fetch: Fetch, element: Found, image: Image) -> None:
        """Raises ``Doubt`` if there are fewer bytes than pixels."""
        self.image = image
        self._fetch = fetch
        self._element = element
        self._unit_bytes = image.frames_in_unit * image.frame_bits // 8
        # Swapped, the last byte of an odd number stands behind the padding.
        self._used = image.native_bytes + (image.native_bytes % 2 if image.word_swapped else 0)
        if element.length < self._used:
            raise Doubt("pixels", "there are fewer bytes than pixels")

    def frame(self, index: int) -> NDArray[Any]:
        """The cells of one frame, flat; bits as bytes of 0 and 1."""
        unit, within = divmod(index, self.image.frames_in_unit)
        cells = self._cells(self._unit(unit))
        size = self._cells_in_frame()
        return cells[within * size : (within + 1) * size]

    def blanked(self, area: Area, overlay_bits: int = 0) -> Fetch:
        """Reads the value, with the area blanked in each frame. What is behind the last pixel is
        zero.
        """
        mask = area.mask(self.image.rows, self.image.columns)
        total = self._element.length
        memo: tuple[int, bytes] = (-1, b"")

        def unit(number: int) -> bytes:
            nonlocal memo
            if memo[0] != number:
                memo = number, self._blanked_unit(number, mask, overlay_bits)
            return memo[1]

        def fetch(offset: int, size: int) -> bytes:
            stop = min(offset + size, total)
            pieces: list[bytes] = []
            while offset < stop:
                number, within = divmod(offset, self._unit_bytes)
                if offset >= self._used:
                    piece = bytes(stop - offset)
                else:
                    piece = unit(number)[within : within + stop - offset]
                pieces.append(piece)
                offset += len(piece)
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)

        return fetch

    def _unit(self, number: int) -> bytes:
        start = number * self._unit_bytes
        size = min(self._unit_bytes, self._element.length - start)
        data = self._fetch(self._element.value + start, size)
        if len(data) != size:
            raise Doubt("structure", "the object ends before its length says so")
        return data

    def _cells_in_frame(self) -> int:
        return self.image.frame_bits // self.image.allocated

    def _cells(self, data: bytes) -> NDArray[Any]:
        """Of one unit; a copy that may be written to."""
        import numpy as np

        image = self.image
        found: NDArray[Any] = np.frombuffer(data, dtype=np.uint8)
        if image.word_swapped:
            found = found[: len(found) & ~1].reshape(-1, 2)[:, ::-1].reshape(-1)
        if image.allocated == 1:
            return np.unpackbits(found, bitorder="little")
        whole = len(found) // (image.allocated // 8) * (image.allocated // 8)
        return found[:whole].copy().view(image.dtype())

    def _blanked_unit(self, number: int, mask: NDArray[Any], overlay_bits: int) -> bytes:
        import numpy as np

        image = self.image
        data = self._unit(number)
        cells = self._cells(data)
        size = self._cells_in_frame()
        count = min(image.frames_in_unit, image.frames - number * image.frames_in_unit)
        for index in range(count):
            blank_frame(cells[index * size : (index + 1) * size], image, mask, overlay_bits)
        cells[count * size :] = 0
        found = np.packbits(cells, bitorder="little") if image.allocated == 1 else cells
        found = found.view(np.uint8)
        if image.word_swapped:
            found = found.reshape(-1, 2)[:, ::-1].reshape(-1)
        made: bytes = found.tobytes()
        return made + bytes(len(data) - len(made))
