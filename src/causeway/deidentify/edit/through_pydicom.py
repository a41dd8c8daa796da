"""The patient way: pydicom finds the elements, the same rules make the same values of them.

For Explicit VR Big Endian, and for what is written unusually: elements with implicit VR among
explicit ones, elements out of order. It holds the object in memory and takes some twenty times as
long. What comes out is written plainly: in order, sequences with their lengths. In the tests it is
the oracle of editing in place as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from causeway.deidentify.edit.elements import PIXEL_DATA, charset_of
from causeway.deidentify.edit.markers import VRS, markers
from causeway.deidentify.edit.private import (
    CHARACTERISTICS,
    Blocks,
    Safe,
    creator_rule,
    declared_safe,
    is_creator,
    private_rule,
)
from causeway.deidentify.edit.reading import (
    Element,
    Level,
    read_items,
    read_level,
    read_unknown_items,
)
from causeway.deidentify.edit.syntax import (
    DEPTH_LIMIT,
    LONG_VRS,
    SHORT_VRS,
    UNDEFINED,
    dictionary_vr,
    implicit_vr,
    raw_of,
    vr_code,
)
from causeway.deidentify.edit.table import (
    ALIEN,
    SOP_CLASS_UID,
    SOP_INSTANCE_UID,
    SPECIFIC_CHARACTER_SET,
    Table,
    for_sequence,
)
from causeway.deidentify.edit.values import Edited, new_value, replacement
from causeway.deidentify.edit.whole import PADDING, uid_of
from causeway.deidentify.edit.writing import Writer
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.subject import Subject

SIZE_LIMIT: Final = 128 * 1024 * 1024
"""Bytes of an object: some three times as many are held in memory."""

_ITEM_TAG: Final = b"\xfe\xff\x00\xe0"

Items = tuple[tuple[Element, ...], ...]


def edit_through_pydicom(
    data: bytes,
    *,
    implicit: bool,
    little: bool,
    table: Table,
    subject: Subject,
    edited: Edited,
    pixels_cleaned: bool,
) -> bytes:
    """The data set edited. Raises ``Doubt``."""
    if len(data) > SIZE_LIMIT:
        raise Doubt("size", f"written unusually, and more than {SIZE_LIMIT >> 20} MiB")
    try:
        read = read_level(data, implicit=implicit, little=little)
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - see below
        # Of a foreign parser's exceptions only the kind is told: their text may quote a value.
        raise Doubt("unreadable", f"pydicom cannot read it: {type(error).__name__}") from None
    edit = _Edit(Writer(implicit, little), subject, edited)
    return edit.whole(read, table, pixels_cleaned=pixels_cleaned)


@dataclass(slots=True)
class _Edit:
    writer: Writer
    subject: Subject
    edited: Edited
    safe: Safe = field(default_factory=dict)

    def whole(self, read: tuple[Element, ...], table: Table, *, pixels_cleaned: bool) -> bytes:
        """The top level: in order, marked, without what pads it."""
        by_tag = {element.tag: element for element in read}
        if len(by_tag) != len(read):
            raise Doubt("structure", "an element comes twice")
        for name, tag in (("sop_class_uid", SOP_CLASS_UID), ("sop_instance_uid", SOP_INSTANCE_UID)):
            if tag in by_tag:
                setattr(self.edited, name, uid_of(by_tag[tag].value))
        put = markers(table.plan, self.writer, pixels_cleaned=pixels_cleaned)
        in_order = [by_tag[tag] for tag in sorted(by_tag) if tag < PADDING]
        made = self.level(in_order, table, Level(is_little=self.writer.little), depth=0)
        for tag, marker in put.items():
            old = self._value_of(made[tag][0]) if tag in made else b""
            made[tag] = [self.writer.element(tag, VRS[tag], marker(old))]
        return b"".join(part for tag in sorted(made) for part in made[tag])

    def _value_of(self, element: bytes) -> bytes:
        if self.writer.little:
            return self.writer.value_of(element)
        return element[8 if element[4:6].decode("ascii") in SHORT_VRS else 12 :]

    def level(
        self,
        read: tuple[Element, ...] | list[Element],
        table: Table,
        level: Level,
        *,
        depth: int,
    ) -> dict[int, list[bytes]]:
        """The elements of one level by tag, edited; several of one tag if they came so."""
        if depth > DEPTH_LIMIT:
            raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
        made: dict[int, list[bytes]] = {}
        blocks = Blocks()
        missing = dict(table.inserted)
        for element in read:
            tag = element.tag
            if element.vr and element.vr not in SHORT_VRS and element.vr not in LONG_VRS:
                raise Doubt("vr", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has a VR that is none")
            vr = implicit_vr(tag) if element.vr in ("", "UN") else element.vr
            missing.pop(tag, None)
            if tag == SPECIFIC_CHARACTER_SET:
                level = replace(level, charset=charset_of(element.value))
            if tag == CHARACTERISTICS and level.is_top and table.plan.keeps_safe_private:
                self.safe = declared_safe(self._items_of(element, depth), level)
            rule, vr = self._rule(element, vr, table, level, blocks)
            new = self._one(element, vr, rule, table, level, depth)
            if new is not None:
                made.setdefault(tag, []).append(new)
        for tag, rule in missing.items():
            vr = dictionary_vr(tag)
            if not vr:
                raise Doubt("rule", f"{rule.origin}: it cannot be put in, as its VR is not known")
            self.edited.count(tag, rule)
            made[tag] = [self.writer.element(tag, vr, replacement(rule, vr, level))]
        return made

    def _rule(
        self, element: Element, vr: str, table: Table, level: Level, blocks: Blocks
    ) -> tuple[Rule, str]:
        tag = element.tag
        if not tag >> 16 & 1:
            return table.rule(tag, vr), vr
        if is_creator(tag):
            creator = replace(element, vr="LO").text(level)
            blocks.reserve(tag, creator, table)
            return creator_rule(table, self.safe, tag, creator), vr
        return private_rule(table, self.safe, tag, vr, blocks.creator(tag))

    def _one(
        self, element: Element, vr: str, rule: Rule, table: Table, level: Level, depth: int
    ) -> bytes | None:
        """The element edited, or None if it goes."""
        tag = element.tag
        if rule is ALIEN:
            return None
        if element.is_fragments:
            return self._fragments(element, vr, rule)
        is_unknown = vr == "UN" and rule.action is Action.KEEP
        if vr == "SQ" or element.items is not None:
            if vr not in ("SQ", "UN"):
                raise Doubt("structure", "a sequence under the VR of a value")
            return self._sequence(element, rule, table, level, depth)
        if is_unknown and element.value.startswith(_ITEM_TAG):
            return self._sequence(element, rule, table, level, depth)
        if rule.action is Action.KEEP:
            if element.value and not tag >> 16 & 1 and dictionary_vr(tag) == "SQ":
                raise Doubt("vr", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) should be a sequence")
            return self._written(element, element.value)
        self.edited.count(tag, rule)
        self.edited.take(tag, vr, element.value, level)
        new = new_value(rule, tag, vr, element.value, level, self.subject, self.edited)
        return None if new is None else self._written(element, new)

    def _fragments(self, element: Element, vr: str, rule: Rule) -> bytes | None:
        if rule.action is Action.KEEP:
            head = self.writer.header_of(
                raw_of(PIXEL_DATA), 0 if self.writer.implicit else vr_code(vr), UNDEFINED - 1
            )
            return head[:-4] + UNDEFINED.to_bytes(4, "little") + element.value
        self.edited.count(element.tag, rule)
        if rule.action is Action.REMOVE:
            return None
        raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to fragments")

    def _sequence(
        self, element: Element, rule: Rule, table: Table, level: Level, depth: int
    ) -> bytes | None:
        tag, child = element.tag, table.child(element.tag)
        inner = replace(level, is_top=False)
        action = for_sequence(rule)
        if action in (Action.REMOVE, Action.EMPTY):
            self.edited.count(tag, rule)
            edit = _Edit(self.writer, self.subject, Edited(taken=self.edited.taken), self.safe)
            try:
                if not tag >> 16 & 1 or element.items is not None:
                    edit._joined(element, child, inner, depth)
            except Doubt:
                if element.items is not None:
                    raise
            return self._written(element, b"") if action is Action.EMPTY else None
        if action is not Action.KEEP:
            self.edited.count(tag, rule)
        if action is Action.DUMMY:
            child = table.strict()
        elif action not in (Action.KEEP, Action.UID):
            raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to a sequence")
        self.edited.path.append(tag)
        value = self._joined(element, child, inner, depth)
        self.edited.path.pop()
        code = 0 if self.writer.implicit else vr_code("SQ")
        raw = raw_of(tag) if self.writer.little else tag
        return self.writer.header_of(raw, code, len(value)) + value

    def _joined(self, element: Element, child: Table, level: Level, depth: int) -> bytes:
        """The items of a sequence, edited and written."""
        if element.vr == "UN" and not self.writer.little:
            # Its items are little endian (PS3.5 6.2.2), and would be written in big.
            raise Doubt("structure", "a sequence of VR UN in a big endian data set")
        written: list[bytes] = []
        path = self.edited.path
        for number, item in enumerate(self._items_of(element, depth)):
            path.append(number)
            made = self.level(item, child, level, depth=depth + 1)
            path.pop()
            tags = list(made) if not child.inserted else sorted(made)
            written.append(self.writer.item(b"".join(p for tag in tags for p in made[tag])))
        return b"".join(written)

    def _items_of(self, element: Element, depth: int) -> Items:
        if element.items is not None:
            return element.items
        implicit, little = self.writer.implicit, self.writer.little
        try:
            if element.vr == "UN" and not implicit:
                return read_unknown_items(element.value, depth=depth)
            return read_items(
                element.value,
                implicit=implicit or not element.vr,
                little=little,
                depth=depth,
            )
        except Doubt:
            raise
        except Exception as error:  # noqa: BLE001 - its text may quote a value
            raise Doubt("unreadable", f"pydicom cannot read it: {type(error).__name__}") from None

    def _written(self, element: Element, value: bytes) -> bytes:
        tag = element.tag
        vr = element.vr or implicit_vr(tag)
        if len(value) > 0xFFFF and vr in SHORT_VRS and not self.writer.implicit:
            raise Doubt("length", "a value is longer than its VR allows")
        code = 0 if self.writer.implicit else vr_code(vr)
        return (
            self.writer.header_of(raw_of(tag) if self.writer.little else tag, code, len(value))
            + value
        )
