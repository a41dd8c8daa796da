"""The state machines of instance, series, study and delivery, as tables (being filled in)."""

from __future__ import annotations

import enum


class InstanceState(enum.StrEnum):
    INDEXED = "indexed"
    CLEANED = "cleaned"
    DELIVERED = "delivered"
    RETIRED = "retired"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    DISCARDED = "discarded"


class SeriesState(enum.StrEnum):
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
    EMPTY = "empty"
    ARRIVING = "arriving"
    ON_ITS_WAY = "on its way"
    SETTLED = "settled"
    HELD = "held"
    DENIED = "denied"
    DEAD = "dead"


class DeliveryState(enum.StrEnum):
    DUE = "due"
    SENDING = "sending"
    VERIFIED = "verified"
    DEAD = "dead"
