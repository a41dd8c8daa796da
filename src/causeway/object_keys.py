"""What objects in a bucket are called: templates of keys, and which of them can be trusted.

``incoming/{StudyInstanceUID}/{SOPInstanceUID}.dcm`` is plain text with fields in braces. A date may
have a format, ``{StudyDate:%Y/%m}``, and a field something to stand for it when it is empty,
``{PatientID|none}``. The same instance of the same parcel gives the same key each time, whoever
asks: that is what makes an upload safe to repeat.

Two different things must never get one key, and that is decided here, before anything is sent.
A value never holds a slash and is never empty, so slashes part a key unambiguously. An instance
is told apart by its SOP Instance UID: the template must have it (or ``{name}``, which begins with
it), and in its segment only other UIDs and dates may stand, parted by a character that these never
hold. An archive is told apart by its folders and its name, each in a segment of its own.

Values are written with letters, digits and ``! - _ . * ' ( )``, which AWS calls safe; every other
byte becomes ``=XX``, so that different values stay different. UIDs keep digits and dots alone.
"""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from causeway.errors import ConfigurationError

KEY_BYTES_LIMIT: Final = 1024
"""Longest key of S3 and of Google Cloud Storage, in UTF-8; Azure takes 1,024 characters."""

EMPTY: Final = "unknown"
"""Stands for a value that is empty, where the template says nothing else."""


class Naming(StrEnum):
    """What a template names."""

    INSTANCE = "instance"
    ARCHIVE = "archive"


class _Sort(StrEnum):
    UID = "uid"
    DATE = "date"
    MOMENT = "moment"
    TEXT = "text"


PLACE: Final = ("group", "project", "subject", "session", "acquisition")
"""The levels of the hierarchy, as the parcel's folders are named."""

FIELDS: Final[Mapping[str, _Sort]] = {
    "SOPInstanceUID": _Sort.UID,
    "SOPClassUID": _Sort.UID,
    "TransferSyntaxUID": _Sort.UID,
    "SeriesInstanceUID": _Sort.UID,
    "StudyInstanceUID": _Sort.UID,
    "name": _Sort.TEXT,
    "source": _Sort.TEXT,
    "calling_ae": _Sort.TEXT,
    "called_ae": _Sort.TEXT,
    "StudyDate": _Sort.DATE,
    "created": _Sort.MOMENT,
    "delivery": _Sort.TEXT,
    "archive": _Sort.TEXT,
    "PatientID": _Sort.TEXT,
    "AccessionNumber": _Sort.TEXT,
    "StudyID": _Sort.TEXT,
    "StudyDescription": _Sort.TEXT,
    "Modality": _Sort.TEXT,
    "SeriesNumber": _Sort.TEXT,
    "SeriesDescription": _Sort.TEXT,
    "ProtocolName": _Sort.TEXT,
    **dict.fromkeys(PLACE, _Sort.TEXT),
}
"""What a template can name."""

OF_INSTANCES: Final = frozenset(
    {"SOPInstanceUID", "SOPClassUID", "TransferSyntaxUID", "name", "source", "calling_ae",
     "called_ae"}
)  # fmt: skip
"""Fields that an archive, which has many instances, does not have."""

LAYOUTS: Final[Mapping[str, str]] = {
    "series": "{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm",
    "study": "DICOM/{StudyInstanceUID}/{SOPInstanceUID}.dcm",
    "date": "{StudyDate:%Y/%m/%d}/{created:%s}/{StudyInstanceUID}/{SeriesInstanceUID}/"
    "{SOPInstanceUID}.dcm",
    "edge": "{source}/{delivery}/{StudyInstanceUID}/{SeriesInstanceUID}/{SOPInstanceUID}.dcm",
    "hierarchy": "{group}/{project}/{subject}/{session}/{acquisition}/{name}",
}
"""Layouts by name. ``study`` is that of the AWS guidance for receiving DICOM in S3, ``date`` that
of the DICOM Store SCP for HealthImaging, ``edge`` that of the AWS sample for hospital edges, with
the delivery in the place of the association."""

ARCHIVE_LAYOUT: Final = "{group}/{project}/{subject}/{session}/{acquisition}/{archive}"

_SAFE: Final = frozenset("!-_.*'()")
_PARTING: Final = frozenset("!-_*'()/")
"""Part a UID from a UID or a date: neither ever holds one."""

_FORMATS: Final = {_Sort.DATE: "Ymd", _Sort.MOMENT: "YmdHMSs"}
_USUAL_FORM: Final = {_Sort.DATE: "%Y%m%d", _Sort.MOMENT: "%Y%m%dT%H%M%S"}


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    form: str = ""
    default: str = ""

    @property
    def sort(self) -> _Sort:
        return FIELDS[self.name]

    @property
    def is_narrow(self) -> bool:
        """Whether its values never hold a parting character."""
        if self.sort is _Sort.TEXT:
            return False
        return not (set(self.form) | set(self.default)) & (_PARTING - {"/"})


