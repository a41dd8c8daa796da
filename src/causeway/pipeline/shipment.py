"""A parcel's bytes on their way: instances one by one, or as an archive with its JSON.

Each instance is read with its digest checked, gets its file meta information, and goes out. Into an
archive, what fits into memory goes through once. A larger member is read in pieces, so memory stays
flat: stored it is read twice, first for its CRC, which a ZIP has in front of the member, and so a
member that does not match its digest is found before a byte of it is given away.

Whatever goes out goes through a ``Pace``, which keeps the destination's bandwidth and ends the
flow when the work is not ours any more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from functools import cached_property, partial
from typing import Any, Protocol

from causeway.destinations import Seal, Write
from causeway.pipeline import manifest
from causeway.pipeline.archive import ZipWriter
from causeway.pipeline.contents import Content
from causeway.spool import SMALL_OBJECT

Pace = Callable[[int], None]
"""Called with the number of bytes that are about to go out; waits for their turn, or raises."""


class Compression(StrEnum):
    """How members are kept in the archive."""

    STORED = "stored"
    DEFLATED = "deflated"


class Keeping(Protocol):
    """Where a delivery keeps what later attempts have to know."""

    def known(self) -> Mapping[str, str]: ...

    def remember(self, key: str, value: str) -> str: ...

    def replace(self, key: str, value: str | None) -> None: ...


def write_archive(
    content: Content,
    write: Write,
    compression: Compression = Compression.STORED,
    between: Callable[[], None] = lambda: None,
) -> int:
    """Give the archive's bytes; their number. Raises ``SpoolCorrupt``.

    ``between`` is called before each member, and what it raises ends it.
    """
    archive = ZipWriter(write, content.parcel.moment)
    for each in content.instances:
        between()
        if each.dataset_size <= SMALL_OBJECT:
            whole = (each.meta, b"".join(each.open()))
            if compression is Compression.STORED:
                archive.add_stored(each.name, whole)
            else:
                archive.add_deflated(each.name, whole)
        elif compression is Compression.STORED:
            crc = 0
            for piece in each.file():
                crc = zlib.crc32(piece, crc)
            archive.stream_stored(each.name, each.file(), size=each.size, crc=crc)
        else:
            archive.stream_deflated(each.name, each.file(), size=each.size)
    return archive.finish()


class ParcelShipment:
    """A parcel on its way to one destination, as destinations see it."""

    def __init__(
        self,
        content: Content,
        *,
        key: str,
        attempt: int,
        folders: tuple[str, ...],
        created_at: float,
        keeping: Keeping,
        urgent: bool = False,
        compression: Compression = Compression.STORED,
        pace: Pace = lambda _size: None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self.key = key
        self.attempt = attempt
        self.urgent = urgent
        self.folders = folders
        self.name = content.parcel.name
        self.instances = tuple(
            replace(each, open=partial(_paced, each.open, pace)) for each in content.instances
        )
        self._content = content
        self._created_at = created_at
        self._compression = compression
        self._pace = pace
        self._between = between
        self._keeping = keeping
        self._known = dict(keeping.known())

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        return manifest.manifest(self._content, self._created_at)

    def archive(self, write: Write) -> None:
        def paced(parts: Sequence[bytes]) -> None:
            self._pace(sum(map(len, parts)))
            write(parts)

        write_archive(self._content, paced, self._compression, self._between)

    def metadata(self, seal: Seal) -> bytes:
        return manifest.metadata(self._content, seal, self._compression.value, self._created_at)

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        return manifest.is_same_parcel(text, self.metadata(seal))

    def recall(self, key: str) -> str | None:
        return self._known.get(key)

    def remember(self, key: str, value: str) -> str:
        self._known[key] = self._keeping.remember(key, value)
        return self._known[key]

    def replace(self, key: str, value: str | None) -> None:
        self._keeping.replace(key, value)
        if value is None:
            self._known.pop(key, None)
        else:
            self._known[key] = value


def _paced(read: Callable[[], Iterator[bytes]], pace: Pace) -> Iterator[bytes]:
    for piece in read():
        pace(len(piece))
        yield piece
