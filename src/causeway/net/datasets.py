"""The small data sets that DIMSE services carry themselves: identifiers, action and event
information. Written and read as bytes, in the two uncompressed little endian syntaxes.

Not for objects: these are never decoded here. What is read comes from a peer, so depth, number and
length are bounded, and whatever does not hold together is a ``ValueError``. Values are bytes as
they stand; what an element means is for whoever asked.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from causeway.dimse import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN

SYNTAXES: Final = (EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN)
"""What these data sets are proposed in, best first."""

Element: TypeAlias = "tuple[int, str, bytes | Sequence[Sequence[Element]]]"
"""Tag, value representation, and the value, or the items of a sequence."""

Read: TypeAlias = "Mapping[int, bytes | tuple[Read, ...]]"

_TAG: Final = struct.Struct("<HH")
_LONG: Final = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)
"""Value representations with a length of 32 bits (PS3.5 table 7.1-1)."""
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
_UNDEFINED: Final = 0xFFFFFFFF

MOST_DEPTH: Final = 4
MOST_ELEMENTS: Final = 1_000_000
"""A request to commit 200,000 objects has 600,000; the longest seen have some 10,000."""


def encode(elements: Sequence[Element], transfer_syntax: str) -> bytes:
    """A data set; the elements in the order of their tags, as the standard has them."""
    explicit = _is_explicit(transfer_syntax)
    return b"".join(_encoded(element, explicit=explicit) for element in elements)


def _encoded(element: Element, *, explicit: bool) -> bytes:
    tag, vr, value = element
    if not isinstance(value, bytes):
        items = []
        for each in value:
            body = b"".join(_encoded(inner, explicit=explicit) for inner in each)
            items.append(_head(_ITEM, len(body)) + body)
        value = b"".join(items)
    if len(value) % 2:
        value += b"\0" if vr in ("UI", "OB", "UN") else b" "
    if not explicit:
        return _head(tag, len(value)) + value
    head = _TAG.pack(tag >> 16, tag & 0xFFFF) + vr.encode("ascii")
    if vr in _LONG:
        return head + struct.pack("<HI", 0, len(value)) + value
    return head + struct.pack("<H", len(value)) + value


def _head(tag: int, length: int) -> bytes:
    return _TAG.pack(tag >> 16, tag & 0xFFFF) + struct.pack("<I", length)


def decode(data: bytes, transfer_syntax: str, *, sequences: Collection[int] = ()) -> Read:
    """Elements by tag. ``sequences`` are read as such where the syntax does not say what they are.

    Raises ``ValueError``. Of an element that comes twice, the first counts.
    """
    return _Reader(data, explicit=_is_explicit(transfer_syntax), sequences=sequences).read()


def _is_explicit(transfer_syntax: str) -> bool:
    if transfer_syntax not in SYNTAXES:
        raise ValueError("a transfer syntax that is not uncompressed little endian")
    return transfer_syntax == EXPLICIT_VR_LITTLE_ENDIAN


class _Reader:
    """One pass over one data set."""

    def __init__(self, data: bytes, *, explicit: bool, sequences: Collection[int]) -> None:
        self._data = data
        self._explicit = explicit
        self._sequences = sequences
        self._left = MOST_ELEMENTS

    def read(self) -> Read:
        found, _ = self._elements(0, len(self._data), until=None, depth=0)
        return found

    def _elements(
        self, at: int, stop: int, *, until: int | None, depth: int
    ) -> tuple[dict[int, bytes | tuple[Read, ...]], int]:
        """Up to ``stop``, or to the delimiter ``until``; and where it goes on."""
        found: dict[int, bytes | tuple[Read, ...]] = {}
        while at < stop:
            tag, vr, length, at = self._element(at, stop)
            if tag == until:
                return found, at
            if length == _UNDEFINED or vr == "SQ" or (not vr and tag in self._sequences):
                items, at = self._items(at, stop, length, depth + 1)
                found.setdefault(tag, items)
                continue
            if length > stop - at:
                raise ValueError("an element is longer than what it stands in")
            found.setdefault(tag, self._data[at : at + length])
            at += length
        if until is not None:
            raise ValueError("an item without its end")
        return found, at

    def _items(self, at: int, stop: int, length: int, depth: int) -> tuple[tuple[Read, ...], int]:
        if depth > MOST_DEPTH:
            raise ValueError("sequences too deep in one another")
        if length != _UNDEFINED:
            if length > stop - at:
                raise ValueError("a sequence is longer than what it stands in")
            stop = at + length
        return self._all_items(at, stop, depth, ends=length == _UNDEFINED)

    def _all_items(
        self, at: int, stop: int, depth: int, *, ends: bool
    ) -> tuple[tuple[Read, ...], int]:
        items: list[Read] = []
        while at < stop:
            if stop - at < 8:
                raise ValueError("a sequence ends in the middle of an item")
            group, element = _TAG.unpack_from(self._data, at)
            (length,) = struct.unpack_from("<I", self._data, at + 4)
            tag = group << 16 | element
            at += 8
            self._count()
            if tag == _SEQUENCE_END and ends:
                return tuple(items), at
            if tag != _ITEM:
                raise ValueError("something other than an item in a sequence")
            if length == _UNDEFINED:
                item, at = self._elements(at, stop, until=_ITEM_END, depth=depth)
            else:
                if length > stop - at:
                    raise ValueError("an item is longer than its sequence")
                item, at = self._elements(at, at + length, until=None, depth=depth)
            items.append(item)
        if ends:
            raise ValueError("a sequence without its end")
        return tuple(items), at

    def _element(self, at: int, stop: int) -> tuple[int, str, int, int]:
        """Tag, VR where it is written, length, and where the value begins."""
        self._count()
        data = self._data
        if stop - at < 8:
            raise ValueError("a data set ends in the middle of an element")
        group, element = _TAG.unpack_from(data, at)
        tag = group << 16 | element
        if not self._explicit or group == 0xFFFE:
            return tag, "", struct.unpack_from("<I", data, at + 4)[0], at + 8
        vr = data[at + 4 : at + 6].decode("latin-1")
        if vr not in _LONG:
            return tag, vr, struct.unpack_from("<H", data, at + 6)[0], at + 8
        if stop - at < 12:
            raise ValueError("a data set ends in the middle of an element")
        return tag, vr, struct.unpack_from("<I", data, at + 8)[0], at + 12

    def _count(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise ValueError("more elements than anybody needs")


def text_in(found: Read, tag: int) -> str:
    """The value of an element as text, without its padding; empty where it is absent."""
    value = found.get(tag, b"")
    return value.rstrip(b"\0 ").decode("latin-1") if isinstance(value, bytes) else ""


def number_in(found: Read, tag: int) -> int | None:
    """The value of an element as an unsigned 16-bit number."""
    value = found.get(tag, b"")
    if not isinstance(value, bytes) or len(value) != 2:
        return None
    return int.from_bytes(value, "little")


def items_in(found: Read, tag: int) -> Iterator[Read]:
    """The items of a sequence; none where it is absent."""
    value = found.get(tag, ())
    if not isinstance(value, bytes):
        yield from value
