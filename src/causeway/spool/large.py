"""Objects in files of their own: too large for a segment, or copied out of one.

Memory stays flat: what arrives is written at once, in steps of a quarter MiB. Writing back is
started early and never more than two windows behind, so that the sync at the end of two gigabytes
has little left to do and no other receiver's sync waits behind a cache full of dirty pages.

Order: data, header and receipt, fsync of the file, rename, fsync of the folder; then it is
received.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from blake3 import blake3

from causeway.errors import TemporaryError
from causeway.spool.disk import CREATE, Buffer, Disk, write_all
from causeway.spool.failures import explain
from causeway.spool.format import HEADER_SIZE, RELAXED, Place, encode_header, encode_receipt
from causeway.spool.layout import Layout, own_container
from causeway.spool.model import Kind
from causeway.spool.space import SpaceGauge
from causeway.values import Receipt, Record, SpoolAddress

WINDOW = 8 << 20
"""Bytes after which writing back is started; at most two windows are dirty."""
STEP = 256 << 10
"""What arrives is gathered to this size before it is digested and written. A power of two, because
BLAKE3 takes up to four times as long for pieces that are no multiple of its 1 KiB."""


class LargeIntake:
    """One object in a file of its own. Exactly one of `commit` and `abort` ends it."""

    def __init__(
        self,
        layout: Layout,
        receipt: Receipt,
        *,
        disk: Disk,
        space: SpaceGauge,
        kind: Kind,
        id_: int,
        sync: bool = True,
        committed: Callable[[int], None] = lambda _size: None,
    ) -> None:
        self._layout = layout
        self._receipt = receipt
        self._disk = disk
        self._space = space
        self._kind = kind
        self._id = id_
        self._sync = sync
        self._committed = committed
        self._encoded = encode_receipt(receipt)
        self._data = HEADER_SIZE + len(self._encoded)
        self._digest = blake3()
        self._size = 0
        self._gathered = bytearray(STEP)
        self._filled = 0
        self._written = 0
        self._started = 0
        self._path = layout.own_file(kind, id_, "tmp")
        self._done = False
        try:
            self._fd = disk.open(self._path, CREATE)
        except OSError as error:
            raise explain(error, space) from error

    @property
    def size(self) -> int:
        """Bytes of the data set so far."""
        return self._size

    def write(self, data: Buffer) -> None:
        """Take the next bytes; the buffer is free again on return."""
        if self._done:
            raise TemporaryError("the object was ended already")
        self._space.check()
        self._size += len(data)
        rest = memoryview(data)
        while rest:
            taken = min(len(rest), STEP - self._filled)
            self._gathered[self._filled : self._filled + taken] = rest[:taken]
            self._filled += taken
            rest = rest[taken:]
            if self._filled == STEP:
                self._flush()

    def commit(self) -> Record:
        """Durable on return."""
        if self._done:
            raise TemporaryError("the object was ended already")
        self._flush()
        digest = self._digest.digest()
        try:
            place = Place(self._id, 1, self._data + self._size)
            header = encode_header(
                place,
                offset=0,
                sequence=0,
                size=self._size,
                receipt=self._encoded,
                digest=digest,
                flags=0 if self._sync else RELAXED,
            )
            write_all(self._disk, self._fd, [header + self._encoded], 0)
            self._disk.reached("large-written")
            if self._sync:
                self._disk.fsync(self._fd)
            self._disk.reached("large-synced")
            self._disk.rename(self._path, self._layout.own_file(self._kind, self._id))
            self._path = self._layout.own_file(self._kind, self._id)
            self._disk.reached("large-renamed")
            if self._sync:
                self._disk.fsync_dir(self._path.parent)
            self._disk.reached("large-committed")
        except OSError as error:
            self.abort()
            raise explain(error, self._space) from error
        self._done = True
        self._disk.close(self._fd)
        self._committed(self._size)
        return Record(
            receipt=self._receipt,
            address=SpoolAddress(own_container(self._kind, self._id), 0),
            size=self._size,
            digest=digest,
            end=place.size,
        )

    def abort(self) -> None:
        """Forget it. Nothing happens after `commit`, or the second time."""
        if self._done:
            return
        self._done = True
        with contextlib.suppress(OSError):
            self._disk.close(self._fd)
        # A name that survives is found by recovery: it is half received, or, if the folder's sync
        # failed after the rename, whole and then kept as received.
        with contextlib.suppress(OSError):
            self._disk.unlink(self._path)

    def _flush(self) -> None:
        data = memoryview(self._gathered)[: self._filled]
        self._filled = 0
        self._digest.update(data)
        try:
            write_all(self._disk, self._fd, [data], self._data + self._written)
        except OSError as error:
            self.abort()
            raise explain(error, self._space) from error
        self._written += len(data)
        while self._written - self._started >= WINDOW:
            self._disk.start_writeback(self._fd, self._started, WINDOW)
            if self._started:
                self._disk.await_writeback(self._fd, self._started - WINDOW, WINDOW)
            self._started += WINDOW
