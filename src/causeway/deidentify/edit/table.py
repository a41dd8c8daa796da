"""A plan made ready for one kind of object: what to do, by tag as it stands in the bytes.

PS3.15's combined codes depend on the type that an attribute has in the object's IOD: what must be
there (type 1) gets a dummy, what may be empty (type 2) is emptied, the rest goes. Inside sequences,
and for SOP classes that are not known, the most demanding type is assumed, since an object that
lost what it must have is of no use to anyone.

Some attributes are not up to a plan. Lengths of groups, and what belongs to a file or a message and
not to a data set, go; Specific Character Set stays, without which the rest is not legible.

Entries of ``operations``: a rule; ``None`` for a value that stays as it is; ``SEQUENCE`` for
a sequence that stays and whose items are edited. What is not in it is looked into by ``rule``:
private and repeating groups, unknown tags, values of another VR than PS3.6 says.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from causeway.deidentify.edit.syntax import dictionary_vr, raw_of, vr_code
from causeway.deidentify.plan import Action, Plan, Rule
from causeway.dictionary import DICTIONARY, repeater

AttributeTypes = Callable[[str, int], str]
"""(SOP class UID, tag) → ``1``, ``1C``, ``2``, ``2C`` or ``3`` at the top level of its IOD; empty
for an attribute that the IOD does not have, ``?`` for a SOP class that is not known."""

NESTED: Final = "?"
ANY_SEQUENCE: Final = 0


class Watch(enum.Enum):
    """Entries that are neither a rule nor nothing."""

    SEQUENCE = "sequence"
    CHARSET = "charset"
    """Specific Character Set stays, and says how the level is read."""


SEQUENCE: Final = Watch.SEQUENCE
Operation = Rule | Watch | None

SPECIFIC_CHARACTER_SET: Final = 0x00080005

SOP_CLASS_UID: Final = 0x00080016
SOP_INSTANCE_UID: Final = 0x00080018
_LENGTH_TO_END: Final = 0x00080001
_ALIEN_GROUPS: Final = frozenset({0x0000, 0x0002, 0x0004, 0x0006})

KEEP: Final = Rule(action=Action.KEEP, origin="")
NOT_UP_TO_A_PLAN: Final = frozenset({SPECIFIC_CHARACTER_SET, _LENGTH_TO_END})
ALIEN: Final = Rule(action=Action.REMOVE, origin="not of a data set")

# By the first letter of the type: what each combined code comes to.
_BY_TYPE: Final[Mapping[Action, Mapping[str, Action]]] = {
    Action.EMPTY: {"1": Action.DUMMY},
    Action.EMPTY_OR_DUMMY: {"1": Action.DUMMY, "?": Action.DUMMY},
    Action.REMOVE_OR_EMPTY: {"1": Action.DUMMY, "2": Action.EMPTY, "?": Action.EMPTY},
    Action.REMOVE_OR_DUMMY: {"1": Action.DUMMY, "2": Action.EMPTY, "?": Action.DUMMY},
    Action.REMOVE_OR_EMPTY_OR_DUMMY: {"1": Action.DUMMY, "2": Action.EMPTY, "?": Action.DUMMY},
    Action.REMOVE_OR_EMPTY_OR_UID: {"1": Action.UID, "2": Action.EMPTY, "?": Action.UID},
}
_OTHERWISE: Final[Mapping[Action, Action]] = {
    Action.EMPTY: Action.EMPTY,
    Action.EMPTY_OR_DUMMY: Action.EMPTY,
    Action.REMOVE_OR_EMPTY: Action.REMOVE,
    Action.REMOVE_OR_DUMMY: Action.REMOVE,
    Action.REMOVE_OR_EMPTY_OR_DUMMY: Action.REMOVE,
    Action.REMOVE_OR_EMPTY_OR_UID: Action.REMOVE,
}


# Of whose value nothing may be left: a date that cannot be read, a text without a known word.
_EMPTYING: Final = frozenset({Action.SHIFT, Action.CLEAN, Action.EDIT})
_LEFT: Final[Mapping[str, Action]] = {"1": Action.DUMMY, "2": Action.EMPTY}


def resolved(rule: Rule, attribute_type: str) -> Rule:
    """The rule with its combined code replaced by what the attribute's type makes of it."""
    if rule.action in _EMPTYING and (left := _LEFT.get(attribute_type[:1])) is not None:
        return replace(rule, left=left)
    if rule.action not in _OTHERWISE:
        return rule
    by_type = _BY_TYPE[rule.action]
    action = by_type.get(attribute_type[:1], _OTHERWISE[rule.action])
    return replace(rule, action=action)


