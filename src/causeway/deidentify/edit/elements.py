"""One element in the bytes: where it ends, which rule is for it, and what stands in its place.

What the bytes hold is not trusted: a length that runs past its container, an item where there can
be none, a sequence without its end are ``Doubt``. What is legible to more patient readers but not
in place (elements with implicit VR among explicit ones, unknown VRs) is ``Unusual``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from causeway.deidentify.edit.private import (
    Blocks,
    Safe,
    creator_rule,
    is_creator,
    private_rule,
)
from causeway.deidentify.edit.reading import Level
from causeway.deidentify.edit.syntax import (
    HEADER,
    ITEM,
    ITEM_END,
    LENGTH,
    LONG,
    SEQUENCE_END,
    SHORT,
    TAG_AND_LENGTH,
    UN,
    UNDEFINED,
    VR_OF_CODE,
    dictionary_vr,
    implicit_vr,
    raw_of,
)
from causeway.deidentify.edit.table import (
    ALIEN,
    SPECIFIC_CHARACTER_SET,
    Operation,
    Table,
)
from causeway.deidentify.edit.values import Edited, new_value, replacement
from causeway.deidentify.edit.writing import Writer
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.subject import Subject
from causeway.text import decode, is_known

NOT_LISTED: Final = object()
PIXEL_DATA: Final = 0x7FE00010
_ITEM_TAG: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = TAG_AND_LENGTH.pack(ITEM_END, 0)

Part = bytes | memoryview
Parts = list[Part]


class Short(Exception):
    """The block ends before the element does."""


class Unusual(Exception):
    """Not to be edited in place."""


@dataclass(slots=True, kw_only=True)
class Context:
    """What stays the same throughout an object."""

    subject: Subject
    edited: Edited
    safe: Safe = field(default_factory=dict)
    """What the sender declares of its private blocks."""
    may_grow: bool = False
    """Whether more of the object can be read, where it ends before an element does."""


class Header(NamedTuple):
    """Of one element."""

    tag: int
    raw: int
    """The tag as it stands in the bytes."""
    code: int
    """The two bytes of its VR, 0 in implicit VR."""
    vr: str
    """Its VR; for UN and in implicit VR that of the dictionary."""
    value: int
    """Where the value begins."""
    length: int


class Elements:
    """Elements in ``data``: a block of an object."""

    def __init__(self, data: bytes, context: Context, *, implicit: bool) -> None:
        self.data = data
        self.view = memoryview(data)
        self.context = context
        self.implicit = implicit
        self.writer = Writer(implicit)

    def header(self, position: int) -> Header:
        """Raises ``struct.error`` where the block ends, ``Unusual`` for a VR that is none."""
        data = self.data
        if self.implicit:
            raw, length = TAG_AND_LENGTH.unpack_from(data, position)
            tag = raw_of(raw)
            return Header(tag, raw, 0, implicit_vr(tag), position + 8, length)
        raw, code, length = HEADER.unpack_from(data, position)
        tag = raw_of(raw)
        if code in SHORT:
            return Header(tag, raw, code, VR_OF_CODE[code], position + 8, length)
        if code not in LONG:
            if tag >> 16 == 0xFFFE:
                raise Doubt("structure", f"a delimiter at offset {position}, outside a sequence")
            raise Unusual
        (length,) = LENGTH.unpack_from(data, position + 8)
        vr = VR_OF_CODE[code]
        if code == UN:
            vr = implicit_vr(tag)
        return Header(tag, raw, code, vr, position + 12, length)

    def one(
        self,
        header: Header,
        operation: Operation | object,
        table: Table,
        level: Level,
        blocks: Blocks,
    ) -> tuple[Parts | None, int, Level, Rule | None]:
        """What stands in an element's place, if not itself; where the next one begins; by what
        values are read from there on. Of a sequence only its rule is told.
        """
        data, tag, vr = self.data, header.tag, header.vr
        value, length = header.value, header.length
        after = value if length == UNDEFINED else value + length
        if after > len(data):
            raise self.runs_out(after)
        if tag >> 16 == 0xFFFE:
            raise Doubt("structure", f"a delimiter at offset {value}, outside a sequence")
        if tag == SPECIFIC_CHARACTER_SET and length != UNDEFINED:
            return None, after, replace(level, charset=charset_of(data[value:after])), None
        if isinstance(operation, Rule):
            rule = operation
        elif tag >> 16 & 1:
            rule, vr = self.private(header, table, level, blocks)
        else:
            rule = table.rule(tag, vr)
        if rule is ALIEN and length != UNDEFINED:
            return [], after, level, None  # it may be written in another way
        if length == UNDEFINED and header.vr not in ("SQ", "UN"):
            return *self._fragments(header, rule), level, None
        if self.is_sequence(header, vr, rule):
            return None, after, level, rule
        if rule.action is Action.KEEP:
            self.check_kept(header)
            return None, after, level, None
        return self._edited(header, vr, rule, level), after, level, None

    def _edited(self, header: Header, vr: str, rule: Rule, level: Level) -> Parts | None:
        edited, tag = self.context.edited, header.tag
        edited.count(tag, rule)
        old = self.data[header.value : header.value + header.length]
        edited.take(tag, vr, old, level)
        new = new_value(rule, tag, vr, old, level, self.context.subject, edited)
        if new is old:
            return None
        return [] if new is None else [self.writer.header(header.raw, header.code, new), new]

    def check_kept(self, header: Header) -> None:
        """Raises ``Doubt`` for a sequence under another VR, whose items would stay as they are."""
        tag = header.tag
        if header.length and not tag >> 16 & 1 and dictionary_vr(tag) == "SQ":
            raise Doubt("vr", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) should be a sequence")

    def private(
        self, header: Header, table: Table, level: Level, blocks: Blocks
    ) -> tuple[Rule, str]:
        """The rule for a private element, and its VR; a creator reserves its block."""
        tag, safe = header.tag, self.context.safe
        if table.drops and not (table.named_creators or safe) and tag & 0xFFFF:
            return table.drops, header.vr
        if is_creator(tag) and header.length != UNDEFINED:
            value = self.data[header.value : header.value + header.length]
            creator = decode(value, level.charset)
            blocks.reserve(tag, creator, table, value)
            return creator_rule(table, safe, tag, creator), header.vr
        return private_rule(table, safe, tag, header.vr, blocks.creator(tag))

    def is_sequence(self, header: Header, vr: str, rule: Rule) -> bool:
        """Whether it has items, as far as that matters by its rule."""
        if vr == "SQ" or header.length == UNDEFINED:
            return True
        # What stays must not hide elements; what goes may be whatever it is.
        is_unknown = vr == "UN" and rule.action is Action.KEEP
        return is_unknown and self.data[header.value : header.value + 4] == _ITEM_TAG

    def missing(self, missing: list[tuple[int, Rule]], tag: int, level: Level) -> Parts:
        """What is missing in front of ``tag``; what is there is no longer missing."""
        made: Parts = []
        while missing and missing[0][0] <= tag:
            absent, rule = missing.pop(0)
            if absent != tag:
                made.append(self.inserted(absent, rule, level))
        return made

    def inserted(self, tag: int, rule: Rule, level: Level) -> bytes:
        """An element that a rule puts in."""
        vr = dictionary_vr(tag)
        if not vr:
            raise Doubt("rule", f"{rule.origin}: it cannot be put in, as its VR is not known")
        self.context.edited.count(tag, rule)
        return self.writer.element(tag, vr, replacement(rule, vr, level))

    def _fragments(self, header: Header, rule: Rule) -> tuple[Parts | None, int]:
        """Encapsulated pixels inside a sequence (an icon): to the end of their fragments."""
        if header.tag != PIXEL_DATA or header.vr not in ("OB", "OW"):
            raise Doubt("structure", f"no length where there must be one, at {header.value}")
        data = self.data
        position = header.value
        while True:
            raw, length = TAG_AND_LENGTH.unpack_from(data, position)
            position += 8
            if raw == SEQUENCE_END and length == 0:
                break
            if raw != ITEM or length == UNDEFINED:
                raise Doubt("structure", f"no fragment at offset {position - 8}")
            position += length
            if position > len(data):
                raise self.runs_out(position)
        if rule.action is Action.KEEP:
            return None, position
        self.context.edited.count(header.tag, rule)
        if rule.action is Action.REMOVE:
            return [], position
        raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to fragments")

    def expect_delimiter(self, position: int, raw: int) -> None:
        if position + 8 > len(self.data):
            raise self.runs_out(position + 8)
        if TAG_AND_LENGTH.unpack_from(self.data, position) != (raw, 0):
            raise Doubt("structure", f"no delimiter at offset {position}")

    def runs_out(self, needed: int, *, inside: bool = False) -> Exception:
        if not inside and needed > len(self.data) and self.context.may_grow:
            return Short()
        return Doubt("structure", "an element runs past the end of what holds it")


def charset_of(value: bytes) -> str:
    """(0008,0005). Raises ``Doubt`` for a term that nobody knows: what is not legible cannot be
    judged, and it may be anything but a term.
    """
    charset = decode(value)
    if not is_known(charset):
        raise Doubt("charset", "Specific Character Set has a term that is not known")
    return charset
