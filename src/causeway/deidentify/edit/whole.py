"""A whole object, from its first element to the bytes behind its pixels, in flat memory.

The object is read in blocks. A value that stays and reaches out of the block (pixels, above all) is
never read: the result names the span of the source in which it stands. All else is edited in memory
by ``items``: at the top level element by element, so that the markers of de-identification can be
put where they belong, and in long sequences item by item.
"""

from __future__ import annotations

import struct
from typing import Final

from causeway.deidentify.edit.elements import (
    NOT_LISTED,
    PIXEL_DATA,
    Context,
    Header,
    Parts,
    Unusual,
)
from causeway.deidentify.edit.markers import VRS, Marker, markers
from causeway.deidentify.edit.private import Blocks, declared_safe, is_creator
from causeway.deidentify.edit.reading import Level, read_items
from causeway.deidentify.edit.stepping import TOLD, step_over
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
from causeway.deidentify.edit.window import Fetch, Span, Window, pieces
from causeway.deidentify.edit.writing import Writer
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule

__all__ = ["PADDING", "Fetch", "Span", "Whole", "pieces", "uid_of"]

CREATOR_LIMIT: Final = 1024
"""Bytes of a private creator; an LO has 64 characters."""

PADDING: Final = 0xFFFCFFFC
"""Data Set Trailing Padding: it may hold anything, and so goes, with whatever is behind it."""

