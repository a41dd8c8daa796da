"""A whole object, from its first element to the bytes behind its pixels, in flat memory.

The object is read in blocks. A value that stays and reaches out of the block (pixels, above all) is
never read: the result names the span of the source in which it stands. All else is edited in memory
by ``items``, element by element at the top level, so that the markers of de-identification can be
put where they belong.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from causeway.deidentify.edit.elements import (
    NOT_LISTED,
    PIXEL_DATA,
    Context,
    Header,
    Part,
    Short,
    Unusual,
)
from causeway.deidentify.edit.items import Items
from causeway.deidentify.edit.markers import VRS, Marker, markers
from causeway.deidentify.edit.private import CHARACTERISTICS, Blocks, declared_safe, is_creator
from causeway.deidentify.edit.reading import Level, read_items
from causeway.deidentify.edit.syntax import (
    ITEM,
    SEQUENCE_END,
    SQ,
    TAG_AND_LENGTH,
    UN,
    UNDEFINED,
    vr_code,
)
from causeway.deidentify.edit.table import ALIEN, SOP_CLASS_UID, SOP_INSTANCE_UID, Table
from causeway.deidentify.edit.values import IDENTIFYING
from causeway.deidentify.edit.writing import Writer
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of the data set, or fewer where it ends."""

BLOCK: Final = 64 * 1024
BLOCK_LIMIT: Final = 256 * 1024 * 1024
"""Most of one element that is held in memory; the functional groups of 20,000 frames take 50."""
CREATOR_LIMIT: Final = 1024
"""Bytes of a private creator; an LO has 64 characters."""
FRAGMENT_HEADERS: Final = 4096
"""Read at once where fragments of pixels are stepped over: many small ones, or one large one."""

