"""Result rows to frozen values: the one place that knows both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    RowMapping,
    Select,
    bindparam,
    func,
    literal_column,
    select,
)

from causeway.ledger import schema
from causeway.ledger.rows import (
    AssociationRow,
    CleanedRow,
    DeliveryRow,
    EventRow,
    InstanceRow,
    LaneRow,
    OutcomeRow,
    ParcelRow,
    Position,
    RerouteRow,
    SeriesRow,
    StudyRow,
    TreatmentRow,
)
from causeway.ledger.states import (
    BreakerState,
    CleanedState,
    DeliveryState,
    InstanceState,
    ParcelKind,
    ParcelState,
    SeriesState,
    study_state,
)
from causeway.values import Identity, SpoolAddress, Standing

IDS_AT_ONCE = 500
"""Bound on the values of one IN list; SQLite takes 32,766 in all, plans get slow before."""


def _plain(row_type: type, *but: str) -> tuple[str, ...]:
    """The fields that are columns of the same name, taken over as they are."""
    return tuple(field.name for field in fields(row_type) if field.name not in but)


_IDENTITY = _plain(Identity)
_INSTANCE = _plain(InstanceRow, "state", "conflict", "approved", "address", "origin")
_SERIES = _plain(SeriesRow, "state", "resumes_as", "whole")
_STUDY = (
    "id", "study_instance_uid", "received_count", "first_at", "last_at", "held_by", "held_why"
)  # fmt: skip
_PARCEL = _plain(ParcelRow, "state", "kind")
_DELIVERY = _plain(DeliveryRow, "state", "extra")
_TREATMENT = _plain(TreatmentRow)
_CLEANED = _plain(CleanedRow, "state", "regions", "excused")
_OUTCOME = _plain(OutcomeRow, "standing", "already_there")
_LANE = _plain(LaneRow, "breaker")
_REROUTE = _plain(RerouteRow, "destinations")
_EVENT = _plain(EventRow)
_ASSOCIATION = _plain(AssociationRow)
_POSITION = _plain(Position, "kept")


def _take(row: RowMapping, names: Iterable[str]) -> dict[str, Any]:
    return {name: row[name] for name in names}


NEWEST_PARCEL = (
    select(func.max(schema.parcel_member.c.parcel_id))
    .join(schema.parcel, schema.parcel.c.id == schema.parcel_member.c.parcel_id)
    .where(
        schema.parcel_member.c.instance_id == schema.instance.c.id,
        schema.parcel.c.state != literal_column(repr(ParcelState.WITHDRAWN.value)),
    )
    .correlate(schema.instance)
    .scalar_subquery()
)

INSTANCES = select(schema.instance, NEWEST_PARCEL.label("parcel_id"))
"""What ``instance_row`` needs; narrow it with ``where``."""


def instance_row(row: RowMapping) -> InstanceRow:
    return InstanceRow(
        **_take(row, _INSTANCE),
        state=InstanceState(row["state"]),
        conflict=bool(row["conflict"]),
        approved=bool(row["approved"]),
        address=SpoolAddress(row["container"], row["offset"]),
        origin=SpoolAddress(row["origin_container"], row["origin_offset"]),
    )


def series_row(row: RowMapping) -> SeriesRow:
    resumes_as = row["resumes_as"]
    return SeriesRow(
        **_take(row, _SERIES),
        state=SeriesState(row["state"]),
        resumes_as=SeriesState(resumes_as) if resumes_as else None,
        whole=bool(row["whole"]),
    )


def parcel_row(row: RowMapping) -> ParcelRow:
    return ParcelRow(
        **_take(row, _PARCEL), state=ParcelState(row["state"]), kind=ParcelKind(row["kind"])
    )


def treatment_row(row: RowMapping) -> TreatmentRow:
    return TreatmentRow(**_take(row, _TREATMENT))


def cleaned_row(row: RowMapping) -> CleanedRow:
    return CleanedRow(
        **_take(row, _CLEANED),
        state=CleanedState(row["state"]),
        regions=tuple((x, y, width, height) for x, y, width, height in json.loads(row["regions"])),
        excused=bool(row["excused"]),
    )


def delivery_row(row: RowMapping) -> DeliveryRow:
    return DeliveryRow(
        **_take(row, _DELIVERY), state=DeliveryState(row["state"]), extra=bool(row["extra"])
    )


def outcome_row(row: RowMapping) -> OutcomeRow:
    return OutcomeRow(
        **_take(row, _OUTCOME),
        standing=Standing(row["standing"]),
        already_there=bool(row["already_there"]),
    )


def lane_row(row: RowMapping) -> LaneRow:
    return LaneRow(**_take(row, _LANE), breaker=BreakerState(row["breaker"]))


def reroute_row(row: RowMapping) -> RerouteRow:
    return RerouteRow(
        **_take(row, _REROUTE), destinations=tuple(map(str, json.loads(row["destinations"])))
    )


def event_row(row: RowMapping) -> EventRow:
    return EventRow(**_take(row, _EVENT))


def association_row(row: RowMapping) -> AssociationRow:
    return AssociationRow(**_take(row, _ASSOCIATION))


def position_row(row: RowMapping) -> Position:
    return Position(**_take(row, _POSITION), kept=bool(row["kept"]))


def instances(
    connection: Connection, query: Select[Any], **values: object
) -> tuple[InstanceRow, ...]:
    return tuple(instance_row(row) for row in connection.execute(query, values).mappings())


_ids: BindParameter[list[int]] = bindparam("ids", expanding=True)
_SERIES_BY_ID = select(schema.series).where(schema.series.c.id.in_(_ids))
_PARCELS_BY_ID = select(schema.parcel).where(schema.parcel.c.id.in_(_ids))
_STUDIES_BY_ID = select(schema.study).where(schema.study.c.id.in_(_ids))
_ROLL_UP = (
    select(
        schema.series.c.study_id,
        schema.series.c.state,
        func.count().label("series_count"),
        func.sum(schema.series.c.instance_count).label("instance_count"),
        func.sum(schema.series.c.byte_count).label("byte_count"),
    )
    .where(schema.series.c.study_id.in_(_ids))
    .group_by(schema.series.c.study_id, schema.series.c.state)
)


def _by_id(connection: Connection, query: Select[Any], ids: Iterable[int]) -> Iterable[RowMapping]:
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), IDS_AT_ONCE):
        yield from connection.execute(
            query, {"ids": wanted[start : start + IDS_AT_ONCE]}
        ).mappings()


def series_by_id(connection: Connection, ids: Iterable[int]) -> Mapping[int, SeriesRow]:
    return {row["id"]: series_row(row) for row in _by_id(connection, _SERIES_BY_ID, ids)}


def parcels_by_id(connection: Connection, ids: Iterable[int]) -> Mapping[int, ParcelRow]:
    return {row["id"]: parcel_row(row) for row in _by_id(connection, _PARCELS_BY_ID, ids)}


def studies_by_id(connection: Connection, ids: Iterable[int]) -> Mapping[int, StudyRow]:
    """Studies with what is summed up from their series."""
    wanted = sorted(set(ids))
    parts: dict[int, list[RowMapping]] = {}
    for part in _by_id(connection, _ROLL_UP, wanted):
        parts.setdefault(part["study_id"], []).append(part)
    return {
        row["id"]: _study_row(row, parts.get(row["id"], ()))
        for row in _by_id(connection, _STUDIES_BY_ID, wanted)
    }


def _study_row(row: RowMapping, parts: Iterable[RowMapping]) -> StudyRow:
    states = {SeriesState(part["state"]): int(part["series_count"]) for part in parts}
    return StudyRow(
        **_take(row, _STUDY),
        identity=Identity(**_take(row, _IDENTITY)),
        state=study_state(states, held=bool(row["held_by"])),
        series_count=sum(states.values()),
        instance_count=int(sum(part["instance_count"] for part in parts)),
        byte_count=int(sum(part["byte_count"] for part in parts)),
    )
