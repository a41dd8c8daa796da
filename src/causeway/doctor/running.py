"""What the running service says of itself: a file that it writes each second.

The file is a snapshot for people and scripts, not a lock. A service that was killed leaves it
behind, so an old one counts as not running, and so does one whose process is gone. One that finds
no room to write gives what it wrote before the present time.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STALE_SECONDS = 10.0
"""Ten missed seconds: a machine under load may miss a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningService:
    pid: int
    written_at: float
    said: dict[str, Any] = field(default_factory=dict)
    """The file's content."""

    def untold_since(self, now: float) -> float | None:
        """Since when it has been running without finding room to say how it is; None if it has."""
        return self.written_at if now - self.written_at > STALE_SECONDS else None

    def listening(self) -> set[tuple[str, int]]:
        """Hosts and ports that it listens on."""
        listeners = self.said.get("listeners")
        return {
            (str(one.get("host")), int(one.get("port", 0)))
            for one in (listeners if isinstance(listeners, list) else [])
            if isinstance(one, dict)
        }


def running_service(path: Path, *, now: float) -> RunningService | None:
    """The service that writes ``path``, or None if none does."""
    try:
        with path.open("rb") as file:
            said = json.loads(file.read())
            touched_at = os.fstat(file.fileno()).st_mtime
        service = RunningService(
            pid=int(said["pid"]), written_at=float(said["written_at"]), said=said
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if now - max(service.written_at, touched_at) > STALE_SECONDS or not _lives(service.pid):
        return None
    return service


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's, and alive
        return True
    return pid > 0
