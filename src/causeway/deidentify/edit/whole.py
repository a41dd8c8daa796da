"""A whole object, from its first element to the bytes behind its pixels, in flat memory.

The object is read in blocks. A long value that stays (pixels, above all) is never read: the result
names the span of the source in which it stands. All else is edited in memory by ``items``, element
by element at the top level, so that the markers of de-identification can be put where they belong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.deidentify.edit.items import Blocks, Context, Items, Part, Short, Unusual
from causeway.deidentify.edit.syntax import (
    HEADER,
    ITEM,
    LENGTH,
    LONG,
    SEQUENCE_END,
    SHORT,
    TAG_AND_LENGTH,
    UNDEFINED,
    VR_OF_CODE,
    dictionary_vr,
    raw_of,
)
from causeway.deidentify.edit.table import Table
from causeway.deidentify.edit.values import Level
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the data set, or fewer where it ends."""

BLOCK: Final = 64 * 1024
LONG_VALUE: Final = 64 * 1024
"""From this length on a value that stays is not read."""
BLOCK_LIMIT: Final = 256 * 1024 * 1024
"""Most of one sequence that is held in memory; the functional groups of 20,000 frames take 50."""

PADDING: Final = 0xFFFCFFFC
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the source, as they stand."""

    offset: int
    length: int

    def __len__(self) -> int:
        return self.length


@dataclass(slots=True)
class _Output:
    parts: list[Part | Span] = field(default_factory=list)

    def take(self, part: Part | Span) -> None:
        if len(part):
            self.parts.append(part)


class Whole:
    """Edits one object. ``markers`` are elements to put in, by tag; one that is there already is
    replaced.
    """

    def __init__(
        self,
        fetch: Fetch,
        size: int,
        *,
        table: Table,
        context: Context,
        markers: Mapping[int, Callable[[bytes | None], bytes]],
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._table = table
        self._context = context
        self._pending = sorted(markers)
        self._markers = markers
        self._base = 0
        self._blocks = Blocks({})
        self._items = Items(b"", context, self._blocks)
        self._level = Level(charset="")
        self._output = _Output()
        self._position = 0
        self._copied = 0

    def edit(self) -> list[Part | Span]:
        """The parts of the result, in order. Raises ``Doubt`` or ``Unusual``."""
        last_tag = -1
        while self._position < self._size:
            self._load(12)
            tag = self._tag()
            if tag == last_tag:
                raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) comes twice")
            if tag < last_tag:
                raise Unusual
            last_tag = tag
            self._insert_before(tag)
            if tag == PADDING:
                self._drop_rest()
                break
            if tag in self._markers:
                self._replace_marker(tag)
            elif not self._long_value(tag):
                self._element()
        self._flush()
        self._insert_before(1 << 32)
        return self._output.parts

    # --- blocks ---------------------------------------------------------------------------------

    def _at(self) -> int:
        """The position in the block."""
        return self._position - self._base

    def _load(self, size: int) -> None:
        """See that the block holds ``size`` bytes from the position on, or all there are."""
        wanted = min(self._position + size, self._size)
        if self._base <= self._position and wanted <= self._base + len(self._items.data):
            return
        self._flush()
        length = min(max(size, BLOCK), self._size - self._position)
        if length > BLOCK_LIMIT:
            raise Doubt("size", f"a sequence of more than {BLOCK_LIMIT >> 20} MiB")
        data = self._fetch(self._position, length)
        if len(data) != length:
            raise Doubt("structure", "the object ends before its length says so")
        self._base = self._copied = self._position
        self._context.is_last = self._base + length == self._size
        self._items = Items(data, self._context, self._blocks)

    def _flush(self) -> None:
        """Take over what was stepped over and has not been copied yet."""
        if self._position > self._copied:
            self._output.take(
                self._items.view[self._copied - self._base : self._position - self._base]
            )
            self._copied = self._position

    def _skip_to(self, position: int) -> None:
        """Leave out what lies between."""
        self._flush()
        self._position = self._copied = position

    # --- elements -------------------------------------------------------------------------------

    def _tag(self) -> int:
        try:
            (raw,) = LENGTH.unpack_from(self._items.data, self._at())
        except struct.error:
            raise Doubt("structure", "bytes are left over at the end") from None
        return raw_of(raw)

    def _element(self) -> None:
        """One element, edited in memory; the block grows until it holds it."""
        while True:
            try:
                made, after, self._level = self._items.one(self._at(), self._table, self._level)
                break
            except Short:
                self._load(max(2 * (len(self._items.data) - self._at()), 2 * BLOCK))
        after += self._base
        if made is None:
            self._position = after
            return
        self._skip_to(after)
        for part in made:
            self._output.take(part)

    def _long_value(self, tag: int) -> bool:
        """Deal with a value that is too long to be read, or has no length; whether it was one."""
        vr, code, head, length = self._header(tag)
        if length != UNDEFINED and length < LONG_VALUE:
            return False
        if vr in ("SQ", "UN") or (length == UNDEFINED and tag not in _PIXELS):
            return False
        rule = self._table.rule(tag, vr) if not tag >> 16 & 1 else self._table.plan.other_private
        if rule.action not in (Action.KEEP, Action.REMOVE):
            return False
        del code
        value = self._position + head
        end = value + length if length != UNDEFINED else self._end_of_fragments(value)
        if end > self._size:
            raise Doubt("structure", "an element runs past the end of the object")
        if rule.action is Action.REMOVE:
            self._context.edited.count(rule)
            self._skip_to(end)
            return True
        if self._base > self._position or self._base + len(self._items.data) < value:
            self._load(head)
        header = bytes(self._items.view[self._at() : self._at() + head])
        self._skip_to(end)
        self._output.take(header)
        self._output.take(Span(value, end - value))
        return True

    def _header(self, tag: int) -> tuple[str, int, int, int]:
        """VR, its code, bytes of the header, length of the value."""
        data, at = self._items.data, self._at()
        try:
            if self._context.implicit:
                (length,) = LENGTH.unpack_from(data, at + 4)
                return dictionary_vr(tag) or "UN", 0, 8, length
            _, code, short = HEADER.unpack_from(data, at)
            if code in SHORT:
                return VR_OF_CODE[code], code, 8, short
            if code in LONG:
                (length,) = LENGTH.unpack_from(data, at + 8)
                return VR_OF_CODE[code], code, 12, length
        except struct.error:
            raise Doubt("structure", "the object ends within an element") from None
        return "", code, 8, short

    def _end_of_fragments(self, position: int) -> int:
        """Behind the sequence delimiter of encapsulated pixels; no fragment is read."""
        while True:
            header = self._peek(position, 8)
            raw, length = TAG_AND_LENGTH.unpack(header)
            position += 8
            if raw == SEQUENCE_END:
                return position
            if raw != ITEM or length == UNDEFINED or position + length > self._size:
                raise Doubt("structure", f"no fragment at offset {position - 8}")
            position += length

    def _peek(self, position: int, size: int) -> bytes:
        at = position - self._base
        if at >= 0 and at + size <= len(self._items.data):
            return self._items.data[at : at + size]
        data = self._fetch(position, size)
        if len(data) != size:
            raise Doubt("structure", "the object ends within its pixels")
        return data

    def _drop_rest(self) -> None:
        """Data Set Trailing Padding, which may hold anything, and whatever is behind it."""
        self._skip_to(self._size)

    # --- markers --------------------------------------------------------------------------------

    def _insert_before(self, tag: int) -> None:
        while self._pending and self._pending[0] < tag:
            self._flush()
            self._output.take(self._markers[self._pending.pop(0)](None))

    def _replace_marker(self, tag: int) -> None:
        """The marker in place of what the object says itself; it may want to build on that."""
        self._pending.remove(tag)
        while True:
            try:
                made, after, _ = self._items.one(self._at(), self._table, self._level)
                break
            except Short:
                self._load(max(2 * (len(self._items.data) - self._at()), 2 * BLOCK))
        at = self._at()
        old = bytes(self._items.view[at:after]) if made is None else b"".join(map(bytes, made))
        self._skip_to(self._base + after)
        self._output.take(self._markers[tag](old))


def pieces(parts: list[Part | Span], fetch: Fetch, size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of the result, in pieces of at most ``size`` from the source."""
    for part in parts:
        if isinstance(part, Span):
            offset, left = part.offset, part.length
            while left:
                data = fetch(offset, min(size, left))
                if not data:
                    raise Doubt("structure", "the object has become shorter")
                yield data
                offset += len(data)
                left -= len(data)
        else:
            yield bytes(part)
