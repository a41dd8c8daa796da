"""One pass over the elements of a data set, without reading what it does not need.

Sans-IO: the walk is fed windows of bytes and answers ``Need`` (where it wants to go on) or ``None``
(it is through). A large value is stepped over by its length and never fetched, so the whole of a CT
image is walked with the one window that holds its head.

What is kept are the values of the wanted tags *at the top level*. Inside a sequence the same tag
means something else (a referenced study, another identifier of the patient), so a sequence of
defined length is stepped over as one value, and one of undefined length is walked to its delimiter.

Errors are ``BadDataSet`` and name tag and offset. A value is never in them.

Tolerated, because real senders do it and nothing is lost by it: tags out of order, odd lengths, VR
codes that the standard does not know, elements of an explicit data set that are written with
implicit VR (pydicom's issues 1035 and 1067), group lengths, padding. Not tolerated: a length that
runs past the end, an item where there can be none, a sequence without its end, bytes left over, and
a wanted tag that comes twice, since two readers could then take one object for two patients'.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

from causeway.errors import BadDataSet

UNDEFINED: Final = 0xFFFFFFFF

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD

KEPT_BYTES: Final = 8192
"""Most that is kept of one wanted value. LO allows 64 characters and PN three groups of 64 (PS3.5
table 6.2-1), a character takes up to four bytes; the rest is room for senders without limits."""

WINDOW_BYTES: Final = 16 * 1024
"""A first window that holds the head of nearly every image; larger than ``KEPT_BYTES`` by far."""

KEPT_SEQUENCE_BYTES: Final = 1024 * 1024
"""Most that is kept of one wanted sequence: the references of some 8,000 instances."""

KEPT_UNDEFINED_BYTES: Final = 48 * 1024
"""The same of one whose length is not known; it may be short, with pixels behind it. Smaller than
the windows that follow the first."""

DEPTH_LIMIT: Final = 64
"""Sequences of undefined length inside one another. Real objects stay below ten."""

WALK_LIMIT_BYTES: Final = 32 * 1024 * 1024
"""Bytes of element headers and small values that one walk looks at, about 2 s of an adversary's
zero-length elements. An enhanced MR of 100 MB needs 5 MB of it."""

# PS3.5 7.1.2: with these the length has 16 bits (table 7.1-2), with all others 32 (table 7.1-1).
_SHORT: Final = b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()
_LONG: Final = b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split()
_ALL: Final = frozenset(_SHORT + _LONG)


@dataclass(frozen=True, slots=True)
class Need:
    """The walk goes on at ``offset`` and would like ``size`` bytes from there."""

    offset: int
    size: int


class Nested(NamedTuple):
    """A sequence that was asked for."""

    data: bytes
    """Its items, as many as are kept."""
    length: int
    """As it stands in the data set; may be ``UNDEFINED``."""
    unknown: bool
    """Its VR is UN."""


class Dialect:
    """How elements are written: byte order, and whether the VR is there."""

    __slots__ = (
        "delimiters", "header", "implicit", "item", "item_bytes", "item_end", "item_header",
        "little", "long", "name", "references", "sequence_end", "short", "sq", "tail", "un",
    )  # fmt: skip

    def __init__(self, name: str, *, implicit: bool, little: bool) -> None:
        order = "<" if little else ">"
        vr = struct.Struct(order + "H")
        self.name = name
        self.implicit = implicit
        self.little = little
        # The tag as one integer in the data's own order: a set lookup needs no shifting.
        self.item_header = struct.Struct(order + "II")
        self.header = self.item_header if implicit else struct.Struct(order + "IHH")
        self.tail = struct.Struct(order + "I")
        self.short = frozenset(vr.unpack(code)[0] for code in _SHORT)
        self.long = frozenset(vr.unpack(code)[0] for code in _LONG)
        self.un = vr.unpack(b"UN")[0]
        self.sq = vr.unpack(b"SQ")[0]
        self.item = self.swapped(ITEM)
        self.item_end = self.swapped(ITEM_END)
        self.sequence_end = self.swapped(SEQUENCE_END)
        self.item_bytes = struct.pack(order + "I", self.item)
        self.delimiters = frozenset((self.item, self.item_end, self.sequence_end))
        # Series and instance that an item refers to; see the module references.
        self.references = frozenset((self.swapped(0x0020000E), self.swapped(0x00081155)))

    def swapped(self, tag: int) -> int:
        """0xggggeeee as its four bytes look when read as one integer, and the other way round."""
        return (tag & 0xFFFF) << 16 | tag >> 16 if self.little else tag


IMPLICIT_LITTLE: Final = Dialect("implicit VR little endian", implicit=True, little=True)
EXPLICIT_LITTLE: Final = Dialect("explicit VR little endian", implicit=False, little=True)
EXPLICIT_BIG: Final = Dialect("explicit VR big endian", implicit=False, little=False)

DEFLATED_SYNTAXES: Final = frozenset(
    {
        "1.2.840.10008.1.2.1.99",  # Deflated Explicit VR Little Endian
        "1.2.840.10008.1.2.4.95",  # JPIP Referenced Deflate
        "1.2.840.10008.1.2.4.205",  # JPIP HTJ2K Referenced Deflate
    }
)
_DIALECTS: Final = {
    "1.2.840.10008.1.2": IMPLICIT_LITTLE,
    "1.2.840.10008.1.20": IMPLICIT_LITTLE,  # Papyrus 3, retired
    "1.2.840.113619.5.2": IMPLICIT_LITTLE,  # GE private: only its pixels are big endian
    "1.2.840.10008.1.2.2": EXPLICIT_BIG,
}


def dialect_of(transfer_syntax_uid: str) -> Dialect:
    """All others, private ones too, are explicit VR little endian (PS3.5 A.4)."""
    return _DIALECTS.get(transfer_syntax_uid, EXPLICIT_LITTLE)


def named(tag: int) -> str:
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@lru_cache(maxsize=32)
def _swapped(
    dialect: Dialect, tags: tuple[int, ...], sequences: tuple[int, ...] = ()
) -> dict[int, int]:
    """What is wanted, as it looks in the data; sequences with their tags negated."""
    swapped = {dialect.swapped(tag): tag for tag in tags}
    return swapped | {dialect.swapped(tag): -tag for tag in sequences}


class Walk:
    """One pass over a data set.

    ``found`` holds the wanted values by tag. With ``last_group`` the pass ends at the first element
    of a higher group, otherwise at the end of the data set. ``whole`` tells whether it got there;
    it is false when ``WALK_LIMIT_BYTES`` ended it.

    ``sequences`` are tags whose items are of interest: ``nested`` holds the beginning of each, as
    it stands in the data set, with its length and whether it is written in implicit VR.
    """

    def __init__(
        self,
        dialect: Dialect,
        wanted: tuple[int, ...],
        *,
        sequences: tuple[int, ...] = (),
        last_group: int = 0xFFFD,
    ) -> None:
        self.found: dict[int, bytes] = {}
        self.nested: dict[int, Nested] = {}
        self.whole = False
        self._dialect = dialect
        self._wanted = _swapped(dialect, wanted, sequences)
        self._last_group = last_group
        self._at = 0
        self._walked = 0
        self._wants = 0
        self._long_value: tuple[int, int] = (0, 0)
        # Dialects of the open containers. All are of undefined length (others are stepped over), so
        # sequences and items alternate: an odd number means that the innermost is a sequence.
        self._open: list[Dialect] = []

    def go_on(self, wanted: tuple[int, ...], *, last_group: int) -> Need:
        """After its last group was passed: walk on for more, up to a higher one."""
        self._wanted = _swapped(self._dialect, wanted)
        self._last_group = last_group
        return Need(self._at, 4 * WINDOW_BYTES)

    def feed(self, window: bytes, offset: int, *, last: bool) -> Need | None:
        """Walk on in ``window``, the bytes from ``offset`` on, with which ``last`` says it ends."""
        end = offset + len(window)
        before = self._at
        if offset == 0 and self._dialect.implicit:
            _refuse_vr(window)
        if not offset <= before <= end and not last:
            raise ValueError("not the window that was asked for")
        # An element of eight bytes may be the last; its loop looks for a length of twelve.
        data = window + b"\0\0\0\0" if last else window
        ended = False
        at = -1
        while not ended and at != self._at:
            at = self._at
            ended = self._items(data, offset) if self._open else self._elements(data, offset, end)
        self.whole = last and self._at == end and not self._open
        if ended or self.whole:
            return None
        if last:
            raise self._broken_off(end)
        jumped = self._at > end
        self._walked += (end if jumped else self._at) - before
        if self._walked > WALK_LIMIT_BYTES:
            return None
        wants, self._wants = self._wants, 0
        return Need(self._at, WINDOW_BYTES if jumped else max(4 * WINDOW_BYTES, wants))

    def _elements(self, data: bytes, offset: int, end: int) -> bool:
        """Top-level elements, as many as there are in ``data``; true at the end of the last group.

        The hot loop, a third of a microsecond an element: no calls, no objects, no attributes.
        """
        dialect = self._dialect
        wanted, last_group = self._wanted, self._last_group
        found = self.found
        unpack, unpack_tail = dialect.header.unpack_from, dialect.tail.unpack_from
        implicit, short, long = dialect.implicit, dialect.short, dialect.long
        shift = 0 if dialect.little else 16
        have = end - offset
        limit = len(data) - 12
        position = self._at - offset
        vr = value = raw = 0
        while position <= limit:
            if implicit:
                raw, length = unpack(data, position)
                value = position + 8
            else:
                raw, vr, length = unpack(data, position)
                if vr in short:
                    value = position + 8
                elif vr in long:
                    (length,) = unpack_tail(data, position + 8)
                    value = position + 12
                else:
                    value, length = odd_vr(data, position, offset, dialect)
            if raw in wanted:
                tag = wanted[raw]
                if tag < 0:
                    defined = length != UNDEFINED
                    kept = min(length, KEPT_SEQUENCE_BYTES if defined else KEPT_UNDEFINED_BYTES)
                    stop = value + kept
                    if stop > have and (defined or len(data) == have):
                        self._wants = kept + 12
                        break
                    unknown = not implicit and vr == dialect.un
                    self.nested[-tag] = Nested(data[value : min(stop, have)], length, unknown)
                elif length != UNDEFINED:
                    kept = min(KEPT_BYTES, length)
                    if value + kept > have:
                        break
                    if tag in found:
                        raise BadDataSet(
                            f"{named(tag)} comes twice, again at offset {offset + position}"
                        )
                    found[tag] = data[value : value + kept]
            elif raw >> shift & 0xFFFF > last_group:
                tag = dialect.swapped(raw)
                _refuse_delimiter(tag, offset + position)
                if last_group < 0xFFFD:
                    self._at = offset + position
                    return True
            if length == UNDEFINED:
                self._at = offset + value
                self._enter(dialect, vr)
                return False
            position = value + length
        if position > have and value:
            self._long_value = (dialect.swapped(raw), offset + value)
        self._at = offset + position
        return False

    def _items(self, data: bytes, offset: int) -> bool:
        """What is inside sequences of undefined length, up to the end of the outermost."""
        limit = len(data) - 12
        position = self._at - offset
        while position <= limit and self._open:
            dialect = self._open[-1]
            raw, length = dialect.item_header.unpack_from(data, position)
            if len(self._open) % 2:
                position += 8
                if raw == dialect.sequence_end:
                    self._open.pop()
                elif raw != dialect.item:
                    raise BadDataSet(
                        f"{named(dialect.swapped(raw))} at offset {offset + position - 8}, "
                        "where only an item of a sequence can be"
                    )
                elif length == UNDEFINED:
                    self._enter(dialect)
                else:
                    self._long_value = (ITEM, offset + position)
                    position += length
                continue
            if raw == dialect.item_end:
                self._open.pop()
                position += 8
                continue
            vr = 0
            if dialect.implicit:
                value = position + 8
            else:
                raw, vr, length = dialect.header.unpack_from(data, position)
                if vr in dialect.short:
                    value = position + 8
                elif vr in dialect.long:
                    (length,) = dialect.tail.unpack_from(data, position + 8)
                    value = position + 12
                else:
                    value, length = odd_vr(data, position, offset, dialect)
            if raw in (dialect.item, dialect.sequence_end):
                _refuse_delimiter(dialect.swapped(raw), offset + position)
            if length == UNDEFINED:
                self._enter(dialect, vr)
                position = value
            else:
                position = value + length
            self._long_value = (dialect.swapped(raw), offset + value)
        self._at = offset + position
        return False

    def _enter(self, dialect: Dialect, vr: int = 0) -> None:
        """A sequence or an item of undefined length begins."""
        if len(self._open) >= 2 * DEPTH_LIMIT:
            raise BadDataSet(f"more than {DEPTH_LIMIT} sequences inside one another")
        # PS3.5 6.2.2 note 4: UN of undefined length is a sequence in implicit VR little endian.
        unknown = vr != 0 and vr == dialect.un
        self._open.append(IMPLICIT_LITTLE if unknown else dialect)

    def _broken_off(self, end: int) -> BadDataSet:
        tag, value_at = self._long_value
        if self._at > end and tag:
            return BadDataSet(
                f"the value of {named(tag)} at offset {value_at} runs {self._at - end} bytes past "
                "the end of the data set"
            )
        if self._open:
            return BadDataSet(f"ends at offset {end} inside a sequence that is still open")
        if end - self._at < 8:
            return BadDataSet(f"{end - self._at} bytes at offset {self._at} that are no element")
        return BadDataSet(f"the element at offset {self._at} is cut off")


def odd_vr(data: bytes, position: int, offset: int, dialect: Dialect) -> tuple[int, int]:
    """Where the value starts and how long it is, for a VR that the standard does not know.

    Two capital letters are a VR of the future, and those have 32-bit lengths after two reserved
    zeros (PS3.5 7.1.2); where these are not zero they are a 16-bit length, as some senders think.
    Anything else is an element written with implicit VR; as the first of a data set it means that
    the whole is, and a file made of it could not be read in the syntax that was agreed on.
    """
    raw, _, short_length = dialect.header.unpack_from(data, position)
    tag = dialect.swapped(raw)
    _refuse_delimiter(tag, offset + position)
    code = data[position + 4 : position + 6]
    if code.isalpha() and code.isupper():
        if short_length:
            return position + 8, short_length
        return position + 12, dialect.tail.unpack_from(data, position + 8)[0]
    if offset + position == 0:
        raise BadDataSet(
            f"the first element, {named(tag)}, has no VR, but {dialect.name} was agreed on"
        )
    return position + 8, dialect.tail.unpack_from(data, position + 4)[0]


def _refuse_vr(head: bytes) -> None:
    """Implicit VR was agreed on, and the first element, of group 0008 or lower, has a VR."""
    if head[4:6] in _ALL and head[1:2] == b"\0" and head[:1] <= b"\x08":
        tag = IMPLICIT_LITTLE.swapped(int.from_bytes(head[:4], "little"))
        raise BadDataSet(
            f"the first element, {named(tag)}, has a VR, but {IMPLICIT_LITTLE.name} was agreed on"
        )


def _refuse_delimiter(tag: int, offset: int) -> None:
    if tag in (ITEM, ITEM_END, SEQUENCE_END):
        raise BadDataSet(f"{named(tag)} at offset {offset}, outside a sequence")
