"""Housekeeping: segments made ahead and taken back, objects copied out and removed.

Nothing here is in a hurry, and everything may be repeated: a step that was cut off by a crash is
done again by its caller, who knows from the ledger that it is still to be done.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

from blake3 import blake3

from causeway.errors import NotAllowed, SpoolCorrupt
from causeway.spool.disk import WRITE, Disk
from causeway.spool.failures import explain
from causeway.spool.format import BLOCK, FIRST_RECORD, Head, Place, encode_receipt
from causeway.spool.large import LargeIntake
from causeway.spool.layout import (
    Layout,
    SegmentFile,
    new_id,
    own_container,
    parse_container,
    parse_segment_file,
    segment_container,
)
from causeway.spool.model import SEGMENT_SIZE, Durability, Kind
from causeway.spool.reader import SpoolReader
from causeway.spool.segment import give_back_rest, make_segment, place_of, read_head, write_head
from causeway.spool.space import SpaceGauge
from causeway.spool.walk import HeaderWalk, digest_is_right, read_record_head
from causeway.values import Record, SpoolAddress


class SpoolKeeper:
    """For the supervisor (``make_ahead``) and the pipeline (the rest)."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        space: SpaceGauge,
        ready_bytes: int = 1 << 30,
        segment_size: int = SEGMENT_SIZE,
        durability: Durability = Durability.SYNCED,
        new_id: Callable[[], int] = new_id,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._layout = Layout(root)
        self._disk = disk
        self._space = space
        self._ready_bytes = ready_bytes
        self._segment_size = segment_size
        # A write past the page cache has to drop each page that it overwrites. Without syncs all
        # goes through it, and there writing to a page that it has takes half as long.
        self._cached = durability is Durability.RELAXED
        self._new_id = new_id
        self._clock = clock
        self._sleep = sleep
        self._reader = SpoolReader(root, disk=disk, max_files=4)
        self._tidied: set[int] | None = None
        """Segments that were looked at after they had ended."""

    def make_ahead(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Bring the ready segments up to ``ready_bytes``; how many were made.

        First takes back segments in which the very first write failed, and those that a killed
        receiver had not written to: the ledger has no record in them, so nobody else will. Takes
        half of the disk's time at most; ``stop`` is asked after each MiB. Never makes the room fall
        below the soft watermark. Raises OutOfSpace, TemporaryError.
        """
        made = 0
        since = self._clock()

        def pause() -> bool:
            nonlocal since
            self._sleep(min(1.0, self._clock() - since))
            since = self._clock()
            return not stop()

        try:
            self._take_back_failed()
            self._tidy_ended()
            while not stop() and self._has_room_for_one_more():
                since = self._clock()
                if make_segment(
                    self._disk,
                    self._layout,
                    self._new_id(),
                    self._segment_size,
                    written_over=True,
                    pause=pause,
                    cached=self._cached,
                ):
                    made += 1
        except OSError as error:
            raise explain(error, self._space) from error
        return made

    def recycle(self, container: str, position: int) -> bool:
        """Give a segment's room back; whether it is given back now, or was already.

        False if somebody writes to it, or if there is a record at or behind ``position``, the end
        of the last one that the ledger knows. Only the caller can say that nothing before is
        needed.
        """
        wanted = parse_container(container)
        if wanted.kind is not Kind.SEGMENT:
            raise NotAllowed("only segments are recycled; files of their own are removed")
        file = self._find(wanted.id)
        if file is None:
            return True
        path = self._layout.segments / file.name
        try:
            fd = self._disk.open(path, WRITE)
        except FileNotFoundError:
            return True
        try:
            unused = self._disk.lock(fd)
            head = read_head(self._disk, fd)
            if head is None or head.generation != wanted.generation:
                return head is not None
            if not unused:
                return False
            place = place_of(self._disk, fd, head)
            failed_at = file.failed_at(head.generation)
            walk = HeaderWalk(self._disk, fd, place, position, failed_at=failed_at)
            if walk.next() is not None or (not walk.sealed and walk.search()):
                return False
            failed_behind = failed_at is not None and failed_at >= position
            if failed_behind and self._may_have_been_seen(fd, place, failed_at or 0):
                return False
            self._raise_and_rename(fd, path, head)
            return True
        except OSError as error:
            raise explain(error, self._space) from error
        finally:
            self._disk.close(fd)

    def keep(self, record: Record) -> SpoolAddress:
        """Copy a held or quarantined object out, so that it pins no segment; durable on return.

        Repeating it gives the same address. What has a file of its own stays where it is. Raises
        SpoolCorrupt, OutOfSpace, TemporaryError.
        """
        if parse_container(record.address.container).kind is not Kind.SEGMENT:
            return record.address
        origin = str(record.address).encode() + record.digest + encode_receipt(record.receipt)
        id_ = int.from_bytes(blake3(origin).digest(8), "big")
        address = SpoolAddress(own_container(Kind.KEPT, id_), 0)
        try:
            if self._disk.file_size(self._layout.own_file(Kind.KEPT, id_)) is not None:
                self._disk.fsync_dir(self._layout.kept)
                return address
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(self._layout.own_file(Kind.KEPT, id_, "tmp"))
        except OSError as error:
            raise explain(error, self._space) from error
        intake = LargeIntake(
            self._layout,
            record.receipt,
            disk=self._disk,
            space=self._space,
            kind=Kind.KEPT,
            id_=id_,
        )
        try:
            for data in self._reader.chunks(record):
                intake.write(data)
            copied = intake.commit()
        finally:
            intake.abort()
        if copied.digest != record.digest:  # chunks has compared it; pairs with that check
            raise SpoolCorrupt(f"the copy of {record.address} differs from it")
        return address

    def remove(self, address: SpoolAddress) -> None:
        """Remove a large or kept file, durably; nothing happens if it is gone."""
        wanted = parse_container(address.container)
        if wanted.kind is Kind.SEGMENT:
            raise NotAllowed("a record cannot be removed from a segment; segments are recycled")
        path = self._layout.own_file(wanted.kind, wanted.id)
        try:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(path)
            self._disk.reached("removed")
            self._disk.fsync_dir(path.parent)
        except OSError as error:
            raise explain(error, self._space) from error

    def _may_have_been_seen(self, fd: int, place: Place, offset: int) -> bool:
        """Whether a record whose sync failed is on the disk after all.

        Then a scan may have made it durable by itself before its writer heard of the failure, and
        the ledger may just be taking it in. It stays for the next recovery to judge.
        """
        self._disk.forget(fd)
        found = read_record_head(self._disk, fd, place, offset)
        return found is not None and digest_is_right(self._disk, fd, found.header)

    def _raise_and_rename(self, fd: int, path: Path, head: Head) -> None:
        """Generation first, then the name: a crash in between leaves an unused log."""
        write_head(self._disk, fd, Head(head.id, head.generation + 1, head.size))
        self._disk.reached("generation-raised")
        if self._ready() >= 2 * self._ready_bytes or self._disk.size(fd) != head.size:
            # More than will be needed soon. Emptied first, because a reader may hold it open.
            self._disk.truncate(fd, 0)
            self._disk.unlink(path)
        else:
            if not self._cached:
                self._disk.forget(fd)
            self._disk.rename(path, self._layout.segment(head.id, "ready"))

    def _take_back_failed(self) -> None:
        for file in self._segments():
            if file.failed is not None and file.failed[1] <= FIRST_RECORD:
                self.recycle(segment_container(file.id, file.failed[0]), FIRST_RECORD)

    def _tidy_ended(self) -> None:
        """Look once at each segment that came to its end during this run, as soon as nobody holds
        its lock. Those that ended before were looked at by recovery.
        """
        files = {each.id: each for each in self._segments() if each.state in ("log", "failed")}
        if self._tidied is None:
            self._tidied = set(files)
        self._tidied &= set(files)
        for file in files.values():
            if file.id not in self._tidied and self._tidy(file):
                self._tidied.add(file.id)

    def _tidy(self, file: SegmentFile) -> bool:
        """Take a segment back that has no record, cut one that is hardly used; False while
        somebody writes to it.

        A receiver that is killed again and again would otherwise fill the disk with segments of a
        few records each, which stay until these are delivered and retired.
        """
        path = self._layout.segments / file.name
        try:
            fd = self._disk.open(path, WRITE)
        except OSError:
            return True
        try:
            if not self._disk.lock(fd):
                return False
            head = read_head(self._disk, fd)
            # Who renames holds the lock: from here on the name is right, or it was an old one.
            if head is None or self._disk.file_size(path) is None:
                return True
            walk = HeaderWalk(self._disk, fd, place_of(self._disk, fd, head), 0)
            while walk.next() is not None or (not walk.sealed and walk.search()):
                pass
            if walk.offset > FIRST_RECORD:
                give_back_rest(self._disk, fd, head, walk.offset + BLOCK)
            elif file.state == "log":
                self._raise_and_rename(fd, path, head)
            return True
        except OSError:
            return True  # the next start looks at it again
        finally:
            self._disk.close(fd)

    def _has_room_for_one_more(self) -> bool:
        room = self._space.room()
        limits = self._space.limits
        if room.ready_bytes + self._segment_size > self._ready_bytes:
            return False
        if limits.quota_bytes:
            taken = room.used_bytes + room.ready_bytes + self._segment_size
            if taken > limits.quota_bytes:
                return False
        return room.free_bytes - self._segment_size >= limits.soft_bytes

    def _ready(self) -> int:
        """Bytes in ready segments."""
        return self._segment_size * sum(file.state == "ready" for file in self._segments())

    def _find(self, id_: int) -> SegmentFile | None:
        for file in self._segments():
            if file.id == id_ and file.state in ("log", "failed"):
                return file
        return None

    def _segments(self) -> list[SegmentFile]:
        names = self._disk.listdir(self._layout.segments)
        return [file for name in names if (file := parse_segment_file(name)) is not None]
