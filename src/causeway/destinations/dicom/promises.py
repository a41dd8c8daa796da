"""Storage commitment that was asked for, kept until a report came: a small ledger of transactions.

A transaction is remembered twice, durably, before it is asked for: with the delivery, which of its
instances it is about, so that a later attempt goes on with it; and with the destination, by its
UID, so that a report that comes over another association, at any time, finds where it belongs.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from causeway.destinations.contract import Instance, Memory, Shipment
from causeway.net.commitment import CommitmentReport, CommitmentRequest, Reference

_TRANSACTION: Final = "commitment"
"""With the delivery."""
_REPORT: Final = "commitment/"
"""With the destination; the transaction's UID follows."""
_WAITING: Final = "waiting"

UNMENTIONED: Final = -1
"""In place of a reason: the report says nothing of the object."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What was asked for, of one delivery."""

    uid: str = field(repr=False)
    asked_at: float
    instance_ids: frozenset[int]

    def text(self) -> str:
        return json.dumps(
            {"uid": self.uid, "asked_at": self.asked_at, "of": sorted(self.instance_ids)}
        )

    @classmethod
    def parsed(cls, text: str) -> Transaction:
        said = json.loads(text)
        return cls(uid=said["uid"], asked_at=said["asked_at"], instance_ids=frozenset(said["of"]))

    def covers(self, instances: Iterable[Instance]) -> bool:
        return self.instance_ids.issuperset(each.id for each in instances)


def new_transaction_uid() -> str:
    """Cannot be guessed: whoever knows it may report on it."""
    return f"2.25.{uuid.uuid4().int}"


class Promises:
    """Of one destination. Thread safe as far as its memory is."""

    def __init__(self, memory: Memory, *, new_uid: Callable[[], str] = new_transaction_uid) -> None:
        self._memory = memory
        self._new_uid = new_uid

    def begin(
        self, shipment: Shipment, instances: Iterable[Instance], now: float
    ) -> tuple[Transaction, CommitmentRequest]:
        """A transaction about these, remembered; still to be asked for."""
        some = tuple(instances)
        transaction = Transaction(
            uid=self._new_uid(), asked_at=now, instance_ids=frozenset(each.id for each in some)
        )
        self._memory.replace(_REPORT + transaction.uid, _WAITING)
        shipment.replace(_TRANSACTION, transaction.text())
        references = tuple(Reference(each.sop_class_uid, each.sop_instance_uid) for each in some)
        return transaction, CommitmentRequest(
            transaction_uid=transaction.uid, references=references
        )

    def of(self, shipment: Shipment) -> Transaction | None:
        """The transaction that is under way."""
        text = shipment.recall(_TRANSACTION)
        return None if text is None else Transaction.parsed(text)

    def forget(self, shipment: Shipment, transaction: Transaction) -> None:
        """It is over: told, refused, or given up."""
        shipment.replace(_TRANSACTION, None)
        self._memory.replace(_REPORT + transaction.uid, None)

    def take(self, report: CommitmentReport) -> bool:
        """Keep a report, durably; False if nobody here has asked for it."""
        key = _REPORT + report.transaction_uid
        if self._memory.recall(key) is None:
            return False
        told = {each.sop_instance_uid: 0 for each in report.committed}
        # What is in both lists has failed.
        told |= {each.sop_instance_uid: reason or 0x0110 for each, reason in report.failed}
        self._memory.replace(key, json.dumps(told))
        return True

    def told(self, transaction: Transaction) -> dict[str, int] | None:
        """By SOP Instance UID: 0 for what is safe, else the reason; None before a report came."""
        text = self._memory.recall(_REPORT + transaction.uid)
        if text is None or text == _WAITING:
            return None
        told: dict[str, int] = json.loads(text)
        return told