@dataclass(frozen=True, slots=True)
class KeyTemplate:
    """A compiled template; made by ``compile``."""

    text: str
    naming: Naming
    parts: tuple[str | _Field, ...] = field(repr=False)

    @classmethod
    def compile(cls, text: str, naming: Naming = Naming.INSTANCE) -> KeyTemplate:
        """Raises ``ConfigurationError`` for what is no template, or could give one key twice."""
        parts = tuple(_parts(text))
        template = cls(text, naming, parts)
        _check_literals(text, parts)
        _check_fields(parts, naming)
        if naming is Naming.INSTANCE:
            _check_instance(parts)
        else:
            _check_archive(parts)
        return template

    @property
    def folder(self) -> str:
        """What all keys begin with, up to a slash; empty if they begin with a field."""
        first = self.parts[0]
        return first[: first.rfind("/") + 1] if isinstance(first, str) else ""

    @property
    def names(self) -> frozenset[str]:
        """The fields that it needs."""
        return frozenset(part.name for part in self.parts if isinstance(part, _Field))

    def made(self, values: Mapping[str, str]) -> str:
        """The key of these values. Raises ``ValueError`` for one that no bucket would take."""
        key = "".join(
            part if isinstance(part, str) else _written(part, values) for part in self.parts
        )
        if len(key.encode()) > KEY_BYTES_LIMIT:
            raise ValueError(f"the key has more than {KEY_BYTES_LIMIT} bytes")
        return key


# --- reading ------------------------------------------------------------------------------------


def _parts(text: str) -> Iterator[str | _Field]:
    if not text:
        raise ConfigurationError("is empty", hint=f'for example "{LAYOUTS["series"]}"')
    at = 0
    for found in re.finditer(r"\{([^{}]*)\}", text):
        yield from _literal(text[at : found.start()])
        yield _field(found[1])
        at = found.end()
    yield from _literal(text[at:])


def _literal(text: str) -> Iterator[str]:
    if "{" in text or "}" in text:
        raise ConfigurationError("has a brace that has no partner", hint="write {SOPInstanceUID}")
    if text:
        yield text


def _field(text: str) -> _Field:
    source, bar, default = text.partition("|")
    name, colon, form = source.partition(":")
    name = name.strip()
    if name not in FIELDS:
        near = [known for known in FIELDS if known.casefold() == name.casefold()]
        raise ConfigurationError(
            f'"{name}" is no field of a key',
            hint=f"did you mean {near[0]}?" if near else f"fields are {', '.join(FIELDS)}",
        )
    sort = FIELDS[name]
    if colon:
        _check_form(name, sort, form)
    elif sort in _USUAL_FORM:
        form = _USUAL_FORM[sort]
    if bar and (not default or escaped(default) != default):
        raise ConfigurationError(
            f'"{default}" cannot stand for {name} where it is missing',
            hint="letters, digits and !-_.*'(), at least one",
        )
    return _Field(name, form, default)


def _check_form(name: str, sort: _Sort, form: str) -> None:
    if sort not in _FORMATS:
        raise ConfigurationError(f"{name} has no format", hint=f"write {{{name}}}")
    known = _FORMATS[sort]
    bare = re.sub(rf"%[{known}]", "", form)
    if not form or "%" in bare or set(bare) - _PARTING - {"."}:
        raise ConfigurationError(
            f'"{form}" is no format of {name}',
            hint=f"of {', '.join('%' + one for one in known)} and / - _, such as %Y/%m/%d",
        )
    if "//" in form or form.startswith("/") or form.endswith("/"):
        raise ConfigurationError(f'"{form}" would leave a part of the key empty')


def _check_literals(text: str, parts: Sequence[str | _Field]) -> None:
    for part in parts:
        if not isinstance(part, str):
            continue
        for character in part:
            if character not in "/=" and not _is_safe(character):
                raise ConfigurationError(
                    f'has "{character}", which is not safe in keys',
                    hint="use letters, digits and ! - _ . * ' ( ) = /",
                )
    bare = "".join(part if isinstance(part, str) else "x" for part in parts)
    segments = bare.split("/")
    if "" in segments:
        raise ConfigurationError(
            "begins or ends with a slash, or has two in a row",
            hint=f'write "{"/".join(filter(None, text.split("/")))}"',
        )
    if any(not segment.strip(".") for segment in segments):
        raise ConfigurationError(
            "has a part of dots alone", hint="programs take . and .. for folders"
        )


# --- what could collide -------------------------------------------------------------------------


