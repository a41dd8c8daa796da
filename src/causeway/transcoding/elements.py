"""Elements as they are written: found one by one, and written anew in the other little endian form.

Explicit VR knows what implicit VR has to look up. Of what the dictionary does not know, which is
private as a rule, only the bytes are known, and UN says so (PS3.5 section 6.2.2); a sequence among
it that says no length is one all the same. Where the dictionary leaves a choice, the pixel
representation of the same data set decides (PS3.5 annex A.1 and PS3.3 C.7.6.3).
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from causeway.errors import BadDataSet

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
UNDEFINED: Final = 0xFFFFFFFF
PIXEL_DATA: Final = 0x7FE00010
_PIXEL_REPRESENTATION: Final = 0x00280103
_MOST_DEPTH: Final = 64
_SHORT_LIMIT: Final = 0xFFFE

LONG: Final = frozenset(
    {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}
)
SHORT: Final = frozenset(
    {"AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "PN", "SH", "SL", "SS",
     "ST", "TM", "UI", "UL", "US"}
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """One element: where it starts, where its value does, and where that ends."""

    tag: int
    vr: str
    """Empty where it is not written."""
    start: int
    value: int
    length: int
    """As it is written; may be ``UNDEFINED``."""


def head(tag: int, vr: str, length: int) -> bytes:
    """An element's beginning; ``vr`` is empty for implicit VR."""
    raw = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if not vr:
        return raw + struct.pack("<I", length)
    if vr in LONG:
        return raw + vr.encode("ascii") + struct.pack("<HI", 0, length)
    return raw + vr.encode("ascii") + struct.pack("<H", length)


def element_at(data: bytes, at: int, *, explicit: bool) -> Found:
    """Raises ``BadDataSet``."""
    try:
        group, number = struct.unpack_from("<HH", data, at)
        tag = group << 16 | number
        if not explicit or group == 0xFFFE:
            return Found(tag, "", at, at + 8, struct.unpack_from("<I", data, at + 4)[0])
        vr = data[at + 4 : at + 6].decode("latin-1")
        if vr in SHORT:
            return Found(tag, vr, at, at + 8, struct.unpack_from("<H", data, at + 6)[0])
        if vr not in LONG:
            raise BadDataSet(f"({group:04X},{number:04X}) has no value representation that exists")
        return Found(tag, vr, at, at + 12, struct.unpack_from("<I", data, at + 8)[0])
    except struct.error:
        raise BadDataSet("the data set ends in the middle of an element") from None


def top_level(data: bytes) -> Iterator[Found]:
    """The elements of an explicit VR data set up to its pixels, with these as the last."""
    at = 0
    while at < len(data):
        found = element_at(data, at, explicit=True)
        yield found
        if found.tag == PIXEL_DATA and found.length == UNDEFINED:
            return
        at = _end(data, found, len(data), explicit=True, depth=0)


def _end(data: bytes, found: Found, stop: int, *, explicit: bool, depth: int) -> int:
    """Where the element ends; sequences without length are walked through."""
    if found.length != UNDEFINED:
        if found.length > stop - found.value:
            raise BadDataSet("an element runs past the end of what it stands in")
        return found.value + found.length
    if found.vr not in ("SQ", "UN", ""):
        raise BadDataSet("compressed pixels inside a sequence")
    # What UN holds without a length is implicit VR (PS3.5 6.2.2 note 4).
    inner = explicit and found.vr != "UN"
    at = found.value
    while True:
        item = element_at(data, at, explicit=False)
        if item.tag == SEQUENCE_END:
            return item.value
        if item.tag != ITEM or depth >= _MOST_DEPTH:
            raise BadDataSet("a sequence with something other than items in it, or too deep")
        at = _item_end(data, item, stop, explicit=inner, depth=depth + 1)


def _item_end(data: bytes, item: Found, stop: int, *, explicit: bool, depth: int) -> int:
    if item.length != UNDEFINED:
        if item.length > stop - item.value:
            raise BadDataSet("an item runs past the end of its sequence")
        return item.value + item.length
    at = item.value
    while True:
        found = element_at(data, at, explicit=explicit)
        if found.tag == ITEM_END:
            return found.value
        at = _end(data, found, stop, explicit=explicit, depth=depth)


# --- from one form into the other -----------------------------------------------------------------


def implicit_from_explicit(data: bytes) -> bytes:
    """Raises ``BadDataSet``."""
    return _Writer(data, to_explicit=False).whole()


def explicit_from_implicit(data: bytes) -> bytes:
    """Raises ``BadDataSet``."""
    return _Writer(data, to_explicit=True).whole()


