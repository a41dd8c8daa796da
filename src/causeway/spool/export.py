"""A DICOM file from a record: fresh file meta information, then the data set, byte for byte.

PS3.10 section 7.1: 128 bytes of preamble, "DICM", group 0002 in explicit VR little endian, then
the data set in the transfer syntax that group 0002 names. The deflated syntax needs nothing
special, because what came over the wire is deflated already. Nothing is decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import BinaryIO

from causeway.values import Receipt, Record

IMPLEMENTATION_CLASS_UID = "2.25.99380781969651580491789023245291415946"
"""The same that `causeway.dimse` tells peers; a test holds the two together."""
IMPLEMENTATION_VERSION = "CAUSEWAY_0_1"

PREAMBLE = bytes(128)


def file_meta(receipt: Receipt) -> bytes:
    """Preamble, "DICM" and group 0002 (PS3.10 table 7.1-1)."""
    caller = receipt.caller
    elements = b"".join(
        (
            struct.pack("<HH2sHI", 0x0002, 0x0001, b"OB", 0, 2) + b"\x00\x01",
            _text(0x0002, b"UI", receipt.sop_class_uid),
            _text(0x0003, b"UI", receipt.sop_instance_uid),
            _text(0x0010, b"UI", receipt.transfer_syntax_uid),
            _text(0x0012, b"UI", IMPLEMENTATION_CLASS_UID),
            _text(0x0013, b"SH", IMPLEMENTATION_VERSION),
            # Whose content this is. The calling AE is the nearest that is known; DCMTK says the
            # same.
            _text(0x0016, b"AE", caller.calling_ae),
            _text(0x0017, b"AE", caller.calling_ae),
            _text(0x0018, b"AE", caller.called_ae),
        )
    )
    length = struct.pack("<HH2sHI", 0x0002, 0x0000, b"UL", 4, len(elements))
    return PREAMBLE + b"DICM" + length + elements


def write_part10(record: Record, chunks: Iterable[bytes], out: BinaryIO) -> int:
    """Write the object as a DICOM file; how many bytes.

    ``chunks`` is what ``SpoolReader.chunks`` gives, and raises SpoolCorrupt at its end; so ``out``
    must not count as a file before this returns.
    """
    meta = file_meta(record.receipt)
    out.write(meta)
    written = len(meta)
    for chunk in chunks:
        out.write(chunk)
        written += len(chunk)
    return written


def _text(element: int, vr: bytes, value: str) -> bytes:
    """An element of group 0002; absent values are left out, odd ones padded (PS3.5 section 6.2).

    Latin-1 gives back the bytes that came over the wire, right or wrong.
    """
    if not value:
        return b""
    raw = value.encode("latin-1", "replace")
    if len(raw) % 2:
        raw += b"\0" if vr == b"UI" else b" "
    return struct.pack("<HH2sH", 0x0002, element, vr, len(raw)) + raw
