"""The document that goes with an archive: the hierarchy, as the platform's upload reads it.

Levels become objects, the subject stands within its session, fields of a file in the list of files.
A group or project that nobody named is sent empty: the platform then puts the session where it
keeps what nobody has sorted, and says so in the session's label.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Manifest = Mapping[str, Any]

_BUILT_IN: Final = "built in"
"""Origin of what neither the header nor the site has said."""
_LISTS: Final = frozenset({"tags"})
_WHOLE_NUMBERS: Final = frozenset({"age"})
_NOT_SENT: Final = frozenset({"external_routing_id", "group.label"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """What is uploaded."""

    name: str = field(repr=False)
    size: int
    sha384: str
    members: int


def document(manifest: Manifest, archive: Archive) -> dict[str, Any]:
    fields: Mapping[str, Mapping[str, Any]] = manifest["fields"]
    levels: dict[str, dict[str, Any]] = {
        "group": {}, "project": {}, "subject": {}, "session": {}, "acquisition": {}, "file": {},
    }  # fmt: skip
    for name, said in fields.items():
        level, _, rest = name.partition(".")
        if level in levels and rest and name not in _NOT_SENT:
            _put(levels[level], rest, said["value"])
    labels = manifest["hierarchy"]
    file = levels.pop("file")
    subject = levels.pop("subject")
    subject["label"] = subject.get("label") or labels["subject"]
    # What cores from before subjects were containers called it.
    subject.setdefault("code", subject["label"])
    session, acquisition = levels["session"], levels["acquisition"]
    session["uid"] = manifest["study"]["study_instance_uid"]
    session["label"] = session.get("label") or labels["session"]
    session["subject"] = subject
    acquisition["uid"] = acquisition_uid(manifest)
    acquisition["label"] = acquisition.get("label") or labels["acquisition"]
    file |= {
        "name": archive.name,
        "type": file.get("type", "dicom"),
        "size": archive.size,
        "zip_member_count": archive.members,
    }
    if manifest["series"]["modality"]:
        file.setdefault("modality", manifest["series"]["modality"])
    acquisition["files"] = [file]
    return {
        "group": {"_id": _named(fields, "group._id")},
        "project": {"label": _named(fields, "project.label")},
        "session": session,
        "acquisition": acquisition,
    }


def acquisition_uid(manifest: Manifest) -> str:
    """By which the platform knows an acquisition: the series', or what grouping made of it."""
    return str(manifest["group"]["acquisition_uid"] or manifest["series"]["series_instance_uid"])


def archive_name(manifest: Manifest, name: str) -> str:
    """Under which the archive goes up.

    A series that goes again as a whole takes the name that it had the first time, so that the
    platform makes it a new version of that file.
    """
    parcel = manifest["parcel"]
    if parcel["kind"] == "again" and parcel["amends"]:
        return str(parcel["amends"][0]["archive"])
    return name


def _named(fields: Mapping[str, Mapping[str, Any]], name: str) -> str:
    said = fields.get(name)
    return "" if said is None or said["origin"] == _BUILT_IN else str(said["value"])


def _put(level: dict[str, Any], name: str, value: Any) -> None:
    if name in _LISTS and isinstance(value, str):
        level[name] = [each.strip() for each in value.split(",") if each.strip()]
    elif name in _WHOLE_NUMBERS and isinstance(value, float):
        level[name] = int(value)
    elif "." in name:
        outer, _, inner = name.partition(".")
        nested = level.setdefault(outer, {})
        if isinstance(nested, dict):
            nested[inner] = value
    else:
        level[name] = value
