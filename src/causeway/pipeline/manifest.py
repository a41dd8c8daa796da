"""What is told of a parcel where it is delivered: the JSON beside the archive.

Its fields are in ``docs/reference/parcel.md``. Everything is told as it leaves.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Final

from causeway import __version__
from causeway.decide.verdict import Field
from causeway.destinations import Instance, Seal
from causeway.ledger import InstanceRow
from causeway.pipeline.contents import Content

FORMAT: Final = "causeway-parcel"
FORMAT_VERSION: Final = 1
"""Of the JSON. Fields are added under the same number; a change of meaning raises it."""


def manifest(content: Content, created_at: float) -> Mapping[str, Any]:
    """The document, but for what only a finished archive knows."""
    parcel = content.parcel
    names, identity = parcel.names, parcel.names.identity
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "written_by": f"Causeway {__version__}",
        "created_at": "" if content.is_clean else moment_text(created_at),
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
        "members": [
            _member(instance, member.instance, is_clean=content.is_clean)
            for instance, member in zip(content.instances, parcel.members, strict=True)
        ],
    }


def metadata(content: Content, seal: Seal, compression: str, created_at: float) -> bytes:
    """The JSON that stands beside an archive."""
    told = dict(manifest(content, created_at))
    completion, members = told.pop("completion"), told.pop("members")
    text = {
        **{key: told.pop(key) for key in ("format", "format_version", "written_by", "created_at")},
        "archive": {
            "name": content.parcel.name,
            "size": seal.size,
            "sha256": seal.sha256,
            "compression": compression,
            "members": len(content.instances),
        },
        **told,
        "completion": completion,
        "members": members,
    }
    return (json.dumps(text, ensure_ascii=False, indent=1) + "\n").encode()


_NOT_TOLD: Final = "PatientBirthDate"
"""An age is told, but not the day that it was counted from."""


def _field(field: Field) -> dict[str, Any]:
    return {**asdict(field), "raw": "" if field.origin == _NOT_TOLD else field.raw}


def _member(instance: Instance, row: InstanceRow, *, is_clean: bool) -> dict[str, Any]:
    return {
        "name": instance.name,
        "sop_class_uid": instance.sop_class_uid,
        "sop_instance_uid": instance.sop_instance_uid,
        "transfer_syntax_uid": instance.transfer_syntax_uid,
        "instance_number": row.instance_number,
        "size": instance.dataset_size,
        "blake3": instance.digest.hex(),
        "received_at": "" if is_clean else moment_text(row.received_at),
        "source": row.source,
        "calling_ae": row.calling_ae,
        "called_ae": row.called_ae,
    }


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


def moment_text(at: float) -> str:
    """UTC, to the millisecond, as ISO 8601 has it."""
    text = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"
