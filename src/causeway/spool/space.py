"""Room: how much can still be received, and what to do before there is none.

Three lines of defence. Below the *soft* watermark new associations are refused for now; those that
run may finish. Below the *hard* one objects are refused with 0xA700. And a *reserve*, a file of
ballast, is given back to the file system when the disk is full in spite of that (others write to
it too), so that the ledger and an operator's commands still work; the spool does not count that
room as its own. Each state goes back by itself, a little above where it began, so that it does not
flutter.

Deciding is pure (`next_state`, `reserve_wanted`, `hours_left`); `SpaceGauge` measures, at most
once a second, so that the hot path asks the kernel for nothing.
"""

from __future__ import annotations

import contextlib
import enum
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from causeway.errors import OutOfSpace
from causeway.spool.disk import CREATE, Disk, write_all
from causeway.spool.layout import Layout, parse_segment_file
from causeway.spool.model import SEGMENT_SIZE

FEWEST_FILES = 64
"""Inodes below which the file system counts as full."""
REFRESH_SECONDS = 1.0
HOLD_SECONDS = 5.0
"""After a write met a full disk nothing is tried for so long, whatever the file system says: a
quota or a lack of inodes does not show in its free bytes."""


class SpaceState(enum.StrEnum):
    """What is still accepted."""

    OPEN = "open"
    SOFT = "soft"
    """New associations are refused for now; those that run may go on."""
    HARD = "hard"
    """Objects are answered with A700."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceLimits:
    """The watermarks are room left, not room used."""

    soft_bytes: int = 4 << 30
    hard_bytes: int = 1 << 30
    reserve_bytes: int = 256 << 20
    """0 for none."""
    quota_bytes: int = 0
    """Most that the spool may take; 0 for all that its file system has."""
    resume_fraction: float = 0.1
    """By how much more than a watermark there must be room before its state is left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRoom:
    """One measurement."""

    free_bytes: int
    """Of the file system, for us."""
    ready_bytes: int
    """In segments that are made ahead."""
    used_bytes: int
    """By the spool without those; measured only where there is a quota, otherwise 0."""
    room_bytes: int
    """What can still be received; the watermarks compare with this."""


@dataclass(frozen=True, slots=True)
class Sample:
    """How much had been received at some time; only differences count."""

    at: float
    received_bytes: int


def next_state(current: SpaceState, room_bytes: int, limits: SpaceLimits) -> SpaceState:
    """The state for this room, coming from ``current``."""

    def below(mark: int, entered: bool) -> bool:
        return room_bytes < (mark * (1 + limits.resume_fraction) if entered else mark)

    if below(limits.hard_bytes, current is SpaceState.HARD):
        return SpaceState.HARD
    if below(limits.soft_bytes, current is not SpaceState.OPEN):
        return SpaceState.SOFT
    return SpaceState.OPEN


def reserve_wanted(present: bool, free_bytes: int, limits: SpaceLimits) -> bool:
    """Whether the ballast should be there.

    It goes when the file system itself is nearly full, not when only the spool's quota is; and it
    comes back when taking it does not lead below the soft watermark again.
    """
    if not limits.reserve_bytes:
        return False
    if present:
        return free_bytes >= min(limits.hard_bytes, limits.reserve_bytes)
    return free_bytes >= limits.soft_bytes + limits.reserve_bytes


FORECAST_SECONDS = 300.0
"""Scanners send in bursts: a rate over less time than this foretells nothing."""


def hours_left(samples: Sequence[Sample], room_bytes: int) -> float | None:
    """Hours until ``room_bytes`` are taken at the rate of the samples; None if nothing arrives, or
    while the samples span less than ``FORECAST_SECONDS``.
    """
    if len(samples) < 2:
        return None
    first, last = samples[0], samples[-1]
    seconds = last.at - first.at
    received = last.received_bytes - first.received_bytes
    if seconds < FORECAST_SECONDS or received <= 0:
        return None
    return max(0, room_bytes) / (received / seconds) / 3600


