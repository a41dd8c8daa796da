"""Quarantine: what is kept, shown, and let through or discarded by a person.

Two kinds of objects are here. One in *conflict* is readable; its header and head are kept beside
it, and a release puts it into its series as one more instance, *approved*, as it shares its UID
with another. An *unreadable* one has no header. If it can be read by now (a better version, a
repaired rule), the caller hands over what was read, and it is indexed like an arrival. If not, a
release lets it through *as it is*: approved, in a study and series of its own whose UIDs begin with
``as-is/`` and whose other fields are empty; there is no head then. Policy and packaging see that,
and the bytes go on unchanged.

Discarding frees the bytes at retirement; the row stays, as a receipt of what was thrown away, by
whom and why.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from causeway.errors import NotAllowed
from causeway.ledger import schema
from causeway.ledger.arrivals import Arrival, Head, Indexed, Outcome
from causeway.ledger.arrive import (
    Joining,
    SeriesKey,
    count_received,
    ensure_series,
    ensure_studies,
    join,
)
from causeway.ledger.cleaned import LEFT_OUT
from causeway.ledger.convert import INSTANCES, instances
from causeway.ledger.engine import Verbs
from causeway.ledger.heads import note_heads
from causeway.ledger.intake import HEADER_COLUMNS, header_columns, header_from_json
from causeway.ledger.release import Rectangle, release_rows, rows_of
from causeway.ledger.rows import InstanceRow
from causeway.ledger.states import (
    INSTANCE_BY_OPERATOR,
    CleanedState,
    InstanceState,
    require,
)
from causeway.ledger.store import LIVE_STATES, entry, lock_series, log
from causeway.values import Header, Identity

AS_IS = "as-is/"
"""Begins the UIDs of a study and series made for an object without a readable header."""


class QuarantineVerbs(Verbs):
    """Objects that wait for a person's decision."""

    def quarantined(self, *, limit: int = 100, offset: int = 0) -> tuple[InstanceRow, ...]:
        """What is in quarantine, the latest first."""
        query = _QUARANTINED.limit(limit).offset(offset)
        return self._db.read(lambda connection: instances(connection, query))

    def quarantine_release(
        self,
        instance_id: int,
        *,
        who: str,
        why: str,
        now: float,
        item: Indexed | None = None,
        regions: Sequence[Rectangle] = (),
        excused: bool = False,
    ) -> Outcome:
        """Let an object through; ``item`` is what was read of it, if that is possible by now.

        ``regions`` and ``excused`` are as in ``release_cleaned``, for what was left out.
        """

        def work(connection: Connection) -> Outcome:
            outcome = _release(connection, instance_id, item, (who, why, now))
            left_out = [
                row
                for row in rows_of(connection, instance_id)
                if row.state is CleanedState.LEFT_OUT
            ]
            release_rows(
                connection, left_out, who=who, why=why, now=now, regions=regions, excused=excused
            )
            return outcome

        return self._db.write(work)

    def quarantine_discard(self, instance_id: int, *, who: str, why: str, now: float) -> None:
        """Throw an object away; its row stays as a receipt."""

        def work(connection: Connection) -> None:
            instance = _need(connection, instance_id, who)
            require(INSTANCE_BY_OPERATOR, instance.state, InstanceState.DISCARDED, by="discard")
            connection.execute(
                _DISCARD, {"the_id": instance_id, "now": now, "why": instance.reason or "operator"}
            )
            log(
                connection,
                entry(now, "instance.discarded", why, who=who, study_id=instance.study_id,
                      instance_id=instance_id),
            )  # fmt: skip

        self._db.write(work)


def _need(connection: Connection, instance_id: int, who: str) -> InstanceRow:
    if not who:
        raise NotAllowed("it must be said who does this")
    found = instances(connection, _LOCKED, the_id=instance_id)
    if not found:
        raise NotAllowed(f"there is no instance {instance_id}")
    return found[0]


