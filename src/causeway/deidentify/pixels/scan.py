"""Where the elements of a data set stand, and how some of them are taken out or put in.

Whatever is not touched is not decoded either: the result is made of spans of the source. Only the
part in front of the pixels is walked, in blocks; the pixels are stepped over, however long they
are.

What holds no structure raises ``Doubt``: an object whose pixels must be changed, and that is
written in a way which leaves open where they are, stays in quarantine.
"""

from __future__ import annotations

import bisect
import itertools
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.deidentify.edit.syntax import LONG_VRS, SHORT_VRS
from causeway.deidentify.errors import Doubt

Fetch = Callable[[int, int], bytes]
"""(offset, size) → that many bytes of a data set, or fewer where it ends."""

UNDEFINED: Final = 0xFFFFFFFF
BLOCK: Final = 256 * 1024
ELEMENT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of one element that is looked into; the functional groups of 20,000 frames take 50."""
DEPTH_LIMIT: Final = 64

ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
PIXEL_DATA: Final = 0x7FE00010
FLOAT_PIXEL_DATA: Final = 0x7FE00008
DOUBLE_PIXEL_DATA: Final = 0x7FE00009
PIXELS: Final = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_PIXEL_DATA})
ICON_IMAGE_SEQUENCE: Final = 0x00880200

_LONG: Final = LONG_VRS
_SHORT: Final = SHORT_VRS


@dataclass(frozen=True, slots=True)
class Dialect:
    """How elements are written."""

    implicit: bool
    little: bool

    @property
    def order(self) -> str:
        return "<" if self.little else ">"

    def head(self, tag: int, vr: str, length: int) -> bytes:
        """What stands in front of a value."""
        order = self.order
        if self.implicit:
            return struct.pack(order + "HHI", tag >> 16, tag & 0xFFFF, length)
        if vr in _LONG:
            return struct.pack(
                order + "HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), 0, length
            )
        return struct.pack(order + "HH2sH", tag >> 16, tag & 0xFFFF, vr.encode("ascii"), length)

    def element(self, tag: int, vr: str, value: bytes | str) -> bytes:
        if isinstance(value, str):
            value = value.encode("ascii")
            value += b" " * (len(value) % 2)
        return self.head(tag, vr, len(value)) + value

    def short(self, tag: int, number: int) -> bytes:
        """An element of VR US."""
        return self.element(tag, "US", struct.pack(self.order + "H", number))


_IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.20"})
EXPLICIT_LITTLE: Final = Dialect(implicit=False, little=True)
_UNKNOWN: Final = Dialect(implicit=True, little=True)
"""PS3.5 6.2.2: how a sequence is written whose VR is UN."""


def dialect_of(transfer_syntax_uid: str) -> Dialect:
    return Dialect(
        implicit=transfer_syntax_uid in _IMPLICIT,
        little=transfer_syntax_uid != "1.2.840.10008.1.2.2",
    )


@dataclass(frozen=True, slots=True)
class Found:
    """An element of the top level."""

    tag: int
    vr: str
    """Empty if it is not written."""
    start: int
    value: int
    """Where its value starts."""
    length: int
    end: int
    """Behind it, with its delimiter."""


@dataclass(slots=True)
class Span:
    """Bytes of the result: made here, or got from somewhere when they are asked for."""

    length: int
    fetch: Fetch = field(repr=False)


class Parts:
    """Spans, one behind the other, as one data set."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans = [span for span in spans if span.length]
        self._ends = list(itertools.accumulate(span.length for span in self._spans))
        self.size = self._ends[-1] if self._ends else 0

    def fetch(self, offset: int, size: int) -> bytes:
        """As a source does it: fewer bytes where the data set ends."""
        stop = min(offset + size, self.size)
        found: list[bytes] = []
        index = bisect.bisect_right(self._ends, offset)
        while offset < stop:
            span = self._spans[index]
            begin = self._ends[index] - span.length
            wanted = min(stop, self._ends[index]) - offset
            piece = span.fetch(offset - begin, wanted)
            if len(piece) != wanted:
                raise Doubt("structure", "the object ends before its length says so")
            found.append(piece)
            offset += wanted
            index += 1
        return found[0] if len(found) == 1 else b"".join(found)


def made(data: bytes) -> Span:
    return Span(len(data), lambda offset, size: data[offset : offset + size])


def taken(fetch: Fetch, start: int, stop: int) -> Span:
    return Span(stop - start, lambda offset, size: fetch(start + offset, size))


