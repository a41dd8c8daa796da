"""From the configuration's tree to the policy that series are decided by."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfoNotFoundError

import tzlocal

from causeway.attributes import tag_of
from causeway.config import (
    Configuration,
    GroupingSettings,
    NodeSettings,
    RouteSettings,
    SourceSettings,
)
from causeway.config.routing import (
    MetadataSettings,
    OptInCondition,
    OptOutCondition,
    OptSettings,
    RoutingSettings,
)
from causeway.decide.bounded import compile_bounded
from causeway.decide.language import compile_mappings
from causeway.decide.opting import Answer, OptCondition, OptRules
from causeway.decide.policy import (
    Action,
    GroupingRule,
    Match,
    MetadataPolicy,
    Otherwise,
    Policy,
    Route,
    RoutingPolicy,
    SourcePolicy,
)
from causeway.decide.routing import Prefix, RoutingForm
from causeway.decide.rules import Rule, compile_rule
from causeway.decide.verdict import (
    PRIO_LOW,
    PRIO_URGENT,
    PRIO_USUAL,
    GroupingRules,
    Late,
    Localizers,
    Related,
    Screenshots,
    Unit,
)
from causeway.schedule import zone_of

_PRIOS: Final = {"urgent": PRIO_URGENT, "usual": PRIO_USUAL, "low": PRIO_LOW}


def policy_of(configuration: Configuration) -> Policy:
    """The policy of a configuration; the texts in it were read once when it was checked."""
    usual = SourcePolicy(
        routing=_routing(configuration.routing),
        opting=_opting(configuration.opt),
        metadata=_metadata(configuration.metadata),
    )
    return Policy(
        routes=tuple(
            _route(settings, number)
            for number, settings in enumerate(configuration.routes, start=1)
        ),
        match=Match(configuration.routes_match.match),
        groupings=tuple(_grouping(settings) for settings in configuration.groupings),
        usual=usual,
        by_source={
            source.name: SourcePolicy(
                routing=_routing(configuration.routing.overridden(source.routing)),
                opting=_opting(configuration.opt.overridden(source.opt)),
                metadata=_metadata(configuration.metadata.overridden(source.metadata)),
            )
            for source in _sending(configuration)
            if source.routing or source.opt or source.metadata
        },
    )


def _sending(configuration: Configuration) -> tuple[SourceSettings | NodeSettings, ...]:
    """Whoever images come from: what a node was asked for counts as sent by it."""
    return (*configuration.sources, *configuration.nodes)


def machine_zone() -> dt.tzinfo:
    """The time zone of the machine; UTC where it does not say."""
    try:
        return tzlocal.get_localzone()
    except (ZoneInfoNotFoundError, ValueError):
        return dt.UTC


def _routing(settings: RoutingSettings) -> RoutingPolicy:
    known: dict[str, list[str]] = {}
    for place in settings.known:
        group, _, project = place.partition("/")
        known.setdefault(group, []).append(project)
    return RoutingPolicy(
        tags=tuple(map(tag_of, settings.tags)),
        form=RoutingForm(prefix=Prefix(settings.prefix), legacy=settings.legacy),
        missing=Otherwise(settings.missing),
        unparsed=Otherwise(settings.unparsed),
        unknown=Otherwise(settings.unknown),
        known=known,
        guards_patient_data=settings.phi_guard,
    )


def _opting(settings: OptSettings) -> OptRules:
    return OptRules(
        opt_in=tuple(map(_condition, settings.opt_in)),
        opt_out=tuple(map(_condition, settings.opt_out)),
    )


def _condition(settings: OptInCondition | OptOutCondition) -> OptCondition:
    return OptCondition(
        tag=tag_of(settings.tag),
        expression=compile_bounded(settings.matches, ignore_case=True),
        missing=Answer(settings.missing),
        empty=Answer(settings.empty),
    )


def _metadata(settings: MetadataSettings) -> MetadataPolicy:
    return MetadataPolicy(
        mappings=compile_mappings(settings.mappings),
        defaults=settings.defaults,
        overrides=settings.overrides,
        timezone=zone_of(settings.timezone) if settings.timezone else machine_zone(),
        series_number_prefix=settings.series_number_prefix,
        merges_same_label=settings.same_label == "merge",
    )


def _rule(text: str | None) -> Rule | None:
    return None if text is None else compile_rule(text)


def _grouping(settings: GroupingSettings) -> GroupingRule:
    return GroupingRule(
        when=_rule(settings.when),
        rules=GroupingRules(
            split_by=tuple(map(tag_of, settings.split_by)),
            screenshots=Screenshots(settings.screenshots),
            localizers=Localizers(settings.localizers),
            related=Related(settings.related),
        ),
    )


def _route(settings: RouteSettings, number: int) -> Route:
    return Route(
        name=settings.name or f"route {number}",
        when=_rule(settings.when),
        action=Action(settings.action),
        destinations=settings.destinations,
        prio=_PRIOS[settings.priority],
        unit=Unit(settings.complete),
        late=Late(settings.late),
        deidentify=settings.deidentify or "",
    )
