"""The decision on a series: what its header says, by the policy, at this time.

::

    routing string ─▶ opt-in and opt-out ─▶ hierarchy ─▶ guard ─▶ routes ─▶ verdict

The decision keeps what each step found, so that ``causeway explain`` shows the reasons and not only
the result. What a person has said about a study (where it goes; let it through) comes in as facts
and goes before the rules.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from causeway.attributes import Attributes, name_of
from causeway.decide.guard import Exposed, exposed
from causeway.decide.hierarchy import UNKNOWN_GROUP, UNSORTED_PROJECT, hierarchy
from causeway.decide.language import extract
from causeway.decide.nearest import Suggestion, suggest
from causeway.decide.opting import OptDecision, opt
from causeway.decide.policy import (
    Action,
    Match,
    Otherwise,
    Policy,
    Route,
    RoutingPolicy,
    SourcePolicy,
)
from causeway.decide.routing import Routing, Unparsed, find
from causeway.decide.rules import RuleFacts
from causeway.decide.verdict import Denied, Field, GroupingRules, Held, Routed, Verdict

NO_ROUTE = "no route matches"
_STUDY_ID = 0x00200010


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """What a decision is about."""

    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    attributes: Attributes
    """Of the newest header."""
    source: str
    calling_ae: str
    called_ae: str
    told: Routing | None = None
    """Where a person has said that it goes."""
    told_destinations: tuple[str, ...] = ()
    released: bool = False
    """A person has let it through: what would only hold or skip it does not any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The verdict and what led to it."""

    verdict: Verdict
    routing: Routing | Unparsed | None
    """The string that counts; None if there is none."""
    suggestion: Suggestion | None
    """What the routing string probably means, where group or project is not known."""
    opting: OptDecision
    exposed: Exposed | None
    """What of the patient the routing string gives away."""
    fields: dict[str, Field] = field(repr=False)
    grouping: GroupingRules
    routes: tuple[str, ...]
    """Names of the routes that held and count."""


def decide(facts: SeriesFacts, policy: Policy, now: dt.datetime) -> Decision:
    """The decision at ``now``, an aware time. Never raises for what a header says.

    Rules about weekday and time mean the clock of the source's time zone.
    """
    source = policy.of(facts.source)
    routing = facts.told or _found(facts.attributes, source.routing)
    suggestion = None
    place: Routing | None = None
    stop: Held | Denied | None = None
    if isinstance(routing, Routing):
        place = routing
        if facts.told is None:
            suggestion = suggest(routing, source.routing.known)
            if suggestion is not None:
                place, stop = _unknown(routing, suggestion, source.routing)
    elif isinstance(routing, Unparsed):
        stop = _unparsed(routing, source.routing)
    else:
        stop = _missing(source.routing)

    fields = _fields(facts, source, place)
    here = now.astimezone(source.metadata.timezone)
    rule_facts = _rule_facts(facts, fields, place, here)
    opting = opt(facts.attributes, source.opting)
    leak = None
    if source.routing.guards_patient_data and isinstance(routing, Routing) and facts.told is None:
        leak = exposed(routing, facts.attributes)
    grouping = next(
        (
            each.rules
            for each in policy.groupings
            if each.when is None or each.when.holds(rule_facts)
        ),
        GroupingRules(),
    )
    routes = tuple(_counting(policy, rule_facts))
    verdict = _verdict(facts, source, routes, fields, grouping)
    cleared = facts.released or facts.told is not None
    if not cleared:
        verdict = _stopped(opting, stop, leak) or verdict
    return Decision(
        verdict=verdict,
        routing=routing,
        suggestion=suggestion,
        opting=opting,
        exposed=leak,
        fields=fields,
        grouping=grouping,
        routes=tuple(route.name for route in routes),
    )


def _stopped(
    opting: OptDecision, stop: Held | Denied | None, leak: Exposed | None
) -> Held | Denied | None:
    """What keeps a series from its routes; first what skips it, as nobody need look at that."""
    if not opting.wanted:
        return Denied(code=opting.code, reason=opting.reason)
    if stop is not None:
        return stop
    if leak is not None:
        return Held(code="patient_data", reason=leak.reason)
    return None


# --- the routing string ---------------------------------------------------------------------------


def _found(attributes: Attributes, policy: RoutingPolicy) -> Routing | Unparsed | None:
    candidates = [(name_of(tag), attributes.text(tag)) for tag in policy.tags]
    return find(candidates, policy.form, study_id=attributes.first(_STUDY_ID))


def _missing(policy: RoutingPolicy) -> Held | Denied | None:
    if not policy.tags or policy.missing is Otherwise.UNSORTED:
        return None
    where = " or ".join(name_of(tag) for tag in policy.tags)
    reason = f"there is no routing string in {where}"
    if policy.missing is Otherwise.DENY:
        return Denied(code="no_routing", reason=reason)
    return Held(code="no_routing", reason=reason)


def _unparsed(found: Unparsed, policy: RoutingPolicy) -> Held | None:
    if policy.unparsed is Otherwise.UNSORTED:
        return None
    return Held(code="unparsed", reason=f"the routing string in {found.where}: {found.reason}")


def _unknown(
    routing: Routing, suggestion: Suggestion, policy: RoutingPolicy
) -> tuple[Routing, Held | None]:
    """Where a series goes whose group or project the site does not have, and whether it may."""
    match policy.unknown:
        case Otherwise.HOLD:
            return routing, Held(code="unknown_place", reason=suggestion.reason)
        case Otherwise.UNSORTED:
            # As the platform does: a group that is known keeps it, in its own unsorted project.
            if suggestion.knows_group:
                return replace(routing, project=""), None
            return replace(routing, group="", project=""), None
        case _:
            return routing, None


# --- hierarchy and rules --------------------------------------------------------------------------


def _fields(facts: SeriesFacts, source: SourcePolicy, place: Routing | None) -> dict[str, Field]:
    metadata = source.metadata
    found = hierarchy(
        facts.attributes,
        study_instance_uid=facts.study_instance_uid,
        series_instance_uid=facts.series_instance_uid,
        routing=place,
        mapped=extract(metadata.mappings, facts.attributes, timezone=metadata.timezone),
        defaults=metadata.defaults,
        overrides=metadata.overrides,
        timezone=metadata.timezone,
        series_number_prefix=metadata.series_number_prefix,
    )
    return dict(found.fields)


def _rule_facts(
    facts: SeriesFacts, fields: dict[str, Field], place: Routing | None, now: dt.datetime
) -> RuleFacts:
    def named(name: str, fallback: str = "") -> str:
        value = str(fields[name].value) if name in fields else ""
        return "" if value == fallback else value

    return RuleFacts(
        attributes=facts.attributes,
        source=facts.source,
        calling_ae=facts.calling_ae,
        called_ae=facts.called_ae,
        group=named("group._id", UNKNOWN_GROUP),
        project=named("project.label", UNSORTED_PROJECT),
        subject=place.subject if place else "",
        session=place.session if place else "",
        acquisition=place.acquisition if place else "",
        now=now,
    )


def _counting(policy: Policy, facts: RuleFacts) -> Iterator[Route]:
    for route in policy.routes:
        if route.when is None or route.when.holds(facts):
            yield route
            if policy.match is Match.FIRST:
                return


def _verdict(
    facts: SeriesFacts,
    source: SourcePolicy,
    routes: Sequence[Route],
    fields: dict[str, Field],
    grouping: GroupingRules,
) -> Verdict:
    """Denying goes before holding, and holding before sending, where all routes count."""
    if facts.told_destinations:
        return _routed(routes, facts.told_destinations, source, fields, grouping)
    for route in routes:
        if route.action is Action.DENY and not facts.released:
            return Denied(code="rule", reason=f"{route.name} denies it")
    for route in routes:
        if route.action is Action.HOLD and not facts.released:
            return Held(code="rule", reason=f"{route.name} holds it")
    # A destination named twice gets it once.
    destinations = tuple(dict.fromkeys(name for route in routes for name in route.destinations))
    if not destinations:
        return Held(code="no_route", reason=NO_ROUTE)
    return _routed(routes, destinations, source, fields, grouping)


def _routed(
    routes: Sequence[Route],
    destinations: tuple[str, ...],
    source: SourcePolicy,
    fields: dict[str, Field],
    grouping: GroupingRules,
) -> Routed | Held:
    sending = [route for route in routes if route.action is Action.SEND]
    treatments = {name: _treatments(name, routes) for name in destinations}
    for name, wanted in treatments.items():
        if len(wanted) > 1:
            # Which of them its author means cannot be known, and the weaker must not win.
            said = " and ".join(each or "nothing" for each in wanted)
            return Held(
                code="treatments_differ",
                reason=f"its routes to {name} say {said} of what is done to identifying data",
            )
    usual = Routed(routes=(), destinations=())
    first = sending[0] if sending else None
    return Routed(
        routes=tuple(route.name for route in sending),
        destinations=destinations,
        prio=min((route.prio for route in sending), default=usual.prio),
        unit=first.unit if first else usual.unit,
        late=first.late if first else usual.late,
        fields=fields,
        grouping=grouping,
        merges_same_label=source.metadata.merges_same_label,
        deidentify={name: wanted[0] for name, wanted in treatments.items() if any(wanted)},
    )


def _treatments(destination: str, routes: Sequence[Route]) -> tuple[str, ...]:
    """What the routes to a destination say of identifying data, each once; empty: nothing."""
    naming = [route for route in routes if destination in route.destinations]
    return tuple(dict.fromkeys(route.deidentify for route in naming))
