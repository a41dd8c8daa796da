"""Bytes made durable: the segment log.

The spool is the only writer of received bytes. A record is written once, synced once, and then the
peer hears Success. Nothing here knows the ledger, the network or DICOM beyond a file's meta
information; the format and its invariants are in ``docs/reference/spool-format.md``.

Who uses what:

- a receiver process holds one `SpoolWriter`; many threads call ``store`` or ``begin`` at once;
- the pipeline reads with `SpoolReader`, and copies out, removes and recycles with `SpoolKeeper`;
- the supervisor calls `prepare` and `recover` before anyone writes, then lets a thread run
  ``SpoolKeeper.make_ahead`` and ``SpaceGauge.keep_reserve`` now and then.
"""

from __future__ import annotations

from causeway.spool.disk import Disk, RealDisk
from causeway.spool.export import file_meta, write_part10
from causeway.spool.keeper import SpoolKeeper
from causeway.spool.large import LargeIntake
from causeway.spool.letters import LetterBox
from causeway.spool.model import (
    SEGMENT_SIZE,
    SMALL_OBJECT,
    ContainerInfo,
    Damaged,
    Durability,
    Kind,
)
from causeway.spool.reader import SpoolReader
from causeway.spool.recovery import Leftover, Outcome, RecoveryReport, prepare, recover
from causeway.spool.space import Sample, SpaceGauge, SpaceLimits, SpaceRoom, SpaceState, hours_left
from causeway.spool.verify import VerifyReport, verify
from causeway.spool.writer import Intake, SpoolWriter, WriterStatistics

__all__ = [
    "SEGMENT_SIZE",
    "SMALL_OBJECT",
    "ContainerInfo",
    "Damaged",
    "Disk",
    "Durability",
    "Intake",
    "Kind",
    "LargeIntake",
    "Leftover",
    "LetterBox",
    "Outcome",
    "RealDisk",
    "RecoveryReport",
    "Sample",
    "SpaceGauge",
    "SpaceLimits",
    "SpaceRoom",
    "SpaceState",
    "SpoolKeeper",
    "SpoolReader",
    "SpoolWriter",
    "VerifyReport",
    "WriterStatistics",
    "file_meta",
    "hours_left",
    "prepare",
    "recover",
    "verify",
    "write_part10",
]
