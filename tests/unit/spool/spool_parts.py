"""What the spool's tests share: receipts, and a spool with small segments on a disk of choice."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from causeway.spool import (
    Damaged,
    Disk,
    Durability,
    RealDisk,
    RecoveryReport,
    SpaceGauge,
    SpaceLimits,
    SpoolKeeper,
    SpoolReader,
    SpoolWriter,
    prepare,
    recover,
)
from causeway.testing.disk import FaultyDisk
from causeway.values import Caller, Receipt, Record

SEGMENT = 128 << 10
SMALL = 16 << 10
NO_LIMITS = SpaceLimits(soft_bytes=0, hard_bytes=0, reserve_bytes=0)
CALLER = Caller(
    source="ct", calling_ae="CT1", called_ae="CAUSEWAY", address="10.0.0.1", association="a-1"
)


def receipt(number: int = 1, caller: Caller = CALLER) -> Receipt:
    return Receipt(
        caller=caller,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid=f"1.2.3.{number}",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        received_at=1795204800.25 + number,
    )


def faulty_root(disk: FaultyDisk) -> Path:
    """The folder around a spool on a `FaultyDisk`."""
    disk.mkdir(Path("/"))
    disk.mkdir(Path("/data"))
    disk.fsync_dir(Path("/"))
    return Path("/data")


@dataclass
class Parts:
    """A spool and all its parts; `again` is what a new process would build."""

    root: Path
    disk: Disk
    limits: SpaceLimits = NO_LIMITS
    durability: Durability = Durability.SYNCED
    ids: list[int] = field(default_factory=lambda: [0])
    now: list[float] = field(default_factory=lambda: [0.0])

    def __post_init__(self) -> None:
        prepare(self.root, disk=self.disk)
        self._counting = threading.Lock()
        self.again()

    def again(self) -> None:
        self.space = SpaceGauge(
            self.root,
            disk=self.disk,
            limits=self.limits,
            clock=lambda: self.now[0],
            segment_size=SEGMENT,
        )
        self.writer = self.new_writer()
        self.reader = SpoolReader(self.root, disk=self.disk)
        self.keeper = self.new_keeper()

    def restart(self) -> RecoveryReport:
        """After a crash."""
        report = recover(self.root, disk=self.disk, positions={})
        self.again()
        return report

    def new_writer(self, **more: object) -> SpoolWriter:
        return SpoolWriter(
            self.root,
            disk=self.disk,
            space=self.space,
            durability=self.durability,
            segment_size=SEGMENT,
            small_object=SMALL,
            new_id=self.new_id,
            **more,
        )

    def new_keeper(self, ready_bytes: int = 3 * SEGMENT) -> SpoolKeeper:
        return SpoolKeeper(
            self.root,
            disk=self.disk,
            space=self.space,
            ready_bytes=ready_bytes,
            segment_size=SEGMENT,
            durability=self.durability,
            new_id=self.new_id,
            sleep=lambda seconds: None,
        )

    def new_id(self) -> int:
        with self._counting:
            self.ids[0] += 1
            return self.ids[0]

    def store(self, number: int, data: bytes | None = None) -> Record:
        return self.writer.store(receipt(number), [bytes(data or b"%d" % number * 100)])

    def scan(self, container: str | None = None, **more: object) -> list[Record | Damaged]:
        names = [container] if container else [info.name for info in self.reader.containers()]
        return [item for name in names for item in self.reader.scan(name, **more)]

    def segment_files(self) -> list[str]:
        return sorted(self.disk.listdir(self.root / "segments"))


def on_real_disk(tmp_path: Path) -> Parts:
    return Parts(root=tmp_path / "spool", disk=RealDisk())


def on_faulty_disk(seed: int = 1, **faults: object) -> Parts:
    disk = FaultyDisk(random=Random(seed), **faults)
    return Parts(root=faulty_root(disk) / "spool", disk=disk)


def instances(items: Sequence[Record | Damaged]) -> list[str]:
    return [i.receipt.sop_instance_uid if isinstance(i, Record) else "damaged" for i in items]
