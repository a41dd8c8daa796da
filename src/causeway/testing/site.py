"""A whole site in one thread: spool, ledger, pipeline and a folder destination, by its own clock.

For tests of the pipeline, quick and slow: the parts are the real ones; only time, chance and, if
one is given, the disk are the test's. Nothing runs by itself: ``receive`` is what a receiver does,
and ``turn`` lets each part of the pipeline do one piece of work. With a ``FaultyDisk``, spool and
destination stand on it, and ``crash`` and ``start`` are what happens to a machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from causeway.decide.policy import Policy, Route
from causeway.destinations import Files, FolderSettings
from causeway.ledger import Ledger, open_ledger
from causeway.pipeline import (
    CompletionRules,
    Compression,
    DestinationPlan,
    LaneSettings,
    Parts,
    PipelineSettings,
    RetryRules,
)
from causeway.spool import (
    Disk,
    RealDisk,
    SpaceGauge,
    SpaceLimits,
    SpoolKeeper,
    SpoolReader,
    SpoolWriter,
    file_meta,
    recover,
)
from causeway.testing.disk import FaultyDisk
from causeway.values import Caller, Receipt, Record

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
SEGMENT_SIZE = 256 << 10
SMALL_OBJECT = 64 << 10


def data_set(*elements: tuple[int, str, str | bytes]) -> bytes:
    """Elements (tag, VR, value) in explicit VR little endian, as they are given."""
    parts = []
    for tag, vr, value in elements:
        raw = value.encode() if isinstance(value, str) else value
        raw += (b"\0" if vr in ("UI", "OB") else b" ") * (len(raw) % 2)
        if vr in ("OB", "OW", "UN", "UT", "SQ"):
            parts.append(struct.pack("<HH2sHI", tag >> 16, tag & 0xFFFF, vr.encode(), 0, len(raw)))
        else:
            parts.append(struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(raw)))
        parts.append(raw)
    return b"".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One small object; its identifiers follow from its numbers."""

    study: int = 1
    series: int = 1
    number: int = 1
    size: int = 600
    variant: int = 0
    """Other bytes under the same UID."""
    patient: str = "Phantom^Nobody"
    description: str = "Brain"
    series_description: str = "T1"
    modality: str = "CT"
    manufacturer: str = "Acme"
    expected: str = ""
    acquisition: str = "1"
    image_type: str = "ORIGINAL\\PRIMARY"
    comments: str = ""
    """Patient Comments, where routing strings often stand."""
    refers_to: str = ""
    """UID of another series."""
    cut: int = 0
    """Bytes missing at its end."""

    @property
    def study_uid(self) -> str:
        return f"1.2.{self.study}"

    @property
    def series_uid(self) -> str:
        return f"{self.study_uid}.{self.series}"

    @property
    def uid(self) -> str:
        return f"{self.series_uid}.{self.number}"

    def data(self) -> bytes:
        pixels = Random(f"{self.uid}/{self.variant}").randbytes(self.size)
        reference = data_set((0x0020000E, "UI", self.refers_to))
        item = struct.pack("<HHI", 0xFFFE, 0xE000, len(reference)) + reference
        whole = data_set(
            (0x00080005, "CS", "ISO_IR 192"),
            (0x00080008, "CS", self.image_type),
            (0x00080016, "UI", CT),
            (0x00080018, "UI", self.uid),
            (0x00080020, "DA", "20260102"),
            (0x00080030, "TM", "101112"),
            (0x00080060, "CS", self.modality),
            (0x00080070, "LO", self.manufacturer),
            (0x00081030, "LO", self.description),
            (0x0008103E, "LO", self.series_description),
            (0x00081115, "SQ", item if self.refers_to else b""),
            (0x00100010, "PN", self.patient),
            (0x00100020, "LO", f"P{self.study}"),
            (0x00104000, "LT", self.comments),
            (0x0020000D, "UI", self.study_uid),
            (0x0020000E, "UI", self.series_uid),
            (0x00200011, "IS", str(self.series)),
            (0x00200012, "IS", self.acquisition),
            (0x00200013, "IS", str(self.number)),
            (0x00201002, "IS", self.expected),
            (0x7FE00010, "OW", pixels),
        )
        return whole[: len(whole) - self.cut]