def _check_fields(parts: Sequence[str | _Field], naming: Naming) -> None:
    for part in parts:
        if not isinstance(part, _Field):
            continue
        if naming is Naming.ARCHIVE and part.name in OF_INSTANCES:
            raise ConfigurationError(
                f"an archive has no {part.name}: it holds many instances",
                hint=f'for example "{ARCHIVE_LAYOUT}"',
            )
        if naming is Naming.INSTANCE and part.name == "archive":
            raise ConfigurationError(
                "archive is the name of a whole series' archive, and instances are sent one by one",
                hint='use {name}, or set content = "archive"',
            )


def _check_instance(parts: Sequence[str | _Field]) -> None:
    for number, segment in enumerate(_segments(parts)):
        fields = [part for part in segment if isinstance(part, _Field)]
        identity = [part for part in fields if part.name in ("SOPInstanceUID", "name")]
        if not identity:
            continue
        broad = [part.name for part in fields if not part.is_narrow and part.name != "name"]
        if broad or (identity[0].name == "name" and len(fields) > 1):
            other = broad[0] if broad else next(f.name for f in fields if f not in identity)
            raise ConfigurationError(
                f"two instances could get one key: {{{other}}} and {{{identity[0].name}}} are not "
                "parted by a slash",
                hint="put a / between them",
            )
        if not _are_parted(segment):
            raise ConfigurationError(
                f"two instances could get one key: in part {number + 1}, "
                "nothing shows where one value ends and the next begins",
                hint="put a /, - or _ between the fields",
            )
        return
    raise ConfigurationError(
        "two instances could get one key: it does not have {SOPInstanceUID}",
        hint=f'for example "{LAYOUTS["series"]}"',
    )


def _check_archive(parts: Sequence[str | _Field]) -> None:
    needed = dict.fromkeys((*PLACE, "archive"), False)
    for segment in _segments(parts):
        fields = [part for part in segment if isinstance(part, _Field)]
        for part in fields:
            if part.name in needed and len(fields) == 1:
                needed[part.name] = True
    missing = [name for name, found in needed.items() if not found]
    if missing:
        raise ConfigurationError(
            f"two archives could get one key: it has no {{{missing[0]}}} in a part of its own",
            hint=f'for example "{ARCHIVE_LAYOUT}"',
        )


def _segments(parts: Sequence[str | _Field]) -> Iterator[list[str | _Field]]:
    """The parts between slashes. A date with a slash in its format ends one and begins another."""
    current: list[str | _Field] = []
    for part in parts:
        if isinstance(part, str):
            pieces = part.split("/")
            current.append(pieces[0])
            for piece in pieces[1:]:
                yield current
                current = [piece]
        elif "/" in part.form:
            yield [*current, part]
            current = [part]
        else:
            current.append(part)
    yield current


def _are_parted(segment: Sequence[str | _Field]) -> bool:
    parted = True
    for part in segment:
        if isinstance(part, str):
            parted = parted or bool(set(part) & _PARTING)
        elif not parted:
            return False
        else:
            parted = False
    return True


# --- writing ------------------------------------------------------------------------------------


def escaped(value: str) -> str:
    """A value as it stands in a key: different values stay different."""
    value = unicodedata.normalize("NFC", value)
    if not value.strip("."):
        return "".join("=2E" for _ in value)
    return "".join(one if _is_safe(one) else _hex(one) for one in value)


def escaped_uid(value: str) -> str:
    """A UID as it stands in a key. One that is none is written so that it stays apart."""
    if not value.strip("."):
        return "".join("=2E" for _ in value)
    return "".join(one if one in "0123456789." else _hex(one) for one in value)


def _is_safe(character: str) -> bool:
    return character in _SAFE or character.isalnum()


def _hex(character: str) -> str:
    return "".join(f"={byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _written(part: _Field, values: Mapping[str, str]) -> str:
    value = values.get(part.name, "")
    match part.sort:
        case _Sort.UID:
            return escaped_uid(value) or part.default or EMPTY
        case _Sort.DATE:
            # A study without a date is filed by the day that its parcel was made.
            return _in_form(_day(value) or _moment(values.get("created", "")), part.form)
        case _Sort.MOMENT:
            return _in_form(_moment(value), part.form)
        case _:
            return escaped(value) or part.default or EMPTY


def _in_form(moment: dt.datetime, form: str) -> str:
    return re.sub("%(.)", lambda found: _piece(moment, found[1]), form)


def _piece(moment: dt.datetime, letter: str) -> str:
    if letter == "s":
        return str(int(moment.timestamp()))
    # %Y of strftime has no leading zeros everywhere.
    return f"{moment.year:04}" if letter == "Y" else moment.strftime("%" + letter)


def _day(value: str) -> dt.datetime | None:
    """A DA of PS3.5; the dotted form of ACR-NEMA too."""
    try:
        return dt.datetime.strptime(value.strip().replace(".", ""), "%Y%m%d").replace(tzinfo=dt.UTC)
    except ValueError:
        return None


def _moment(value: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
