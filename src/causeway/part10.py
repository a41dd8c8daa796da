"""The head of a DICOM file: what C-STORE needs to know of it, without decoding its data set.

PS3.10 section 7.1: 128 bytes of preamble, "DICM", then group 0002 in explicit VR little endian. The
data set begins where that group ends, and is sent from there on as it is.
"""

from __future__ import annotations

import mmap
import os
import stat
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"UC", b"UN", b"UR", b"UT", b"SV", b"UV"}
HEAD_BYTES = 16 * 1024
"""Group 0002 takes some 300 bytes; private information in it may make it a few thousand."""
_SOP_CLASS, _SOP_INSTANCE, _TRANSFER_SYNTAX = 0x0002, 0x0003, 0x0010
_DIRECTORY = "1.2.840.10008.1.3.10"
_PIECE_BYTES = 1 << 20


class NotSendable(Exception):
    """Not a DICOM file with an object in it; the text says why."""


class IsDirectory(NotSendable):
    """A DICOMDIR (PS3.10 section 8): it lists objects, and is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part10:
    """A DICOM file."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    offset: int
    """Where the data set begins."""
    size: int
    """Bytes of the data set."""

    def pieces(self) -> Iterator[memoryview]:
        """The data set, read when its turn has come and never held as a whole."""
        with (
            self.path.open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            for start in range(self.offset, self.offset + self.size, _PIECE_BYTES):
                yield memoryview(content[start : min(start + _PIECE_BYTES, len(content))])


def files_below(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that are named, and those in the folders that are named, in order."""
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                yield Path(folder, name)


def read_part10(path: Path) -> Part10:
    """What the file's head says. Raises ``NotSendable``; ``OSError`` if it cannot be read."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise NotSendable("no ordinary file")  # opening a pipe would wait for somebody to write
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        size = file.seek(0, 2)
    return part10_of(path, head, size)


def part10_of(path: Path, head: bytes, size: int) -> Part10:
    """As ``read_part10``, of the first bytes of a file of that size: ``HEAD_BYTES``, or all."""
    if len(head) < 132 or head[128:132] != b"DICM":
        raise NotSendable("no DICOM file")
    values, offset = _group_2(head)
    if values.get(_SOP_CLASS) == _DIRECTORY:
        raise IsDirectory("a DICOMDIR, which lists objects and is none")
    for element, name in (
        (_SOP_CLASS, "SOP class"),
        (_SOP_INSTANCE, "SOP instance"),
        (_TRANSFER_SYNTAX, "transfer syntax"),
    ):
        if not values.get(element):
            raise NotSendable(f"its file meta information has no {name} UID")
    if offset >= size:
        raise NotSendable("it has no data set")
    return Part10(
        path=path,
        sop_class_uid=values[_SOP_CLASS],
        sop_instance_uid=values[_SOP_INSTANCE],
        transfer_syntax_uid=values[_TRANSFER_SYNTAX],
        offset=offset,
        size=size - offset,
    )


def _group_2(head: bytes) -> tuple[dict[int, str], int]:
    """The UIDs of group 0002, and where it ends."""
    values: dict[int, str] = {}
    at = 132
    while at + 8 <= len(head):
        group, element, vr, length = struct.unpack_from("<HH2sH", head, at)
        if group != 0x0002:
            return values, at
        at += 8
        if vr in _LONG:
            if at + 4 > len(head):
                break
            (length,) = struct.unpack_from("<I", head, at)
            at += 4
        if vr == b"UI":
            values[element] = head[at : at + length].decode("ascii", "replace").strip("\0 ")
        at += length
    if at == len(head) < HEAD_BYTES:
        return values, at
    raise NotSendable("its file meta information is broken or too long")
