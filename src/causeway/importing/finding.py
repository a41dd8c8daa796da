"""What there is to import: DICOM files, members of ZIP archives, and what a DICOMDIR lists.

Nothing is unpacked: members are read where they are, and a path in an archive or a directory never
becomes one on this machine. What is no object is named with the reason; nothing is passed over in
silence.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from causeway.part10 import HEAD_BYTES, IsDirectory, NotSendable, files_below, part10_of

PIECE_BYTES: Final = 1 << 20
DIRECTORY_BYTES: Final = 256 * 1024 * 1024
"""A directory of a whole archive of 100,000 images takes some 60 MB; a larger one is not read."""
_ZIP_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")
_ENCRYPTED: Final = 0x1


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An object that can be imported."""

    place: str = field(repr=False)
    """Where it is, for the person who asked: a path, or ``archive.zip!member``."""
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    size: int
    """Bytes of the data set."""
    open: Callable[[], Iterator[bytes]] = field(repr=False)
    """The data set from its beginning, in pieces; each call reads anew. Raises ``OSError``, and
    ``Damaged`` for bytes that are not what the archive says of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedOver:
    """Something that is not imported."""

    place: str = field(repr=False)
    reason: str
    lost: bool = False
    """Whether an object is missing for it, and not merely something that is none."""


class Damaged(Exception):
    """An archive's member cannot be read as it was put in."""


class Archives:
    """ZIP archives that are being read: one is open at a time, as they are read in order."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._archive: zipfile.ZipFile | None = None

    def open(self, path: Path) -> zipfile.ZipFile:
        """Raises ``zipfile.BadZipFile``, ``NotImplementedError``, ``OSError``."""
        if self._archive is None or self._path != path:
            self.close()
            self._archive, self._path = zipfile.ZipFile(path), path
        return self._archive

    def close(self) -> None:
        if self._archive is not None:
            self._archive.close()
            self._archive = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def find(paths: Iterable[Path], archives: Archives) -> Iterator[Candidate | PassedOver]:
    """What is at and below these paths, in order.

    Members of archives can be read until ``archives`` is closed. A DICOMDIR that is named stands
    for the files that it lists. One that is met in a folder says what should be there: what it
    lists and is missing is said.
    """
    for path in paths:
        named = not path.is_dir()
        for file in files_below([path]):
            yield from _of_file(file, archives, named=named)


def _of_file(path: Path, archives: Archives, *, named: bool) -> Iterator[Candidate | PassedOver]:
    try:
        head, size = _head(path)
        if head[:4] in _ZIP_MAGIC:
            yield from _members(path, archives)
            return
        found = part10_of(path, head, size)
    except IsDirectory:
        yield from _listed(path, archives) if named else _missing(path)
    except NotSendable as error:
        yield PassedOver(place=str(path), reason=str(error))
    except OSError as error:
        yield PassedOver(place=str(path), reason=error.strerror or "cannot be read", lost=True)
    else:
        yield Candidate(
            place=str(path),
            sop_class_uid=found.sop_class_uid,
            sop_instance_uid=found.sop_instance_uid,
            transfer_syntax_uid=found.transfer_syntax_uid,
            size=found.size,
            open=lambda: _pieces(path, found.offset),
        )


def _head(path: Path) -> tuple[bytes, int]:
    """A file's first bytes, and its size."""
    facts = path.stat()
    if not stat.S_ISREG(facts.st_mode):
        raise NotSendable("no ordinary file")  # opening a pipe would wait for somebody to write
    with path.open("rb") as file:
        return file.read(HEAD_BYTES), facts.st_size


