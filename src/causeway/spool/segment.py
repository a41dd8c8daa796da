"""A segment at rest: made, cut, raised to a new generation. `open_segment` is about one in use.

Content decides everything here; a file's name says only where to look first. The order of writing
and syncing in each function is the promise, and is written beside it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

from causeway.spool.disk import CREATE, Disk, write_all
from causeway.spool.format import (
    BLOCK,
    Head,
    Place,
    decode_head,
    encode_head,
)
from causeway.spool.layout import Layout

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
    cached: bool = False,
) -> Path | None:
    """A new ready segment. ``written_over``: with zeros throughout, so that no later sync touches
    the journal; without, it is there at once and its first syncs are slower. ``pause`` is called
    after each MiB and may end the making by returning False. ``cached``: what was written stays in
    the page cache.

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
        if not cached:
            disk.forget(fd)
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
