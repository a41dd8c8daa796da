"""Values as a person reads them."""

from __future__ import annotations

import struct
from typing import Final

from causeway.deidentify.edit.syntax import TEXT_VRS
from causeway.dictionary import uids
from causeway.preview.levels import Node
from causeway.text import decode

TEXT_LIMIT: Final = 400
"""Characters that are shown of one value."""
NUMBERS_LIMIT: Final = 24
"""Numbers that are shown of one attribute."""

_TEXTS: Final = TEXT_VRS | {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"}
_PROSE: Final = frozenset({"LT", "ST", "UT"})
_NUMBERS: Final = {
    "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q",
}  # fmt: skip


def shown(node: Node) -> str:
    """The value of an element that is no sequence."""
    if node.value is None:
        return "not shown here: see the images" if node.tag >> 16 == 0x7FE0 else "too long to show"
    if not node.value:
        return ""
    if node.vr in _TEXTS:
        return _cut(_text(node))
    if node.vr == "AT":
        return _tags(node)
    if (form := _NUMBERS.get(node.vr)) is not None:
        return _numbers(node, form)
    return _bytes(node.value)


def _text(node: Node) -> str:
    value = node.value or b""
    text = decode(value, node.level.charset, name=node.vr == "PN", prose=node.vr in _PROSE)
    if node.vr == "UI" and text in uids():
        return f"{text} ({uids()[text][0]})"
    return text


def _numbers(node: Node, form: str) -> str:
    value = node.value or b""
    order = "<" if node.level.is_little else ">"
    size = struct.calcsize(form)
    count = len(value) // size
    if not count or len(value) % size:
        return _bytes(value)
    numbers = struct.unpack_from(f"{order}{min(count, NUMBERS_LIMIT)}{form}", value)
    text = "\\".join(f"{each:.9g}" if isinstance(each, float) else str(each) for each in numbers)
    return text if count <= NUMBERS_LIMIT else f"{text}\\… ({count:,} numbers)"


def _tags(node: Node) -> str:
    value = node.value or b""
    order = "<" if node.level.is_little else ">"
    pairs = struct.iter_unpack(order + "HH", value[: len(value) // 4 * 4])
    return "\\".join(f"({group:04X},{element:04X})" for group, element in pairs)


def _bytes(value: bytes) -> str:
    """Text if it looks like it; else how many, and how they begin."""
    plain = value.rstrip(b"\0 ")
    if plain and all(32 <= each < 127 or each in (9, 10, 13) for each in plain[:TEXT_LIMIT]):
        return _cut(plain.decode("ascii", "replace"))
    start = value[:16].hex(" ")
    return f"{len(value):,} bytes: {start}{' …' if len(value) > 16 else ''}"


def _cut(text: str) -> str:
    return text if len(text) <= TEXT_LIMIT else f"{text[:TEXT_LIMIT]}… ({len(text):,} characters)"