def _pieces(path: Path, offset: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while piece := file.read(PIECE_BYTES):
            yield piece


# --- archives -------------------------------------------------------------------------------------


def _members(path: Path, archives: Archives) -> Iterator[Candidate | PassedOver]:
    try:
        members = archives.open(path).infolist()
    except (zipfile.BadZipFile, NotImplementedError):
        yield PassedOver(place=str(path), reason="a ZIP archive that cannot be read", lost=True)
        return
    for member in members:
        if not member.is_dir():
            yield _of_member(archives, path, member)


def _of_member(archives: Archives, path: Path, member: zipfile.ZipInfo) -> Candidate | PassedOver:
    place = f"{path}!{member.filename}"
    if member.flag_bits & _ENCRYPTED:
        return PassedOver(place=place, reason="encrypted; unpack it first", lost=True)
    try:
        with archives.open(path).open(member) as file:
            head = file.read(HEAD_BYTES)
        if head[:4] in _ZIP_MAGIC:
            reason = "an archive inside an archive; unpack the outer one first"
            return PassedOver(place=place, reason=reason, lost=True)
        found = part10_of(Path(member.filename), head, member.file_size)
    except NotSendable as error:
        return PassedOver(place=place, reason=str(error))
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError):
        return PassedOver(place=place, reason="a damaged member of its archive", lost=True)

    def pieces() -> Iterator[bytes]:
        try:
            with archives.open(path).open(member) as file:
                file.read(found.offset)
                while piece := file.read(PIECE_BYTES):
                    yield piece
        except (zipfile.BadZipFile, zlib.error, EOFError):
            raise Damaged("a damaged member of its archive") from None

    return Candidate(
        place=place,
        sop_class_uid=found.sop_class_uid,
        sop_instance_uid=found.sop_instance_uid,
        transfer_syntax_uid=found.transfer_syntax_uid,
        size=found.size,
        open=pieces,
    )


# --- directories ----------------------------------------------------------------------------------


def _listed(directory: Path, archives: Archives) -> Iterator[Candidate | PassedOver]:
    """The files that a DICOMDIR lists."""
    for parts in _file_ids(directory):
        if isinstance(parts, PassedOver):
            yield parts
        elif (path := _below(directory.parent, parts)) is not None:
            yield from _of_file(path, archives, named=False)
        else:
            yield _not_there(directory, parts)


def _missing(directory: Path) -> Iterator[PassedOver]:
    for parts in _file_ids(directory):
        if isinstance(parts, PassedOver):
            yield parts
        elif _below(directory.parent, parts) is None:
            yield _not_there(directory, parts)


def _not_there(directory: Path, parts: tuple[str, ...]) -> PassedOver:
    return PassedOver(
        place=str(directory.parent.joinpath(*parts)),
        reason="the DICOMDIR lists it, and it is not there",
        lost=True,
    )


def _file_ids(directory: Path) -> Iterator[tuple[str, ...] | PassedOver]:
    """Referenced File ID (0004,1500) of each record: the components of a path (PS3.3 F.3.2.2)."""
    import pydicom

    try:
        if directory.stat().st_size > DIRECTORY_BYTES:
            yield PassedOver(place=str(directory), reason="too large for a DICOMDIR", lost=True)
            return
        records = pydicom.dcmread(directory).get("DirectoryRecordSequence") or ()
        listed = [record.get("ReferencedFileID") for record in records]
    except Exception:  # noqa: BLE001  (whatever pydicom meets in it, the files can still be named)
        reason = "a DICOMDIR that cannot be read; name the folder's files instead"
        yield PassedOver(place=str(directory), reason=reason, lost=True)
        return
    files = [each for each in listed if each]
    if not files:
        yield PassedOver(place=str(directory), reason="a DICOMDIR that lists nothing", lost=True)
    for each in files:
        yield (each,) if isinstance(each, str) else tuple(map(str, each))


def _below(folder: Path, parts: tuple[str, ...]) -> Path | None:
    """The file of these components; None if there is none, or they lead out of the folder.

    File sets are written in capitals (PS3.10 8.5), and mounted in small letters by some systems.
    """
    path = folder
    for part in parts:
        if not part or part in (os.curdir, os.pardir) or os.sep in part or "\0" in part:
            return None
        try:
            names = {name.casefold(): name for name in os.listdir(path)}
        except OSError:
            return None
        if part.casefold() not in names:
            return None
        path = path / names[part.casefold()]
    return path if path.is_file() else None
