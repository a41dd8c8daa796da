"""Heads: what the headers of a series say, once for each that differs.

Instances of a series should agree on patient, study, series and equipment. They mostly do, so what
they say is kept once, by the digest of it; a series whose instances disagree has several heads. The
newest is that of the instance which arrived last: it decides where the series goes, and the others
are shown as disagreements.

At most ``HEADS_LIMIT`` are kept of a series. Beyond that the newest takes the place of the newest
before it, so that what was said at first stays visible, and a sender whose header is another in
each image costs a row and not thousands.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, bindparam, delete, insert, select, update

from causeway.ledger import schema
from causeway.ledger.arrivals import Head
from causeway.ledger.convert import IDS_AT_ONCE
from causeway.ledger.engine import Verbs
from causeway.ledger.rows import HeadRow

HEADS_LIMIT = 16


class HeadVerbs(Verbs):
    """What was said of a series."""

    def heads_of(self, series_id: int) -> tuple[HeadRow, ...]:
        """The heads of a series, the newest last; none if no header of it could be read."""
        return self._db.read(
            lambda c: tuple(
                head_row(row) for row in c.execute(_HEADS_OF, {"the_series": series_id}).mappings()
            )
        )


@dataclass(slots=True, kw_only=True)
class Slot:
    """A head that is kept, or shall be."""

    digest: bytes
    count: int
    first_at: float
    last_at: float
    id: int | None = None
    head: Head | None = None
    """Of one that is new."""
    changed: bool = False


def merged(slots: list[Slot], arrivals: Iterable[tuple[Head, float]]) -> list[Slot]:
    """The heads of a series after these have arrived, in no order. Pure but for the slots."""
    kept = {slot.digest: slot for slot in slots}
    for head, at in arrivals:
        slot = kept.get(head.digest)
        if slot is not None:
            slot.count += 1
            slot.first_at, slot.last_at = min(slot.first_at, at), max(slot.last_at, at)
            slot.changed = True
            continue
        if len(kept) >= HEADS_LIMIT:
            newest = max(kept.values(), key=_age)
            del kept[newest.digest]
        kept[head.digest] = Slot(digest=head.digest, count=1, first_at=at, last_at=at, head=head)
    return list(kept.values())


def note_heads(connection: Connection, arrivals: Iterable[tuple[int, Head, float]]) -> None:
    """Note the heads (series, head, arrival) of instances that join their (locked) series."""
    by_series: dict[int, list[tuple[Head, float]]] = {}
    for series_id, head, at in arrivals:
        by_series.setdefault(series_id, []).append((head, at))
    known = _slots(connection, sorted(by_series))
    gone: list[int] = []
    changed: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for series_id, arrived in sorted(by_series.items()):
        before = known.get(series_id, [])
        after = merged(before, arrived)
        ids = {slot.id for slot in after}
        gone += [slot.id for slot in before if slot.id is not None and slot.id not in ids]
        for slot in after:
            if slot.head is not None:
                new.append(_inserted(series_id, slot, slot.head))
            elif slot.changed:
                changed.append(
                    {
                        "the_id": slot.id,
                        "new_count": slot.count,
                        "new_first": slot.first_at,
                        "new_last": slot.last_at,
                    }
                )
    if gone:
        connection.execute(_DELETE, {"ids": gone})
    if changed:
        connection.execute(_UPDATE, changed)
    if new:
        connection.execute(_INSERT, new)


def head_row(row: RowMapping) -> HeadRow:
    # What it needs of pydicom takes a fifth of a second to import, and most commands read no head.
    from causeway.attributes import Attributes

    return HeadRow(
        id=row["id"],
        series_id=row["series_id"],
        digest=row["digest"],
        attributes=Attributes.from_json(row["attributes"]),
        count=row["count"],
        first_at=row["first_at"],
        last_at=row["last_at"],
    )


def _age(slot: Slot) -> tuple[float, float]:
    return slot.last_at, float("inf") if slot.id is None else slot.id


def _slots(connection: Connection, series_ids: list[int]) -> dict[int, list[Slot]]:
    slots: dict[int, list[Slot]] = {}
    for start in range(0, len(series_ids), IDS_AT_ONCE):
        chunk = {"ids": series_ids[start : start + IDS_AT_ONCE]}
        for row in connection.execute(_KNOWN, chunk):
            slots.setdefault(row.series_id, []).append(
                Slot(
                    id=row.id,
                    digest=row.digest,
                    count=row.number,
                    first_at=row.first_at,
                    last_at=row.last_at,
                )
            )
    return slots


def _inserted(series_id: int, slot: Slot, head: Head) -> dict[str, Any]:
    return {
        "series_id": series_id,
        "digest": slot.digest,
        "attributes": head.attributes.to_json(),
        "count": slot.count,
        "first_at": slot.first_at,
        "last_at": slot.last_at,
    }


# --- statements ---------------------------------------------------------------------------------

_h = schema.head.c

_HEADS_OF = (
    select(schema.head).where(_h.series_id == bindparam("the_series")).order_by(_h.last_at, _h.id)
)
_KNOWN = (
    select(_h.id, _h.series_id, _h.digest, _h["count"].label("number"), _h.first_at, _h.last_at)
    .where(_h.series_id.in_(bindparam("ids", expanding=True)))
    .order_by(_h.id)
)
_INSERT = insert(schema.head)
_UPDATE = (
    update(schema.head)
    .where(_h.id == bindparam("the_id"))
    .values(
        {"count": bindparam("new_count"), "first_at": bindparam("new_first"),
         "last_at": bindparam("new_last")}
    )
)  # fmt: skip
_DELETE = delete(schema.head).where(_h.id.in_(bindparam("ids", expanding=True)))
