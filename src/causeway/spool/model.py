"""The spool's own nouns: what a container is, what damage looks like, how durable Success is."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from causeway.values import Receipt, SpoolAddress

SMALL_OBJECT = 1 << 20
"""Data sets up to this many bytes share segments; larger ones get a file of their own."""

UNCACHED_FROM = 128 << 10
"""Data sets of at least so many bytes go past the page cache when each is synced. Of smaller ones
the copy costs less than it does to read them from the disk again."""

SEGMENT_SIZE = 64 << 20
"""Bytes of a segment file. A hundred CT images; small enough that one held image pins little."""


class Durability(enum.StrEnum):
    """What Success promises. Choosing less than the default is possible, never more by accident."""

    SYNCED = "synced"
    """The record is on stable storage before Success."""
    RELAXED = "relaxed"
    """The record is in the page cache: it survives the process, not the power."""


class Kind(enum.StrEnum):
    """What holds a record."""

    SEGMENT = "segment"
    LARGE = "large"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerInfo:
    """A file of the spool that holds records, by the name that addresses carry."""

    name: str
    """Carries the generation, so it never names newer bytes."""
    kind: Kind
    size: int
    """Bytes of the file, records or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A place where a record was and cannot be trusted; the scan goes on behind it."""

    address: SpoolAddress
    end: int
    """Where the scan goes on."""
    reason: str
    receipt: Receipt | None = None
    """If it is still legible."""
