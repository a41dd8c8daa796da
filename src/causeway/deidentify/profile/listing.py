"""A plan for people: what is done to what, in words, and what two plans do otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from causeway.attributes import name_of
from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action, Plan, Rule
from causeway.deidentify.profile.actions import word_of
from causeway.deidentify.profile.conformance import looked_up
from causeway.deidentify.profile.edits import Rewritten, ShiftedBy
from causeway.deidentify.profile.selectors import ByCreator, ByMask, ByPath
from causeway.deidentify.standard import rows

EVERYTHING_PRIVATE = "other private attributes"
EVERYTHING_UNKNOWN = "other attributes that PS3.6 does not list"
EVERYTHING_ELSE = "all other attributes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One rule of a plan."""

    tag: str
    """``(0010,0010)``; empty where it is not about one attribute."""
    attribute: str
    action: str
    """In words, with its parameters."""
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Differing:
    """What two plans do to the same."""

    tag: str
    attribute: str
    one: str
    other: str


def listing(plan: Plan) -> list[Listed]:
    """Every rule; the most specific ones of each kind in the order of tags."""
    return list(_listed(plan).values())


def differences(one: Plan, other: Plan) -> list[Differing]:
    """Where they do not do the same, whoever says so."""
    first, second = _listed(one), _listed(other)
    found = []
    for key in [*first, *(key for key in second if key not in first)]:
        a, b = first.get(key), second.get(key)
        said_a = a.action if a else _fallback(one, key)
        said_b = b.action if b else _fallback(other, key)
        shown = a or b
        if said_a != said_b and shown is not None:
            found.append(
                Differing(tag=shown.tag, attribute=shown.attribute, one=said_a, other=said_b)
            )
    return found


def words(rule: Rule) -> str:
    """What a rule does: ``remove``, ``replace by "ANON"``, ``X/Z/D, by type``."""
    match rule.action:
        case Action.REPLACE:
            inserted = ", or insert it" if rule.inserts else ""
            return f'replace by "{rule.value}"{inserted}'
        case Action.EDIT if isinstance(rule.edit, ShiftedBy):
            return f"shift by {rule.edit.days} days"
        case Action.EDIT if isinstance(rule.edit, Rewritten):
            made = " or ".join(f'"{each.output}"' for each in rule.edit.rewritings)
            return f"rewrite as {made}, else {rule.edit.otherwise}"
        case action if "/" in action.value:
            return f"{action.value} by type"
    return word_of(rule.action)


Key = tuple[str, ...]


def _listed(plan: Plan) -> Mapping[Key, Listed]:
    names = {row.value: row.name for row in rows() if not row.is_repeating}
    found: dict[Key, Listed] = {}
    for tag, rule in sorted(plan.by_tag.items()):
        number = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
        name = name_of(tag) if dictionary_vr(tag) else names.get(tag, number)
        found["tag", f"{tag:08X}"] = _made(number, name, rule)
    for mask, value, rule in plan.by_mask:
        number = str(ByMask(mask, value))
        found.setdefault(("mask", number), _made(number, "of repeating groups", rule))
    for path, rule in sorted(plan.by_path.items()):
        found["path", str(ByPath(path))] = _made("", str(ByPath(path)), rule)
    for (group, creator, element), rule in sorted(plan.private.items()):
        name = str(ByCreator(group, creator, element))
        found["private", name] = _made("", name, rule)
    for vr, rule in sorted(plan.by_vr.items()):
        found["vr", vr] = _made("", f"others of VR {vr}", rule)
    found["private", "*"] = _made("", EVERYTHING_PRIVATE, plan.other_private)
    found["unknown", "*"] = _made("", EVERYTHING_UNKNOWN, plan.unknown)
    found["other", "*"] = _made("", EVERYTHING_ELSE, plan.other)
    return found


def _made(tag: str, attribute: str, rule: Rule) -> Listed:
    return Listed(tag=tag, attribute=attribute, action=words(rule), origin=rule.origin)


def _fallback(plan: Plan, key: Key) -> str:
    """What a plan does to what it has no rule of its own for."""
    kind, what = key
    if kind == "tag":
        return words(looked_up(plan, int(what, 16)))
    if kind == "private":
        return words(plan.other_private)
    return words(plan.other) if kind == "mask" else "as elsewhere"
