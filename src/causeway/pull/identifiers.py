"""Identifiers of queries: attributes to bytes, and the bytes of an answer to attributes.

Small data sets of one level, as PS3.4 C.4 has them; what a node adds is taken if it is text or a
number, and passed over if it is a sequence. Values are decoded by the character set that the answer
names, and by what they are where it names none (see ``text``).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from causeway.attributes import Attributes, name_of
from causeway.dictionary import dictionary_vr
from causeway.dimse import EXPLICIT_VR_LITTLE_ENDIAN
from causeway.errors import BadDataSet
from causeway.text import decode, encode

CHARSET: Final = 0x00080005
LEVEL: Final = 0x00080052
_LONG: Final = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_NUMBERS: Final = {
    "US": "<H", "UL": "<I", "SS": "<h", "SL": "<i", "FL": "<f", "FD": "<d", "UV": "<Q", "SV": "<q",
}  # fmt: skip
_PROSE: Final = frozenset({"LT", "ST", "UT"})
_BINARY: Final = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "AT"})
_UNDEFINED: Final = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFEE000, 0xFFFEE00D, 0xFFFEE0DD
_DEEPEST: Final = 16
_IMPLICIT_HEAD: Final = struct.Struct("<HHI")


@lru_cache(maxsize=4096)
def vr_of(tag: int) -> str:
    """By PS3.6; text for what it does not list."""
    try:
        return dictionary_vr(tag)[:2]
    except KeyError:
        return "LO"


def encode_identifier(
    values: Mapping[int, str], transfer_syntax_uid: str, *, charset: str = ""
) -> bytes:
    """A data set of these attributes, in the order of tags; empty ones ask for their value.

    ``charset`` is named where a value needs it. Raises ``BadDataSet`` where it does not have it.
    """
    wanted = dict(values)
    if any(not value.isascii() for value in values.values()):
        wanted[CHARSET] = charset
    explicit = transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN
    return b"".join(
        _element(tag, value, charset, explicit=explicit) for tag, value in sorted(wanted.items())
    )


def _element(tag: int, value: str, charset: str, *, explicit: bool) -> bytes:
    vr = vr_of(tag)
    if vr in _NUMBERS:
        raw = struct.pack(_NUMBERS[vr], int(value)) if value else b""
    elif vr == "SQ":
        raw = b""
    else:
        found = encode(value, charset, name=vr == "PN", prose=vr in _PROSE)
        if found is None:
            raise BadDataSet(
                f"{name_of(tag)} has characters that {charset or 'ASCII'} does not",
                hint="choose another charset for the node, such as ISO_IR 192 (UTF-8)",
            )
        raw = found + (b"\0" if vr == "UI" else b" ") * (len(found) % 2)
    group, element = tag >> 16, tag & 0xFFFF
    if not explicit:
        return struct.pack("<HHI", group, element, len(raw)) + raw
    name = vr.encode("ascii")
    if name in _LONG:
        return struct.pack("<HH2sHI", group, element, name, 0, len(raw)) + raw
    return struct.pack("<HH2sH", group, element, name, len(raw)) + raw


def decode_identifier(raw: bytes, transfer_syntax_uid: str) -> Attributes:
    """What an answer says. Raises ``BadDataSet`` for what is no data set."""
    explicit = transfer_syntax_uid == EXPLICIT_VR_LITTLE_ENDIAN
    try:
        found = list(_elements(raw, explicit=explicit))
    except (struct.error, IndexError):
        raise BadDataSet("an answer to a query breaks off in an element") from None
    charset = next(
        (data.decode("ascii", "replace") for tag, _, data in found if tag == CHARSET), ""
    )
    charset = charset.strip(" \0")
    values: dict[int, tuple[str, ...]] = {}
    for tag, vr, data in found:
        if vr in _BINARY:
            continue
        if vr in _NUMBERS:
            size = struct.calcsize(_NUMBERS[vr])
            whole = len(data) - len(data) % size
            values[tag] = tuple(
                str(each[0]) for each in struct.iter_unpack(_NUMBERS[vr], data[:whole])
            )
            continue
        prose = vr in _PROSE
        text = decode(data, charset, name=vr == "PN", prose=prose)
        if not text:
            values[tag] = ()
        elif prose or "\\" not in text:
            values[tag] = (text,)
        else:
            values[tag] = tuple(part.strip(" ") for part in text.split("\\"))
    return Attributes(values=values)


def _elements(raw: bytes, *, explicit: bool) -> Iterable[tuple[int, str, bytes]]:
    position, end = 0, len(raw)
    unpack = struct.unpack_from
    implicit_head = _IMPLICIT_HEAD.unpack_from
    while position < end:
        if not explicit:
            group, element, length = implicit_head(raw, position)
            tag, position = group << 16 | element, position + 8
            vr = vr_of(tag)
        else:
            group, element = unpack("<HH", raw, position)
            tag = group << 16 | element
            name = raw[position + 4 : position + 6]
            if name in _LONG:
                length, position = unpack("<I", raw, position + 8)[0], position + 12
            else:
                length, position = unpack("<H", raw, position + 6)[0], position + 8
            vr = name.decode("ascii", "replace")
        if length == _UNDEFINED:
            position = _after_sequence(raw, position, explicit=explicit, depth=0)
            continue
        if position + length > end:
            raise IndexError
        if vr != "SQ":
            yield tag, vr, raw[position : position + length]
        position += length


def _after_sequence(raw: bytes, position: int, *, explicit: bool, depth: int) -> int:
    """Where a sequence of undefined length ends."""
    if depth > _DEEPEST:
        raise BadDataSet("an answer to a query nests sequences too deeply")
    while True:
        group, element, length = struct.unpack_from("<HHI", raw, position)
        tag, position = group << 16 | element, position + 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise IndexError
        if length != _UNDEFINED:
            position += length
            continue
        position = _after_item(raw, position, explicit=explicit, depth=depth)


def _after_item(raw: bytes, position: int, *, explicit: bool, depth: int) -> int:
    while True:
        group, element, length = struct.unpack_from("<HHI", raw, position)
        tag = group << 16 | element
        if tag == _ITEM_END:
            return position + 8
        if explicit:
            if raw[position + 4 : position + 6] in _LONG:
                length, position = struct.unpack_from("<I", raw, position + 8)[0], position + 12
            else:
                length, position = struct.unpack_from("<H", raw, position + 6)[0], position + 8
        else:
            position += 8
        if length == _UNDEFINED:
            position = _after_sequence(raw, position, explicit=explicit, depth=depth + 1)
        else:
            position += length
