"""The lives of instance, series, parcel and delivery, and of a series on a node: one table each.

All transitions stand in this file and nowhere else; the diagrams of ``docs/reference/ledger.md``
are drawn from it. A table maps a state to the states that may follow, each with its cause. What the
engine does by itself and what only a person may do are two tables, so that no stage can release
a hold by accident. What is in neither is unexpected: ``require`` raises ``NotAllowed`` and the
transaction that tried is rolled back.

Three things do not fit into tables and are written below them:

- A series that is *held* or *dead* remembers where it was (``resumes_as``); the person's move leads
  back there. Arrivals meanwhile change what it resumes as, not that it is held.
- A *study* has no state of its own. ``study_state`` derives it from its series and an operator's
  hold, so that it cannot disagree with them.
- Where an instance counts in the custody line depends on its series as well: ``disposition``.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from causeway.errors import NotAllowed
from causeway.values import Disposition


class InstanceState(enum.StrEnum):
    """Of one received object. Before ``indexed`` it is *received*: in the spool, without a row."""

    INDEXED = "indexed"
    CLEANED = "cleaned"
    DELIVERED = "delivered"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"


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


class StudyState(enum.StrEnum):
    """Of a study; derived, see ``study_state``."""

    EMPTY = "empty"
    ARRIVING = "arriving"
    ON_ITS_WAY = "on its way"
    SETTLED = "settled"
    HELD = "held"
    DENIED = "denied"
    DEAD = "dead"


class ParcelState(enum.StrEnum):
    """Of what is delivered."""

    MADE = "made"
    SETTLED = "settled"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


class ParcelKind(enum.StrEnum):
    """How a parcel stands to the earlier ones of its series."""

    FIRST = "first"
    AMENDMENT = "amendment"
    """It holds what came after the earlier ones of its key."""
    AGAIN = "again"
    """It holds what was sent before as well; it takes the place of the earlier ones."""


class DeliveryState(enum.StrEnum):
    """Of one parcel on its way to one destination."""

    DUE = "due"
    SENDING = "sending"
    VERIFIED = "verified"
    DEAD = "dead"
    WITHDRAWN = "withdrawn"


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


class NodeSeriesState(enum.StrEnum):
    """Of a series on a node that is queried, as far as it concerns its retrieval."""

    NEW = "new"
    """Seen once."""
    GROWING = "growing"
    """Another number of images than the last time."""
    STABLE = "stable"
    """Seen twice alike; the acquisition delay runs."""
    QUEUED = "queued"
    RETRIEVING = "retrieving"
    RETRIEVED = "retrieved"
    CHANGED = "changed"
    """It was done with, and is another now."""
    VANISHED = "vanished"
    """A query that was answered in full did not have it."""
    REAPPEARED = "reappeared"
    """It was gone for longer than the grace period, or before it was retrieved."""
    SKIPPED = "skipped"
    ABANDONED = "abandoned"


class BreakerState(enum.StrEnum):
    """Of the way to a destination; see ``pipeline.breaker``."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


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


S = TypeVar("S", bound=enum.StrEnum)
Table = Mapping[S, Mapping[S, str]]

# --- the tables ---------------------------------------------------------------------------------

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

PARCEL_BEGINS: Mapping[ParcelState, str] = {ParcelState.MADE: "packaged"}

PARCEL: Table[ParcelState] = {
    ParcelState.MADE: {ParcelState.SETTLED: "verified everywhere"},
    ParcelState.SETTLED: {ParcelState.RETIRED: "its artefact is removed"},
    ParcelState.RETIRED: {},
    ParcelState.WITHDRAWN: {},
}

PARCEL_BY_OPERATOR: Table[ParcelState] = {
    ParcelState.MADE: {ParcelState.WITHDRAWN: "reroute"},
}

DELIVERY_BEGINS: Mapping[DeliveryState, str] = {DeliveryState.DUE: "parcel made"}

