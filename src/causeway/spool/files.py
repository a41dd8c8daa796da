"""Open files of the containers that are being read: few, shared by threads, never closed under one.

A file is looked up by what it says of itself. Segments stay open, because each holds many records;
files of their own are opened for each use, so that removing one gives its room back at once.
"""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator

from causeway.errors import SpoolGone
from causeway.spool.disk import READ, Disk
from causeway.spool.format import Place
from causeway.spool.layout import (
    Container,
    Layout,
    SegmentFile,
    parse_container,
    parse_segment_file,
)
from causeway.spool.model import Kind
from causeway.spool.segment import place_of, read_head


class OpenFile:
    """A container open for reading."""

    __slots__ = ("ends_at", "failed_at", "fd", "kind", "name", "place", "users")

    def __init__(
        self, fd: int, name: str, kind: Kind, place: Place, failed_at: int | None = None
    ) -> None:
        self.fd = fd
        self.name = name
        self.kind = kind
        self.place = place
        self.failed_at = failed_at
        self.ends_at: int | None = None
        """Where nothing more will ever come, once that has been looked into."""
        self.users = 0


class OpenFiles:
    """Lends open files."""

    def __init__(self, layout: Layout, *, disk: Disk, limit: int) -> None:
        self._layout = layout
        self._disk = disk
        self._limit = limit
        self._lock = threading.Lock()
        self._cached: OrderedDict[str, OpenFile] = OrderedDict()

    @contextlib.contextmanager
    def lend(self, container: str) -> Iterator[OpenFile]:
        """Raises SpoolGone if the container does not exist any more, or never did."""
        file = self._take(container)
        try:
            yield file
        finally:
            self._release(file)

    def forget(self, container: str) -> None:
        """It is gone, or has changed its name: open it anew next time."""
        with self._lock:
            file = self._cached.pop(container, None)
        self._close_unused([file] if file is not None else [])

    def forget_unless(self, container: str, trusted: Callable[[OpenFile], bool]) -> None:
        """Open it anew if what is cached of it is out of date."""
        with self._lock:
            file = self._cached.get(container)
        if file is not None and not trusted(file):
            self.forget(container)

    def keep_only(self, containers: set[str]) -> None:
        """Close what no longer exists."""
        with self._lock:
            gone = [file for name, file in self._cached.items() if name not in containers]
            for file in gone:
                del self._cached[file.name]
        self._close_unused(gone)

    def close(self) -> None:
        self.keep_only(set())

    def _take(self, container: str) -> OpenFile:
        with self._lock:
            file = self._cached.get(container)
            if file is not None:
                self._cached.move_to_end(container)
                file.users += 1
                return file
        file = self._open(container)
        file.users += 1
        evicted: list[OpenFile] = []
        with self._lock:
            if file.kind is Kind.SEGMENT and container not in self._cached:
                self._cached[container] = file
                while len(self._cached) > self._limit:
                    evicted.append(self._cached.popitem(last=False)[1])
        self._close_unused(evicted)
        return file

    def _release(self, file: OpenFile) -> None:
        with self._lock:
            file.users -= 1
        self._close_unused([file])

    def _close_unused(self, files: list[OpenFile]) -> None:
        for file in files:
            with self._lock:
                fd = -1
                if not file.users and self._cached.get(file.name) is not file:
                    fd, file.fd = file.fd, -1
            if fd >= 0:
                self._disk.close(fd)

    def _open(self, container: str) -> OpenFile:
        try:
            wanted = parse_container(container)
        except ValueError as error:
            raise SpoolGone(str(error)) from error
        try:
            if wanted.kind is Kind.SEGMENT:
                return self._open_segment(container, wanted)
            fd = self._disk.open(self._layout.own_file(wanted.kind, wanted.id), READ)
        except FileNotFoundError as error:
            raise SpoolGone(f"{container} is not in the spool any more") from error
        return OpenFile(fd, container, wanted.kind, Place(wanted.id, 1, self._disk.size(fd)))

    def _open_segment(self, container: str, wanted: Container) -> OpenFile:
        file = None
        try:
            fd = self._disk.open(self._layout.segment(wanted.id, "log"), READ)
        except FileNotFoundError:
            file = self._find(wanted.id)
            fd = self._disk.open(self._layout.segments / file.name, READ)
        head = read_head(self._disk, fd)
        if head is None or head.id != wanted.id or head.generation != wanted.generation:
            self._disk.close(fd)
            raise SpoolGone(f"{container} was recycled")
        failed_at = file.failed_at(head.generation) if file is not None else None
        return OpenFile(fd, container, Kind.SEGMENT, place_of(self._disk, fd, head), failed_at)

    def _find(self, id_: int) -> SegmentFile:
        """A failed segment carries an offset in its name, so it has to be looked for."""
        for name in self._disk.listdir(self._layout.segments):
            file = parse_segment_file(name)
            if file is not None and file.id == id_ and file.state != "making":
                return file
        raise FileNotFoundError(f"{id_:016x}")
