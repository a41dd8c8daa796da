"""The life of one received object, and what became of it under each treatment."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.tables import Table


class InstanceState(enum.StrEnum):
    """Of one received object. Before ``indexed`` it is *received*: in the spool, without a row."""

    INDEXED = "indexed"
    CLEANED = "cleaned"
    DELIVERED = "delivered"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"


class CleanedState(enum.StrEnum):
    """Of what became of one instance under one treatment."""

    CLEAN = "clean"
    HELD = "held"
    """Its pixels wait for a rule or a person."""
    DOUBT = "doubt"
    """It could not be said that it is clean."""
    RELEASED = "released"
    """A person has looked; it is to be cleaned by that word."""
    LEFT_OUT = "left out"
    """It does not go where this treatment is asked for."""


INSTANCE_BEGINS: Mapping[InstanceState, str] = {
    InstanceState.INDEXED: "its header is read",
    InstanceState.QUARANTINED: "unreadable, or conflict",
    InstanceState.DUPLICATE: "same object, same bytes",
}

INSTANCE: Table[InstanceState] = {
    InstanceState.INDEXED: {
        InstanceState.CLEANED: "its series is cleaned",
        InstanceState.QUARANTINED: "left out of what is de-identified",
    },
    InstanceState.CLEANED: {
        InstanceState.DELIVERED: "its parcel is verified everywhere",
        InstanceState.INDEXED: "reopened before packaging, or its parcel is withdrawn",
    },
    InstanceState.DELIVERED: {InstanceState.RETIRED: "its bytes have left the spool"},
    InstanceState.RETIRED: {},
    InstanceState.QUARANTINED: {},
    InstanceState.DUPLICATE: {},
    InstanceState.DISCARDED: {},
}

INSTANCE_BY_OPERATOR: Table[InstanceState] = {
    InstanceState.QUARANTINED: {
        InstanceState.INDEXED: "release",
        InstanceState.DUPLICATE: "release, the same having arrived since",
        InstanceState.DISCARDED: "discard",
    },
}

CLEANED_BEGINS: Mapping[CleanedState, str] = {
    CleanedState.CLEAN: "cleaned and proven",
    CleanedState.HELD: "its pixels may not leave yet",
    CleanedState.DOUBT: "it cannot be said that it is clean",
}

_DECIDED_ANEW = "cleaned anew"

CLEANED: Table[CleanedState] = {
    CleanedState.CLEAN: {CleanedState.CLEAN: "made again, with other bytes"},
    CleanedState.HELD: {CleanedState.LEFT_OUT: "policy"},
    CleanedState.DOUBT: {CleanedState.LEFT_OUT: "policy"},
    CleanedState.RELEASED: {
        CleanedState.CLEAN: _DECIDED_ANEW,
        CleanedState.HELD: _DECIDED_ANEW,
        CleanedState.DOUBT: _DECIDED_ANEW,
    },
    CleanedState.LEFT_OUT: {},
}

CLEANED_BY_OPERATOR: Table[CleanedState] = {
    CleanedState.HELD: {
        CleanedState.RELEASED: "release",
        CleanedState.LEFT_OUT: "leave out",
    },
    CleanedState.DOUBT: {
        CleanedState.RELEASED: "release",
        CleanedState.LEFT_OUT: "leave out",
    },
    CleanedState.LEFT_OUT: {CleanedState.RELEASED: "release"},
}

UNDECIDED = (CleanedState.HELD, CleanedState.DOUBT)
"""Of these a person has not said what becomes of them."""

WAITING = (InstanceState.INDEXED, InstanceState.CLEANED)
"""Here, and not delivered yet."""

LIVE = (
    InstanceState.INDEXED,
    InstanceState.CLEANED,
    InstanceState.DELIVERED,
    InstanceState.RETIRED,
)
"""Belongs to its series; the owner of its SOP Instance UID."""
