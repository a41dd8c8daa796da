"""Parcels in memory, and one attempt to bring them, for tests of destinations.

``Parcel`` is a shipment whose instances, memory and journal the test holds; ``bring`` drives a
destination as the pipeline does. What is remembered belongs to the parcel, so ``parcel.again()`` is
the same delivery, claimed once more after whatever became of the first attempt.
"""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from blake3 import blake3

from causeway.destinations import Destination, Instance, Seal, Write
from causeway.ledger import OutcomeRow
from causeway.pipeline.archive import ZipWriter
from causeway.pipeline.attempt import Attempt, Ended
from causeway.spool import file_meta
from causeway.testing.site import CT, EXPLICIT, Image
from causeway.values import Caller, Receipt, Standing

FOLDERS = ("unknown", "Unsorted", "Müller", "Brain", "T1")
PIECE_BYTES = 1 << 20


class MemoryJournal:
    """What is known of a parcel's instances, over its attempts."""

    def __init__(self) -> None:
        self.delivery_id = 1
        self.begun = 0
        self.rows: dict[int, OutcomeRow] = {}

    def outcomes(self) -> tuple[OutcomeRow, ...]:
        return tuple(self.rows.values())

    def note(
        self, outcomes: Sequence[OutcomeRow], *, begun: int = 0, again: Sequence[int] = ()
    ) -> bool:
        self.rows |= {row.instance_id: row for row in outcomes}
        self.begun = max(self.begun, begun)
        for key in again:
            row = self.rows.pop(key, None)
            if row is not None:
                unsure = OutcomeRow(
                    delivery_id=1, instance_id=key, standing=Standing.UNSURE, at=row.at
                )
                self.rows[key] = unsure
        return True

    def standings(self) -> list[Standing]:
        return [row.standing for _, row in sorted(self.rows.items())]


class MemoryOfDestination:
    """What a destination remembers of itself."""

    def __init__(self) -> None:
        self.value: str | None = None
        self.values: dict[str, str] = {}

    def identity(self) -> str | None:
        return self.value

    def identify(self, identity: str) -> str:
        self.value = self.value or identity
        return self.value

    def recall(self, key: str) -> str | None:
        return self.values.get(key)

    def replace(self, key: str, value: str | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def remembered(self, prefix: str) -> Mapping[str, str]:
        return {k: v for k, v in sorted(self.values.items()) if k.startswith(prefix)}


class Parcel:
    """A shipment that the test holds. Its instances are small DICOM objects."""

    def __init__(
        self,
        images: Sequence[Image] = (Image(number=1), Image(number=2), Image(number=3)),
        *,
        key: str = "delivery-1",
        name: str = "T1.dicom.zip",
        urgent: bool = False,
        memory: dict[str, str] | None = None,
        journal: MemoryJournal | None = None,
    ) -> None:
        self.images = tuple(images)
        self.key = key
        self.attempt = 1
        self.urgent = urgent
        self.folders = FOLDERS
        self.name = name
        self.memory: dict[str, str] = {} if memory is None else memory
        self.journal = journal or MemoryJournal()
        self.broken: BaseException | None = None
        """Raised when half of the last instance has been read."""
        self.description = "v1"
        self.version: dt.datetime | None = None
        """Another one gives other bytes of the same archive."""
        self.opened: list[int] = []
        """Ids of instances, each time that one is read."""
        self.instances = tuple(self._instance(n, each) for n, each in enumerate(images, start=1))

    def _instance(self, number: int, image: Image) -> Instance:
        data = image.data()
        caller = Caller(
            source="ct1", calling_ae="CT1", called_ae="CAUSEWAY", address="", association=""
        )
        receipt = Receipt(
            caller=caller, sop_class_uid=CT, sop_instance_uid=image.uid,
            transfer_syntax_uid=EXPLICIT, received_at=0.0,
        )  # fmt: skip

        def read() -> Iterator[bytes]:
            self.opened.append(number)
            for start in range(0, len(data), PIECE_BYTES):
                if self.broken is not None and number == len(self.images):
                    yield data[: len(data) // 2]
                    raise self.broken
                yield data[start : start + PIECE_BYTES]

        return Instance(
            id=number,
            name=f"{image.uid}.CT.dcm",
            sop_class_uid=CT,
            sop_instance_uid=image.uid,
            study_instance_uid=image.study_uid,
            series_instance_uid=image.series_uid,
            transfer_syntax_uid=EXPLICIT,
            meta=file_meta(receipt),
            dataset_size=len(data),
            digest=blake3(data).digest(),
            open=read,
        )

    @property
    def data_sets(self) -> dict[str, bytes]:
        """By SOP Instance UID."""
        return {image.uid: image.data() for image in self.images}

    @property
    def manifest(self) -> Mapping[str, Any]:
        first = self.images[0]
        return {
            "format": "causeway-parcel",
            "format_version": 1,
            "parcel": {"number": 1, "kind": "first", "amends": []},
            "group": {"key": "", "acquisition_uid": first.series_uid, "attached_to": ""},
            "hierarchy": dict(
                zip(
                    ("group", "project", "subject", "session", "acquisition"),
                    self.folders,
                    strict=False,
                )
            ),
            "fields": {},
            "study": {"study_instance_uid": first.study_uid, "study_date": "20260102"},
            "series": {"series_instance_uid": first.series_uid, "modality": first.modality},
            "members": [{"name": each.name} for each in self.instances],
        }

    @property
    def content(self) -> bytes:
        """The archive."""
        parts: list[bytes] = []
        twin = Parcel(self.images, key=self.key, name=self.name)
        twin.version = self.version
        twin.archive(parts.extend)
        return b"".join(parts)

    def archive(self, write: Write) -> None:
        archive = ZipWriter(write, self.version)
        for each in self.instances:
            archive.add_stored(each.name, tuple(each.file()))
        archive.finish()

    def metadata(self, seal: Seal) -> bytes:
        return json.dumps({"sha256": seal.sha256, "by": self.description}).encode()

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        try:
            return bool(json.loads(text)["sha256"] == seal.sha256)
        except (ValueError, KeyError):
            return False

    def recall(self, key: str) -> str | None:
        return self.memory.get(key)

    def remember(self, key: str, value: str) -> str:
        return self.memory.setdefault(key, value)

    def replace(self, key: str, value: str | None) -> None:
        if value is None:
            self.memory.pop(key, None)
        else:
            self.memory[key] = value

    def again(self) -> Parcel:
        """The same delivery, claimed once more."""
        twin = Parcel(
            self.images, key=self.key, name=self.name, urgent=self.urgent,
            memory=self.memory, journal=self.journal,
        )  # fmt: skip
        twin.attempt = self.attempt + 1
        return twin

    def after_crash(self) -> Parcel:
        """Claimed once more after an attempt that never said what became of anything."""
        twin = self.again()
        twin.journal.rows.clear()
        twin.journal.begun = len(self.instances)
        return twin

    def after_lost_ledger(self) -> Parcel:
        """The same parcel as a ledger makes it that remembers nothing."""
        return Parcel(self.images, key=self.key, name=self.name, urgent=self.urgent)


def bring(
    destination: Destination,
    parcel: Parcel,
    *,
    may_go_on: Callable[[], bool] = lambda: True,
    clock: Callable[[], float] = time.monotonic,
) -> Ended:
    """One attempt, as the pipeline makes it."""
    attempt = Attempt(parcel, journal=parcel.journal, clock=clock, may_go_on=may_go_on)
    return attempt.run(destination)
