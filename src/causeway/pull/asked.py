"""What nodes were asked to send to our listener, told by the puller to the receivers.

A C-MOVE makes the node call us, in another process than the one that asked. So the puller leaves a
file for each C-MOVE under way: the AE title that asked, the message id, and the series. A C-STORE
that a C-MOVE has caused names AE title and message id (PS3.7 9.1.1.1), and is let in when there is
such a file and the object belongs to that series. Nodes that leave these out are told by node and
series alone. What nobody asked for is refused; so is what comes when its retrieval was given up.

Files and not the ledger, as a receiver waits for no database. They mean nothing after a restart,
and are cleared then.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

SUFFIX: Final = ".asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedFor:
    """One C-MOVE under way."""

    node: str
    mover: str
    """Our AE title in it."""
    message_id: int
    series_instance_uid: str = field(repr=False)

    @property
    def file_name(self) -> str:
        return f"{self.node}.{self.message_id}{SUFFIX}"


class Asker:
    """The puller's side."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"*{SUFFIX}*"):
            left.unlink(missing_ok=True)

    @contextlib.contextmanager
    def asking(self, asked: AskedFor) -> Iterator[None]:
        """While the block runs, what was asked for may come in."""
        path = self._folder / asked.file_name
        beside = path.with_suffix(".new")
        beside.write_text(json.dumps(asdict(asked)), encoding="utf-8")
        beside.replace(path)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


class AskedOf:
    """A receiver's side. Thread safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._read_at = -1
        self._known: tuple[AskedFor, ...] = ()

    def matching(
        self, *, node: str | None, mover: str, message_id: int | None
    ) -> tuple[AskedFor, ...]:
        """What an object may belong to, by what its C-STORE says, and by the node if it is known.

        Nothing, for an object of which neither is known.
        """
        if node is None and not mover:
            return ()
        return tuple(
            each
            for each in self._current()
            if (node is None or each.node == node)
            and (not mover or each.mover == mover)
            and (message_id is None or each.message_id == message_id)
        )

    def _current(self) -> tuple[AskedFor, ...]:
        try:
            changed_at = os.stat(self._folder).st_mtime_ns
        except OSError:
            return ()
        with self._lock:
            # Two changes within the clock's grain look like one: what is young is read again.
            if changed_at != self._read_at:
                self._known = self._read()
                self._read_at = changed_at if _is_past(changed_at) else -1
            return self._known

    def _read(self) -> tuple[AskedFor, ...]:
        found = []
        for path in self._folder.glob(f"*{SUFFIX}"):
            try:
                found.append(AskedFor(**json.loads(path.read_bytes())))
            except (OSError, ValueError, TypeError):
                continue  # gone since, or none of ours
        return tuple(found)


def _is_past(changed_at: int) -> bool:
    return time.time_ns() - changed_at > 50_000_000
