"""What a clean series is named after, and the labels that follow from it alone.

Of a de-identified series these are not what came in. The rules are those of ``decide.hierarchy``,
for a series of which nothing is known but this.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.hierarchy import Hierarchy, hierarchy, moment_of
from causeway.decide.labels import Labels
from causeway.values import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesNames:
    """What labels are made from."""

    identity: Identity
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    series_number: str = ""
    series_description: str = field(default="", repr=False)
    protocol_name: str = field(default="", repr=False)
    series_date: str = field(default="", repr=False)
    series_time: str = field(default="", repr=False)
    acquisition_date: str = field(default="", repr=False)
    acquisition_time: str = field(default="", repr=False)


def names_in(
    header: Attributes, *, study_instance_uid: str, series_instance_uid: str
) -> SeriesNames:
    """What a header says, of a series that goes under these UIDs."""

    def said(tags: dict[int, str]) -> dict[str, str]:
        return {name: header.text(tag) or "" for tag, name in tags.items()}

    return SeriesNames(
        identity=Identity(**said(_IDENTITY | _PERSON)),
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        **said(_NAMES),
    )


def labels(names: SeriesNames) -> Labels:
    """The folders of a series, by the platform's default rules."""
    return _hierarchy(names).labels


def moment(names: SeriesNames) -> dt.datetime | None:
    """When the images were acquired, as the scanner's clock said; without zone."""
    found = moment_of(_hierarchy(names).fields, "acquisition.timestamp")
    return found and found.replace(tzinfo=None, microsecond=0)


_IDENTITY: Final = {
    0x00080020: "study_date",
    0x00080030: "study_time",
    0x00081030: "study_description",
    0x00100020: "patient_id",
    0x00200010: "study_id",
}
_PERSON: Final = {
    0x00080050: "accession_number",
    0x00100010: "patient_name",
    0x00100030: "patient_birth_date",
}
_NAMES: Final = {
    0x00080021: "series_date",
    0x00080022: "acquisition_date",
    0x00080031: "series_time",
    0x00080032: "acquisition_time",
    0x0008103E: "series_description",
    0x00181030: "protocol_name",
    0x00200011: "series_number",
}


def _hierarchy(names: SeriesNames) -> Hierarchy:
    values = {tag: (getattr(names.identity, name),) for tag, name in _IDENTITY.items()}
    values |= {tag: (getattr(names, name),) for tag, name in _NAMES.items()}
    return hierarchy(
        Attributes(values=values),
        study_instance_uid=names.study_instance_uid,
        series_instance_uid=names.series_instance_uid,
        routing=None,
        mapped={},
        defaults={},
        overrides={},
        timezone=dt.UTC,  # in and out: a clock without zone
        series_number_prefix=False,
    )
