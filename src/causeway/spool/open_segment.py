"""A segment in use: claimed, appended to, sealed or failed.

A record that is synced at once has two ways to the disk. Through the page cache, where the next to
read it finds it; or straight from the memory in which it was put together, which spares the copy
and all that the kernel does for a page: a quarter of a receiver's processor time for a CT image.
Small records take the first way, since one is copied faster than it is read from a disk. All take
the second in a segment whose blocks were not written over beforehand: there the cache makes the
sync twice as long (docs/decisions/0002).
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from blake3 import blake3

from causeway.spool.disk import WRITE, Buffer, Disk, write_all
from causeway.spool.format import (
    BLOCK,
    FIRST_RECORD,
    HEADER_SIZE,
    Place,
    decode_header,
    encode_header,
    encode_seal,
    record_size,
)
from causeway.spool.layout import Layout, SegmentFile, failed_state, segment_container
from causeway.spool.memory import BlockMemory
from causeway.spool.segment import ZEROS, place_of, read_head


class Appended(NamedTuple):
    """Where a record is, and the digest of its data set."""

    offset: int
    end: int
    digest: bytes


class OpenSegment:
    """A claimed segment and the place for its next record. Used by one call at a time."""

    __slots__ = (
        "_bypasses",
        "_disk",
        "_layout",
        "_memory",
        "_uncached_from",
        "container",
        "fd",
        "path",
        "place",
        "position",
        "sequence",
    )

    def __init__(
        self,
        disk: Disk,
        layout: Layout,
        fd: int,
        path: Path,
        place: Place,
        *,
        uncached_from: int | None,
    ) -> None:
        self._disk = disk
        self._layout = layout
        self._memory = BlockMemory()
        self._uncached_from = uncached_from
        self._bypasses = False
        self.fd = fd
        self.path = path
        self.place = place
        self.container = segment_container(place.id, place.generation)
        self.position = FIRST_RECORD
        self.sequence = 0

    def has_room(self, receipt_size: int, data_size: int) -> bool:
        """Room for the record and a seal behind it."""
        return self.position + record_size(receipt_size, data_size) + BLOCK <= self.place.size

    def append(
        self, receipt: bytes, fragments: Sequence[Buffer], *, flags: int, sync: bool
    ) -> Appended:
        """Write a record and sync it. After an OSError, only `fail` may follow."""
        offset = self.position
        size = sum(map(len, fragments))
        end = offset + record_size(len(receipt), size)
        if self._uncached_from is not None:
            self._bypass(size >= self._uncached_from)
        write = self._append_uncached if self._bypasses else self._append_cached
        digest = write(receipt, fragments, end, flags)
        self._disk.reached("record-written")
        if sync:
            self._disk.fdatasync(self.fd)
            self._disk.reached("record-synced")
        self.position = end
        self.sequence += 1
        return Appended(offset, end, digest)

    def seal(self, *, sync: bool) -> None:
        """Say that nothing follows, and close.

        Without a sync when the next segment waits to be written to: a seal that is lost is put
        there again by recovery. A failure is of no consequence for the same reason.
        """
        try:
            seal = encode_seal(self.place, offset=self.position, sequence=self.sequence)
            self._write([self._memory.holding(seal)])
            if sync:
                self._disk.fdatasync(self.fd)
        except OSError:
            pass
        finally:
            self.close()

    def fail(self) -> None:
        """After a failed write or sync: mark where, and never touch it again.

        The record may be whole in the page cache while the disk does not have it, and a second sync
        would say that all is well. The new name lasts as long as that page cache does: after a
        power cut what is on the disk can be judged by its digest again.
        """
        failed = self._layout.segment(
            self.place.id, failed_state(self.place.generation, self.position)
        )
        with contextlib.suppress(OSError):
            self._disk.rename(self.path, failed)
        self.close()

    def close(self) -> None:
        """Gives up the lock as well."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            self._disk.close(fd)

    def _bypass(self, wanted: bool) -> None:
        if wanted is self._bypasses:
            return
        self._bypasses = self._disk.bypass_cache(self.fd, wanted)
        if wanted and not self._bypasses:
            self._uncached_from = None  # not on this file system

    def _append_cached(
        self, receipt: bytes, fragments: Sequence[Buffer], end: int, flags: int
    ) -> bytes:
        # BLAKE3 is fast on whole kibibytes only, and fragments are PDUs less some header: 0.52 MB
        # in odd pieces of 16 KiB take 256 µs to digest; joined first, 68 µs.
        data = fragments[0] if len(fragments) == 1 else b"".join(fragments)
        digest = blake3(data).digest()
        head = self._header(receipt, len(data), digest, flags) + receipt
        padding = end - self.position - len(head) - len(data)
        self._write([head, data, ZEROS[:padding]])
        return digest

    def _append_uncached(
        self, receipt: bytes, fragments: Sequence[Buffer], end: int, flags: int
    ) -> bytes:
        record = self._memory.room(end - self.position)
        start = at = HEADER_SIZE + len(receipt)
        record[HEADER_SIZE:start] = receipt
        for fragment in fragments:
            record[at : at + len(fragment)] = fragment
            at += len(fragment)
        record[at:] = ZEROS[: len(record) - at]
        digest = blake3(record[start:at]).digest()
        record[:HEADER_SIZE] = self._header(receipt, at - start, digest, flags)
        self._write([record])
        return digest

    def _header(self, receipt: bytes, size: int, digest: bytes, flags: int) -> bytes:
        return encode_header(
            self.place,
            offset=self.position,
            sequence=self.sequence,
            size=size,
            receipt=receipt,
            digest=digest,
            flags=flags,
        )

    def _write(self, buffers: Sequence[Buffer]) -> None:
        try:
            write_all(self._disk, self.fd, buffers, self.position)
        except OSError as error:
            if error.errno != errno.EINVAL or not self._bypasses:
                raise
            # This disk wants larger blocks, and has written nothing.
            self._uncached_from = None
            self._bypass(False)
            write_all(self._disk, self.fd, buffers, self.position)


