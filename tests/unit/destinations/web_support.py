"""Instances and a shipment for tests of destinations over HTTP."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from blake3 import blake3

from causeway.destinations.contract import Instance, Seal, Write
from causeway.destinations.http import HttpOptions, Trust
from causeway.spool import file_meta
from causeway.testing.site import Image
from causeway.values import Caller, Receipt

EXPLICIT = "1.2.840.10008.1.2.1"
IMPLICIT = "1.2.840.10008.1.2"
CT = "1.2.840.10008.5.1.4.1.1.2"
PIECE = 1 << 16


def instance(
    number: int = 1, *, data: bytes | None = None, syntax: str = "", **image: Any
) -> Instance:
    """A CT image of the scripted site, in explicit VR, or whatever data are given."""
    made = Image(number=number, **image)
    content = made.data() if data is None else data
    receipt = Receipt(
        caller=Caller(
            source="ct", calling_ae="CT", called_ae="CAUSEWAY", address="127.0.0.1",
            association="a", certificate="",
        ),
        sop_class_uid=CT, sop_instance_uid=made.uid,
        transfer_syntax_uid=syntax or EXPLICIT,
        received_at=0.0, move_originator="",
    )  # fmt: skip

    def read() -> Iterator[bytes]:
        for start in range(0, len(content), PIECE):
            yield content[start : start + PIECE]

    return Instance(
        id=number,
        name=f"{made.uid}.CT.dcm",
        sop_class_uid=CT,
        sop_instance_uid=made.uid,
        study_instance_uid=made.study_uid,
        series_instance_uid=made.series_uid,
        transfer_syntax_uid=receipt.transfer_syntax_uid,
        meta=file_meta(receipt),
        dataset_size=len(content),
        digest=blake3(content).digest(),
        open=read,
    )


MANIFEST: Mapping[str, Any] = {
    "parcel": {"number": 1, "kind": "first", "amends": []},
    "group": {"key": "", "acquisition_uid": "1.2.3.4", "attached_to": "", "reason": ""},
    "hierarchy": {
        "group": "neuro", "project": "Amnesia", "subject": "Müller", "session": "Brain",
        "acquisition": "3 - T1",
    },
    "fields": {
        "group._id": {"value": "neuro", "raw": "fw://neuro/Amnesia", "origin": "routing"},
        "project.label": {"value": "Amnesia", "raw": "", "origin": "routing"},
        "subject.label": {"value": "Müller", "raw": "", "origin": "PatientID"},
        "subject.sex": {"value": "female", "raw": "F", "origin": "PatientSex"},
        "session.uid": {"value": "1.2.3", "raw": "", "origin": "StudyInstanceUID"},
        "session.label": {"value": "Brain", "raw": "", "origin": "StudyDescription"},
        "session.age": {"value": 1072958400.0, "raw": "034Y", "origin": "PatientAge"},
        "session.timestamp": {
            "value": "2026-01-02T10:11:12.123-05:00", "raw": "", "origin": "StudyDate",
        },
        "session.timezone": {"value": "America/New_York", "raw": "", "origin": "timezone"},
        "acquisition.uid": {"value": "1.2.3.4", "raw": "", "origin": "SeriesInstanceUID"},
        "acquisition.label": {"value": "3 - T1", "raw": "", "origin": "SeriesDescription"},
        "file.name": {"value": "3 - T1.dicom.zip", "raw": "", "origin": "SeriesDescription"},
        "file.type": {"value": "dicom", "raw": "", "origin": "built in"},
    },
    "study": {"study_instance_uid": "1.2.3"},
    "series": {"series_instance_uid": "1.2.3.4", "modality": "MR"},
}  # fmt: skip


class Shipment:
    """A parcel on its way; what it remembers outlives an attempt."""

    def __init__(
        self,
        instances: Sequence[Instance],
        *,
        manifest: Mapping[str, Any] = MANIFEST,
        name: str = "3 - T1.dicom.zip",
        memory: dict[str, str] | None = None,
    ) -> None:
        self.key = "delivery-1"
        self.attempt = 1
        self.urgent = False
        self.folders = tuple(manifest["hierarchy"].values())
        self.name = name
        self.instances = tuple(instances)
        self.manifest = manifest
        self.memory: dict[str, str] = {} if memory is None else memory
        self.broken: BaseException | None = None

    def content(self) -> bytes:
        found = io.BytesIO()
        with zipfile.ZipFile(found, "w") as archive:
            for each in self.instances:
                member = zipfile.ZipInfo(each.name, date_time=(2026, 1, 2, 10, 11, 12))
                archive.writestr(member, b"".join(each.file()))
        return found.getvalue()

    def archive(self, write: Write) -> None:
        content = self.content()
        for start in range(0, len(content), PIECE):
            if self.broken is not None and start:
                raise self.broken
            write((content[start : start + PIECE],))

    def metadata(self, seal: Seal) -> bytes:
        return json.dumps({"sha256": seal.sha256}).encode()

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        return text == self.metadata(seal)

    def recall(self, key: str) -> str | None:
        return self.memory.get(key)

    def remember(self, key: str, value: str) -> str:
        return self.memory.setdefault(key, value)

    def replace(self, key: str, value: str | None) -> None:
        if value is None:
            self.memory.pop(key, None)
        else:
            self.memory[key] = value


class Memory:
    """What a destination knows of itself."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def identity(self) -> str | None:
        return self.values.get("identity")

    def identify(self, identity: str) -> str:
        return self.values.setdefault("identity", identity)

    def recall(self, key: str) -> str | None:
        return self.values.get(key)

    def replace(self, key: str, value: str | None) -> None:
        if value is None:
            self.values.pop(key, None)
        else:
            self.values[key] = value

    def remembered(self, prefix: str) -> Mapping[str, str]:
        return {k: v for k, v in sorted(self.values.items()) if k.startswith(prefix)}


def options(ca: Path | None = None, **changes: Any) -> HttpOptions:
    """Impatient ones."""
    return HttpOptions(
        **{
            "who": "destination archive",
            "trust": Trust(ca=ca, ca_only=ca is not None),
            "connect_seconds": 5.0,
            "answer_seconds": 5.0,
            "stall_seconds": 5.0,
            **changes,
        }
    )