def for_sequence(rule: Rule) -> Action:
    """What is done to a sequence: one that nothing can clean goes, as far as its type lets it."""
    return rule.left if rule.action is Action.CLEAN else rule.action


Paths = Mapping[tuple[int, ...], Rule]
"""What is left of the plan's paths at a level, from the tags at that level on."""


class Table:
    """What to do at one level: the top of an object, or the items of a sequence."""

    def __init__(
        self, plan: Plan, type_of: Callable[[int], str], paths: Paths, *, is_top: bool = False
    ) -> None:
        self.plan = plan
        self._type_of = type_of
        self._paths = paths
        self._children: dict[int, Table] = {}
        self._children_of: dict[int, Table] = {}
        self._strict: Table | None = None
        self._here = {path[0]: rule for path, rule in paths.items() if len(path) == 1}
        self.told_vrs = frozenset(vr_code(vr) for vr in plan.by_vr)
        """A value that stays by its tag must not have one of these: its own VR may say otherwise
        than the dictionary's."""
        self.kept_creators = frozenset(
            (group, creator)
            for (group, creator, _), rule in plan.private.items()
            if rule.action is not Action.REMOVE
        )
        uid_rule = plan.by_tag.get(SOP_INSTANCE_UID)
        self.maps_uids = uid_rule is not None and uid_rule.action is Action.UID
        self.named_creators = frozenset((group, creator) for group, creator, _ in plan.private)
        self.named_elements = {
            (group, creator): frozenset(e for g, c, e in plan.private if (g, c) == (group, creator))
            for group, creator in self.named_creators
        }
        """By group and creator: the low bytes of elements that a rule speaks of."""
        self.plain: dict[tuple[int, bytes], bytes] = {}
        """Sequences of these items in which there was nothing to do, as they stand in explicit VR,
        with their delimiter if they have one: by the length that they tell, and how they begin."""
        self.unnamed: set[tuple[int, bytes]] = set()
        """Tags and values of creators that were looked into already, and that no rule names."""
        goes = plan.other_private.action is Action.REMOVE
        self.drops = (
            plan.other_private if goes and not any(tag >> 16 & 1 for tag in self._here) else None
        )
        """The rule for private attributes in blocks of creators that no rule names, if they go."""
        inserted = {**(plan.by_tag if is_top else {}), **self._here}
        self.inserted = tuple(
            (tag, rule)
            for tag, rule in sorted(inserted.items())
            if rule.inserts and tag not in NOT_UP_TO_A_PLAN
        )
        """What is put in where it is missing, by tag."""
        self.operations: dict[int, Operation] = _operations(self)

    def child(self, tag: int) -> Table:
        """The table for the items of a sequence."""
        found = self._children.get(tag)
        if found is None:
            found = self._children[tag] = self._child(tag)
        return found

    def child_of(self, raw: int) -> Table:
        """As ``child``, by the tag as it stands in the bytes."""
        found = self._children_of.get(raw)
        if found is None:
            found = self._children_of[raw] = self.child(raw_of(raw))
        return found

    def _child(self, tag: int) -> Table:
        if self.plan.digest.endswith(_STRICT) and tag in _CODES_THAT_STAY:
            return nested_table(_strict(self.plan, with_codes=True))
        deeper = {
            path[1:]: rule
            for path, rule in self._paths.items()
            if len(path) > 1 and path[0] in (tag, ANY_SEQUENCE)
        }
        return Table(self.plan, _nested_type, deeper) if deeper else nested_table(self.plan)

    def strict(self) -> Table:
        """The table for the items of a sequence that a dummy shall stand for: UIDs (mapped) and
        numbers stay, so that it is one of its kind, and of codes those that say what an item is
        about; whatever else can be text becomes a dummy.
        """
        if self._strict is None:
            self._strict = nested_table(_strict(self.plan))
        return self._strict

    def rule(self, tag: int, vr: str, creator: str | None = None) -> Rule:
        """The rule for any attribute, in the order that ``plan`` states; for the slow path.

        ``creator`` is the private creator of its block, for a private attribute.
        """
        plan = self.plan
        if tag == SPECIFIC_CHARACTER_SET:
            return KEEP
        if tag & 0xFFFF == 0 or tag >> 16 in _ALIEN_GROUPS or tag == _LENGTH_TO_END:
            return ALIEN
        return resolved(self._rule(plan, tag, vr, creator), self._type_of(tag))

    def _rule(self, plan: Plan, tag: int, vr: str, creator: str | None) -> Rule:
        if (found := self._here.get(tag)) is not None:
            return found
        if tag >> 16 & 1:
            key = (tag >> 16, (creator or "").strip().lower(), tag & 0xFF)
            meant = plan.private.get(key, plan.other_private)
            return plan.other_private if meant.vrs and vr not in meant.vrs else meant
        if (found := plan.by_tag.get(tag)) is not None:
            return found
        for mask, value, rule in plan.by_mask:
            if tag & mask == value:
                return rule
        if (found := plan.by_vr.get(vr)) is not None:
            return found
        if tag in DICTIONARY or repeater(tag):
            return plan.other
        return plan.unknown


