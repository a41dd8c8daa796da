"""Signatures; the body follows."""
from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO

from causeway.values import Receipt, Record


def file_meta(receipt: Receipt) -> bytes:
    """Preamble, "DICM" and group 0002, as PS3.10 section 7.1 asks; the data set follows as it is."""
    raise NotImplementedError


def write_part10(record: Record, chunks: Iterable[bytes], out: BinaryIO) -> int:
    """Write the object as a DICOM file; how many bytes."""
    raise NotImplementedError
