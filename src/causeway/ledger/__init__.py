"""Facts and work, in SQL: what is known, what is to be done, who has it in hand.

``open_ledger`` gives a ``Ledger``; its verbs take and give the frozen values of ``rows``.
"""

from __future__ import annotations

from pathlib import Path

from causeway.ledger.ledger import Ledger
from causeway.ledger.rows import (
    Acquisition,
    Advanced,
    Arrival,
    AssociationRow,
    Count,
    Custody,
    Damaged,
    Dead,
    DeliveryClaim,
    DeliveryOutcome,
    DeliveryRow,
    DispositionCount,
    EventRow,
    Indexed,
    InstanceRow,
    LaneCount,
    LookAgain,
    NewDelivery,
    Outcome,
    Packaged,
    ParcelRow,
    Pinning,
    Placement,
    Position,
    Retirable,
    Retry,
    SeriesClaim,
    SeriesOutcome,
    SeriesRow,
    StudyRow,
    Summary,
    Tally,
    Unreadable,
    Verified,
    Violation,
    Wait,
)
from causeway.ledger.states import DeliveryState, InstanceState, SeriesState, StudyState

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
    "LaneCount",
    "Ledger",
    "LookAgain",
    "NewDelivery",
    "Outcome",
    "Packaged",
    "ParcelRow",
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
    "open_ledger",
]


def open_ledger(url_or_path: str | Path, *, create: bool = True) -> Ledger:
    """Open the ledger at a file path (SQLite) or a ``postgresql://`` URL."""
    raise NotImplementedError
