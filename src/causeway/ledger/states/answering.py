"""The lives of what is told to others: calls of triggers, and requests for storage commitment."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.series import _GAVE_UP
from causeway.ledger.states.tables import Table


class CallState(enum.StrEnum):
    """Of what follows a delivery: one firing of a trigger."""

    DUE = "due"
    CALLING = "calling"
    DONE = "done"
    DEAD = "dead"


class CommitmentState(enum.StrEnum):
    """Of a request that we take responsibility for objects (storage commitment)."""

    WAITING = "waiting"
    """Not all that it asks about is decided."""
    REPORTING = "reporting"
    """Decided; the requester is still to hear it."""
    REPORTED = "reported"
    DEAD = "dead"
    DISCARDED = "discarded"


CALL_BEGINS: Mapping[CallState, str] = {CallState.DUE: "its subject is delivered"}

CALL: Table[CallState] = {
    CallState.DUE: {CallState.CALLING: "claimed"},
    CallState.CALLING: {
        CallState.DONE: "taken",
        CallState.DUE: "retry, or lease ended",
        CallState.DEAD: _GAVE_UP,
    },
    CallState.DONE: {},
    CallState.DEAD: {},
}

CALL_BY_OPERATOR: Table[CallState] = {CallState.DEAD: {CallState.DUE: "retry"}}

COMMITMENT_BEGINS: Mapping[CommitmentState, str] = {
    CommitmentState.WAITING: "asked for",
    CommitmentState.REPORTING: "asked for, and refused as a whole",
}

COMMITMENT: Table[CommitmentState] = {
    CommitmentState.WAITING: {CommitmentState.REPORTING: "all is decided"},
    CommitmentState.REPORTING: {
        CommitmentState.REPORTED: "the requester has heard it",
        CommitmentState.DEAD: _GAVE_UP,
        CommitmentState.WAITING: "asked for again",
    },
    CommitmentState.REPORTED: {CommitmentState.WAITING: "asked for again"},
    CommitmentState.DEAD: {CommitmentState.WAITING: "asked for again"},
    CommitmentState.DISCARDED: {CommitmentState.WAITING: "asked for again"},
}

COMMITMENT_BY_OPERATOR: Table[CommitmentState] = {
    CommitmentState.WAITING: {CommitmentState.DISCARDED: "discard"},
    CommitmentState.REPORTING: {CommitmentState.DISCARDED: "discard"},
    CommitmentState.REPORTED: {CommitmentState.WAITING: "retry"},
    CommitmentState.DEAD: {
        CommitmentState.WAITING: "retry",
        CommitmentState.DISCARDED: "discard",
    },
    CommitmentState.DISCARDED: {},
}