DELIVERY: Table[DeliveryState] = {
    DeliveryState.DUE: {DeliveryState.SENDING: "claimed"},
    DeliveryState.SENDING: {
        DeliveryState.VERIFIED: "read back or vouched for",
        DeliveryState.DUE: "wait, retry, or lease ended",
        DeliveryState.DEAD: _GAVE_UP,
    },
    DeliveryState.VERIFIED: {},
    DeliveryState.DEAD: {},
    DeliveryState.WITHDRAWN: {},
}

DELIVERY_BY_OPERATOR: Table[DeliveryState] = {
    DeliveryState.DUE: {DeliveryState.WITHDRAWN: "reroute"},
    DeliveryState.SENDING: {DeliveryState.WITHDRAWN: "reroute"},
    DeliveryState.DEAD: {DeliveryState.DUE: "retry", DeliveryState.WITHDRAWN: "reroute"},
    DeliveryState.VERIFIED: {DeliveryState.DUE: "deliver"},
}

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

NODE_SERIES_BEGINS: Mapping[NodeSeriesState, str] = {
    NodeSeriesState.NEW: "first seen",
    NodeSeriesState.SKIPPED: "there before us",
}

_TWICE = "seen twice alike"
_GONE = "gone from a full answer"
_GREW = "another count"
_DIFFERS = "count or tags differ"

