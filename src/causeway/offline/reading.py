"""One file, opened: an object whose bytes can be asked for, or what it is instead."""

from __future__ import annotations

import contextlib
import os
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from causeway.deidentify.edit.clean import DIRECTORY, Source
from causeway.deidentify.edit.window import Fetch
from causeway.offline.outcome import Fate
from causeway.offline.places import MEMBER_LIMIT, Item
from causeway.part10 import HEAD_BYTES, NotSendable, Part10, part10_of

_ZIP: Final = b"PK\x03\x04"
_GZIP: Final = b"\x1f\x8b"
_FIRST_GROUP: Final = b"\x08\x00"


class NoObject(Exception):
    """Why there is nothing to de-identify in a file."""

    def __init__(self, fate: Fate, code: str, reason: str) -> None:
        super().__init__(reason)
        self.fate, self.code, self.reason = fate, code, reason


@contextlib.contextmanager
def opened(item: Item) -> Iterator[Source]:
    """The object in a file. Raises ``NoObject``, and ``OSError`` if it cannot be read."""
    if item.member:
        data = _member(item)
        part = _part(item, data[:HEAD_BYTES], len(data))
        yield _source(part, lambda at, size: data[at : at + size])
        return
    descriptor = os.open(item.path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        part = _part(item, os.pread(descriptor, HEAD_BYTES, 0), size)
        yield _source(part, lambda at, count: os.pread(descriptor, count, at))
    finally:
        os.close(descriptor)


def _source(part: Part10, read: Fetch) -> Source:
    def fetch(offset: int, size: int) -> bytes:
        return read(part.offset + offset, max(0, min(size, part.size - offset)))

    return Source(
        fetch=fetch,
        size=part.size,
        sop_class_uid=part.sop_class_uid,
        sop_instance_uid=part.sop_instance_uid,
        transfer_syntax_uid=part.transfer_syntax_uid,
    )


def _part(item: Item, head: bytes, size: int) -> Part10:
    try:
        part = part10_of(item.path, head, size)
    except NotSendable as error:
        raise _no_object(head, size, str(error)) from None
    return part


def _no_object(head: bytes, size: int, reason: str) -> NoObject:
    if head[128:132] == b"DICM":
        if DIRECTORY.encode() in head:
            return NoObject(Fate.DIRECTORY, "directory", "a DICOMDIR")
        return NoObject(Fate.IN_DOUBT, "file-meta", reason)
    if not size:
        return NoObject(Fate.NOT_DICOM, "empty", "an empty file")
    if head.startswith(_ZIP):
        return NoObject(Fate.NOT_DICOM, "archive", "an archive that is not named .zip, or in one")
    if head.startswith(_GZIP):
        return NoObject(Fate.NOT_DICOM, "archive", "compressed by gzip")
    if head.startswith(_FIRST_GROUP):
        # A data set as it went over the network, or of ACR-NEMA: nothing says how it is written.
        return NoObject(Fate.IN_DOUBT, "no-file-meta", "it seems to be a data set without a header")
    return NoObject(Fate.NOT_DICOM, "not-dicom", "no DICOM file")


@lru_cache(maxsize=1)
def _archive(path: Path, modified: int) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:  # noqa: ARG001
    """Kept open for the next member: its list of members may be long. ``modified`` tells apart what
    the path stood for before.
    """
    archive = zipfile.ZipFile(path)
    return archive, [each for each in archive.infolist() if not each.is_dir()]


def _member(item: Item) -> bytes:
    if item.size > MEMBER_LIMIT:
        most = f"{MEMBER_LIMIT >> 20} MiB"
        raise NoObject(Fate.FAILED, "size", f"in a ZIP, and more than {most}: unpack it first")
    try:
        archive, members = _archive(item.path, item.modified)
        with archive.open(members[item.place.member - 1]) as file:
            data = file.read(item.size + 1)
    except OSError:
        raise
    except RuntimeError:  # what zipfile raises where a password is needed
        raise NoObject(Fate.FAILED, "encrypted", "an encrypted member of a ZIP") from None
    except Exception:  # noqa: BLE001 - zipfile and zlib raise what they like for what is broken
        raise NoObject(
            Fate.FAILED, "archive", "a member of a ZIP that cannot be unpacked"
        ) from None
    if len(data) != item.size:
        raise NoObject(Fate.FAILED, "archive", "a member of another length than its ZIP says")
    return data
