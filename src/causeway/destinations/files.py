"""The system calls that the folder destination makes, as one contract.

A subset of what the spool asks of a disk, so that the same lying disk can stand in for both; own
code all the same, since destinations do not know the spool, and since what is delivered is for
others: files here follow the process's umask, while the spool's are for its owner alone.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

READ = os.O_RDONLY
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL


class Files(Protocol):
    """Errors are ``OSError``, as the kernel raises them."""

    def open(self, path: Path, flags: int) -> int: ...

    def close(self, fd: int) -> None: ...

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        """May write less than everything."""

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        """Less only at the file's end."""

    def fsync(self, fd: int) -> None: ...

    def fsync_dir(self, path: Path) -> None: ...

    def forget(self, fd: int) -> None:
        """Let go of the file's cached pages, so that the next read asks the disk."""

    def rename(self, source: Path, target: Path) -> None: ...

    def unlink(self, path: Path) -> None: ...

    def mkdir(self, path: Path) -> None:
        """Nothing happens if it is there."""

    def listdir(self, path: Path) -> list[str]: ...

    def file_size(self, path: Path) -> int | None:
        """None if there is no such file, or it is a folder or something else."""

    def reached(self, point: str) -> None:
        """A named point between two calls, where a test may cut the power. Does nothing."""


class LocalFiles:
    """The operating system's."""

    def open(self, path: Path, flags: int) -> int:
        # O_NOFOLLOW: a link that somebody put where a parcel should be leads nowhere.
        return os.open(path, flags | os.O_CLOEXEC | os.O_NOFOLLOW, 0o666)

    def close(self, fd: int) -> None:
        os.close(fd)

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        return os.pwritev(fd, buffers, offset)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        return os.pread(fd, size, offset)

    def fsync(self, fd: int) -> None:
        os.fsync(fd)

    def fsync_dir(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            # Some network file systems know no sync of folders; there is nothing else to do then.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(fd)

    def forget(self, fd: int) -> None:
        with contextlib.suppress(OSError):
            os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)

    def rename(self, source: Path, target: Path) -> None:
        os.rename(source, target)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def mkdir(self, path: Path) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(path, 0o777)

    def listdir(self, path: Path) -> list[str]:
        return os.listdir(path)

    def file_size(self, path: Path) -> int | None:
        try:
            facts = os.lstat(path)
        except FileNotFoundError:
            return None
        return facts.st_size if stat.S_ISREG(facts.st_mode) else None

    def reached(self, point: str) -> None:
        pass
