"""What becomes of each attribute: the form in which a profile reaches the editor.

A profile is written by people; a plan is looked up a hundred times for each object. So whatever can
be decided before the first object is decided when the plan is made, and an attribute costs one
look into a dictionary.

Which rule is for an attribute is decided in this order; the first that is there counts:

1. a rule for its path, as deep as it is written (``by_path``);
2. private attributes: a rule for creator and element (``private``), else ``other_private``;
3. a rule for its tag (``by_tag``), at any depth;
4. a rule for its repeating group (``by_mask``);
5. a rule for its value representation (``by_vr``);
6. ``unknown`` for standard attributes that the dictionary does not know, ``other`` for the rest.

Whatever the rule, the items of a sequence that stays are edited as well.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


class Action(enum.StrEnum):
    """What is done; the letters are those of PS3.15 table E.1-1a where it has one.

    The table's combined codes (``X/Z``, ``Z/D``, …) depend on the type that the attribute has in
    the object's IOD, so they are actions of their own, resolved by the editor.
    """

    KEEP = "K"
    REMOVE = "X"
    EMPTY = "Z"
    DUMMY = "D"
    CLEAN = "C"
    UID = "U"
    EMPTY_OR_DUMMY = "Z/D"
    REMOVE_OR_EMPTY = "X/Z"
    REMOVE_OR_DUMMY = "X/D"
    REMOVE_OR_EMPTY_OR_DUMMY = "X/Z/D"
    REMOVE_OR_EMPTY_OR_UID = "X/Z/U*"
    REPLACE = "replace"
    """With ``value``; inserted where it is missing, if ``inserts``."""
    PSEUDONYM = "pseudonym"
    """A keyed token, the same for the same value; for a Patient ID the patient's."""
    SHIFT = "shift"
    """A date or date-time, moved by the patient's days; one that cannot be read goes. A time of day
    stays, and nothing else under its VR."""
    AGE = "age"
    """Kept up to 89 years, 090Y above."""
    EDIT = "edit"
    """``edit`` makes the new value from the old; None removes the attribute."""


Edit = Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is done to one attribute, and who says so."""

    action: Action
    origin: str
    """``Basic Profile``, the option's name, or the place in the profile: shown in reports."""
    value: str = ""
    inserts: bool = False
    vrs: frozenset[str] = frozenset()
    """Of a private attribute: with another VR than these it is not the one that is meant, and
    ``other_private`` counts; empty for any."""
    edit: Edit | None = field(default=None, compare=False)
    left: Action = Action.REMOVE
    """What becomes of the attribute if nothing is left of its value; set by the editor, for an
    attribute that must be there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """An item of De-identification Method Code Sequence (CID 7050)."""

    value: str
    meaning: str


class Temporal(enum.StrEnum):
    """Longitudinal Temporal Information Modified (0028,0303)."""

    REMOVED = "REMOVED"
    UNMODIFIED = "UNMODIFIED"
    MODIFIED = "MODIFIED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A compiled profile."""

    name: str
    digest: str
    """SHA-256 over all that it does, in hex; two plans of one digest give the same bytes."""
    edition: str
    """Of PS3.15, whose table it was made from."""
    codes: tuple[Code, ...]
    temporal: Temporal
    is_conformant: bool
    """Whether it does at least what the Basic Profile and its options ask for."""
    by_tag: Mapping[int, Rule]
    by_mask: tuple[tuple[int, int, Rule], ...] = ()
    """(mask, value, rule): for tags with ``tag & mask == value``, such as overlays 60xx."""
    by_vr: Mapping[str, Rule] = field(default_factory=dict)
    by_path: Mapping[tuple[int, ...], Rule] = field(default_factory=dict)
    """Tags from the outermost sequence to the attribute; 0 stands for any one sequence."""
    private: Mapping[tuple[int, str, int], Rule] = field(default_factory=dict)
    """By (group, creator in lower case without padding, low byte of the element)."""
    other_private: Rule
    unknown: Rule
    other: Rule
    """For standard attributes that nothing else speaks of: keep, or remove in allow-list mode."""
    removes_identity: bool = True
    """Whether the patient's names and IDs go, so that Patient Identity Removed may say YES."""
    keeps_safe_private: bool = False
    """Whether Private Data Element Characteristics Sequence may declare blocks as safe."""

    def keeps_creator(self, group: int, creator: str) -> bool:
        """Whether any element of a private creator's block may stay."""
        name = creator.strip().lower()
        return any(
            key[0] == group and key[1] == name and rule.action is not Action.REMOVE
            for key, rule in self.private.items()
        )
