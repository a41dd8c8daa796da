"""What was done to each attribute, and who says so: both trees side by side.

What the editor did is what it noted while it did it (``Cleaned.changes``). What it left alone has a
rule as well: the plan is asked as the editor asks it. Of many items of a sequence that are all
treated alike, only the first are listed; one that brings something new always is.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import name_of
from causeway.deidentify.edit.markers import VRS as MARKERS
from causeway.deidentify.edit.private import Blocks, Safe, creator_rule, is_creator, private_rule
from causeway.deidentify.edit.table import ALIEN, SPECIFIC_CHARACTER_SET, Table
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.profile.listing import words
from causeway.dictionary import dictionary_name
from causeway.preview.levels import Node
from causeway.preview.values import shown
from causeway.text import decode

ITEMS_SHOWN: Final = 3
"""Items of a sequence that are listed whether or not they bring something new."""
_CHARACTERISTICS: Final = 0x00080300


class Done(enum.StrEnum):
    """What became of an attribute, for filtering."""

    REMOVED = "removed"
    CHANGED = "changed"
    ADDED = "added"
    KEPT = "kept"


class Source(enum.StrEnum):
    """Who says so."""

    TABLE = "table"
    OPTION = "option"
    PROFILE = "profile"
    PIXELS = "pixels"
    ENGINE = "engine"
    """What no profile decides: markers, lengths of groups, the character set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of the table: an attribute, or the heading of an item."""

    depth: int
    tag: str = ""
    name: str = ""
    """Its keyword,"""
    title: str = ""
    """and its name in PS3.6."""
    vr: str = ""
    before: str = field(default="", repr=False)
    after: str = field(default="", repr=False)
    done: Done = Done.KEPT
    action: str = ""
    """In words."""
    origin: str = ""
    """Who says so, in short,"""
    rule: str = ""
    """and in full."""
    source: Source = Source.ENGINE
    is_private: bool = False
    is_sequence: bool = False
    is_found: bool = False
    """Whether the proof found something there."""
    item: str = ""
    """Of a heading: ``item 3``; or how many more there are."""


Path = tuple[int, ...]
Rules = Mapping[Path, Rule]

_MARKER: Final = Rule(action=Action.REPLACE, origin="marker of de-identification, PS3.15 E.1.1")
_CHARSET: Final = Rule(action=Action.KEEP, origin="needed to read texts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Makes rows of two trees."""

    rules: Rules
    """What was done, by path, as the editor noted it."""
    safe: Safe = field(default_factory=dict)
    found: frozenset[Path] = frozenset()
    """Paths of tags at which the proof found something."""
    pixels: str = ""
    """Who has changed pixels, if somebody has."""
    is_planned: bool = False
    """Whether nothing was done, and rows say what the rules ask for."""
    counts: Counter[Done] = field(default_factory=Counter)
    """Attributes by what became of them, those of items that are not listed included."""

    def rows(self, before: Sequence[Node], after: Sequence[Node], table: Table) -> list[Row]:
        return list(self._level(before, after, table, (), (), None))

    def _level(
        self,
        before: Sequence[Node],
        after: Sequence[Node],
        table: Table,
        path: Path,
        tags: Path,
        above: Rule | None,
    ) -> Iterator[Row]:
        """``above`` is the rule by which all of this level goes."""
        blocks = Blocks()
        for old, new in _side_by_side(before, after):
            node = old or new
            assert node is not None
            rule = above or self._rule(node, old, new, table, path, blocks)
            yield from self._element(old, new, rule, table, path, tags, above)

    def _element(
        self,
        old: Node | None,
        new: Node | None,
        rule: Rule,
        table: Table,
        path: Path,
        tags: Path,
        above: Rule | None,
    ) -> Iterator[Row]:
        node = old or new
        assert node is not None
        here, depth = (*tags, node.tag), len(path) // 2
        done = self._done(old, new, rule)
        items = old.items if old and old.items is not None else None
        new_items = new.items if new and new.items is not None else None
        is_sequence = items is not None or new_items is not None
        self.counts[done] += 1
        yield Row(
            depth=depth,
            tag=f"({node.tag >> 16:04X},{node.tag & 0xFFFF:04X})",
            name=_name(node.tag),
            title=title_of(node.tag),
            vr=node.vr,
            before=_told(old),
            after=self._after(new, done),
            done=done,
            action=_action(rule, done, old, new),
            origin=_origin(rule),
            rule=rule.origin,
            source=_source(rule),
            is_private=bool(node.tag >> 16 & 1),
            is_sequence=is_sequence,
            is_found=here in self.found,
        )
        if not is_sequence:
            return
        gone = rule if new_items is None and not self.is_planned else above
        if self.is_planned and rule.action in (Action.REMOVE, Action.EMPTY):
            gone = rule
        child = table.strict() if rule.action is Action.DUMMY else table.child(node.tag)
        yield from self._items(items or (), new_items or (), child, (*path, node.tag), here, gone)

    def _items(
        self,
        before: Sequence[Sequence[Node]],
        after: Sequence[Sequence[Node]],
        child: Table,
        path: Path,
        tags: Path,
        gone: Rule | None,
    ) -> Iterator[Row]:
        depth = len(path) // 2 + 1
        known: set[tuple[object, ...]] = set()
        alike = 0
        count = max(len(before), len(after))
        for number in range(count):
            old = before[number] if number < len(before) else ()
            new = after[number] if number < len(after) else ()
            rows = list(self._level(old, new, child, (*path, number), tags, gone))
            shapes = {_shape(row) for row in rows}
            if number >= ITEMS_SHOWN and shapes <= known:
                alike += 1
                continue
            known |= shapes
            yield Row(depth=depth, item=f"item {number + 1} of {count}")
            yield from rows
        if alike:
            several = "1 more item" if alike == 1 else f"{alike:,} more items"
            yield Row(depth=depth, item=f"{several}: the same attributes, treated the same way")

    # --- rules ------------------------------------------------------------------------------------

    def _rule(
        self,
        node: Node,
        old: Node | None,
        new: Node | None,
        table: Table,
        path: Path,
        blocks: Blocks,
    ) -> Rule:
        tag = node.tag
        asked = self._asked(node, table, blocks)
        if (noted := self.rules.get((*path, tag))) is not None:
            return noted
        if not path and tag in MARKERS and (old is None or not _same(old, new)):
            return _MARKER
        if tag == SPECIFIC_CHARACTER_SET:
            return _CHARSET
        if self.is_planned or _same(old, new) or node.items is not None:
            return asked
        if old is not None and new is None and asked.action is Action.REMOVE:
            return asked
        if self.pixels:
            return Rule(action=Action.REMOVE if new is None else Action.REPLACE, origin=self.pixels)
        return asked

    def _asked(self, node: Node, table: Table, blocks: Blocks) -> Rule:
        """The rule of the plan, whatever was done."""
        tag = node.tag
        if tag >> 16 & 1 and tag & 0xFFFF:
            if is_creator(tag):
                creator = decode(node.value or b"", node.level.charset)
                try:
                    blocks.reserve(tag, creator, table)
                except Doubt:
                    return table.plan.other_private
                return creator_rule(table, self.safe, tag, creator)
            return private_rule(table, self.safe, tag, node.vr, blocks.creator(tag))[0]
        return table.rule(tag, node.vr)

    def _done(self, old: Node | None, new: Node | None, rule: Rule) -> Done:
        if self.is_planned:
            if rule.action is Action.KEEP or (old is not None and old.items and _enters(rule)):
                return Done.KEPT
            return Done.REMOVED if rule.action is Action.REMOVE else Done.CHANGED
        if old is None:
            return Done.ADDED
        if new is None:
            return Done.REMOVED
        if old.items is not None and new.items is not None:
            emptied = bool(old.items) and not new.items
            changed = emptied or rule.action is Action.DUMMY or rule is _MARKER
            return Done.CHANGED if changed else Done.KEPT
        return Done.KEPT if _same(old, new) else Done.CHANGED

    def _after(self, new: Node | None, done: Done) -> str:
        if self.is_planned:
            return ""
        return "" if done is Done.REMOVED else _told(new)


