"""The lives of a parcel, and of its delivery to each destination."""

from __future__ import annotations

import enum
from collections.abc import Mapping

from causeway.ledger.states.series import _GAVE_UP
from causeway.ledger.states.tables import Table


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


class BreakerState(enum.StrEnum):
    """Of the way to a destination; see ``pipeline.breaker``."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half open"


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

GONE_OUT = (ParcelState.SETTLED, ParcelState.RETIRED)
"""Of parcels that every destination has."""
