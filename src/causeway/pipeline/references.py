"""Which series and instances the sequences of a data set refer to, at any depth.

Only two attributes matter inside a sequence: (0020,000E) and (0008,1155). Their four bytes are
looked for first, at the speed of a memory search; a container of known length in which they do not
stand is stepped over whole. What is left is walked element by element, so that four bytes inside a
value are never taken for an attribute.

Sans-IO like ``elements``, and more lenient: a container of known length whose inside makes no sense
costs nothing but what it refers to, since the data set goes on behind it. One of undefined length
that has no end is a ``BadDataSet``.
"""

from __future__ import annotations

import contextlib
import re
from typing import Final, Literal

from causeway.errors import BadDataSet
from causeway.pipeline.elements import (
    DEPTH_LIMIT,
    EXPLICIT_BIG,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Dialect,
    Nested,
    odd_vr,
)

SERIES_INSTANCE_UID: Final = 0x0020000E
REFERENCED_SOP_INSTANCE_UID: Final = 0x00081155

SERIES_LIMIT: Final = 256
INSTANCE_LIMIT: Final = 1024
"""Most that are kept; a report on a study of 20,000 images is not about each of them here."""

_UID_BYTES: Final = 66
"""64 characters and padding."""
_PADDING: Final = b" \0"
_UID: Final = re.compile(rb"[0-9]+(?:\.[0-9]+)*")

_NOWHERE: Final = 1 << 62
"""The end of a container that must say itself where it ends."""


