"""From a row of the ledger to the record in the spool that it was made from."""

from __future__ import annotations

from causeway.ledger import InstanceRow
from causeway.values import Caller, Receipt, Record


def receipt_of(instance: InstanceRow) -> Receipt:
    """The receipt that the ledger's row was made from."""
    return Receipt(
        caller=Caller(
            source=instance.source,
            calling_ae=instance.calling_ae,
            called_ae=instance.called_ae,
            address=instance.peer_address,
            association=instance.association,
            certificate=instance.certificate,
        ),
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
        received_at=instance.received_at,
        move_originator=instance.move_originator,
    )


def record_of(instance: InstanceRow) -> Record:
    """The instance's record in the spool, with the digest that the ledger knows."""
    return Record(
        receipt=receipt_of(instance),
        address=instance.address,
        size=instance.size,
        digest=instance.digest,
        end=0,
    )
