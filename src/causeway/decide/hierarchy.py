"""The hierarchy of a series: from group to acquisition, and what is told of each level.

Each field has a chain: the routing string, what mappings extracted, what the header says, the
site's defaults, and for a label a last link that never fails (a UID). An override goes before all
of it, and an empty one takes a field away. Every field keeps where it came from and how it stood
there (``Field``). What the chains are, field by field, with examples, is in
``docs/reference/hierarchy.md``.

Group and project are one thing: a routing string that is there gives both or leaves them to the
platform's place for what nobody has sorted, and a project without a group goes there too.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.chains import BUILT_IN, Header, link, said_by
from causeway.decide.labels import (
    ACQUISITION_CHARACTERS,
    LABEL_CHARACTERS,
    UNNAMED,
    Labels,
    first_label,
)
from causeway.decide.language.fields import GROUP, PROJECT
from causeway.decide.language.values import value_of
from causeway.decide.moments import zone_name
from causeway.decide.routing import Routing
from causeway.decide.verdict import Field

UNKNOWN_GROUP: Final = "unknown"
UNSORTED_PROJECT: Final = "Unsorted"
ARCHIVE_SUFFIX: Final = ".dicom.zip"

_SITE: Final = frozenset({"default", "override"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hierarchy:
    """The fields by name, such as ``subject.label``."""

    fields: Mapping[str, Field] = field(repr=False)

    @property
    def labels(self) -> Labels:
        return labels_of(self.fields)


def hierarchy(
    attributes: Attributes,
    *,
    study_instance_uid: str,
    series_instance_uid: str,
    routing: Routing | None,
    mapped: Mapping[str, Field],
    defaults: Mapping[str, str],
    overrides: Mapping[str, str],
    timezone: dt.tzinfo,
    series_number_prefix: bool,
) -> Hierarchy:
    """The hierarchy of a series; ``mapped`` is what mappings have extracted from its header.

    Never raises for what a header, a mapping or a configured value says: what cannot be a value
    of its field is passed over, and the next link counts.
    """
    header = Header(
        attributes=attributes,
        study_instance_uid=study_instance_uid,
        series_instance_uid=series_instance_uid,
        timezone=timezone,
    )
    said = said_by(header, series_number_prefix=series_number_prefix)
    outside = _outside(routing, mapped, timezone)
    found: dict[str, Field] = {}
    for name in dict.fromkeys([*said.chains, *outside, *defaults, *overrides]):
        if name in overrides:
            links = [_written(name, overrides[name], "override", timezone)]
        else:
            default = _written(name, defaults.get(name, ""), "default", timezone)
            links = [*outside.get(name, ()), *said.chains.get(name, ()), default]
        value = next((each for each in links if each is not None), said.last.get(name))
        if value is not None:
            found[name] = value
    return Hierarchy(fields=_completed(found, overrides, timezone))


def labels_of(fields: Mapping[str, Field]) -> Labels:
    """The folders of a hierarchy; each a safe name, whatever the fields hold."""

    def label(name: str, fallback: str, characters: int = LABEL_CHARACTERS) -> str:
        value = str(fields[name].value) if name in fields else ""
        return first_label(value, fallback, characters=characters)

    return Labels(
        group=label(GROUP, UNKNOWN_GROUP),
        project=label(PROJECT, UNSORTED_PROJECT),
        subject=label("subject.label", UNNAMED),
        session=label("session.label", UNNAMED),
        acquisition=label("acquisition.label", UNNAMED, ACQUISITION_CHARACTERS),
    )


def moment_of(fields: Mapping[str, Field], name: str) -> dt.datetime | None:
    """A timestamp of the hierarchy (``acquisition.timestamp``), aware; None if there is none."""
    try:
        return dt.datetime.fromisoformat(str(fields[name].value)) if name in fields else None
    except ValueError:
        return None


def _completed(
    found: dict[str, Field], overrides: Mapping[str, str], timezone: dt.tzinfo
) -> dict[str, Field]:
    """What follows from other fields, and the place of what nobody has sorted."""
    if GROUP not in found:
        found[GROUP] = Field(value=UNKNOWN_GROUP, origin=BUILT_IN)
        # What the site itself says of a project stays; what a header says needs its group.
        if (project := found.get(PROJECT)) is not None and project.origin not in _SITE:
            unused = project.raw or str(project.value)
            found[PROJECT] = Field(value=UNSORTED_PROJECT, raw=unused, origin=BUILT_IN)
    found.setdefault(PROJECT, Field(value=UNSORTED_PROJECT, origin=BUILT_IN))
    for level in ("session", "acquisition"):
        zone = f"{level}.timezone"
        moment = moment_of(found, f"{level}.timestamp")
        if moment is not None and zone not in overrides and zone not in found:
            found[zone] = Field(value=zone_name(timezone, moment), origin="timezone")
    if "file.name" not in found and "file.name" not in overrides:
        label = found["acquisition.label"]
        found["file.name"] = Field(
            value=f"{label.value}{ARCHIVE_SUFFIX}", raw=label.raw, origin=label.origin
        )
    return found


# --- what was said from outside the header --------------------------------------------------------


def _outside(
    routing: Routing | None, mapped: Mapping[str, Field], timezone: dt.tzinfo
) -> dict[str, tuple[Field | None, ...]]:
    """Links that go before the header's, by field."""
    links: dict[str, list[Field | None]] = {}
    if routing is not None:
        for name, text in (
            (GROUP, routing.group),
            (PROJECT, routing.project),
            ("subject.label", routing.subject),
            ("session.label", routing.session),
            ("acquisition.label", routing.acquisition),
        ):
            links[name] = [_written(name, text, "routing", timezone)]
    for name, value in mapped.items():
        # A string is taken whole: no mapping completes the group or project of one.
        if routing is None or name not in (GROUP, PROJECT):
            links.setdefault(name, []).append(value)
    return {name: tuple(each) for name, each in links.items()}


def _written(name: str, text: str, origin: str, timezone: dt.tzinfo) -> Field | None:
    """A value that somebody has written for this field, if it can be one."""
    return link(value_of(name, text, timezone=timezone), origin, raw=text)
