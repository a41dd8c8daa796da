"""How far the containers of the spool are indexed, and which of them nobody needs any more.

Records of a container come in order and without a gap; so one number says which of them are
indexed, and a scan after a crash begins there. ``records`` counts what passed. It is kept apart
from the rows on purpose: custody compares the two.

A container that was made by copying (something held or in quarantine, moved out of a segment) is
*kept*: what is in it was indexed from elsewhere, and it is never scanned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import BindParameter, Connection, bindparam, exists, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.arrivals import Arrival, Damaged, Item, Outcome
from causeway.ledger.convert import IDS_AT_ONCE, position_row
from causeway.ledger.engine import Verbs, insert_ignore
from causeway.ledger.rows import Position
from causeway.ledger.store import entry, log
from causeway.values import SpoolAddress


class PositionVerbs(Verbs):
    """Containers of the spool."""

    def positions(self) -> tuple[Position, ...]:
        """Where each container that is still there is indexed up to, by name."""
        return self._db.read(
            lambda connection: tuple(
                position_row(row) for row in connection.execute(_PRESENT).mappings()
            )
        )

    def idle_containers(self) -> tuple[Position, ...]:
        """Containers that are still there and hold nothing that is needed.

        One may be recycled if nobody writes to it and its end is the position's offset: what
        lies beyond the position is not indexed yet, and needed.
        """
        return self._db.read(
            lambda connection: tuple(
                position_row(row) for row in connection.execute(_IDLE).mappings()
            )
        )

    def container_gone(self, container: str, *, now: float) -> None:
        """A container is recycled or removed; ``NotAllowed`` if anything in it is needed."""

        def work(connection: Connection) -> None:
            if connection.execute(_NEEDED, {"name": container}).first() is not None:
                raise NotAllowed(f"container {container} holds bytes that are needed")
            connection.execute(_GONE, {"name": container, "now": now})

        self._db.write(work)


@dataclass(slots=True)
class _Place:
    """A container's position while a batch passes over it."""

    offset: int
    records: int = 0
    damages: int = 0
    kept: bool = False
    is_new: bool = False


def pass_over(
    connection: Connection, batch: Sequence[Item], now: float
) -> list[Outcome | SpoolAddress | None]:
    """Move the positions. Answers what is settled by that; ``None`` is left to classify.

    An address stands for a record that occurs twice in the batch.
    """
    containers = sorted({_span(item)[0] for item in batch})
    places = {
        row.container: _Place(row.offset, row.records, row.damages, bool(row.kept))
        for row in connection.execute(_POSITIONS, {"containers": containers})
    }
    before = {name: (place.offset, place.records) for name, place in places.items()}
    seen: set[SpoolAddress] = set()
    suspects: list[SpoolAddress] = []
    answers: list[Outcome | SpoolAddress | None] = []
    for item in batch:
        is_new = _advance(places, item)
        if isinstance(item, Damaged):
            if is_new:
                log(connection, entry(now, "spool.damage", item.reason))
            answers.append(_PASSED)
            continue
        address = item.record.address
        repeated = address in seen
        if not is_new and not repeated:
            suspects.append(address)
        seen.add(address)
        answers.append(address if repeated else None)
    _write_positions(connection, places, before, now)
    known = _known(connection, suspects)
    return [
        # Passed over, and yet without a row: somebody lost rows. Indexing it again repairs that.
        known.get(item.record.address)
        if answer is None and not isinstance(item, Damaged)
        else answer
        for item, answer in zip(batch, answers, strict=True)
    ]


def _advance(places: dict[str, _Place], item: Item) -> bool:
    """Move a position over an item; False if the item lies before it."""
    container, offset, end = _span(item)
    place = places.get(container)
    if place is None:
        place = places[container] = _Place(offset, is_new=True)
    if place.kept:
        return False
    if offset > place.offset:
        raise NotAllowed(
            f"a record at {container}@{offset} cannot be indexed before those "
            f"between it and {place.offset}",
            hint="scan the container from its position",
        )
    if offset < place.offset:
        return False
    place.offset = end
    if isinstance(item, Damaged):
        place.damages += 1
    else:
        place.records += 1
    return True


