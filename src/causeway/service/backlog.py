"""What has arrived and is not in the ledger yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from causeway.ledger import Ledger
    from causeway.spool import SpoolReader

_ALL_OF_IT: Final = 1 << 62


def oldest_unindexed(ledger: Ledger, spool: SpoolReader) -> float | None:
    """When the oldest object arrived that the ledger does not know yet; None if it knows all.

    The first record behind each container's position says so, and nothing else is read.
    """
    from causeway.errors import SpoolGone
    from causeway.spool import Kind
    from causeway.values import Record

    # Containers first: what is indexed between the two looks is then behind its position.
    containers = [info for info in spool.containers() if info.kind is not Kind.KEPT]
    positions = {each.container: each.offset for each in ledger.positions()}
    oldest: float | None = None
    for info in containers:
        offset = positions.get(info.name, 0)
        if info.kind is Kind.LARGE and offset:
            continue
        try:
            for found in spool.scan(info.name, offset, durable_to=_ALL_OF_IT):
                if isinstance(found, Record):
                    at = found.receipt.received_at
                    oldest = at if oldest is None else min(oldest, at)
                    break
        except SpoolGone:
            continue  # indexed, delivered and recycled since
    return oldest
