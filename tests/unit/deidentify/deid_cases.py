"""What the tests of editing in place share: an object edited, a doubt met."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest
from deid_parts import (
    BIG,
    DEFLATED,
    EXPLICIT,
    IMPLICIT,
    E,
    Write,
    cleaned,
    plan,
    rule,
)

from causeway.deidentify.edit.reading import Element, read_items, read_level
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Plan

NAME, ID, BIRTH = 0x00100010, 0x00100020, 0x00100030

COMMENT, SERIES, CONTENT = 0x00204000, 0x0008103E, 0x00081140

ITEM_END = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)

SYNTAXES = {
    EXPLICIT: Write(),
    IMPLICIT: Write(implicit=True),
    BIG: Write(little=False),
    DEFLATED: Write(),
}


def edited(
    write: Write, *elements: bytes, by: Plan | None = None, syntax: str = EXPLICIT
) -> dict[int, Element]:
    """The data set that comes of ``elements`` behind a head."""
    data = write.head() + b"".join(elements)
    if syntax == DEFLATED:
        data = deflated(data)
    made = cleaned(data, by or plan(), syntax)[0]
    if syntax == DEFLATED:
        made = zlib.decompress(made, -zlib.MAX_WBITS)
    found = read_level(made, implicit=write.implicit, little=write.little)
    tags = [each.tag for each in found]
    assert tags == sorted(tags)
    return {each.tag: each for each in found}


def items(element: Element, write: Write = E) -> list[dict[int, Element]]:
    found = element.items
    if found is None:
        found = read_items(element.value, implicit=write.implicit, little=write.little)
    return [{each.tag: each for each in item} for item in found]


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(data) + packer.flush()
    return packed + b"\0" * (len(packed) % 2)


def doubt(data: bytes, by: Plan | None = None, syntax: str = EXPLICIT, *, head: bool = True) -> str:
    """The code of the doubt that an object meets."""
    with pytest.raises(Doubt) as caught:
        cleaned(E.head() + data if head else data, by or plan(), syntax)
    assert caught.value.code != "unforeseen", caught.value
    return caught.value.code


CONTENT_LATER = 0x00400275


def value(
    action: str, vr: str, old: bytes | str, tag: int = COMMENT, charset: str = "ISO_IR 100",
    **more: object,
) -> bytes | None:  # fmt: skip
    data = E.head(charset) + E.element(tag, vr, old)
    made, _ = cleaned(data, plan({tag: rule(action, **more)}))
    found = {each.tag: each.value for each in read_level(made, implicit=False)}
    return found.get(tag)


def type_of(kind: str) -> Callable[[str, int], str]:
    return lambda sop_class, tag: kind
