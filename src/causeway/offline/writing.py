"""What is written: where, under which name, and that it is whole.

A file stands under its name only when all of it is on the disk: it is written beside it, synced and
linked to its name, which fails where something has that name. What is there is compared, and never
written over. Names are made of what the object itself says after de-identification, and of the
subject's pseudonym, so they cannot say more than what is in the file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from causeway.attributes import Attributes

STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E
PARTIAL: Final = ".part"

_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,62}[A-Za-z0-9_-]|[A-Za-z0-9]")
_NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})
_COMPARED: Final = 1 << 20


class Another(Exception):
    """Other bytes stand under the name."""


def place_of(after: Attributes, sop_instance_uid: str, subject: str, named: str) -> PurePosixPath:
    """Where an object is put below the output: subject, study, series, instance.

    ``after`` is what the output says of itself. What is no UID there (a profile may do as it likes)
    is not made a name: ``named``, a pseudonym, stands in for it.
    """
    return PurePosixPath(
        subject if _LABEL.fullmatch(subject) else named,
        _uid(after.first(STUDY), named),
        _uid(after.first(SERIES), named),
        f"{_uid(sop_instance_uid, named)}.dcm",
    )


def _uid(text: str, otherwise: str) -> str:
    return text if len(text) <= 64 and _UID.fullmatch(text) else otherwise


def write(root: Path, name: PurePosixPath, pieces: Iterable[bytes]) -> int | None:
    """Write a file; how many bytes, or None if the same bytes stand there already.

    Raises ``Another`` if other bytes do. Its folder is to be synced by ``sync_folders``.
    """
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{os.getpid()}-{path.name}{PARTIAL}")
    try:
        with beside.open("xb", buffering=0) as file:
            size = 0
            for piece in pieces:
                size += _all_of(file.fileno(), piece)
            os.fsync(file.fileno())
        try:
            _link(beside, path)
        except FileExistsError:
            if _same(beside, path):
                return None
            raise Another from None
        return size
    finally:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()


def _all_of(descriptor: int, piece: bytes) -> int:
    view = memoryview(piece)
    while view:
        view = view[os.write(descriptor, view) :]
    return len(piece)


def _link(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A file system without links. Two that write one name at once are two copies of one object.
        if path.exists():
            raise FileExistsError from None
        beside.rename(path)


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while piece := first.read(_COMPARED):
            if piece != second.read(_COMPARED):
                return False
    return True


def sync_folders(root: Path, names: Iterable[PurePosixPath]) -> None:
    """Make the names of what was written last: each folder on the way up to the root."""
    folders = {root / parent for name in names for parent in name.parents}
    for folder in sorted(folders, key=lambda each: -len(each.parts)):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        except OSError as error:
            # Some network file systems know no sync of folders; there is nothing else to do then.
            if error.errno not in (errno.EINVAL, errno.ENOTSUP):
                raise
        finally:
            os.close(descriptor)


def leftovers(root: Path) -> Iterator[Path]:
    """What a run that was killed has left half."""
    for folder, _, names in os.walk(root):
        for name in names:
            if name.startswith(".") and name.endswith(PARTIAL):
                yield Path(folder, name)
