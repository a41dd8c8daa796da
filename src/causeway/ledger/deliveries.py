"""Deliveries: one parcel to one destination, each destination a lane of its own.

Claimed and settled like series (see ``work``). Two records make a delivery safe to repeat:
*effects* say what an earlier attempt has already done outside, and *placements* say which folder
of a destination belongs to whom, so that two studies of one label never write into one folder.
"""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    literal_column,
    or_,
    select,
    update,
)

from causeway.ledger import schema
from causeway.ledger.claims import (
    Dead,
    DeliveryClaim,
    DeliveryOutcome,
    Retry,
    Verified,
    Wait,
)
from causeway.ledger.convert import delivery_row, parcels_by_id, series_by_id, studies_by_id
from causeway.ledger.engine import Verbs, insert_ignore, upsert
from causeway.ledger.parcels import roll_up, settle_parcel
from causeway.ledger.rows import DeliveryRow, Placement
from causeway.ledger.states import DELIVERY, STOPPED, DeliveryState, require
from causeway.ledger.store import entry, lock_series, log


class DeliveryVerbs(Verbs):
    """What goes to destinations."""

    def claim_deliveries(
        self,
        destination: str,
        *,
        limit: int,
        now: float,
        owner: str,
        lease_seconds: float,
        prio_at_most: int = schema.PRIO_WORST,
    ) -> tuple[DeliveryClaim, ...]:
        """Take up to ``limit`` deliveries to a destination that are due, the most urgent first.

        One that was being sent when its lease ended is due again. What is held or denied waits.
        ``prio_at_most`` leaves all that is less urgent.
        """
        if limit < 1:
            return ()
        return self._db.write(
            lambda connection: _claim(
                connection, destination, limit, now, owner, lease_seconds, prio_at_most
            )
        )

    def first_rank(self, destination: str, *, now: float, prio_at_most: int) -> float | None:
        """The rank of the most urgent delivery that could be claimed; None if there is none."""
        values = {"the_destination": destination, "now": now, "limit": 1, "worst": prio_at_most}
        return self._db.read(
            lambda connection: connection.execute(_FIRST, values).scalar_one_or_none()
        )

    def settle_delivery(
        self, claim: DeliveryClaim, outcome: DeliveryOutcome, *, now: float
    ) -> bool:
        """Say what became of a claim. False: it is void, and nothing was changed."""

        def work(connection: Connection) -> bool:
            # The series first, as everyone locks them; see ``roll_up``.
            lock_series(connection, [claim.delivery.series_id])
            return _settle(connection, claim.delivery, outcome, now)

        return self._db.write(work)

    def due_destinations(self, series_id: int) -> frozenset[str]:
        """Destinations to which a parcel of the series waits that nobody has ever taken up."""
        return self._db.read(
            lambda connection: frozenset(
                row.destination for row in connection.execute(_DUE_OF, {"series_id": series_id})
            )
        )

    def effect(self, delivery_id: int, key: str, value: str, *, at: float) -> str:
        """Record that something was done outside; the first value for a key stays.

        Answers the value that stands: the one given, or that of an earlier attempt.
        """

        def work(connection: Connection) -> str:
            insert_ignore(
                connection,
                schema.effect,
                [{"delivery_id": delivery_id, "key": key, "value": value, "at": at}],
            )
            found = connection.execute(_EFFECT, {"the_delivery": delivery_id, "the_key": key})
            return str(found.scalar_one())

        return self._db.write(work)

    def replace_effect(self, delivery_id: int, key: str, value: str | None, *, at: float) -> None:
        """Keep a value that moves on; None forgets it."""
        row = {"delivery_id": delivery_id, "key": key}

        def work(connection: Connection) -> None:
            if value is None:
                connection.execute(_FORGET, {"the_delivery": delivery_id, "the_key": key})
            else:
                upsert(connection, schema.effect, [{**row, "value": value, "at": at}])

        self._db.write(work)

    def effects(self, delivery_id: int) -> tuple[tuple[str, str], ...]:
        """What earlier attempts have done outside: keys and values, in the order of keys."""
        return self._db.read(
            lambda connection: tuple(
                (row.key, row.value)
                for row in connection.execute(_EFFECTS, {"the_delivery": delivery_id})
            )
        )

    def place(self, destination: str, path: str, owner: str, *, at: float) -> Placement:
        """Claim a folder of a destination for an owner. The first owner keeps it."""

        def work(connection: Connection) -> Placement:
            insert_ignore(
                connection,
                schema.placement,
                [{"destination": destination, "path": path, "owner": owner, "at": at}],
            )
            holder = str(
                connection.execute(
                    _HOLDER, {"the_destination": destination, "the_path": path}
                ).scalar_one()
            )
            return Placement(destination=destination, path=path, owner=holder, won=holder == owner)

        return self._db.write(work)

    def placed(self, destination: str, owner: str) -> tuple[str, ...]:
        """The folders of a destination that belong to an owner."""
        return self._db.read(
            lambda connection: tuple(
                connection.execute(
                    _PLACED, {"the_destination": destination, "the_owner": owner}
                ).scalars()
            )
        )


