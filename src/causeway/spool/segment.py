"""A segment's life: made, claimed, appended to, sealed or failed, and raised to a new generation.

Content decides everything here; a file's name says only where to look first. The order of writing
and syncing in each function is the promise, and is written beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from causeway.spool.disk import CREATE, WRITE, Buffer, Disk, write_all
from causeway.spool.format import (
    BLOCK,
    FIRST_RECORD,
    Head,
    Place,
    decode_head,
    decode_header,
    encode_head,
    encode_header,
    encode_seal,
    record_size,
)
from causeway.spool.layout import Layout, SegmentFile, failed_state, segment_container

ZEROS = memoryview(bytes(1 << 20))
"""What segments are written over with, and records padded."""


def read_head(disk: Disk, fd: int) -> Head | None:
    """The first copy if it is sound, otherwise the second."""
    return decode_head(disk.pread(fd, BLOCK, 0)) or decode_head(disk.pread(fd, BLOCK, BLOCK))


def write_head(disk: Disk, fd: int, head: Head) -> None:
    """One copy, sync, the other, sync: one of them is sound whenever the power goes."""
    block = encode_head(head)
    write_all(disk, fd, [block], 0)
    disk.fdatasync(fd)
    disk.reached("head-half-raised")
    write_all(disk, fd, [block], BLOCK)
    disk.fdatasync(fd)


def place_of(disk: Disk, fd: int, head: Head) -> Place:
    """A segment that was cut short has no records behind the cut."""
    return Place(head.id, head.generation, min(head.size, disk.size(fd)))


def make_segment(
    disk: Disk,
    layout: Layout,
    id_: int,
    size: int,
    *,
    written_over: bool,
    pause: Callable[[], bool] = lambda: True,
) -> Path | None:
    """A new ready segment. ``written_over``: with zeros throughout, so that no later sync touches
    the journal; without, it is there at once and its first syncs are slower. ``pause`` is called
    after each MiB and may end the making by returning False.

    File synced, folder synced, renamed: whoever sees the ready name may be sure that the file is
    found after a power cut, under one name or the other. The renaming itself is not synced.
    """
    making = layout.segment(id_, "making")
    fd = disk.open(making, CREATE)
    try:
        disk.allocate(fd, size)
        if written_over and not _write_over(disk, fd, size, pause):
            disk.unlink(making)
            return None
        block = encode_head(Head(id_, 1, size))
        write_all(disk, fd, [block, block], 0)
        disk.fsync(fd)
        # The zeros stay in the page cache as long as the kernel likes: writing to cached pages
        # takes half as long, and clean ones cost nobody anything.
        disk.fsync_dir(layout.segments)
    except OSError:
        with contextlib.suppress(OSError):
            disk.unlink(making)
        raise
    finally:
        disk.close(fd)
    ready = layout.segment(id_, "ready")
    disk.rename(making, ready)
    disk.reached("segment-made")
    return ready


def _write_over(disk: Disk, fd: int, size: int, pause: Callable[[], bool]) -> bool:
    step = len(ZEROS)
    for offset in range(0, size, step):
        write_all(disk, fd, [ZEROS[: min(step, size - offset)]], offset)
        # Little by little, so that no receiver's sync has to wait behind 64 MiB.
        disk.fdatasync(fd)
        if not pause():
            return False
    return True


def give_back_rest(disk: Disk, fd: int, head: Head, end: int) -> None:
    """Cut a segment that ended early, so that it takes little more of the disk than it holds.

    Only for who holds its lock, and with nothing sound at or behind ``end`` but perhaps a seal just
    before it. What is more than half full stays as it is, since only a whole segment is recycled
    without being made anew. Not synced: a cut that is lost with the power is made by the next
    start.
    """
    if disk.size(fd) >= head.size and end <= head.size // 2:
        disk.truncate(fd, end)
        disk.reached("segment-cut")


class OpenSegment:
    """A claimed segment and the place for its next record. Used by one call at a time."""

    __slots__ = ("_disk", "_layout", "container", "fd", "path", "place", "position", "sequence")

    def __init__(self, disk: Disk, layout: Layout, fd: int, path: Path, place: Place) -> None:
        self._disk = disk
        self._layout = layout
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
        self,
        receipt: bytes,
        data: Buffer,
        digest: bytes,
        *,
        flags: int,
        sync: bool,
    ) -> tuple[int, int]:
        """Write a record and sync it; its offset and end. After an OSError, only `fail` may
        follow.
        """
        offset = self.position
        header = encode_header(
            self.place,
            offset=offset,
            sequence=self.sequence,
            size=len(data),
            receipt=receipt,
            digest=digest,
            flags=flags,
        )
        end = offset + record_size(len(receipt), len(data))
        padding = end - offset - len(header) - len(receipt) - len(data)
        write_all(self._disk, self.fd, [header + receipt, data, ZEROS[:padding]], offset)
        self._disk.reached("record-written")
        if sync:
            self._disk.fdatasync(self.fd)
            self._disk.reached("record-synced")
        self.position = end
        self.sequence += 1
        return offset, end

    def seal(self, *, sync: bool) -> None:
        """Say that nothing follows, and close.

        Without a sync when the next segment waits to be written to: a seal that is lost is put
        there again by recovery. A failure is of no consequence for the same reason.
        """
        try:
            seal = encode_seal(self.place, offset=self.position, sequence=self.sequence)
            write_all(self._disk, self.fd, [seal], self.position)
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


def try_claim(
    disk: Disk, layout: Layout, file: SegmentFile, *, sync_name: bool = False
) -> OpenSegment | None:
    """Take a ready segment for this process alone; None if another was faster or it is not blank.

    The lock makes it ours. Whoever held it before us renamed the file; so if it still has the ready
    name, nobody has claimed it since it became ready.

    The new name need not be durable where records are synced one by one: the first one tells that
    the segment is in use. Without that the first may be lost and a later one be there, so with
    relaxed durability the name is synced, once a segment.
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
    return OpenSegment(disk, layout, fd, path, place)
