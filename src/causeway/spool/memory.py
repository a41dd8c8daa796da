"""Memory that a disk reads from by itself, in which a record is put together before it is written.

A write that goes past the page cache has to begin on a block in memory as well; what Python gives
for bytes does not. An anonymous mapping begins on a page.
"""

from __future__ import annotations

import mmap

from causeway.spool.disk import Buffer

_STEP = 1 << 20
"""Memory grows by so many bytes; only what was ever used of it takes room."""


class BlockMemory:
    """One record at a time; what is put in next overwrites it."""

    __slots__ = ("_view",)

    def __init__(self) -> None:
        self._view = memoryview(b"")

    def room(self, size: int) -> memoryview:
        """So many bytes from the start of a block; what is in them is not defined."""
        if len(self._view) < size:
            self._view = memoryview(mmap.mmap(-1, (size + _STEP - 1) // _STEP * _STEP))
        return self._view[:size]

    def holding(self, data: Buffer) -> memoryview:
        """A copy of ``data`` from the start of a block."""
        view = self.room(len(data))
        view[:] = data
        return view
