"""From a row of the ledger to the record in the spool that it was made from."""

from __future__ import annotations

from causeway.ledger import InstanceRow
from causeway.values import Record


def record_of(instance: InstanceRow) -> Record:
    """The instance's record in the spool, with the digest that the ledger knows."""
    return Record(
        receipt=instance.receipt,
        address=instance.address,
        size=instance.size,
        digest=instance.digest,
        end=0,
    )
