"""Work folders for runs, kept so that one run does not slow the next.

ext4 does not hand out an inode again for some minutes after it was freed: whoever creates files
near a folder that was just removed scans past every such inode, and reached 1,100 files a second
here instead of 40,000. Removing a run's files would thus punish exactly the receivers that write
a file for each object. So files are cut to nothing between runs and removed when all is done; and
folders are made under one that is flagged as a top of hierarchies, so that ext4 spreads them out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FS_IOC_GETFLAGS = 0x80086601
_FS_IOC_SETFLAGS = 0x40086602
_FS_TOPDIR_FL = 0x00020000


class WorkFolders:
    """Gives each run a folder; removes them all at the end."""

    def __init__(self, under: Path) -> None:
        under.mkdir(parents=True, exist_ok=True)
        self.base = Path(tempfile.mkdtemp(prefix="work-", dir=under.resolve()))
        _spread(self.base)

    @contextmanager
    def one(self) -> Iterator[Path]:
        """An empty folder, with nothing of earlier runs waiting to be written back."""
        os.sync()
        folder = Path(tempfile.mkdtemp(dir=self.base))
        try:
            yield folder
        finally:
            empty(folder)

    def remove(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)


def empty(folder: Path) -> None:
    """Give the space back, and leave the names and inodes where they are."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            os.truncate(path, 0)


def _spread(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        raw = fcntl.ioctl(descriptor, _FS_IOC_GETFLAGS, bytes(8))
        (flags,) = struct.unpack("=I4x", raw)
        fcntl.ioctl(descriptor, _FS_IOC_SETFLAGS, struct.pack("=Q", flags | _FS_TOPDIR_FL))
    except OSError:
        return  # another file system, which has its own ideas
    finally:
        os.close(descriptor)