def _release(
    connection: Connection,
    instance_id: int,
    item: Indexed | None,
    act: tuple[str, str, float],
) -> Outcome:
    who, why, now = act
    instance = _need(connection, instance_id, who)
    require(INSTANCE_BY_OPERATOR, instance.state, InstanceState.INDEXED, by="release")
    if instance.reason == LEFT_OUT and instance.series_id is not None:
        return _rejoin(connection, instance, instance.series_id, act)
    header, head, approved = _header(connection, instance, item)
    rival = _rival(connection, header.sop_instance_uid, instance_id)
    if rival is not None and rival.digest == instance.digest:
        return _is_duplicate(connection, instance, rival, act)
    receipt = instance.receipt
    joining = Joining(
        header=header,
        receipt=receipt,
        size=instance.size,
        due_at=item.due_at if item else now,
        expected_count=item.expected_count if item else None,
    )
    study_id = ensure_studies(connection, [(header, now)])[header.study_instance_uid]
    key = SeriesKey(study_id, header.series_instance_uid)
    series = ensure_series(connection, {key: joining}, now)[key]
    if instance.study_id is None:
        count_received(connection, [(study_id, now)])
    connection.execute(
        _LET_THROUGH,
        {
            "the_id": instance_id,
            "new_study": study_id,
            "new_series": series.id,
            "new_approved": int(approved or rival is not None),
            "now": now,
            **{f"new_{name}": value for name, value in header_columns(receipt, header).items()},
        },
    )
    if head is not None:
        note_heads(connection, [(series.id, head, receipt.received_at)])
    reopened = join(connection, [(series, joining)], now)
    log(
        connection,
        entry(now, "instance.release", why, who=who, study_id=study_id, series_id=series.id,
              instance_id=instance_id),
    )  # fmt: skip
    return Outcome(
        arrival=Arrival.REOPENED if series.id in reopened else Arrival.FRESH,
        instance_id=instance_id,
        series_id=series.id,
        study_id=study_id,
    )


def _rejoin(
    connection: Connection, instance: InstanceRow, series_id: int, act: tuple[str, str, float]
) -> Outcome:
    """What was left out of its series comes back into it, as if it had come late."""
    who, why, now = act
    rival = _rival(connection, instance.sop_instance_uid, instance.id)
    connection.execute(
        _COME_BACK, {"the_id": instance.id, "new_approved": int(rival is not None), "now": now}
    )
    receipt = instance.receipt
    joining = Joining(
        header=_bare(instance, instance.sop_instance_uid, instance.sop_instance_uid),
        receipt=receipt,
        size=instance.size,
        due_at=now,
    )
    series = lock_series(connection, [series_id])[series_id]
    reopened = join(connection, [(series, joining)], now)
    log(
        connection,
        entry(now, "instance.release", why, who=who, study_id=instance.study_id,
              series_id=series_id, instance_id=instance.id),
    )  # fmt: skip
    return Outcome(
        arrival=Arrival.REOPENED if series_id in reopened else Arrival.FRESH,
        instance_id=instance.id,
        series_id=series_id,
        study_id=instance.study_id,
    )


def _bare(instance: InstanceRow, study_uid: str, series_uid: str) -> Header:
    return Header(
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        study_instance_uid=study_uid,
        series_instance_uid=series_uid,
        identity=Identity(),
    )


def _header(
    connection: Connection, instance: InstanceRow, item: Indexed | None
) -> tuple[Header, Head | None, bool]:
    """Header and head to index it by, and whether only a person's word stands for it."""
    if item is not None:
        if item.record.digest != instance.digest:
            raise NotAllowed(f"what was read is not the object of instance {instance.id}")
        return item.header, item.head, False
    kept = connection.execute(_KEPT_HEADER, {"the_id": instance.id}).one_or_none()
    if kept is not None:
        return header_from_json(kept.header), _kept_head(kept), False
    own = f"{AS_IS}{instance.id}"
    return _bare(instance, own, own), None, True