def _enters(rule: Rule) -> bool:
    return rule.action in (Action.KEEP, Action.UID, Action.DUMMY)


def _side_by_side(
    before: Sequence[Node], after: Sequence[Node]
) -> Iterator[tuple[Node | None, Node | None]]:
    """Elements of one tag together, in the order of tags; of several of one tag in their order."""
    by_tag: dict[int, tuple[list[Node], list[Node]]] = {}
    for side, nodes in enumerate((before, after)):
        for node in nodes:
            by_tag.setdefault(node.tag, ([], []))[side].append(node)
    for tag in sorted(by_tag):
        old, new = by_tag[tag]
        for number in range(max(len(old), len(new))):
            yield (
                old[number] if number < len(old) else None,
                new[number] if number < len(new) else None,
            )


def _same(old: Node | None, new: Node | None) -> bool:
    if old is None or new is None:
        return False
    if old.items is not None or new.items is not None:
        return _plain(old) == _plain(new)
    if old.value is None or new.value is None:
        return old.digest == new.digest
    return old.value == new.value


def _plain(node: Node) -> object:
    if node.items is None:
        return node.tag, node.value, node.digest
    return node.tag, tuple(tuple(map(_plain, item)) for item in node.items)


def _shape(row: Row) -> tuple[object, ...]:
    return row.depth, row.tag, row.done, row.action, row.origin, row.is_found


