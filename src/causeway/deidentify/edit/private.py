"""Private attributes: who reserved a block, and which of them stay.

A private element means nothing without its creator (PS3.5 7.8.1), and blocks are reserved anew at
each level. One that stays takes its creator with it; all others go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from causeway.deidentify.edit.reading import Element, Level
from causeway.deidentify.edit.syntax import private_vr
from causeway.deidentify.edit.table import Table
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule

CHARACTERISTICS: Final = 0x00080300
"""Private Data Element Characteristics Sequence (PS3.3 C.12.1.1.7)."""
_GROUP: Final = 0x00080301
_CREATOR: Final = 0x00080302
_STATUS: Final = 0x00080303
_NONIDENTIFYING: Final = 0x00080304

_MOST_UNNAMED: Final = 4096

KEPT_CREATOR: Final = Rule(action=Action.KEEP, origin="private creator")
DECLARED_SAFE: Final = Rule(action=Action.KEEP, origin="declared safe by the sender")

Safe = Mapping[tuple[int, str], frozenset[int] | None]
"""By (group, creator in lower case): the low bytes of elements that the sender declares to identify
nobody; None for the whole block."""


def is_creator(tag: int) -> bool:
    return bool(tag >> 16 & 1) and 0x10 <= tag & 0xFFFF <= 0xFF


class Blocks:
    """The private creators of one level."""

    __slots__ = ("_creators", "named", "unnamed")

    def __init__(self) -> None:
        self._creators: dict[tuple[int, int], str] = {}
        self.named: dict[int, frozenset[int]] = {}
        """Blocks of creators that a rule names, the block above the group; and of which of their
        elements rules speak."""

        self.unnamed: set[int] = set()
        """Blocks of others, as far as they were passed over."""

    def reserve(self, tag: int, creator: str, table: Table, value: bytes = b"") -> None:
        """Raises ``Doubt`` if the block is reserved already by somebody else.

        ``value`` is the creator's value, to know it again.
        """
        known = self._creators.setdefault((tag >> 16, tag & 0xFFFF), creator)
        block = (tag & 0xFF) << 16 | tag >> 16
        is_named = (tag >> 16, creator.strip().lower()) in table.named_creators
        if known != creator or (is_named and block in self.unnamed):
            raise Doubt("structure", f"two creators reserve ({tag >> 16:04X},{tag & 0xFFFF:04X})")
        if is_named:
            self.named[block] = table.named_elements[tag >> 16, creator.strip().lower()]
        elif value.isascii() and len(table.unnamed) < _MOST_UNNAMED:
            table.unnamed.add((block, value))

    def creator(self, tag: int) -> str:
        """Empty for an element outside all blocks."""
        return self._creators.get((tag >> 16, (tag & 0xFFFF) >> 8), "")


def creator_rule(table: Table, safe: Safe, tag: int, creator: str) -> Rule:
    """The rule for the element that reserves a block."""
    key = (tag >> 16, creator.strip().lower())
    if key in table.kept_creators or key in safe:
        return KEPT_CREATOR
    return table.plan.other_private


def private_rule(table: Table, safe: Safe, tag: int, vr: str, creator: str) -> tuple[Rule, str]:
    """The rule for a private element, and the VR that its value is read by."""
    rule = table.rule(tag, vr, creator)
    if rule.action is Action.REMOVE and rule is table.plan.other_private:
        key = (tag >> 16, creator.strip().lower())
        elements = safe.get(key, frozenset())
        if elements is None or tag & 0xFF in elements:
            rule = DECLARED_SAFE
    if rule.action is not Action.REMOVE and vr == "UN":
        vr = private_vr(tag, creator)
    if rule.action is Action.KEEP and vr == "UI" and table.maps_uids:
        rule = Rule(action=Action.UID, origin=rule.origin)
    return rule, vr


def declared_safe(items: Iterable[Iterable[Element]], level: Level) -> Safe:
    """What Private Data Element Characteristics Sequence says of the blocks of the object."""
    safe: dict[tuple[int, str], frozenset[int] | None] = {}
    for item in items:
        values = {element.tag: element for element in item}
        group, creator = values.get(_GROUP), values.get(_CREATOR)
        if group is None or creator is None or len(group.value) != 2:
            continue
        key = (level.number(group.value), creator.text(level).lower())
        status = values[_STATUS].text(level) if _STATUS in values else ""
        if status == "SAFE":
            safe[key] = None
        elif status == "MIXED" and _NONIDENTIFYING in values:
            listed = values[_NONIDENTIFYING].value
            numbers = (level.number(listed[at : at + 2]) for at in range(0, len(listed) - 1, 2))
            safe[key] = frozenset(number & 0xFF for number in numbers)
    return safe