def _kept_head(kept: Row[Any]) -> Head | None:
    if kept.head_digest is None:
        return None
    from causeway.attributes import Attributes

    return Head(digest=kept.head_digest, attributes=Attributes.from_json(kept.attributes))


def _rival(connection: Connection, sop_instance_uid: str, instance_id: int) -> InstanceRow | None:
    found = instances(connection, _LIVE_BEARER, uid=sop_instance_uid, the_id=instance_id)
    return found[0] if found else None


def _is_duplicate(
    connection: Connection,
    instance: InstanceRow,
    original: InstanceRow,
    act: tuple[str, str, float],
) -> Outcome:
    """The same bytes have arrived in a readable way since: there is nothing to let through."""
    who, why, now = act
    require(INSTANCE_BY_OPERATOR, instance.state, InstanceState.DUPLICATE, by="release")
    study_id = instance.study_id
    if study_id is None and original.study_id is not None:
        study_id = original.study_id
        count_received(connection, [(study_id, now)])
    connection.execute(
        _IS_DUPLICATE,
        {
            "the_id": instance.id,
            "new_original": original.id,
            "new_study": study_id,
            "new_series": original.series_id,
            "now": now,
        },
    )
    log(
        connection,
        entry(now, "instance.duplicate", why, who=who, study_id=study_id,
              instance_id=instance.id),
    )  # fmt: skip
    return Outcome(
        arrival=Arrival.DUPLICATE,
        instance_id=instance.id,
        series_id=original.series_id,
        study_id=study_id,
    )


# --- statements ---------------------------------------------------------------------------------

_i = schema.instance.c

_QUARANTINED = INSTANCES.where(
    _i.state == InstanceState.QUARANTINED.value, _i.bytes_gone_at.is_(None)
).order_by(_i.state_at.desc(), _i.id.desc())
_LOCKED = INSTANCES.where(_i.id == bindparam("the_id")).with_for_update(of=schema.instance)
_KEPT_HEADER = select(schema.quarantine).where(
    schema.quarantine.c.instance_id == bindparam("the_id")
)
_LIVE_BEARER = (
    INSTANCES.where(
        _i.sop_instance_uid == bindparam("uid"),
        _i.state.in_(LIVE_STATES),
        _i.id != bindparam("the_id"),
    )
    .order_by(_i.approved, _i.id)
    .limit(1)
)
_HEADER_NAMES = ("sop_class_uid", "sop_instance_uid", *HEADER_COLUMNS)
_LET_THROUGH_VALUES: dict[Any, Any] = {name: bindparam(f"new_{name}") for name in _HEADER_NAMES}
_LET_THROUGH = (
    update(schema.instance)
    .where(_i.id == bindparam("the_id"))
    .values(
        {
            "state": InstanceState.INDEXED.value,
            "study_id": bindparam("new_study"),
            "series_id": bindparam("new_series"),
            "approved": bindparam("new_approved"),
            "state_at": bindparam("now"),
            **_LET_THROUGH_VALUES,
        }
    )
)
_COME_BACK = (
    update(schema.instance)
    .where(_i.id == bindparam("the_id"))
    .values(
        state=InstanceState.INDEXED.value,
        reason="",
        approved=bindparam("new_approved"),
        state_at=bindparam("now"),
    )
)
_IS_DUPLICATE = (
    update(schema.instance)
    .where(_i.id == bindparam("the_id"))
    .values(
        state=InstanceState.DUPLICATE.value,
        original_id=bindparam("new_original"),
        study_id=bindparam("new_study"),
        series_id=bindparam("new_series"),
        state_at=bindparam("now"),
    )
)
_DISCARD = (
    update(schema.instance)
    .where(_i.id == bindparam("the_id"))
    .values(state=InstanceState.DISCARDED.value, reason=bindparam("why"), state_at=bindparam("now"))
)
