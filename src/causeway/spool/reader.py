"""The way out: what is in the spool, read where it lies.

A record is judged by its own header, so an address of a recycled segment gives `SpoolGone`, never
other bytes. Whole reads are checked against the digest that was taken before Success. Scanning
promises more: every Record that it yields is durable; the rules are in
``docs/reference/spool-format.md``, "Reading while others write".
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from blake3 import blake3

from causeway.errors import SpoolCorrupt, SpoolGone, TemporaryError
from causeway.spool.disk import READ, Disk
from causeway.spool.files import OpenFile, OpenFiles
from causeway.spool.layout import (
    Layout,
    own_container,
    parse_own_file,
    parse_segment_file,
    segment_container,
)
from causeway.spool.model import ContainerInfo, Damaged, Kind
from causeway.spool.segment import read_head
from causeway.spool.walk import Found, HeaderWalk, digest_is_right, read_record_head
from causeway.values import Record, SpoolAddress


class SpoolReader:
    """For any process and many threads.

    Raises SpoolCorrupt for bytes that do not match their digest, and SpoolGone, a kind of it, for
    an address whose container was recycled or removed.
    """

    def __init__(self, root: Path, *, disk: Disk, max_files: int = 32) -> None:
        self.root = root
        self._layout = Layout(root)
        self._disk = disk
        self._files = OpenFiles(self._layout, disk=disk, limit=max_files)

    def containers(self) -> list[ContainerInfo]:
        """Segments in use, large and kept files; not segments that are made ahead."""
        found = [
            ContainerInfo(name=own_container(kind, parsed[0]), kind=kind, size=size)
            for kind, folder in ((Kind.LARGE, self._layout.large), (Kind.KEPT, self._layout.kept))
            for name in self._disk.listdir(folder)
            if (parsed := parse_own_file(name)) is not None
            and parsed[1] == "obj"
            and (size := self._disk.file_size(folder / name)) is not None
        ]
        for name in self._disk.listdir(self._layout.segments):
            file = parse_segment_file(name)
            if file is None or file.state not in ("log", "failed"):
                continue
            try:
                fd = self._disk.open(self._layout.segments / name, READ)
            except FileNotFoundError:
                continue  # recycled between the listing and now
            try:
                head, size = read_head(self._disk, fd), self._disk.size(fd)
            finally:
                self._disk.close(fd)
            if head is not None and head.id == file.id:
                container = segment_container(head.id, head.generation)
                found.append(ContainerInfo(name=container, kind=Kind.SEGMENT, size=size))
        self._files.keep_only({info.name for info in found})
        return sorted(found, key=lambda info: info.name)

    def scan(
        self, container: str, start: int = 0, *, verify: bool = False, durable_to: int = 0
    ) -> Generator[Record | Damaged, None, None]:
        """Records from ``start`` on (0, or the ``end`` of one that was yielded).

        Every Record that is yielded is durable. One that is still being written is not yielded:
        come again. ``durable_to``: up to here a writer has said that it is; what it is at work on
        behind that is not looked at, as it will say so in a moment. Where nothing was said (0), the
        last one is read and synced. ``verify`` reads the data sets too; otherwise only headers and
        receipts are read, but for the last one and for records of relaxed durability. Raises
        TemporaryError if a sync fails.
        """
        self._forget_if_renamed(container)
        with self._files.lend(container) as file:
            if file.kind is not Kind.SEGMENT:
                if start == 0:
                    yield self._scan_own_file(file, verify=verify, durable_to=durable_to)
                return
            walk = HeaderWalk(self._disk, file.fd, file.place, start, failed_at=file.failed_at)
            held: Found | None = None
            while True:
                found = walk.next()
                quiet = False
                if found is None and not walk.sealed:
                    quiet = file.ends_at is not None or self._is_quiet(file)
                    if (
                        quiet
                    ):  # then look once more: it may have been written before the writer left
                        found = walk.next()
                if found is not None:
                    if held is not None:
                        yield self._judge(file, held, verify=verify)
                    held = found
                    continue
                if held is not None:
                    proved = walk.sealed or held.header.end <= durable_to
                    if not proved and durable_to and not quiet:
                        return
                    if not proved and not self._settle(file, held):
                        if not quiet:
                            return
                        yield self._damage(file, held, "the last record does not match its digest")
                    elif self._still_trusted(file):
                        yield self._judge(file, held, verify=verify and proved)
                    else:
                        return
                    held = None
                if walk.sealed or not quiet or walk.offset == file.ends_at:
                    return
                gap = walk.offset
                if not walk.search():
                    if walk.is_cut():
                        yield self._gap(
                            file, gap, file.place.size, "the file ends within the record"
                        )
                    file.ends_at = gap
                    return
                yield self._gap(file, gap, walk.offset, "no readable header; records may be lost")

    def record(self, address: SpoolAddress) -> Record:
        """Header and receipt of one record."""
        with self._files.lend(address.container) as file:
            return self._judge_or_raise(file, self._found(file, address))

    def head(self, address: SpoolAddress, size: int) -> bytes:
        """At most the first ``size`` bytes of the data set, not checked against the digest."""
        return self.piece(address, 0, size)

    def piece(self, address: SpoolAddress, offset: int, size: int) -> bytes:
        """At most ``size`` bytes of the data set from ``offset`` on, not checked either."""
        with self._files.lend(address.container) as file:
            header = self._found(file, address).header
            wanted = max(0, min(size, header.size - offset))
            data = self._disk.pread(file.fd, wanted, header.data + offset)
            # Nothing checks these bytes, so make sure that they were not written over meanwhile.
            self._found(file, address)
            return data

    def read(self, where: Record | SpoolAddress) -> bytes:
        """The whole data set, verified."""
        return b"".join(self.chunks(where, 4 << 20))

    def chunks(self, where: Record | SpoolAddress, size: int = 1 << 20) -> Iterator[bytes]:
        """The data set in pieces; raises SpoolCorrupt after the last one if the whole is wrong.

        So nothing made of the pieces may be released before the iteration has ended.
        """
        address = where.address if isinstance(where, Record) else where
        with self._files.lend(address.container) as file:
            header = self._found(file, address).header
            if isinstance(where, Record) and header.digest != where.digest:
                raise SpoolCorrupt(f"{address} holds another object than was asked for")
            hasher = blake3()
            offset, end = header.data, header.data_end
            while offset < end:
                data = self._disk.pread(file.fd, min(size, end - offset), offset)
                if not data:
                    break
                hasher.update(data)
                offset += len(data)
                yield data
            if hasher.digest() != header.digest:
                self._found(file, address)  # SpoolGone, if it was recycled while it was read
                raise SpoolCorrupt(f"{address} does not match its digest")

    def make_durable(self, container: str) -> None:
        """Sync what a dead writer may have left in the page cache."""
        with self._files.lend(container) as file:
            self._sync(file)

    def close(self) -> None:
        """Close what is open; the reader may be used again."""
        self._files.close()

    def _found(self, file: OpenFile, address: SpoolAddress) -> Found:
        """The record at an address, or the reason why there is none."""
        found = read_record_head(self._disk, file.fd, file.place, address.offset)
        if found is not None and not found.header.is_seal:
            return found
        if file.kind is Kind.SEGMENT:
            head = read_head(self._disk, file.fd)
            if head is None or head.generation != file.place.generation:
                self._files.forget(file.name)
                raise SpoolGone(f"{file.name} was recycled")
        raise SpoolCorrupt(f"there is no readable record at {address}")

    def _judge_or_raise(self, file: OpenFile, found: Found) -> Record:
        judged = self._judge(file, found, verify=False)
        if isinstance(judged, Damaged):
            raise SpoolCorrupt(f"{judged.address}: {judged.reason}")
        return judged

    def _scan_own_file(self, file: OpenFile, *, verify: bool, durable_to: int) -> Record | Damaged:
        found = read_record_head(self._disk, file.fd, file.place, 0)
        if found is None or found.header.data_end != file.place.size:
            return self._gap(file, 0, max(1, file.place.size), "no readable header")
        if found.header.data_end > durable_to and not found.header.is_relaxed:
            # Its bytes were synced before it got this name; the name perhaps was not.
            self._sync_folder(self._layout.own_file(file.kind, file.place.id).parent)
        return self._judge(file, found, verify=verify)

    def _judge(self, file: OpenFile, found: Found, *, verify: bool) -> Record | Damaged:
        header = found.header
        receipt = found.legible()
        if receipt is None:
            return self._damage(file, found, "the receipt does not match its checksum")
        # Without syncs a sound header behind it proves nothing of this one's bytes.
        if (verify or header.is_relaxed) and not digest_is_right(self._disk, file.fd, header):
            return self._damage(file, found, "the data set does not match its digest")
        return Record(
            receipt=receipt,
            address=SpoolAddress(file.name, header.offset),
            size=header.size,
            digest=header.digest,
            end=header.end if file.kind is Kind.SEGMENT else header.data_end,
        )

    def _damage(self, file: OpenFile, found: Found, reason: str) -> Damaged:
        header = found.header
        return Damaged(
            address=SpoolAddress(file.name, header.offset),
            end=header.end if file.kind is Kind.SEGMENT else header.data_end,
            reason=reason,
            receipt=found.legible(),
        )

    @staticmethod
    def _gap(file: OpenFile, start: int, end: int, reason: str) -> Damaged:
        return Damaged(address=SpoolAddress(file.name, start), end=end, reason=reason)

    def _is_quiet(self, file: OpenFile) -> bool:
        """Whether nobody has the segment open for writing."""
        if not self._disk.lock(file.fd, shared=True):
            return False
        self._disk.unlock(file.fd)
        return True

    def _settle(self, file: OpenFile, found: Found) -> bool:
        """Make a record durable that no later one vouches for; False if its bytes are not (yet)
        right.

        Verified, synced, dropped from the cache and verified once more: after a failed sync of the
        writer's the cache shows what the disk has not, and further syncs succeed for nothing.
        """
        header = found.header
        if not digest_is_right(self._disk, file.fd, header):
            return False
        if header.is_relaxed:
            return True
        self._sync(file)
        self._disk.forget(file.fd, header.offset, header.end - header.offset)
        return digest_is_right(self._disk, file.fd, header)

    def _sync(self, file: OpenFile) -> None:
        try:
            self._disk.fdatasync(file.fd)
        except OSError as error:
            raise TemporaryError(
                f"{file.name} cannot be synced", hint="look at the kernel's log for the disk"
            ) from error

    def _sync_folder(self, folder: Path) -> None:
        try:
            self._disk.fsync_dir(folder)
        except OSError as error:
            raise TemporaryError(
                "a folder of the spool cannot be synced",
                hint="look at the kernel's log for the disk",
            ) from error

    def _still_trusted(self, file: OpenFile) -> bool:
        """Whether its writer has not declared it failed in the meantime."""
        return (
            file.failed_at is not None
            or self._disk.file_size(self._layout.segment(file.place.id, "log")) is not None
        )

    def _forget_if_renamed(self, container: str) -> None:
        self._files.forget_unless(container, self._still_trusted)
