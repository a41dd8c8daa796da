"""What a person says of instances that de-identification holds or doubts.

Released, an instance is cleaned once more by that word: its pixels may leave, without the regions
that the person names; or what the proof has found names nobody. Left out, it does not go where this
is asked for. Once nothing of a series waits any more, the series goes on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from sqlalchemy import Connection, bindparam, func, literal_column, select, update

from causeway.errors import NotAllowed
from causeway.ledger import cleaning_schema, schema
from causeway.ledger.convert import INSTANCES, cleaned_row, instances
from causeway.ledger.engine import Verbs
from causeway.ledger.operator import release_series
from causeway.ledger.rows import CleanedRow, InstanceRow
from causeway.ledger.states import (
    CLEANED_BY_OPERATOR,
    UNDECIDED,
    CleanedState,
    SeriesState,
    require,
)
from causeway.ledger.store import entry, lock_series, log
from causeway.ledger.work import DEIDENTIFY

Rectangle = tuple[int, int, int, int]
"""x, y, width, height."""


class CleanedReleaseVerbs(Verbs):
    """Decisions about what is held or in doubt."""

    def release_cleaned(
        self,
        instance_id: int,
        *,
        who: str,
        why: str,
        now: float,
        regions: Sequence[Rectangle] = (),
        excused: bool = False,
    ) -> bool:
        """Let an instance be cleaned by a person's word; whether its series goes on by that.

        ``regions`` are blanked in any case. ``excused``: what the proof finds names nobody.
        """

        def change(
            connection: Connection, instance: InstanceRow, rows: Sequence[CleanedRow]
        ) -> None:
            release_rows(
                connection, rows, who=who, why=why, now=now, regions=regions, excused=excused
            )
            log(
                connection,
                entry(now, "instance.release", why, who=who, study_id=instance.study_id,
                      series_id=instance.series_id, instance_id=instance_id),
            )  # fmt: skip

        return self._decide(instance_id, (who, why, now), CleanedState.RELEASED, change)

    def leave_out(self, instance_id: int, *, who: str, why: str, now: float) -> bool:
        """Do not send an instance where it is held or in doubt; whether its series goes on."""

        def change(
            connection: Connection, instance: InstanceRow, rows: Sequence[CleanedRow]
        ) -> None:
            connection.execute(
                _LEAVE_OUT,
                [
                    {"the_id": row.instance_id, "the_treatment": row.treatment_id, "who": who,
                     "why": why, "now": now}
                    for row in rows
                ],
            )  # fmt: skip
            log(
                connection,
                entry(now, "instance.left_out", why, who=who, study_id=instance.study_id,
                      series_id=instance.series_id, instance_id=instance_id),
            )  # fmt: skip

        return self._decide(instance_id, (who, why, now), CleanedState.LEFT_OUT, change)

    def note(
        self, what: str, *, who: str, why: str, now: float, study_id: int | None = None
    ) -> None:
        """Write down that a person did something that changes no row, such as asking who is who."""
        if not who or not why:
            raise NotAllowed("it must be said who does this, and why")
        self._db.write(
            lambda connection: log(connection, entry(now, what, why, who=who, study_id=study_id))
        )

    def _decide(
        self,
        instance_id: int,
        act: tuple[str, str, float],
        to: CleanedState,
        change: Callable[[Connection, InstanceRow, Sequence[CleanedRow]], None],
    ) -> bool:
        who, why, now = act
        if not who:
            raise NotAllowed("it must be said who does this")
        verb = "release" if to is CleanedState.RELEASED else "leave out"

        def work(connection: Connection) -> bool:
            found = instances(connection, _INSTANCE, the_id=instance_id)
            if not found or found[0].series_id is None:
                raise NotAllowed(f"there is no instance {instance_id} in a series")
            series = lock_series(connection, [found[0].series_id])[found[0].series_id]
            rows = rows_of(connection, instance_id)
            chosen = [row for row in rows if to in CLEANED_BY_OPERATOR.get(row.state, {})]
            if not chosen:
                raise NotAllowed(
                    f"instance {instance_id} is neither held nor in doubt",
                    hint="`causeway quarantine list` shows what is",
                )
            for row in chosen:
                require(CLEANED_BY_OPERATOR, row.state, to, by=verb)
            change(connection, found[0], chosen)
            waiting = connection.execute(_WAITING, {"series_id": series.id}).scalar_one()
            goes_on = (
                series.state is SeriesState.HELD and series.held_code == DEIDENTIFY and not waiting
            )
            if goes_on:
                release_series(connection, [series], who, why, now)
            return goes_on

        return self._db.write(work)


def rows_of(connection: Connection, instance_id: int) -> list[CleanedRow]:
    found = connection.execute(_ROWS, {"the_id": instance_id}).mappings()
    return [cleaned_row(row) for row in found]


def release_rows(
    connection: Connection,
    rows: Sequence[CleanedRow],
    *,
    who: str,
    why: str,
    now: float,
    regions: Sequence[Rectangle],
    excused: bool,
) -> None:
    """Rows of one instance, to be cleaned by a person's word."""
    if rows:
        connection.execute(
            _RELEASE,
            [
                {
                    "the_id": row.instance_id,
                    "the_treatment": row.treatment_id,
                    "who": who,
                    "why": why,
                    "now": now,
                    "new_regions": json.dumps([list(each) for each in regions]),
                    "new_excused": int(excused or row.excused),
                }
                for row in rows
            ],
        )


# --- statements ---------------------------------------------------------------------------------

_c = cleaning_schema.cleaned.c
_THIS_ROW = (_c.instance_id == bindparam("the_id"), _c.treatment_id == bindparam("the_treatment"))

_INSTANCE = INSTANCES.where(schema.instance.c.id == bindparam("the_id"))
_ROWS = (
    select(cleaning_schema.cleaned)
    .where(_c.instance_id == bindparam("the_id"))
    .order_by(_c.treatment_id)
    .with_for_update()
)
_RELEASE = (
    update(cleaning_schema.cleaned)
    .where(*_THIS_ROW)
    .values(
        state=CleanedState.RELEASED.value,
        decided_by=bindparam("who"),
        decided_why=bindparam("why"),
        regions=bindparam("new_regions"),
        excused=bindparam("new_excused"),
        size=None,
        digest=None,
        account_id=None,
        state_at=bindparam("now"),
    )
)
_LEAVE_OUT = (
    update(cleaning_schema.cleaned)
    .where(*_THIS_ROW)
    .values(
        state=CleanedState.LEFT_OUT.value,
        decided_by=bindparam("who"),
        decided_why=bindparam("why"),
        state_at=bindparam("now"),
    )
)
_WAITING = (
    select(func.count())
    .select_from(cleaning_schema.cleaned)
    .join(schema.instance, schema.instance.c.id == _c.instance_id)
    .where(
        schema.instance.c.series_id == bindparam("series_id"),
        _c.state.in_([literal_column(repr(state.value)) for state in UNDECIDED]),
    )
)
