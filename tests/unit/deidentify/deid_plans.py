"""Plans made straight from the table, without the profiles that are made of it as well."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action, Code, Plan, Rule, Temporal
from causeway.deidentify.standard import Option, code_of, edition, rows

DATES = Option.RETAIN_MODIFIED_DATES


@cache
def plan_of(*options: Option) -> Plan:
    """The Basic Profile with these options."""
    by_tag: dict[int, Rule] = {}
    masks: list[tuple[int, int, Rule]] = []
    for row in rows():
        rule = Rule(action=row.basic, origin=row.origin)
        for option in options:
            if option in row.options:
                rule = Rule(action=_action(row.value, option, row.options[option]), origin=option)
        if row.is_repeating:
            masks.append((row.mask, row.value, rule))
        else:
            by_tag[row.value] = rule
    if 0x00100020 in by_tag:
        by_tag[0x00100020] = Rule(action=Action.PSEUDONYM, origin="test")
    remove = Rule(action=Action.REMOVE, origin="Basic Profile")
    basic = Code(value="113100", meaning="Basic Application Confidentiality Profile")
    return Plan(
        name="test",
        digest=hashlib.sha256(repr(options).encode()).hexdigest(),
        edition=edition(),
        codes=(basic, *map(code_of, options)),
        temporal=Temporal.MODIFIED if DATES in options else Temporal.REMOVED,
        is_conformant=True,
        by_tag=by_tag,
        by_mask=tuple(masks),
        other_private=remove,
        unknown=remove,
        other=Rule(action=Action.KEEP, origin="not listed"),
    )


def _action(tag: int, option: Option, action: Action) -> Action:
    if option is not DATES or action is not Action.CLEAN:
        return action
    return Action.SHIFT if dictionary_vr(tag) in ("DA", "DT") else Action.KEEP


def without(plan: Plan, actions: Iterable[Action]) -> Plan:
    """A plan whose rules with these actions do nothing: what a test of it must notice."""
    disabled = set(actions)

    def kept(rule: Rule) -> Rule:
        return replace(rule, action=Action.KEEP) if rule.action in disabled else rule

    return replace(
        plan,
        digest=hashlib.sha256(f"{plan.digest} {sorted(disabled)}".encode()).hexdigest(),
        by_tag={tag: kept(rule) for tag, rule in plan.by_tag.items()},
        by_mask=tuple((mask, value, kept(rule)) for mask, value, rule in plan.by_mask),
        by_vr={vr: kept(rule) for vr, rule in plan.by_vr.items()},
        other_private=kept(plan.other_private),
        unknown=kept(plan.unknown),
    )


BASIC = plan_of()
WITH_OPTIONS = plan_of(
    Option.RETAIN_PATIENT_CHARACTERISTICS,
    Option.RETAIN_DEVICE_IDENTITY,
    Option.RETAIN_INSTITUTION_IDENTITY,
    DATES,
)
