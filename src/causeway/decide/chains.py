"""What a header says for each field of the hierarchy: the links of its chain, best first.

Moments, for one, stand in up to seven places of a header. What a link gives carries the keyword
that it came from and the text as it stood there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.labels import ACQUISITION_CHARACTERS, UNNAMED, sanitised
from causeway.decide.moments import (
    dated_uid,
    divided,
    in_zone,
    is_time,
    moment_label,
    moment_text,
    offset,
    parsed,
)
from causeway.decide.people import age_at, age_of, full_name, name_of, sex_of, weight_of
from causeway.decide.verdict import Field

BUILT_IN: Final = "built in"
"""The origin of what neither the header nor the site has said."""

_ACQUISITION_DATE_TIME: Final = 0x0008002A
_TIMEZONE_OFFSET: Final = 0x00080201
_STUDY_DESCRIPTION: Final = 0x00081030
_SERIES_DESCRIPTION: Final = 0x0008103E
_OPERATORS_NAME: Final = 0x00081070
_PATIENT_NAME: Final = 0x00100010
_PATIENT_ID: Final = 0x00100020
_PATIENT_BIRTH_DATE: Final = 0x00100030
_PATIENT_SEX: Final = 0x00100040
_PATIENT_AGE: Final = 0x00101010
_PATIENT_WEIGHT: Final = 0x00101030
_PROTOCOL_NAME: Final = 0x00181030
_STUDY_ID: Final = 0x00200010
_SERIES_NUMBER: Final = 0x00200011

# Date and time of each level, and the keyword that stands for both.
_STUDY: Final = (0x00080020, 0x00080030, "StudyDate")
_SERIES: Final = (0x00080021, 0x00080031, "SeriesDate")
_ACQUISITION: Final = (0x00080022, 0x00080032, "AcquisitionDate")


Chain = tuple[Field | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something was, on the site's clock."""

    at: dt.datetime
    raw: str = field(repr=False)
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A header's part in the hierarchy."""

    chains: Mapping[str, Chain] = field(repr=False)
    """By field, in the order of the hierarchy; fields without a link are there too."""
    last: Mapping[str, Field] = field(repr=False)
    """Of the labels: what counts if nothing else does, not even the site's default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """One header, read on the site's clock."""

    attributes: Attributes
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    timezone: dt.tzinfo
    """Of moments that do not say theirs, and the one that all are told in."""

    def text(self, tag: int) -> str:
        """All of it: a description with a backslash is still one description."""
        return self.attributes.text(tag) or ""

    def first(self, tag: int) -> str:
        return self.attributes.first(tag)

    def session_moment(self) -> Moment | None:
        return _first(self._of_study, self._of_series, self._of_acquisition)

    def acquisition_moment(self) -> Moment | None:
        return _first(self._of_acquisition, self._of_series, self._of_study)

    def _of_study(self) -> Moment | None:
        return self._dated(*_STUDY) or self._in_uid(self.study_instance_uid, "StudyInstanceUID")

    def _of_series(self) -> Moment | None:
        return self._dated(*_SERIES) or self._in_uid(self.series_instance_uid, "SeriesInstanceUID")

    def _of_acquisition(self) -> Moment | None:
        text = self.first(_ACQUISITION_DATE_TIME)
        date, time, said = divided(text)
        found = self._moment(parsed(date, time), text, "AcquisitionDateTime", time, said)
        return found or self._dated(*_ACQUISITION)

    def _dated(self, date: int, time: int, origin: str) -> Moment | None:
        day, clock = self.first(date), self.first(time)
        return self._moment(parsed(day, clock), f"{day} {clock}".strip(), origin, clock)

    def _in_uid(self, uid: str, origin: str) -> Moment | None:
        return self._moment(dated_uid(uid), uid, origin, "00")

    def _moment(
        self, at: dt.datetime | None, raw: str, origin: str, time: str, said: str = ""
    ) -> Moment | None:
        if at is None:
            return None
        zone = offset(said) or offset(self.first(_TIMEZONE_OFFSET))
        told = in_zone(at, zone if is_time(time) else None, self.timezone)
        return Moment(at=told, raw=raw, origin=origin)


def _first(*chain: Callable[[], Moment | None]) -> Moment | None:
    return next((moment for link in chain if (moment := link()) is not None), None)


