"""Writing what several families of verbs write: series, and the event that goes with each change.

One statement writes every column of a series that ever changes, from a whole ``SeriesRow``; what it
shall be is decided before, by pure functions. With a fence it writes only where epoch, owner and
generation are still those of a claim, and tells whether it did.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from causeway.ledger import schema
from causeway.ledger.convert import NEWEST_PARCEL, series_row
from causeway.ledger.rows import SeriesRow
from causeway.ledger.states import LIVE, InstanceState

ENGINE = "causeway"
"""Who did it, when no person did."""

_CHANGING = (
    "state", "resumes_as", "generation", "instance_count", "byte_count", "expected_count",
    "first_at", "last_at", "due_at", "prio", "attempt", "epoch", "owner", "lease_until",
    "completion_reason", "verdict", "cleaning", "fail_code", "fail_text", "waits_for",
    "held_by", "held_code", "held_why", "released_by", "released_generation", "whole", "state_at",
)  # fmt: skip

_SET: dict[str, BindParameter[Any]] = {name: bindparam(f"new_{name}") for name in _CHANGING}
_WRITE = update(schema.series).where(schema.series.c.id == bindparam("the_id")).values(_SET)
_WRITE_FENCED = _WRITE.where(
    schema.series.c.epoch == bindparam("its_epoch"),
    schema.series.c.owner == bindparam("its_owner"),
    schema.series.c.generation == bindparam("its_generation"),
)
_LOCK_SERIES = (
    select(schema.series)
    .where(schema.series.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(schema.series.c.id)
    .with_for_update()
)
_UNCLEAN = (
    update(schema.instance)
    .where(
        schema.instance.c.series_id.in_(bindparam("ids", expanding=True)),
        schema.instance.c.state == InstanceState.CLEANED.value,
        NEWEST_PARCEL.is_(None),
    )
    .values(state=InstanceState.INDEXED.value, state_at=bindparam("at"))
)
_EVENT = insert(schema.event)

LIVE_STATES = tuple(state.value for state in LIVE)


def _values(row: SeriesRow) -> dict[str, Any]:
    values = {f"new_{name}": getattr(row, name) for name in _CHANGING}
    return {"the_id": row.id, **values, "new_whole": int(row.whole)}


def write_series(connection: Connection, rows: Sequence[SeriesRow]) -> None:
    """Write series that this transaction has read and locked."""
    if rows:
        connection.execute(_WRITE, [_values(row) for row in rows])


def write_claimed(connection: Connection, row: SeriesRow, claimed: SeriesRow) -> bool:
    """Write a series if the claim on it still holds; tells whether it did."""
    fence = {
        "its_epoch": claimed.epoch,
        "its_owner": claimed.owner,
        "its_generation": claimed.generation,
    }
    return connection.execute(_WRITE_FENCED, _values(row) | fence).rowcount == 1


def lock_series(connection: Connection, ids: Sequence[int]) -> dict[int, SeriesRow]:
    """Series as they are now; nobody else changes them until the transaction ends.

    Always in the order of ids, so that two transactions cannot wait for each other.
    """
    if not ids:
        return {}
    found = connection.execute(_LOCK_SERIES, {"ids": sorted(set(ids))}).mappings()
    return {row["id"]: series_row(row) for row in found}


def unclean(connection: Connection, series_ids: Sequence[int], now: float) -> None:
    """Of series that are decided about anew: what is in no parcel is to be cleaned once more."""
    if series_ids:
        connection.execute(_UNCLEAN, {"ids": list(series_ids), "at": now})


def entry(
    at: float,
    what: str,
    why: str = "",
    *,
    who: str = ENGINE,
    study_id: int | None = None,
    series_id: int | None = None,
    instance_id: int | None = None,
    parcel_id: int | None = None,
    delivery_id: int | None = None,
) -> dict[str, Any]:
    """An event, ready for ``log``. ``why`` is a code, or an operator's words."""
    return {
        "at": at,
        "who": who,
        "what": what,
        "why": why,
        "study_id": study_id,
        "series_id": series_id,
        "instance_id": instance_id,
        "parcel_id": parcel_id,
        "delivery_id": delivery_id,
    }


def log(connection: Connection, *entries: dict[str, Any]) -> None:
    """Add events, in the transaction of the change that they tell of."""
    if entries:
        connection.execute(_EVENT, list(entries))
