"""A frame as a picture of eight bits, for the eyes of people and of OCR."""

from __future__ import annotations

import warnings
from io import BytesIO
from typing import TYPE_CHECKING, Any

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.redact import Frames

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from causeway.deidentify.pixels.image import Image


Limits = tuple[float, float]
"""The values of a monochrome frame that are shown black and white."""


def limits(frames: Frames, index: int, *, white: float = 100.0) -> Limits | None:
    """Those that ``picture`` takes by itself; None for a frame in colours. Raises ``Doubt``."""
    cells, image = frames.cells(index)
    if image.samples != 1 or image.photometric == "PALETTE COLOR":
        return None
    return _limits(_signed(cells, image), white)


def picture(
    frames: Frames, index: int, *, white: float = 100.0, between: Limits | None = None
) -> NDArray[np.uint8]:
    """(rows, columns) or (rows, columns, 3), black to white.

    Monochrome is stretched, from the value that a thousandth of the pixels are below of, to the
    one that ``white`` percent are below of: next to burned-in text at the top of the range an image
    is black, and next to metal text may be. ``between`` are others, to compare two pictures.
    Raises ``Doubt`` if the frame cannot be decoded.
    """
    import numpy as np

    cells, image = frames.cells(index)
    if image.shares_chroma:
        array = _upsampled(cells, image)
    elif image.samples == 1:
        array = cells.reshape(image.rows, image.columns)
    elif image.planar:
        array = cells.reshape(image.samples, image.rows, image.columns).transpose(1, 2, 0)
    else:
        array = cells.reshape(image.rows, image.columns, image.samples)
    if image.photometric == "PALETTE COLOR":
        array = _through_palette(frames, array)
    elif image.samples == 1:
        values = _signed(array, image)
        grey = _stretched(values, between or _limits(values, white))
        return 255 - grey if image.photometric == "MONOCHROME1" else grey
    array = array[..., :3].astype(np.float64)
    if image.photometric.startswith("YBR"):
        array = _rgb(array, float(1 << image.stored))
    if array.max(initial=0) > 255:
        array = array * (255.0 / array.max())
    found: NDArray[np.uint8] = np.clip(np.rint(array), 0, 255).astype(np.uint8)
    return found


def _signed(array: NDArray[Any], image: Image) -> NDArray[Any]:
    """The stored values in bits that may hold more."""
    import numpy as np

    if image.floating or image.allocated == 1:
        return np.nan_to_num(array.astype(np.float64))
    low = image.high_bit + 1 - image.stored
    if array.dtype.kind == "i":
        array = array.view(f"u{array.dtype.itemsize}")
    values = (array >> low) & array.dtype.type((1 << image.stored) - 1)
    found: NDArray[Any] = values.astype(np.float64)
    if image.signed:
        found = np.where(found >= 2.0 ** (image.stored - 1), found - 2.0**image.stored, found)
    return found


def _limits(values: NDArray[Any], white: float) -> Limits:
    import numpy as np

    low, high = (float(each) for each in np.percentile(values, (0.1, white)))
    return low, high


def _stretched(values: NDArray[Any], limits: Limits) -> NDArray[np.uint8]:
    import numpy as np

    low, high = limits
    if high <= low:
        return np.zeros(values.shape, dtype=np.uint8)
    found: NDArray[np.uint8] = np.rint(
        np.clip((values - low) * (255 / (high - low)), 0, 255)
    ).astype(np.uint8)
    return found


def _upsampled(cells: NDArray[Any], image: Image) -> NDArray[Any]:
    import numpy as np

    pairs = cells.reshape(image.rows, image.columns // 2, 4)
    array = np.empty((image.rows, image.columns, 3), dtype=cells.dtype)
    array[:, 0::2, 0], array[:, 1::2, 0] = pairs[..., 0], pairs[..., 1]
    for sample in (1, 2):
        array[..., sample] = np.repeat(pairs[..., sample + 1], 2, axis=1)
    return array


def _rgb(array: NDArray[Any], scale: float) -> NDArray[Any]:
    """PS3.3 C.7.6.3.1.2, full range."""
    import numpy as np

    y, b, r = array[..., 0], array[..., 1] - scale / 2, array[..., 2] - scale / 2
    return np.stack([y + 1.402 * r, y - 0.344136 * b - 0.714136 * r, y + 1.772 * b], axis=-1).clip(
        0, scale - 1
    )


def _through_palette(frames: Frames, array: NDArray[Any]) -> NDArray[Any]:
    from pydicom.filereader import read_dataset
    from pydicom.pixels.processing import apply_color_lut

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = read_dataset(
                BytesIO(frames.elements(0x0028)), frames.is_implicit, frames.is_little
            )
            found: NDArray[Any] = apply_color_lut(array, dataset)
    except Exception:  # noqa: BLE001 - pydicom may say anything of what is broken
        raise Doubt("pixels", "the palette cannot be read") from None
    return found >> 8 if found.dtype.itemsize == 2 else found
