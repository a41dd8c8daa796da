"""The life of a series on a node that is queried."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.tables import Table


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
