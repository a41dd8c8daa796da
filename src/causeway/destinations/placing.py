"""Files that stand under their names whole or not at all, and are known by their digest.

Written beside its place under a temporary name, synced, remembered, read back from the disk and
compared, renamed, and its folder synced: in this order, which the folder destination explains.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from causeway.destinations.contract import Seal, Write
from causeway.destinations.files import CREATE, READ, Files
from causeway.errors import (
    CausewayError,
    DestinationConflict,
    DestinationRefused,
    DestinationUnavailable,
    TemporaryError,
)

LEFTOVER_PREFIX: Final = ".causeway-"
LEFTOVER_SUFFIX: Final = ".part"

BATCH_BYTES: Final = 1 << 20
"""Parts are gathered to calls of this size; larger ones gain nothing on any file system tried."""

READ_BYTES: Final = 1 << 20
VIEWS_LIMIT: Final = 1000
"""Parts in one call; Linux takes 1024 (IOV_MAX)."""


class Placer:
    """Puts files in their places on one destination's file system."""

    def __init__(self, files: Files, destination: str) -> None:
        self._files = files
        self._destination = destination

    def place(
        self,
        folder: Path,
        name: str,
        content: Callable[[Write], None],
        key: str,
        remember: Callable[[Seal], object] | None = None,
    ) -> Seal:
        """Write, sync, remember, read back, rename, sync the folder.

        The attempt is in ``key``, and so in the temporary name: a worker that has lost its lease
        and does not know it yet writes to a file of its own.
        """
        temporary = folder / f"{LEFTOVER_PREFIX}{key}{LEFTOVER_SUFFIX}"
        with contextlib.suppress(FileNotFoundError):
            self._files.unlink(temporary)
        fd = self._files.open(temporary, CREATE)
        try:
            try:
                output = _Output(self._files, fd)
                sink = Hashing(output.write)
                content(sink)
                output.flush()
                self._files.fsync(fd)
            finally:
                self._files.close(fd)
            seal = sink.seal()
            self._files.reached("folder.written")
            if remember is not None:
                remember(seal)
            self._files.reached("folder.remembered")
            if self.sealed(temporary) != seal:
                raise TemporaryError(
                    f"destination {self._destination} gave back other bytes than were written",
                    hint="its disk or its network share is faulty",
                )
            if name in self._files.listdir(folder):
                raise DestinationConflict(
                    f"destination {self._destination}: another file came in between"
                )
            self._files.rename(temporary, folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                self._files.unlink(temporary)
            raise
        self._files.reached("folder.renamed")
        self._files.fsync_dir(folder)
        return seal

    def head(self, path: Path, most: int) -> bytes:
        """A file's first bytes; a stranger's may be of any size."""
        fd = self._files.open(path, READ)
        try:
            found = bytearray()
            while len(found) < most and (
                data := self._files.pread(fd, most - len(found), len(found))
            ):
                found += data
            return bytes(found)
        finally:
            self._files.close(fd)

    def sealed(self, path: Path, *, sync: bool = False) -> Seal:
        """Size and digest of a file as the disk has it."""
        fd = self._files.open(path, READ)
        try:
            if sync:
                self._files.fsync(fd)
            self._files.forget(fd)
            hasher = hashlib.sha256()
            size = 0
            while data := self._files.pread(fd, READ_BYTES, size):
                hasher.update(data)
                size += len(data)
        finally:
            self._files.close(fd)
        return Seal(size=size, sha256=hasher.hexdigest())

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """``OSError`` as what it means for the destination, without the path that it names."""
        try:
            yield
        except CausewayError:
            raise
        except OSError as error:
            raise explained(error, self._destination) from None


_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
_NO_RIGHTS = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_IN_THE_WAY = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP})


def explained(error: OSError, name: str) -> CausewayError:
    """What a failed call means; the path that the error names stays out of it."""
    code = error.errno or 0
    if code in _NO_ROOM:
        return DestinationUnavailable(
            f"destination {name} has no room",
            hint="make room there; the delivery goes on by itself",
        )
    if code in _NO_RIGHTS:
        return DestinationUnavailable(
            f"destination {name} may not be written to: {os.strerror(code)}",
            hint="give the user that Causeway runs as the right to write there",
        )
    if code in _IN_THE_WAY:
        return DestinationConflict(
            f"destination {name} has something in the way: {os.strerror(code)}",
            hint="move it away, then retry the delivery",
        )
    if code == errno.ENAMETOOLONG:
        return DestinationRefused(f"destination {name} takes no names of this length")
    return DestinationUnavailable(
        f"destination {name} does not answer: {os.strerror(code) if code else 'unknown error'}",
        hint="is the share mounted, and its disk sound?",
    )


def nowhere(parts: Sequence[bytes]) -> None:
    """Where bytes go of which only the digest is wanted."""


class Hashing:
    """Passes bytes on and knows their digest."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._hasher = hashlib.sha256()
        self._size = 0

    def __call__(self, parts: Sequence[bytes]) -> None:
        for part in parts:
            self._hasher.update(part)
            self._size += len(part)
        self._write(parts)

    def seal(self) -> Seal:
        return Seal(size=self._size, sha256=self._hasher.hexdigest())


class _Output:
    """A file written from front to back in calls of sensible size."""

    def __init__(self, files: Files, fd: int) -> None:
        self._files = files
        self._fd = fd
        self._offset = 0
        self._parts: list[bytes | memoryview] = []
        self._waiting = 0

    def write(self, parts: Sequence[bytes]) -> None:
        self._parts.extend(parts)
        self._waiting += sum(map(len, parts))
        if self._waiting >= BATCH_BYTES or len(self._parts) >= VIEWS_LIMIT:
            self.flush()

    def flush(self) -> None:
        parts, self._parts, self._waiting = self._parts, [], 0
        while parts:
            written = self._files.pwritev(self._fd, parts[:VIEWS_LIMIT], self._offset)
            if written == 0:
                raise OSError(errno.ENOSPC, "a write made no progress")
            self._offset += written
            while parts and written >= len(parts[0]):
                written -= len(parts.pop(0))
            if written:
                parts[0] = memoryview(parts[0])[written:]