class Scan:
    """One walk over a data set."""

    def __init__(self, fetch: Fetch, size: int, dialect: Dialect) -> None:
        self.dialect = dialect
        self.size = size
        self._fetch = fetch
        self._block = b""
        self._base = 0

    def take(self, at: int, size: int) -> bytes:
        """That many bytes; raises ``Doubt`` where there are fewer."""
        if at + size > self.size:
            raise Doubt("structure", "an element runs past the end of the object")
        if not self._base <= at <= at + size <= self._base + len(self._block):
            if size > ELEMENT_LIMIT:
                raise Doubt("size", f"an element of more than {ELEMENT_LIMIT >> 20} MiB")
            self._block = self._fetch(at, min(max(size, BLOCK), self.size - at))
            self._base = at
            if len(self._block) < size:
                raise Doubt("structure", "the object ends before its length says so")
        return self._block[at - self._base : at - self._base + size]

    def elements(self) -> list[Found]:
        """All of the top level, in order."""
        found: list[Found] = []
        at, last = 0, -1
        while at < self.size:
            tag, vr, value, length = self.header(at, self.dialect)
            if tag <= last:
                raise Doubt("structure", "elements are not in the order of their tags")
            end = self._end(tag, vr, value, length, self.dialect)
            if end > self.size:
                raise Doubt("structure", "an element runs past the end of the object")
            found.append(Found(tag, vr, at, value, length, end))
            at, last = end, tag
        return found

    def header(self, at: int, dialect: Dialect) -> tuple[int, str, int, int]:
        """Tag, VR, where the value starts, and its length."""
        group, number, length = struct.unpack(dialect.order + "HHI", self.take(at, 8))
        tag = group << 16 | number
        if dialect.implicit or group == 0xFFFE:
            return tag, "", at + 8, length
        vr = self.take(at + 4, 2).decode("latin-1")
        if vr in _SHORT:
            return tag, vr, at + 8, struct.unpack(dialect.order + "H", self.take(at + 6, 2))[0]
        if vr not in _LONG:
            raise Doubt("structure", f"({group:04X},{number:04X}) has a VR that DICOM does not")
        return tag, vr, at + 12, struct.unpack(dialect.order + "I", self.take(at + 8, 4))[0]

    def _end(self, tag: int, vr: str, value: int, length: int, dialect: Dialect) -> int:
        if tag >> 16 == 0xFFFE:
            raise Doubt("structure", "a delimiter outside of a sequence")
        if length != UNDEFINED:
            return value + length
        if tag == PIXEL_DATA and vr in ("OB", "OW"):
            return self.fragments(value)[1]
        if vr not in ("SQ", "UN", ""):
            raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has no length")
        return self._items_end(value, _UNKNOWN if vr == "UN" else dialect, 0)

    def _items_end(self, at: int, dialect: Dialect, depth: int) -> int:
        if depth > DEPTH_LIMIT:
            raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
        while True:
            tag, _, value, length = self.header(at, dialect)
            if tag == SEQUENCE_END and length == 0:
                return value
            if tag != ITEM:
                raise Doubt("structure", "no item where one of a sequence should be")
            at = value + length if length != UNDEFINED else self._item_end(value, dialect, depth)

    def _item_end(self, at: int, dialect: Dialect, depth: int) -> int:
        while True:
            tag, vr, value, length = self.header(at, dialect)
            if tag == ITEM_END and length == 0:
                return value
            if length != UNDEFINED:
                at = value + length
            elif vr in ("SQ", "UN", ""):
                at = self._items_end(value, _UNKNOWN if vr == "UN" else dialect, depth + 1)
            elif tag == PIXEL_DATA:
                at = self.fragments(value)[1]
            else:
                raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has no length")

    def fragments(self, at: int) -> tuple[list[tuple[int, int]], int]:
        """(offset, length) of each item of encapsulated pixels, the offset table first; and where
        they end.
        """
        found: list[tuple[int, int]] = []
        while True:
            tag, _, value, length = self.header(at, self.dialect)
            if tag == SEQUENCE_END and length == 0:
                return found, value
            if tag != ITEM or length == UNDEFINED or value + length > self.size:
                raise Doubt("structure", "no fragment where one of the pixels should be")
            found.append((value, length))
            at = value + length

    # --- taking out of sequences ----------------------------------------------------------------

    def without(self, element: Found, goes: Callable[[int], bool]) -> bytes | None:
        """A sequence without the elements inside it that are to go; None if there are none."""
        if element.length in (0, UNDEFINED):
            if element.length == 0:
                return None
        elif element.vr not in ("SQ", "") or not self._is_sequence(element):
            return None
        dialect = _UNKNOWN if element.vr == "UN" else self.dialect
        stop = None if element.length == UNDEFINED else element.end
        items = self._items_without(element.value, stop, dialect, goes, 0)
        if items is None:
            return None
        return self.dialect.head(element.tag, element.vr, UNDEFINED) + items

    def _is_sequence(self, element: Found) -> bool:
        if element.vr == "SQ":
            return True
        # Implicit VR: what begins with an item is one.
        return element.length >= 8 and self.header(element.value, self.dialect)[0] == ITEM

    def _items_without(
        self, at: int, stop: int | None, dialect: Dialect, goes: Callable[[int], bool], depth: int
    ) -> bytes | None:
        """All items and a delimiter, or None if nothing goes."""
        if depth > DEPTH_LIMIT:
            raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
        parts: list[bytes] = []
        changed = False
        while at != stop:
            tag, _, value, length = self.header(at, dialect)
            if tag == SEQUENCE_END and stop is None:
                break
            if tag != ITEM or (stop is not None and value > stop):
                raise Doubt("structure", "no item where one of a sequence should be")
            end = None if length == UNDEFINED else value + length
            kept, at, item_changed = self._item_without(value, end, dialect, goes, depth)
            if stop is not None and at > stop:
                raise Doubt("structure", "an item runs past the end of its sequence")
            changed |= item_changed
            parts += [_item(dialect), kept, _delimiter(dialect, ITEM_END)]
        if not changed:
            return None
        return b"".join(parts) + _delimiter(dialect, SEQUENCE_END)

    def _item_without(
        self, at: int, stop: int | None, dialect: Dialect, goes: Callable[[int], bool], depth: int
    ) -> tuple[bytes, int, bool]:
        parts: list[bytes] = []
        changed = False
        while at != stop:
            tag, vr, value, length = self.header(at, dialect)
            if tag == ITEM_END and stop is None:
                return b"".join(parts), value, changed
            if length == UNDEFINED and tag == PIXEL_DATA and vr in ("OB", "OW"):
                end = self.fragments(value)[1]
            elif length == UNDEFINED:
                if vr not in ("SQ", "UN", ""):
                    raise Doubt("structure", f"({tag >> 16:04X},{tag & 0xFFFF:04X}) has no length")
                end = self._items_end(value, _UNKNOWN if vr == "UN" else dialect, depth + 1)
            else:
                end = value + length
            if stop is not None and end > stop:
                raise Doubt("structure", "an element runs past the end of its item")
            if goes(tag):
                changed = True
            else:
                inner = None
                if vr == "SQ" or (length == UNDEFINED and tag != PIXEL_DATA):
                    inner = self._items_without(
                        value,
                        None if length == UNDEFINED else end,
                        _UNKNOWN if vr == "UN" else dialect,
                        goes,
                        depth + 1,
                    )
                elif not vr and length >= 8 and self.header(value, dialect)[0] == ITEM:
                    inner = self._items_without(value, end, dialect, goes, depth + 1)
                if inner is None:
                    parts.append(self.take(at, end - at))
                else:
                    changed = True
                    parts += [dialect.head(tag, vr, UNDEFINED), inner]
            at = end
        return b"".join(parts), at, changed


