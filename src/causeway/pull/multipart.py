"""Parts of a ``multipart/related`` answer as they come, and the data set of a Part 10 file in each.

Nothing is kept but what a boundary or the head of a file may still need, so that a series of any
size takes a few kilobytes. RFC 2046 5.1.1; PS3.10 7.1.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from causeway.errors import BadDataSet

LONGEST_HEAD: Final = 1 << 20
"""Of the headers of a part, and of the file meta information."""
_PREAMBLE: Final = 128


@dataclass(frozen=True, slots=True)
class Begin:
    """A part begins."""


@dataclass(frozen=True, slots=True)
class Data:
    """Bytes of it."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """It was whole."""


def boundary_of(content_type: str) -> bytes:
    """The delimiter of a multipart answer. Raises ``BadDataSet`` for another kind of answer."""
    kind, *parameters = content_type.split(";")
    if kind.strip().lower() == "multipart/related":
        for parameter in parameters:
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "boundary" and value:
                return b"--" + value.strip('"').encode("ascii", "replace")
    raise BadDataSet("the answer to a retrieval is not multipart/related with a boundary")


def parts(pieces: Iterable[bytes], delimiter: bytes) -> Iterator[Begin | Data | End]:
    """The parts of an answer. Raises ``BadDataSet`` where it breaks off."""
    source = iter(pieces)
    buffer = b""
    opening = True
    while True:
        # Up to the delimiter, which begins a line; before the first there may be a preamble.
        mark = delimiter if opening else b"\r\n" + delimiter
        while (at := buffer.find(mark)) < 0:
            keep = len(mark) - 1
            if not opening and len(buffer) > keep:
                yield Data(buffer[: len(buffer) - keep])
                buffer = buffer[len(buffer) - keep :]
            buffer += _next(source)
            if opening and len(buffer) > LONGEST_HEAD:
                raise BadDataSet("the answer to a retrieval has no part in it")
        if not opening:
            if at:
                yield Data(buffer[:at])
            yield End()
        opening = False
        buffer = buffer[at + len(mark) :]
        while len(buffer) < 2:
            buffer += _next(source)
        if buffer.startswith(b"--"):
            for _ in source:
                pass  # an epilogue, which means nothing
            return
        while (end := buffer.find(b"\r\n\r\n")) < 0:
            if len(buffer) > LONGEST_HEAD:
                raise BadDataSet("a part of the answer to a retrieval has no end of its headers")
            buffer += _next(source)
        buffer = buffer[end + 2 :]  # the line's end before the data is the delimiter's, if empty
        yield Begin()
        if not buffer.startswith(b"\r\n" + delimiter):
            buffer = buffer[2:]


def _next(source: Iterator[bytes]) -> bytes:
    for piece in source:
        if piece:
            return piece
    raise BadDataSet("the answer to a retrieval breaks off")


@dataclass(frozen=True, slots=True, kw_only=True)
class FileMeta:
    """What file meta information says of its data set."""

    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    size: int
    """Bytes before the data set."""


def file_meta(head: bytes) -> FileMeta | None:
    """Of the first bytes of a Part 10 file; None if there are too few. Raises ``BadDataSet``."""
    start = _PREAMBLE + 4
    if len(head) < start + 12:
        return None
    if head[_PREAMBLE:start] != b"DICM":
        raise BadDataSet("a part of the answer to a retrieval is no DICOM file")
    tag, vr, length, group_length = struct.unpack_from("<I2sHI", head, start)
    if tag != 0x00000002 or vr != b"UL" or length != 4 or group_length > LONGEST_HEAD:
        raise BadDataSet("the file meta information does not say how long it is")
    size = start + 12 + group_length
    if len(head) < size:
        return None
    values: dict[int, str] = {}
    position = start + 12
    while position + 8 <= size:
        group, element, vr, length = struct.unpack_from("<HH2sH", head, position)
        position += 8
        if vr in (b"OB", b"UN", b"SQ", b"UT", b"UC", b"UR"):
            (length,) = struct.unpack_from("<I", head, position)
            position += 4
        if group == 0x0002:
            values[element] = (
                head[position : position + length].rstrip(b"\0 ").decode("ascii", "replace")
            )
        position += length
    found = [values.get(element, "") for element in (0x0002, 0x0003, 0x0010)]
    if not all(found):
        raise BadDataSet("the file meta information lacks a UID")
    return FileMeta(
        sop_class_uid=found[0], sop_instance_uid=found[1], transfer_syntax_uid=found[2], size=size
    )
