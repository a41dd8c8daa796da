"""A disk that lies, for simulations: it loses what was not synced, and fails when it is told to.

`FaultyDisk` is an in-memory file system with the calls of `causeway.spool.Disk`. All chance comes
from one ``random.Random``, so a seed repeats a run. What it does, and why its user must survive it:

- **Power cut** (`cut_power`). Of a file that was not synced, each sector by itself is as it was at
  the last sync or as it was written since, or, with ``spoil``, neither: a disk may be interrupted
  in mid-sector. Its length is the old or the new one. Of what happened to its name since the
  folder's sync, some first part is left: creating, renaming and unlinking are not durable by
  themselves, and syncing a file does not make its name durable (POSIX promises no more). A rename
  happens whole or not at all, as with every journaling file system.
- **Kill** (`kill`). Only the process dies: descriptors and locks are gone, what was written is
  there, a write that was under way in part.
- **Failing sync**: EIO, and the pages are clean afterwards. A second sync succeeds and has written
  nothing, as with Linux. Descriptors that were open see the error once each; later ones do not.
- **Full disk**: by capacity, or by chance at any call that takes room; often after a short write.

A *call* is counted for each use of the disk. `cut_at_call` and `cut_at_point` raise `PowerCut` at
a given call, or at a point that the code under test names with ``reached``. From then on every
call raises it, until `cut_power` or `kill` decides what is left and the disk may be used again.
"""

from __future__ import annotations

import ctypes
import errno
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from causeway.spool.disk import Buffer, FreeSpace
from causeway.spool.format import BLOCK
from causeway.testing.platter import FaultyFile


class PowerCut(BaseException):
    """The machine is off. No handler of errors should stop it, so it is none."""


@dataclass(slots=True)
class _Open:
    file: FaultyFile
    seen_errors: int
    writable: bool
    bypasses: bool = False


@dataclass(frozen=True, slots=True)
class _NameChange:
    """``source`` to ``target``; an empty source creates, an empty target unlinks."""

    file: FaultyFile
    source: str
    target: str

    def folders(self) -> set[str]:
        return {os.path.dirname(name) for name in (self.source, self.target) if name}


@dataclass(slots=True)
class _Fault:
    """The ``after``-th call from now fails."""

    number: int
    after: int


