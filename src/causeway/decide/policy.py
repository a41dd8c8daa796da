"""The configuration, as far as it decides: compiled once, frozen, and asked for each series."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from causeway.decide.language import Mapping as FieldMapping
from causeway.decide.opting import OptRules
from causeway.decide.routing import RoutingForm
from causeway.decide.rules import Rule
from causeway.decide.verdict import PRIO_USUAL, GroupingRules, Late, Unit


class Otherwise(enum.StrEnum):
    """What becomes of a series whose routing string does not say where it goes."""

    ACCEPT = "accept"
    UNSORTED = "unsorted"
    """To the platform's place for what nobody has sorted."""
    HOLD = "hold"
    DENY = "deny"


class Action(enum.StrEnum):
    """What a route does with what matches it."""

    SEND = "send"
    HOLD = "hold"
    DENY = "deny"


class Match(enum.StrEnum):
    """Which of the routes that hold count."""

    FIRST = "first"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingPolicy:
    """Where routing strings stand, and what if none says where to go."""

    tags: tuple[int, ...] = ()
    form: RoutingForm = field(default_factory=RoutingForm)
    missing: Otherwise = Otherwise.UNSORTED
    unparsed: Otherwise = Otherwise.HOLD
    unknown: Otherwise = Otherwise.ACCEPT
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Projects of the site by group; empty if the site does not say."""
    guards_patient_data: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataPolicy:
    """How the hierarchy is filled beyond the routing string."""

    mappings: tuple[FieldMapping, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[str, str] = field(default_factory=dict)
    timezone: dt.tzinfo = dt.UTC
    """Of moments that do not say theirs."""
    series_number_prefix: bool = False
    merges_same_label: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePolicy:
    """What holds for the series of one source."""

    routing: RoutingPolicy = RoutingPolicy()
    opting: OptRules = field(default_factory=OptRules)
    metadata: MetadataPolicy = MetadataPolicy()

    @property
    def asks_for(self) -> frozenset[int]:
        """The attributes that it looks into."""
        conditions = (*self.opting.opt_in, *self.opting.opt_out)
        mapped = [mapping.tags for mapping in self.metadata.mappings]
        return frozenset(self.routing.tags).union(
            (condition.tag for condition in conditions), *mapped
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupingRule:
    """How series become acquisitions for which ``when`` holds; all, if there is none."""

    when: Rule | None
    rules: GroupingRules


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where series go for which ``when`` holds; all, if there is none."""

    name: str
    when: Rule | None = None
    action: Action = Action.SEND
    destinations: tuple[str, ...] = ()
    prio: int = PRIO_USUAL
    unit: Unit = Unit.SERIES
    late: Late = Late.AMEND
    deidentify: str = ""
    """What is done to identifying data on it; empty: as each destination says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All of it."""

    routes: tuple[Route, ...]
    match: Match = Match.FIRST
    groupings: tuple[GroupingRule, ...] = ()
    usual: SourcePolicy = SourcePolicy()
    by_source: Mapping[str, SourcePolicy] = field(default_factory=dict)

    def of(self, source: str) -> SourcePolicy:
        """What holds for this source."""
        return self.by_source.get(source, self.usual)

    @property
    def sends_on(self) -> bool:
        """Whether some route sends images on as they come."""
        return any(route.unit is Unit.ARRIVAL for route in self.routes)

    @property
    def asks_for(self) -> tuple[int, ...]:
        """The attributes that have a say in any decision, in order.

        Where one of them has another value than in the images before, the newest counts.
        """
        tags: set[int] = set()
        for source in (self.usual, *self.by_source.values()):
            tags |= source.asks_for
        rules = [route.when for route in self.routes] + [each.when for each in self.groupings]
        for rule in rules:
            if rule is not None:
                tags |= rule.needs
        return tuple(sorted(tags))
