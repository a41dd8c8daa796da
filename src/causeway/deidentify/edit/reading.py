"""Data sets read by pydicom, strictly: what it passes over in silence is ``Doubt`` here.

pydicom finds the elements of a level and their bounds, including those with implicit VR among
explicit ones. What it forgives (values and items cut short, delimiters of another length, items
that are none) would make it uncertain what belongs to what, so bounds are checked, and sequences
are entered by this module. It converts no value: nothing is lost, and nothing is told in a warning.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from io import BytesIO
from typing import Final

from causeway.deidentify.edit.syntax import DEPTH_LIMIT, LONG_VRS, UNDEFINED, dictionary_vr
from causeway.deidentify.errors import Doubt
from causeway.text import decode

_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_PIXEL_DATA: Final = 0x7FE00010
_ITEM: Final = 0xFFFEE000
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
PROSE: Final = frozenset({"LT", "ST", "UT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What values at one level of an object are read by."""

    charset: str = ""
    """(0008,0005) as it stands, joined by backslashes."""
    is_top: bool = True
    is_little: bool = True

    def number(self, value: bytes) -> int:
        return int.from_bytes(value, "little" if self.is_little else "big")


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """An element as it was read."""

    tag: int
    vr: str
    """Empty where the data set does not say it."""
    value: bytes = field(default=b"", repr=False)
    """With its delimiter, for fragments of pixels."""
    items: tuple[tuple[Element, ...], ...] | None = field(default=None, repr=False)
    """Of a sequence of undefined length; that of a defined one is read by ``read_items``."""
    is_fragments: bool = False

    def text(self, level: Level) -> str:
        return decode(self.value, level.charset, name=self.vr == "PN", prose=self.vr in PROSE)


def read_level(data: bytes, *, implicit: bool, little: bool = True) -> tuple[Element, ...]:
    """All elements of a data set. Raises ``Doubt``."""
    return _Reader(data, little).level(0, len(data), implicit, 0)[0]


def read_items(
    data: bytes, *, implicit: bool, little: bool = True, depth: int = 0
) -> tuple[tuple[Element, ...], ...]:
    """The items of a sequence of defined length. Raises ``Doubt``."""
    return _Reader(data, little).items(0, len(data), implicit, depth)[0]


