"""Every system call that touches the spool, as one contract; and the operating system's version of
it.

The spool does nothing to files but through a `Disk`, so that its promises can be tested on one
that lies: ``causeway.testing.disk.FaultyDisk`` loses whatever was not synced, writes short, runs
full and fails at any call. Errors are ``OSError``, as the kernel raises them; what they mean is
decided where the call is made.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Buffer = bytes | bytearray | memoryview

READ = os.O_RDONLY
WRITE = os.O_RDWR
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSpace:
    """What a file system says of itself."""

    free_bytes: int
    """For us, who are not root."""
    total_bytes: int
    free_files: int


class Disk(Protocol):
    """What the spool asks of a file system."""

    def open(self, path: Path, flags: int) -> int:
        """``READ``, ``WRITE`` (both ways), or ``CREATE`` (must not exist)."""

    def close(self, fd: int) -> None:
        """Releases the descriptor's lock too."""

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        """May write less than everything."""

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Less only at the file's end."""

    def fdatasync(self, fd: int) -> None:
        """Data, and what of the metadata is needed to read it. Never repeated after a failure."""

    def fsync(self, fd: int) -> None: ...

    def fsync_dir(self, path: Path) -> None:
        """Makes the names in a folder durable."""

    def start_writeback(self, fd: int, offset: int, length: int) -> None:
        """Ask for a range to be written soon. No promise, no error."""

    def await_writeback(self, fd: int, offset: int, length: int) -> None:
        """Wait until a range that was started is written. No promise of durability, no error."""

    def forget(self, fd: int, offset: int = 0, length: int = 0) -> None:
        """Drop a range's clean pages from the cache (0: to the end), so that the next read shows
        what the disk has. As far as possible; no error.
        """

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        """Let writes go from the caller's memory to the disk, past the page cache, or no longer.

        They then begin on a block, in the file and in memory, and take whole blocks. Returns
        whether they do so from now on: not every file system can. One that finds out later
        answers a write with EINVAL, and has written nothing.
        """

    def allocate(self, fd: int, size: int) -> None:
        """Reserve room from 0 to ``size``; reads as zeros."""

    def truncate(self, fd: int, size: int) -> None: ...

    def size(self, fd: int) -> int: ...

    def lock(self, fd: int, *, shared: bool = False) -> bool:
        """Without waiting; False if somebody else's lock forbids it."""

    def unlock(self, fd: int) -> None: ...

    def rename(self, source: Path, target: Path) -> None: ...

    def unlink(self, path: Path) -> None: ...

    def mkdir(self, path: Path) -> None:
        """Nothing happens if it is there."""

    def listdir(self, path: Path) -> list[str]: ...

    def file_size(self, path: Path) -> int | None:
        """None if there is no such file, or it is a folder or something else."""

    def free(self, path: Path) -> FreeSpace: ...

    def reached(self, point: str) -> None:
        """A named point between two calls, where a test may cut the power. Does nothing."""


class RealDisk:
    """The operating system's. Files are readable by their owner only: they are patients' images."""

    def __init__(self) -> None:
        self._sync_file_range = _load_sync_file_range()

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o600)

    def close(self, fd: int) -> None:
        os.close(fd)

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        return os.pwritev(fd, buffers, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        data = os.pread(fd, size, offset)
        if len(data) == size or not data:
            return data
        # A short read in mid-file happens on some file systems and beyond 2 GiB.
        parts = [data]
        got = len(data)
        while got < size and (data := os.pread(fd, size - got, offset + got)):
            parts.append(data)
            got += len(data)
        return b"".join(parts)

    def fdatasync(self, fd: int) -> None:
        os.fdatasync(fd)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def fsync_dir(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def start_writeback(self, fd: int, offset: int, length: int) -> None:
        self._range(fd, offset, length, _START)

    def await_writeback(self, fd: int, offset: int, length: int) -> None:
        self._range(fd, offset, length, _WAIT_BEFORE | _START | _WAIT_AFTER)

    def _range(self, fd: int, offset: int, length: int, flags: int) -> None:
        # Only a matter of speed: an error shows again at the sync that counts, because
        # sync_file_range leaves the file's error mark as it is (Linux since 4.16).
        if self._sync_file_range is not None:
            self._sync_file_range(fd, offset, length, flags)

    def forget(self, fd: int, offset: int = 0, length: int = 0) -> None:
        with contextlib.suppress(OSError):
            os.posix_fadvise(fd, offset, length, os.POSIX_FADV_DONTNEED)

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL) & ~os.O_DIRECT
        try:
            fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_DIRECT if wanted else flags)
        except OSError:
            return False
        return wanted

    def allocate(self, fd: int, size: int) -> None:
        os.posix_fallocate(fd, 0, size)

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def lock(self, fd: int, *, shared: bool = False) -> bool:
        try:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self, fd: int) -> None:
        fcntl.flock(fd, fcntl.LOCK_UN)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o700)

    def listdir(self, path: Path) -> list[str]:
        return os.listdir(path)

    def file_size(self, path: Path) -> int | None:
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return None
        return facts.st_size if (facts.st_mode & 0o170000) == 0o100000 else None

    def free(self, path: Path) -> FreeSpace:
        facts = os.statvfs(path)
        return FreeSpace(
            free_bytes=facts.f_bavail * facts.f_frsize,
            total_bytes=facts.f_blocks * facts.f_frsize,
            # Some file systems (btrfs) count no inodes and say 0 of 0.
            free_files=facts.f_favail if facts.f_files else 1 << 32,
        )

    def reached(self, point: str) -> None:
        pass


_WAIT_BEFORE, _START, _WAIT_AFTER = 1, 2, 4  # SYNC_FILE_RANGE_*, linux/fs.h


class _SyncFileRange(Protocol):
    def __call__(self, fd: int, offset: int, length: int, flags: int) -> int: ...


def _load_sync_file_range() -> _SyncFileRange | None:
    """Not in Python's os module, and not in every C library; only speed depends on it."""
    try:
        function = ctypes.CDLL(None, use_errno=True).sync_file_range
    except (OSError, AttributeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint]
    function.restype = ctypes.c_int
    caller: _SyncFileRange = function
    return caller


def write_all(disk: Disk, fd: int, buffers: Sequence[Buffer], offset: int) -> None:
    """Write every byte, in one call where the system allows it."""
    wanted = sum(map(len, buffers))
    written = disk.pwritev(fd, buffers, offset)
    while written < wanted:
        rest = _behind(buffers, written)
        more = disk.pwritev(fd, rest, offset + written)
        if more == 0:
            raise OSError(errno.ENOSPC, "a write made no progress")  # the only known reason
        written += more


def _behind(buffers: Sequence[Buffer], skip: int) -> list[Buffer]:
    rest: list[Buffer] = []
    for buffer in buffers:
        if skip >= len(buffer):
            skip -= len(buffer)
        else:
            rest.append(memoryview(buffer)[skip:] if skip else buffer)
            skip = 0
    return rest
