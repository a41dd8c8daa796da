"""Whether the headers of a series tell one story.

What fills the hierarchy should be the same in every object of a series. Where it is not, the newest
header decides and the difference is shown; nothing waits for it, since scanners do change
descriptions while they scan.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from causeway.attributes import Attributes, name_of
from causeway.decide.chains import Header

APART_LIMIT: Final = dt.timedelta(hours=5)
"""Between moments of one series; the platform's number."""

_AGREEING: Final = (
    0x00080060,  # Modality
    0x00080070,  # Manufacturer
    0x00081030,  # StudyDescription
    0x0008103E,  # SeriesDescription
    0x00081070,  # OperatorsName
    0x00100010,  # PatientName
    0x00100020,  # PatientID
    0x00100030,  # PatientBirthDate
    0x00100040,  # PatientSex
    0x00101010,  # PatientAge
    0x00101030,  # PatientWeight
    0x00181030,  # ProtocolName
    0x0020000D,  # StudyInstanceUID
    0x0020000E,  # SeriesInstanceUID
    0x00200010,  # StudyID
    0x00200011,  # SeriesNumber
)
_STUDY_DATE: Final = 0x00080020
_ACQUISITION_DATE: Final = 0x00080022


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An attribute that the headers of one series do not agree on."""

    tag: int
    distinct: int
    """How many values there are. No value, whether absent or empty, is one."""

    @property
    def name(self) -> str:
        return name_of(self.tag)


def disagreements(heads: Sequence[Attributes]) -> tuple[Disagreement, ...]:
    """What the headers of a series do not agree on, by tag."""
    found = []
    for tag in _AGREEING:
        distinct = len({(head.text(tag) or "").strip() for head in heads})
        if distinct > 1:
            found.append(Disagreement(tag=tag, distinct=distinct))
    headers = [
        Header(attributes=head, study_instance_uid="", series_instance_uid="", timezone=dt.UTC)
        for head in heads
    ]
    sessions = {moment.at for each in headers if (moment := each.session_moment())}
    acquisitions = {moment.at for each in headers if (moment := each.acquisition_moment())}
    for tag, moments in ((_STUDY_DATE, sessions), (_ACQUISITION_DATE, acquisitions)):
        if moments and max(moments) - min(moments) > APART_LIMIT:
            found.append(Disagreement(tag=tag, distinct=len(moments)))
    return tuple(sorted(found, key=lambda each: each.tag))
