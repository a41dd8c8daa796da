"""Signatures; the body follows."""
from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from causeway.spool.disk import Disk
from causeway.spool.model import SEGMENT_SIZE
from causeway.spool.space import SpaceGauge
from causeway.values import Record, SpoolAddress


class SpoolKeeper:
    """Makes segments ahead, recycles, copies out, removes."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        space: SpaceGauge,
        ready_bytes: int = 1 << 30,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        raise NotImplementedError

    def make_ahead(self, stop: Callable[[], bool] = lambda: False) -> int:
        """Bring the ready segments up to ``ready_bytes``; how many were made. Slow on purpose:
        call it in a thread of its own, and let ``stop`` end it early.
        """
        raise NotImplementedError

    def recycle(self, container: str, position: int) -> bool:
        """Give a segment's room back. False if somebody writes to it, or it has a record at or
        behind ``position``, the end of the last record that the ledger knows of.
        """
        raise NotImplementedError

    def keep(self, record: Record) -> SpoolAddress:
        """Copy a held or quarantined object out, so that it pins no segment; durable on return.
        Repeating it gives the same address. An object that has its own file stays where it is.
        """
        raise NotImplementedError

    def remove(self, address: SpoolAddress) -> None:
        """Remove a large or kept file; nothing happens if it is gone."""
        raise NotImplementedError
