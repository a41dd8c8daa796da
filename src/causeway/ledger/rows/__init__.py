"""Rows: copies of what the tables held at one moment. Frozen; no dictionaries, no database objects.

Text that can name a person is hidden from ``repr``, UIDs included, as a study's UID finds the
patient in any archive of the same hospital. Logs name rows by their ids.
"""

from causeway.ledger.rows.arrived import (
    Acquisition,
    AssociationRow,
    HeadRow,
    InstanceRow,
    SeriesRow,
    StudyRow,
)
from causeway.ledger.rows.cleaned import (
    CleanedRow,
    CleanHeadRow,
    KeptBack,
    TreatmentRow,
)
from causeway.ledger.rows.noted import (
    EventRow,
    Pinning,
    Position,
    Rerouted,
    RerouteRow,
    Retirable,
    Standing,
)
from causeway.ledger.rows.sent import (
    DeliveryRow,
    LaneRow,
    OutcomeRow,
    ParcelRow,
    Placement,
)

__all__ = [
    "Acquisition",
    "AssociationRow",
    "CleanHeadRow",
    "CleanedRow",
    "DeliveryRow",
    "EventRow",
    "HeadRow",
    "InstanceRow",
    "KeptBack",
    "LaneRow",
    "OutcomeRow",
    "ParcelRow",
    "Pinning",
    "Placement",
    "Position",
    "RerouteRow",
    "Rerouted",
    "Retirable",
    "SeriesRow",
    "Standing",
    "StudyRow",
    "TreatmentRow",
]
