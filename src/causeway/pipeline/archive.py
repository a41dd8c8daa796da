"""A ZIP written front to back, whose bytes depend on nothing but what is put in.

Not the standard library's: to an output that cannot seek it writes every member with a data
descriptor, which readers that stream refuse for stored members (``java.util.zip.ZipInputStream``:
"only DEFLATED entries can have EXT descriptor"); and some of its fields depend on the host. Speed
is not a reason: both take about what the CRC takes.

Format: APPNOTE.TXT 6.3.10, whose section numbers stand below. ZIP64 where, and only where, a size,
an offset or the number of members does not fit. Names are ASCII. The time of all members is the
caller's. Sizes and CRC stand in front of a member, except of a large deflated one: its compressed
size is known afterwards, so they follow it (4.3.9).
"""

from __future__ import annotations

import datetime as dt
import struct
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

Write = Callable[[Sequence[bytes]], None]
"""Takes the next bytes of the archive, in parts so that none have to be joined."""

LEVEL: Final = 6
"""zlib's own default. Deflating images is a choice of size over time already."""

_FULL_32: Final = 0xFFFFFFFF
_FULL_16: Final = 0xFFFF
"""A field of all ones says that the number is in ZIP64's (4.4.1.4)."""
_STORED: Final = 0
_DEFLATED: Final = 8
_DESCRIPTOR_FOLLOWS: Final = 1 << 3
_VERSION_BASIC: Final = 20
_VERSION_ZIP64: Final = 45
_MADE_BY_UNIX: Final = 3 << 8
_MODE_FILE_0644: Final = 0o100644 << 16

_LOCAL: Final = struct.Struct("<4s5H3L2H")  # 4.3.7
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")  # 4.3.12
_END: Final = struct.Struct("<4s4H2LH")  # 4.3.16
_END64: Final = struct.Struct("<4sQ2H2L4Q")  # 4.3.14
_LOCATOR64: Final = struct.Struct("<4sLQL")  # 4.3.15

FIRST_MOMENT: Final = dt.datetime(1980, 1, 1)  # noqa: DTZ001 - MS-DOS time has no zone
LAST_MOMENT: Final = dt.datetime(2107, 12, 31, 23, 59, 58)  # noqa: DTZ001


def crc_of(parts: Iterable[bytes]) -> int:
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    return crc


@dataclass(frozen=True, slots=True)
class _Entry:
    """A member, as local header and central directory tell it."""

    name: bytes
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    flags: int = 0

    def local_header(self, clock: tuple[int, int], *, zip64: bool) -> bytes:
        packed, size, extra = self.packed, self.size, b""
        if zip64:
            extra = struct.pack("<2H2Q", 1, 16, size, packed)  # 4.5.3
            packed = size = _FULL_32
        fixed = _LOCAL.pack(
            b"PK\x03\x04", _VERSION_ZIP64 if zip64 else _VERSION_BASIC, self.flags, self.method,
            *clock, self.crc, packed, size, len(self.name), len(extra),
        )  # fmt: skip
        return fixed + self.name + extra

    def central_header(self, clock: tuple[int, int], *, large_from: int) -> bytes:
        shown, large = [], b""
        for value in (self.size, self.packed, self.offset):
            shown.append(value if value < large_from else _FULL_32)
            if value >= large_from:
                large += struct.pack("<Q", value)
        extra = struct.pack("<2H", 1, len(large)) + large if large else b""
        version = _VERSION_ZIP64 if large else _VERSION_BASIC
        fixed = _CENTRAL.pack(
            b"PK\x01\x02", _MADE_BY_UNIX | version, version, self.flags, self.method, *clock,
            self.crc, shown[1], shown[0], len(self.name), len(extra), 0, 0, 0, _MODE_FILE_0644,
            shown[2],
        )  # fmt: skip
        return fixed + self.name + extra


