"""What the kinds of objects (PS3.6 table A-1, PS3.4 table B.5-1) are to the gate.

Only what is listed here can pass without a rule. A kind that the standard will have tomorrow is
held until somebody has thought about it.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

_STORAGE: Final = "1.2.840.10008.5.1.4.1.1."
STANDARD: Final = "1.2.840.10008."
"""The root of all that DICOM defines."""


class Kind(enum.Enum):
    """What can be in an object's pixels."""

    SLICES = "slices"
    """Reconstructed by a scanner, without text if they are its original ones."""
    NO_PICTURE = "no picture"
    """Has no pixels that could show text; its words are attributes, and the profile's matter."""
    CAPTURE = "secondary capture"
    ULTRASOUND = "ultrasound"
    FLUOROSCOPY = "fluoroscopy"
    PROJECTION = "projection image"
    PHOTOGRAPH = "photograph or microscopy"
    DOCUMENT = "encapsulated document"
    REPORT = "structured report"
    VOICE = "recorded sound"
    PRIVATE = "private SOP class"
    UNKNOWN = "kind of object that is not known here"


_BY_KIND: Final[Mapping[Kind, str]] = {
    # CT, MR, PET and NM: classic, enhanced, legacy converted, and the retired NM of 1993.
    Kind.SLICES: "2 2.1 2.2 4 4.1 4.3 4.4 128 128.1 130 20 5",
    # Spectroscopy; registration, fiducials, parametric maps and segmentations, tractography; real
    # world values; annotations; presentation states; waveforms but sound; RT but its images.
    Kind.NO_PICTURE: (
        "4.2 66.1 66.2 66.3 66.4 66.5 66.6 30 66.7 67 "
        "11.1 11.2 11.3 11.4 11.5 11.6 11.7 11.8 11.9 11.10 11.11 11.12 "
        "9.1.1 9.1.2 9.1.3 9.1.4 9.2.1 9.3.1 9.5.1 9.6.1 9.6.2 9.7.1 9.7.2 9.7.3 9.7.4 9.8.1 "
        "481.2 481.3 481.4 481.5 481.6 481.7 481.8 481.9 481.10 481.11 481.12 481.13 481.14 "
        "481.15 481.16 481.17 481.18 481.19 481.20 481.21 481.22 481.25 91.1"
    ),
    Kind.CAPTURE: "7 7.1 7.2 7.3 7.4",
    Kind.ULTRASOUND: "6 6.1 6.2 6.3 3 3.1",
    Kind.FLUOROSCOPY: "12.1 12.1.1 12.2 12.2.1 12.3 13.1.1 13.1.2 14.1 14.2",
    # CR, DX, mammography, intra-oral, breast tomosynthesis and its projections, RT images.
    Kind.PROJECTION: "1 1.1 1.1.1 1.2 1.2.1 1.3 1.3.1 13.1.3 13.1.4 13.1.5 481.1 481.23 481.24",
    Kind.VOICE: "9.4.1 9.4.2",
}
_FAMILIES: Final[tuple[tuple[str, Kind], ...]] = (
    ("77.", Kind.PHOTOGRAPH),
    ("88.", Kind.REPORT),
    ("104.", Kind.DOCUMENT),
)
_KINDS: Final = {
    _STORAGE + number: kind for kind, numbers in _BY_KIND.items() for number in numbers.split()
}


def kind_of(sop_class_uid: str) -> Kind:
    """Of the SOP class."""
    if not sop_class_uid.startswith(STANDARD):
        return Kind.PRIVATE if sop_class_uid else Kind.UNKNOWN
    known = _KINDS.get(sop_class_uid)
    if known is not None:
        return known
    number = sop_class_uid.removeprefix(_STORAGE)
    for prefix, kind in _FAMILIES:
        if number.startswith(prefix):
            return kind
    return Kind.UNKNOWN
