"""The way in: bytes to a durable record, and only then back to whoever sends Success.

Small objects go into segments that the pool lends for one call each; larger ones into files of
their own. A call that returns has kept its promise; one that raises has acknowledged nothing, and
whatever it left behind is recovery's to name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from causeway.errors import TemporaryError
from causeway.spool.disk import Buffer, Disk
from causeway.spool.failures import explain
from causeway.spool.format import MAX_RECEIPT, RELAXED, encode_receipt
from causeway.spool.large import LargeIntake
from causeway.spool.layout import Layout, new_id
from causeway.spool.model import SEGMENT_SIZE, SMALL_OBJECT, UNCACHED_FROM, Durability, Kind
from causeway.spool.pool import SegmentPool
from causeway.spool.space import SpaceGauge
from causeway.values import Receipt, Record, SpoolAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStatistics:
    """What a writer did since it was made."""

    stored: int
    """Objects, in segments and in files of their own."""
    stored_bytes: int
    streamed: int
    """Objects in files of their own."""
    open_segments: int
    made_in_need: int
    """Segments that this writer had to make itself, because none was ready."""
    abandoned: int
    """Segments given up after a failed write or sync."""


class SpoolWriter:
    """One per receiver process; every method may be called from many threads at once."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        space: SpaceGauge,
        durability: Durability = Durability.SYNCED,
        max_segments: int = 8,
        segment_size: int = SEGMENT_SIZE,
        small_object: int = SMALL_OBJECT,
        uncached_from: int = UNCACHED_FROM,
        new_id: Callable[[], int] = new_id,
    ) -> None:
        self._layout = Layout(root)
        self._disk = disk
        self._space = space
        self._sync = durability is Durability.SYNCED
        self._flags = 0 if self._sync else RELAXED
        self._small_object = small_object
        self._new_id = new_id
        self._pool = SegmentPool(
            self._layout,
            disk=disk,
            limit=max_segments,
            segment_size=segment_size,
            new_id=new_id,
            sync=self._sync,
            uncached_from=uncached_from,
        )
        self._counting = threading.Lock()
        self._stored = 0
        self._stored_bytes = 0
        self._streamed = 0

    @property
    def small_object(self) -> int:
        """Data sets up to this many bytes share segments."""
        return self._small_object

    def store(self, receipt: Receipt, fragments: Sequence[Buffer]) -> Record:
        """One record, one write, one sync; durable on return. Raises OutOfSpace, TemporaryError."""
        self._space.check()
        size = sum(map(len, fragments))
        encoded = encode_receipt(receipt)
        if len(encoded) > MAX_RECEIPT:
            raise TemporaryError("a receipt is longer than the spool's format allows")
        if size > self._small_object or not self._pool.holds(len(encoded), size):
            return self._store_large(receipt, fragments)
        try:
            segment = self._pool.borrow(len(encoded), size)
        except OSError as error:
            raise explain(error, self._space) from error
        try:
            written = segment.append(encoded, fragments, flags=self._flags, sync=self._sync)
        except OSError as error:
            self._pool.abandon(segment)
            raise explain(error, self._space) from error
        except BaseException:
            self._pool.abandon(segment)
            raise
        self._pool.give_back(segment)
        self._count(size)
        return Record(
            receipt=receipt,
            address=SpoolAddress(segment.container, written.offset),
            size=size,
            digest=written.digest,
            end=written.end,
        )

    def stream(self, receipt: Receipt) -> LargeIntake:
        """A file of its own, in flat memory. Raises OutOfSpace, TemporaryError."""
        self._space.check()
        return LargeIntake(
            self._layout,
            receipt,
            disk=self._disk,
            space=self._space,
            kind=Kind.LARGE,
            id_=self._new_id(),
            sync=self._sync,
            committed=self._count_streamed,
        )

    def begin(self, receipt: Receipt) -> Intake:
        """For a caller who learns the size only at the end. Raises OutOfSpace."""
        self._space.check()
        return Intake(self, receipt)

    def statistics(self) -> WriterStatistics:
        """As of now."""
        with self._counting:
            return WriterStatistics(
                stored=self._stored,
                stored_bytes=self._stored_bytes,
                streamed=self._streamed,
                open_segments=self._pool.open_segments,
                made_in_need=self._pool.made_in_need,
                abandoned=self._pool.abandoned,
            )

    def close(self) -> None:
        """Seal the open segments. Calls that are under way finish; later ones are refused."""
        self._pool.close()

    def _store_large(self, receipt: Receipt, fragments: Sequence[Buffer]) -> Record:
        intake = self.stream(receipt)
        try:
            for fragment in fragments:
                intake.write(fragment)
            return intake.commit()
        finally:
            intake.abort()

    def _count(self, size: int) -> None:
        with self._counting:
            self._stored += 1
            self._stored_bytes += size

    def _count_streamed(self, size: int) -> None:
        with self._counting:
            self._stored += 1
            self._stored_bytes += size
            self._streamed += 1


class Intake:
    """One object as it arrives: holds views while it is small, streams once it is large.

    Exactly one of `commit` and `abort` ends it.
    """

    __slots__ = ("_held", "_large", "_receipt", "_size", "_writer")

    def __init__(self, writer: SpoolWriter, receipt: Receipt) -> None:
        self._writer = writer
        self._receipt = receipt
        self._held: list[Buffer] = []
        self._size = 0
        self._large: LargeIntake | None = None

    @property
    def size(self) -> int:
        """Bytes of the data set so far."""
        return self._size

    def write(self, fragment: Buffer) -> bool:
        """True while views are still held; False when everything is copied out.

        Raises OutOfSpace, TemporaryError; only `abort` may follow.
        """
        self._size += len(fragment)
        if self._large is None:
            if self._size <= self._writer.small_object:
                self._held.append(fragment)
                return True
            self._large = self._writer.stream(self._receipt)
            held, self._held = self._held, []
            for earlier in held:
                self._large.write(earlier)
        self._large.write(fragment)
        return False

    def commit(self) -> Record:
        """Durable on return. Raises OutOfSpace, TemporaryError."""
        if self._large is not None:
            return self._large.commit()
        held, self._held = self._held, []
        return self._writer.store(self._receipt, held)

    def abort(self) -> None:
        """Forget it. Nothing happens after `commit`, or the second time."""
        self._held = []
        if self._large is not None:
            self._large.abort()
