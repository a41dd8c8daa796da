"""A source seen through a block of it that moves on, and the result beside it: in flat memory.

What is stepped over without being read is a span of the source in the result.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from causeway.deidentify.edit.elements import Context, Header, Part, Short
from causeway.deidentify.edit.items import Items
from causeway.deidentify.edit.syntax import ITEM, SEQUENCE_END, TAG_AND_LENGTH, UNDEFINED
from causeway.deidentify.errors import Doubt

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the data set, or fewer where it ends."""

BLOCK: Final = 64 * 1024
BLOCK_LIMIT: Final = 256 * 1024 * 1024
"""Most of one element that is held in memory; the functional groups of 20,000 frames take 50."""
FRAGMENT_HEADERS: Final = 4096
"""Read at once where fragments of pixels are stepped over: many small ones, or one large one."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the source, as they stand."""

    offset: int
    length: int

    def __len__(self) -> int:
        return self.length


class Window:
    """Moves over a source of ``size`` bytes."""

    def __init__(self, fetch: Fetch, size: int, context: Context, *, implicit: bool) -> None:
        self.size = size
        self.parts: list[Part | Span] = []
        """The result up to here."""
        self.items = Items(b"", context, implicit=implicit)
        """What edits the block; it counts from the block's begin."""
        self.base = 0
        """Where the block begins,"""
        self.position = 0
        """and the next element."""
        self._copied = 0  # up to where all is in the result
        self._fetch = fetch
        self._context = context

    @property
    def at(self) -> int:
        """The position in the block."""
        return self.position - self.base

    def load(self, size: int) -> None:
        """See that the block holds ``size`` bytes from the position on, or all there are."""
        wanted = min(self.position + size, self.size)
        if self.base <= self.position and wanted <= self.base + len(self.items.data):
            return
        self.flush()
        length = min(max(size, BLOCK), self.size - self.position)
        if length > BLOCK_LIMIT:
            raise Doubt("size", f"an element of more than {BLOCK_LIMIT >> 20} MiB to be edited")
        implicit = self.items.implicit
        self.items = Items(b"", self._context, implicit=implicit)  # room before more is read
        data = self._fetch(self.position, length)
        if len(data) != length:
            raise Doubt("structure", "the object ends before its length says so")
        self.base = self.position
        self.items = Items(data, self._context, implicit=implicit)

    def flush(self) -> None:
        """Take over what was stepped over and is not in the result yet."""
        copied, position = self._copied, self.position
        if position == copied:
            return
        if copied >= self.base and position <= self.base + len(self.items.data):
            self.parts.append(self.items.view[copied - self.base : position - self.base])
        else:
            self.parts.append(Span(copied, position - copied))
        self._copied = position

    def skip_to(self, position: int) -> None:
        """Leave out what lies between."""
        self.flush()
        self.position = self._copied = position

    def header(self) -> Header:
        self.load(12)
        try:
            return self.items.header(self.position - self.base)
        except struct.error:
            raise Doubt("structure", "the object ends within an element") from None

    def put(self, made: list[Part] | None, after: int) -> None:
        """What stands in the place of all up to there, if not itself."""
        if made is None:
            self.position = after
        else:
            self.skip_to(after)
            self.parts += filter(len, made)

    def in_memory(
        self, edit: Callable[[int], tuple[list[Part] | None, int]]
    ) -> tuple[list[Part] | None, int]:
        """What an edit at the position in the block makes, and where in the object it ends.

        Where the block ends too soon it is read anew, each time twice as long as before, so that in
        total little is read more than twice. What was noted on the way there is forgotten.
        """
        context, edited = self._context, self._context.edited
        while True:
            context.edited = edited.branch()
            context.may_grow = self.base + len(self.items.data) < self.size
            try:
                made, after = edit(self.position - self.base)
            except Short:
                left = self.base + len(self.items.data) - self.position
                self.load(max(2 * left, 2 * BLOCK))
                continue
            except struct.error:
                raise Doubt("structure", "the object ends within an element") from None
            finally:
                attempt, context.edited = context.edited, edited
                context.may_grow = False
            edited.adopt(attempt)
            return made, self.base + after

    def end_of_fragments(self, position: int) -> int:
        """Behind the sequence delimiter of encapsulated pixels."""
        data, base = self.items.data, self.base
        while True:
            if not base <= position <= base + len(data) - 8:
                base, data = position, self._fetch(position, FRAGMENT_HEADERS)
            try:
                raw, length = TAG_AND_LENGTH.unpack_from(data, position - base)
            except struct.error:
                raise Doubt("structure", "the object ends within its pixels") from None
            position += 8
            if raw == SEQUENCE_END and length == 0:
                return position
            if raw != ITEM or length == UNDEFINED or position + length > self.size:
                raise Doubt("structure", f"no fragment at offset {position - 8}")
            position += length


def pieces(parts: list[Part | Span], fetch: Fetch, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of the result, in pieces of at most ``size`` from the source."""
    gathered: list[Part] = []
    held = 0
    for part in parts:
        if not isinstance(part, Span):
            gathered.append(part)
            held += len(part)
            if held < size:
                continue
        if gathered:
            yield b"".join(gathered)
            gathered, held = [], 0
        if not isinstance(part, Span):
            continue
        offset, left = part.offset, part.length
        while left:
            data = fetch(offset, min(size, left))
            if not data:
                raise Doubt("structure", "the object has become shorter")
            yield data
            offset += len(data)
            left -= len(data)
    if gathered:
        yield b"".join(gathered)
