"""What a captured text is as the value of a field; a text that cannot be one is no value.

Groups are ids in lower case, labels safe names, ages seconds, weights kilograms, moments on the
site's clock, tags separated by commas. What a site keeps under ``info`` is a number, or true or
false, if it is written as JSON writes them.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from causeway.decide.labels import ACQUISITION_CHARACTERS, FILE_CHARACTERS, group_id, sanitised
from causeway.decide.language.fields import GROUP, TIMESTAMPS
from causeway.decide.language.times import moment_by, moment_of, told
from causeway.decide.people import age_of, sex_of, weight_of

Value = str | float
"""Whole numbers and true and false are numbers too."""

_ID: Final = re.compile(r"[0-9a-f]{24}")
_TYPES: Final = frozenset({"human", "animal", "phantom"})


def value_of(field: str, text: str, *, timezone: dt.tzinfo, form: str = "") -> Value | None:
    """The value of ``field`` (a full name) that ``text`` says; None if it says none.

    ``form`` is the strptime format of the capture, if it had one.
    """
    if field in TIMESTAMPS:
        moment = moment_by(text, form) if form else moment_of(text)
        return None if moment is None else told(moment, timezone)
    if form and moment_by(text, form) is None:
        return None
    value = _reading(field)(text)
    return None if value == "" else value


def _reading(field: str) -> Callable[[str], Value | None]:
    if field in _READINGS:
        return _READINGS[field]
    level, _, rest = field.partition(".")
    if rest == "_id":
        return _container_id
    if rest.startswith("info."):
        return _info
    if rest == "tags" or (level == "file" and rest.startswith("classification.")):
        return _tags
    return str.strip


def _container_id(text: str) -> str:
    lowered = text.strip().lower()
    return lowered if _ID.fullmatch(lowered) else ""


def _type(text: str) -> str:
    lowered = text.strip().lower()
    return lowered if lowered in _TYPES else ""


def _age(text: str) -> Value | None:
    """Seconds; with a unit, as DICOM writes ages (AS). Nobody is younger than nothing."""
    try:
        seconds = int(text)
    except ValueError:
        return age_of(text) if text.strip()[-1:].isalpha() else None
    return seconds if seconds >= 0 else None


def _zone(text: str) -> str:
    try:
        return ZoneInfo(text.strip()).key
    except (KeyError, ValueError, OSError):  # no such name, or one that leads out of the database
        return ""


def _tags(text: str) -> str:
    return ",".join(tag for each in text.split(",") if (tag := each.strip()))


def _info(text: str) -> Value | None:
    """A number, true or false, or text. Lists and objects stay the JSON that they are."""
    text = text.strip()
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return text
    if said is None:
        return None
    if isinstance(said, str) and not _has_bytes(said):
        return text  # half of a surrogate pair, by an escape: no file and no database takes it
    if isinstance(said, str | int) or (isinstance(said, float) and math.isfinite(said)):
        return said
    return text


def _has_bytes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


_READINGS: Final[dict[str, Callable[[str], Value | None]]] = {
    GROUP: group_id,
    "group.label": sanitised,
    "project.label": sanitised,
    "subject.label": sanitised,
    "subject.sex": sex_of,
    "subject.type": _type,
    "session.label": sanitised,
    "session.age": _age,
    "session.weight": weight_of,
    "session.timezone": _zone,
    "acquisition.label": lambda text: sanitised(text, characters=ACQUISITION_CHARACTERS),
    "acquisition.timezone": _zone,
    "file.name": lambda text: sanitised(text, characters=FILE_CHARACTERS),
}
