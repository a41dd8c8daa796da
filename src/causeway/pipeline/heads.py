"""Heads that indexing has met: a snapshot is taken once for each, not once for each image.

What is kept is bounded by number and by size. It is no truth: a head that was forgotten is taken
again, and whether the ledger has it only the ledger says.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from causeway.attributes import Attributes
from causeway.ledger import Head

HEADS_LIMIT: Final = 512
"""More series than arrive at the same time anywhere."""

SIZE_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of memory, roughly; a usual head has 40 KB of it."""


class Heads:
    """The heads met of late, by their digests. For one thread."""

    def __init__(self, *, limit: int = HEADS_LIMIT, size_limit: int = SIZE_LIMIT) -> None:
        self._heads: OrderedDict[bytes, tuple[Head, int]] = OrderedDict()
        self._limit = limit
        self._size_limit = size_limit
        self._size = 0

    def of(self, digest: bytes, take: Callable[[], Attributes]) -> Head:
        """The head of this digest; ``take`` takes the snapshot of one that is new."""
        found = self._heads.get(digest)
        if found is not None:
            self._heads.move_to_end(digest)
            return found[0]
        head = Head(digest=digest, attributes=take())
        size = weight(head.attributes)
        self._heads[digest] = head, size
        self._size += size
        while len(self._heads) > self._limit or (
            self._size > self._size_limit and len(self._heads) > 1
        ):
            _, (_, freed) = self._heads.popitem(last=False)
            self._size -= freed
        return head

    def __len__(self) -> int:
        return len(self._heads)


def weight(attributes: Attributes) -> int:
    """Bytes of memory, roughly: attributes and values cost some 100 besides their text."""
    values = sum(
        100 + sum(100 + len(each) for each in found) for found in attributes.values.values()
    )
    return values + 150 * (len(attributes.referenced_series) + len(attributes.referenced_instances))
