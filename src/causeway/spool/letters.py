"""Letters: short messages from receivers to the pipeline that must not be lost.

What a peer was told is in our care has to survive us, and not only images are. A letter is a small
file, synced with its folder before its writer is told that it stands, and removed by whoever has
taken over what it says. Its name sorts by time.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from causeway.errors import OutOfSpace, SpoolCorrupt, TemporaryError
from causeway.spool.disk import CREATE, READ, Disk

SUFFIX: Final = ".letter"
_UNFINISHED: Final = ".part"


def _new_name() -> str:
    return f"{time.time_ns():016x}-{secrets.token_hex(4)}"


class LetterBox:
    """A folder of letters. Any number of writers, and one reader that removes."""

    def __init__(
        self, folder: Path, *, disk: Disk, new_name: Callable[[], str] = _new_name
    ) -> None:
        self._folder = folder
        self._disk = disk
        self._new_name = new_name

    def prepare(self) -> None:
        """Make the folder, and clear what a crash left unfinished; at the start, by one."""
        try:
            self._disk.mkdir(self._folder)
            self._disk.fsync_dir(self._folder.parent)
            for name in self._disk.listdir(self._folder):
                if name.endswith(_UNFINISHED):
                    self._disk.unlink(self._folder / name)
        except OSError as error:
            raise _explained(error) from error

    def put(self, text: bytes) -> str:
        """Keep a letter, durably; its name. Raises OutOfSpace, TemporaryError."""
        name = self._new_name()
        unfinished = self._folder / f"{name}{_UNFINISHED}"
        try:
            self._write(unfinished, text)
            self._disk.reached("letter.written")
            self._disk.rename(unfinished, self._folder / f"{name}{SUFFIX}")
            self._disk.reached("letter.renamed")
            self._disk.fsync_dir(self._folder)
        except OSError as error:
            raise _explained(error) from error
        return name

    def names(self) -> list[str]:
        """Of all letters that are there, the oldest first."""
        try:
            found = self._disk.listdir(self._folder)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _explained(error) from error
        return sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX))

    def read(self, name: str) -> bytes:
        """What a letter says. Raises SpoolCorrupt if there is none of that name."""
        path = self._folder / f"{name}{SUFFIX}"
        size = self._disk.file_size(path)
        if size is None:
            raise SpoolCorrupt(f"there is no letter {name}")
        try:
            fd = self._disk.open(path, READ)
            try:
                return self._disk.pread(fd, size, 0)
            finally:
                self._disk.close(fd)
        except OSError as error:
            raise _explained(error) from error

    def remove(self, name: str) -> None:
        """It is not needed any more. One that comes back after a power cut is removed again."""
        try:
            self._disk.unlink(self._folder / f"{name}{SUFFIX}")
        except FileNotFoundError:
            return
        except OSError as error:
            raise _explained(error) from error

    def _write(self, path: Path, text: bytes) -> None:
        fd = self._disk.open(path, CREATE)
        try:
            at = 0
            while at < len(text):
                at += self._disk.pwritev(fd, [memoryview(text)[at:]], at)
            self._disk.fsync(fd)
        finally:
            self._disk.close(fd)


def _explained(error: OSError) -> TemporaryError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return OutOfSpace("there is no room for letters", hint="free space, or add some")
    reason = os.strerror(error.errno) if error.errno else type(error).__name__
    return TemporaryError(f"letters cannot be kept: {reason}", hint="look at the data folder")
