"""Rules of routes and groupings, and schedules, that are probably not meant: warnings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from causeway.config.routes import GroupingSettings, RouteSettings
from causeway.config.rules import Found
from causeway.config.tree import Configuration


def rules_in_doubt(configuration: Configuration) -> Iterator[Found]:
    first = configuration.routes_match.match == "first"
    yield from _never_counts("route", configuration.routes, first=first)
    yield from _never_counts("grouping", configuration.groupings, first=True)
    yield from _asks_in_vain("route", configuration.routes, configuration)
    yield from _asks_in_vain("grouping", configuration.groupings, configuration)
    if first:
        for index, route in enumerate(configuration.routes):
            if route.action == "hold" and not route.destinations:
                yield Found(
                    path=("route", index),
                    what="holds, and says nowhere to go when a person releases it",
                    right='add: destinations = ["…"]',
                )
    from causeway.schedule import Schedule

    used = {destination.schedule for destination in configuration.destinations}
    for destination in configuration.destinations:
        used |= {window.schedule for window in destination.bandwidth.during}
    for index, schedule in enumerate(configuration.schedules):
        if schedule.name not in used:
            yield Found(
                path=("schedule", index, "name"),
                what=f'nothing goes by "{schedule.name}"',
                right=f'add schedule = "{schedule.name}" to a [[destination]]',
            )
        if Schedule.parse(schedule.windows, "UTC").never_closes:
            yield Found(
                path=("schedule", index, "windows"),
                what="is always open, and so holds nothing back",
                right="leave out the schedule, or see which hours are meant",
            )


def _never_counts(
    table: str, entries: Sequence[RouteSettings | GroupingSettings], *, first: bool
) -> Iterator[Found]:
    everything: int | None = None
    seen: dict[str, int] = {}
    for index, entry in enumerate(entries):
        if everything is not None:
            yield Found(
                path=(table, index),
                what=f"is never reached, because {table} {everything + 1} matches everything",
                right=f"put the {table} without a rule last",
            )
            continue
        if entry.when is None:
            everything = index if first else None
            continue
        if not _can_hold(entry.when):
            yield Found(
                path=(table, index, "when"),
                what="can never hold, whatever a header says",
                right="see whether `or` is meant in place of `and`",
            )
        known = seen.setdefault(" ".join(entry.when.split()), index)
        if known != index and first:
            yield Found(
                path=(table, index, "when"),
                what=f"is never reached, because {table} {known + 1} has the same rule",
                right="give it another rule, or leave it out",
            )


def _can_hold(text: str) -> bool:
    from causeway.decide.rules import compile_rule

    return compile_rule(text).can_hold()


def _asks_in_vain(
    table: str, entries: Sequence[RouteSettings | GroupingSettings], configuration: Configuration
) -> Iterator[Found]:
    """Rules about sources that are not there, and about fields that nothing fills."""
    if not any(entry.when for entry in entries):
        return
    from causeway.decide.rules import compile_rule
    from causeway.decide.rules.predicates import Presence
    from causeway.decide.rules.tree import tests_of

    sources = [source.name for source in configuration.sources]
    filled = _filled(configuration)
    for index, entry in enumerate(entries):
        if entry.when is None:
            continue
        path = (table, index, "when")
        for test in tests_of(compile_rule(entry.when).tree):
            name = test.operand.name
            if name in _PLACES and name not in filled:
                yield Found(
                    path=path,
                    what=f"asks for `{name}`, which nothing fills",
                    right='let routing strings say it: [routing] with tags = ["PatientComments"]',
                )
                break
            if (
                name == "source"
                and sources
                and not isinstance(test.asked, Presence)
                and not any(map(test.asked.accepts, sources))
            ):
                yield Found(
                    path=path,
                    what="asks for a `source` that there is none of",
                    right=f"known sources: {', '.join(sources)}",
                )
                break


_PLACES = ("group", "project", "subject", "session", "acquisition")
"""Of a rule's names, those that routing strings fill; the first two, mappings and defaults too."""
_FIELDS = {"group": "group._id", "project": "project.label"}


def _filled(configuration: Configuration) -> set[str]:
    """The places that some source may have filled."""
    from causeway.decide.language import Mapping

    own = configuration.sources
    if any(each.tags for each in (configuration.routing, *map(configuration.routing_of, own))):
        return set(_PLACES)
    said: set[str] = set()
    for metadata in (configuration.metadata, *map(configuration.metadata_of, own)):
        said |= set(metadata.defaults) | set(metadata.overrides)
        for text in metadata.mappings:
            said |= Mapping.compile(text).fields
    return {name for name, field in _FIELDS.items() if field in said}