_END: Final = 1 << 32
_READ_ALWAYS: Final = IDENTIFYING | TOLD | {0x00080005}


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
        self._window = Window(fetch, size, context, implicit=implicit)
        self._table = table
        self._context = context
        self._implicit = implicit
        self._writer = Writer(implicit)
        self._markers = markers(table.plan, self._writer, pixels_cleaned=pixels_cleaned)
        inserted = {tag: rule for tag, rule in table.inserted if tag not in self._markers}
        self._inserted: dict[int, Marker | Rule] = {**self._markers, **inserted}
        self._pending = sorted(self._inserted, reverse=True)
        self._blocks = Blocks()
        self._level = Level()

    def edit(self) -> list[bytes | memoryview | Span]:
        """The parts of the result, in order. Raises ``Doubt`` or ``Unusual``."""
        window, pending = self._window, self._pending
        last = -1
        while window.position < window.size:
            if not self._implicit:
                stop = min(pending[-1], PADDING) if pending else PADDING
                last = step_over(window, self._table, self._context, self._blocks, last, stop)
                if window.position >= window.size:
                    break
            header = window.header()
            tag = header.tag
            if tag <= last:
                raise Unusual  # out of order, or there twice
            last = tag
            if pending and pending[-1] <= tag:
                self._insert_before(tag)
            if tag == PADDING:
                window.skip_to(window.size)
                break
            if tag in self._markers:
                self._replace_marker(header)
            else:
                self._element(header)
        self._insert_before(_END)
        window.flush()
        return window.parts

    # --- elements -------------------------------------------------------------------------------

    def _element(self, header: Header) -> None:
        window, tag, length = self._window, header.tag, header.length
        operation = self._table.operations.get(header.raw, NOT_LISTED)
        if length == UNDEFINED:
            if tag == PIXEL_DATA and header.vr in ("OB", "OW"):
                self._fragments(header)
                return
        elif header.value + length > len(window.items.data):
            if window.base + header.value + length > window.size:
                raise Doubt("structure", "an element runs past the end of the object")
            if self._is_dealt_with_unread(header):
                return
            window.load(header.value - window.at + length)
            header = window.header()
        if tag in TOLD:
            self._tell(header)
        elif operation is None and length != UNDEFINED and self._is_plain(header):
            window.position = window.base + header.value + length
            return
        made, after, self._level, rule = window.items.one(
            header, operation, self._table, self._level, self._blocks
        )
        if rule is not None:
            self._sequence(header, rule)
        else:
            window.put(made, window.base + after)

    def _is_plain(self, header: Header) -> bool:
        return header.code != SQ and header.code not in self._table.told_vrs

    def _is_dealt_with_unread(self, header: Header) -> bool:
        """Deal with an element that reaches out of the block and need not be read as a whole:
        sequences, pixels, blobs, long texts that stay, all that goes and names nobody.
        """
        window, tag, vr = self._window, header.tag, header.vr
        after = window.base + header.value + header.length
        if is_creator(tag) and header.length > CREATOR_LIMIT:
            raise Doubt("structure", "a private creator is too long to be one")
        if vr == "PN" or is_creator(tag) or tag in _READ_ALWAYS:
            return False
        if tag >> 16 & 1:
            rule, vr = window.items.private(header, self._table, self._level, self._blocks)
        else:
            rule = self._table.rule(tag, vr)
        if header.vr == "SQ" and rule is not ALIEN:
            self._sequence(header, rule)
            return True
        if rule.action is Action.REMOVE:
            if rule is not ALIEN:
                self._context.edited.count(tag, rule)
            window.skip_to(after)
            return True
        window.load(header.value - window.at + 4)
        header = window.header()
        if rule.action is Action.KEEP and not window.items.is_sequence(header, vr, rule):
            window.items.check_kept(header)
            window.position = after
            return True
        return False

    def _fragments(self, header: Header) -> None:
        """Encapsulated pixels; no fragment is read."""
        rule = self._table.rule(header.tag, header.vr)
        after = self._window.end_of_fragments(self._window.base + header.value)
        if rule.action is Action.KEEP:
            self._window.position = after
        elif rule.action is Action.REMOVE:
            self._context.edited.count(header.tag, rule)
            self._window.skip_to(after)
        else:
            raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to fragments")

    def _tell(self, header: Header) -> None:
        """Take note of what the object says of itself and what is private in it."""
        edited = self._context.edited
        value = self._window.items.data[header.value : header.value + header.length]
        if header.tag == SOP_CLASS_UID:
            edited.sop_class_uid = uid_of(value)
        elif header.tag == SOP_INSTANCE_UID:
            edited.sop_instance_uid = uid_of(value)
        elif self._table.plan.keeps_safe_private:
            if header.length == UNDEFINED or header.code not in (0, SQ):
                raise Unusual
            items = read_items(value, implicit=self._implicit)
            self._context.safe = declared_safe(items, self._level)

    # --- sequences ------------------------------------------------------------------------------

    def _sequence(self, header: Header, rule: Rule) -> None:
        """A sequence, item by item: only one item is held in memory at a time."""
        window, path = self._window, self._context.edited.path
        child = window.items.entered(header, rule, self._table)
        if child is None or (header.code == UN and not self._implicit):
            window.put(*self._held(header, rule, child))
            return
        start = bytes(window.items.view[window.at : header.value])
        window.skip_to(window.base + header.value)
        at = len(window.parts)
        window.parts.append(start)
        path += (header.tag, -1)
        defined = header.length != UNDEFINED
        self._items(window.position + header.length if defined else -1, child)
        path.clear()
        window.flush()
        if defined:
            size = sum(map(len, window.parts[at + 1 :]))
            window.parts[at] = self._writer.header_of(header.raw, header.code, size)

    def _items(self, end: int, child: Table) -> None:
        """All items of a sequence, which ends there or, if that is negative, with a delimiter."""
        window, path = self._window, self._context.edited.path
        number = -1
        while window.position != end:
            window.load(8)
            try:
                raw, length = TAG_AND_LENGTH.unpack_from(window.items.data, window.at)
            except struct.error:
                raise Doubt("structure", "the object ends within a sequence") from None
            if raw == SEQUENCE_END and end < 0 and length == 0:
                window.position += 8
                return
            after = window.position + 8 + (0 if length == UNDEFINED else length)
            if raw != ITEM or after > (window.size if end < 0 else end):
                raise Doubt("structure", f"no item at offset {window.position} of a sequence")
            if length != UNDEFINED:
                window.load(8 + length)
            path[-1] = number
            made, after = window.in_memory(
                lambda at: window.items.items(at, -1, child, self._level, 0, single=True)
            )
            if end >= 0 and after > end:
                raise Doubt("structure", "an item runs past the end of its sequence")
            window.put(made, after)
            number += 1

    def _held(self, header: Header, rule: Rule, child: Table | None) -> tuple[Parts | None, int]:
        """A sequence that is edited in memory, as a whole."""
        window = self._window
        if header.length != UNDEFINED and (child is not None or not header.tag >> 16 & 1):
            window.load(header.value - window.at + header.length)
        return window.in_memory(
            lambda at: window.items.sequence(
                window.items.header(at), rule, child, self._table, self._level, 0
            )
        )

    # --- markers --------------------------------------------------------------------------------

    def _insert_before(self, tag: int) -> None:
        """What is missing in front of a tag; what is there is no longer pending."""
        window = self._window
        while self._pending and self._pending[-1] <= tag:
            missing = self._pending.pop()
            if missing == tag:
                continue
            window.flush()
            put = self._inserted[missing]
            if isinstance(put, Rule):
                window.parts.append(window.items.inserted(missing, put, self._level))
            else:
                window.parts.append(self._writer.element(missing, VRS[missing], put(b"")))

    def _replace_marker(self, header: Header) -> None:
        """The marker in place of what the object says itself; it may build on that."""
        window, tag = self._window, header.tag
        if header.code != (0 if self._implicit else vr_code(VRS[tag])):
            raise Unusual
        if header.length != UNDEFINED:
            window.load(header.value - window.at + header.length)
            header = window.header()
        operation = self._table.operations.get(header.raw, NOT_LISTED)
        made, after, _, rule = window.items.one(
            header, operation, self._table, self._level, self._blocks
        )
        after += window.base
        if rule is not None:
            child = window.items.entered(header, rule, self._table)
            made, after = self._held(header, rule, child)
        if made is None:
            made = [window.items.view[window.at : after - window.base]]
        element = b"".join(made)
        window.skip_to(after)
        old = self._writer.value_of(element) if element else b""
        window.parts.append(self._writer.element(tag, VRS[tag], self._markers[tag](old)))


def uid_of(value: bytes) -> str:
    return value.decode("ascii", "replace").strip("\0 ")
