"""The fields that a log line may have, and what each of them may hold.

This list is why logs are free of patient data: a field that is not here is not written, and one
that is here is written only if its value has the declared kind. Kinds are chosen so that a name, a
birth date, an accession number or a UID of a study has no kind that would let it through. Free text
has to be a ``Sentence``, which is a promise of whoever makes it; what comes from a peer (AE titles,
addresses) is what a peer says about itself, not about a patient.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


class Kind(enum.Enum):
    """What a field may hold."""

    COUNT = "a whole number, or true or false"
    COUNTS = "whole numbers by code"
    SECONDS = "a time span in seconds, to the millisecond"
    RATIO = "a number"
    ID = "a number of the ledger"
    TOKEN = "an identifier that this program made"  # noqa: S105
    CODE = "a word of this program: lower case, from its own vocabulary"
    NAME = "a name from the configuration"
    AE = "an AE title"
    ADDRESS = "an IP address, with or without a port"
    PLACE = "a path that the configuration names"
    STANDARD_UID = "a UID that DICOM registers; private ones show as such"
    STATUS = "a DIMSE status as four hexadecimal digits"
    VERSION = "a version number"
    SENTENCE = "a sentence of this program, or the name of an exception's class"
    DETAIL = "what the DICOM core or TLS says was wrong: rules and numbers, never a peer's values"


class Sentence(str):
    """Text that this program made from safe parts, so that it may stand in a log as it is.

    Making one is a promise that it holds nothing of what a data set says.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Field:
    kind: Kind
    meaning: str


_DECLARED = {
    Kind.COUNT: {
        "accepted": "connections or objects that were accepted",
        "addresses": "distinct addresses",
        "associations": "associations",
        "attempt": "which try this is",
        "bytes": "bytes",
        "contexts": "presentation contexts that were accepted",
        "containers": "files of the spool",
        "count": "how many",
        "damages": "places in the spool that hold no record",
        "deliveries": "deliveries",
        "dropped": "what could not be kept",
        "duplicates": "objects that were here already",
        "errno": "the operating system's error number",
        "exit_status": "exit status of a process",
        "expected": "how many there should be",
        "free_bytes": "room on the file system",
        "instances": "instances",
        "kept": "objects that were copied out of segments",
        "limit": "the bound that applies",
        "line": "line of the configuration",
        "maximum_pdu_bytes": "largest PDU that the peer takes",
        "objects": "objects",
        "parcels": "parcels",
        "pdu_type": "type of a PDU, PS3.8 section 9.3",
        "pid": "process id",
        "port": "TCP port",
        "processes": "processes",
        "records": "records of the spool",
        "refused": "how many were refused",
        "removed": "how many were removed",
        "restarts": "how often a process was started again",
        "room_bytes": "room that the spool has left",
        "revision": "number of a version of the configuration",
        "segments": "segments of the spool",
        "series_count": "series",
        "signal": "number of a signal",
        "sources": "sources",
        "stored": "objects stored over an association",
        "tls": "whether the connection is encrypted",
        "violations": "contradictions in the ledger",
    },
    Kind.COUNTS: {
        "dispositions": "instances by disposition",
        "reasons": "how many for each reason",
        "states": "how many in each state",
    },
    Kind.SECONDS: {
        "again_in_seconds": "when it is tried next",
        "seconds": "how long it took",
        "waited_seconds": "how long it waited",
    },
    Kind.RATIO: {
        "days_left": "days until a certificate or a revocation list expires",
        "hours_left": "hours until the spool is full, at the present rate",
        "per_second": "rate",
    },
    Kind.ID: {
        "call": "number of the call that a trigger makes",
        "commitment": "number of the request for storage commitment",
        "delivery": "number of the delivery",
        "instance": "number of the instance",
        "parcel": "number of the parcel",
        "series": "number of the series",
        "study": "number of the study",
    },
    Kind.TOKEN: {
        "association": "identifier of the association",
        "container": "name of a file of the spool",
        "letter": "name of a message from a receiver to the pipeline",
        "owner": "identifier of a worker",
        "record": "address of a record in the spool",
        "where": "file and line of this program",
    },
    Kind.CODE: {
        "action": "what was done",
        "arrival": "what an object was on arrival",
        "by": "who moved it: the program or an operator",
        "code": "code of an error",
        "compression": "how members of a parcel are kept",
        "during": "the call that failed",
        "expired": "the timer that ran out",
        "deidentify": "what was done to identifying data",
        "durability": "what Success promises",
        "kind": "kind of a thing",
        "mode": "a mode",
        "outcome": "how it ended",
        "process": "the process that says so",
        "reason": "why",
        "stage": "stage of the pipeline",
        "state": "state",
    },
    Kind.NAME: {
        "destination": "name of the destination",
        "lane": "name of the destination whose deliveries a worker does",
        "profile": "name of the profile that it was to be de-identified by",
        "listener": "AE title and port of the listener",
        "library": "the library that reports something",
        "node": "name of the node that is queried",
        "route": "name of the route",
        "source": "name of the source",
        "trigger": "name of the trigger",
    },
    Kind.AE: {
        "called_ae": "AE title that the peer called",
        "calling_ae": "AE title that the peer calls itself",
    },
    Kind.ADDRESS: {
        "address": "address of the peer",
        "example": "one address of several",
        "host": "address of a listener",
    },
    Kind.PLACE: {
        "config": "the configuration file",
        "data_dir": "the data folder",
    },
    Kind.STANDARD_UID: {
        "sop_class": "SOP class",
        "transfer_syntax": "transfer syntax",
    },
    Kind.STATUS: {
        "status": "DIMSE status",
    },
    Kind.VERSION: {
        "python": "version of Python",
        "version": "version of this program",
    },
    Kind.DETAIL: {
        "detail": "what the DICOM core or TLS says was wrong",
    },
    Kind.SENTENCE: {
        "error": "type of an error, or the message of one of our own",
        "hint": "what to do",
        "undeclared": "names of fields that were left out",
        "warning": "what is probably not meant",
    },
}

