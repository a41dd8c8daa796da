"""Stepping over what needs no thought at the top level. Only for speed.

A CT has some 120 elements at its top level. With half of them nothing is to be done, and most of
the rest go without being read; a loop does that in the time in which one is looked into.
"""

from __future__ import annotations

from typing import Final

from causeway.deidentify.edit.elements import NOT_LISTED, Context
from causeway.deidentify.edit.private import CHARACTERISTICS, Blocks
from causeway.deidentify.edit.syntax import HEADER, LENGTH, LONG, PN, SHORT, SQ, UN
from causeway.deidentify.edit.table import ALIEN, SOP_CLASS_UID, SOP_INSTANCE_UID, Table
from causeway.deidentify.edit.values import IDENTIFYING
from causeway.deidentify.edit.window import Window
from causeway.deidentify.plan import Action, Rule

TOLD: Final = frozenset({SOP_CLASS_UID, SOP_INSTANCE_UID, CHARACTERISTICS})
"""What is read whatever its rule."""


def step_over(
    window: Window, table: Table, context: Context, blocks: Blocks, last: int, stop: int
) -> int:
    """Step over elements in explicit VR that stay as they are, and leave out those that go unread:
    as far as the block reaches, in order behind the tag ``last``, in front of the tag ``stop``.

    The tag of the last of them. What is done is what ``Elements.one`` would do.
    """
    data, base, operations, told = window.items.data, window.base, table.operations, table.told_vrs
    edited, at, end = context.edited, window.at, len(window.items.data) - 12
    drops = table.drops if not context.safe and edited.changes is None else None
    named = blocks.named
    first = 0x100 if table.named_creators else 0  # of what is no creator to look at
    while at <= end:
        raw, code, length = HEADER.unpack_from(data, at)
        tag = (raw & 0xFFFF) << 16 | raw >> 16
        if not last < tag < stop or tag in TOLD:
            break
        if code in SHORT:
            after = at + 8 + length
        elif code in LONG and code != SQ:
            (length,) = LENGTH.unpack_from(data, at + 8)
            after = at + 12 + length
        else:
            break
        if after > len(data):
            break
        operation = operations.get(raw, NOT_LISTED)
        if operation is None and code not in told:
            window.position = base + after
        elif code == PN:
            break  # names are taken
        elif raw & 1 and drops is not None and raw >> 16:
            element = raw >> 16
            if element < first:
                if raw in named or (raw, data[after - length : after]) not in table.unnamed:
                    break
                blocks.unnamed.add(raw)
            elif element & 0xFF in named.get(element >> 8 << 16 | raw & 0xFFFF, ()):
                break
            edited.count_several(drops, 1)
            window.skip_to(base + after)
        elif (
            isinstance(operation, Rule)
            and operation.action is Action.REMOVE
            and operation is not ALIEN
            and code != UN
            and tag not in IDENTIFYING
        ):
            edited.count(tag, operation)
            window.skip_to(base + after)
        else:
            break
        last, at = tag, after
    return last