class ZipWriter:
    """Members one after the other, then ``finish``.

    ``large_from`` is the first number that takes ZIP64; a test can lower it.
    """

    def __init__(
        self, write: Write, moment: dt.datetime | None = None, *, large_from: int = _FULL_32
    ) -> None:
        self._write = write
        self._large_from = large_from
        at = min(max(moment or FIRST_MOMENT, FIRST_MOMENT), LAST_MOMENT)
        self._clock = (
            at.hour << 11 | at.minute << 5 | at.second // 2,
            (at.year - 1980) << 9 | at.month << 5 | at.day,
        )
        self._entries: list[_Entry] = []
        self._offset = 0

    def add_stored(self, name: str, whole: Sequence[bytes]) -> None:
        """A member that is in memory, as it is."""
        size = sum(map(len, whole))
        entry = _Entry(name.encode("ascii"), _STORED, crc_of(whole), size, size, self._offset)
        self._add(entry, whole)

    def stream_stored(self, name: str, parts: Iterable[bytes], *, size: int, crc: int) -> None:
        """A member that is not held in memory, as it is; its CRC must be known beforehand."""
        self._add(_Entry(name.encode("ascii"), _STORED, crc, size, size, self._offset), ())
        written = 0
        for part in parts:
            self._write((part,))
            written += len(part)
        _agree(written, size)

    def add_deflated(self, name: str, whole: Sequence[bytes]) -> None:
        """A member that is in memory, deflated."""
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        packed = [deflater.compress(part) for part in whole]
        packed.append(deflater.flush())
        entry = _Entry(
            name.encode("ascii"), _DEFLATED, crc_of(whole),
            sum(map(len, packed)), sum(map(len, whole)), self._offset,
        )  # fmt: skip
        self._add(entry, packed)

    def stream_deflated(self, name: str, parts: Iterable[bytes], *, size: int) -> None:
        """A member that is not held in memory, deflated; its CRC and sizes follow it."""
        # What deflate cannot shrink it grows, by five bytes a block of at most 65,535 (RFC 1951).
        zip64 = size + size // 1000 + 1024 >= self._large_from
        begun = _Entry(name.encode("ascii"), _DEFLATED, 0, 0, 0, self._offset, _DESCRIPTOR_FOLLOWS)
        header = begun.local_header(self._clock, zip64=zip64)
        self._write((header,))
        deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        crc = packed = read = 0
        for part in parts:
            crc = zlib.crc32(part, crc)
            read += len(part)
            piece = deflater.compress(part)
            packed += len(piece)
            self._write((piece,))
        _agree(read, size)
        tail = deflater.flush()
        packed += len(tail)
        descriptor = struct.pack("<4sLQQ" if zip64 else "<4s3L", b"PK\x07\x08", crc, packed, size)
        self._write((tail, descriptor))
        self._entries.append(replace(begun, crc=crc, packed=packed, size=size))
        self._offset += len(header) + packed + len(descriptor)

    def finish(self) -> int:
        """Write the directory; the size of the archive."""
        begin = self._offset
        for entry in self._entries:
            header = entry.central_header(self._clock, large_from=self._large_from)
            self._write((header,))
            self._offset += len(header)
        size, count = self._offset - begin, len(self._entries)
        end = b""
        large = max(begin, size) >= self._large_from
        if large or count >= _FULL_16:
            end = _END64.pack(
                b"PK\x06\x06", _END64.size - 12, _MADE_BY_UNIX | _VERSION_ZIP64, _VERSION_ZIP64,
                0, 0, count, count, size, begin,
            )  # fmt: skip
            end += _LOCATOR64.pack(b"PK\x06\x07", 0, self._offset, 1)
        shown = min(count, _FULL_16)
        end += _END.pack(
            b"PK\x05\x06", 0, 0, shown, shown,
            _FULL_32 if large else size, _FULL_32 if large else begin, 0,
        )  # fmt: skip
        self._write((end,))
        self._offset += len(end)
        return self._offset

    def _add(self, entry: _Entry, body: Sequence[bytes]) -> None:
        zip64 = max(entry.size, entry.packed) >= self._large_from
        header = entry.local_header(self._clock, zip64=zip64)
        self._write((header, *body))
        self._entries.append(entry)
        self._offset += len(header) + entry.packed


def _agree(written: int, size: int) -> None:
    if written != size:
        raise ValueError(f"a member of {size} bytes had {written}")
