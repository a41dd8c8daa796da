"""How much of a value a rule lets through, and whether a profile does what its base asks for."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final

from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.profile.edits import ShiftedBy


class Protection(enum.IntEnum):
    """In the order of what is protected."""

    NOTHING = 0
    """The value stays, or what a profile's own expression makes of it."""
    CLEANED = 1
    """A part of it stays, or something that tells of it: a cleaned text, a moved date."""
    GONE = 2
    """Nothing stays but, at most, which values were the same."""


_BY_ACTION: Final[Mapping[Action, Protection]] = {
    Action.KEEP: Protection.NOTHING,
    Action.EDIT: Protection.NOTHING,
    Action.CLEAN: Protection.CLEANED,
    Action.SHIFT: Protection.CLEANED,
    Action.AGE: Protection.CLEANED,
}


def protection(rule: Rule, vr: str) -> Protection:
    """``vr`` may be empty for an attribute that PS3.6 does not list."""
    if rule.action is Action.EDIT and isinstance(rule.edit, ShiftedBy):
        return Protection.CLEANED
    if rule.action is Action.SHIFT and vr == "TM":
        return Protection.NOTHING
    return _BY_ACTION.get(rule.action, Protection.GONE)
