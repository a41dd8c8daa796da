"""Where the platform put a session, compared with where it was asked to.

Placement is the platform's. An acquisition or a session that it knows by UID stays where it is,
whatever group and project say, so that people can move a session in the middle of a scan; what
names no group or project that there is goes to a place for what nobody has sorted.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Final

_FALLBACKS: Final = frozenset({"unsorted", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    group: str = field(repr=False)
    project: str = field(repr=False)


class Landing(enum.StrEnum):
    """How an upload came to where it is."""

    AS_ASKED = "as_asked"
    UNSORTED = "unsorted"
    """In the place for what nobody has sorted: its group or project does not exist, or was not
    named."""
    ELSEWHERE = "elsewhere"
    """Somewhere else: somebody moved its session, or it was known from earlier."""


def landing(asked: Place, found: Place) -> Landing:
    same_group = asked.group.lower() == found.group.lower()
    if same_group and asked.project.lower() == found.project.lower():
        return Landing.AS_ASKED
    if found.project.lower() in _FALLBACKS and (same_group or found.group.lower() == "unknown"):
        return Landing.UNSORTED
    return Landing.ELSEWHERE


WHY: Final = {
    Landing.AS_ASKED: "",
    Landing.UNSORTED: "it was put where the platform keeps what nobody has sorted: its group or "
    "project is not there or was not named",
    Landing.ELSEWHERE: "it was put with its session, which the platform knew from elsewhere or "
    "somebody has moved",
}
