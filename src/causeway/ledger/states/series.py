"""The life of a series, which is the unit of work.

One that is *held* or *dead* remembers where it was (``resumes_as``); the person's move leads back
there. Arrivals meanwhile change what it resumes as, not that it is held..
"""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.tables import Table, require


class SeriesState(enum.StrEnum):
    """Of a series, the unit of work."""

    OPEN = "open"
    REOPENED = "reopened"
    COMPLETE = "complete"
    ROUTED = "routed"
    CLEANED = "cleaned"
    PACKAGED = "packaged"
    SETTLED = "settled"
    HELD = "held"
    DENIED = "denied"
    DEAD = "dead"


SERIES_BEGINS: Mapping[SeriesState, str] = {SeriesState.OPEN: "first image"}

_LATE = "late arrival"

_GAVE_UP = "gave up"

_SO_FAR = "parcel made of what is there"

SERIES: Table[SeriesState] = {
    SeriesState.OPEN: {
        SeriesState.COMPLETE: "completion",
        SeriesState.PACKAGED: _SO_FAR,
        SeriesState.REOPENED: _SO_FAR,
        SeriesState.DEAD: _GAVE_UP,
    },
    SeriesState.REOPENED: {
        SeriesState.COMPLETE: "completion",
        SeriesState.PACKAGED: _SO_FAR,
        SeriesState.DEAD: _GAVE_UP,
    },
    SeriesState.COMPLETE: {
        SeriesState.ROUTED: "policy",
        SeriesState.HELD: "policy",
        SeriesState.DENIED: "policy",
        SeriesState.DEAD: _GAVE_UP,
        SeriesState.REOPENED: _LATE,
    },
    SeriesState.ROUTED: {
        SeriesState.CLEANED: "de-identification",
        SeriesState.HELD: "de-identification in doubt",
        SeriesState.DENIED: "all of it is left out",
        SeriesState.DEAD: _GAVE_UP,
        SeriesState.REOPENED: _LATE,
    },
    SeriesState.CLEANED: {
        SeriesState.PACKAGED: "parcel made",
        SeriesState.DEAD: _GAVE_UP,
        SeriesState.REOPENED: _LATE,
    },
    SeriesState.PACKAGED: {
        SeriesState.SETTLED: "all verified",
        SeriesState.DEAD: "a delivery is dead",
        SeriesState.REOPENED: _LATE,
    },
    SeriesState.SETTLED: {SeriesState.REOPENED: _LATE},
    SeriesState.HELD: {},
    SeriesState.DENIED: {SeriesState.REOPENED: _LATE},
    SeriesState.DEAD: {SeriesState.REOPENED: _LATE},
}

SERIES_BY_OPERATOR: Table[SeriesState] = {
    SeriesState.OPEN: {SeriesState.HELD: "hold"},
    SeriesState.REOPENED: {SeriesState.HELD: "hold"},
    SeriesState.COMPLETE: {SeriesState.HELD: "hold"},
    SeriesState.ROUTED: {SeriesState.HELD: "hold", SeriesState.COMPLETE: "reroute"},
    SeriesState.CLEANED: {SeriesState.HELD: "hold", SeriesState.COMPLETE: "reroute"},
    SeriesState.PACKAGED: {SeriesState.HELD: "hold", SeriesState.COMPLETE: "reroute"},
    SeriesState.SETTLED: {SeriesState.COMPLETE: "reroute"},
    SeriesState.HELD: {
        SeriesState.OPEN: "release",
        SeriesState.REOPENED: "release or reroute",
        SeriesState.COMPLETE: "release or reroute",
        SeriesState.ROUTED: "release",
        SeriesState.CLEANED: "release",
        SeriesState.PACKAGED: "release",
    },
    SeriesState.DENIED: {SeriesState.COMPLETE: "release or reroute"},
    SeriesState.DEAD: {
        SeriesState.OPEN: "retry",
        SeriesState.REOPENED: "retry",
        SeriesState.COMPLETE: "retry or reroute",
        SeriesState.ROUTED: "retry",
        SeriesState.CLEANED: "retry",
        SeriesState.PACKAGED: "retry",
    },
}

ARRIVING = frozenset({SeriesState.OPEN, SeriesState.REOPENED})
"""Arrivals belong to the normal life of these; in any other state they reopen the series."""

WORKABLE = (
    SeriesState.OPEN,
    SeriesState.REOPENED,
    SeriesState.COMPLETE,
    SeriesState.ROUTED,
    SeriesState.CLEANED,
)
"""A worker can claim a series in these."""

PARKED = frozenset({SeriesState.HELD, SeriesState.DENIED, SeriesState.DEAD})
"""Nothing moves until a person says so, or, for the last two, a late image arrives."""

STOPPED = (SeriesState.HELD, SeriesState.DENIED)
"""No delivery of these is begun, of their earlier parcels neither: a hold is a hold, and what a
later header opts out of must not leave because its hours begin."""

KNOWS_WHERE_TO = (
    SeriesState.ROUTED,
    SeriesState.CLEANED,
    SeriesState.PACKAGED,
    SeriesState.SETTLED,
)
"""It was decided where it goes; a person who says otherwise sends it back to the decision."""


def after_arrival(state: SeriesState) -> SeriesState:
    """The state of a series after one more of its instances has arrived."""
    if state in ARRIVING:
        return state
    require(SERIES, state, SeriesState.REOPENED)
    return SeriesState.REOPENED


def after_delivery(*, dead: int, verified: int, total: int) -> SeriesState:
    """The state of a packaged series, by how its deliveries stand, of all its parcels.

    Those that are withdrawn do not count.
    """
    if dead:
        return SeriesState.DEAD
    return SeriesState.SETTLED if total and verified == total else SeriesState.PACKAGED