class SpaceGauge:
    """One per process. Every method may be called from many threads."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        limits: SpaceLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        self.limits = limits or SpaceLimits()
        self._layout = Layout(root)
        self._disk = disk
        self._clock = clock
        self._segment_size = segment_size
        self._measuring = threading.Lock()
        self._state = SpaceState.OPEN
        self._stale_at = float("-inf")
        self._held_until = float("-inf")

    def state(self) -> SpaceState:
        """The state as it was at most a second ago."""
        if self._clock() >= self._stale_at and self._measuring.acquire(blocking=False):
            try:
                self._refresh()
            finally:
                self._measuring.release()
        return self._state

    def check(self) -> None:
        """Raise OutOfSpace if objects must be refused."""
        if self.state() is SpaceState.HARD:
            raise OutOfSpace(
                "the spool has reached its hard watermark",
                hint="free space, or let deliveries finish; receiving resumes by itself",
            )

    def ran_out(self) -> None:
        """A write met a full disk: hard at once, and for some seconds whatever is measured."""
        with self._measuring:
            self._state = SpaceState.HARD
            now = self._clock()
            self._held_until = now + HOLD_SECONDS
            self._stale_at = now + REFRESH_SECONDS

    def room(self) -> SpaceRoom:
        """Measured now."""
        facts = self._disk.free(self._layout.root)
        free = facts.free_bytes if facts.free_files >= FEWEST_FILES else 0
        ready = used = 0
        for name in self._disk.listdir(self._layout.segments):
            file = parse_segment_file(name)
            if file is not None and file.state == "ready":
                ready += self._segment_size
            elif self.limits.quota_bytes:
                used += self._disk.file_size(self._layout.segments / name) or 0  # some are cut
        free_for_us = free
        if self._reserve_is_missing():
            free_for_us = max(0, free - self.limits.reserve_bytes)
        room = free_for_us + ready
        if self.limits.quota_bytes:
            used += self._own_files()
            room = min(room, self.limits.quota_bytes - used)
        else:
            used = 0
        return SpaceRoom(
            free_bytes=free, ready_bytes=ready, used_bytes=used, room_bytes=max(0, room)
        )

    def keep_reserve(self) -> bool:
        """Release or remake the ballast as the room asks for; whether it is there."""
        reserve = self._layout.reserve
        present = not self._reserve_is_missing()
        wanted = reserve_wanted(present, self._disk.free(self._layout.root).free_bytes, self.limits)
        if wanted and not present:
            present = self._make_reserve()
        elif present and not wanted:
            with contextlib.suppress(OSError):
                self._disk.unlink(reserve)
                present = False
        return present and self.limits.reserve_bytes > 0

    def _reserve_is_missing(self) -> bool:
        wanted = self.limits.reserve_bytes
        return wanted > 0 and (self._disk.file_size(self._layout.reserve) or 0) < wanted

    def _make_reserve(self) -> bool:
        reserve = self._layout.reserve
        with contextlib.suppress(FileNotFoundError):
            self._disk.unlink(reserve)  # of another size
        try:
            fd = self._disk.open(reserve, CREATE)
        except OSError:
            return False
        try:
            self._disk.allocate(fd, self.limits.reserve_bytes)
            write_all(self._disk, fd, [b"This file may be deleted when the disk is full.\n"], 0)
            self._disk.fsync(fd)
        except OSError:
            with contextlib.suppress(OSError):
                self._disk.unlink(reserve)
            return False
        finally:
            self._disk.close(fd)
        return True

    def _own_files(self) -> int:
        total = 0
        for folder in (self._layout.large, self._layout.kept, self._layout.strange):
            for name in self._disk.listdir(folder):
                total += self._disk.file_size(folder / name) or 0
        return total

    def _refresh(self) -> None:
        now = self._clock()
        self._stale_at = now + REFRESH_SECONDS
        if now < self._held_until:
            return
        try:
            room = self.room().room_bytes
        except OSError:
            return  # what cannot be measured is not judged; a write will meet the error itself
        self._state = next_state(self._state, room, self.limits)
