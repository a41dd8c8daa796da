"""A folder tree: group/project/subject/session/acquisition, in it one ZIP and its JSON a parcel.

The order in which things become durable, and what a crash after each step leaves:

1. the folders are made, and every one up the tree is synced           (empty folders)
2. the archive is written beside its place, under a name that begins
   with ``.causeway-`` and ends with ``.part``, and synced              (a leftover)
3. its digest is remembered in the ledger                              (a leftover)
4. it is read back from the disk and compared                          (a leftover)
5. it is renamed to its name, and its folder is synced                 (an archive without JSON)
6. the JSON is written, synced, compared and renamed likewise          (all is there)

So an archive under its name is whole, and an archive with its JSON beside it is delivered. A
repeated attempt removes leftovers of its delivery, and what stands there already is read and
compared: the same bytes are a success, other bytes a conflict, and nothing is ever overwritten.

A share that is not mounted looks like an empty folder on the wrong disk. So the first use leaves a
marker file in the folder, whose content the ledger remembers too; without the marker nothing is
written. Errors name the destination and the reason, no path: labels can be names.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from causeway.destinations.contract import Memory, Proof, Seal, Shipment, Write
from causeway.destinations.files import CREATE, READ, Files, LocalFiles
from causeway.errors import (
    CausewayError,
    DestinationConflict,
    DestinationRefused,
    DestinationUnavailable,
    TemporaryError,
)

MARKER: Final = ".causeway-destination"
"""In the destination's folder; says that it is the right one."""

LEFTOVER_PREFIX: Final = ".causeway-"
LEFTOVER_SUFFIX: Final = ".part"

BATCH_BYTES: Final = 1 << 20
"""Parts are gathered to calls of this size; larger ones gain nothing on any file system tried."""

READ_BYTES: Final = 1 << 20
VIEWS_LIMIT: Final = 1000
"""Parts in one call; Linux takes 1024 (IOV_MAX)."""

_ARCHIVE_KEY: Final = "archive"
_METADATA_KEY: Final = "metadata"


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderSettings:
    name: str
    path: Path


