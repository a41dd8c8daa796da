"""The values that keys are made of: of an instance, its parcel and its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from causeway.destinations.contract import Instance, Shipment
from causeway.object_keys import PLACE, KeyTemplate

_OF_STUDY: Final = {
    "PatientID": "patient_id",
    "AccessionNumber": "accession_number",
    "StudyID": "study_id",
    "StudyDate": "study_date",
    "StudyDescription": "study_description",
}
_OF_SERIES: Final = {
    "Modality": "modality",
    "SeriesNumber": "series_number",
    "SeriesDescription": "series_description",
    "ProtocolName": "protocol_name",
}


def parcel_values(shipment: Shipment) -> dict[str, str]:
    """What all instances of a parcel share."""
    manifest = shipment.manifest
    study, series = _table(manifest, "study"), _table(manifest, "series")
    values = {name: str(study.get(field, "")) for name, field in _OF_STUDY.items()}
    values |= {name: str(series.get(field, "")) for name, field in _OF_SERIES.items()}
    values |= dict(zip(PLACE, shipment.folders, strict=False))
    values |= {
        "created": str(manifest.get("created_at", "")),
        "delivery": shipment.key,
        "archive": shipment.name,
        "StudyInstanceUID": str(study.get("study_instance_uid", "")),
        "SeriesInstanceUID": str(series.get("series_instance_uid", "")),
    }
    return values


def callers(shipment: Shipment) -> dict[str, dict[str, str]]:
    """Who sent each instance, by its name in the parcel."""
    return {
        str(member.get("name", "")): {
            name: str(member.get(name, "")) for name in ("source", "calling_ae", "called_ae")
        }
        for member in shipment.manifest.get("members", ())
        if isinstance(member, Mapping)
    }


def instance_values(instance: Instance) -> dict[str, str]:
    return {
        "SOPInstanceUID": instance.sop_instance_uid,
        "SOPClassUID": instance.sop_class_uid,
        "TransferSyntaxUID": instance.transfer_syntax_uid,
        "StudyInstanceUID": instance.study_instance_uid,
        "SeriesInstanceUID": instance.series_instance_uid,
        "name": instance.name,
    }


def keys_by(template: KeyTemplate, shipment: Shipment) -> Callable[[Instance], str]:
    """Makes the key of each instance of a shipment; raises ``ValueError`` for one too long."""
    of_parcel, sent_by = parcel_values(shipment), callers(shipment)

    def key_of(instance: Instance) -> str:
        return template.made(of_parcel | sent_by.get(instance.name, {}) | instance_values(instance))

    return key_of


def _table(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = manifest.get(name)
    return found if isinstance(found, Mapping) else {}
