"""Signatures; the body follows."""
from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from causeway.spool.disk import Disk


class SpaceState(enum.StrEnum):
    OPEN = "open"
    SOFT = "soft"
    """New associations are refused for now; those that run may go on."""
    HARD = "hard"
    """Objects are answered with A700."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceLimits:
    soft_bytes: int = 4 << 30
    """Below this room new associations are refused for now."""
    hard_bytes: int = 1 << 30
    """Below this room objects are refused."""
    reserve_bytes: int = 256 << 20
    """Ballast, released when the disk is full anyway; 0 for none."""
    quota_bytes: int = 0
    """Most that the spool may take; 0 for the whole disk."""
    resume_fraction: float = 0.1
    """Room must exceed a watermark by this part of it before the state goes back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRoom:
    free_bytes: int
    """What the file system has for us."""
    ready_bytes: int
    """In segments that are made ahead."""
    used_bytes: int
    """What the spool takes without those; 0 when no quota asks for it."""
    room_bytes: int
    """What can still be received: what the watermarks are compared with."""


@dataclass(frozen=True, slots=True)
class Sample:
    at: float
    received_bytes: int
    """Sum since some start; only differences count."""


def hours_left(samples: Sequence[Sample], room_bytes: int) -> float | None:
    """Hours until ``room_bytes`` are taken at the samples' rate; None if nothing arrives."""
    raise NotImplementedError


class SpaceGauge:
    """Asks the file system at most once a second; ``state`` costs no system call otherwise."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        limits: SpaceLimits,
        clock: Callable[[], float],
    ) -> None:
        raise NotImplementedError

    def state(self) -> SpaceState:
        raise NotImplementedError

    def room(self) -> SpaceRoom:
        raise NotImplementedError

    def check(self, size: int = 0) -> None:
        """Raises OutOfSpace in the hard state."""
        raise NotImplementedError

    def ran_out(self) -> None:
        """A write met ENOSPC: hard at once, whatever statvfs says."""
        raise NotImplementedError

    def keep_reserve(self) -> bool:
        """Release or remake the ballast as the room asks for; True while it is there."""
        raise NotImplementedError
