"""Requests for storage commitment: judged, reported, and what a person does about them.

A report is claimed like other work: the attempt counts at the claim, whose time it is due again
after is its lease, and the result is taken only where nobody has claimed since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)

from causeway.errors import NotAllowed
from causeway.ledger import commitment_schema, schema
from causeway.ledger.claims import Dead, Retry, Wait
from causeway.ledger.commitment_entering import enter_commitment, force_commitment
from causeway.ledger.commitment_rows import (
    ASKED_OBJECTS,
    COMMITMENT_COLUMNS,
    AskedObject,
    CommitmentRow,
    KnownObject,
    NewCommitment,
    ReportOutcome,
    Told,
    commitment_row,
)
from causeway.ledger.convert import IDS_AT_ONCE
from causeway.ledger.engine import Verbs
from causeway.ledger.states import (
    COMMITMENT,
    COMMITMENT_BY_OPERATOR,
    CommitmentState,
    InstanceState,
    SeriesState,
    require,
)
from causeway.ledger.store import entry, log


class CommitmentVerbs(Verbs):
    """The life of a request for commitment."""

    def enter_commitment(self, new: NewCommitment, *, now: float) -> int:
        """Enter a request; answers its id, that of an earlier one if it is the same."""
        return self._db.write(lambda connection: enter_commitment(connection, new, now))

    def commitments_due(self, *, now: float, limit: int) -> tuple[CommitmentRow, ...]:
        """Requests to be judged, the oldest first."""
        values = {"now": now, "limit": limit}
        return self._db.read(
            lambda connection: tuple(
                commitment_row(row) for row in connection.execute(_TO_JUDGE, values).mappings()
            )
        )

    def commitment_objects(self, commitment_id: int) -> tuple[AskedObject, ...]:
        """What a request asks about, and what is known of each."""
        return self._db.read(lambda connection: _objects(connection, commitment_id))

    def judge_commitment(
        self, row: CommitmentRow, reasons: Mapping[int, int], *, now: float
    ) -> bool:
        """All is decided: a reason for each position, 0 where it is safe. False if it has moved."""

        def work(connection: Connection) -> bool:
            require(COMMITMENT, row.state, CommitmentState.REPORTING)
            failed = sum(reason != 0 for reason in reasons.values())
            changed = connection.execute(
                _MOVE,
                {
                    "the_id": row.id, "its_epoch": row.epoch, "its_state": row.state.value,
                    "new_state": CommitmentState.REPORTING.value, "new_due": now,
                    "new_attempt": 0, "new_failed": failed, "new_code": "", "new_text": "",
                    "new_wait": "", "now": now,
                },
            )  # fmt: skip
            if changed.rowcount != 1:
                return False
            connection.execute(
                _DECIDE,
                [
                    {"the_id": row.id, "the_position": position, "new_reason": reason}
                    for position, reason in reasons.items()
                ],
            )
            log(connection, entry(now, "commitment.judged", f"{row.id}: {failed} refused"))
            return True

        return self._db.write(work)

    def postpone_commitment(self, row: CommitmentRow, *, until: float, waits_for: str) -> bool:
        """Not all is decided: look again then. False if it has moved."""
        return self._db.write(
            lambda connection: connection.execute(
                _POSTPONE,
                {
                    "the_id": row.id, "its_epoch": row.epoch, "its_state": row.state.value,
                    "new_due": until, "new_wait": waits_for,
                },
            ).rowcount == 1
        )  # fmt: skip

    def claim_reports(
        self, *, now: float, limit: int, lease_seconds: float
    ) -> tuple[CommitmentRow, ...]:
        """Take reports that are due; each comes back after the lease unless it is settled."""

        def work(connection: Connection) -> tuple[CommitmentRow, ...]:
            rows = [
                commitment_row(row)
                for row in connection.execute(_TO_REPORT, {"now": now, "limit": limit}).mappings()
            ]
            if rows:
                connection.execute(
                    _CLAIM, [{"the_id": row.id, "until": now + lease_seconds} for row in rows]
                )
            return tuple(replace(row, attempt=row.attempt + 1, epoch=row.epoch + 1) for row in rows)

        return self._db.write(work)

    def settle_report(self, claim: CommitmentRow, outcome: ReportOutcome, *, now: float) -> bool:
        """Say what became of a report. False: it is not yours any more, and nothing was changed."""
        return self._db.write(lambda connection: _settle(connection, claim, outcome, now))

    def commitments(
        self, *, states: Sequence[CommitmentState] = (), limit: int = 100
    ) -> tuple[CommitmentRow, ...]:
        """Requests, the latest first; of these states, or all."""
        query = _ALL
        if states:
            query = query.where(
                commitment_schema.commitment.c.state.in_([each.value for each in states])
            )
        return self._db.read(
            lambda connection: tuple(
                commitment_row(row) for row in connection.execute(query.limit(limit)).mappings()
            )
        )

    def commitment(self, commitment_id: int) -> CommitmentRow | None:
        return self._db.read(lambda connection: _find(connection, _ONE, commitment_id))

    def commitment_counts(self) -> Mapping[CommitmentState, int]:
        return self._db.read(
            lambda connection: {
                CommitmentState(row.state): row.number for row in connection.execute(_COUNTS)
            }
        )

    def retry_commitment(self, commitment_id: int, *, who: str, why: str, now: float) -> None:
        """Judge it anew and report it now; what waits for its next try is tried now.

        Raises ``NotAllowed`` for one that was discarded, or that there is not.
        """

        def work(connection: Connection) -> None:
            row = _need(connection, commitment_id, who)
            new = row.state
            if row.state in (CommitmentState.REPORTED, CommitmentState.DEAD):
                new = CommitmentState.WAITING
                require(COMMITMENT_BY_OPERATOR, row.state, new, by="retry")
            elif row.state is CommitmentState.DISCARDED:
                raise NotAllowed(
                    f"request {commitment_id} was discarded",
                    hint="the requester has to ask once more",
                )
            force_commitment(connection, row, new, now)
            log(connection, entry(now, "commitment.retry", f"{row.id} {why}".strip(), who=who))

        self._db.write(work)

    def discard_commitment(self, commitment_id: int, *, who: str, why: str, now: float) -> None:
        """It is not reported any more. Raises ``NotAllowed``."""

        def work(connection: Connection) -> None:
            row = _need(connection, commitment_id, who)
            require(COMMITMENT_BY_OPERATOR, row.state, CommitmentState.DISCARDED, by="discard")
            force_commitment(connection, row, CommitmentState.DISCARDED, now)
            log(connection, entry(now, "commitment.discard", f"{row.id} {why}".strip(), who=who))

        self._db.write(work)

    def forget_commitments(self, *, before: float) -> int:
        """Remove requests that are over since then; their number. The events stay."""

        def work(connection: Connection) -> int:
            values = {"before": before}
            connection.execute(_FORGET_OBJECTS, values)
            return connection.execute(_FORGET, values).rowcount

        return self._db.write(work)


def _objects(connection: Connection, commitment_id: int) -> tuple[AskedObject, ...]:
    rows = connection.execute(ASKED_OBJECTS, {"the_id": commitment_id}).all()
    known: dict[str, list[KnownObject]] = {}
    uids = sorted({row.sop_instance_uid for row in rows})
    for start in range(0, len(uids), IDS_AT_ONCE):
        for found in connection.execute(_KNOWN, {"uids": uids[start : start + IDS_AT_ONCE]}):
            known.setdefault(found.sop_instance_uid, []).append(
                KnownObject(
                    sop_class_uid=found.sop_class_uid,
                    state=InstanceState(found.state),
                    series_state=SeriesState(found.series_state) if found.series_state else None,
                )
            )
    return tuple(
        AskedObject(
            position=row.position,
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=row.sop_instance_uid,
            reason=row.reason,
            known=tuple(known.get(row.sop_instance_uid, ())),
        )
        for row in rows
    )


def _settle(
    connection: Connection, claim: CommitmentRow, outcome: ReportOutcome, now: float
) -> bool:
    values: dict[str, Any] = {
        "the_id": claim.id, "its_epoch": claim.epoch, "its_state": claim.state.value,
        "new_state": claim.state.value, "new_due": now, "new_attempt": claim.attempt,
        "new_failed": claim.failed_count, "new_code": "", "new_text": "", "new_wait": "",
        "now": now,
    }  # fmt: skip
    told = ""
    match outcome:
        case Told():
            require(COMMITMENT, claim.state, CommitmentState.REPORTED)
            values["new_state"] = CommitmentState.REPORTED.value
            told = "commitment.reported"
        case Wait(until=until, why=why):
            values |= {"new_due": until, "new_wait": why, "new_attempt": claim.attempt - 1}
        case Retry(at=at, code=code, text=text):
            values |= {"new_due": at, "new_code": code, "new_text": text}
        case Dead(code=code, text=text):
            require(COMMITMENT, claim.state, CommitmentState.DEAD)
            values |= {"new_state": CommitmentState.DEAD.value, "new_code": code, "new_text": text}
            told = "commitment.dead"
    if connection.execute(_MOVE, values).rowcount != 1:
        return False
    if told:
        log(connection, entry(now, told, str(claim.id)))
    return True


def _need(connection: Connection, commitment_id: int, who: str) -> CommitmentRow:
    if not who:
        raise NotAllowed("it must be said who does this")
    row = _find(connection, _ONE.with_for_update(), commitment_id)
    if row is None:
        raise NotAllowed(
            f"there is no request {commitment_id}", hint="see `causeway commitments list`"
        )
    return row


def _find(connection: Connection, query: Select[Any], commitment_id: int) -> CommitmentRow | None:
    found = connection.execute(query, {"the_id": commitment_id}).mappings().one_or_none()
    return None if found is None else commitment_row(found)


_ALL = select(*COMMITMENT_COLUMNS).order_by(commitment_schema.commitment.c.id.desc())

_ONE = select(*COMMITMENT_COLUMNS).where(commitment_schema.commitment.c.id == bindparam("the_id"))


def _due_in(state: CommitmentState) -> Select[Any]:
    """Written out, so that the partial index serves both the search and the order."""
    return (
        select(*COMMITMENT_COLUMNS)
        .where(
            commitment_schema.commitment.c.state == literal_column(repr(state.value)),
            commitment_schema.commitment.c.due_at <= bindparam("now"),
        )
        .order_by(commitment_schema.commitment.c.due_at)
        .limit(bindparam("limit"))
    )


_TO_JUDGE = _due_in(CommitmentState.WAITING)

_TO_REPORT = _due_in(CommitmentState.REPORTING).with_for_update(skip_locked=True)

_KNOWN = (
    select(
        schema.instance.c.sop_instance_uid,
        schema.instance.c.sop_class_uid,
        schema.instance.c.state,
        schema.series.c.state.label("series_state"),
    )
    .join(schema.series, schema.series.c.id == schema.instance.c.series_id, isouter=True)
    .where(schema.instance.c.sop_instance_uid.in_(bindparam("uids", expanding=True)))
)

_MOVE = (
    update(commitment_schema.commitment)
    .where(
        commitment_schema.commitment.c.id == bindparam("the_id"),
        commitment_schema.commitment.c.epoch == bindparam("its_epoch"),
        commitment_schema.commitment.c.state == bindparam("its_state"),
    )
    .values(
        state=bindparam("new_state"),
        due_at=bindparam("new_due"),
        attempt=bindparam("new_attempt"),
        failed_count=bindparam("new_failed"),
        fail_code=bindparam("new_code"),
        fail_text=bindparam("new_text"),
        waits_for=bindparam("new_wait"),
        state_at=bindparam("now"),
    )
)

_POSTPONE = (
    update(commitment_schema.commitment)
    .where(
        commitment_schema.commitment.c.id == bindparam("the_id"),
        commitment_schema.commitment.c.epoch == bindparam("its_epoch"),
        commitment_schema.commitment.c.state == bindparam("its_state"),
    )
    .values(due_at=bindparam("new_due"), waits_for=bindparam("new_wait"))
)

_CLAIM = (
    update(commitment_schema.commitment)
    .where(commitment_schema.commitment.c.id == bindparam("the_id"))
    .values(
        due_at=bindparam("until"),
        attempt=commitment_schema.commitment.c.attempt + 1,
        epoch=commitment_schema.commitment.c.epoch + 1,
    )
)

_DECIDE = (
    update(commitment_schema.commitment_object)
    .where(
        commitment_schema.commitment_object.c.commitment_id == bindparam("the_id"),
        commitment_schema.commitment_object.c.position == bindparam("the_position"),
    )
    .values(reason=bindparam("new_reason"))
)

_COUNTS = select(commitment_schema.commitment.c.state, func.count().label("number")).group_by(
    commitment_schema.commitment.c.state
)

_OVER = (
    commitment_schema.commitment.c.state.in_(
        [CommitmentState.REPORTED.value, CommitmentState.DISCARDED.value]
    )
) & (commitment_schema.commitment.c.state_at < bindparam("before"))

_FORGET_OBJECTS = delete(commitment_schema.commitment_object).where(
    commitment_schema.commitment_object.c.commitment_id.in_(
        select(commitment_schema.commitment.c.id).where(_OVER)
    )
)

_FORGET = delete(commitment_schema.commitment).where(_OVER)
