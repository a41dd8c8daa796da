"""The hierarchy of a series as it is told where it goes de-identified.

What routes is decided on the header as it came, and travels as values: group and project, and what
the routing string or a person has said in as many words. All else is made anew, by the same chains,
of what the header says once it is clean. So a subject without a name in the routing string is
called by its pseudonym, and a session by its moved date.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from causeway.attributes import Attributes
from causeway.decide.chains import BUILT_IN
from causeway.decide.hierarchy import hierarchy
from causeway.decide.language import extract
from causeway.decide.language.fields import GROUP, PROJECT
from causeway.decide.policy import SourcePolicy
from causeway.decide.routing import Routing
from causeway.decide.verdict import Field

ROUTING: Final = "routing"
"""Origin of what the routing string or a person has said."""

_SITE: Final = frozenset({ROUTING, "default", "override", BUILT_IN})
_STUDY_ID: Final = 0x00200010
_LABELS: Final = ("subject.label", "session.label", "acquisition.label")


def clean_fields(
    before: Mapping[str, Field],
    original: Attributes,
    clean: Attributes,
    source: SourcePolicy,
    *,
    study_instance_uid: str,
    series_instance_uid: str,
) -> dict[str, Field]:
    """The fields of a series that goes as ``clean``.

    ``before`` are those that were decided on ``original``. The UIDs are the new ones.
    """
    said = {name: before[name] for name in _LABELS if _is_said(before.get(name), name, original)}
    metadata = source.metadata
    found = dict(
        hierarchy(
            clean,
            study_instance_uid=study_instance_uid,
            series_instance_uid=series_instance_uid,
            routing=Routing(
                group=_value(before, GROUP),
                project=_value(before, PROJECT),
                subject=_value(said, "subject.label"),
                session=_value(said, "session.label"),
                acquisition=_value(said, "acquisition.label"),
                where=ROUTING,
            ),
            mapped=extract(metadata.mappings, clean, timezone=metadata.timezone),
            defaults=metadata.defaults,
            overrides=metadata.overrides,
            timezone=metadata.timezone,
            series_number_prefix=metadata.series_number_prefix,
        ).fields
    )
    for name in (GROUP, PROJECT):
        # Where it goes is decided, whatever said so; what that was said in may name somebody.
        if (place := before.get(name)) is not None:
            raw = place.raw if place.origin in _SITE else ""
            found[name] = Field(value=place.value, raw=raw, origin=place.origin)
    return found


def said_of(before: Mapping[str, Field], original: Attributes) -> frozenset[str]:
    """Fields that somebody has said in as many words; what stands in them is that person's."""
    names = {name for name in _LABELS if _is_said(before.get(name), name, original)}
    return frozenset(names | {GROUP, PROJECT})


def _is_said(found: Field | None, name: str, original: Attributes) -> bool:
    if found is None or found.origin != ROUTING:
        return False
    if name != "subject.label":
        return True
    # An older form of routing strings names a subject that it does not say by the Study ID.
    study_id = re.sub(r"\W+", "", original.first(_STUDY_ID)).casefold()
    return not study_id or re.sub(r"\W+", "", found.raw).casefold() != f"ex{study_id}"


def _value(fields: Mapping[str, Field], name: str) -> str:
    return str(fields[name].value) if name in fields else ""
