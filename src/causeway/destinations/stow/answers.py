"""What a server says of the instances that it was given, whatever the status of its answer.

PS3.18, 10.5.3.2 and Table 10.5.3-1 ff.: a Store Instances response module, as JSON (Annex F) or as
XML (PS3.19, Annex A.1). Read on every status, since a batch that is refused as a whole may have
been stored in part. Text that the server adds may quote what it was sent, so it is looked at and
not kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from xml.parsers import expat

REFERENCED_SEQUENCE: Final = "00081199"
FAILED_SEQUENCE: Final = "00081198"
OTHER_FAILURES_SEQUENCE: Final = "0008119A"
SOP_INSTANCE_UID: Final = "00081155"
FAILURE_REASON: Final = "00081197"
WARNING_REASON: Final = "00081196"

_PRIVATE_REASON: Final = "00090097"
"""Google: why, in words."""
_OTHER_BYTES_WORDS: Final = ("checksum", "different", "mismatch")

DataSet = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why one instance was not stored."""

    reason: int | None
    other_bytes: bool = False
    """It says in words that something else is stored under this UID."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """By SOP Instance UID: what was stored, and what was not."""

    accepted: Mapping[str, int | None] = field(default_factory=dict, repr=False)
    """With the reason for a warning, if there is one."""
    failed: Mapping[str, Failure] = field(default_factory=dict, repr=False)
    unreadable: int = 0
    """Parts that it could not even name."""


def stored(body: bytes, media_type: str) -> Stored:
    """What an answer says; nothing, if it cannot be read."""
    accepted: dict[str, int | None] = {}
    failed: dict[str, Failure] = {}
    unreadable = 0
    for data_set in data_sets(body, media_type):
        for item in items(data_set, REFERENCED_SEQUENCE):
            if uid := text(item, SOP_INSTANCE_UID):
                accepted[uid] = number(item, WARNING_REASON)
        for item in items(data_set, FAILED_SEQUENCE):
            if uid := text(item, SOP_INSTANCE_UID):
                words = text(item, _PRIVATE_REASON).lower()
                failed[uid] = Failure(
                    reason=number(item, FAILURE_REASON),
                    other_bytes=any(word in words for word in _OTHER_BYTES_WORDS),
                )
        unreadable += sum(1 for _ in items(data_set, OTHER_FAILURES_SEQUENCE))
    return Stored(accepted=accepted, failed=failed, unreadable=unreadable)


def data_sets(body: bytes, media_type: str) -> tuple[DataSet, ...]:
    """The data sets of an answer in JSON or XML, in the form of JSON; none if it is neither."""
    try:
        if media_type.endswith("xml"):
            return (_from_xml(body),)
        found = json.loads(body) if body.strip() else []
    except (ValueError, RecursionError, expat.ExpatError):
        return ()
    listed = found if isinstance(found, list) else [found]
    return tuple(each for each in listed if isinstance(each, dict))


def items(data_set: DataSet, tag: str) -> Iterator[DataSet]:
    yield from (each for each in _values(data_set, tag) if isinstance(each, dict))


def text(data_set: DataSet, tag: str) -> str:
    values = _values(data_set, tag)
    return values[0].strip() if values and isinstance(values[0], str) else ""


def number(data_set: DataSet, tag: str) -> int | None:
    values = _values(data_set, tag)
    try:
        return int(values[0]) if values else None
    except (TypeError, ValueError):
        return None


def _values(data_set: DataSet, tag: str) -> list[Any]:
    element = data_set.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    return values if isinstance(values, list) else []


def _from_xml(body: bytes) -> DataSet:
    """The native DICOM model, in the form of JSON.

    Entities are refused as a whole: no answer needs them, and they can be made to grow.
    """
    root: dict[str, Any] = {}
    open_sets: list[dict[str, Any]] = [root]
    open_values: list[list[Any]] = []
    words: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        words.clear()
        if len(open_sets) > 32:
            raise ValueError("sequences are nested too deeply")
        if name == "DicomAttribute":
            values: list[Any] = []
            open_sets[-1][attributes.get("tag", "").upper()] = {"Value": values}
            open_values.append(values)
        elif name == "Item" and open_values:
            item: dict[str, Any] = {}
            open_values[-1].append(item)
            open_sets.append(item)

    def end(name: str) -> None:
        if name == "DicomAttribute":
            open_values.pop()
        elif name == "Item" and len(open_sets) > 1:
            open_sets.pop()
        elif name == "Value" and open_values:
            open_values[-1].append("".join(words))

    def no_entities(*_: object) -> None:
        raise ValueError("entities in an answer")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = lambda name, attributes: start(name.split(" ")[-1], attributes)
    parser.EndElementHandler = lambda name: end(name.split(" ")[-1])
    parser.CharacterDataHandler = words.append
    parser.EntityDeclHandler = no_entities
    parser.Parse(body, True)
    return root