def _item(dialect: Dialect) -> bytes:
    return struct.pack(dialect.order + "HHI", ITEM >> 16, ITEM & 0xFFFF, UNDEFINED)


def _delimiter(dialect: Dialect, tag: int) -> bytes:
    return struct.pack(dialect.order + "HHI", tag >> 16, tag & 0xFFFF, 0)


def assembled(
    fetch: Fetch,
    elements: Sequence[Found],
    *,
    instead: Mapping[int, Sequence[Span]],
    gone: Callable[[int], bool],
) -> Parts:
    """The data set with what is ``instead`` in place of elements, or among them in order."""
    spans: list[Span] = []
    pending = sorted(instead)
    copied: tuple[int, int] | None = None

    def flush() -> None:
        nonlocal copied
        if copied is not None:
            spans.append(taken(fetch, *copied))
            copied = None

    for element in elements:
        while pending and pending[0] < element.tag:
            flush()
            spans.extend(instead[pending.pop(0)])
        if pending and pending[0] == element.tag:
            flush()
            spans.extend(instead[pending.pop(0)])
        elif gone(element.tag):
            flush()
        elif copied is not None and copied[1] == element.start:
            copied = copied[0], element.end
        else:
            flush()
            copied = element.start, element.end
    flush()
    for tag in pending:
        spans.extend(instead[tag])
    return Parts(spans)
