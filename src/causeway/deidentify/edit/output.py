"""The result while it grows: spans of the input as they stand, and what is put between them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from causeway.deidentify.edit.syntax import LENGTH

Part = bytes | memoryview

_CLEAN: Final = -1


class Output:
    """Of one walk over a block.

    What is stepped over is not touched: it is taken over with the next change behind it, in one
    piece. A container of defined length (a sequence or an item) gets a new length if something in
    it has changed; where that is to be written is kept free at the first change.
    """

    __slots__ = ("_dirty", "_is_changed", "_open", "_parts", "_total", "_view", "copied")

    def __init__(self, view: memoryview, start: int) -> None:
        self._parts: list[Part] = []
        self._view = view
        self.copied = start
        """Up to where all is in the result. After a change, what follows at once may be left out
        by setting it."""
        self._total = 0
        self._is_changed = False
        self._open: list[list[int]] = []  # offset of the length, index of its part, total there
        self._dirty = 0  # how many of them, from the outermost, have changed

    def open(self, length_at: int) -> None:
        """A container begins, whose length stands at that offset, in front of its content."""
        self._open.append([length_at, _CLEAN, 0])

    def close(self, position: int) -> None:
        """The innermost container ends here."""
        _, index, start = self._open.pop()
        if index != _CLEAN:
            self._dirty -= 1
            self._take(position)
            self._parts[index] = LENGTH.pack(self._total - start)

    def replace(self, position: int, made: Iterable[Part], after: int) -> None:
        """Put ``made`` in place of what stands from ``position`` to ``after``."""
        self._is_changed = True
        while self._dirty < len(self._open):
            container = self._open[self._dirty]
            self._take(container[0])
            container[1] = len(self._parts)
            self._parts.append(bytes(4))
            self._total += 4
            container[2] = self._total
            self.copied = container[0] + 4
            self._dirty += 1
        self._take(position)
        for part in made:
            self._parts.append(part)
            self._total += len(part)
        self.copied = after

    def finish(self, position: int) -> list[Part] | None:
        """All parts up to there; None if nothing has changed."""
        if not self._is_changed:
            return None
        self._take(position)
        return self._parts

    def _take(self, position: int) -> None:
        if position > self.copied:
            self._parts.append(self._view[self.copied : position])
            self._total += position - self.copied
            self.copied = position