class References:
    """One or several sequences, walked one after another."""

    def __init__(self, *, instances: bool = True) -> None:
        self._series: dict[bytes, None] = {}
        self._instances: dict[bytes, None] | None = {} if instances else None
        self._at = 0
        self._stack: list[tuple[int, int, Dialect]] = []
        """Of the open containers: where each ends if it says so (else -1), where it must end
        because of one around it, and how it is written. Sequences and items alternate: an odd
        number means that the innermost is a sequence."""

    @property
    def series(self) -> tuple[str, ...]:
        """In the order in which they came."""
        return tuple(uid.decode("ascii") for uid in self._series)

    @property
    def instances(self) -> tuple[str, ...]:
        """In the order in which they came."""
        return tuple(uid.decode("ascii") for uid in self._instances or ())

    @property
    def open(self) -> bool:
        """The sequence has not ended."""
        return bool(self._stack)

    def enter(self, dialect: Dialect, at: int, length: int) -> None:
        """A sequence begins: its first item is at offset ``at``."""
        self._at = at
        end = -1 if length == UNDEFINED else at + length
        self._stack = [(end, _NOWHERE if end < 0 else end, dialect)]

    def feed(self, window: bytes, offset: int, *, last: bool) -> int:
        """Walk on in ``window``, the bytes from ``offset`` on; answers where it goes on.

        That is behind the sequence unless it is still ``open``.

        Raises ``BadDataSet`` for a sequence that does not end.
        """
        # The header of an element has at most twelve bytes; four more show whether items follow.
        data = window + bytes(8) if last else window
        limit = len(data) - 16
        position = self._at - offset
        stack = self._stack
        search = _Search(data, position, stack[0][2], self._series, self._instances)
        while stack:
            if position >= stack[-1][1] - offset:
                position = self._leave() - offset
            elif position <= limit:
                before = position
                walk = self._items if len(stack) % 2 else self._elements
                position = walk(data, offset, position, search)
                if position == before:
                    break
            elif not last:
                break
            elif stack[-1][1] == _NOWHERE:
                raise BadDataSet(
                    f"ends at offset {offset + len(window)} inside a sequence that is still open"
                )
            else:
                position = self._leave() - offset
        self._at = offset + position
        return self._at

    def _items(self, data: bytes, offset: int, position: int, search: _Search) -> int:
        """What comes next in a sequence: items, up to one that is to be entered or the end."""
        end, bound, dialect = self._stack[-1]
        unpack, item = dialect.item_header.unpack_from, dialect.item
        stop = min(bound - offset, len(data) - 15)
        while position < stop:
            raw, length = unpack(data, position)
            value = position + 8
            if raw == item:
                if length == UNDEFINED:
                    return self._enter((-1, bound, dialect), offset + value) - offset
                if search.may_stand(value, value + length):
                    end = min(offset + value + length, bound)
                    return self._enter((end, end, dialect), offset + value) - offset
                position = value + length
            elif raw == dialect.sequence_end and end < 0:
                self._stack.pop()
                return value
            else:
                return self._lost(offset + position) - offset
        return position

    def _elements(self, data: bytes, offset: int, position: int, search: _Search) -> int:
        """What comes next in an item: elements, up to a sequence that is to be entered or the end.

        Answers the same position where the window ends inside a value that is wanted.
        """
        stack = self._stack
        end, bound, dialect = stack[-1]
        stop = min(bound - offset, len(data) - 15)
        implicit, short, long = dialect.implicit, dialect.short, dialect.long
        unpack, unpack_tail = dialect.header.unpack_from, dialect.tail.unpack_from
        references, un, sq = dialect.references, dialect.un, dialect.sq
        inner = dialect if implicit else IMPLICIT_LITTLE
        vr = 0
        while position < stop:
            if implicit:
                raw, length = unpack(data, position)
                value = position + 8
                known = raw not in dialect.delimiters
            else:
                raw, vr, length = unpack(data, position)
                value = position + 8
                known = vr in short
                if not known and vr in long:
                    (length,) = unpack_tail(data, position + 8)
                    value = position + 12
                    known = True
            if not known:
                if raw == dialect.item_end and end < 0:
                    stack.pop()
                    position = self._between(data, position + 8, stop)
                    if not len(stack) % 2 and stack and stack[-1][2] is dialect:
                        end = stack[-1][0]
                        continue
                    return position
                if raw in dialect.delimiters:
                    return self._lost(offset + position) - offset
                value, length = odd_vr(data, position, offset, dialect)
            if raw in references and length <= _UID_BYTES:
                if value + length > len(data):
                    return position
                if value + length <= bound - offset:
                    self._take(dialect.swapped(raw), data[value : value + length])
            elif length == UNDEFINED:
                # PS3.5 6.2.2 note 4: UN is a sequence in implicit VR little endian.
                written, depth = inner if vr == un else dialect, len(stack)
                position = self._enter((-1, bound, written), offset + value) - offset
                if len(stack) <= depth or written is not dialect:
                    return position
                position = self._between(data, position, stop)
                if len(stack) % 2:
                    return position
                end = stack[-1][0]
                continue
            elif (
                vr == sq or ((implicit or vr == un) and data[value : value + 4] == inner.item_bytes)
            ) and search.may_stand(value, value + length):
                inner_end = min(offset + value + length, bound)
                written = inner if vr == un else dialect
                return self._enter((inner_end, inner_end, written), offset + value) - offset
            position = value + length
        return position

    def _between(self, data: bytes, position: int, stop: int) -> int:
        """The usual between items of undefined length, so that the loop need not be left for it.

        Where one begins or the sequence ends, that is done; anything else is for ``_items``.
        """
        if position < stop:
            end, bound, dialect = self._stack[-1]
            raw, length = dialect.item_header.unpack_from(data, position)
            if raw == dialect.sequence_end and end < 0:
                self._stack.pop()
                return position + 8
            if raw == dialect.item and length == UNDEFINED and len(self._stack) < 2 * DEPTH_LIMIT:
                self._stack.append((-1, bound, dialect))
                return position + 8
        return position

    def _take(self, tag: int, raw: bytes) -> None:
        raw = raw.strip(_PADDING)
        if len(raw) > 64 or not _UID.fullmatch(raw):
            return
        if tag == SERIES_INSTANCE_UID:
            if len(self._series) < SERIES_LIMIT:
                self._series[raw] = None
        elif self._instances is not None and len(self._instances) < INSTANCE_LIMIT:
            self._instances[raw] = None

    def _enter(self, container: tuple[int, int, Dialect], at: int) -> int:
        """A sequence or an item begins, unless it is too deep inside others."""
        if len(self._stack) >= 2 * DEPTH_LIMIT:
            return self._lost(at) if container[0] < 0 else container[0]
        self._stack.append(container)
        return at

    def _leave(self) -> int:
        """Everything ends that is inside the innermost container of known length, and that too."""
        while (end := self._stack.pop()[0]) < 0:
            pass
        return end

    def _lost(self, at: int) -> int:
        """What stands here makes no sense."""
        if self._stack[-1][1] == _NOWHERE:
            raise BadDataSet(f"what is at offset {at} cannot be inside a sequence")
        return self._leave()