def try_claim(
    disk: Disk,
    layout: Layout,
    file: SegmentFile,
    *,
    sync_name: bool = False,
    uncached_from: int | None = None,
) -> OpenSegment | None:
    """Take a ready segment for this process alone; None if another was faster or it is not blank.

    The lock makes it ours. Whoever held it before us renamed the file; so if it still has the ready
    name, nobody has claimed it since it became ready.

    The new name need not be durable where records are synced one by one: the first one tells that
    the segment is in use. Without that the first may be lost and a later one be there, so with
    relaxed durability the name is synced, once a segment. ``uncached_from``: records of data sets
    with so many bytes or more are written past the page cache; None for none.
    """
    ready = layout.segments / file.name
    try:
        fd = disk.open(ready, WRITE)
    except FileNotFoundError:
        return None
    path = layout.segment(file.id, "log")
    try:
        if not disk.lock(fd):
            disk.close(fd)
            return None
        disk.reached("segment-locked")
        try:
            disk.rename(ready, path)
        except FileNotFoundError:
            disk.close(fd)
            return None
        if sync_name:
            disk.fsync_dir(layout.segments)
        disk.reached("segment-claimed")
        head = read_head(disk, fd)
        place = place_of(disk, fd, head) if head is not None and head.id == file.id else None
        if place is None or decode_header(disk.pread(fd, BLOCK, FIRST_RECORD), place, FIRST_RECORD):
            # Unreadable, or not blank: the rename of an earlier claim was lost with the power. As a
            # log it is scanned and mended at the next start.
            disk.close(fd)
            return None
    except OSError:
        disk.close(fd)
        raise
    return OpenSegment(disk, layout, fd, path, place, uncached_from=uncached_from)
