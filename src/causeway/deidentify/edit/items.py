"""Editing the items of sequences in place, at every depth: what no rule touches stays as it stands.

The hot loop steps over an element whose tag has nothing to do with in a quarter of a microsecond,
and over a private one that goes in half of one; that an enhanced MR of 18,000 elements takes
milliseconds depends on it. So it is one loop with a stack of its own. Everything else (a rule,
another VR than the dictionary's, unknown) goes through ``Elements.one``.

Frames say much in the same words: how large pixels are, how the coil was set. A short sequence in
which there was nothing to do, at any depth, is known by its bytes and stepped over as a whole.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Final

from causeway.deidentify.edit.elements import NOT_LISTED, Elements, Header, Parts, Unusual
from causeway.deidentify.edit.output import Output
from causeway.deidentify.edit.private import Blocks
from causeway.deidentify.edit.reading import Level
from causeway.deidentify.edit.syntax import (
    DEPTH_LIMIT,
    HEADER,
    ITEM,
    ITEM_END,
    LENGTH,
    LONG,
    PN,
    SEQUENCE_END,
    SHORT,
    SQ,
    TAG_AND_LENGTH,
    UN,
    UNDEFINED,
    raw_of,
)
from causeway.deidentify.edit.table import SEQUENCE, Table, for_sequence
from causeway.deidentify.edit.values import Edited
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule

_NOTHING: Final[list[tuple[int, Rule]]] = []
_NO_BLOCKS: Final = Blocks()
"""Where nobody asks for the creator of a block."""
_END: Final = 1 << 32
_KNOWN_BYTES: Final = 512
"""Longest sequence that is known again;"""
_KEY_BYTES: Final = 64
"""by so many of its first,"""
_MOST_KNOWN: Final = 4096
"""and how many are, by the table of their items."""


class Items(Elements):
    """Edits what is in ``data``: a block of an object."""

    def sequence(
        self,
        header: Header,
        rule: Rule,
        child: Table | None,
        table: Table,
        level: Level,
        depth: int,
    ) -> tuple[Parts | None, int]:
        """What stands in a sequence's place, if not itself; and where the next element begins.

        ``child`` is what ``entered`` says.
        """
        tag, length = header.tag, header.length
        if child is None:
            after = self.passed(header, table, level, depth)
            if for_sequence(rule) is Action.EMPTY:
                return [self.writer.header_of(header.raw, header.code, 0)], after
            return [], after
        path = self.context.edited.path
        path += (tag, -1)
        made, after = self.content(header, child, level, depth)
        del path[-2:]
        if made is None:
            return None, after
        if length == UNDEFINED:
            start = header.value - (8 if self.implicit else 12)
            return [self.view[start : header.value], *made], after
        return [self.writer.header_of(header.raw, header.code, sum(map(len, made))), *made], after

    def entered(self, header: Header, rule: Rule, table: Table) -> Table | None:
        """The table for the items of a sequence; None for one that goes."""
        action = for_sequence(rule)
        if action is not Action.KEEP:
            self.context.edited.count(header.tag, rule)
        if action in (Action.KEEP, Action.UID):
            return table.child(header.tag)
        if action is Action.DUMMY:
            return table.strict()
        if action in (Action.REMOVE, Action.EMPTY):
            return None
        raise Doubt("rule", f"{rule.origin}: {action.value} cannot be done to a sequence")

    def passed(self, header: Header, table: Table, level: Level, depth: int) -> int:
        """Where a sequence ends that goes; names in a standard one are taken, if legible."""
        context, value, length = self.context, header.value, header.length
        if header.tag >> 16 & 1 and length != UNDEFINED:
            return value + length
        edited = context.edited
        context.edited = Edited(taken=edited.taken, path=[header.tag, -1])
        try:
            return self.content(header, table.child(header.tag), level, depth)[1]
        except (Doubt, Unusual):
            if length == UNDEFINED:
                raise
            return value + length
        finally:
            context.edited = edited

    def content(
        self, header: Header, child: Table, level: Level, depth: int
    ) -> tuple[Parts | None, int]:
        """The items of a sequence, edited; and where it ends.

        PS3.5 6.2.2: in a value of VR UN they have implicit VR. Some write them in explicit VR
        nevertheless; what can be read both ways cannot be judged.
        """
        value = header.value
        end = -1 if header.length == UNDEFINED else value + header.length
        if self.implicit or header.code != UN:
            return self.items(value, end, child, level, depth)
        context, edited = self.context, self.context.edited
        found: list[tuple[Parts | None, int]] = []
        doubts: list[Exception] = []
        best = edited
        for implicit in (True, False):
            attempt = context.edited = edited.branch()
            way = Items(self.data, context, implicit=implicit)
            try:
                found.append(way.items(value, end, child, level, depth))
                best = attempt
            except (Doubt, Unusual) as doubt:
                doubts.append(doubt)
            finally:
                context.edited = edited
        if not found:
            raise doubts[0]
        if len(found) == 2 and found[0] != found[1]:
            raise Doubt("structure", "a sequence of VR UN can be read in two ways")
        edited.adopt(best)
        return found[0]

    def items(
        self,
        position: int,
        end: int,
        child: Table,
        level: Level,
        depth: int,
        *,
        single: bool = False,
    ) -> tuple[Parts | None, int]:
        """Items from ``position`` to ``end``, or to the sequence's delimiter if that is negative;
        of ``single`` items the first. Their parts, or None if nothing changed; where they end.
        """
        try:
            return self._items(position, end, child, level, depth, single=single)
        except struct.error:
            raise self.runs_out(len(self.data) + 1) from None

    def _items(
        self, position: int, end: int, child: Table, level: Level, depth: int, *, single: bool
    ) -> tuple[Parts | None, int]:
        data, size, implicit = self.data, len(self.data), self.implicit
        unpack, unpack_length = HEADER.unpack_from, LENGTH.unpack_from
        unpack_implicit = TAG_AND_LENGTH.unpack_from
        if end > size:
            raise self.runs_out(end)
        if level.is_top:
            level = replace(level, is_top=False)
        outer = level  # that of the sequence whose items are next
        edited = self.context.edited
        path, dropped = edited.path, 0
        touched = begin = 0  # how often more was done than stepping over; where the sequence began
        # Private elements that no rule names are dropped without being looked into.
        may_drop = not self.context.safe and edited.changes is None
        output = Output(self.view, position)
        stack: list[
            tuple[int, Table, Level, int, int, Level, Blocks, list[tuple[int, Rule]], int, int]
        ] = []
        item_end = limit = -1
        blocks, missing = _NO_BLOCKS, _NOTHING
        while True:
            # At the end of the sequence what is around it goes on; otherwise an item begins.
            raw, length = (SEQUENCE_END, 0) if position == end else unpack_implicit(data, position)
            if raw == ITEM:
                position += 8
                if length == UNDEFINED:
                    item_end, limit = -1, size
                else:
                    item_end = limit = position + length
                    if limit > (size if end < 0 else end):
                        raise self.runs_out(limit, inside=end >= 0)
                    output.open(position - 4)
                level = outer
                blocks = (
                    _NO_BLOCKS
                    if child.drops and not child.named_creators and may_drop
                    else Blocks()
                )
                missing = list(child.inserted) if child.inserted else _NOTHING
                path[-1] += 1
            elif raw == SEQUENCE_END and length == 0 and (end < 0 or position == end):
                if end < 0:
                    position += 8
                if not stack:
                    break
                inside, content = child, begin
                told_length = UNDEFINED if end < 0 else end - begin
                if end >= 0:
                    output.close(position)
                (
                    end, child, outer, item_end, limit, level, blocks, missing, before, begin
                ) = stack.pop()  # fmt: skip
                if (
                    touched == before
                    and position - content <= _KNOWN_BYTES
                    and not implicit
                    and len(inside.plain) < _MOST_KNOWN
                ):
                    key = told_length, data[content : content + _KEY_BYTES]
                    inside.plain[key] = data[content:position]
                del path[-2:]
            else:
                raise Doubt("structure", f"no item at offset {position} of a sequence")

            table, operations, told = child, child.operations, child.told_vrs
            drops, named = child.drops if may_drop else None, blocks.named
            first = 0x100 if child.named_creators else 1  # of what is no creator to look at
            code = 0
            while position < limit:
                inner = None
                if implicit:
                    raw, length = unpack_implicit(data, position)
                    operation = operations.get(raw, NOT_LISTED)
                    if operation is None and length != UNDEFINED and not missing:
                        position += 8 + length
                        continue
                    after = position + 8 + length
                    can_drop = True
                else:
                    raw, code, length = unpack(data, position)
                    operation = operations.get(raw, NOT_LISTED)
                    if operation is None and code not in told and not missing:
                        if code in SHORT:
                            position += 8 + length
                            continue
                        if code in LONG and code != SQ:
                            (length,) = unpack_length(data, position + 8)
                            if length != UNDEFINED:
                                position += 12 + length
                                continue
                    if code in SHORT:
                        after = position + 8 + length
                        can_drop = code != PN
                    elif code in LONG:
                        (length,) = unpack_length(data, position + 8)
                        after = position + 12 + length
                        can_drop = True
                        if operation is SEQUENCE and code == SQ and not missing:
                            inner = table.child_of(raw)
                            value = position + 12
                            known = inner.plain.get((length, data[value : value + _KEY_BYTES]))
                            if (
                                known is not None
                                and data.startswith(known, value)
                                and value + len(known) <= limit
                            ):
                                position = value + len(known)
                                continue
                    else:
                        can_drop = False
                if raw & 1 and drops is not None and can_drop and after <= limit:
                    element = raw >> 16
                    if element >= first:
                        told_of = named.get(element >> 8 << 16 | raw & 0xFFFF, ()) if named else ()
                        can_drop = element & 0xFF not in told_of
                    else:
                        can_drop = (
                            raw not in named
                            and (raw, data[after - length : after]) in table.unnamed
                        )
                        if can_drop:
                            blocks.unnamed.add(raw)
                    if can_drop:
                        touched += 1
                        dropped += 1
                        if output.copied == position:
                            output.copied = after
                        else:
                            output.replace(position, (), after)
                        position = after
                        continue
                if inner is None:
                    if raw == ITEM_END and item_end < 0:
                        break
                    touched += 1
                    if missing and (new := self.missing(missing, raw_of(raw), level)):
                        output.replace(position, new, position)
                    header = self.header(position)
                    made, after, level, rule = self.one(header, operation, table, level, blocks)
                    if rule is not None:
                        value, length = header.value, header.length
                        inner = self.entered(header, rule, table)
                        if inner is None or not (implicit or header.code == SQ):
                            made, after = self.sequence(
                                header, rule, inner, table, level, depth + len(stack) + 1
                            )
                            inner = None
                    if inner is None:
                        if made is not None:
                            output.replace(position, made, after)
                        position = after
                        continue
                stack.append(
                    (end, child, outer, item_end, limit, level, blocks, missing, touched, begin)
                )
                if depth + len(stack) >= DEPTH_LIMIT:
                    raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
                position, child, outer, end, begin = value, inner, level, -1, value
                if length != UNDEFINED:
                    end = value + length
                    if end > limit:
                        raise self.runs_out(end, inside=item_end >= 0)
                    output.open(value - 4)
                path += (raw_of(raw), -1)
                break
            else:
                inner = None
                if item_end < 0:
                    raise self.runs_out(size + 1)
            if inner is not None:
                continue  # with the items of the sequence that has just begun
            if missing and (new := self.missing(missing, _END, level)):
                touched += 1
                output.replace(position, new, position)
            if item_end < 0:
                if code or length:
                    raise Doubt("structure", f"no delimiter at offset {position}")
                position += 8
            elif position != item_end:
                raise self.runs_out(position, inside=True)
            else:
                output.close(position)
            if single and not stack:
                break
        if dropped:
            edited.count_several(child.plan.other_private, dropped)
        return output.finish(position), position