class _Search:
    """Where in a window the wanted attributes could stand and name something new.

    Each byte is looked at once, and of a UID that is known already every occurrence once more: an
    object of a thousand frames refers to the same few images in each.
    """

    __slots__ = ("_at", "_data", "_known", "_patterns")

    def __init__(
        self,
        data: bytes,
        start: int,
        dialect: Dialect,
        series: dict[bytes, None],
        instances: dict[bytes, None] | None,
    ) -> None:
        self._data = data
        patterns = _BIG if dialect is EXPLICIT_BIG else _LITTLE
        self._patterns = patterns if instances is not None else patterns[::2]
        self._known = (series, instances) if instances is not None else (series,)
        self._at = [start - 1] * len(self._patterns)

    def may_stand(self, start: int, end: int) -> bool:
        """Whether one of them may be in this range; starts never go back."""
        if end > len(self._data) - 3:
            return True
        for number, at in enumerate(self._at):
            if at < start:
                at = self._at[number] = self._next(number, start)
            if at < end:
                return True
        return False

    def _next(self, number: int, start: int) -> int:
        data, pattern = self._data, self._patterns[number]
        known = self._known[number % len(self._known)]
        while (found := pattern.search(data, start)) is not None:
            at = found.start()
            value = at + 8
            if data[at + 4 : at + 6] == b"UI":
                order: Literal["big", "little"] = "big" if data[at] == 0 else "little"
                stop = value + int.from_bytes(data[at + 6 : value], order)
            else:
                stop = value + int.from_bytes(data[at + 4 : value], "little")
            if stop > value + _UID_BYTES or data[value:stop].strip(_PADDING) not in known:
                return at
            start = at + 4
        return len(data)


def may_refer(data: bytes, start: int, end: int, dialect: Dialect) -> bool:
    """Whether one of the attributes can stand in this range; cheap."""
    patterns = _BIG if dialect is EXPLICIT_BIG else _LITTLE
    return any(pattern.search(data, start, end) for pattern in patterns)


def series_in(found: Nested, dialect: Dialect) -> tuple[str, ...]:
    """Series that the kept beginning of a sequence refers to; never raises."""
    inner = IMPLICIT_LITTLE if found.unknown else dialect
    references = References(instances=False)
    references.enter(inner, 0, found.length)
    # One of undefined length may go on behind what was kept.
    with contextlib.suppress(BadDataSet):
        references.feed(found.data, 0, last=True)
    return references.series


# (0020,000E) and (0008,1155), each in the orders in which it can stand. A regular expression of
# nothing but a literal finds it twice as fast as bytes.find does.
_LITTLE: Final = (re.compile(rb"\x20\x00\x0e\x00"), re.compile(rb"\x08\x00\x55\x11"))
_BIG: Final = (re.compile(rb"\x00\x20\x00\x0e"), re.compile(rb"\x00\x08\x11\x55"), *_LITTLE)
