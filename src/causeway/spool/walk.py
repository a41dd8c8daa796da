"""Going through a container from header to header.

`HeaderWalk` is what scanning, recycling and recovery share: the next sound header, or the reason
why there is none, and the search for one behind a gap. It judges headers only; who trusts a record
is decided by the callers.
"""

from __future__ import annotations

from typing import NamedTuple
from zlib import crc32

from blake3 import blake3

from causeway.spool.disk import Disk
from causeway.spool.format import (
    BLOCK,
    FIRST_RECORD,
    HEADER_SIZE,
    Header,
    Place,
    align,
    decode_header,
    decode_receipt,
)
from causeway.values import Receipt

SEARCH_STEP = 1 << 20
READ_STEP = 1 << 20


class Found(NamedTuple):
    """A sound header and the receipt behind it."""

    header: Header
    receipt: bytes

    def legible(self) -> Receipt | None:
        """The receipt, if its CRC is right."""
        if crc32(self.receipt) != self.header.receipt_crc:
            return None
        try:
            return decode_receipt(self.receipt)
        except (ValueError, TypeError, AttributeError):
            return None


def read_record_head(disk: Disk, fd: int, place: Place, offset: int) -> Found | None:
    """One read in nearly every case: header and receipt are shorter than a block."""
    block = disk.pread(fd, BLOCK, offset)
    header = decode_header(block, place, offset)
    if header is None:
        return None
    until = HEADER_SIZE + header.receipt_size
    if until <= len(block):
        return Found(header, block[HEADER_SIZE:until])
    return Found(header, disk.pread(fd, header.receipt_size, offset + HEADER_SIZE))


def digest_is_right(disk: Disk, fd: int, header: Header) -> bool:
    """Read the data set and compare."""
    hasher = blake3()
    offset = header.data
    left = header.size
    while left:
        data = disk.pread(fd, min(left, READ_STEP), offset)
        if not data:
            return False
        hasher.update(data)
        offset += len(data)
        left -= len(data)
    return hasher.digest() == header.digest


class HeaderWalk:
    """The records of a segment in order, from ``offset`` on."""

    def __init__(
        self, disk: Disk, fd: int, place: Place, offset: int, *, failed_at: int | None = None
    ) -> None:
        self._disk = disk
        self._fd = fd
        self._place = place
        self._failed = failed_at is not None
        self._end = place.size if failed_at is None else min(failed_at, place.size)
        self.offset = max(FIRST_RECORD, align(offset))
        """Where the next header should be."""
        self.sequence: int | None = 0 if offset <= FIRST_RECORD else None
        """What its sequence should be, if it is known."""
        self.sealed = False
        """There is nothing at or behind ``offset``."""

    def next(self) -> Found | None:
        """None at a seal, at the end, or where no sound header is."""
        if self.sealed or self.offset + HEADER_SIZE > self._end:
            # What lies behind a failure counts as if sealed off. The mere end of a file proves
            # nothing: there is always room for a seal, so the file was cut or never sealed.
            self.sealed = self.sealed or self._failed
            return None
        found = read_record_head(self._disk, self._fd, self._place, self.offset)
        if found is None:
            return None
        header = found.header
        if header.is_seal:  # its sequence is not judged: recovery does not always know it
            self.sealed = True
            return None
        if self.sequence is not None and header.sequence != self.sequence:
            return None
        self.offset = header.end
        self.sequence = header.sequence + 1
        return found

    def search(self) -> bool:
        """Go on at the next sound header behind a gap; False if there is none up to the end."""
        at = self.offset + BLOCK
        while at + HEADER_SIZE <= self._end:
            area = self._disk.pread(self._fd, SEARCH_STEP, at)
            if not area:
                return False
            for start in range(0, len(area), BLOCK):
                block = area[start : start + HEADER_SIZE]
                if at + start + HEADER_SIZE > self._end:
                    return False
                header = decode_header(block, self._place, at + start)
                if header is None:
                    continue
                if header.is_seal or header.sequence >= (self.sequence or 0):
                    self.offset = at + start
                    self.sequence = header.sequence
                    return True
            at += SEARCH_STEP
        return False

    def is_cut(self) -> bool:
        """Whether a header of this very place stands here whose record does not fit the file."""
        block = self._disk.pread(self._fd, HEADER_SIZE, self.offset)
        longer = self._place._replace(size=1 << 62)
        header = decode_header(block, longer, self.offset)
        return header is not None and header.data_end > self._place.size