class _Reader:
    def __init__(self, data: bytes, little: bool) -> None:
        self._data = data
        self._little = little
        self._header = struct.Struct("<HHI" if little else ">HHI")

    def level(
        self, start: int, end: int | None, implicit: bool, depth: int
    ) -> tuple[tuple[Element, ...], int]:
        """From ``start`` to ``end``, or to the item's delimiter if that is None; and where it
        ended.
        """
        if depth > DEPTH_LIMIT:
            raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
        # A defined level is cut out, so that pydicom cannot read past its end.
        # Few objects need it, and it brings numpy and decoders into the process.
        from pydicom.dataelem import RawDataElement
        from pydicom.filereader import data_element_generator

        base = 0 if end is None else start
        file = BytesIO(self._data if end is None else self._data[start:end])
        file.seek(start - base)
        limit = len(self._data) if end is None else end
        at = start
        elements: list[Element] = []
        while True:
            special: list[tuple[int, str, int]] = []

            # pydicom would find the delimiter of a sequence, and say what it thinks of the name of
            # a character set; both are for us to do.
            def stop(tag: int, vr: str | None, length: int) -> bool:
                if length == UNDEFINED or tag == _SPECIFIC_CHARACTER_SET:
                    special.append((int(tag), vr or "", length))  # noqa: B023 - used at once
                return bool(special)  # noqa: B023

            for raw in data_element_generator(file, implicit, self._little, stop_when=stop):
                assert isinstance(raw, RawDataElement)  # it stops before all others
                value = raw.value or b""
                if len(value) != raw.length:
                    raise _runs_out()
                at = base + raw.value_tell + raw.length
                elements.append(Element(tag=_checked(int(raw.tag)), vr=raw.VR or "", value=value))
            if not special:
                break
            tag, vr, length = special[0]
            head = 12 if not implicit and vr in LONG_VRS else 8
            element, at = self._special(
                _checked(tag), vr, at + head, length, implicit, limit, depth
            )
            elements.append(element)
            file.seek(at - base)
        if end is None:
            if self._tag_and_length(at) != (_ITEM_END, 0):
                raise Doubt("structure", "an item does not end with its delimiter")
            return tuple(elements), at + 8
        if at != end:
            raise _runs_out()
        return tuple(elements), at

    def _special(
        self, tag: int, vr: str, value: int, length: int, implicit: bool, end: int, depth: int
    ) -> tuple[Element, int]:
        """An element whose value pydicom was not asked to read; and where the next one begins."""
        if length != UNDEFINED:
            if value + length > end:
                raise _runs_out()
            return Element(tag=tag, vr=vr, value=self._data[value : value + length]), value + length
        known = dictionary_vr(tag)
        if tag == _PIXEL_DATA and (vr or known) in ("OB", "OW") and self._little:
            after = self._end_of_fragments(value)
            read = Element(tag=tag, vr=vr, value=self._data[value:after], is_fragments=True)
            return read, after
        if vr == "UN" or (not vr and known in ("", "SQ")):
            # PS3.5 6.2.2: what has VR UN and no length is a sequence in implicit VR, little endian.
            reader = self if vr != "UN" else _Reader(self._data, little=True)
            also_explicit = vr == "UN" and not implicit
            items, after = _either(reader, value, None, depth, also_explicit=also_explicit)
        elif vr == "SQ":
            items, after = self.items(value, None, implicit, depth)
        else:
            raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has no length")
        return Element(tag=tag, vr=vr, items=items), after

    def items(
        self, start: int, end: int | None, implicit: bool, depth: int
    ) -> tuple[tuple[tuple[Element, ...], ...], int]:
        at = start
        items: list[tuple[Element, ...]] = []
        while at != end:
            tag, length = self._tag_and_length(at)
            at += 8
            if tag == _SEQUENCE_END and end is None and length == 0:
                return tuple(items), at
            if tag != _ITEM:
                raise Doubt("structure", f"no item at offset {at - 8} of a sequence")
            stop = None if length == UNDEFINED else at + length
            if max(stop or 0, at) > (len(self._data) if end is None else end):
                raise _runs_out()
            item, at = self.level(at, stop, implicit, depth + 1)
            items.append(item)
            if end is not None and at > end:
                raise _runs_out()
        return tuple(items), at

    def _end_of_fragments(self, at: int) -> int:
        while True:
            tag, length = self._tag_and_length(at)
            at += 8
            if tag == _SEQUENCE_END and length == 0:
                return at
            if tag != _ITEM or length == UNDEFINED or at + length > len(self._data):
                raise Doubt("structure", f"no fragment at offset {at - 8}")
            at += length

    def _tag_and_length(self, at: int) -> tuple[int, int]:
        try:
            group, element, length = self._header.unpack_from(self._data, at)
        except struct.error:
            raise _runs_out() from None
        return group << 16 | element, length


def read_unknown_items(data: bytes, *, depth: int) -> tuple[tuple[Element, ...], ...]:
    """The items in a value of VR UN: in implicit VR, as PS3.5 6.2.2 has it; in explicit VR, as some
    write it. Raises ``Doubt``, also if it can be read both ways.
    """
    return _either(_Reader(data, little=True), 0, len(data), depth, also_explicit=True)[0]


def _either(
    reader: _Reader, start: int, end: int | None, depth: int, *, also_explicit: bool
) -> tuple[tuple[tuple[Element, ...], ...], int]:
    doubts: list[Doubt] = []
    found: list[tuple[tuple[tuple[Element, ...], ...], int]] = []
    for implicit in (True, False) if also_explicit else (True,):
        try:
            found.append(reader.items(start, end, implicit, depth))
        except Doubt as doubt:
            doubts.append(doubt)
    if not found:
        raise doubts[0]
    if len(found) == 2 and found[0] != found[1]:
        raise Doubt("structure", "a sequence of VR UN can be read in two ways")
    return found[0]


def _checked(tag: int) -> int:
    if tag >> 16 == 0xFFFE:
        raise Doubt("structure", "a delimiter outside a sequence")
    return tag


def _runs_out() -> Doubt:
    return Doubt("structure", "an element runs past the end of what holds it")
