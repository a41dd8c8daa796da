"""The options of PS3.15 E.3, and the codes of CID 7050 that say which of them were applied."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from causeway.deidentify.plan import Code


class Option(enum.StrEnum):
    """An option, under the name that profiles and data files have for it."""

    CLEAN_GRAPHICS = "clean_graphics"
    CLEAN_STRUCTURED_CONTENT = "clean_structured_content"
    CLEAN_DESCRIPTORS = "clean_descriptors"
    RETAIN_FULL_DATES = "retain_full_dates"
    RETAIN_MODIFIED_DATES = "retain_modified_dates"
    RETAIN_PATIENT_CHARACTERISTICS = "retain_patient_characteristics"
    RETAIN_DEVICE_IDENTITY = "retain_device_identity"
    RETAIN_UIDS = "retain_uids"
    RETAIN_SAFE_PRIVATE = "retain_safe_private"
    RETAIN_INSTITUTION_IDENTITY = "retain_institution_identity"


NOT_HERE: Final[Mapping[str, str]] = {
    "clean_pixel_data": "pixels are judged for each object, and the code is written for those that "
    "were cleaned; a profile cannot promise it",
    "clean_recognizable_visual_features": "faces in images of heads cannot be taken out at the "
    "edge: that needs the whole volume, and a person who looks at the result",
}
"""Options that no profile can have, and why."""

BASIC_CODE: Final = Code(value="113100", meaning="Basic Application Confidentiality Profile")
CLEAN_PIXEL_DATA: Final = Code(value="113101", meaning="Clean Pixel Data Option")

CODES: Final[Mapping[Option, Code]] = {
    Option.CLEAN_GRAPHICS: Code(value="113103", meaning="Clean Graphics Option"),
    Option.CLEAN_STRUCTURED_CONTENT: Code(
        value="113104", meaning="Clean Structured Content Option"
    ),
    Option.CLEAN_DESCRIPTORS: Code(value="113105", meaning="Clean Descriptors Option"),
    Option.RETAIN_FULL_DATES: Code(
        value="113106",
        meaning="Retain Longitudinal Temporal Information Full Dates Option",
    ),
    Option.RETAIN_MODIFIED_DATES: Code(
        value="113107",
        meaning="Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    Option.RETAIN_PATIENT_CHARACTERISTICS: Code(
        value="113108", meaning="Retain Patient Characteristics Option"
    ),
    Option.RETAIN_DEVICE_IDENTITY: Code(value="113109", meaning="Retain Device Identity Option"),
    Option.RETAIN_UIDS: Code(value="113110", meaning="Retain UIDs Option"),
    Option.RETAIN_SAFE_PRIVATE: Code(value="113111", meaning="Retain Safe Private Option"),
    Option.RETAIN_INSTITUTION_IDENTITY: Code(
        value="113112", meaning="Retain Institution Identity Option"
    ),
}
"""CID 7050, coding scheme DCM."""


def code_of(option: Option) -> Code:
    return CODES[option]


def title_of(option: Option) -> str:
    """As the standard calls it, for people."""
    return CODES[option].meaning