def _known(
    connection: Connection, addresses: Sequence[SpoolAddress]
) -> dict[SpoolAddress, Outcome]:
    """Records that have a row already, by where they were received or are now."""
    found: dict[SpoolAddress, Outcome] = {}
    offsets: dict[str, list[int]] = {}
    for address in addresses:
        offsets.setdefault(address.container, []).append(address.offset)
    for container, wanted in offsets.items():
        for query in (_RECEIVED_AT, _NOW_AT):
            for start in range(0, len(wanted), IDS_AT_ONCE):
                values = {"container": container, "at": wanted[start : start + IDS_AT_ONCE]}
                for row in connection.execute(query, values):
                    found[SpoolAddress(container, row.at)] = Outcome(
                        arrival=Arrival.KNOWN,
                        instance_id=row.id,
                        series_id=row.series_id,
                        study_id=row.study_id,
                    )
    return found


_PASSED = Outcome(arrival=Arrival.PASSED, instance_id=None, series_id=None, study_id=None)


def _write_positions(
    connection: Connection,
    places: dict[str, _Place],
    before: dict[str, tuple[int, int]],
    now: float,
) -> None:
    insert_ignore(
        connection,
        schema.position,
        [
            {"container": name, "offset": 0, "records": 0, "damages": 0, "kept": 0,
             "moved_at": now}
            for name, place in places.items()
            if place.is_new
        ],
    )  # fmt: skip
    moved = [
        {
            "name": name,
            "to": place.offset,
            "seen": place.records,
            "damaged": place.damages,
            "at": now,
        }
        for name, place in places.items()
        if before.get(name) != (place.offset, place.records)
    ]
    if moved:
        connection.execute(_MOVE, moved)


def _span(item: Item) -> tuple[str, int, int]:
    if isinstance(item, Damaged):
        return item.container, item.offset, item.end
    return item.record.address.container, item.record.address.offset, item.record.end


# --- statements ---------------------------------------------------------------------------------

_POSITIONS = (
    select(schema.position)
    .where(schema.position.c.container.in_(bindparam("containers", expanding=True)))
    .order_by(schema.position.c.container)
    .with_for_update()
)
_MOVE = (
    update(schema.position)
    .where(schema.position.c.container == bindparam("name"))
    .values(
        offset=bindparam("to"),
        records=bindparam("seen"),
        damages=bindparam("damaged"),
        moved_at=bindparam("at"),
    )
)
_i = schema.instance.c
_at: BindParameter[list[int]] = bindparam("at", expanding=True)
_RECEIVED_AT = select(_i.id, _i.series_id, _i.study_id, _i.origin_offset.label("at")).where(
    _i.origin_container == bindparam("container"), _i.origin_offset.in_(_at)
)
_NOW_AT = select(_i.id, _i.series_id, _i.study_id, _i.offset.label("at")).where(
    _i.container == bindparam("container"), _i.offset.in_(_at), _i.bytes_gone_at.is_(None)
)
_PRESENT = (
    select(schema.position)
    .where(schema.position.c.gone_at.is_(None))
    .order_by(schema.position.c.container)
)
_IDLE = _PRESENT.where(
    ~exists(
        select(schema.instance.c.id).where(
            schema.instance.c.container == schema.position.c.container,
            schema.instance.c.bytes_gone_at.is_(None),
        )
    )
)
_NEEDED = (
    select(schema.instance.c.id)
    .where(
        schema.instance.c.container == bindparam("name"), schema.instance.c.bytes_gone_at.is_(None)
    )
    .limit(1)
)
_GONE = (
    update(schema.position)
    .where(schema.position.c.container == bindparam("name"))
    .values(gone_at=bindparam("now"))
)
