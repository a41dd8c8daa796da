"""Recovery of segments: decide by content what each is, make it durable, seal it.

Order for a segment that was not sealed: sync what its dead writer left in the page cache, verify
what lies behind the ledger's position, copy aside what failed (synced), seal (synced). Cut off
anywhere, the next recovery does the same again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from causeway.spool.disk import CREATE, WRITE, Disk, write_all
from causeway.spool.format import (
    BLOCK,
    FIRST_RECORD,
    HEADER_SIZE,
    Head,
    Header,
    align,
    decode_head,
    encode_seal,
    generation_of,
)
from causeway.spool.layout import Layout, SegmentFile, segment_container
from causeway.spool.recovery import Findings, Outcome, set_file_aside
from causeway.spool.segment import give_back_rest, place_of, read_head, write_head
from causeway.spool.walk import SEARCH_STEP, HeaderWalk, digest_is_right


class SegmentMender:
    """Takes one file of ``segments/`` after the other."""

    def __init__(
        self, layout: Layout, disk: Disk, positions: Mapping[str, int], findings: Findings
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._positions = positions
        self._findings = findings

    def mend(self, file: SegmentFile) -> None:
        path = self._layout.segments / file.name
        where = f"segments/{file.name}"
        size = self._disk.file_size(path)
        if size is None:
            self._findings.add("foreign file", where, Outcome.LEFT, "no ordinary file")
            return
        if size == 0:
            self._disk.unlink(path)
            self._findings.add("empty file", where, Outcome.DISCARDED)
            return
        fd = self._disk.open(path, WRITE)
        try:
            if not self._disk.lock(fd):
                self._findings.add("segment in use", where, Outcome.LEFT)
                self._findings.containers += 1
                return
            if file.state == "making" and not self._has_records(file, fd):
                self._disk.unlink(path)
                self._findings.add("half-made segment", where, Outcome.DISCARDED)
                return
            head = self._mend_head(file, fd, size)
            if head is None:
                set_file_aside(self._layout, self._disk, path)
                self._findings.add("strange segment", where, Outcome.SET_ASIDE)
                return
            self._mend_records(file, fd, head)
        finally:
            self._disk.close(fd)

    def _has_records(self, file: SegmentFile, fd: int) -> bool:
        """Whether something was stored in what is named as if it were blank."""
        head = read_head(self._disk, fd)
        if head is None or head.id != file.id:
            return False
        return HeaderWalk(self._disk, fd, place_of(self._disk, fd, head), 0).next() is not None

    def _mend_head(self, file: SegmentFile, fd: int, size: int) -> Head | None:
        """The head that counts, both copies of it sound."""
        first = decode_head(self._disk.pread(fd, BLOCK, 0))
        second = decode_head(self._disk.pread(fd, BLOCK, BLOCK))
        head = first or second
        name = "half-raised generation"
        if head is None or head.id != file.id:
            name = "destroyed head"
            generation = self._highest_generation(fd, file.id, size)
            head = Head(file.id, generation, size) if generation else None
        if head is not None and not first == second == head:
            write_head(self._disk, fd, head)
            self._findings.add(name, f"segments/{file.name}", Outcome.REPAIRED)
        return head

    def _highest_generation(self, fd: int, id_: int, size: int) -> int:
        """What the records of a file say, if its head says nothing; 0 if there are none."""
        highest = 0
        for start in range(FIRST_RECORD, size, SEARCH_STEP):
            area = self._disk.pread(fd, SEARCH_STEP, start)
            for offset in range(0, len(area), BLOCK):
                block = area[offset : offset + HEADER_SIZE]
                highest = max(highest, generation_of(block, id_, start + offset) or 0)
        return highest

    def _mend_records(self, file: SegmentFile, fd: int, head: Head) -> None:
        place = place_of(self._disk, fd, head)
        container = segment_container(head.id, head.generation)
        position = self._positions.get(container, 0)
        where = f"segments/{file.name}"
        walk = HeaderWalk(self._disk, fd, place, position)
        if file.state == "ready" and not self._has_records(file, fd):
            if position or place.size < head.size:
                # Written with relaxed durability, known to the ledger, and lost with the power: the
                # ledger's addresses must not come to name what is stored here next. And what was
                # cut is too short for anything to be stored in it.
                self._reuse(file, fd, head)
            return
        if file.state in ("ready", "making"):
            self._findings.add("log under an older name", where, Outcome.KEPT)
        while walk.next() is not None:
            pass
        if walk.sealed:
            self._findings.containers += 1
            self._rename_to_log(file)
            give_back_rest(self._disk, fd, head, walk.offset + BLOCK)
            return
        self._disk.fdatasync(fd)
        # A sync of the dead writer may have failed: then the cache shows what the disk has not.
        self._disk.forget(fd)
        self._disk.reached("leftovers-synced")
        self._mend_unsealed(file, fd, head, container, position)

    def _mend_unsealed(
        self, file: SegmentFile, fd: int, head: Head, container: str, position: int
    ) -> None:
        place = place_of(self._disk, fd, head)
        walk = HeaderWalk(self._disk, fd, place, position)
        where = f"segments/{file.name}"
        failed_at = file.failed_at(place.generation)
        bad: Header | None = None
        records = 0
        while True:
            start, sequence = walk.offset, walk.sequence
            found = walk.next()
            if found is None:
                if walk.sealed:
                    start, sequence = walk.offset, walk.sequence
                    break
                if not walk.search():
                    break
                detail = "" if sequence is None else f"from record {sequence} on"
                self._findings.add("destroyed header", f"{container}@{start}", Outcome.LEFT, detail)
                continue
            if bad is not None:
                self._findings.add("damaged record", f"{container}@{bad.offset}", Outcome.LEFT)
                bad = None
            if failed_at is not None and found.header.offset >= failed_at:
                if self._set_record_aside(container, fd, found.header, "failed record"):
                    break
                return
            if found.legible() is None or not digest_is_right(self._disk, fd, found.header):
                bad = found.header
            else:
                records += 1
        self._findings.records += records
        sealed = walk.sealed
        if not sealed and place.size < head.size:
            self._findings.add("truncated segment", where, Outcome.KEPT)
        if bad is not None and sealed:
            self._findings.add("damaged record", f"{container}@{bad.offset}", Outcome.LEFT)
        elif bad is not None:
            if not self._set_record_aside(container, fd, bad, "torn record"):
                return
            start, sequence = bad.offset, bad.sequence
        if start <= FIRST_RECORD and not position and not sealed:
            self._reuse(file, fd, head)
            return
        if not sealed and start + BLOCK <= place.size and not walk.is_cut():
            seal = encode_seal(place, offset=start, sequence=sequence or 0)
            write_all(self._disk, fd, [seal], start)
            self._disk.fdatasync(fd)
            self._disk.reached("sealed")
            self._findings.add("unsealed segment", where, Outcome.KEPT, f"{records} records")
        self._rename_to_log(file)
        give_back_rest(self._disk, fd, head, start + BLOCK)
        self._findings.containers += 1

    def _set_record_aside(self, container: str, fd: int, header: Header, name: str) -> bool:
        """Copy a record to ``strange/``, synced; False if there is no room for it."""
        where = f"{container}@{header.offset}"
        target = self._layout.strange / f"{where}.{name.partition(' ')[0]}"
        size = align(header.data_end) - header.offset
        try:
            with contextlib.suppress(FileNotFoundError):
                self._disk.unlink(target)
            copy = self._disk.open(target, CREATE)
            try:
                write_all(self._disk, copy, [self._disk.pread(fd, size, header.offset)], 0)
                self._disk.fsync(copy)
            finally:
                self._disk.close(copy)
            self._disk.fsync_dir(self._layout.strange)
        except OSError as error:
            # A disk without room must not keep the connector from starting; the record is left
            # where it is, the segment unsealed, and the next start tries again.
            self._findings.add(name, where, Outcome.LEFT, f"no copy: {error.strerror}")
            self._findings.containers += 1
            return False
        self._disk.reached("set-aside")
        self._findings.add(name, where, Outcome.SET_ASIDE)
        return True

    def _reuse(self, file: SegmentFile, fd: int, head: Head) -> None:
        """Nothing was acknowledged in it: a new generation makes sure that it stays so."""
        write_head(self._disk, fd, Head(head.id, head.generation + 1, head.size))
        path = self._layout.segments / file.name
        if self._disk.size(fd) < head.size:
            self._disk.unlink(path)
        else:
            self._disk.rename(path, self._layout.segment(file.id, "ready"))
        self._findings.add("unused log", f"segments/{file.name}", Outcome.DISCARDED)

    def _rename_to_log(self, file: SegmentFile) -> None:
        log = self._layout.segment(file.id, "log")
        if file.name != log.name:
            self._disk.rename(self._layout.segments / file.name, log)
