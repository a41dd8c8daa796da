"""What became of each instance of a delivery, and what a destination remembers of itself.

Written in batches while an attempt goes on, so that the next one sends only what is missing. Before
a batch is handed to the destination, ``begun`` says how far; an attempt that ends without a word
leaves those without an outcome *unsure*. Both are written under the claim, so that one who has lost
it changes nothing, and hears of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, bindparam, case, delete, func, select, text, update

from causeway.ledger import schema
from causeway.ledger.claims import DeliveryClaim
from causeway.ledger.convert import IDS_AT_ONCE, outcome_row
from causeway.ledger.engine import Verbs, upsert
from causeway.ledger.rows import OutcomeRow
from causeway.values import Standing


class OutcomeVerbs(Verbs):
    """Instances on their way, one by one."""

    def outcomes(self, delivery_id: int) -> tuple[OutcomeRow, ...]:
        """What is known of the instances of a delivery, in the order of their ids."""
        return self._db.read(
            lambda connection: tuple(
                outcome_row(row)
                for row in connection.execute(_OUTCOMES, {"the_delivery": delivery_id}).mappings()
            )
        )

    def note_outcomes(
        self,
        claim: DeliveryClaim,
        outcomes: Sequence[OutcomeRow],
        *,
        begun: int = 0,
        again: Sequence[int] = (),
    ) -> bool:
        """Write down outcomes, and that instances up to ``begun`` are about to be sent.

        ``again`` are those of them that have an outcome already; they are unsure from now on.
        False: the claim is void, and nothing was changed.
        """
        delivery = claim.delivery
        fence = {"the_id": delivery.id, "its_epoch": delivery.epoch, "its_owner": delivery.owner}

        def work(connection: Connection) -> bool:
            if connection.execute(_BEGUN, fence | {"up_to": begun}).rowcount != 1:
                return False
            upsert(
                connection,
                schema.outcome,
                [
                    {**asdict(row), "standing": row.standing.value,
                     "already_there": int(row.already_there)}
                    for row in outcomes
                ],
            )  # fmt: skip
            for start in range(0, len(again), IDS_AT_ONCE):
                ids = list(again[start : start + IDS_AT_ONCE])
                connection.execute(_UNSURE, {"the_delivery": delivery.id, "ids": ids})
            return True

        return self._db.write(work)

    def remember(self, destination: str, key: str, value: str | None, *, at: float) -> None:
        """Keep what a destination wants to know later; None forgets it."""

        def work(connection: Connection) -> None:
            if value is None:
                connection.execute(_FORGET, {"the_destination": destination, "the_key": key})
            else:
                row = {"destination": destination, "key": key, "value": value, "at": at}
                upsert(connection, schema.memory, [row])

        self._db.write(work)

    def remembered(self, destination: str, prefix: str = "") -> Mapping[str, str]:
        """What a destination has kept under keys that begin so, in their order."""
        values = {"the_destination": destination, "beginning": prefix, "length": len(prefix)}
        return self._db.read(
            lambda connection: {
                row.key: row.value for row in connection.execute(_REMEMBERED, values)
            }
        )


def again_refused(connection: Connection, delivery_ids: Sequence[int]) -> None:
    """A person wants what was refused to be sent once more."""
    for start in range(0, len(delivery_ids), IDS_AT_ONCE):
        ids = list(delivery_ids[start : start + IDS_AT_ONCE])
        connection.execute(_AGAIN_REFUSED, {"ids": ids})


_AGAIN_REFUSED = (
    update(schema.outcome)
    .where(
        schema.outcome.c.delivery_id.in_(bindparam("ids", expanding=True)),
        text("standing = 'refused'"),  # so that SQLite finds the partial index
    )
    .values(standing=Standing.AGAIN.value)
)
_OUTCOMES = (
    select(schema.outcome)
    .where(schema.outcome.c.delivery_id == bindparam("the_delivery"))
    .order_by(schema.outcome.c.instance_id)
)
_BEGUN = (
    update(schema.delivery)
    .where(
        schema.delivery.c.id == bindparam("the_id"),
        schema.delivery.c.epoch == bindparam("its_epoch"),
        schema.delivery.c.owner == bindparam("its_owner"),
    )
    .values(
        begun=case(
            (schema.delivery.c.begun < bindparam("up_to"), bindparam("up_to")),
            else_=schema.delivery.c.begun,
        )
    )
)
_UNSURE = (
    update(schema.outcome)
    .where(
        schema.outcome.c.delivery_id == bindparam("the_delivery"),
        schema.outcome.c.instance_id.in_(bindparam("ids", expanding=True)),
    )
    .values(standing=Standing.UNSURE.value)
)
_FORGET = delete(schema.memory).where(
    schema.memory.c.destination == bindparam("the_destination"),
    schema.memory.c.key == bindparam("the_key"),
)
_REMEMBERED = (
    select(schema.memory.c.key, schema.memory.c.value)
    .where(
        schema.memory.c.destination == bindparam("the_destination"),
        func.substr(schema.memory.c.key, 1, bindparam("length")) == bindparam("beginning"),
    )
    .order_by(schema.memory.c.key)
)