class FolderDestination:
    """See the module's text. Thread safe."""

    def __init__(
        self,
        settings: FolderSettings,
        *,
        memory: Memory,
        files: Files | None = None,
        new_identity: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self.name = settings.name
        self._root = settings.path
        self._memory = memory
        self._files = files or LocalFiles()
        self._new_identity = new_identity
        self._identity_lock = threading.Lock()

    def check(self) -> None:
        with self._explained():
            if self._memory.identity() is None:
                self._files.listdir(self._root.parent)
            else:
                self._recognise()

    def close(self) -> None:
        pass

    def deliver(self, shipment: Shipment) -> Proof:
        for name in (*shipment.folders, shipment.name):
            # Pairs with the promise of whoever makes names: nothing leaves the tree by its name.
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise DestinationRefused("a label that cannot be the name of a folder")
        with self._explained():
            self._recognise()
            folder = self._make_folders(shipment.folders)
            self._remove_leftovers(folder, shipment.key)
            reference = "/".join((*shipment.folders, shipment.name))
            seal = self._standing_archive(folder, shipment)
            already_there = seal is not None
            if seal is None:
                seal = self._write_archive(folder, shipment)
            self._write_metadata(folder, shipment, seal)
            self._recognise()
        return Proof(reference=reference, seal=seal, already_there=already_there)

    # --- the steps ----------------------------------------------------------------------------

    def _recognise(self) -> None:
        """Make sure that the folder is the one that was used before; mark it at first use."""
        with self._identity_lock:
            known, found = self._memory.identity(), self._marker()
            if known is None:
                self._files.mkdir(self._root)
                if found is None:
                    found = self._new_identity()
                    self._mark(found)
                self._files.fsync_dir(self._root.parent)
                known = self._memory.identify(found)
            if found != known:
                raise DestinationUnavailable(
                    f"the folder of destination {self.name} is not the one that was used before",
                    hint=f"is the share mounted? Its file {MARKER} is missing or another; if the "
                    f"folder was moved on purpose, write {known} into it",
                )

    def _marker(self) -> str | None:
        path = self._root / MARKER
        if self._files.file_size(path) is None:
            return None
        fd = self._files.open(path, READ)
        try:
            text = self._files.pread(fd, 4096, 0).decode("ascii", "replace")
        finally:
            self._files.close(fd)
        return text.partition("\n")[0].strip() or None

    def _mark(self, identity: str) -> None:
        text = (
            f"{identity}\nCauseway writes to this folder only while this file is here, so that a "
            "share that is not mounted is noticed. Leave it, and take it along if you move the "
            "folder.\n"
        )
        self._place(self._root, MARKER, lambda write: write((text.encode(),)), "marker")

    def _make_folders(self, folders: Sequence[str]) -> Path:
        """All of them, durable.

        Those that are there are synced too: a crash may have left them in memory only, and a sync
        without changes costs nothing.
        """
        path = self._root
        for name in folders:
            self._files.mkdir(path / name)
            self._files.fsync_dir(path)
            path /= name
        return path

    def _remove_leftovers(self, folder: Path, key: str) -> None:
        for name in self._files.listdir(folder):
            if name.startswith(f"{LEFTOVER_PREFIX}{key}.") and name.endswith(LEFTOVER_SUFFIX):
                self._files.unlink(folder / name)

    def _standing_archive(self, folder: Path, shipment: Shipment) -> Seal | None:
        """The archive that stands there already, if it is this one."""
        if shipment.name not in self._files.listdir(folder):
            return None
        found = self._sealed(folder / shipment.name, sync=True)
        if found.sha256 != shipment.recall(_ARCHIVE_KEY):
            # Nobody remembers it: made by an attempt whose memory was lost, or not ours. Another
            # version of this program may make other bytes, so memory is asked first.
            sink = _Hashing(_nowhere)
            shipment.archive(sink)
            if sink.seal() != found:
                raise DestinationConflict(
                    f"destination {self.name} has another archive where this one should be",
                    hint="move it away, then retry the delivery",
                )
        self._files.fsync_dir(folder)
        return found

    def _write_archive(self, folder: Path, shipment: Shipment) -> Seal:
        return self._place(
            folder, shipment.name, shipment.archive, f"{shipment.key}.{shipment.attempt}",
            lambda seal: shipment.remember(_ARCHIVE_KEY, seal.sha256),
        )  # fmt: skip

    def _write_metadata(self, folder: Path, shipment: Shipment, seal: Seal) -> None:
        text = shipment.metadata(seal)
        mine = hashlib.sha256(text).hexdigest()
        name = f"{shipment.name}.json"
        if name not in self._files.listdir(folder):
            self._place(
                folder, name, lambda write: write((text,)),
                f"{shipment.key}.{shipment.attempt}.json",
                lambda seal: shipment.remember(_METADATA_KEY, seal.sha256),
            )  # fmt: skip
        elif self._sealed(folder / name).sha256 not in (
            mine,
            shipment.recall(_METADATA_KEY),
        ) and not shipment.is_told_by(self._head(folder / name, 2 * len(text)), seal):
            raise DestinationConflict(
                f"destination {self.name} has another description beside the archive",
                hint="move it away, then retry the delivery",
            )
        else:
            self._files.fsync_dir(folder)

    def _place(
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
                sink = _Hashing(output.write)
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
            if self._sealed(temporary) != seal:
                raise TemporaryError(
                    f"destination {self.name} gave back other bytes than were written",
                    hint="its disk or its network share is faulty",
                )
            if name in self._files.listdir(folder):
                raise DestinationConflict(f"destination {self.name}: another file came in between")
            self._files.rename(temporary, folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                self._files.unlink(temporary)
            raise
        self._files.reached("folder.renamed")
        self._files.fsync_dir(folder)
        return seal

    def _head(self, path: Path, most: int) -> bytes:
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

    def _sealed(self, path: Path, *, sync: bool = False) -> Seal:
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
    def _explained(self) -> Iterator[None]:
        """``OSError`` as what it means for the destination, without the path that it names."""
        try:
            yield
        except CausewayError:
            raise
        except OSError as error:
            raise explained(error, self.name) from None


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


def _nowhere(parts: Sequence[bytes]) -> None:
    """Where bytes go of which only the digest is wanted."""


class _Hashing:
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