@dataclass(frozen=True, slots=True)
class Event:
    """What the pipeline said."""

    what: str
    fields: dict[str, object]


@dataclass(frozen=True, slots=True)
class Archive:
    """One delivered parcel, opened."""

    reference: str
    members: dict[str, bytes]
    metadata: dict[str, Any]


def _no_time(seconds: float) -> None:
    del seconds


class Site:
    """See the module's text."""

    def __init__(
        self,
        folder: Path,
        *,
        seed: int = 0,
        disk: FaultyDisk | None = None,
        settings: PipelineSettings | None = None,
        start: bool = True,
    ) -> None:
        self.random = Random(seed)
        self.now = 1_000_000.0
        self.events: list[Event] = []
        self.acknowledged: list[tuple[Image, Record]] = []
        self.faulty = disk
        self._ledger_path = folder / "ledger.db"
        self.base = Path("/site") if disk else folder
        self.archive = self.base / "archive"
        self.disk: Disk = disk or RealDisk()
        self.files: Files | None = disk
        if disk is not None:
            disk.mkdir(self.base)
            disk.mkdir(self.base.parent)
            disk.fsync_dir(self.base.parent)
        self.settings = settings or self.usual_settings()
        self.hints = True
        """Whether receivers tell what they have committed."""
        self.boots = 0
        self._ids = 0
        if start:
            self.start()

    def plan(self, name: str, compression: Compression = Compression.STORED) -> DestinationPlan:
        """A folder beside the spool."""
        retry = RetryRules(first_seconds=1.0, maximum_seconds=10.0)
        return DestinationPlan(
            settings=FolderSettings(name=name, path=self.base / name),
            deidentify="none",
            lane=LaneSettings(retry=retry, compression=compression),
        )

    def usual_settings(self) -> PipelineSettings:
        return PipelineSettings(
            policy=Policy(routes=(Route(name="all", destinations=("archive",)),)),
            destinations=(self.plan("archive"),),
            completion=CompletionRules(quiet_seconds=30.0),
            keep_seconds=60.0,
        )

    def configure(self, *, routes: Sequence[Route] | None = None, **changes: Any) -> None:
        """Other settings, from the next start on; ``routes`` alone for a policy of only these."""
        if routes is not None:
            changes["policy"] = Policy(routes=tuple(routes))
        self.settings = replace(self.settings, **changes)

    # --- starting and ending ------------------------------------------------------------------

    def start(self) -> None:
        """As a supervisor does: recover, free what the last run had in hand, build, begin."""
        self.boots += 1
        spool = self.base / "spool"
        self.ledger: Ledger = open_ledger(self._ledger_path)
        positions = {p.container: p.offset for p in self.ledger.positions()}
        self.recovery = recover(spool, disk=self.disk, positions=positions)
        self.ledger.release_all_leases(now=self.now)
        space = SpaceGauge(
            spool,
            disk=self.disk,
            limits=SpaceLimits(soft_bytes=2 << 20, hard_bytes=1 << 20, reserve_bytes=0),
            clock=lambda: self.now,
            segment_size=SEGMENT_SIZE,
        )
        self.writer = SpoolWriter(
            spool,
            disk=self.disk,
            space=space,
            max_segments=2,
            segment_size=SEGMENT_SIZE,
            small_object=SMALL_OBJECT,
            new_id=self._new_id,
        )
        self.reader = SpoolReader(spool, disk=self.disk)
        keeper = SpoolKeeper(
            spool,
            disk=self.disk,
            space=space,
            ready_bytes=2 * SEGMENT_SIZE,
            segment_size=SEGMENT_SIZE,
            new_id=self._new_id,
            sleep=_no_time,
        )
        self.parts = Parts(
            self.settings,
            ledger=self.ledger,
            spool=self.reader,
            keeper=keeper,
            owner=f"boot-{self.boots}",
            rng=self.random,
            emit=self._emit,
            clock=lambda: self.now,
            files=self.files,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def _new_id(self) -> int:
        self._ids += 1
        return self._ids

    def stop(self) -> None:
        """In order."""
        self.writer.close()
        self.reader.close()
        self.ledger.close()
        for cleaner in self.parts.cleaners:
            cleaner.close()

    def crash(self, *, power: bool) -> None:
        """The machine or the processes die. What is left is what was made durable."""
        assert self.faulty is not None
        self.ledger.close()
        if power:
            self.faulty.cut_power()
        else:
            self.faulty.kill()

    def _emit(self, event: str, /, *, level: object = None, **fields: object) -> None:
        del level
        self.events.append(Event(event, fields))

    def said(self, what: str) -> list[dict[str, object]]:
        return [event.fields for event in self.events if event.what == what]

    # --- receiving ----------------------------------------------------------------------------

    def receive(self, image: Image, *, association: str = "a1", source: str = "ct1") -> Record:
        """What a receiver does: store, and only then say Success."""
        receipt = Receipt(
            caller=Caller(
                source=source, calling_ae="CT1", called_ae="CAUSEWAY", address="10.0.0.1",
                association=association,
            ),
            sop_class_uid=CT,
            sop_instance_uid=image.uid,
            transfer_syntax_uid=EXPLICIT,
            received_at=self.now,
        )  # fmt: skip
        data = image.data()
        intake = self.writer.begin(receipt)
        try:
            intake.write(memoryview(data))
            record = intake.commit()
        finally:
            intake.abort()
        self.acknowledged.append((image, record))
        if self.hints:
            self.parts.indexer.committed(record.address.container, record.end)
        return record

    def associations_end(self, association: str = "a1", outcome: str = "released") -> None:
        self.parts.indexer.association_over(association, outcome)

    # --- working ------------------------------------------------------------------------------

    def turns(self, *, retire: bool = True) -> list[Callable[[float], bool]]:
        """What each part of the pipeline can be asked to do."""
        lanes = [lane.turn for lane in self.parts.lanes]
        last = [self.parts.retirement.turn] if retire else []
        cleaning = [worker.turn for worker in self.parts.cleaning]
        return [self.parts.indexer.turn, self.parts.stages.turn, *cleaning, *lanes, *last]

    def turn(self, *, retire: bool = True) -> bool:
        """Let each part do one piece of work; whether any had some."""
        worked = [turn(self.now) for turn in self.turns(retire=retire)]
        return any(worked)

    def work(self, seconds: float = 0.0, *, step: float = 1.0, retire: bool = False) -> None:
        """Turn everything until nothing is left, then let time go on, for so long."""
        until = self.now + seconds
        while True:
            while self.turn(retire=retire):
                pass
            if self.now >= until:
                return
            self.now = min(until, self.now + step)

    # --- looking ------------------------------------------------------------------------------

    def delivered_files(self, destination: str = "archive") -> dict[str, bytes]:
        """What stands in a destination, by path below it."""
        root = self.base / destination
        prefix = f"{root}/"
        if self.faulty is not None:
            found = {n: d for n, d in self.faulty.files().items() if n.startswith(prefix)}
        else:
            found = {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}
        return {n.removeprefix(prefix): data for n, data in found.items()}

    def archives(self, destination: str = "archive") -> Iterator[Archive]:
        """Every parcel in a destination; checks that each is whole and describes itself."""
        files = self.delivered_files(destination)
        for name, data in sorted(files.items()):
            if not name.endswith(".zip"):
                continue
            metadata = json.loads(files[f"{name}.json"])
            assert hashlib.sha256(data).hexdigest() == metadata["archive"]["sha256"]
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                assert archive.testzip() is None
                members = {info.filename: archive.read(info) for info in archive.infolist()}
            assert list(members) == [member["name"] for member in metadata["members"]]
            yield Archive(name, members, metadata)

    def delivered_data_sets(self, destination: str = "archive") -> list[tuple[str, bytes]]:
        """(SOP Instance UID, data set) of every member of every archive."""
        found = []
        for archive in self.archives(destination):
            for described, whole in zip(
                archive.metadata["members"], archive.members.values(), strict=True
            ):
                receipt = Receipt(
                    caller=Caller(
                        source=described["source"], calling_ae=described["calling_ae"],
                        called_ae=described["called_ae"], address="", association="",
                    ),
                    sop_class_uid=described["sop_class_uid"],
                    sop_instance_uid=described["sop_instance_uid"],
                    transfer_syntax_uid=described["transfer_syntax_uid"],
                    received_at=0.0,
                )  # fmt: skip
                meta = file_meta(receipt)
                assert whole.startswith(meta)
                found.append((described["sop_instance_uid"], whole[len(meta) :]))
        return found
