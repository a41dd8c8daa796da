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
    form: RoutingForm = RoutingForm()
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
    opting: OptRules = OptRules()
    metadata: MetadataPolicy = MetadataPolicy()


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
