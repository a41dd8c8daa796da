"""Signatures; the body follows."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from causeway.spool.disk import Disk
from causeway.spool.large import LargeIntake
from causeway.spool.model import SEGMENT_SIZE, Durability
from causeway.spool.space import SpaceGauge
from causeway.values import Receipt, Record


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStatistics:
    stored: int
    stored_bytes: int
    streamed: int
    open_segments: int
    made_in_need: int
    """Segments that this writer had to make itself, because none was ready."""
    abandoned: int
    """Segments given up after a failed write or sync."""


class Intake:
    """One object as it arrives: holds views while it is small, streams once it is large.

    ``net``'s ObjectSink wraps this. Exactly one of commit and abort ends it.
    """

    def write(self, fragment: memoryview) -> bool:
        """True while views are still held; False: everything is copied out."""
        raise NotImplementedError

    def commit(self) -> Record:
        """Durable on return. Raises OutOfSpace, TemporaryError."""
        raise NotImplementedError

    def abort(self) -> None:
        raise NotImplementedError


class SpoolWriter:
    """One per receiver process; every method may be called from many threads at once."""

    def __init__(
        self,
        root: Path,
        *,
        disk: Disk,
        space: SpaceGauge,
        durability: Durability = Durability.SYNCED,
        max_segments: int = 8,
        segment_size: int = SEGMENT_SIZE,
    ) -> None:
        raise NotImplementedError

    def store(self, receipt: Receipt, fragments: Sequence[Any]) -> Record:
        """One record, one write, one sync; durable on return. Raises OutOfSpace, TemporaryError."""
        raise NotImplementedError

    def stream(self, receipt: Receipt) -> LargeIntake:
        """A file of its own, in flat memory. Raises OutOfSpace, TemporaryError."""
        raise NotImplementedError

    def begin(self, receipt: Receipt) -> Intake:
        """For a caller that does not know the size beforehand."""
        raise NotImplementedError

    def statistics(self) -> WriterStatistics:
        raise NotImplementedError

    def close(self) -> None:
        """Seals the open segments; idempotent."""
        raise NotImplementedError