def rank_of(delivery: DeliveryRow) -> float:
    """What claims are ordered by, as the schema computes it."""
    return delivery.due_at + (delivery.prio - schema.PRIO_USUAL) * schema.PRIO_STEP_SECONDS


# --- claiming -----------------------------------------------------------------------------------


def _due_in(state: DeliveryState) -> Select[tuple[object, ...]]:
    table = schema.delivery
    return (
        select(table)
        .join(schema.series, schema.series.c.id == table.c.series_id)
        .join(schema.study, schema.study.c.id == table.c.study_id)
        .where(
            table.c.destination == bindparam("the_destination"),
            table.c.state == literal_column(repr(state.value)),
            table.c.rank <= bindparam("now") + schema.RANK_SLACK_SECONDS,
            table.c.due_at <= bindparam("now"),
            table.c.prio <= bindparam("worst"),
            or_(table.c.lease_until.is_(None), table.c.lease_until <= bindparam("now")),
            schema.series.c.state.not_in([state.value for state in STOPPED]),
            schema.study.c.held_by == "",
        )
        .order_by(table.c.rank)
        .limit(bindparam("limit"))
    )


_CLAIMABLE = tuple(
    _due_in(state).with_for_update(of=schema.delivery, skip_locked=True)
    for state in (DeliveryState.DUE, DeliveryState.SENDING)
)
_FIRST = _due_in(DeliveryState.DUE).with_only_columns(schema.delivery.c.rank)
_TAKE = (
    update(schema.delivery)
    .where(schema.delivery.c.id == bindparam("the_id"))
    .values(
        state=DeliveryState.SENDING.value,
        state_at=bindparam("now"),
        owner=bindparam("by"),
        lease_until=bindparam("until"),
        epoch=schema.delivery.c.epoch + 1,
        attempt=schema.delivery.c.attempt + 1,
    )
)


def _claim(
    connection: Connection,
    destination: str,
    limit: int,
    now: float,
    owner: str,
    lease_seconds: float,
    prio_at_most: int,
) -> tuple[DeliveryClaim, ...]:
    found: list[tuple[float, DeliveryRow]] = []
    for query in _CLAIMABLE:
        rows = connection.execute(
            query,
            {"the_destination": destination, "now": now, "limit": limit, "worst": prio_at_most},
        ).mappings()
        found.extend((row["rank"], delivery_row(row)) for row in rows)
    found.sort(key=lambda item: item[0])
    chosen = [delivery for _, delivery in found[:limit]]
    if not chosen:
        return ()
    until = now + lease_seconds
    connection.execute(
        _TAKE,
        [{"the_id": each.id, "by": owner, "until": until, "now": now} for each in chosen],
    )
    parcels = parcels_by_id(connection, (each.parcel_id for each in chosen))
    series = series_by_id(connection, (each.series_id for each in chosen))
    studies = studies_by_id(connection, (each.study_id for each in chosen))
    return tuple(
        DeliveryClaim(
            delivery=replace(
                each,
                state=DeliveryState.SENDING,
                state_at=now,
                owner=owner,
                lease_until=until,
                epoch=each.epoch + 1,
                attempt=each.attempt + 1,
            ),
            parcel=parcels[each.parcel_id],
            series=series[each.series_id],
            study=studies[each.study_id],
        )
        for each in chosen
    )


# --- settling -----------------------------------------------------------------------------------

