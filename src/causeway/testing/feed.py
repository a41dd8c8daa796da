"""A spool that exists only as records: what a scan would give, without a disk.

For tests of whatever stands behind the spool. A ``Feed`` is one container; its records follow each
other as they would in a segment. UIDs are made of small numbers, so that a failing test can be
read; names are plainly invented, so that one that leaks can be found.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from causeway.ledger import Damaged, Indexed, Unreadable
from causeway.values import Caller, Header, Identity, Receipt, Record, SpoolAddress

ROOT = "1.2.826.0.1.3680043.10.999"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
RECORD_BYTES = 1024


def study_uid(study: int) -> str:
    return f"{ROOT}.{study}"


def series_uid(study: int, series: int) -> str:
    return f"{ROOT}.{study}.{series}"


def sop_uid(study: int, series: int, number: int) -> str:
    return f"{ROOT}.{study}.{series}.{number}"


def identity(study: int) -> Identity:
    return Identity(
        patient_id=f"ID-{study:04d}",
        patient_name=f"Plänted{study}^Nàme",
        patient_birth_date="19700101",
        accession_number=f"ACC{study:05d}",
        study_id=f"S{study}",
        study_date="20261120",
        study_time="120000",
        study_description=f"Schädel {study}",
    )


@dataclass(slots=True)
class Feed:
    """One container, filled from its beginning."""

    container: str = "segment-000001.1"
    source: str = "ct1"
    association: str = "a1"
    at: float = 1000.0
    """The time at which the next record is received; moves on by a second with each."""
    quiet_seconds: float = 30.0
    offset: int = 0

    def record(self, sop_instance_uid: str, data: str) -> Record:
        """The next record; its digest is that of ``data``, whatever its size."""
        caller = Caller(
            source=self.source,
            calling_ae="CT1",
            called_ae="CAUSEWAY",
            address="127.0.0.1",
            association=self.association,
        )
        receipt = Receipt(
            caller=caller,
            sop_class_uid=CT_IMAGE,
            sop_instance_uid=sop_instance_uid,
            transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
            received_at=self.at,
        )
        start = self.offset
        self.offset += RECORD_BYTES
        self.at += 1.0
        return Record(
            receipt=receipt,
            address=SpoolAddress(self.container, start),
            size=RECORD_BYTES - 100,
            digest=hashlib.sha256(data.encode()).digest(),
            end=self.offset,
        )

    def indexed(
        self,
        study: int = 1,
        series: int = 1,
        number: int = 1,
        *,
        data: str | None = None,
        uid: str | None = None,
        expected_count: int | None = None,
        acquisition_number: str = "",
        images_in_acquisition: str = "",
    ) -> Indexed:
        """The next record, readable."""
        sop_instance_uid = uid or sop_uid(study, series, number)
        record = self.record(sop_instance_uid, sop_instance_uid if data is None else data)
        header = Header(
            sop_class_uid=CT_IMAGE,
            sop_instance_uid=sop_instance_uid,
            study_instance_uid=study_uid(study),
            series_instance_uid=series_uid(study, series),
            identity=identity(study),
            modality="CT",
            series_number=str(series),
            series_description=f"Serie {series}",
            instance_number=str(number),
            acquisition_number=acquisition_number,
            images_in_acquisition=images_in_acquisition,
        )
        return Indexed(
            record=record,
            header=header,
            due_at=record.receipt.received_at + self.quiet_seconds,
            expected_count=expected_count,
        )

    def unreadable(
        self, data: str, *, uid: str = f"{ROOT}.0", reason: str = "truncated"
    ) -> Unreadable:
        """The next record, of which no header could be read."""
        return Unreadable(record=self.record(uid, data), reason=reason)

    def damaged(self, *, reason: str = "torn") -> Damaged:
        """The next stretch of the container holds no record."""
        start = self.offset
        self.offset += RECORD_BYTES
        return Damaged(container=self.container, offset=start, end=self.offset, reason=reason)