def said_by(header: Header, *, series_number_prefix: bool) -> Said:
    """The header's links for every field."""
    session, acquisition = header.session_moment(), header.acquisition_moment()
    name = header.first(_PATIENT_NAME)
    person = name_of(name)
    number = _series_number(header) if series_number_prefix else ""
    study_id = header.text(_STUDY_ID)
    study_uid = link(header.study_instance_uid, "StudyInstanceUID")
    series_uid = link(header.series_instance_uid, "SeriesInstanceUID")

    def numbered(text: str, origin: str) -> Field | None:
        label = sanitised(text, characters=ACQUISITION_CHARACTERS)
        whole = sanitised(f"{number}{label}", characters=ACQUISITION_CHARACTERS)
        return link(whole if label else "", origin, raw=text)

    chains: dict[str, Chain] = {
        "group._id": (),
        "project.label": (),
        "subject.label": (_label(header.text(_PATIENT_ID), "PatientID"),),
        "subject.firstname": (link(person.first, "PatientName", raw=name),),
        "subject.lastname": (link(person.last, "PatientName", raw=name),),
        "subject.sex": _read(header, _PATIENT_SEX, "PatientSex", sex_of),
        "session.uid": (study_uid,),
        "session.label": (
            _label(header.text(_STUDY_DESCRIPTION), "StudyDescription"),
            link(moment_label(session.at), session.origin, raw=session.raw) if session else None,
        ),
        "session.age": (
            *_read(header, _PATIENT_AGE, "PatientAge", age_of),
            _age_by_birth(header, acquisition),
        ),
        "session.weight": _read(header, _PATIENT_WEIGHT, "PatientWeight", weight_of),
        "session.operator": _read(header, _OPERATORS_NAME, "OperatorsName", _operators),
        "session.timestamp": (_timestamp(session),),
        "acquisition.uid": (series_uid,),
        "acquisition.label": (
            numbered(header.text(_SERIES_DESCRIPTION), "SeriesDescription"),
            numbered(header.text(_PROTOCOL_NAME), "ProtocolName"),
            numbered(moment_label(acquisition.at), acquisition.origin) if acquisition else None,
        ),
        "acquisition.timestamp": (_timestamp(acquisition),),
        "file.type": (Field(value="dicom", origin=BUILT_IN),),
    }
    ex = sanitised(f"ex{study_id}") if sanitised(study_id) else ""
    by_examination = link(ex, "StudyID", raw=study_id)
    by_study = _label(header.study_instance_uid, "StudyInstanceUID")
    unnamed = Field(value=UNNAMED, origin=BUILT_IN)
    last = {
        "subject.label": by_examination or by_study or unnamed,
        "session.label": by_study or unnamed,
        "acquisition.label": numbered(header.series_instance_uid, "SeriesInstanceUID") or unnamed,
    }
    return Said(chains=chains, last=last)


def link(value: str | float | None, origin: str, *, raw: str = "") -> Field | None:
    """A field, or None where there is no value."""
    if value is None or value == "":
        return None
    return Field(value=value, raw=raw or str(value), origin=origin)


def _label(text: str, origin: str) -> Field | None:
    return link(sanitised(text), origin, raw=text)


def _read(
    header: Header, tag: int, origin: str, reading: Callable[[str], str | float | None]
) -> Chain:
    text = header.text(tag)
    return (link(reading(text), origin, raw=text),)


def _operators(text: str) -> str:
    return ", ".join(name for each in text.split("\\") if (name := full_name(each)))


def _timestamp(moment: Moment | None) -> Field | None:
    return link(moment_text(moment.at), moment.origin, raw=moment.raw) if moment else None


def _age_by_birth(header: Header, acquisition: Moment | None) -> Field | None:
    text = header.first(_PATIENT_BIRTH_DATE)
    birth = parsed(text, "")
    if birth is None or acquisition is None:
        return None
    return link(age_at(birth.date(), acquisition.at.date()), "PatientBirthDate", raw=text)


def _series_number(header: Header) -> str:
    """``3 - ``; nothing for a series without number, or number 0."""
    try:
        number = int(header.first(_SERIES_NUMBER))
    except ValueError:
        return ""
    return f"{number} - " if number else ""
