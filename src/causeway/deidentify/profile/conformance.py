"""Whether a compiled profile does at least what PS3.15 asks of its options, and where not.

Decided by looking at the result, not at what the profile says of itself: each row of the table is
looked up in the plan as the editor will look it up, and so is every path and private attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from causeway.attributes import name_of, tag_of
from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action, Plan, Rule, Temporal
from causeway.deidentify.profile.base import rule_of
from causeway.deidentify.profile.model import Ages, Profile
from causeway.deidentify.profile.protection import Protection, protection
from causeway.deidentify.profile.selectors import ByCreator, ByMask, ByPath
from causeway.deidentify.standard import Option, rows

_DATES = (0x00080020, 0x00080021, 0x00080022, 0x00080023, 0x0008002A, 0x00080012)
"""Study, Series, Acquisition, Content Date, Acquisition DateTime, Instance Creation Date."""

_WHO: Final = tuple(
    map(
        tag_of,
        (
            "PatientName",
            "PatientID",
            "OtherPatientIDs",
            "OtherPatientIDsSequence",
            "OtherPatientNames",
            "PatientBirthName",
            "PatientMotherBirthName",
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weakness:
    """A rule that protects less than is asked for."""

    attribute: str
    done: Rule
    asked: Rule


def looked_up(plan: Plan, tag: int) -> Rule:
    """The rule for an attribute that is not private, where no path speaks of it."""
    if tag in plan.by_tag:
        return plan.by_tag[tag]
    for mask, value, rule in plan.by_mask:
        if tag & mask == value:
            return rule
    vr = dictionary_vr(tag)
    return plan.by_vr.get(vr) or (plan.other if vr else plan.unknown)


def weaknesses(plan: Plan, profile: Profile) -> Iterator[Weakness]:
    """Each rule that lets more through than the Basic Profile with the profile's options."""
    asked: dict[int, Rule] = {}
    # Capping ages is ours: the standard's option keeps them.
    standard = replace(profile, ages=Ages.KEPT)
    for row in rows():
        rule = rule_of(row, standard)
        if not row.is_repeating:
            asked[row.value] = rule
            yield from _weaker(name_of(row.value), looked_up(plan, row.value), rule, row.value)
            continue
        for tag, done in _of_repeating(plan, row.mask, row.value):
            yield from _weaker(str(ByMask(row.mask, row.value)), done, rule, tag)
    for path, done in plan.by_path.items():
        if path[-1] in asked:
            yield from _weaker(str(ByPath(path)), done, asked[path[-1]], path[-1])
    nothing = Rule(action=Action.REMOVE, origin="Basic Profile")
    for name, done in (("private attributes", plan.other_private), ("unknown", plan.unknown)):
        yield from _weaker(name, done, nothing, 0)
    if Option.RETAIN_SAFE_PRIVATE not in profile.options:
        for (group, creator, element), done in plan.private.items():
            yield from _weaker(str(ByCreator(group, creator, element)), done, nothing, 0)


def _of_repeating(plan: Plan, mask: int, value: int) -> Iterator[tuple[int, Rule]]:
    """What is done to the attributes of a repeating group: by the whole, and where one is named."""
    yield value, looked_up(plan, value)
    for other, told, rule in plan.by_mask:
        if told & mask & other == value & other & mask:
            yield told, rule
    for tag, rule in plan.by_tag.items():
        if tag & mask == value:
            yield tag, rule


def _weaker(name: str, done: Rule, asked: Rule, tag: int) -> Iterator[Weakness]:
    vr = dictionary_vr(tag)
    if protection(done, vr) < protection(asked, vr):
        yield Weakness(attribute=name, done=done, asked=asked)


def temporal_of(plan: Plan) -> Temporal:
    """What became of the dates of the examination, the least protected of them."""
    least = min(protection(looked_up(plan, tag), dictionary_vr(tag)) for tag in _DATES)
    return {
        Protection.NOTHING: Temporal.UNMODIFIED,
        Protection.CLEANED: Temporal.MODIFIED,
        Protection.GONE: Temporal.REMOVED,
    }[least]


def removes_identity(plan: Plan) -> bool:
    """Whether nothing stays of the attributes that name the patient."""
    return all(
        protection(looked_up(plan, tag), dictionary_vr(tag)) is Protection.GONE for tag in _WHO
    )