FIELDS: dict[str, Field] = {
    name: Field(kind, meaning)
    for kind, fields in _DECLARED.items()
    for name, meaning in sorted(fields.items())
}

_CODE = re.compile(r"(?!.*\d{5})[a-z][a-z0-9]*(?:[ ._:/-]{1,2}[a-z0-9]+)*")
_TOKEN = re.compile(r"[A-Za-z0-9_@:./-]{1,96}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:/-]{0,95}")
_VERSION = re.compile(r"[A-Za-z0-9.+v-]{1,32}")
_UID_LIKE = re.compile(r"\d+(?:\.\d+){3,}")
_EXCEPTION = re.compile(r"[A-Z][A-Za-z]*(?:Error|Exception|Exit|Interrupt|Timeout|Warning)")
_DETAIL = re.compile(r"[A-Za-z0-9 _.,:;()'`/+-]{1,200}")
_PERSONAL = re.compile(r"\d+(?:\.\d+){3,}|\b(?:19|20)\d{6}\b|\b[A-Z]+\d{5,}")
UNFIT = "unfit"
"""What is written in place of a value that does not have its field's kind."""


def fit(kind: Kind, value: object) -> object:
    """The value as it may be written, or ``UNFIT``."""
    if isinstance(value, enum.Enum):
        value = value.value
    match kind:
        case Kind.COUNT | Kind.ID:
            return value if isinstance(value, int) else UNFIT
        case Kind.COUNTS:
            return _counts(value)
        case Kind.SENTENCE:
            said = isinstance(value, Sentence) or (
                isinstance(value, str) and _EXCEPTION.fullmatch(value) is not None
            )
            return str(value) if said else UNFIT
        case Kind.SECONDS:
            return round(value, 3) if isinstance(value, int | float) else UNFIT
        case Kind.RATIO:
            return round(value, 2) if isinstance(value, int | float) else UNFIT
        case Kind.ADDRESS:
            return _address(value)
        case Kind.STATUS:
            return f"{value:04X}" if isinstance(value, int) and 0 <= value <= 0xFFFF else UNFIT
        case Kind.PLACE:
            return str(value) if isinstance(value, str | Path) else UNFIT
        case _:
            return _text(kind, str(value)) if isinstance(value, str | int | float) else UNFIT


def _counts(value: object) -> object:
    if not isinstance(value, Mapping):
        return UNFIT
    return {str(fit(Kind.CODE, key)): fit(Kind.COUNT, count) for key, count in value.items()}


def _text(kind: Kind, text: str) -> str:
    match kind:
        case Kind.CODE:
            fits = len(text) <= 96 and _CODE.fullmatch(text) is not None
        case Kind.TOKEN:
            fits = _TOKEN.fullmatch(text) is not None and not _UID_LIKE.search(text)
        case Kind.NAME:
            fits = _NAME.fullmatch(text) is not None
        case Kind.VERSION:
            fits = _VERSION.fullmatch(text) is not None
        case Kind.AE:
            # 16 characters of ISO 646 (PS3.5, table 6.2-1); whatever else a peer sends is replaced.
            shown = "".join(c if c.isascii() and c.isprintable() else "?" for c in text)
            return shown[:16].strip()
        case Kind.STANDARD_UID:
            return text if re.fullmatch(r"1\.2\.840\.10008\.[0-9.]{1,48}", text) else "private"
        case Kind.DETAIL:
            fits = _DETAIL.fullmatch(text) is not None and not _PERSONAL.search(text)
        case _:
            fits = False
    return text if fits else UNFIT


def _address(value: object) -> str:
    text = str(value)
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        host, colon, port = text.rpartition(":")
        if not colon or not port.isdigit():
            return UNFIT
        try:
            address = ipaddress.ip_address(host.strip("[]"))
        except ValueError:
            return UNFIT
        return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
