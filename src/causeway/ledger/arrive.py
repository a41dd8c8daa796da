"""How an instance joins its series: the study and series exist then, and know that it came.

Intake does this for each readable arrival, and quarantine for what a person lets through.

What an arrival does to its series depends on where the series stands:

- *open* or *reopened*: the due time moves forward, so that completion waits for silence.
- past completion: *reopened*. What was decided and cleaned is forgotten, as it was decided of fewer
  instances; what is in a parcel stays there and is not sent again.
- *held*: it stays held, and resumes as reopened.

Whenever that makes work in hand or already done incomplete, ``generation`` rises and the lease is
cleared. The worker's result is then refused (its claim names the old generation), so that
completion cannot close a series over an image that it has not counted, and a parcel cannot be
entered that lacks one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from sqlalchemy import Connection, bindparam, case, select, update

from causeway.ledger import schema
from causeway.ledger.engine import insert_ignore
from causeway.ledger.rows import SeriesRow
from causeway.ledger.search import folded_identity
from causeway.ledger.states import ARRIVING, SeriesState, after_arrival
from causeway.ledger.store import entry, lock_series, log, unclean, write_series
from causeway.values import Header, Identity, Receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class Joining:
    """A readable object on its way into its series."""

    header: Header
    receipt: Receipt
    size: int
    due_at: float
    expected_count: int | None = None


@dataclass(frozen=True, slots=True)
class SeriesKey:
    """A series UID is only trusted within its study."""

    study_id: int
    series_instance_uid: str = field(repr=False)


def arrived(series: SeriesRow, joining: Sequence[Joining], now: float) -> SeriesRow:
    """The series after these have joined it. Pure."""
    if not joining:
        return series
    due_at = max(each.due_at for each in joining)
    expected = [each.expected_count for each in joining if each.expected_count is not None]
    counted = replace(
        series,
        instance_count=series.instance_count + len(joining),
        byte_count=series.byte_count + sum(each.size for each in joining),
        expected_count=max([*expected, series.expected_count or 0])
        if expected
        else series.expected_count,
        first_at=min(series.first_at, *(each.receipt.received_at for each in joining)),
        last_at=max(series.last_at, *(each.receipt.received_at for each in joining)),
    )
    goes_on_as = series.resumes_as if series.state is SeriesState.HELD else series.state
    assert goes_on_as is not None
    if goes_on_as in ARRIVING:
        counted = replace(counted, due_at=max(series.due_at, due_at))
        return voided(counted) if series.owner is not None else counted
    reopened = replace(
        voided(counted),
        due_at=due_at,
        completion_reason="",
        verdict="",
        cleaning="",
        fail_code="",
        fail_text="",
        waits_for="",
    )
    if series.state is SeriesState.DENIED:
        reopened = replace(reopened, held_code="", held_why="")
    if series.state is SeriesState.HELD:
        return replace(reopened, resumes_as=after_arrival(goes_on_as))
    return replace(reopened, state=after_arrival(goes_on_as), resumes_as=None, state_at=now)


def voided(series: SeriesRow) -> SeriesRow:
    """The series with a new generation: whatever a worker has in hand of it is refused."""
    return replace(
        series, generation=series.generation + 1, owner=None, lease_until=None, attempt=0
    )


# --- studies ------------------------------------------------------------------------------------

_IDENTITY = tuple(field.name for field in fields(Identity))

_STUDIES = (
    select(schema.study)
    .where(schema.study.c.study_instance_uid.in_(bindparam("uids", expanding=True)))
    .order_by(schema.study.c.id)
    .with_for_update()
)
_FILL_IN = (
    update(schema.study)
    .where(schema.study.c.id == bindparam("the_id"))
    .values({name: bindparam(f"new_{name}") for name in (*_IDENTITY, "search")})
)
_RECEIVED = (
    update(schema.study)
    .where(schema.study.c.id == bindparam("the_id"))
    .values(
        received_count=schema.study.c.received_count + bindparam("more"),
        last_at=case(
            (schema.study.c.last_at < bindparam("at"), bindparam("at")),
            else_=schema.study.c.last_at,
        ),
    )
)


def ensure_studies(
    connection: Connection, arrivals: Iterable[tuple[Header, float]]
) -> Mapping[str, int]:
    """Study ids by UID; studies that are new are made, with nothing received yet.

    The first header of a study says who it is; later ones fill in what that left empty.
    """
    first: dict[str, tuple[Header, float]] = {}
    for header, received_at in arrivals:
        first.setdefault(header.study_instance_uid, (header, received_at))
    if not first:
        return {}
    uids = {"uids": sorted(first)}
    found = connection.execute(_STUDIES, uids).mappings().all()
    missing = first.keys() - {row["study_instance_uid"] for row in found}
    if missing:
        insert_ignore(
            connection, schema.study, [_new_study(*first[uid]) for uid in sorted(missing)]
        )
        found = connection.execute(_STUDIES, uids).mappings().all()
    ids: dict[str, int] = {}
    for row in found:
        ids[row["study_instance_uid"]] = row["id"]
        header, _ = first[row["study_instance_uid"]]
        known = Identity(**{name: row[name] for name in _IDENTITY})
        merged = Identity(
            **{n: getattr(known, n) or getattr(header.identity, n) for n in _IDENTITY}
        )
        if merged != known:
            values = {f"new_{name}": getattr(merged, name) for name in _IDENTITY}
            search = folded_identity(merged)
            connection.execute(_FILL_IN, {"the_id": row["id"], "new_search": search, **values})
    return ids


def _new_study(header: Header, received_at: float) -> dict[str, Any]:
    identity = header.identity
    return {
        "study_instance_uid": header.study_instance_uid,
        **{name: getattr(identity, name) for name in _IDENTITY},
        "search": folded_identity(identity),
        "received_count": 0,
        "first_at": received_at,
        "last_at": received_at,
        "held_by": "",
        "held_why": "",
    }


def count_received(connection: Connection, arrivals: Iterable[tuple[int, float]]) -> None:
    """Count objects (study id, time) as received for their studies."""
    more: dict[int, int] = {}
    last: dict[int, float] = {}
    for study_id, at in arrivals:
        more[study_id] = more.get(study_id, 0) + 1
        last[study_id] = max(at, last.get(study_id, at))
    if more:
        connection.execute(
            _RECEIVED,
            [{"the_id": key, "more": more[key], "at": last[key]} for key in sorted(more)],
        )


# --- series -------------------------------------------------------------------------------------

_SERIES = select(
    schema.series.c.id, schema.series.c.study_id, schema.series.c.series_instance_uid
).where(
    # Not pairs: SQLite finds those by going through all series that there are.
    schema.series.c.study_id.in_(bindparam("studies", expanding=True)),
    schema.series.c.series_instance_uid.in_(bindparam("uids", expanding=True)),
)


def ensure_series(
    connection: Connection, wanted: Mapping[SeriesKey, Joining], now: float
) -> Mapping[SeriesKey, SeriesRow]:
    """Series by key, locked; those that are new are made, open and with nothing in them yet."""
    ids = _series_ids(connection, wanted)
    missing = [key for key in wanted if key not in ids]
    if missing:
        rows = [_new_series(key, wanted[key], now) for key in missing]
        insert_ignore(connection, schema.series, rows)
        ids = _series_ids(connection, wanted)
        log(
            connection,
            *(
                entry(now, "series.open", study_id=key.study_id, series_id=ids[key])
                for key in missing
            ),
        )
    locked = lock_series(connection, list(ids.values()))
    return {key: locked[ids[key]] for key in wanted}


def _series_ids(connection: Connection, wanted: Collection[SeriesKey]) -> dict[SeriesKey, int]:
    if not wanted:
        return {}
    values = {
        "studies": sorted({key.study_id for key in wanted}),
        "uids": sorted({key.series_instance_uid for key in wanted}),
    }
    found = {
        SeriesKey(row.study_id, row.series_instance_uid): row.id
        for row in connection.execute(_SERIES, values)
    }
    return {key: found[key] for key in wanted if key in found}


def _new_series(key: SeriesKey, first: Joining, now: float) -> dict[str, Any]:
    header = first.header
    return {
        "study_id": key.study_id,
        "series_instance_uid": key.series_instance_uid,
        "modality": header.modality,
        "series_number": header.series_number,
        "series_description": header.series_description,
        "protocol_name": header.protocol_name,
        "series_date": header.series_date,
        "series_time": header.series_time,
        "acquisition_date": header.acquisition_date,
        "acquisition_time": header.acquisition_time,
        "manufacturer": header.manufacturer,
        "station_name": header.station_name,
        "source": first.receipt.caller.source,
        "calling_ae": first.receipt.caller.calling_ae,
        "called_ae": first.receipt.caller.called_ae,
        "state": SeriesState.OPEN.value,
        "generation": 1,
        "instance_count": 0,
        "byte_count": 0,
        "first_at": first.receipt.received_at,
        "last_at": first.receipt.received_at,
        "due_at": first.due_at,
        "state_at": now,
    }


def join(
    connection: Connection, joins: Sequence[tuple[SeriesRow, Joining]], now: float
) -> frozenset[int]:
    """Let objects join their (locked) series; answers the ids of those that it reopened.

    Those include held ones, which will go on as reopened.
    """
    rows: dict[int, SeriesRow] = {}
    groups: dict[int, list[Joining]] = {}
    for series, joining in joins:
        rows[series.id] = series
        groups.setdefault(series.id, []).append(joining)
    after = [arrived(rows[series_id], group, now) for series_id, group in groups.items()]
    write_series(connection, after)
    reopened = [row for row in after if _reopened(rows[row.id], row)]
    unclean(connection, [row.id for row in reopened], now)
    log(
        connection,
        *(
            entry(
                now,
                "series.reopened",
                f"generation {row.generation}",
                study_id=row.study_id,
                series_id=row.id,
            )
            for row in reopened
        ),
    )
    _remember_associations(connection, joins)
    return frozenset(row.id for row in reopened)


def _reopened(before: SeriesRow, after: SeriesRow) -> bool:
    if before.state is SeriesState.HELD:
        return after.resumes_as is not before.resumes_as
    return after.state is not before.state


def _remember_associations(
    connection: Connection, joins: Sequence[tuple[SeriesRow, Joining]]
) -> None:
    """Completion asks whether the associations that brought a series have ended."""
    names: dict[str, dict[str, Any]] = {}
    pairs: dict[tuple[int, str], None] = {}
    for series, joining in joins:
        caller = joining.receipt.caller
        if caller.association:
            names.setdefault(
                caller.association,
                {
                    "name": caller.association,
                    "source": caller.source,
                    "first_at": joining.receipt.received_at,
                },
            )
            pairs[(series.id, caller.association)] = None
    insert_ignore(connection, schema.association, [names[name] for name in sorted(names)])
    insert_ignore(
        connection,
        schema.series_association,
        [{"series_id": series_id, "association": name} for series_id, name in sorted(pairs)],
    )
