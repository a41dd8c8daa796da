"""Intake: records of the spool become rows, a batch in one transaction.

Each item of a batch goes the same way:

1. *Position.* Records of a container come in order and without a gap, so the position says which
   are new. One that lies before it was indexed already and is only looked up: a scan after a crash
   repeats nothing. One that leaves a gap is refused, as the position would pass over something
   that was never indexed. The position also counts the records that it passes; custody holds this
   counter against the rows.
2. *What it is.* By SOP Instance UID and digest, against the objects that are here and the earlier
   ones of the batch: new, the same again, or in conflict (see ``classify``).
3. *Rows.* Study, series and instance come to be, the series is told (see ``arrive``), and what its
   header says is noted (see ``heads``).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from causeway.ledger import schema
from causeway.ledger.arrivals import Arrival, Damaged, Indexed, Item, Outcome
from causeway.ledger.arrive import (
    Joining,
    SeriesKey,
    count_received,
    ensure_series,
    ensure_studies,
    join,
)
from causeway.ledger.classify import Case, classify_all
from causeway.ledger.engine import Verbs
from causeway.ledger.heads import note_heads
from causeway.ledger.positions import pass_over
from causeway.ledger.states import InstanceState
from causeway.ledger.store import entry, log
from causeway.values import Header, Identity, Receipt, SpoolAddress


class IntakeVerbs(Verbs):
    """From the spool into the ledger."""

    def index(self, batch: Sequence[Item], *, now: float) -> tuple[Outcome, ...]:
        """Index a batch, all of it or nothing; answers each item in order.

        Raises ``NotAllowed`` when an item of a container does not start at its position.
        """
        if not batch:
            return ()
        return self._db.write(lambda connection: _Intake(connection, now).run(batch))


class _Intake:
    """One transaction's work on a batch."""

    def __init__(self, connection: Connection, now: float) -> None:
        self._connection = connection
        self._now = now

    def run(self, batch: Sequence[Item]) -> tuple[Outcome, ...]:
        passed = pass_over(self._connection, batch, self._now)
        cases = classify_all(
            self._connection,
            [
                item
                for item, seen in zip(batch, passed, strict=True)
                if seen is None and not isinstance(item, Damaged)
            ],
        )
        self._make_studies_and_series(cases)
        self._make_instances(cases)
        reopened = self._join(cases)
        self._tell(cases)
        outcomes = {case.record.address: _outcome(case, reopened) for case in cases}
        answers: list[Outcome] = []
        for item, seen in zip(batch, passed, strict=True):
            if isinstance(seen, Outcome):
                answers.append(seen)
                if not isinstance(item, Damaged):
                    outcomes[item.record.address] = seen
            elif seen is not None:
                answers.append(replace(outcomes[seen], arrival=Arrival.KNOWN))
            else:
                assert not isinstance(item, Damaged)
                answers.append(outcomes[item.record.address])
        return tuple(answers)

    def _make_studies_and_series(self, cases: Sequence[Case]) -> None:
        headers = [
            (case.item.header, case.record.receipt.received_at)
            for case in cases
            if isinstance(case.item, Indexed) and case.arrival is not Arrival.DUPLICATE
        ]
        studies = ensure_studies(self._connection, headers)
        wanted: dict[SeriesKey, Joining] = {}
        keys: list[tuple[Case, SeriesKey]] = []
        for case in cases:
            if not isinstance(case.item, Indexed) or case.arrival is Arrival.DUPLICATE:
                continue
            study_id = studies[case.item.header.study_instance_uid]
            case.bearer.study_id = study_id
            if case.arrival is Arrival.FRESH:
                key = SeriesKey(study_id, case.item.header.series_instance_uid)
                wanted.setdefault(key, _joining(case.item))
                keys.append((case, key))
        series = ensure_series(self._connection, wanted, self._now)
        for case, key in keys:
            case.series = series[key]
            case.bearer.series_id = series[key].id

    def _make_instances(self, cases: Sequence[Case]) -> None:
        """Insert the rows; what points to an original comes after it."""
        for arrivals in _INSERTION_ORDER:
            chosen = {case.record.address: case for case in cases if case.arrival in arrivals}
            if not chosen:
                continue
            for case in chosen.values():
                if case.arrival is Arrival.DUPLICATE and case.original is not None:
                    case.bearer.study_id = case.original.study_id
                    case.bearer.series_id = case.original.series_id
            values = [self._instance(case) for case in chosen.values()]
            for row in self._connection.execute(_INSERT, values):
                address = SpoolAddress(row.origin_container, row.origin_offset)
                chosen[address].bearer.id = row.id

    def _instance(self, case: Case) -> dict[str, Any]:
        record, receipt, header = case.record, case.record.receipt, case.header
        caller = receipt.caller
        bearer = case.bearer
        return {
            "study_id": bearer.study_id,
            "series_id": bearer.series_id,
            "state": bearer.state.value,
            "reason": bearer.reason,
            "conflict": int(case.arrival is Arrival.CONFLICT),
            "approved": 0,
            "original_id": case.original.id if case.original else None,
            "origin_container": record.address.container,
            "origin_offset": record.address.offset,
            "container": record.address.container,
            "offset": record.address.offset,
            "size": record.size,
            "digest": record.digest,
            "transfer_syntax_uid": receipt.transfer_syntax_uid,
            **header_columns(receipt, header),
            "source": caller.source,
            "calling_ae": caller.calling_ae,
            "called_ae": caller.called_ae,
            "peer_address": caller.address,
            "certificate": caller.certificate,
            "move_originator": receipt.move_originator,
            "association": caller.association,
            "received_at": receipt.received_at,
            "state_at": self._now,
        }

    def _join(self, cases: Sequence[Case]) -> frozenset[int]:
        joins = [
            (case.series, _joining(case.item))
            for case in cases
            if case.series is not None and isinstance(case.item, Indexed)
        ]
        count_received(
            self._connection,
            (
                (case.bearer.study_id, case.record.receipt.received_at)
                for case in cases
                if case.bearer.study_id is not None
            ),
        )
        note_heads(
            self._connection,
            (
                (case.series.id, case.item.head, case.record.receipt.received_at)
                for case in cases
                if case.series is not None
                and isinstance(case.item, Indexed)
                and case.item.head is not None
            ),
        )
        return join(self._connection, joins, self._now)

    def _tell(self, cases: Sequence[Case]) -> None:
        conflicts = [case for case in cases if case.arrival is Arrival.CONFLICT]
        if conflicts:
            self._connection.execute(
                _FLAG, {"ids": [case.original.id for case in conflicts if case.original]}
            )
            self._connection.execute(
                insert(schema.quarantine),
                [
                    {
                        "instance_id": case.bearer.id,
                        "header": header_to_json(case.item.header),
                        "head_digest": case.item.head and case.item.head.digest,
                        "attributes": case.item.head and case.item.head.attributes.to_json(),
                    }
                    for case in conflicts
                    if isinstance(case.item, Indexed)
                ],
            )
        log(
            self._connection,
            *(
                entry(
                    self._now,
                    "instance.quarantined",
                    case.bearer.reason,
                    study_id=case.bearer.study_id,
                    instance_id=case.bearer.id,
                )
                for case in cases
                if case.bearer.state is InstanceState.QUARANTINED
            ),
        )


