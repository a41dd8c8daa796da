"""Frozen counts of the door and the receivers: what status, metrics and tests read.

Counters only grow while a process lives; rates are for the reader to take. No address and no AE
title is a key here, so that a stranger cannot make them grow in number: sources are those of the
configuration, and reasons come from ``Refusal`` and ``Ending``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCounts:
    """One source in one receiver, since it started."""

    associations: int = 0
    open: int = 0
    objects: int = 0
    bytes: int = 0
    refused_objects: int = 0
    last_object_at: float = 0.0
    """When the last object was stored; 0.0 for never. A source that went silent shows here."""

    def __add__(self, other: SourceCounts) -> SourceCounts:
        return SourceCounts(
            associations=self.associations + other.associations,
            open=self.open + other.open,
            objects=self.objects + other.objects,
            bytes=self.bytes + other.bytes,
            refused_objects=self.refused_objects + other.refused_objects,
            last_object_at=max(self.last_object_at, other.last_object_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverStatistics:
    """One receiver process."""

    at: float = 0.0
    connections: int = 0
    """Sockets in hand, associated or not."""
    sources: Mapping[str, SourceCounts] = field(default_factory=dict)
    refused: Mapping[str, int] = field(default_factory=dict)
    """Associations turned away at A-ASSOCIATE-RQ, by ``Refusal``."""
    ended: Mapping[str, int] = field(default_factory=dict)
    """Connections that ended, by ``Ending``."""

    def __add__(self, gone: ReceiverStatistics) -> ReceiverStatistics:
        """What this one and one that is gone have counted; nothing of the latter is open."""
        sources = dict(self.sources)
        for name, counts in gone.sources.items():
            sources[name] = sources.get(name, SourceCounts()) + replace(counts, open=0)
        return ReceiverStatistics(
            at=max(self.at, gone.at),
            connections=self.connections,
            sources=sources,
            refused=_merged(self.refused, gone.refused),
            ended=_merged(self.ended, gone.ended),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorStatistics:
    """The door, and the last word of each receiver."""

    accepted: int = 0
    """Connections taken off the listening sockets."""
    handed_over: int = 0
    connections: int = 0
    """In the hands of receivers now."""
    refusing: int = 0
    """Being told no, now."""
    refused: Mapping[str, int] = field(default_factory=dict)
    """Connections turned away at the door, by ``Refusal``; ``all_refused`` has the others too."""
    unanswered: int = 0
    """Of those: closed without an answer (TLS, or too many at once)."""
    receivers: Mapping[str, ReceiverStatistics] = field(default_factory=dict)
    past: ReceiverStatistics = field(default_factory=ReceiverStatistics)
    """The sum of the receivers that are gone."""

    @property
    def sources(self) -> dict[str, SourceCounts]:
        """Counts by source, over all receivers."""
        total = dict(self.past.sources)
        for receiver in self.receivers.values():
            for name, counts in receiver.sources.items():
                total[name] = total.get(name, SourceCounts()) + counts
        return total

    @property
    def all_refused(self) -> dict[str, int]:
        """Connections and associations turned away, here and in the receivers, by ``Refusal``."""
        return _merged(
            self.refused, self.past.refused, *(each.refused for each in self.receivers.values())
        )

    @property
    def ended(self) -> dict[str, int]:
        """Connections that ended, over all receivers, by ``Ending``."""
        return _merged(self.past.ended, *(each.ended for each in self.receivers.values()))


def _merged(*counters: Mapping[str, int]) -> dict[str, int]:
    total: dict[str, int] = {}
    for counter in counters:
        for name, number in counter.items():
            total[name] = total.get(name, 0) + number
    return total
