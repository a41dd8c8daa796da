"""Facts and work, in SQL: what is known, what is to be done, who has it in hand.

``open_ledger`` gives a ``Ledger``; its verbs take and give the frozen values of ``rows``.
"""

from __future__ import annotations

from causeway.ledger.arrivals import Arrival, Damaged, Indexed, Item, Outcome, Unreadable
from causeway.ledger.claims import (
    Advanced,
    Dead,
    DeliveryClaim,
    DeliveryOutcome,
    LookAgain,
    NewDelivery,
    Packaged,
    Retry,
    SeriesClaim,
    SeriesOutcome,
    Verified,
    Wait,
)
from causeway.ledger.ledger import Ledger, open_ledger
from causeway.ledger.reports import (
    Count,
    Custody,
    DispositionCount,
    LaneCount,
    Summary,
    Tally,
    Violation,
    custody_line,
)
from causeway.ledger.rows import (
    Acquisition,
    AssociationRow,
    DeliveryRow,
    EventRow,
    InstanceRow,
    ParcelRow,
    Pinning,
    Placement,
    Position,
    Retirable,
    SeriesRow,
    StudyRow,
)
from causeway.ledger.states import (
    DeliveryState,
    InstanceState,
    ParcelState,
    SeriesState,
    StudyState,
)

__all__ = [
    "Acquisition",
    "Advanced",
    "Arrival",
    "AssociationRow",
    "Count",
    "Custody",
    "Damaged",
    "Dead",
    "DeliveryClaim",
    "DeliveryOutcome",
    "DeliveryRow",
    "DeliveryState",
    "DispositionCount",
    "EventRow",
    "Indexed",
    "InstanceRow",
    "InstanceState",
    "Item",
    "LaneCount",
    "Ledger",
    "LookAgain",
    "NewDelivery",
    "Outcome",
    "Packaged",
    "ParcelRow",
    "ParcelState",
    "Pinning",
    "Placement",
    "Position",
    "Retirable",
    "Retry",
    "SeriesClaim",
    "SeriesOutcome",
    "SeriesRow",
    "SeriesState",
    "StudyRow",
    "StudyState",
    "Summary",
    "Tally",
    "Unreadable",
    "Verified",
    "Violation",
    "Wait",
    "custody_line",
    "open_ledger",
]
