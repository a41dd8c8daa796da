"""The tables, and what the database itself refuses.

One schema for SQLite and PostgreSQL. States are text, so that a person reads a table as it is;
times are seconds since the epoch, UTC; flags are 0 and 1, as partial indexes need predicates
that are literally the same in both databases (SQLite proves a partial index from the text of its
predicate, and a bound parameter or a boolean literal defeats it).

What the database refuses, whoever writes: a state that does not exist, a held or dead series that
does not know what it resumes as, a lease without an owner, a delivery that is sending without
one, two live instances of one SOP Instance UID (unless a person approved it), a parcel without a
digest, two owners of one folder, two batches of a destination that fill, and any change of an
event.

``rank`` orders work: due time plus a minute for each step of priority above or below 100. So an
urgent series overtakes what became due up to an hour and forty minutes before it, and nothing
waits for ever: what is due long enough comes first whatever its priority.
"""

from causeway.ledger.schema.arriving import (
    SERIES_ENDED,
    SERIES_READY,
    head,
    instance,
    quarantine,
    series,
    study,
)
from causeway.ledger.schema.base import (
    LEASE,
    PRIO_STEP_SECONDS,
    PRIO_URGENT,
    PRIO_USUAL,
    PRIO_WORST,
    RANK_SLACK_SECONDS,
    SCHEMA_VERSION,
    meta,
    metadata,
)
from causeway.ledger.schema.noted import (
    association,
    event,
    position,
    reroute,
    series_association,
    tally,
)
from causeway.ledger.schema.sending import (
    DELIVERY_READY,
    delivery,
    effect,
    lane,
    memory,
    outcome,
    parcel,
    parcel_member,
    placement,
)

__all__ = [
    "DELIVERY_READY",
    "LEASE",
    "PRIO_STEP_SECONDS",
    "PRIO_URGENT",
    "PRIO_USUAL",
    "PRIO_WORST",
    "RANK_SLACK_SECONDS",
    "SCHEMA_VERSION",
    "SERIES_ENDED",
    "SERIES_READY",
    "association",
    "delivery",
    "effect",
    "event",
    "head",
    "instance",
    "lane",
    "memory",
    "meta",
    "metadata",
    "outcome",
    "parcel",
    "parcel_member",
    "placement",
    "position",
    "quarantine",
    "reroute",
    "series",
    "series_association",
    "study",
    "tally",
]
