"""Rows of the ledger made by hand, for what is pure."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from causeway.ledger import InstanceRow, InstanceState, SeriesRow, SeriesState, StudyRow, StudyState
from causeway.values import Identity, SpoolAddress


def _filled(row_type: Any, values: dict[str, Any]) -> Any:
    """A row whose other columns are empty, of the type that their annotation names."""
    empty = {"str": "", "int": 0, "float": 0.0, "bool": False, "bytes": b""}
    return row_type(
        **{f.name: values.get(f.name, empty.get(str(f.type))) for f in fields(row_type)}
    )


def instance(number: int, **values: Any) -> InstanceRow:
    row: InstanceRow = _filled(
        InstanceRow,
        {
            "id": number,
            "state": InstanceState.CLEANED,
            "address": SpoolAddress("seg-1", 4096 * number),
            "origin": SpoolAddress("seg-1", 4096 * number),
            "size": 100,
            "digest": bytes([number % 256]) * 32,
            "sop_class_uid": "1.2.840.10008.5.1.4.1.1.2",
            "sop_instance_uid": f"1.2.3.{number}",
            "transfer_syntax_uid": "1.2.840.10008.1.2.1",
            "instance_number": str(number),
            "source": "ct1",
            "calling_ae": "CT1",
            "called_ae": "CAUSEWAY",
            "received_at": 1_795_204_800.25,
            **values,
        },
    )
    return row


def study(**values: Any) -> StudyRow:
    row: StudyRow = _filled(
        StudyRow,
        {
            "id": 7,
            "study_instance_uid": "1.2",
            "identity": Identity(
                patient_id="P1",
                patient_name="Phantom^Nobody",
                study_description="Brain",
                study_date="20260102",
            ),
            "state": StudyState.ON_ITS_WAY,
            **values,
        },
    )
    return row


def series(**values: Any) -> SeriesRow:
    row: SeriesRow = _filled(
        SeriesRow,
        {
            "id": 34,
            "study_id": 7,
            "state": SeriesState.CLEANED,
            "series_instance_uid": "1.2.3",
            "modality": "CT",
            "series_description": "T1",
            "generation": 2,
            "instance_count": 3,
            "cleaning": '{"treatments": {"archive": {"name": "none", "id": null}}}',
            **values,
        },
    )
    return row
