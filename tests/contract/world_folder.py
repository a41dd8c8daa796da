"""Folders: one on this machine's disk, and one on a disk that lies."""

from __future__ import annotations

import errno
import io
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import ClassVar, Final

from destination_worlds import Fault, World

from causeway.destinations import Destination, FolderSettings, LocalFiles, build
from causeway.testing.delivering import FOLDERS, MemoryOfDestination, Parcel, bring
from causeway.testing.disk import FaultyDisk

_NO_WIRE: Final = "there is no connection: a call of the file system ends or it does not"
_NO_LOGIN: Final = "a file system has rights, and they are the process's"
_WHOLE: Final = "instances are members of one archive, which is there or not"


class FolderWorld(ABC):
    """What both have."""

    memory: MemoryOfDestination
    root: Path

    @abstractmethod
    def _files(self) -> dict[str, bytes]:
        """All but the marker, by path below the folder."""

    @abstractmethod
    def put(self, reference: str, data: bytes) -> None:
        """Somebody else's file."""

    def content(self) -> dict[str, bytes]:
        """What is there by its final name, by reference."""
        return {n: d for n, d in self._files().items() if not n.endswith(".part")}

    def leftovers(self) -> list[str]:
        return [n for n in self._files() if n.endswith(".part")]

    def holds(self) -> Mapping[str, bytes]:
        found: dict[str, bytes] = {}
        for name, data in self.content().items():
            if name.endswith(".zip") and data[:2] == b"PK":
                with zipfile.ZipFile(io.BytesIO(data)) as archive:
                    for member in archive.namelist():
                        uid = member.removesuffix(".CT.dcm")
                        assert uid not in found, "one instance in two archives"
                        file = archive.read(member)
                        found[uid] = file[144 + int.from_bytes(file[140:144], "little") :]
        return found

    @abstractmethod
    def destination(self) -> Destination: ...


class TroubledFiles(LocalFiles):
    """Calls of the file system, some of which go wrong."""

    full = False
    rots = False

    def pwritev(self, fd: int, buffers: Sequence[bytes | memoryview], offset: int) -> int:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().pwritev(fd, buffers, offset)

    def forget(self, fd: int) -> None:
        if self.rots and self.pread(fd, 2, 0) == b"PK":
            os.pwrite(fd, b"?", 60)
        super().forget(fd)


class LocalFolder(FolderWorld, World):
    """On this machine's disk."""

    impossible: ClassVar[Mapping[Fault, str]] = {
        Fault.DNS: _NO_WIRE,
        Fault.CERTIFICATE_EXPIRED: _NO_WIRE,
        Fault.ASKS_TO_WAIT: _NO_WIRE,
        Fault.UNAVAILABLE: "a file system that does not answer is away",
        Fault.UNAUTHORISED: _NO_LOGIN,
        Fault.TOKEN_EXPIRES: _NO_LOGIN,
        Fault.TRUNCATED_ANSWER: _NO_WIRE,
        Fault.SLOW_ANSWER: "a call cannot be given up; the operator's mount options say how long",
        Fault.RESET_AFTER_BODY: _NO_WIRE,
        Fault.NOTHING_STORED: "it is read back, so that is a wrong checksum",
        Fault.MIXED: _WHOLE,
    }

    def __init__(self, tmp_path: Path) -> None:
        self.root = tmp_path / "archive"
        self.memory = MemoryOfDestination()
        self.files = TroubledFiles()

    def destination(self) -> Destination:
        return build(
            FolderSettings(name="archive", path=self.root), memory=self.memory, files=self.files
        )

    def _files(self) -> dict[str, bytes]:
        return {
            str(p.relative_to(self.root)): p.read_bytes()
            for p in self.root.rglob("*")
            if p.is_file() and p.name != ".causeway-destination"
        }

    def put(self, reference: str, data: bytes) -> None:
        path = self.root / reference
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def inject(self, fault: Fault, parcel: Parcel) -> None:
        match fault:
            case Fault.AWAY:
                self.destination().start(parcel)  # it was used before
                self.root.rename(self.root.with_name("unmounted"))
                self.root.mkdir()
            case Fault.FULL:
                self.files.full = True
            case Fault.WRONG_CHECKSUM:
                self.files.rots = True
            case Fault.THERE_SAME:
                bring(self.destination(), parcel.after_lost_ledger())
            case Fault.THERE_OTHER:
                self.put("/".join((*FOLDERS, parcel.name)), b"somebody else's")

    def mend(self) -> None:
        self.files.full = self.files.rots = False
        unmounted = self.root.with_name("unmounted")
        if unmounted.exists():
            self.root.rmdir()
            unmounted.rename(self.root)


class FaultyFolder(FolderWorld):
    """The same on a disk that lies."""

    def __init__(self, seed: int = 0) -> None:
        self.disk = FaultyDisk(Random(seed))
        self.base = Path("/mnt")
        self.root = self.base / "archive"
        self.disk.mkdir(self.base)
        self.disk.fsync_dir(Path("/")) if "/" in self.disk._names else None
        self.disk._stable_names.update(self.disk._names)
        self.disk._changes.clear()
        self.memory = MemoryOfDestination()

    def destination(self) -> Destination:
        return build(
            FolderSettings(name="archive", path=self.root), memory=self.memory, files=self.disk
        )

    def _files(self) -> dict[str, bytes]:
        prefix = f"{self.root}/"
        return {
            n.removeprefix(prefix): d
            for n, d in self.disk.files().items()
            if n.startswith(prefix) and not n.endswith(".causeway-destination")
        }

    def put(self, reference: str, data: bytes) -> None:
        path = self.root / reference
        for folder in reversed(path.parents[:-2]):
            self.disk.mkdir(folder)
        fd = self.disk.open(path, 0o102 | 0o300)
        self.disk.pwritev(fd, [data], 0)
        self.disk.close(fd)


WORLDS: Final = {"folder": LocalFolder}
