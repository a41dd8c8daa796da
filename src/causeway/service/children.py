"""Child processes: start, notice an end, start again with growing pauses.

A child is ``python -m causeway.service ROLE`` with its settings pickled on standard input and its
channels as inherited descriptors. It stops by itself when its channel closes, so nothing is left
over when the supervisor dies.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from causeway.errors import CausewayError

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A child that lived so long starts again at once: its end was not the fault of its start."""


def pause_before_restart(quick_ends: int) -> float:
    """Seconds before the next start, after so many short-lived children in a row."""
    if quick_ends <= 0:
        return 0.0
    return float(min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** (quick_ends - 1)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildEnded:
    """What happened to a child, for the log."""

    name: str
    pid: int
    returncode: int
    lived_seconds: float
    restart_in_seconds: float
    was_asked: bool = False
    """It was to be replaced."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildNotStarted:
    """There is no process, and why."""

    name: str
    error: Exception
    again_in_seconds: float


@dataclass(slots=True)
class Child:
    """One place in the process tree; its process may change."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_at: float = 0.0
    quick_ends: int = field(default=0)
    restarts: int = 0
    leave_by: float | None = None
    """It was asked to end, so as to be replaced, and is killed at this time."""

    def replace(self, now: float, patience_seconds: float) -> None:
        """Start it anew as soon as it has ended, which whoever calls this has asked it to do.

        It gets so long; its end then counts as no failure.
        """
        self.leave_by = now + patience_seconds
        self.quick_ends = 0
        self.restart_at = now

    def ensure(self, now: float) -> ChildEnded | ChildNotStarted | None:
        """Start it if it is due; what ended, if something did since the last call."""
        if self.process is None:
            self.leave_by = None
            return self._started(now) if now >= self.restart_at else None
        returncode = self.process.poll()
        if returncode is None:
            if self.leave_by is not None and now >= self.leave_by:
                self.process.kill()
            return None
        lived = now - self.started_at
        asked, self.leave_by = self.leave_by is not None, None
        self.quick_ends = 0 if asked or lived >= STEADY_SECONDS else self.quick_ends + 1
        pause = pause_before_restart(self.quick_ends)
        ended = ChildEnded(
            name=self.name,
            pid=self.process.pid,
            returncode=returncode,
            lived_seconds=lived,
            restart_in_seconds=pause,
            was_asked=asked,
        )
        self.process = None
        self.restarts += not asked
        self.restart_at = now + pause
        return ended

    def _started(self, now: float) -> ChildNotStarted | None:
        try:
            self.process = self.start()
        except (OSError, CausewayError) as error:
            # No memory or no descriptor is left, or a secret is not where it was: later, perhaps.
            # The others must not end for it.
            self.quick_ends += 1
            pause = pause_before_restart(self.quick_ends)
            self.restart_at = now + pause
            return ChildNotStarted(name=self.name, error=error, again_in_seconds=pause)
        self.started_at = now
        return None

    @property
    def pid(self) -> int | None:
        return None if self.process is None else self.process.pid


def spawn(
    role: str, settings: object, descriptors: Sequence[int], arguments: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start ``python -m causeway.service ROLE ARGUMENTS`` with ``settings`` on its standard input.

    The child leads a process group of its own, so that Ctrl-C at a terminal reaches the supervisor
    alone, which then stops everything in order.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "causeway.service", role, *arguments],
        stdin=subprocess.PIPE,
        pass_fds=tuple(descriptors),
        process_group=0,
    )
    assert process.stdin is not None
    try:
        pickle.dump(settings, process.stdin)
        process.stdin.close()
    except BrokenPipeError:
        pass  # it died at once; the next look at it says so
    return process
