r"""Where a series goes in a hierarchy of group, project, subject, session and acquisition.

Labels are made for people, from what the header says, each by a chain whose last link never fails
(UIDs). Until routing strings exist, group and project are the platform's own places for what nobody
has sorted. Two things are done to a label:

- what the platform does: ``*`` becomes ``star``, each run of ``/ : < > ? \ |`` and of control
  characters one ``_``, dots at the end go, 64 characters (acquisitions 128) are kept;
- what a file system needs on top, since a label is a folder too: Unicode in composed form (NFC),
  no dots or spaces at either end, no dash in front, no name that Windows reserves, none of the
  invisible characters that turn the direction of text, and a length in *bytes*.

Everything here is pure. Who gets a label that two studies want is the ledger's business
(``placement``).
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from dataclasses import dataclass, field
from typing import Final

from causeway.values import Identity

UNKNOWN_GROUP: Final = "unknown"
UNSORTED_PROJECT: Final = "Unsorted"

LABEL_CHARACTERS: Final = 64
ACQUISITION_CHARACTERS: Final = 128
LABEL_BYTES: Final = 200
"""File systems allow 255 bytes for a name; the rest is for what is added to a label: ``_dup-99``,
``.amendment-99``, ``.dicom.zip.json`` and what a temporary name needs."""

_RUNS: Final = re.compile(r"[/:<>?\\|\x00-\x1f\x7f-\x9f\u2028\u2029]+")
# Marks and overrides of direction, and the byte order mark: invisible, and they make one label look
# like another. Joiners stay, since Persian and Indic scripts are written with them.
_INVISIBLE: Final = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_RESERVED: Final = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?=\.|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """The way to an acquisition; each a safe name of a folder."""

    group: str
    project: str
    subject: str = field(repr=False)
    session: str = field(repr=False)
    acquisition: str = field(repr=False)

    @property
    def session_path(self) -> tuple[str, ...]:
        return (self.group, self.project, self.subject, self.session)


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


def sanitised(text: str, *, characters: int = LABEL_CHARACTERS) -> str:
    """A label that is a safe name on every file system; empty if nothing of it is left."""
    label = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
    label = _RUNS.sub("_", label.replace("*", "star")).strip(" .")
    label = re.sub(r"^-+", "_", label)
    label = label[:characters].encode()[:LABEL_BYTES].decode(errors="ignore").rstrip(" .")
    return f"_{label}" if _RESERVED.match(label) else label


def labels(names: SeriesNames) -> Labels:
    """The hierarchy of a series, by the platform's default rules."""
    identity = names.identity
    return Labels(
        group=UNKNOWN_GROUP,
        project=UNSORTED_PROJECT,
        subject=_first(
            identity.patient_id,
            f"ex{identity.study_id}" if sanitised(identity.study_id) else "",
            names.study_instance_uid,
        ),
        session=_first(
            identity.study_description,
            _moment_label(session_moment(names)),
            names.study_instance_uid,
        ),
        acquisition=_first(
            names.series_description,
            names.protocol_name,
            _moment_label(acquisition_moment(names)),
            names.series_instance_uid,
            characters=ACQUISITION_CHARACTERS,
        ),
    )


def _first(*candidates: str, characters: int = LABEL_CHARACTERS) -> str:
    """The first candidate of which something is left; the last link cannot be empty in practice."""
    for text in candidates:
        if label := sanitised(text, characters=characters):
            return label
    return "unnamed"


# --- moments --------------------------------------------------------------------------------------


def session_moment(names: SeriesNames) -> dt.datetime | None:
    """When the study was, as its scanner's clock said; without zone."""
    identity = names.identity
    return (
        parsed(identity.study_date, identity.study_time)
        or dated_uid(names.study_instance_uid)
        or parsed(names.series_date, names.series_time)
        or dated_uid(names.series_instance_uid)
        or parsed(names.acquisition_date, names.acquisition_time)
    )


def acquisition_moment(names: SeriesNames) -> dt.datetime | None:
    """When the images were acquired."""
    identity = names.identity
    return (
        parsed(names.acquisition_date, names.acquisition_time)
        or parsed(names.series_date, names.series_time)
        or dated_uid(names.series_instance_uid)
        or parsed(identity.study_date, identity.study_time)
        or dated_uid(names.study_instance_uid)
    )


# DA: YYYYMMDD, or YYYY.MM.DD of ACR-NEMA. TM: HH[MM[SS[.F{1,6}]]], or HH:MM:SS (PS3.5 6.2).
_DATE: Final = re.compile(r"([0-9]{4})\.?([0-9]{2})\.?([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{2})(?::?([0-9]{2})(?::?([0-9]{2})(?:\.[0-9]*)?)?)?")
_UID_MOMENT: Final = re.compile(r"(?:^|\.)((?:19|20)[0-9]{6})([0-9]{6})[0-9]*(?=\.|$)")


def parsed(date: str, time: str) -> dt.datetime | None:
    """A DA and a TM; a date without a time that can be read is at noon."""
    day = _DATE.fullmatch(date.strip())
    clock = _TIME.fullmatch(time.strip())
    if day is None:
        return None
    try:
        # The scanner's clock has no zone; a label and a ZIP member have none either.
        midnight = dt.datetime(int(day[1]), int(day[2]), int(day[3]))  # noqa: DTZ001
    except ValueError:
        return None
    hour, minute, second = (int(part or 0) for part in clock.groups()) if clock else (12, 0, 0)
    if hour > 23 or minute > 59:
        hour, minute, second = 12, 0, 0
    # A leap second is the last second of its minute to every clock that cannot show it.
    return midnight.replace(hour=hour, minute=minute, second=min(second, 59))


def dated_uid(uid: str) -> dt.datetime | None:
    """The moment that some scanners write into their UIDs: 14 digits that begin a component."""
    for found in _UID_MOMENT.finditer(uid):
        if moment := parsed(found[1], found[2]):
            return moment
    return None


def _moment_label(moment: dt.datetime | None) -> str:
    return moment.strftime("%Y-%m-%dT%H-%M-%S") if moment else ""
