"""What the configuration was: every file that the service ran with, kept beside its data.

::

    data_dir/configurations/0001.toml         the file, byte for byte
                            0002.toml
                            manifest.jsonl    a line for each: number, when, by whom, why, digest

A version is written first and listed after, each synced, so that what is listed is there. Files
hold references to secrets and no secrets; all the same only their owner may read them. Nothing is
taken away: a version is a page or two, and comes into being when a person changes something.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from causeway.errors import ConfigurationError

MANIFEST = "manifest.jsonl"
_FILE = re.compile(r"(\d{4,9})\.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One entry of the manifest."""

    number: int
    at: float
    """When it was kept, seconds since the epoch."""
    by: str
    """Who caused it, as far as that is known."""
    why: str
    """``start``, ``reload``, ``rollback to 3``, ``before rollback``."""
    digest: str
    """SHA-256 of the file in hex."""


def _entry(line: bytes) -> Version | None:
    try:
        said = json.loads(line)
        return Version(
            number=int(said["number"]),
            at=float(said["at"]),
            by=str(said["by"]),
            why=str(said["why"]),
            digest=str(said["digest"]),
        )
    except (ValueError, KeyError, TypeError):
        return None


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Versions:
    """The versions of one data folder. Made when the first is kept; used by several processes."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / "configurations"

    def keep(self, content: bytes, *, at: float, by: str, why: str) -> Version:
        """The version that holds this content: the newest, if it does, else a new one.

        Raises OSError where it cannot be written.
        """
        digest = digest_of(content)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        with self._alone() as folder_fd:
            listed = self.history()
            if listed and listed[-1].digest == digest:
                return listed[-1]
            version = Version(number=self._next(listed), at=at, by=by, why=why, digest=digest)
            write_whole(self.path(version.number), content, mode=0o600)
            line = json.dumps(asdict(version), ensure_ascii=False).encode() + b"\n"
            manifest = os.open(
                self.folder / MANIFEST, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600
            )
            try:
                # A line that a crash cut off must not swallow this one.
                size = os.fstat(manifest).st_size
                torn = size and os.pread(manifest, 1, size - 1) != b"\n"
                os.write(manifest, b"\n" + line if torn else line)
                os.fsync(manifest)
            finally:
                os.close(manifest)
            os.fsync(folder_fd)
        return version

    def history(self) -> tuple[Version, ...]:
        """All that are listed, the oldest first. Lines that nobody can read are passed over."""
        try:
            lines = (self.folder / MANIFEST).read_bytes().splitlines()
        except FileNotFoundError:
            return ()
        return tuple(version for line in lines if (version := _entry(line)) is not None)

    def content(self, number: int) -> bytes:
        """The file of a version. Raises ConfigurationError if it is not there, or not as kept."""
        listed = {version.number: version for version in self.history()}
        if number not in listed:
            known = f"kept are 1 to {max(listed)}" if listed else "none was kept yet"
            raise ConfigurationError(
                f"there is no version {number} of the configuration",
                hint=f"{known}; see `causeway config history`",
            )
        try:
            content = self.path(number).read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"version {number} cannot be read: {error.strerror}", hint=f"see {self.folder}"
            ) from None
        if digest_of(content) != listed[number].digest:
            raise ConfigurationError(
                f"version {number} is not what was kept: its digest differs",
                hint=f"somebody has changed {self.path(number)}; copy it by hand if that is meant",
            )
        return content

    def path(self, number: int) -> Path:
        return self.folder / f"{number:04d}.toml"

    def _next(self, listed: tuple[Version, ...]) -> int:
        """Beyond all that are listed, and beyond a file that a crash left unlisted."""
        present = [
            int(match[1])
            for entry in self.folder.iterdir()
            if (match := _FILE.fullmatch(entry.name)) is not None
        ]
        return max([0, *present, *(version.number for version in listed)]) + 1

    @contextlib.contextmanager
    def _alone(self) -> Iterator[int]:
        """The folder's descriptor, locked against other processes."""
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield fd
        finally:
            os.close(fd)


def write_whole(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file so that a reader, or a crash, finds the old content or the new. Raises OSError.

    A file that is mounted by itself, as containers do, cannot be replaced by renaming; it is
    written in place.
    """
    path = path.resolve()
    beside = path.with_name(f".{path.name}.new")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    try:
        try:
            os.fchmod(fd, mode)
            _write(fd, content)
        finally:
            os.close(fd)
        try:
            os.replace(beside, path)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
            try:
                _write(fd, content)
            finally:
                os.close(fd)
    finally:
        beside.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(fd: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(fd, rest) :]
    os.fsync(fd)


_DATA_DIR = re.compile(r"""^\s*data_dir\s*=\s*("[^"\\]*"|'[^']*')""", re.MULTILINE)

_TABLE = re.compile(r"^\s*\[", re.MULTILINE)


def data_dir_in(path: Path) -> Path | None:
    """The data folder that a file names, however broken the rest of it is; None if it names none.

    For commands that have to work just when the file does not.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError:
        return None
    try:
        named = tomllib.loads(text).get("data_dir")
    except tomllib.TOMLDecodeError:
        # It stands above all tables, so the first one is it.
        match = _DATA_DIR.search(_TABLE.split(text, maxsplit=1)[0])
        named = match[1][1:-1] if match else None
    if not isinstance(named, str) or not named.strip() or "\0" in named:
        return None
    return Path(os.path.normpath(path.absolute().parent / Path(named).expanduser()))
