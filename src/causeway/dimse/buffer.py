"""The receive buffer: bytes arrive in blocks, are read in place, and are handed out as views.

Strategy. The socket writes straight into a block (``recv_into``). PDUs are read where they lie,
and a data set's fragments leave as views of the block. While views are out, the bytes under them
must stay, so what comes next goes behind them, and then into another block; the views keep the old
one alive. When the owner says that no view is left, all blocks may be written again: after the
first objects no memory is taken and no page is faulted in.

A PDU that does not fit behind what is held is carried to the next block. To make that rare,
reading stops at the end of a PDU when another like it would not fit behind it; what is carried is
then at most the few bytes of a PDU whose header was not seen yet.

Bounds: a PDU's length was checked before it is asked for here; before an association is accepted
memory follows what has arrived, not what was announced; full blocks under views are counted
(``held_bytes``), and the association stops at its limit.
"""

from __future__ import annotations

from causeway.dimse.errors import LocalProtocolError

BLOCK_SIZE = 266_240
"""256 KiB, so that two PDUs of 128 KiB fit, and a page for their headers and a command."""


class BlockPool:
    """Receive blocks to use again: shared by the associations of a process, or owned by one.

    Threads may share it: it relies on ``list.pop`` and ``list.append`` being atomic only.
    """

    __slots__ = ("_free", "block_size", "retain")

    def __init__(self, *, block_size: int = BLOCK_SIZE, retain: int = 4) -> None:
        """``retain`` is how many unused blocks are kept; four hold the fragments of 1 MB."""
        if block_size < 4_096:
            raise ValueError("block_size must be at least 4096")
        self.block_size = block_size
        self.retain = retain
        self._free: list[bytearray] = []

    def take(self, minimum: int) -> bytearray:
        """A block of at least ``minimum`` bytes; what is in it is not defined."""
        if minimum > self.block_size:
            return bytearray(minimum)
        try:
            return self._free.pop()
        except IndexError:
            return bytearray(self.block_size)

    def give(self, block: bytearray) -> None:
        """Return a block under which no view is left."""
        if len(block) == self.block_size and len(self._free) < self.retain:
            self._free.append(block)


class ReceiveBuffer:
    """Bytes ``start`` to ``end`` of ``block`` are received and not yet read.

    The association reads ``block`` and moves ``start``; it counts the views that it hands out in
    ``fragments``, and says in ``need`` how long the PDU at ``start`` is (0: not known yet).
    """

    __slots__ = (
        "_fragments_before",
        "_initial",
        "_pool",
        "_spent",
        "_writable",
        "block",
        "end",
        "fragments",
        "held_bytes",
        "need",
        "readable",
        "start",
        "trusted",
    )

    def __init__(self, initial: int, pool: BlockPool) -> None:
        self._initial = initial
        self._pool = pool
        self._spent: list[bytearray] = []
        self._fragments_before = 0
        self.fragments = 0
        self.need = 0
        self.trusted = False
        """Whether a PDU's announced length may be believed: an association was accepted."""
        self._use(bytearray())
        self.start = self.end = 0
        self.held_bytes = 0

    def get(self) -> memoryview:
        """Where the next bytes go; never empty."""
        size = len(self.block)
        start, end, need = self.start, self.end, self.need
        if start == end:
            if self.fragments == self._fragments_before:
                self.start = self.end = 0
                if size == 0:
                    self._switch(self._initial)
            elif size - end < max(need, 1_024):
                # The PDU before took ``need``; its likes come in trains.
                self._switch(need)
            return self._writable[self.end :]
        stop = start + need
        if stop > size or end == size:
            if end - start >= need > 0:
                raise LocalProtocolError("the receive buffer is full: take events until NEED_DATA")
            self._make_room(need)
            return self._writable[self.end :]
        if need and end < stop and size - stop < need:
            return self._writable[end:stop]
        return self._writable[end:]

    def put(self, count: int) -> None:
        """``count`` bytes were written to what ``get`` gave."""
        if not 0 <= count <= len(self.block) - self.end:
            raise ValueError("more bytes than the buffer has room for")
        self.end += count

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Copy ``data`` in, however long it is."""
        if self.start == self.end and self.fragments == self._fragments_before:
            self.start = self.end = 0
        count = memoryview(data).nbytes
        if len(self.block) - self.end < count:
            self._switch(self.end - self.start + count)
        self._writable[self.end : self.end + count] = memoryview(data).cast("B")
        self.end += count

    def discard(self) -> None:
        """Forget what was received and not read."""
        self.start = self.end = self.end if self.fragments != self._fragments_before else 0
        self.need = 0

    def release(self) -> None:
        """No view is left: all blocks may be written again."""
        self.fragments = self._fragments_before = 0
        if self._spent:
            for block in self._spent:
                self._pool.give(block)
            self._spent.clear()
            self.held_bytes = 0

    def trim(self) -> None:
        """Give the block back if nothing is in it; the next one is small again."""
        if self.start == self.end and not self.fragments and len(self.block) > self._initial:
            self._pool.give(self.block)
            self._use(bytearray())
            self.start = self.end = self.need = 0

    def _make_room(self, need: int) -> None:
        """The PDU at ``start`` does not fit behind ``start``."""
        pending = self.end - self.start
        if not self.trusted:
            need = min(need, max(self._initial, 2 * pending))
        need = max(need, pending + 1)
        if need <= len(self.block) and self.fragments == self._fragments_before:
            self._writable[:pending] = self._writable[self.start : self.end]
            self.start, self.end = 0, pending
        else:
            self._switch(need)

    def _switch(self, minimum: int) -> None:
        """Go on in another block, and carry what was not read yet."""
        old, pending = self.block, self.readable[self.start : self.end]
        shared = self.fragments != self._fragments_before
        if shared or (self.trusted and minimum > self._initial):
            new = self._pool.take(minimum)
        else:
            new = bytearray(max(minimum, self._initial))
        new[: len(pending)] = pending
        if shared:
            self._spent.append(old)
            self._fragments_before = self.fragments
            self.held_bytes += len(old)
        else:
            self._pool.give(old)
        self._use(new)
        self.start, self.end = 0, len(pending)

    def _use(self, block: bytearray) -> None:
        self.block = block
        self._writable = memoryview(block)
        self.readable = self._writable.toreadonly()