NODE_SERIES: Table[NodeSeriesState] = {
    NodeSeriesState.NEW: {
        NodeSeriesState.STABLE: _TWICE,
        NodeSeriesState.GROWING: _GREW,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.GROWING: {
        NodeSeriesState.STABLE: _TWICE,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.STABLE: {
        NodeSeriesState.QUEUED: "acquisition delay is over",
        NodeSeriesState.SKIPPED: "opted out, empty, or came from us",
        NodeSeriesState.GROWING: _GREW,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.QUEUED: {
        NodeSeriesState.RETRIEVING: "claimed",
        NodeSeriesState.GROWING: _GREW,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.RETRIEVING: {
        NodeSeriesState.RETRIEVED: "all of it is here",
        NodeSeriesState.QUEUED: "failed, incomplete, or interrupted",
        NodeSeriesState.GROWING: "grew meanwhile",
        NodeSeriesState.ABANDONED: "ten failures",
    },
    NodeSeriesState.RETRIEVED: {
        NodeSeriesState.CHANGED: _DIFFERS,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.CHANGED: {
        NodeSeriesState.STABLE: _TWICE,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.VANISHED: {
        NodeSeriesState.RETRIEVED: "back within the grace period",
        NodeSeriesState.SKIPPED: "back within the grace period",
        NodeSeriesState.ABANDONED: "back within the grace period",
        NodeSeriesState.CHANGED: "back, and differs",
        NodeSeriesState.REAPPEARED: "back later, or never retrieved",
    },
    NodeSeriesState.REAPPEARED: {
        NodeSeriesState.STABLE: _TWICE,
        NodeSeriesState.GROWING: _GREW,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.SKIPPED: {
        NodeSeriesState.CHANGED: _DIFFERS,
        NodeSeriesState.VANISHED: _GONE,
    },
    NodeSeriesState.ABANDONED: {
        NodeSeriesState.CHANGED: _DIFFERS,
        NodeSeriesState.VANISHED: _GONE,
    },
}

NODE_SERIES_BY_OPERATOR: Table[NodeSeriesState] = {
    NodeSeriesState.NEW: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.GROWING: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.STABLE: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.QUEUED: {NodeSeriesState.QUEUED: "pull or retry"},
    NodeSeriesState.RETRIEVED: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.CHANGED: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.VANISHED: {
        NodeSeriesState.QUEUED: "pull",
        NodeSeriesState.RETRIEVED: "accept",
    },
    NodeSeriesState.REAPPEARED: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.SKIPPED: {NodeSeriesState.QUEUED: "pull"},
    NodeSeriesState.ABANDONED: {
        NodeSeriesState.QUEUED: "retry or pull",
        NodeSeriesState.RETRIEVED: "accept",
    },
}

# --- sets that other modules speak of -------------------------------------------------------------

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

UNDECIDED = (CleanedState.HELD, CleanedState.DOUBT)
"""Of these a person has not said what becomes of them."""

WAITING = (InstanceState.INDEXED, InstanceState.CLEANED)
"""Here, and not delivered yet."""

KNOWS_WHERE_TO = (
    SeriesState.ROUTED,
    SeriesState.CLEANED,
    SeriesState.PACKAGED,
    SeriesState.SETTLED,
)
"""It was decided where it goes; a person who says otherwise sends it back to the decision."""

GONE_OUT = (ParcelState.SETTLED, ParcelState.RETIRED)
"""Of parcels that every destination has."""

NODE_SERIES_OPEN = (
    NodeSeriesState.NEW,
    NodeSeriesState.GROWING,
    NodeSeriesState.STABLE,
    NodeSeriesState.QUEUED,
    NodeSeriesState.RETRIEVING,
    NodeSeriesState.CHANGED,
    NodeSeriesState.REAPPEARED,
)
"""Looked at in every query, whatever its study's summary says."""

LIVE = (
    InstanceState.INDEXED,
    InstanceState.CLEANED,
    InstanceState.DELIVERED,
    InstanceState.RETIRED,
)
"""Belongs to its series; the owner of its SOP Instance UID."""


# --- what the tables cannot hold ------------------------------------------------------------------


def require(table: Table[S], old: S, new: S, *, by: str = "") -> None:
    """Raise ``NotAllowed`` unless the table leads from ``old`` to ``new``.

    A person's move names its verb: what may be retried into a state may not be released into it.
    """
    cause = table.get(old, {}).get(new)
    if cause is None or (by and by not in cause.split(",")[0].split(" or ")):
        kind = type(old).__name__.removesuffix("State").lower()
        verb = f" by {by}" if by else ""
        raise NotAllowed(f"a {kind} that is {old.value} cannot become {new.value}{verb}")


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


def study_state(states: Mapping[SeriesState, int], *, held: bool) -> StudyState:
    """The state of a study: the first of these that applies, most in need of a person first."""

    def some(*wanted: SeriesState) -> bool:
        return any(states.get(state, 0) for state in wanted)

    if held:
        return StudyState.HELD
    if some(SeriesState.DEAD):
        return StudyState.DEAD
    if some(SeriesState.HELD):
        return StudyState.HELD
    if some(*ARRIVING):
        return StudyState.ARRIVING
    if some(SeriesState.COMPLETE, SeriesState.ROUTED, SeriesState.CLEANED, SeriesState.PACKAGED):
        return StudyState.ON_ITS_WAY
    if some(SeriesState.SETTLED):
        return StudyState.SETTLED
    return StudyState.DENIED if some(SeriesState.DENIED) else StudyState.EMPTY


def disposition(
    instance: InstanceState, series: SeriesState | None, *, study_held: bool
) -> Disposition:
    """Where an instance counts in the custody line.

    What a policy denied or a failure stopped is counted as held: it is kept here and goes nowhere
    until a person decides. An instance whose parcel is verified everywhere stays delivered,
    whatever becomes of its series. ``REJECTED`` never had a row; it is counted in the tallies.
    """
    match instance:
        case InstanceState.DELIVERED | InstanceState.RETIRED:
            return Disposition.DELIVERED
        case InstanceState.QUARANTINED:
            return Disposition.QUARANTINED
        case InstanceState.DUPLICATE:
            return Disposition.DUPLICATE
        case InstanceState.DISCARDED:
            return Disposition.DISCARDED
        case InstanceState.INDEXED | InstanceState.CLEANED:
            parked = study_held or series in PARKED
            return Disposition.HELD if parked else Disposition.ON_ITS_WAY