HEADER_COLUMNS = {
    "instance_number": "instance_number",
    "acquisition_number": "acquisition_number",
    "images_in_acquisition": "images_in_acquisition",
    "number_of_frames": "number_of_frames",
    "image_type": "image_type",
    "rows": "rows",
    "columns": "columns",
    "orientation": "image_orientation",
    "position": "image_position",
    "referenced_series": "referenced_series",
    "charset": "charset",
}
"""Columns of an instance, and the field of its header that each is filled from."""


# --- deciding -----------------------------------------------------------------------------------


def _outcome(case: Case, reopened: frozenset[int]) -> Outcome:
    arrival = case.arrival
    if arrival is Arrival.FRESH and case.bearer.series_id in reopened:
        arrival = Arrival.REOPENED
    return Outcome(
        arrival=arrival,
        instance_id=case.bearer.id,
        series_id=case.bearer.series_id,
        study_id=case.bearer.study_id,
    )


def _joining(item: Indexed) -> Joining:
    return Joining(
        header=item.header,
        receipt=item.record.receipt,
        size=item.record.size,
        due_at=item.due_at,
        expected_count=item.expected_count,
    )


def header_columns(receipt: Receipt, header: Header | None) -> dict[str, Any]:
    """The columns of an instance that its header fills; of an unreadable one, the receipt does."""
    if header is None:
        return {
            "sop_class_uid": receipt.sop_class_uid,
            "sop_instance_uid": receipt.sop_instance_uid,
            **dict.fromkeys(HEADER_COLUMNS, ""),
        }
    return {
        "sop_class_uid": header.sop_class_uid,
        "sop_instance_uid": header.sop_instance_uid,
        **{column: getattr(header, name) for column, name in HEADER_COLUMNS.items()},
    }


def header_to_json(header: Header) -> str:
    return json.dumps(asdict(header), ensure_ascii=False)


def header_from_json(text: str) -> Header:
    values = json.loads(text)
    return Header(**{**values, "identity": Identity(**values["identity"])})


# --- statements ---------------------------------------------------------------------------------

_INSERTION_ORDER = (
    (Arrival.FRESH, Arrival.QUARANTINED),
    (Arrival.CONFLICT,),
    (Arrival.DUPLICATE,),
)
_INSERT = insert(schema.instance).returning(
    schema.instance.c.id, schema.instance.c.origin_container, schema.instance.c.origin_offset
)
_FLAG = (
    update(schema.instance)
    .where(schema.instance.c.id.in_(bindparam("ids", expanding=True)))
    .values(conflict=1)
)
