"""What a failed call means to an operator, and the folder's small parts."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from causeway.destinations import Destination, FolderDestination, FolderSettings, LocalFiles, build
from causeway.destinations.placing import VIEWS_LIMIT, _Output, explained
from causeway.errors import (
    DestinationConflict,
    DestinationRefused,
    DestinationUnavailable,
    PermanentError,
    TemporaryError,
)
from causeway.testing.delivering import MemoryOfDestination


@pytest.mark.parametrize(
    ("number", "kind", "words"),
    [
        (errno.ENOSPC, DestinationUnavailable, "no room"),
        (errno.EDQUOT, DestinationUnavailable, "no room"),
        (errno.EACCES, DestinationUnavailable, "may not be written to: Permission denied"),
        (errno.EROFS, DestinationUnavailable, "may not be written to: Read-only file system"),
        (errno.ENOENT, DestinationUnavailable, "does not answer"),
        (errno.ESTALE, DestinationUnavailable, "does not answer: Stale file handle"),
        (errno.EIO, DestinationUnavailable, "does not answer: Input/output error"),
        (0, DestinationUnavailable, "unknown error"),
        (errno.ENOTDIR, DestinationConflict, "in the way"),
        (errno.EISDIR, DestinationConflict, "in the way"),
        (errno.ENAMETOOLONG, DestinationRefused, "names of this length"),
    ],
)
def test_what_a_failed_call_means(number: int, kind: type[Exception], words: str) -> None:
    error = explained(OSError(number, "x", "/archive/Planted^Name"), "archive")
    assert type(error) is kind
    assert isinstance(error, TemporaryError | PermanentError)
    assert words in error.message
    assert "destination archive" in error.message
    assert error.hint or kind is DestinationRefused
    assert "Planted" not in str(error)


def test_a_destination_is_built_without_touching_anything(tmp_path: Path) -> None:
    settings = FolderSettings(name="archive", path=tmp_path / "missing" / "archive")
    built: Destination = build(settings, memory=MemoryOfDestination())
    assert isinstance(built, FolderDestination)
    assert built.name == "archive"
    assert list(tmp_path.iterdir()) == []


def test_check_looks_and_leaves_nothing(tmp_path: Path) -> None:
    build(FolderSettings(name="a", path=tmp_path / "archive"), memory=MemoryOfDestination()).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("label", ["", "..", ".hidden", "a/b", "a\0b"])
def test_a_name_that_is_none_is_refused_before_anything_is_made(tmp_path: Path, label: str) -> None:
    class Shipment:
        key, attempt, folders, name = "k", 1, ("group", label), "a.zip"

    destination = build(
        FolderSettings(name="a", path=tmp_path / "archive"), memory=MemoryOfDestination()
    )
    with pytest.raises(DestinationRefused, match="label"):
        destination.start(Shipment())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


class Writes:
    """Takes a few bytes at a time, and counts."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.data = bytearray()
        self.calls = 0

    def pwritev(self, fd: int, buffers: list[bytes], offset: int) -> int:
        assert offset == len(self.data)
        assert len(buffers) <= VIEWS_LIMIT
        self.calls += 1
        some = b"".join(buffers)[: self.at_once]
        self.data += some
        return len(some)


@pytest.mark.parametrize("at_once", [1, 3, 7, 100, 1 << 30])
def test_short_writes_are_completed(at_once: int) -> None:
    files = Writes(at_once)
    output = _Output(files, 3)  # type: ignore[arg-type]
    parts = [b"abc", b"", b"defgh", b"i" * 50, b""]
    output.write(parts)
    output.flush()
    output.flush()
    assert bytes(files.data) == b"".join(parts)


def test_parts_are_gathered() -> None:
    files = Writes(1 << 30)
    output = _Output(files, 3)  # type: ignore[arg-type]
    for _ in range(10_000):
        output.write([b"x" * 100])
    output.flush()
    assert len(files.data) == 1_000_000
    assert files.calls <= 11


def test_a_write_without_progress_is_a_full_disk() -> None:
    output = _Output(Writes(0), 3)  # type: ignore[arg-type]
    output.write([b"abc"])
    with pytest.raises(OSError, match="no progress") as caught:
        output.flush()
    assert caught.value.errno == errno.ENOSPC


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_file_systems_that_know_no_sync_of_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def fail(fd: int) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(os, "fsync", fail)
    LocalFiles().fsync_dir(tmp_path)


def test_a_sync_that_failed_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, "no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no"):
        LocalFiles().fsync_dir(tmp_path)
