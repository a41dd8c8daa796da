"""What is done already, so that a run that ended early goes on where it stopped.

``deidentified.jsonl`` in the output folder: a head, and a line for each object that stands there.
It is what the report is made from as well, so that a run in two parts tells the same as one in one.
Files that were read are known by a keyed digest of path, size and time: who has the output alone
learns no name from it. The head names profile, key and all else that decides about bytes. Another
treatment does not go on in the same folder, since one subject would come to have two names there.

A line counts when it ends with a newline: what a crash has cut off is done again.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Final, Self

from causeway.deidentify.identity import ProjectKey
from causeway.errors import ConfigurationError, StartupError
from causeway.offline.outcome import Entry
from causeway.offline.places import Item

NAME: Final = "deidentified.jsonl"
FORMAT: Final = 1


def token_of(key: ProjectKey, item: Item) -> bytes:
    """By which an input file is known again; only who has the key can make it."""
    told = json.dumps([str(item.path.absolute()), item.place.member, item.size, item.modified])
    return key.keyed("offline input", told)[:16]


class Journal:
    """Of one output folder. Used by one process."""

    def __init__(self, root: Path, treatment: str, *, told: str) -> None:
        """Open it, or begin it. Raises ``ConfigurationError`` if the folder is not for us, and
        ``StartupError`` if somebody else is writing into it.

        ``treatment`` is a digest over all that decides about bytes, ``told`` what people call it.
        """
        self._path = root / NAME
        self._at: dict[bytes, int] = {}
        self._files: set[str] = set()
        head = {"format": FORMAT, "treatment": treatment, "by": told}
        if self._path.exists():
            end = self._load(head)
        elif any(root.iterdir()):
            raise ConfigurationError(
                f"{root} is not empty, and this command has not made what is in it",
                hint="name a new or an empty folder; nothing is ever written over",
            )
        else:
            end = 0
        self._file: IO[bytes] = self._path.open("r+b" if end else "w+b")
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise StartupError(
                f"another run is writing into {root}",
                hint="wait for its end, or name another folder",
            ) from None
        self._file.truncate(end)  # without a line that a crash has cut off
        self._file.seek(end)
        if not end:
            self._file.write(_line(head))
            self.sync()

    def _load(self, head: dict[str, object]) -> int:
        """Read what is there; where the last whole line ends."""
        end = 0
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                if end:
                    self._note(line, end)
                else:
                    self._check(line, head)
                end += len(line)
        return end

    def _check(self, line: bytes, head: dict[str, object]) -> None:
        try:
            found = json.loads(line)
        except ValueError:
            found = None
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise ConfigurationError(
                f"{self._path} is no journal of this command",
                hint="name a new folder for the output",
            )
        if found.get("treatment") != head["treatment"]:
            raise ConfigurationError(
                f"{self._path.parent} was made by {found.get('by', 'something else')}, "
                f"and not by {head['by']}",
                hint="name another folder: one folder is for one profile, key and set of rules",
            )

    def _note(self, line: bytes, at: int) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            found = json.loads(line)
            self._at[bytes.fromhex(found["of"])] = at
            self._files.add(found["file"])

    def entry(self, token: bytes) -> Entry | None:
        """What an input has become, if that stands there."""
        at = self._at.get(token)
        if at is None:
            return None
        with self._path.open("rb") as file:
            file.seek(at)
            return _entry(file.readline())

    def entries(self) -> Iterator[Entry]:
        """One for each file of the output, however many inputs have become it."""
        seen: set[str] = set()
        with self._path.open("rb") as file:
            file.readline()
            for line in file:
                entry = _entry(line)
                if entry is not None and entry.file not in seen:
                    seen.add(entry.file)
                    yield entry

    def add(self, done: Iterable[tuple[bytes, Entry]]) -> None:
        """Durable when it returns."""
        lines = b"".join(_line({"of": token.hex()} | asdict(entry)) for token, entry in done)
        if lines:
            self._file.write(lines)
            self.sync()

    def sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _entry(line: bytes) -> Entry | None:
    try:
        found = json.loads(line)
        found.pop("of")
        return Entry(**found)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _line(told: dict[str, object]) -> bytes:
    return json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n"