class _Writer:
    """One data set, from the other form into this one."""

    def __init__(self, data: bytes, *, to_explicit: bool) -> None:
        self._data = data
        self._to_explicit = to_explicit

    def whole(self) -> bytes:
        parts, _ = self._elements(0, len(self._data), until=None, signed=False, depth=0)
        return b"".join(parts)

    def _elements(
        self, at: int, stop: int, *, until: int | None, signed: bool, depth: int
    ) -> tuple[list[bytes | memoryview], int]:
        data, explicit = self._data, not self._to_explicit
        parts: list[bytes | memoryview] = []
        if self._to_explicit:
            signed = self._is_signed(at, stop, until, otherwise=signed)
        while at < stop:
            found = element_at(data, at, explicit=explicit)
            if found.tag == until:
                return parts, found.value
            vr = found.vr if explicit else vr_of(found.tag, found.length, signed=signed)
            if vr == "SQ" or (self._to_explicit and found.length == UNDEFINED):
                written, at = self._sequence(found, stop, signed=signed, depth=depth + 1)
                parts += written
                continue
            end = _end(data, found, stop, explicit=explicit, depth=depth)
            at = end
            if found.tag & 0xFFFF == 0:
                continue  # a group length, which is not that any more
            if found.tag == PIXEL_DATA and found.length == UNDEFINED:
                raise BadDataSet("compressed pixels in a data set that says it has none")
            length = found.length
            if self._to_explicit and vr not in LONG and length > _SHORT_LIMIT:
                vr = "UN"
            parts.append(head(found.tag, vr if self._to_explicit else "", length))
            parts.append(memoryview(data)[found.value : end])
        if until is not None:
            raise BadDataSet("an item without its end")
        return parts, at

    def _sequence(
        self, found: Found, stop: int, *, signed: bool, depth: int
    ) -> tuple[list[bytes | memoryview], int]:
        if depth > _MOST_DEPTH:
            raise BadDataSet("sequences too deep in one another")
        data, at = self._data, found.value
        ends = found.length == UNDEFINED
        if not ends:
            stop = _end(data, found, stop, explicit=not self._to_explicit, depth=depth)
        parts: list[bytes | memoryview] = []
        while ends or at < stop:
            item = element_at(data, at, explicit=False)
            if ends and item.tag == SEQUENCE_END:
                at = item.value
                parts.append(data[item.start : item.value])
                break
            if item.tag != ITEM:
                raise BadDataSet("something other than an item in a sequence")
            if item.length == UNDEFINED:
                inner, at = self._elements(
                    item.value, stop, until=ITEM_END, signed=signed, depth=depth
                )
                parts += [data[item.start : item.value], *inner, head(ITEM_END, "", 0)]
            else:
                end = _item_end(data, item, stop, explicit=False, depth=depth)
                inner, at = self._elements(item.value, end, until=None, signed=signed, depth=depth)
                parts += [head(ITEM, "", sum(map(len, inner))), *inner]
        length = UNDEFINED if ends else sum(map(len, parts))
        return [head(found.tag, "SQ" if self._to_explicit else "", length), *parts], at

    def _is_signed(self, at: int, stop: int, until: int | None, *, otherwise: bool) -> bool:
        """What this data set says of its pixels; an item that is silent follows what it is in."""
        while at < stop:
            found = element_at(self._data, at, explicit=False)
            if found.tag == until or found.tag > _PIXEL_REPRESENTATION:
                break
            if found.tag == _PIXEL_REPRESENTATION and found.length == 2:
                return self._data[found.value : found.value + 2] == b"\x01\x00"
            at = _end(self._data, found, stop, explicit=False, depth=0)
        return otherwise


@functools.lru_cache(maxsize=8192)
def _known_vr(tag: int) -> str:
    from causeway.dictionary import dictionary_vr

    try:
        return dictionary_vr(tag)
    except KeyError:
        return ""


def vr_of(tag: int, length: int, *, signed: bool) -> str:
    """The value representation of an element that does not say it."""
    group, number = tag >> 16, tag & 0xFFFF
    if group % 2:
        # A private creator is LO (PS3.5 7.8.1).
        return "LO" if 0x10 <= number <= 0xFF else "UN"
    vr = _known_vr(tag) if number else "UL"
    if len(vr) == 2:
        return vr
    if not vr:
        return "UN"
    if "SS" in vr:
        if "OW" in vr and length > 2:
            return "OW"
        return "SS" if signed else "US"
    if vr == "US or OW" and length == 2:
        return "US"
    return "OW"  # pixels, overlays, tables: in implicit VR they are words (PS3.5 A.1)