@dataclass
class FaultyDisk:
    """See the module's text."""

    random: Random
    capacity: int = 1 << 40
    spoil: bool = False
    """Whether a power cut may leave garbage in a sector that was being written."""
    short_writes: float = 0.0
    full: float = 0.0
    """Chance of ENOSPC at each call that may take room."""
    sync_errors: float = 0.0
    """Chance of EIO at each sync."""
    bypasses: bool = True
    """Whether it can write past the page cache. What is written so is as lost as anything else."""
    uncached_writes: int = 0
    cut_at_call: int | None = None
    cut_at_point: str | None = None
    points: dict[str, int] = field(default_factory=dict)
    """How often each named point was reached."""
    calls: int = 0

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._names: dict[str, FaultyFile] = {}
        self._stable_names: dict[str, FaultyFile] = {}
        self._changes: list[_NameChange] = []
        self._open: dict[int, _Open] = {}
        self._next_fd = 3
        self._faults: dict[str, list[_Fault]] = {}
        self._fail_next_sync = False
        self._off = False

    # What a test does to the disk

    def fail(self, call: str, number: int, *, after: int = 1) -> None:
        """Let the ``after``-th next use of ``call`` ("pwritev", "fdatasync", …) raise this
        errno.
        """
        self._faults.setdefault(call, []).append(_Fault(number, after))

    def kill(self) -> None:
        """The process dies; the machine stays on."""
        with self._lock:
            self._restart()

    def cut_power(self) -> None:
        """The machine goes off and on again."""
        with self._lock:
            self._lose_names()
            for file in {id(f): f for f in self._names.values()}.values():
                file.lose(self.random, spoil=self.spoil)
            self._restart()

    def rot(self, path: Path, offset: int, data: bytes) -> None:
        """Change bytes on the platter and in the cache, as bit rot would."""
        file = self._names[str(path)]
        file.cache[offset : offset + len(data)] = data
        file.stable[offset : offset + len(data)] = data

    def files(self) -> dict[str, bytes]:
        """Everything there is, as reads see it."""
        return {name: bytes(f.cache) for name, f in self._names.items() if not f.is_folder}

    # The calls

    def open(self, path: Path, flags: int) -> int:
        with self._call("open"):
            name = str(path)
            file = self._names.get(name)
            if flags & os.O_CREAT:
                if file is not None:
                    raise OSError(errno.EEXIST, "exists", name)
                self._require_folder(name)
                self._maybe_full()
                file = FaultyFile()
                self._change(_NameChange(file, "", name))
            elif file is None:
                raise FileNotFoundError(errno.ENOENT, "no such file", name)
            assert not file.is_folder
            fd = self._next_fd
            self._next_fd += 1
            writable = bool(flags & (os.O_RDWR | os.O_WRONLY))
            self._open[fd] = _Open(file, file.errors, writable)
            return fd

    def close(self, fd: int) -> None:
        with self._call("close"):
            self._open.pop(fd).file.locks.pop(fd, None)

    def pwritev(self, fd: int, buffers: Sequence[Buffer], offset: int) -> int:
        data = b"".join(buffers)
        unit = BLOCK if self._open[fd].bypasses else 1
        assert unit == 1 or _in_blocks(buffers, offset)

        def in_part() -> None:
            part = data[: self.random.randrange(len(data) + 1)]
            self._open[fd].file.write(part, offset)

        with self._call("pwritev", in_part):
            opened = self._open[fd]
            assert opened.writable
            if self._chance(self.full):
                # A full disk often takes the beginning.
                data = data[: self.random.randrange(len(data) + 1) // unit * unit]
                if not data:
                    raise OSError(errno.ENOSPC, "no room")
            elif len(data) > unit and self._chance(self.short_writes):
                data = data[: self.random.randrange(unit, len(data)) // unit * unit]
            growth = offset + len(data) - len(opened.file.cache)
            room = self.capacity - self._used()
            if growth > max(room, 0):
                data = data[: max(0, len(data) - (growth - max(room, 0)))]
                if not data:
                    raise OSError(errno.ENOSPC, "no room")
            opened.file.write(data, offset)
            self.uncached_writes += opened.bypasses
            return len(data)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        with self._call("pread"):
            return bytes(self._open[fd].file.cache[offset : offset + size])

    def fdatasync(self, fd: int) -> None:
        with self._call("fdatasync"):
            self._sync(self._open[fd])

    def fsync(self, fd: int) -> None:
        with self._call("fsync"):
            self._sync(self._open[fd])

    def fsync_dir(self, path: Path) -> None:
        with self._call("fsync_dir"):
            self._require_folder(str(path / "x"))
            if self._sync_fails():
                raise OSError(errno.EIO, "sync failed")
            folder = str(path)
            for change in self._changes:
                if folder in change.folders():
                    _apply(change, self._stable_names)
            self._changes = [c for c in self._changes if folder not in c.folders()]

    def start_writeback(self, fd: int, offset: int, length: int) -> None:
        del fd, offset, length
        with self._call("start_writeback"):
            pass

    def await_writeback(self, fd: int, offset: int, length: int) -> None:
        del fd, offset, length
        with self._call("await_writeback"):
            pass

    def forget(self, fd: int, offset: int = 0, length: int = 0) -> None:
        with self._call("forget"):
            self._open[fd].file.forget(offset, length)

    def bypass_cache(self, fd: int, wanted: bool) -> bool:
        with self._call("bypass_cache"):
            self._open[fd].bypasses = wanted and self.bypasses
            return self._open[fd].bypasses

    def allocate(self, fd: int, size: int) -> None:
        with self._call("allocate"):
            file = self._open[fd].file
            self._maybe_full()
            growth = size - len(file.cache)
            if growth > self.capacity - self._used():
                raise OSError(errno.ENOSPC, "no room")
            file.cache.extend(bytes(max(0, growth)))

    def truncate(self, fd: int, size: int) -> None:
        with self._call("truncate"):
            file = self._open[fd].file
            del file.cache[size:]
            file.cache.extend(bytes(size - len(file.cache)))

    def size(self, fd: int) -> int:
        with self._call("size"):
            return len(self._open[fd].file.cache)

    def lock(self, fd: int, *, shared: bool = False) -> bool:
        with self._call("lock"):
            locks = self._open[fd].file.locks
            others = [is_shared for holder, is_shared in locks.items() if holder != fd]
            if others and not (shared and all(others)):
                return False
            locks[fd] = shared
            return True

    def unlock(self, fd: int) -> None:
        with self._call("unlock"):
            self._open[fd].file.locks.pop(fd, None)

    def rename(self, source: Path, target: Path) -> None:
        with self._call("rename"):
            file = self._names.get(str(source))
            if file is None:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(source))
            self._require_folder(str(target))
            self._change(_NameChange(file, str(source), str(target)))

    def unlink(self, path: Path) -> None:
        with self._call("unlink"):
            file = self._names.get(str(path))
            if file is None:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            self._change(_NameChange(file, str(path), ""))

    def mkdir(self, path: Path) -> None:
        with self._call("mkdir"):
            if str(path) not in self._names:
                self._change(_NameChange(FaultyFile(is_folder=True), "", str(path)))

    def listdir(self, path: Path) -> list[str]:
        with self._call("listdir"):
            self._require_folder(str(path / "x"))
            return [os.path.basename(n) for n in self._names if os.path.dirname(n) == str(path)]

    def file_size(self, path: Path) -> int | None:
        with self._call("file_size"):
            file = self._names.get(str(path))
            return None if file is None or file.is_folder else len(file.cache)

    def free(self, path: Path) -> FreeSpace:
        del path
        with self._call("free"):
            return FreeSpace(
                free_bytes=max(0, self.capacity - self._used()),
                total_bytes=self.capacity,
                free_files=1 << 20,
            )

    def reached(self, point: str) -> None:
        with self._lock:
            self.points[point] = self.points.get(point, 0) + 1
            if self.cut_at_point == point:
                self.cut_at_point = None
                self._off = True
            if self._off:
                raise PowerCut

    # How it lies

    def _call(
        self, name: str, in_part: Callable[[], None] = lambda: None
    ) -> AbstractContextManager[bool]:
        """Count a call, and let it fail if it is to; the lock is taken by the caller's ``with``."""
        with self._lock:
            self.calls += 1
            if self.calls == self.cut_at_call:
                in_part()
                self._off = True
            if self._off:
                raise PowerCut
            for fault in self._faults.get(name, ()):
                fault.after -= 1
                if fault.after == 0:
                    if "sync" in name and fault.number == errno.EIO:
                        self._fail_next_sync = True
                        continue
                    raise OSError(fault.number, os.strerror(fault.number))
        return self._lock

    def _sync_fails(self) -> bool:
        due, self._fail_next_sync = self._fail_next_sync, False
        return due or self._chance(self.sync_errors)

    def _chance(self, probability: float) -> bool:
        return probability > 0 and self.random.random() < probability

    def _maybe_full(self) -> None:
        if self._chance(self.full):
            raise OSError(errno.ENOSPC, "no room")

    def _used(self) -> int:
        return sum(len(file.cache) for file in self._names.values())

    def _require_folder(self, name: str) -> None:
        folder = self._names.get(os.path.dirname(name))
        if folder is None or not folder.is_folder:
            raise FileNotFoundError(errno.ENOENT, "no such folder", name)

    def _change(self, change: _NameChange) -> None:
        _apply(change, self._names)
        self._changes.append(change)

    def _sync(self, opened: _Open) -> None:
        file = opened.file
        if self._sync_fails():
            file.fail_sync()
        if file.errors > opened.seen_errors:
            opened.seen_errors = file.errors
            raise OSError(errno.EIO, "sync failed")
        file.sync()

    def _lose_names(self) -> None:
        """Each file keeps some first part of what happened to its name."""
        by_file: dict[int, list[_NameChange]] = {}
        for change in self._changes:
            by_file.setdefault(id(change.file), []).append(change)
        surviving = {
            id(change)
            for changes in by_file.values()
            for change in changes[: self.random.randrange(len(changes) + 1)]
        }
        for change in self._changes:
            if id(change) in surviving:
                _apply(change, self._stable_names)
        self._changes = []
        self._names = dict(self._stable_names)

    def _restart(self) -> None:
        for opened in self._open.values():
            opened.file.locks.clear()
        self._open.clear()
        self._faults.clear()
        self._off = False
        self.cut_at_call = None
        self.cut_at_point = None


def _in_blocks(buffers: Sequence[Buffer], offset: int) -> bool:
    """Whether a write past the page cache may look so."""
    return offset % BLOCK == 0 and all(
        _address(buffer) % BLOCK == 0 and len(buffer) % BLOCK == 0 for buffer in buffers
    )


def _address(buffer: Buffer) -> int:
    assert not isinstance(buffer, bytes)  # begins anywhere, and is not for a device to read from
    return ctypes.addressof(ctypes.c_char.from_buffer(buffer))


def _apply(change: _NameChange, names: dict[str, FaultyFile]) -> None:
    if change.source and names.get(change.source) is change.file:
        del names[change.source]
    if change.target:
        names[change.target] = change.file