def _name(tag: int) -> str:
    if is_creator(tag):
        return "private creator"
    if tag >> 16 & 1:
        return "private attribute"
    if tag & 0xFFFF == 0:
        return "group length"
    known = name_of(tag)
    return "not in PS3.6" if known.startswith("(") else known


def title_of(tag: int) -> str:
    """The name of an attribute in PS3.6, or what it is."""
    try:
        return dictionary_name(tag)
    except KeyError:
        return _name(tag)


def _told(node: Node | None) -> str:
    if node is None:
        return ""
    if node.items is not None:
        count = len(node.items)
        return "1 item" if count == 1 else f"{count:,} items"
    return shown(node)


def _action(rule: Rule, done: Done, old: Node | None, new: Node | None) -> str:
    if rule is _MARKER:
        return "put in" if old is None else "say what was done"
    if rule is ALIEN:
        return "remove"
    if done is Done.KEPT and old is not None and new is not None and old.items is None:
        # A dummy may be what stood there, and a text may have only words that stay.
        return words(rule) if rule.action is Action.KEEP else f"{words(rule)}: nothing to change"
    return words(rule)


_OPTIONS: Final = ("Retain", "Clean", "declared safe")
_TABLE: Final = frozenset({"Basic Profile", "beyond the table", "private", "not in PS3.6"})
_ENGINE: Final = frozenset({"", "not of a data set", "private creator", "no rule", "core"})


def _origin(rule: Rule) -> str:
    said = rule.origin.removeprefix("pixels: ").removesuffix(" Option")
    return said.removeprefix("Retain Longitudinal Temporal Information ") or "needed by the rest"


def _source(rule: Rule) -> Source:
    origin = rule.origin
    if rule is _MARKER or rule is _CHARSET or origin in _ENGINE:
        return Source.ENGINE
    if origin in _TABLE or origin == "by value representation":
        return Source.TABLE
    if origin.startswith(_OPTIONS):
        return Source.OPTION
    if origin.startswith("pixels:"):
        return Source.PIXELS
    return Source.PROFILE
