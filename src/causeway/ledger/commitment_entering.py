"""How a request for storage commitment is entered.

It is known by its source and its transaction UID. One that comes again, as after an answer that was
lost, is not a second one: it is judged anew and reported to whoever asked last. The same
transaction about other objects is refused as a whole (0131H, PS3.3 C.14.1.1).
"""

from __future__ import annotations

from sqlalchemy import (
    Connection,
    bindparam,
    insert,
    select,
    update,
)

from causeway.ledger import commitment_schema
from causeway.ledger.commitment_rows import (
    ASKED_OBJECTS,
    COMMITMENT_COLUMNS,
    DUPLICATE_TRANSACTION,
    CommitmentRow,
    NewCommitment,
    commitment_row,
)
from causeway.ledger.states import (
    COMMITMENT,
    CommitmentState,
    require,
)
from causeway.ledger.store import entry, log


def enter_commitment(connection: Connection, new: NewCommitment, now: float) -> int:
    """The request's id, that of an earlier one if it is the same."""
    known = [
        commitment_row(row)
        for row in connection.execute(
            _SAME, {"the_source": new.caller.source, "the_uid": new.transaction_uid}
        ).mappings()
    ]
    for row in known:
        if row.letter == new.letter:
            return row.id
    for row in known:
        if _pairs(connection, row.id) == frozenset(new.objects):
            _ask_again(connection, row, new, now)
            return row.id
    refused = DUPLICATE_TRANSACTION if known else None
    commitment_id: int = connection.execute(
        _ENTER,
        {
            "letter": new.letter,
            "transaction_uid": new.transaction_uid,
            "source": new.caller.source,
            **_asker(new),
            "state": (CommitmentState.REPORTING if known else CommitmentState.WAITING).value,
            "object_count": len(new.objects),
            "failed_count": len(new.objects) if known else 0,
            "asked_at": new.asked_at,
            "due_at": now,
            "state_at": now,
        },
    ).scalar_one()
    connection.execute(
        _ENTER_OBJECTS,
        [
            {
                "commitment_id": commitment_id,
                "position": position,
                "sop_class_uid": sop_class,
                "sop_instance_uid": sop_instance,
                "reason": refused,
            }
            for position, (sop_class, sop_instance) in enumerate(new.objects)
        ],
    )
    why = f"{commitment_id}: {len(new.objects)} objects, from {new.caller.source}"
    log(connection, entry(now, "commitment.asked", why))
    return commitment_id


def _asker(new: NewCommitment) -> dict[str, str]:
    return {
        "calling_ae": new.caller.calling_ae,
        "called_ae": new.caller.called_ae,
        "peer_address": new.caller.address,
        "association": new.caller.association,
    }


def _ask_again(connection: Connection, row: CommitmentRow, new: NewCommitment, now: float) -> None:
    if row.state is not CommitmentState.WAITING:
        require(COMMITMENT, row.state, CommitmentState.WAITING)
    connection.execute(
        _ASK_AGAIN,
        {
            "the_id": row.id,
            "new_letter": new.letter,
            **{f"new_{name}": value for name, value in _asker(new).items()},
            "new_asked": new.asked_at,
        },
    )
    force_commitment(connection, row, CommitmentState.WAITING, now)
    log(connection, entry(now, "commitment.asked-again", str(row.id)))


def _pairs(connection: Connection, commitment_id: int) -> frozenset[tuple[str, str]]:
    return frozenset(
        (row.sop_class_uid, row.sop_instance_uid)
        for row in connection.execute(ASKED_OBJECTS, {"the_id": commitment_id})
    )


def force_commitment(
    connection: Connection, row: CommitmentRow, state: CommitmentState, now: float
) -> None:
    """Whatever is in hand of it is void from now on."""
    connection.execute(
        _FORCE, {"the_id": row.id, "new_state": state.value, "new_due": now, "now": now}
    )
    if state is CommitmentState.WAITING:
        connection.execute(_UNDECIDE, {"the_id": row.id})


_SAME = (
    select(*COMMITMENT_COLUMNS)
    .where(
        commitment_schema.commitment.c.source == bindparam("the_source"),
        commitment_schema.commitment.c.transaction_uid == bindparam("the_uid"),
    )
    .order_by(commitment_schema.commitment.c.id)
    .with_for_update()
)

_ENTER = insert(commitment_schema.commitment).returning(commitment_schema.commitment.c.id)

_ENTER_OBJECTS = insert(commitment_schema.commitment_object)

_FORCE = (
    update(commitment_schema.commitment)
    .where(commitment_schema.commitment.c.id == bindparam("the_id"))
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("new_due"),
        attempt=0,
        epoch=commitment_schema.commitment.c.epoch + 1,
        fail_code="",
        fail_text="",
        waits_for="",
        state_at=bindparam("now"),
    )
)

_UNDECIDE = (
    update(commitment_schema.commitment_object)
    .where(commitment_schema.commitment_object.c.commitment_id == bindparam("the_id"))
    .values(reason=None)
)

_ASK_AGAIN = (
    update(commitment_schema.commitment)
    .where(commitment_schema.commitment.c.id == bindparam("the_id"))
    .values(
        letter=bindparam("new_letter"),
        calling_ae=bindparam("new_calling_ae"),
        called_ae=bindparam("new_called_ae"),
        peer_address=bindparam("new_peer_address"),
        association=bindparam("new_association"),
        asked_at=bindparam("new_asked"),
        failed_count=0,
    )
)
