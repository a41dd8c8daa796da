"""A parcel's bytes on their way: the archive from the spool, and the JSON beside it.

Each member is read from the spool with its digest checked, gets its file meta information, and goes
into the ZIP. What fits into memory goes through once. A larger member is read in pieces, so memory
stays flat: stored it is read twice, first for its CRC, which a ZIP has in front of the member, and
so a member that does not match its digest is found before a byte of it is given away.
"""

from __future__ import annotations

import datetime as dt
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from typing import Any, Final, Protocol

from causeway import __version__
from causeway.decide.verdict import Field
from causeway.destinations import Seal, Write
from causeway.ledger import InstanceRow
from causeway.pipeline.archive import ZipWriter
from causeway.pipeline.parcel import Member, Parcel
from causeway.spool import SMALL_OBJECT, file_meta
from causeway.values import Caller, Receipt, Record

FORMAT: Final = "causeway-parcel"
FORMAT_VERSION: Final = 1
"""Of the JSON. Fields are added under the same number; a change of meaning raises it."""

PIECE_BYTES: Final = 1 << 20


class Compression(StrEnum):
    """How members are kept in the archive."""

    STORED = "stored"
    DEFLATED = "deflated"


class Source(Protocol):
    """Where members' bytes are: ``SpoolReader``."""

    def read(self, where: Record) -> bytes: ...

    def chunks(self, where: Record, size: int = ...) -> Iterator[bytes]: ...


def receipt_of(instance: InstanceRow) -> Receipt:
    """The receipt that the ledger's row was made from."""
    return Receipt(
        caller=Caller(
            source=instance.source,
            calling_ae=instance.calling_ae,
            called_ae=instance.called_ae,
            address=instance.peer_address,
            association=instance.association,
            certificate=instance.certificate,
        ),
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        received_at=instance.received_at,
        move_originator=instance.move_originator,
    )


def record_of(instance: InstanceRow) -> Record:
    """The instance's record in the spool, with the digest that the ledger knows."""
    return Record(
        receipt=receipt_of(instance),
        address=instance.address,
        size=instance.size,
        digest=instance.digest,
        end=0,
    )


def write_archive(
    parcel: Parcel, source: Source, write: Write, compression: Compression = Compression.STORED
) -> int:
    """Give the archive's bytes; their number. Raises ``SpoolCorrupt``."""
    archive = ZipWriter(write, parcel.moment)
    for member in parcel.members:
        record = record_of(member.instance)
        meta = file_meta(record.receipt)
        if record.size <= SMALL_OBJECT:
            whole = (meta, source.read(record))
            if compression is Compression.STORED:
                archive.add_stored(member.name, whole)
            else:
                archive.add_deflated(member.name, whole)
            continue
        size = len(meta) + record.size
        if compression is Compression.STORED:
            crc = zlib.crc32(meta)
            for piece in source.chunks(record, PIECE_BYTES):
                crc = zlib.crc32(piece, crc)
            pieces = _pieces(meta, source, record)
            archive.stream_stored(member.name, pieces, size=size, crc=crc)
        else:
            archive.stream_deflated(member.name, _pieces(meta, source, record), size=size)
    return archive.finish()


def _pieces(meta: bytes, source: Source, record: Record) -> Iterator[bytes]:
    yield meta
    yield from source.chunks(record, PIECE_BYTES)


def metadata(parcel: Parcel, seal: Seal, compression: Compression, created_at: float) -> bytes:
    """The JSON that stands beside the archive; its fields are in ``docs/reference/parcel.md``."""
    names, identity = parcel.names, parcel.names.identity
    text: dict[str, Any] = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "written_by": f"Causeway {__version__}",
        "created_at": moment_text(created_at),
        "archive": {
            "name": parcel.name,
            "size": seal.size,
            "sha256": seal.sha256,
            "compression": compression.value,
            "members": len(parcel.members),
        },
        "parcel": {
            "number": parcel.number,
            "kind": parcel.kind.value,
            "amends": [{"number": e.number, "archive": e.name} for e in parcel.amends],
        },
        "group": asdict(parcel.part),
        "hierarchy": asdict(parcel.labels),
        "fields": {name: _field(each) for name, each in sorted(parcel.fields.items())},
        "study": {
            "study_instance_uid": names.study_instance_uid,
            "patient_id": identity.patient_id,
            "accession_number": identity.accession_number,
            "study_id": identity.study_id,
            "study_date": identity.study_date,
            "study_time": identity.study_time,
            "study_description": identity.study_description,
        },
        "series": {
            "series_instance_uid": names.series_instance_uid,
            "modality": parcel.modality,
            "series_number": names.series_number,
            "series_description": names.series_description,
            "protocol_name": names.protocol_name,
        },
        "deidentify": dict(parcel.treatments),
        "completion": asdict(parcel.completion),
        "members": [_member(member) for member in parcel.members],
    }
    return (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode()


_NOT_TOLD: Final = "PatientBirthDate"
"""An age is told, but not the day that it was counted from."""


def _field(field: Field) -> dict[str, Any]:
    return {**asdict(field), "raw": "" if field.origin == _NOT_TOLD else field.raw}


_TOLD_ANEW: Final = ("written_by", "created_at", "completion")
"""How the parcel came about; the rest follows from its members and their labels."""


def is_same_parcel(one: bytes, other: bytes) -> bool:
    """Whether two of these JSONs tell of the same archive, whenever they were written."""
    try:
        return _lasting(one) == _lasting(other)
    except (ValueError, TypeError, AttributeError, RecursionError):
        return False  # not one of ours


def _lasting(text: bytes) -> dict[str, Any]:
    return {name: value for name, value in json.loads(text).items() if name not in _TOLD_ANEW}


def _member(member: Member) -> dict[str, Any]:
    instance = member.instance
    return {
        "name": member.name,
        "sop_class_uid": instance.sop_class_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "instance_number": instance.instance_number,
        "size": instance.size,
        "blake3": instance.digest.hex(),
        "received_at": moment_text(instance.received_at),
        "source": instance.source,
        "calling_ae": instance.calling_ae,
        "called_ae": instance.called_ae,
    }


def moment_text(at: float) -> str:
    """UTC, to the millisecond, as ISO 8601 has it."""
    text = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


class ParcelShipment:
    """A parcel on its way to one destination, as destinations see it."""

    def __init__(
        self,
        parcel: Parcel,
        *,
        key: str,
        attempt: int,
        folders: tuple[str, ...],
        created_at: float,
        compression: Compression,
        source: Source,
        effects: dict[str, str],
        remember: Callable[[str, str], str],
        still_ours: Callable[[], None] = lambda: None,
    ) -> None:
        self.key = key
        self.attempt = attempt
        self.folders = folders
        self.name = parcel.name
        self._parcel = parcel
        self._created_at = created_at
        self._compression = compression
        self._source = source
        self._effects = effects
        self._remember = remember
        self._still_ours = still_ours

    def archive(self, write: Write) -> None:
        def guarded(parts: Sequence[bytes]) -> None:
            self._still_ours()
            write(parts)

        write_archive(self._parcel, self._source, guarded, self._compression)

    def metadata(self, seal: Seal) -> bytes:
        return metadata(self._parcel, seal, self._compression, self._created_at)

    def is_told_by(self, text: bytes, seal: Seal) -> bool:
        return is_same_parcel(text, self.metadata(seal))

    def recall(self, key: str) -> str | None:
        return self._effects.get(key)

    def remember(self, key: str, value: str) -> str:
        self._effects[key] = self._remember(key, value)
        return self._effects[key]
