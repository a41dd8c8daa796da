"""The open segments of one process, borrowed for each store call.

Concurrent syncs of one file wait for each other, those of different files do not; so there are as
many segments open as calls are syncing at once, up to a limit, however many associations there
are. The one used last is lent first: what is idle stays idle, and few segments are half full at a
time.

The lock is held to lend and to take back, never while anything is written.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from causeway.errors import TemporaryError
from causeway.spool.disk import Disk
from causeway.spool.format import BLOCK, FIRST_RECORD, record_size
from causeway.spool.layout import Layout, SegmentFile, parse_segment_file
from causeway.spool.open_segment import OpenSegment, try_claim
from causeway.spool.segment import make_segment


class SegmentPool:
    """Lends open segments."""

    def __init__(
        self,
        layout: Layout,
        *,
        disk: Disk,
        limit: int,
        segment_size: int,
        new_id: Callable[[], int],
        sync: bool,
        uncached_from: int,
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._limit = limit
        self._segment_size = segment_size
        self._new_id = new_id
        self._sync = sync
        self._uncached_from = uncached_from
        self._changed = threading.Condition(threading.Lock())
        self._idle: list[OpenSegment] = []
        self._open = 0
        self._closed = False
        self._ready: deque[SegmentFile] = deque()
        self.made_in_need = 0
        self.abandoned = 0

    @property
    def open_segments(self) -> int:
        return self._open

    def holds(self, receipt_size: int, data_size: int) -> bool:
        """Whether a record of this size fits into a segment at all."""
        return FIRST_RECORD + record_size(receipt_size, data_size) + BLOCK <= self._segment_size

    def borrow(self, receipt_size: int, data_size: int) -> OpenSegment:
        """A segment with room, for the caller alone until `give_back` or `abandon`."""
        with self._changed:
            while not self._idle and self._open >= self._limit and not self._closed:
                self._changed.wait()
            if self._closed:
                raise TemporaryError("the spool is closed")
            segment = self._idle.pop() if self._idle else None
            if segment is None:
                self._open += 1
        if segment is not None and segment.has_room(receipt_size, data_size):
            return segment
        try:
            if segment is not None:
                segment.seal(sync=False)
            return self._claim(receipt_size, data_size)
        except BaseException:
            self._gone()
            raise

    def give_back(self, segment: OpenSegment) -> None:
        with self._changed:
            if not self._closed:
                self._idle.append(segment)
                self._changed.notify()
                return
        segment.seal(sync=self._sync)
        self._gone()

    def abandon(self, segment: OpenSegment) -> None:
        """After a failed write or sync."""
        try:
            segment.fail()
        finally:
            with self._changed:
                self.abandoned += 1
            self._gone()

    def close(self) -> None:
        """Seal what is idle; what is lent is sealed when it comes back."""
        with self._changed:
            self._closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
        for segment in idle:
            segment.seal(sync=self._sync)
            self._gone()

    def _gone(self) -> None:
        with self._changed:
            self._open -= 1
            self._changed.notify()

    def _claim(self, receipt_size: int, data_size: int) -> OpenSegment:
        """A ready segment, or one made on the spot."""
        while (file := self._next_ready()) is not None:
            segment = self._try_claim(file, uncached_from=self._uncached_from)
            if segment is not None and segment.has_room(receipt_size, data_size):
                return segment
            if segment is not None:  # made by a test or a later version, in another size
                segment.seal(sync=False)
        while True:
            id_ = self._new_id()
            try:
                path = make_segment(
                    self._disk, self._layout, id_, self._segment_size, written_over=False
                )
            except FileExistsError:
                continue
            with self._changed:
                self.made_in_need += 1
            if path is None:
                continue
            made = SegmentFile(id_, "ready", path.name)
            segment = self._try_claim(made, uncached_from=0)
            if segment is not None:  # otherwise another process saw it ready first: welcome to it
                return segment

    def _try_claim(self, file: SegmentFile, *, uncached_from: int) -> OpenSegment | None:
        """Relaxed durability is the page cache's, so there everything goes through it."""
        return try_claim(
            self._disk,
            self._layout,
            file,
            sync_name=not self._sync,
            uncached_from=uncached_from if self._sync else None,
        )

    def _next_ready(self) -> SegmentFile | None:
        """One listing serves many claims: with a terabyte of segments it takes milliseconds."""
        with self._changed:
            if self._ready:
                return self._ready.popleft()
        found = sorted(
            file
            for name in self._disk.listdir(self._layout.segments)
            if (file := parse_segment_file(name)) is not None and file.state == "ready"
        )
        with self._changed:
            self._ready = deque(found)
            return self._ready.popleft() if self._ready else None
