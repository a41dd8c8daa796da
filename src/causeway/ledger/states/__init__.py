"""The lives of instance, series, parcel and delivery, and of a series on a node: one table each.

All transitions stand here and nowhere else, a module for each kind of thing; the diagrams of
``docs/reference/ledger.md`` are drawn from them. A table maps a state to the states that may
follow, each with its cause. What the engine does by itself and what only a person may do are two
tables, so that no stage can release a hold by accident. What is in neither is unexpected:
``require`` raises ``NotAllowed`` and the transaction that tried is rolled back.

Three things do not fit into tables:

- A series that is *held* or *dead* remembers where it was (see ``series``).
- A *study* has no state of its own. ``study_state`` derives it from its series and an operator's
  hold, so that it cannot disagree with them.
- Where an instance counts in the custody line depends on its series as well: ``disposition``.
"""

from causeway.ledger.states.answering import (
    CALL,
    CALL_BEGINS,
    CALL_BY_OPERATOR,
    COMMITMENT,
    COMMITMENT_BEGINS,
    COMMITMENT_BY_OPERATOR,
    CallState,
    CommitmentState,
)
from causeway.ledger.states.derived import (
    StudyState,
    disposition,
    study_state,
)
from causeway.ledger.states.instance import (
    CLEANED,
    CLEANED_BEGINS,
    CLEANED_BY_OPERATOR,
    INSTANCE,
    INSTANCE_BEGINS,
    INSTANCE_BY_OPERATOR,
    LIVE,
    UNDECIDED,
    WAITING,
    CleanedState,
    InstanceState,
)
from causeway.ledger.states.node_series import (
    NODE_SERIES,
    NODE_SERIES_BEGINS,
    NODE_SERIES_BY_OPERATOR,
    NODE_SERIES_OPEN,
    NodeSeriesState,
)
from causeway.ledger.states.sending import (
    DELIVERY,
    DELIVERY_BEGINS,
    DELIVERY_BY_OPERATOR,
    GONE_OUT,
    PARCEL,
    PARCEL_BEGINS,
    PARCEL_BY_OPERATOR,
    BreakerState,
    DeliveryState,
    ParcelKind,
    ParcelState,
)
from causeway.ledger.states.series import (
    ARRIVING,
    KNOWS_WHERE_TO,
    PARKED,
    SERIES,
    SERIES_BEGINS,
    SERIES_BY_OPERATOR,
    STOPPED,
    WORKABLE,
    SeriesState,
    after_arrival,
    after_delivery,
)
from causeway.ledger.states.tables import (
    Table,
    require,
)

__all__ = [
    "ARRIVING",
    "CALL",
    "CALL_BEGINS",
    "CALL_BY_OPERATOR",
    "CLEANED",
    "CLEANED_BEGINS",
    "CLEANED_BY_OPERATOR",
    "COMMITMENT",
    "COMMITMENT_BEGINS",
    "COMMITMENT_BY_OPERATOR",
    "DELIVERY",
    "DELIVERY_BEGINS",
    "DELIVERY_BY_OPERATOR",
    "GONE_OUT",
    "INSTANCE",
    "INSTANCE_BEGINS",
    "INSTANCE_BY_OPERATOR",
    "KNOWS_WHERE_TO",
    "LIVE",
    "NODE_SERIES",
    "NODE_SERIES_BEGINS",
    "NODE_SERIES_BY_OPERATOR",
    "NODE_SERIES_OPEN",
    "PARCEL",
    "PARCEL_BEGINS",
    "PARCEL_BY_OPERATOR",
    "PARKED",
    "SERIES",
    "SERIES_BEGINS",
    "SERIES_BY_OPERATOR",
    "STOPPED",
    "UNDECIDED",
    "WAITING",
    "WORKABLE",
    "BreakerState",
    "CallState",
    "CleanedState",
    "CommitmentState",
    "DeliveryState",
    "InstanceState",
    "NodeSeriesState",
    "ParcelKind",
    "ParcelState",
    "S",
    "SeriesState",
    "StudyState",
    "Table",
    "after_arrival",
    "after_delivery",
    "disposition",
    "require",
    "study_state",
]
