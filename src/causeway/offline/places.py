"""What there is to read: files, files in folders, members of ZIPs, each with its place.

Folders are walked in the order of names, so that a place is the same the next time. Links to
folders are not followed, since they may lead in circles or back to the output; what is no file at
all (a pipe, a device) is never opened.
"""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

MEMBER_LIMIT: Final = 512 * 1024 * 1024
"""Bytes of a member of a ZIP, which is held in memory; more has to be unpacked first."""
MEMBERS_LIMIT: Final = 200_000
"""Members of one ZIP; a name of one that has more is not looked at."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a file is, told without its name."""

    input: int
    """From 1, in the order of the command line."""
    file: int
    """From 1, in the order of names."""
    member: int = 0
    """Of a ZIP, from 1."""

    def __str__(self) -> str:
        member = f"/{self.member}" if self.member else ""
        return f"{self.input}/{self.file}{member}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A file, or a member of a ZIP."""

    place: Place
    path: Path = field(repr=False)
    member: str = field(default="", repr=False)
    size: int = 0
    modified: int = 0
    """Nanoseconds; of a ZIP's member those of the ZIP."""

    @property
    def name(self) -> str:
        """What a person calls it; names of files may be names of patients."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """What was found where files should be, and cannot be looked into."""

    item: Item
    reason: str


def items_below(inputs: Sequence[Path]) -> Iterator[Item | Unreadable]:
    """All files of all inputs."""
    for number, given in enumerate(inputs, 1):
        for count, found in enumerate(_below(given), 1):
            yield from _items(found, Place(number, count))


def _below(given: Path) -> Iterator[tuple[Path, str]]:
    """Paths, each with the reason why it cannot be looked into."""
    if not given.is_dir():
        yield given, ""
        return
    failures: list[OSError] = []
    for folder, folders, names in os.walk(given, onerror=failures.append):
        folders.sort()
        for name in [each for each in folders if Path(folder, each).is_symlink()]:
            yield Path(folder, name), "a link to a folder, which is not followed"
        for name in sorted(names):
            yield Path(folder, name), ""
    for failure in failures:
        reason = failure.strerror or "cannot be read"
        yield Path(failure.filename or given), f"a folder that cannot be read: {reason}"


def _items(found: tuple[Path, str], place: Place) -> Iterator[Item | Unreadable]:
    path, reason = found
    item = Item(place=place, path=path)
    if reason:
        yield Unreadable(item=item, reason=reason)
        return
    try:
        facts = path.stat()
    except OSError as error:
        yield Unreadable(item=item, reason=error.strerror or "cannot be read")
        return
    if not stat.S_ISREG(facts.st_mode):
        yield Unreadable(item=item, reason="no file")
        return
    item = Item(place=place, path=path, size=facts.st_size, modified=facts.st_mtime_ns)
    if path.suffix.lower() == ".zip":
        yield from _members(item)
    else:
        yield item


def _members(item: Item) -> Iterator[Item | Unreadable]:
    try:
        with zipfile.ZipFile(item.path) as archive:
            members = [each for each in archive.infolist() if not each.is_dir()]
    except OSError as error:
        yield Unreadable(item=item, reason=error.strerror or "cannot be read")
        return
    except Exception as error:  # noqa: BLE001 - zipfile raises what it likes for what is broken
        yield Unreadable(item=item, reason=f"a ZIP that cannot be read: {type(error).__name__}")
        return
    if len(members) > MEMBERS_LIMIT:
        yield Unreadable(item=item, reason=f"a ZIP of more than {MEMBERS_LIMIT:,} files")
        return
    for number, member in enumerate(members, 1):
        yield Item(
            place=Place(item.place.input, item.place.file, number),
            path=item.path,
            member=member.filename,
            size=member.file_size,
            modified=item.modified,
        )
