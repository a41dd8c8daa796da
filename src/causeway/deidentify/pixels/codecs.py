"""Which decoder and which encoder is used for which transfer syntax.

The codecs are those that pydicom knows how to call. For each syntax one is named, so that the same
object gives the same bytes wherever this runs:

- pylibjpeg-openjpeg (JPEG 2000, HTJ2K), pylibjpeg-rle and pyjpegls (JPEG-LS) are kept up by the
  makers of pydicom, around OpenJPEG and CharLS, under the MIT licence;
- Pillow, with libjpeg-turbo, for JPEG of 8 bits;
- python-gdcm for JPEG lossless, which nothing else decodes under a licence like ours:
  pylibjpeg-libjpeg is GPL, and so is no dependency. Where somebody has installed it, it is used for
  what nothing else does, JPEG of 12 bits.

All of them decode in a process of their own (``apart``).

Nothing of these encodes JPEG lossless or HTJ2K: such objects leave uncompressed, as those do that
were compressed with loss. Frames are never cut out of codestreams.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from typing import TYPE_CHECKING, Any, Final

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.apart import CODECS
from causeway.deidentify.pixels.fragments import codestream_size
from causeway.deidentify.pixels.image import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

_JPEG: Final = "1.2.840.10008.1.2.4."
BASELINE: Final = _JPEG + "50"
EXTENDED: Final = _JPEG + "51"
RLE: Final = "1.2.840.10008.1.2.5"

_DECODERS: Final = {
    BASELINE: "pillow",
    EXTENDED: "pillow",
    _JPEG + "57": "gdcm",
    _JPEG + "70": "gdcm",
    _JPEG + "80": "pyjpegls",
    _JPEG + "81": "pyjpegls",
    _JPEG + "90": "pylibjpeg",
    _JPEG + "91": "pylibjpeg",
    _JPEG + "201": "pylibjpeg",
    _JPEG + "202": "pylibjpeg",
    _JPEG + "203": "pylibjpeg",
    RLE: "pylibjpeg",
}
_ENCODERS: Final = {_JPEG + "80": "pyjpegls", _JPEG + "90": "pylibjpeg", RLE: "pylibjpeg"}

LOSSY: Final = {
    BASELINE: "ISO_10918_1",
    EXTENDED: "ISO_10918_1",
    _JPEG + "81": "ISO_14495_1",
}
"""Syntaxes in which all pixels have been through loss (PS3.3 C.7.6.1.1.5); JPEG 2000 and HTJ2K may
be either, and there the attributes say it."""


def is_decoded(transfer_syntax_uid: str) -> bool:
    return transfer_syntax_uid in _DECODERS


def has_encoder(transfer_syntax_uid: str) -> bool:
    """Whether the syntax is lossless by itself, and can be written."""
    return transfer_syntax_uid in _ENCODERS


def decode(data: bytes, transfer_syntax_uid: str, image: Image) -> tuple[NDArray[Any], Image]:
    """One frame as (rows, columns[, samples]), writable; and how its samples stand there.

    Raises ``Doubt`` for what cannot be decoded, or is of another size than the header says.
    """
    if transfer_syntax_uid not in _DECODERS:
        raise Doubt("pixels", f"pixels in {transfer_syntax_uid} cannot be decoded here")
    if transfer_syntax_uid != RLE and codestream_size(data) != (image.rows, image.columns):
        raise Doubt("pixels", "the compressed image has another size than the header says")
    plugin = _DECODERS[transfer_syntax_uid]
    if transfer_syntax_uid == EXTENDED and image.stored > 8:
        if importlib.util.find_spec("libjpeg") is None:
            raise Doubt("pixels", "JPEG of 12 bits cannot be decoded without pylibjpeg-libjpeg")
        plugin = "pylibjpeg"
    if image.allocated not in (8, 16, 32):
        raise Doubt("pixels", f"compressed pixels of {image.allocated} bits")
    options = _options(image) | {"as_rgb": False, "decoding_plugin": plugin}
    if image.high_bit != image.stored - 1:
        options["correct_unused_bits"] = False
    answer, pixels = CODECS.ask(
        {"asks": "decode", "syntax": transfer_syntax_uid, "options": options},
        data,
        image.rows * image.columns * image.samples * image.allocated // 8,
    )
    if "error" in answer:
        raise Doubt("pixels", f"a frame cannot be decoded ({answer['error']})")
    return _measured(answer, pixels, image)


def _measured(answer: dict[str, Any], pixels: bytes, image: Image) -> tuple[NDArray[Any], Image]:
    import numpy as np

    shape = (image.rows, image.columns, image.samples)[: 3 if image.samples > 1 else 2]
    kind = np.dtype(f"{'i' if image.signed else 'u'}{image.allocated // 8}")
    if (
        answer.get("shape") != list(shape)
        or answer.get("dtype") != kind.str
        or len(pixels) != math.prod(shape) * kind.itemsize
    ):
        raise Doubt("pixels", "a decoded frame has another shape than the header says")
    array = np.frombuffer(bytearray(pixels), dtype=kind).reshape(shape)
    return array, image.decoded(photometric=str(answer.get("photometric"))[:16])


def encode(array: NDArray[Any], transfer_syntax_uid: str, image: Image) -> bytes | None:
    """One frame, without loss; None if the encoder cannot, or does not give back what went in."""
    options = _options(image)
    if image.samples > 1:
        options["planar_configuration"] = 0
    try:
        answer, data = CODECS.ask(
            {
                "asks": "encode",
                "syntax": transfer_syntax_uid,
                "options": options,
                "dtype": array.dtype.str,
            },
            array.tobytes(),
            2 * array.nbytes + (1 << 20),
        )
    except Doubt:
        return None
    return None if "error" in answer or not data else data


def decode_here(
    data: bytes, transfer_syntax_uid: str, options: dict[str, Any]
) -> tuple[NDArray[Any], str]:
    """In this process, whatever becomes of it: for ``apart``. Raises what the decoder raises."""
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is told there is in what comes back
        array, said = get_decoder(transfer_syntax_uid).as_array(
            encapsulate([data], has_bot=False), index=0, **options
        )
    return array, str(said["photometric_interpretation"])


def encode_here(
    data: bytes, transfer_syntax_uid: str, options: dict[str, Any], dtype: str
) -> bytes:
    """In this process: for ``apart``. Raises what the encoder raises, and ``ValueError`` if what it
    has made is not the same when it is decoded.
    """
    import numpy as np
    from pydicom.pixels.encoders.base import get_encoder

    shape = [options["rows"], options["columns"], options["samples_per_pixel"]]
    array = np.frombuffer(bytearray(data), dtype=dtype).reshape(
        shape if shape[2] > 1 else shape[:2]
    )
    made = bytes(
        get_encoder(transfer_syntax_uid).encode(
            array, encoding_plugin=_ENCODERS[transfer_syntax_uid], **options
        )
    )
    plugin = _DECODERS[transfer_syntax_uid]
    again = {"as_rgb": False, "decoding_plugin": plugin}
    if not np.array_equal(decode_here(made, transfer_syntax_uid, options | again)[0], array):
        raise ValueError
    return made


def _options(image: Image) -> dict[str, Any]:
    found: dict[str, Any] = {
        "number_of_frames": 1,
        "rows": image.rows,
        "columns": image.columns,
        "samples_per_pixel": image.samples,
        "bits_allocated": image.allocated,
        "bits_stored": image.high_bit + 1,
        "photometric_interpretation": image.photometric or "MONOCHROME2",
        "pixel_representation": int(image.signed),
        "pixel_keyword": "PixelData",
    }
    if image.samples > 1:
        found["planar_configuration"] = image.planar
    return found
