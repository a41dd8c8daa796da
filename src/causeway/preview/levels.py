"""An object as a tree of its elements, for showing it: lenient, and in flat memory.

Nothing is decided by what is read here. Long values (pixels, above all) are not read; only how long
they are is told.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from causeway.deidentify.edit.clean import DEFLATED, INFLATED_LIMIT, Source
from causeway.deidentify.edit.reading import (
    Element,
    Level,
    read_items,
    read_level,
    read_unknown_items,
)
from causeway.deidentify.edit.syntax import UNDEFINED, dictionary_vr, implicit_vr, is_implicit
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.scan import PIXELS, Dialect, Found, Scan, dialect_of

VALUE_LIMIT: Final = 64 * 1024
"""Bytes of a value that is no sequence and is read."""
SEQUENCE_LIMIT: Final = 64 * 1024 * 1024
_SPECIFIC_CHARACTER_SET: Final = 0x00080005
_ITEM: Final = b"\xfe\xff\x00\xe0"
_EXPLICIT: Final = "1.2.840.10008.1.2.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """An element."""

    tag: int
    vr: str
    """As it is written; in implicit VR, and of UN, that of the dictionary."""
    length: int
    level: Level
    """By which its value is read."""
    value: bytes | None = field(default=None, repr=False)
    """None for what is not read."""
    items: tuple[tuple[Node, ...], ...] | None = None
    digest: bytes = field(default=b"", repr=False)
    """Of a value that is not read: equal ones have equal digests."""


Digest = Callable[[Callable[[int, int], bytes], int, int], bytes]
"""(fetch, offset, size) → a digest of a long value."""


def tree_of(source: Source, digest: Digest) -> tuple[Node, ...]:
    """The elements of the top level, in order. Raises ``Doubt`` for what is not legible."""
    if source.transfer_syntax_uid in DEFLATED:
        source = _inflated(source)
    implicit = is_implicit(source.transfer_syntax_uid)
    dialect = dialect_of(source.transfer_syntax_uid)
    dialect = Dialect(implicit=implicit, little=dialect.little)
    reader = _Reader(implicit=implicit, little=dialect.little)
    try:
        found = Scan(source.fetch, source.size, dialect).elements()
    except Doubt:
        if source.size > SEQUENCE_LIMIT:
            raise
        data = source.fetch(0, source.size)
        return reader.nodes(
            _read(lambda: read_level(data, implicit=implicit, little=dialect.little))
        )
    return reader.nodes(
        (each for one in found for each in _elements(one, source, implicit, dialect.little)),
        {
            one.tag: digest(source.fetch, one.value, one.end - one.value)
            for one in found
            if _is_long(one)
        },
    )


def _is_long(found: Found) -> bool:
    if found.tag in PIXELS:
        return True
    is_sequence = (found.vr or dictionary_vr(found.tag)) == "SQ" or found.length == UNDEFINED
    return found.end - found.value > (SEQUENCE_LIMIT if is_sequence else VALUE_LIMIT)


def _elements(found: Found, source: Source, implicit: bool, little: bool) -> Iterator[Element]:
    if _is_long(found):
        yield Element(tag=found.tag, vr=found.vr, value=b"", is_fragments=True)
        return
    data = source.fetch(found.start, found.end - found.start)
    yield from _read(lambda: read_level(data, implicit=implicit, little=little))


def _read(read: Callable[[], Iterable[Element]]) -> tuple[Element, ...]:
    try:
        return tuple(read())
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - the text of a parser's error may quote a value
        raise Doubt("unreadable", f"pydicom cannot read it: {type(error).__name__}") from None


def _inflated(source: Source) -> Source:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(source.fetch(0, source.size), INFLATED_LIMIT)
    except zlib.error:
        raise Doubt("structure", "the deflated data set cannot be inflated") from None
    return replace(
        source,
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        transfer_syntax_uid=_EXPLICIT,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    implicit: bool
    little: bool

    def nodes(
        self, elements: Iterable[Element], long: Mapping[int, bytes] | None = None
    ) -> tuple[Node, ...]:
        return self._level(elements, Level(is_little=self.little), long or {}, 0)

    def _level(
        self, elements: Iterable[Element], level: Level, long: Mapping[int, bytes], depth: int
    ) -> tuple[Node, ...]:
        nodes: list[Node] = []
        for element in elements:
            tag = element.tag
            if tag == _SPECIFIC_CHARACTER_SET:
                text = element.value.decode("ascii", "replace").strip(" \0")
                level = replace(level, charset=text)
            vr = implicit_vr(tag) if element.vr in ("", "UN") else element.vr
            if element.is_fragments:
                nodes.append(
                    Node(tag=tag, vr=vr, length=-1, level=level, digest=long.get(tag, b""))
                )
                continue
            items = self._items(element, vr, depth)
            made = None
            if items is not None:
                inner = replace(level, is_top=False)
                made = tuple(self._level(item, inner, {}, depth + 1) for item in items)
            nodes.append(
                Node(
                    tag=tag,
                    vr="SQ" if made is not None else vr,
                    length=len(element.value),
                    level=level,
                    value=None if made is not None else element.value,
                    items=made,
                )
            )
        return tuple(nodes)

    def _items(
        self, element: Element, vr: str, depth: int
    ) -> tuple[tuple[Element, ...], ...] | None:
        """None for what is no sequence, or only pretends to be one."""
        if element.items is not None:
            return element.items
        is_hidden = vr == "UN" and element.value.startswith(_ITEM)
        if vr != "SQ" and not is_hidden:
            return None
        try:
            if element.vr == "UN" and not self.implicit:
                return read_unknown_items(element.value, depth=depth)
            return read_items(
                element.value,
                implicit=self.implicit or not element.vr,
                little=self.little,
                depth=depth,
            )
        except Exception:  # noqa: BLE001 - then it is shown as bytes
            return None
