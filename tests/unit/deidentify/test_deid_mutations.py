"""A rule that does nothing is noticed, whatever its action: the tests are tested.

Each action has rules in a plan; they are disabled, one by one and all together, and the planted
tokens must say so. A KEEP that removes must be noticed just as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
from deid_parts import EXPLICIT, SUBJECT, source_of
from deid_plans import WITH_OPTIONS, without
from deid_planting import TABLE_SKIPPED, Garden, everything, one, writer_for

from causeway.deidentify.edit.clean import clean
from causeway.deidentify.plan import Action, Plan, Rule
from causeway.deidentify.proof.traces import rule_of
from causeway.deidentify.standard import attribute_type, rows

ADDED = {
    0x00081030: Rule(action=Action.REPLACE, origin="test", value="CONSTANT"),
    0x0008103E: Rule(action=Action.EDIT, origin="test", edit=lambda text: f"{len(text)}"),
    0x00081080: Rule(action=Action.CLEAN, origin="test", edit=lambda text: None),
    0x00101010: Rule(action=Action.AGE, origin="test"),
    0x00080080: Rule(action=Action.EMPTY, origin="test"),
    0x00080050: Rule(action=Action.DUMMY, origin="test"),
}
ALL = replace(
    WITH_OPTIONS,
    by_tag=dict(WITH_OPTIONS.by_tag) | ADDED,
    digest=hashlib.sha256(b"every action").hexdigest(),
)
MOST = 4
"""Rules of each action that are disabled one by one."""


def complaints(expected: Plan, used: Plan) -> list[str]:
    """What the planted tokens say of an object that another plan has cleaned."""
    garden = Garden(expected)
    found = everything(garden, EXPLICIT)
    made = clean(source_of(found), plan=used, subject=SUBJECT, types=attribute_type)
    output = b"".join(made.pieces())
    return garden.leaks(output) + garden.losses(output)


def speaking(action: Action) -> list[int]:
    """Attributes of the table with that action in whose values a token fits."""
    found = []
    for row in rows():
        if row.is_repeating or row.value >> 16 in TABLE_SKIPPED | {0xFFFA, 0xFFFC}:
            continue  # commands, digital signatures and padding go whatever the plan says
        if rule_of(ALL, row.value, "").action is not action:
            continue
        garden = Garden(ALL)
        one(garden, writer_for(EXPLICIT), row.value, "")
        # What a sequence holds goes by its own rules where the sequence stays.
        nested = any("SQ" in where for where in garden.tokens.values())
        if garden.tokens and not (nested and action is not Action.REMOVE):
            found.append(row.value)
    return found


def test_the_plan_as_it_is() -> None:
    assert not complaints(ALL, ALL)


def test_every_action_is_there() -> None:
    actions = {rule.action for rule in ALL.by_tag.values()}
    assert actions | {Action.KEEP} == set(Action)


SPEAKING = sorted(set(Action) - {Action.KEEP, Action.REMOVE_OR_EMPTY_OR_UID})


@pytest.mark.parametrize("action", SPEAKING)
def test_an_action_that_does_nothing(action: Action) -> None:
    assert complaints(ALL, without(ALL, [action]))


def test_the_action_of_two_sequences_that_does_nothing() -> None:
    """X/Z/U*: their items have rules of their own, so no token tells; that they stay does."""
    found = source_of(everything(Garden(ALL), EXPLICIT))
    tags = [tag for tag, rule in ALL.by_tag.items() if rule.action is Action.REMOVE_OR_EMPTY_OR_UID]
    assert len(tags) == 2

    def counted(plan: Plan) -> int:
        made = clean(found, plan=plan, subject=SUBJECT, types=attribute_type)
        return sum(count for rule, count in made.counts.items() if rule.startswith(("X ", "U ")))

    assert counted(ALL) > counted(without(ALL, [Action.REMOVE_OR_EMPTY_OR_UID]))


@pytest.mark.parametrize("action", SPEAKING)
def test_a_rule_that_does_nothing(action: Action) -> None:
    tags = speaking(action)
    assert tags
    for tag in tags[:: max(1, len(tags) // MOST)]:
        rule = replace(ALL.by_tag[tag], action=Action.KEEP)
        assert complaints(ALL, changed(tag, rule)), f"{tag:08X}"


def test_a_keep_that_removes() -> None:
    tags = speaking(Action.KEEP)
    assert len(tags) > MOST
    for tag in tags[:: len(tags) // MOST]:
        rule = replace(ALL.by_tag[tag], action=Action.REMOVE)
        assert complaints(ALL, changed(tag, rule)), f"{tag:08X}"


def test_private_attributes_that_stay() -> None:
    kept = replace(ALL.other_private, action=Action.KEEP)
    digest = hashlib.sha256(b"private stays").hexdigest()
    assert complaints(ALL, replace(ALL, other_private=kept, digest=digest))


def test_unknown_attributes_that_stay() -> None:
    kept = replace(ALL.unknown, action=Action.KEEP)
    digest = hashlib.sha256(b"unknown stays").hexdigest()
    assert complaints(ALL, replace(ALL, unknown=kept, digest=digest))


def test_repeating_groups_that_stay() -> None:
    digest = hashlib.sha256(b"groups stay").hexdigest()
    assert complaints(ALL, replace(ALL, by_mask=(), digest=digest))


def changed(tag: int, rule: Rule) -> Plan:
    digest = hashlib.sha256(f"{tag} {rule.action}".encode()).hexdigest()
    return replace(ALL, by_tag=dict(ALL.by_tag) | {tag: rule}, digest=digest)