_CHANGING = (
    "state", "due_at", "attempt", "owner", "lease_until", "reference", "fail_code", "fail_text",
    "waits_for", "state_at", "failing_since",
)  # fmt: skip
_WRITE_CLAIMED = (
    update(schema.delivery)
    .where(
        schema.delivery.c.id == bindparam("the_id"),
        schema.delivery.c.epoch == bindparam("its_epoch"),
        schema.delivery.c.owner == bindparam("its_owner"),
    )
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)


def after(delivery: DeliveryRow, outcome: DeliveryOutcome, now: float) -> DeliveryRow:
    """The delivery that an outcome makes of a claimed one. Pure; raises ``NotAllowed``."""
    free = replace(delivery, owner=None, lease_until=None, waits_for="", state_at=now)
    match outcome:
        case Verified(reference=reference):
            row = replace(
                free,
                state=DeliveryState.VERIFIED,
                reference=reference,
                fail_code="",
                fail_text="",
                failing_since=None,
            )
        case Wait(until=until, why=why):
            row = replace(
                free,
                state=DeliveryState.DUE,
                due_at=until,
                waits_for=why,
                attempt=max(0, delivery.attempt - 1),
            )
        case Retry(at=at, code=code, text=text):
            row = replace(
                free,
                state=DeliveryState.DUE,
                due_at=at,
                fail_code=code,
                fail_text=text,
                failing_since=now if free.failing_since is None else free.failing_since,
            )
        case Dead(code=code, text=text):
            row = replace(free, state=DeliveryState.DEAD, fail_code=code, fail_text=text)
    require(DELIVERY, delivery.state, row.state)
    return row


def _settle(
    connection: Connection, claimed: DeliveryRow, outcome: DeliveryOutcome, now: float
) -> bool:
    row = after(claimed, outcome, now)
    values = {f"new_{name}": getattr(row, name) for name in _CHANGING}
    fence = {"the_id": row.id, "its_epoch": claimed.epoch, "its_owner": claimed.owner}
    if connection.execute(_WRITE_CLAIMED, values | fence).rowcount != 1:
        return False
    match outcome:
        case Verified():
            _log(connection, row, "delivery.verified", "", now)
            if settle_parcel(connection, row.parcel_id, now):
                roll_up(connection, row.series_id, now)
        case Dead(code=code):
            _log(connection, row, "delivery.dead", code, now)
            roll_up(connection, row.series_id, now)
        case Retry(code=code):
            _log(connection, row, "delivery.retry", code, now)
        case Wait(why=why):
            if why != claimed.waits_for:
                _log(connection, row, "delivery.wait", why, now)
    return True


def _log(connection: Connection, row: DeliveryRow, what: str, why: str, now: float) -> None:
    log(
        connection,
        entry(
            now,
            what,
            why,
            study_id=row.study_id,
            series_id=row.series_id,
            parcel_id=row.parcel_id,
            delivery_id=row.id,
        ),
    )


# --- other statements ---------------------------------------------------------------------------

_DUE_OF = (
    select(schema.delivery.c.destination)
    .where(
        schema.delivery.c.series_id == bindparam("series_id"),
        schema.delivery.c.state == literal_column(repr(DeliveryState.DUE.value)),
        schema.delivery.c.epoch == 0,
    )
    .distinct()
)
_EFFECT = select(schema.effect.c.value).where(
    schema.effect.c.delivery_id == bindparam("the_delivery"),
    schema.effect.c.key == bindparam("the_key"),
)
_FORGET = delete(schema.effect).where(
    schema.effect.c.delivery_id == bindparam("the_delivery"),
    schema.effect.c.key == bindparam("the_key"),
)
_EFFECTS = (
    select(schema.effect.c.key, schema.effect.c.value)
    .where(schema.effect.c.delivery_id == bindparam("the_delivery"))
    .order_by(schema.effect.c.key)
)
_HOLDER = select(schema.placement.c.owner).where(
    schema.placement.c.destination == bindparam("the_destination"),
    schema.placement.c.path == bindparam("the_path"),
)
_PLACED = (
    select(schema.placement.c.path)
    .where(
        schema.placement.c.destination == bindparam("the_destination"),
        schema.placement.c.owner == bindparam("the_owner"),
    )
    .order_by(schema.placement.c.at, schema.placement.c.path)
)
