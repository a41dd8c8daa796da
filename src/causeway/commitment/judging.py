"""Whether objects are safe: what is known of each in, a reason for each out. Pure.

What is promised is a choice for each source: that the *spool* has it, durable, or that every
destination has *delivered* and verified it. Whoever asks may throw its own copy away when it hears
that an object is safe, so what is in doubt is not.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from causeway.dimse import CommitmentFailure
from causeway.ledger import AskedObject, InstanceState, KnownObject, SeriesState

SAFE = 0
HERE = frozenset(
    {
        InstanceState.INDEXED,
        InstanceState.CLEANED,
        InstanceState.DELIVERED,
        InstanceState.RETIRED,
    }
)
DELIVERED = frozenset({InstanceState.DELIVERED, InstanceState.RETIRED})


class Promise(enum.StrEnum):
    """What it takes to commit ourselves."""

    SPOOL = "spool"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class Decided:
    """A reason for each position; ``SAFE`` where it is."""

    reasons: dict[int, int]


@dataclass(frozen=True, slots=True)
class Undecided:
    """What is still to be waited for, in words."""

    waits_for: str


def judge(
    objects: Sequence[AskedObject], promise: Promise, *, out_of_patience: bool
) -> Decided | Undecided:
    """``out_of_patience`` refuses what is not delivered by now."""
    reasons: dict[int, int] = {}
    undecided = 0
    for each in objects:
        reason = _reason(each, promise)
        if reason is None and out_of_patience:
            reason = CommitmentFailure.PROCESSING_FAILURE
        if reason is None:
            undecided += 1
        else:
            reasons[each.position] = int(reason)
    if undecided:
        return Undecided(f"{undecided} of {len(objects)} objects that are still to be delivered")
    return Decided(reasons)


def _reason(asked: AskedObject, promise: Promise) -> int | None:
    """None while it may still be delivered."""
    if not asked.known:
        return CommitmentFailure.NO_SUCH_OBJECT_INSTANCE
    here = [each for each in asked.known if each.state in HERE]
    if any(each.state is InstanceState.QUARANTINED for each in asked.known) or not here:
        # In quarantine a person decides, who may throw it away; and who has sent two objects under
        # one UID cannot know which of them is meant.
        return CommitmentFailure.PROCESSING_FAILURE
    if any(each.sop_class_uid != asked.sop_class_uid for each in here):
        return CommitmentFailure.CLASS_INSTANCE_CONFLICT
    if promise is Promise.SPOOL:
        return SAFE
    return _delivered(here)


def _delivered(here: Sequence[KnownObject]) -> int | None:
    left = [each for each in here if each.state not in DELIVERED]
    if not left:
        return SAFE
    if any(each.series_state is SeriesState.DENIED for each in left):
        return CommitmentFailure.PROCESSING_FAILURE  # by the rules it goes nowhere
    return None
