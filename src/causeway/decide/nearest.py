"""What was probably meant, where a routing string names a place that the site does not have.

A group has to be the site's, in any case; so does a project, and of that group. What is near is
what differs by a slip of the finger or two. A suggestion's reason names the site's own groups and
projects and never what was typed, which may be anything.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from causeway.decide.labels import sanitised
from causeway.decide.routing import Routing

_SIMILAR: Final = 0.7
"""Ratio of difflib. The platform corrects groups by itself from 0.8 on; a suggestion that a person
decides on may be wider."""
_NAMES: Final = 5000
"""Names that are compared, so that a site with very many costs milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A place that is not the site's, and one that is."""

    reason: str
    """What is unknown and what is near, without what was typed."""
    knows_group: bool
    """Whether the group is the site's, so that only the project is not."""
    group: str = field(repr=False)
    """The nearest; empty if none is near."""
    project: str = field(repr=False)

    @property
    def meant(self) -> str:
        """The nearest place, as it is typed; empty if none is near."""
        if self.knows_group and not self.project:
            return ""  # that group was typed
        return f"{self.group}/{self.project}" if self.project else self.group


def suggest(routing: Routing, known: Mapping[str, Sequence[str]]) -> Suggestion | None:
    """The nearest place of the site; None if the place is known, or the site does not say.

    ``known`` are the site's projects by group. A string that says no project is known by its group.
    """
    if not known:
        return None
    by_folded = {group.casefold(): group for group in known}
    group = by_folded.get(routing.group.casefold(), "")
    if group:
        if not routing.project or _spelt(known[group], routing.project):
            return None
        return _unknown_project(routing, group, known)
    return _unknown_group(routing, known)


def _unknown_project(
    routing: Routing, group: str, known: Mapping[str, Sequence[str]]
) -> Suggestion:
    reason = f'group "{group}" does not have that project'
    project = _nearest(routing.project, tuple(known[group]))
    if project:
        reason += f'; the nearest is "{project}"'
    else:
        having = _having(routing.project, known)
        if len(having) == 1:
            (group,) = having
            project = _spelt(known[group], routing.project)
            reason += f'; group "{group}" has it'
    return Suggestion(reason=reason, knows_group=True, group=group, project=project)


def _unknown_group(routing: Routing, known: Mapping[str, Sequence[str]]) -> Suggestion:
    having = _having(routing.project, known)
    group = _nearest(routing.group, tuple(known)) or (having[0] if len(having) == 1 else "")
    if not group:
        return Suggestion(
            reason="the site does not have that group", knows_group=False, group="", project=""
        )
    projects = tuple(known[group])
    project = _spelt(projects, routing.project) or _nearest(routing.project, projects)
    place = f"{group}/{project}" if project else group
    return Suggestion(
        reason=f'the site does not have that group; the nearest is "{place}"',
        knows_group=False,
        group=group,
        project=project,
    )


def _having(project: str, known: Mapping[str, Sequence[str]]) -> list[str]:
    """The groups that have this project."""
    return [group for group, projects in known.items() if _spelt(projects, project)]


def _spelt(projects: Sequence[str], name: str) -> str:
    """The project as the site writes it; empty if it is none of these."""
    folded = _folded(name)
    return next((each for each in projects if folded and _folded(each) == folded), "")


@lru_cache(maxsize=8192)
def _folded(name: str) -> str:
    """As a label, in any case: a name that becomes the same label is the same."""
    return sanitised(name).casefold()


@lru_cache(maxsize=256)
def _nearest(name: str, names: tuple[str, ...]) -> str:
    if not name:
        return ""
    by_folded = {_folded(each): each for each in names[:_NAMES]}
    found = difflib.get_close_matches(_folded(name), by_folded, n=1, cutoff=_SIMILAR)
    return by_folded[found[0]] if found else ""