PADDING: Final = 0xFFFCFFFC
"""Data Set Trailing Padding: it may hold anything, and so goes, with whatever is behind it."""


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes of the source, as they stand."""

    offset: int
    length: int

    def __len__(self) -> int:
        return self.length


class Whole:
    """Edits one object."""

    def __init__(
        self,
        fetch: Fetch,
        size: int,
        *,
        implicit: bool,
        table: Table,
        context: Context,
        pixels_cleaned: bool,
    ) -> None:
        self._fetch = fetch
        self._size = size
        self._table = table
        self._context = context
        self._writer = Writer(implicit)
        self._markers = markers(table.plan, self._writer, pixels_cleaned=pixels_cleaned)
        inserted = {tag: rule for tag, rule in table.inserted if tag not in self._markers}
        self._inserted: dict[int, Marker | Rule] = {**self._markers, **inserted}
        self._pending = sorted(self._inserted, reverse=True)
        self._blocks = Blocks()
        self._level = Level()
        self._parts: list[Part | Span] = []
        self._items = Items(b"", context, implicit=implicit)
        self._base = 0  # where the block begins,
        self._position = 0  # the next element,
        self._copied = 0  # what is not in the result yet

    def edit(self) -> list[Part | Span]:
        """The parts of the result, in order. Raises ``Doubt`` or ``Unusual``."""
        last = -1
        seen: set[int] = set()
        while self._position < self._size:
            header = self._header()
            tag = header.tag
            if tag <= last:
                if tag in seen:
                    raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) comes twice")
                raise Unusual
            seen.add(tag)
            last = tag
            if self._pending and self._pending[-1] <= tag:
                self._insert_before(tag)
            if tag == PADDING:
                self._skip_to(self._size)
                break
            if tag in self._markers:
                self._replace_marker(header)
            else:
                self._element(header)
        self._insert_before(1 << 32)
        self._flush()
        return self._parts

    # --- blocks ---------------------------------------------------------------------------------

    def _load(self, size: int) -> None:
        """See that the block holds ``size`` bytes from the position on, or all there are."""
        wanted = min(self._position + size, self._size)
        if self._base <= self._position and wanted <= self._base + len(self._items.data):
            return
        self._flush()
        length = min(max(size, BLOCK), self._size - self._position)
        if length > BLOCK_LIMIT:
            raise Doubt("size", f"an element of more than {BLOCK_LIMIT >> 20} MiB to be edited")
        implicit = self._items.implicit
        self._items = Items(b"", self._context, implicit=implicit)  # room before more is read
        data = self._fetch(self._position, length)
        if len(data) != length:
            raise Doubt("structure", "the object ends before its length says so")
        self._base = self._position
        self._items = Items(data, self._context, implicit=implicit)

    def _flush(self) -> None:
        """Take over what was stepped over and is not in the result yet."""
        copied, position = self._copied, self._position
        if position == copied:
            return
        if copied >= self._base and position <= self._base + len(self._items.data):
            self._parts.append(self._items.view[copied - self._base : position - self._base])
        else:
            self._parts.append(Span(copied, position - copied))
        self._copied = position

    def _skip_to(self, position: int) -> None:
        """Leave out what lies between."""
        self._flush()
        self._position = self._copied = position

    # --- elements -------------------------------------------------------------------------------

    def _header(self) -> Header:
        self._load(12)
        try:
            return self._items.header(self._position - self._base)
        except struct.error:
            raise Doubt("structure", "the object ends within an element") from None

    def _element(self, header: Header) -> None:
        tag, length = header.tag, header.length
        head = header.value + self._base - self._position
        operation = self._table.operations.get(header.raw, NOT_LISTED)
        if length == UNDEFINED:
            if tag == PIXEL_DATA and header.vr in ("OB", "OW"):
                self._fragments(header)
                return
        elif header.value + length > len(self._items.data):
            if self._position + head + length > self._size:
                raise Doubt("structure", "an element runs past the end of the object")
            if self._is_passed_over(header, head):
                return
            self._load(head + length)
            header = self._header()
        if tag in _TOLD:
            self._tell(header)
        elif operation is None and length != UNDEFINED and self._is_plain(header):
            self._position += head + length
            return
        made, after, self._level, rule = self._items.one(
            header, operation, self._table, self._level, self._blocks
        )
        if rule is not None:
            self._sequence(header, rule)
        else:
            self._put(made, self._base + after)

    def _put(self, made: list[Part] | None, after: int) -> None:
        """What stands in the place of all up to there, if not itself."""
        if made is None:
            self._position = after
        else:
            self._skip_to(after)
            self._parts += filter(len, made)

    def _is_plain(self, header: Header) -> bool:
        return header.code != SQ and header.code not in self._table.told_vrs

    # --- sequences ------------------------------------------------------------------------------

    def _sequence(self, header: Header, rule: Rule) -> None:
        """A sequence, item by item: only one item is held in memory at a time."""
        items, head = self._items, header.value + self._base - self._position
        child = items.entered(header, rule, self._table)
        if child is None or (header.code == UN and not items.implicit):
            self._put(*self._held(header, rule, child))
            return
        start = bytes(items.view[header.value - head : header.value])
        self._skip_to(self._position + head)
        at = len(self._parts)
        self._parts.append(start)
        self._context.edited.path += (header.tag, -1)
        defined = header.length != UNDEFINED
        self._items_to(self._position + header.length if defined else -1, child)
        self._context.edited.path.clear()
        self._flush()
        if defined:
            size = sum(map(len, self._parts[at + 1 :]))
            self._parts[at] = self._writer.header_of(header.raw, header.code, size)

    def _held(
        self, header: Header, rule: Rule, child: Table | None
    ) -> tuple[list[Part] | None, int]:
        """A sequence that is edited in memory, as a whole."""
        if header.length != UNDEFINED:
            self._load(header.value + self._base - self._position + header.length)
        return self._in_memory(
            lambda at: self._items.sequence(
                self._items.header(at), rule, child, self._table, self._level, 0
            )
        )

    def _items_to(self, end: int, child: Table) -> None:
        """All items of a sequence, which ends there or, if that is negative, with a delimiter."""
        while self._position != end:
            self._load(8)
            try:
                raw, length = TAG_AND_LENGTH.unpack_from(
                    self._items.data, self._position - self._base
                )
            except struct.error:
                raise Doubt("structure", "the object ends within a sequence") from None
            if raw == SEQUENCE_END and end < 0 and length == 0:
                self._position += 8
                return
            after = self._position + 8 + (0 if length == UNDEFINED else length)
            if raw != ITEM or after > (self._size if end < 0 else end):
                raise Doubt("structure", f"no item at offset {self._position} of a sequence")
            if length != UNDEFINED:
                self._load(8 + length)
            made, after = self._in_memory(
                lambda at: self._items.items(at, -1, child, self._level, 0, single=True)
            )
            if end >= 0 and after > end:
                raise Doubt("structure", "an item runs past the end of its sequence")
            self._put(made, after)

    def _in_memory(
        self, edit: Callable[[int], tuple[list[Part] | None, int]]
    ) -> tuple[list[Part] | None, int]:
        """What an edit at the position in the block makes, and where in the object it ends.

        Where the block ends too soon it is read anew, each time twice as long as before, so that in
        total little is read more than twice. What was noted on the way there is forgotten.
        """
        context, edited = self._context, self._context.edited
        while True:
            context.edited = edited.branch()
            context.may_grow = self._base + len(self._items.data) < self._size
            try:
                made, after = edit(self._position - self._base)
            except Short:
                left = self._base + len(self._items.data) - self._position
                self._load(max(2 * left, 2 * BLOCK))
                continue
            except struct.error:
                raise Doubt("structure", "the object ends within an element") from None
            finally:
                attempt, context.edited = context.edited, edited
            edited.adopt(attempt)
            return made, self._base + after

    def _is_passed_over(self, header: Header, head: int) -> bool:
        """Deal with an element that reaches out of the block and need not be read: pixels, blobs,
        long texts that stay, all that goes and names nobody. Whether it was one.
        """
        tag, vr = header.tag, header.vr
        after = self._position + head + header.length
        if is_creator(tag) and header.length > CREATOR_LIMIT:
            raise Doubt("structure", "a private creator is too long to be one")
        if vr in ("SQ", "PN") or is_creator(tag) or tag in _READ_ALWAYS:
            return False
        if tag >> 16 & 1:
            rule, vr = self._items.private(header, self._table, self._level, self._blocks)
        else:
            rule = self._table.rule(tag, vr)
        if rule.action is Action.REMOVE:
            if rule is not ALIEN:
                self._context.edited.count(tag, rule)
            self._skip_to(after)
            return True
        self._load(head + 4)
        header = self._header()
        if rule.action is Action.KEEP and not self._items.is_sequence(header, vr, rule):
            self._items.check_kept(header)
            self._position = after
            return True
        return False

    def _fragments(self, header: Header) -> None:
        """Encapsulated pixels; no fragment is read."""
        rule = self._table.rule(header.tag, header.vr)
        after = self._end_of_fragments(self._base + header.value)
        if rule.action is Action.KEEP:
            self._position = after
        elif rule.action is Action.REMOVE:
            self._context.edited.count(header.tag, rule)
            self._skip_to(after)
        else:
            raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to fragments")

    def _end_of_fragments(self, position: int) -> int:
        """Behind the sequence delimiter of encapsulated pixels."""
        data, base = self._items.data, self._base
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
            if raw != ITEM or length == UNDEFINED or position + length > self._size:
                raise Doubt("structure", f"no fragment at offset {position - 8}")
            position += length

    def _tell(self, header: Header) -> None:
        """Take note of what the object says of itself and what is private in it."""
        edited = self._context.edited
        value = self._items.data[header.value : header.value + header.length]
        if header.tag == SOP_CLASS_UID:
            edited.sop_class_uid = uid_of(value)
        elif header.tag == SOP_INSTANCE_UID:
            edited.sop_instance_uid = uid_of(value)
        elif self._table.plan.keeps_safe_private:
            if header.length == UNDEFINED or header.code not in (0, SQ):
                raise Unusual
            items = read_items(value, implicit=self._items.implicit)
            self._context.safe = declared_safe(items, self._level)

    # --- markers --------------------------------------------------------------------------------

    def _insert_before(self, tag: int) -> None:
        """What is missing in front of a tag; what is there is no longer pending."""
        while self._pending and self._pending[-1] <= tag:
            missing = self._pending.pop()
            if missing == tag:
                continue
            self._flush()
            put = self._inserted[missing]
            if isinstance(put, Rule):
                self._parts.append(self._items.inserted(missing, put, self._level))
            else:
                self._parts.append(self._writer.element(missing, VRS[missing], put(b"")))

    def _replace_marker(self, header: Header) -> None:
        """The marker in place of what the object says itself; it may build on that."""
        tag = header.tag
        expected = 0 if self._items.implicit else vr_code(VRS[tag])
        if header.code != expected:
            raise Unusual
        if header.length != UNDEFINED:
            self._load(header.value + self._base - self._position + header.length)
            header = self._header()
        operation = self._table.operations.get(header.raw, NOT_LISTED)
        made, after, _, rule = self._items.one(
            header, operation, self._table, self._level, self._blocks
        )
        after += self._base
        if rule is not None:
            child = self._items.entered(header, rule, self._table)
            made, after = self._held(header, rule, child)
        start = self._position - self._base
        element = (
            self._items.data[start : after - self._base]
            if made is None
            else b"".join(map(bytes, made))
        )
        self._skip_to(after)
        old = self._writer.value_of(element) if element else b""
        self._parts.append(self._writer.element(tag, VRS[tag], self._markers[tag](old)))


_TOLD: Final = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID, CHARACTERISTICS})
_READ_ALWAYS: Final = IDENTIFYING | _TOLD | {0x00080005}


def uid_of(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")


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
