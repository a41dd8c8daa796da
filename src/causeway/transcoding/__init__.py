"""Another transfer syntax for a data set, where nothing is lost by it.

For a peer that does not take what there is: between implicit and explicit VR little endian, both
ways; inflated; and decompressed, from syntaxes that are lossless by their definition. What was
compressed with loss is left as it is, since to decompress it would hide that, and to compress it
again would lose more; and nothing is ever compressed.

Values are copied byte for byte. What changes is how elements are written, the pixels' encoding with
the two attributes that describe it, and group lengths, which are retired and left out.
"""

from __future__ import annotations

import zlib
from typing import Final

from causeway.errors import BadDataSet
from causeway.transcoding.elements import explicit_from_implicit, implicit_from_explicit
from causeway.transcoding.pixels import decompressed

__all__ = ["MOST_BYTES", "convert", "ways_from"]

IMPLICIT: Final = "1.2.840.10008.1.2"
EXPLICIT: Final = "1.2.840.10008.1.2.1"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
_JPEG: Final = "1.2.840.10008.1.2.4."
LOSSLESS: Final = frozenset(
    {_JPEG + end for end in ("57", "70", "80", "90", "201", "202")} | {"1.2.840.10008.1.2.5"}
)
"""JPEG lossless (both), JPEG-LS lossless, JPEG 2000 and HTJ2K lossless only, RLE."""

MOST_BYTES: Final = 1 << 30
"""Of a data set, before and after. It is held in memory, which nothing else here asks for."""


def ways_from(transfer_syntax_uid: str) -> tuple[str, ...]:
    """What a data set can be turned into without loss, best first."""
    if transfer_syntax_uid == IMPLICIT:
        return (EXPLICIT,)
    if transfer_syntax_uid == EXPLICIT:
        return (IMPLICIT,)
    if transfer_syntax_uid in LOSSLESS or transfer_syntax_uid == DEFLATED:
        return (EXPLICIT, IMPLICIT)
    return ()


def convert(data: bytes, source: str, target: str) -> bytes:
    """The data set in another transfer syntax, one of ``ways_from``. Raises ``BadDataSet``."""
    if target not in ways_from(source):
        raise BadDataSet(f"nothing leads from {source} to {target} without loss")
    if len(data) > MOST_BYTES:
        raise BadDataSet(f"it has more than {MOST_BYTES >> 20} MiB")
    if source == IMPLICIT:
        return explicit_from_implicit(data)
    if source == DEFLATED:
        data = _inflated(data)
    elif source in LOSSLESS:
        data = decompressed(data, source, most=MOST_BYTES)
    return data if target == EXPLICIT else implicit_from_explicit(data)


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = inflater.decompress(data, MOST_BYTES)
    except zlib.error:
        raise BadDataSet("the deflated data set cannot be inflated") from None
    if not inflater.eof:
        raise BadDataSet("the deflated data set breaks off, or is larger than is held")
    return plain
