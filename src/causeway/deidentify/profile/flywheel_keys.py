"""The keys of Flywheel's profiles that cannot be honoured, or with one value only, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

TOKEN_LENGTH: Final = 16

_KEY: Final = "pseudonyms are made with the project's key, which is kept apart from the profile"
_NO_FILES: Final = "objects come by DICOM, and each of them is de-identified"
_NO_NOISE: Final = (
    "noise is drawn anew for each file: images of one series drift apart, and nothing can be sent "
    "again or checked"
)
_NO_RETAINED: Final = "originals, encrypted or not, do not leave with the object"
_UIDS: Final = (
    "UIDs are replaced whole: parts of the original name the institution and the device, and in "
    "some, the time"
)
_NO_AGES: Final = "ages are not computed"
_NO_LIMITS: Final = "a date that was moved to a limit is wrong, and the original never did it"
_OUT: Final = "take it out"

_SALT: Final = (_KEY, "take it out, and give the project a key")
_SECTION: Final = ("only DICOM objects come through here", "take the section out")
_ENCRYPTION: Final = (_NO_RETAINED, "take it out; the crosswalk leads back")

REFUSED: Final[Mapping[str, tuple[str, str]]] = {
    "salt": _SALT,
    "secret-key": _SALT,
    "deid-log": (
        "it would write what was removed beside what remains, in plain text",
        "take it out; each study has a report, and the crosswalk is kept encrypted",
    ),
    "map-subjects": (
        "subjects are looked up by Patient ID, for all profiles alike",
        "take it out, and name the CSV file as the project's aliases",
    ),
    "zip": _SECTION,
    "filename": _SECTION,
    "json": _SECTION,
    "xml": _SECTION,
    "jpg": _SECTION,
    "png": _SECTION,
    "tiff": _SECTION,
    "csv": _SECTION,
    "tsv": _SECTION,
    "table": _SECTION,
    "key-value-text-file": _SECTION,
    "nifti": _SECTION,
}
"""At the top."""

REFUSED_IN_DICOM: Final[Mapping[str, tuple[str, str]]] = {
    "filenames": (
        "files are named by the destination's settings, from what was de-identified already",
        _OUT,
    ),
    "file-filter": (_NO_FILES, _OUT),
    "enforce-file-filter": (_NO_FILES, _OUT),
    "salt": _SALT,
    "secret-key": _SALT,
    "uid-prefix-fields": (_UIDS, _OUT),
    "uid-suffix-fields": (_UIDS, _OUT),
    "uid-numeric-name": (_UIDS, "take it out; new UIDs stand under 2.25"),
    "jitter-range": (_NO_NOISE, _OUT),
    "jitter-type": (_NO_NOISE, _OUT),
    "patient-age-units": (
        _NO_AGES,
        "take it out; what the scanner writes stays if PatientAge is kept",
    ),
    "asymmetric-encryption": _ENCRYPTION,
    "public-key": _ENCRYPTION,
    "private-key": _ENCRYPTION,
    "force-nonce": _ENCRYPTION,
    "alter_pixels": (
        "pixels are judged by a gate of their own, by kind and device of each object",
        "take it out, and write its rectangles as rules of the gate",
    ),
}
"""In ``dicom``."""

REFUSED_IN_FIELD: Final[Mapping[str, tuple[str, str]]] = {
    "encrypt": (_NO_RETAINED, "hash: true, and the crosswalk leads back"),
    "decrypt": (_NO_RETAINED, "keep the original where it is"),
    "asymmetric-encryption": (_NO_RETAINED, _OUT),
    "jitter": (_NO_NOISE, "remove it, or keep it"),
    "jitter-range": (_NO_NOISE, _OUT),
    "jitter-type": (_NO_NOISE, _OUT),
    "jitter-min": (_NO_NOISE, _OUT),
    "jitter-max": (_NO_NOISE, _OUT),
    "jitter-date": (_NO_NOISE, _OUT),
    "jitter-unit": (_NO_NOISE, _OUT),
    "datetime-min": (_NO_LIMITS, _OUT),
    "datetime-max": (_NO_LIMITS, _OUT),
}
"""In a field."""

ONE_VALUE: Final[Mapping[str, tuple[object, str, str]]] = {
    "recurse-sequence": (True, "nested copies would stay", "true, or leave it out"),
    "decode": (True, "what is not decoded cannot be de-identified", "true, or leave it out"),
    "retain": (False, _NO_RETAINED, "false, or leave it out"),
    "patient-age-from-birthdate": (
        False,
        _NO_AGES,
        "false; what the scanner writes stays if PatientAge is kept",
    ),
    "date-format": ("%Y%m%d", "dates in DICOM have one form, in which they stay", "leave it out"),
    "datetime-format": (
        "%Y%m%d%H%M%S.%f",
        "date-times in DICOM have one form, and keep the precision that they have",
        "leave it out",
    ),
    "hash-digits": (
        TOKEN_LENGTH,
        "pseudonyms have 16 characters: fewer would soon be the same for two people",
        "16, or leave it out",
    ),
}
"""In ``dicom``: the value that can be honoured, and why no other."""

HONOURED: Final = ("name", "description", "version", "only-config-profiles", "dicom")
HONOURED_IN_DICOM: Final = (
    "fields",
    "date-increment",
    "replace-with-insert",
    "remove-private-tags",
    "remove-undefined",
)
ACTIONS: Final = (
    "keep",
    "identity",
    "remove",
    "replace-with",
    "hash",
    "hashuid",
    "increment-date",
    "increment-datetime",
    "regex-sub",
)
HONOURED_IN_FIELD: Final = (
    "name",
    "regex",
    *ACTIONS,
    "replace-with-insert",
    "date-increment-override",
    "date-format",
    "datetime-format",
)
