"""The output as it is searched: without its pixels, and taken apart where something was found.

Pixels are neither read nor searched; ``causeway.deidentify.pixels`` judges them. Every other value
is searched, a long one in blocks, whatever its length.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from causeway.deidentify.edit.clean import DEFLATED, INFLATED_LIMIT, Cleaned, Source
from causeway.deidentify.edit.syntax import LONG_VRS, SHORT_VRS, dictionary_vr, is_implicit
from causeway.deidentify.edit.whole import Fetch, Span
from causeway.deidentify.errors import Doubt
from causeway.deidentify.proof.traces import OVERLAP

BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
BLOCK: Final = 1 << 20
_DEPTH_LIMIT: Final = 128
_UNDEFINED: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Long:
    """A long value that is no pixels, and stands in the source."""

    tag: int
    vr: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class Output:
    """What comes out, but for pixels."""

    data: bytes = field(repr=False)
    """All elements that are in memory, one behind the other."""
    longs: tuple[Long, ...]
    pixels: tuple[Span, ...]
    """Where the source has its pixels."""
    fetch: Fetch = field(repr=False)
    implicit: bool
    little_endian: bool

    def blocks(self, long: Long) -> Iterator[bytes]:
        """A long value; blocks overlap."""
        return _read(self.fetch, long.offset, long.offset + long.length)


def output_of(cleaned: Cleaned) -> Output:
    syntax = cleaned.transfer_syntax_uid
    parts: list[bytes | memoryview] = []
    longs: list[Long] = []
    pixels: list[Span] = []
    if syntax in DEFLATED:
        parts.append(_inflated(b"".join(cleaned.pieces())))
    else:
        spans = _Spans(cleaned.source, is_implicit(syntax), parts, longs, pixels)
        for part in cleaned.parts:
            if isinstance(part, Span):
                spans.take(part)
            else:
                parts.append(part)
    return Output(
        data=b"".join(parts),
        longs=tuple(longs),
        pixels=tuple(pixels),
        fetch=cleaned.source,
        implicit=is_implicit(syntax),
        little_endian=syntax != BIG_ENDIAN,
    )


@dataclass(frozen=True, slots=True)
class _Spans:
    """What stays as it stands in the source: whole elements, of which only pixels are not read."""

    fetch: Fetch
    implicit: bool
    parts: list[bytes | memoryview]
    longs: list[Long]
    pixels: list[Span]

    def take(self, span: Span) -> None:
        at, end = span.offset, span.offset + span.length
        while at < end:
            head = self.fetch(at, min(12, end - at))
            tag, vr, header, length = _Reader(head, "<").header(0, implicit=self.implicit)
            value = at + header
            if tag in PIXELS:
                after = self._fragments(value, end) if length == _UNDEFINED else value + length
                self.pixels.append(Span(value, after - value))
            else:
                after = end if length == _UNDEFINED else value + length
                if length <= BLOCK or length == _UNDEFINED:
                    self.parts.append(self.fetch(at, after - at))
                else:
                    self.longs.append(Long(tag, vr, value, length))
            if after > end:
                raise Doubt("proof", "a span of the source ends within an element")
            at = after

    def _fragments(self, at: int, end: int) -> int:
        while at < end:
            group, element, size = struct.unpack("<HHI", self.fetch(at, 8))
            at += 8
            if group << 16 | element == _SEQUENCE_END:
                return at
            at += size
        raise Doubt("proof", "fragments of pixels without an end")


def source_blocks(source: Source, output: Output) -> Iterator[bytes]:
    """The original but for its pixels; blocks overlap."""
    if source.transfer_syntax_uid in DEFLATED:
        yield _inflated(source.fetch(0, source.size))
        return
    position = 0
    for span in sorted(output.pixels, key=lambda each: each.offset):
        yield from _read(source.fetch, position, span.offset)
        position = span.offset + span.length
    yield from _read(source.fetch, position, source.size)


def _read(fetch: Fetch, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        size = min(BLOCK + OVERLAP, end - start)
        block = fetch(start, size)
        if len(block) != size:
            raise Doubt("structure", "the object has become shorter")
        yield block
        if start + size == end:
            return
        start += BLOCK


def _inflated(data: bytes) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    found = inflater.decompress(data, INFLATED_LIMIT)
    if not inflater.eof:
        raise Doubt("size", f"deflated, and more than {INFLATED_LIMIT >> 20} MiB or cut short")
    return found


# --- taken apart ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Element:
    """An element of the output, with its path from the outermost sequence."""

    path: tuple[int, ...]
    vr: str
    value: bytes = field(repr=False)

    @property
    def tag(self) -> int:
        return self.path[-1]


_SHORT: Final = frozenset(vr.encode() for vr in SHORT_VRS)
_LONG: Final = frozenset(vr.encode() for vr in LONG_VRS)
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD


def elements(output: Output) -> Iterator[Element]:
    """Every element of ``output.data`` at every depth.

    A reader of its own: what the editor misreads, it must not misread with it. Raises ``Doubt``
    for bytes that it cannot read.
    """
    try:
        yield from _Reader(output.data, "<" if output.little_endian else ">").elements(
            0, len(output.data), (), implicit=output.implicit, delimited=False
        )
    except struct.error:
        raise Doubt("proof", "the output ends within an element") from None


@dataclass(slots=True)
class _Reader:
    data: bytes
    order: str
    end: int = 0
    """Behind what was read last."""

    def elements(
        self, at: int, end: int, path: tuple[int, ...], *, implicit: bool, delimited: bool
    ) -> Iterator[Element]:
        if len(path) > _DEPTH_LIMIT:
            raise Doubt("proof", f"sequences are nested more than {_DEPTH_LIMIT} deep")
        while at < end:
            tag, vr, value, length = self.header(at, implicit=implicit)
            if tag == _ITEM_END and delimited:
                self.end = at + 8
                return
            here = (*path, tag)
            known = dictionary_vr(tag) if vr == "UN" else vr
            if vr == "SQ" or (vr == "UN" and length == _UNDEFINED):
                # PS3.5 6.2.2: a UN of undefined length is a sequence in implicit VR, little endian.
                yield from self._items(value, length, here, implicit=implicit or vr == "UN")
                at = self.end
                continue
            if known == "SQ" and value + length <= end:
                yield from self._unknown(value, length, here)
                at = value + length
                continue
            at = self._fragments(value) if length == _UNDEFINED else value + length
            if at > end:
                raise Doubt("proof", "an element of the output runs past what holds it")
            yield Element(here, known or vr, self.data[value:at])
        self.end = at

    def _items(
        self, at: int, length: int, path: tuple[int, ...], *, implicit: bool
    ) -> Iterator[Element]:
        end = len(self.data) if length == _UNDEFINED else at + length
        while at < end:
            tag, size = self._tag_and_length(at)
            at += 8
            if tag == _SEQUENCE_END:
                break
            if tag != _ITEM:
                raise Doubt("proof", "a sequence of the output holds something other than items")
            undefined = size == _UNDEFINED
            yield from self.elements(
                at, end if undefined else at + size, path, implicit=implicit, delimited=undefined
            )
            at = self.end
        self.end = at

    def _unknown(self, at: int, length: int, path: tuple[int, ...]) -> Iterator[Element]:
        """A sequence of VR UN that tells its length: its items, or its bytes if it has none."""
        try:
            inside = list(self._items(at, length, path, implicit=True))
        except (Doubt, struct.error):
            inside = [Element(path, "UN", self.data[at : at + length])]
        yield from inside

    def _fragments(self, at: int) -> int:
        while True:
            tag, size = self._tag_and_length(at)
            at += 8
            if tag == _SEQUENCE_END:
                return at
            at += size

    def _tag_and_length(self, at: int) -> tuple[int, int]:
        group, element, size = struct.unpack_from(self.order + "HHI", self.data, at)
        return group << 16 | element, size

    def header(self, at: int, *, implicit: bool) -> tuple[int, str, int, int]:
        """Tag, VR, offset of the value, its length."""
        tag, length = self._tag_and_length(at)
        if tag >> 16 == 0xFFFE:
            return tag, "", at + 8, length
        vr = self.data[at + 4 : at + 6]
        if not implicit and vr in _SHORT:
            return (
                tag,
                vr.decode(),
                at + 8,
                struct.unpack_from(self.order + "H", self.data, at + 6)[0],
            )
        if not implicit and vr in _LONG:
            return (
                tag,
                vr.decode(),
                at + 12,
                struct.unpack_from(self.order + "I", self.data, at + 8)[0],
            )
        return tag, dictionary_vr(tag) or "UN", at + 8, length