def _operations(table: Table) -> dict[int, Operation]:
    found: dict[int, Operation] = {}
    for tag in DICTIONARY:
        if tag >> 16 == 0xFFFE:
            continue
        vr = dictionary_vr(tag)
        rule = table.rule(tag, vr)
        operation: Operation = rule
        if rule.action is Action.KEEP:
            operation = SEQUENCE if vr == "SQ" else None
        if tag == SPECIFIC_CHARACTER_SET:
            operation = Watch.CHARSET
        found[raw_of(tag)] = operation
    return found


# --- sequences that a dummy stands for ------------------------------------------------------------

_DUMMY_INSIDE: Final = Rule(action=Action.DUMMY, origin="dummy sequence")
_STRICT_VRS: Final = "AE AS DA DT LO LT PN SH ST TM UC UN UR UT"
# Code Value, Coding Scheme Designator and Version, Code Meaning (PS3.3 8).
_CODES: Final = (0x00080100, 0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00080120)
# Concept Name, Concept and Measurement Units Code Sequence and Numeric Value Qualifier: without
# them a content item says nothing. Other codes may be those of persons and institutions.
_CODES_THAT_STAY: Final = frozenset({0x0040A043, 0x0040A168, 0x004008EA, 0x0040A301})
_STRICT: Final = "/strict"
_WITH_CODES: Final = "/codes/strict"


def _strict(plan: Plan, *, with_codes: bool = False) -> Plan:
    codes = dict.fromkeys(_CODES, KEEP) if with_codes else {}
    told = {tag: rule for tag, rule in plan.by_tag.items() if rule != KEEP}
    return replace(
        plan,
        digest=plan.digest.partition("/")[0] + (_WITH_CODES if with_codes else _STRICT),
        by_vr=dict.fromkeys(_STRICT_VRS.split(), _DUMMY_INSIDE),
        by_tag=codes | told,
        by_path={},
        private={},
    )


# --- tables are made once -------------------------------------------------------------------------

_TABLES: dict[tuple[str, str | None], Table] = {}
_TABLES_LIMIT: Final = 256


_REFERENCED_STUDY_SEQUENCE: Final = 0x00081110


def _nested_type(tag: int) -> str:
    # Optional in every item that can have it, and not to be empty (PS3.3 table 10-9).
    return "3" if tag == _REFERENCED_STUDY_SEQUENCE else NESTED


def nested_table(plan: Plan) -> Table:
    """The table for items of any sequence, where no path says anything."""
    return _cached(plan, None, lambda: Table(plan, _nested_type, {}))


def table_for(plan: Plan, sop_class_uid: str, types: AttributeTypes) -> Table:
    """The table for the top level of objects of a SOP class."""
    return _cached(
        plan,
        sop_class_uid,
        lambda: Table(plan, lambda tag: types(sop_class_uid, tag), plan.by_path, is_top=True),
    )


def _cached(plan: Plan, name: str | None, make: Callable[[], Table]) -> Table:
    key = (plan.digest, name)
    found = _TABLES.get(key)
    if found is None:
        if len(_TABLES) >= _TABLES_LIMIT:
            _TABLES.clear()
        found = _TABLES[key] = make()
    return found
