"""What the status of a C-STORE means for the delivery (PS3.4 table B.2-1, PS3.7 annex C). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from causeway.dimse import Category, CommitmentFailure, Status, StoreStatus, category, describe
from causeway.values import Standing

_FINAL: Final = frozenset(
    {
        Status.NO_SUCH_ATTRIBUTE,
        Status.INVALID_ATTRIBUTE_VALUE,
        Status.DUPLICATE_SOP_INSTANCE,
        Status.INVALID_ARGUMENT_VALUE,
        Status.INVALID_SOP_INSTANCE,
        Status.NO_SUCH_SOP_CLASS,
        Status.CLASS_INSTANCE_CONFLICT,
        Status.MISSING_ATTRIBUTE,
        Status.MISSING_ATTRIBUTE_VALUE,
        Status.REFUSED_SOP_CLASS_NOT_SUPPORTED,
    }
)
"""Of the general codes: those that the same object is answered with again."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A status, as an outcome has it."""

    standing: Standing
    code: str
    why: str


def judge(status: int) -> Judged:
    """SENT for what was stored; a warning keeps its code, since it says that something is other
    than it was sent. What is not known to be final passes.
    """
    kind = category(status)
    code = f"status_{status:04x}"
    if kind is Category.SUCCESS:
        return Judged(Standing.SENT, "", "")
    if kind is Category.WARNING:
        return Judged(
            Standing.SENT, code, f"stored with a warning: {describe(status, StoreStatus)}"
        )
    why = f"the node answered {describe(status, StoreStatus)}"
    # A9xx: data set does not match SOP class; Cxxx: cannot understand.
    final = status in _FINAL or status >> 8 == 0xA9 or status >> 12 == 0xC
    return Judged(Standing.REFUSED if final else Standing.AGAIN, code, why)


def is_full(status: int) -> bool:
    """A7xx: out of resources; 0213 says the same in general."""
    return status >> 8 == 0xA7 or status == Status.RESOURCE_LIMITATION


def judge_failure(reason: int) -> Judged:
    """A Failure Reason of a report on storage commitment (PS3.3 C.14.1.1)."""
    final = reason in (
        CommitmentFailure.CLASS_INSTANCE_CONFLICT,
        CommitmentFailure.REFERENCED_SOP_CLASS_NOT_SUPPORTED,
    )
    return Judged(
        Standing.REFUSED if final else Standing.AGAIN,
        f"commitment_{reason:04x}",
        f"the node does not commit itself: {describe(reason, CommitmentFailure)}",
    )
