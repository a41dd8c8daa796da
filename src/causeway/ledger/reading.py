"""Looking: rows by id, and what belongs to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Select, Table, bindparam, select

from causeway.ledger import schema
from causeway.ledger.convert import (
    INSTANCES,
    delivery_row,
    event_row,
    instances,
    parcel_row,
    parcels_by_id,
    series_by_id,
    series_row,
    studies_by_id,
)
from causeway.ledger.engine import Verbs
from causeway.ledger.rows import (
    DeliveryRow,
    EventRow,
    InstanceRow,
    ParcelRow,
    SeriesRow,
    StudyRow,
)


class ReadingVerbs(Verbs):
    """Rows as they are."""

    def study(self, study_id: int) -> StudyRow | None:
        return self._db.read(lambda c: studies_by_id(c, [study_id]).get(study_id))

    def series(self, series_id: int) -> SeriesRow | None:
        return self._db.read(lambda c: series_by_id(c, [series_id]).get(series_id))

    def instance(self, instance_id: int) -> InstanceRow | None:
        found = self._db.read(lambda c: instances(c, _INSTANCE, the_id=instance_id))
        return found[0] if found else None

    def parcel(self, parcel_id: int) -> ParcelRow | None:
        return self._db.read(lambda c: parcels_by_id(c, [parcel_id]).get(parcel_id))

    def series_of(self, study_id: int) -> tuple[SeriesRow, ...]:
        """The series of a study, in the order of arrival."""
        return self._db.read(
            lambda c: tuple(
                series_row(row) for row in c.execute(_SERIES_OF, {"the_study": study_id}).mappings()
            )
        )

    def instances_of(self, series_id: int) -> tuple[InstanceRow, ...]:
        """All that points to a series, in the order of arrival: duplicates too."""
        return self._db.read(lambda c: instances(c, _INSTANCES_OF, the_series=series_id))

    def instances_named(self, sop_instance_uid: str) -> tuple[InstanceRow, ...]:
        """All that arrived under a SOP Instance UID, in the order of arrival."""
        return self._db.read(lambda c: instances(c, _INSTANCES_NAMED, the_uid=sop_instance_uid))

    def instances_of_study(self, study_id: int) -> tuple[InstanceRow, ...]:
        """All that arrived for a study, in the order of arrival."""
        return self._db.read(lambda c: instances(c, _INSTANCES_OF_STUDY, the_study=study_id))

    def parcels_of(self, series_id: int) -> tuple[ParcelRow, ...]:
        """The parcels of a series, the first one first."""
        return self._db.read(
            lambda c: tuple(
                parcel_row(row)
                for row in c.execute(_PARCELS_OF, {"the_series": series_id}).mappings()
            )
        )

    def members_of(self, parcel_id: int) -> tuple[InstanceRow, ...]:
        """The instances that a parcel holds."""
        return self._db.read(lambda c: instances(c, _MEMBERS_OF, the_parcel=parcel_id))

    def deliveries_of(
        self,
        *,
        study_id: int | None = None,
        series_id: int | None = None,
        parcel_id: int | None = None,
    ) -> tuple[DeliveryRow, ...]:
        """Deliveries of a study, series or parcel, in the order in which they were made."""
        query = _narrow(
            select(schema.delivery),
            schema.delivery,
            study_id=study_id,
            series_id=series_id,
            parcel_id=parcel_id,
        ).order_by(schema.delivery.c.id)
        return self._db.read(
            lambda c: tuple(delivery_row(row) for row in c.execute(query).mappings())
        )

    def events_of(
        self,
        *,
        study_id: int | None = None,
        series_id: int | None = None,
        instance_id: int | None = None,
        limit: int = 1000,
    ) -> tuple[EventRow, ...]:
        """What happened, of late: the last ``limit`` events, in the order of time."""
        query = (
            _narrow(
                select(schema.event),
                schema.event,
                study_id=study_id,
                series_id=series_id,
                instance_id=instance_id,
            )
            .order_by(schema.event.c.id.desc())
            .limit(limit)
        )

        def work(connection: Connection) -> tuple[EventRow, ...]:
            rows: Iterable[Any] = connection.execute(query).mappings()
            return tuple(reversed([event_row(row) for row in rows]))

        return self._db.read(work)


def _narrow(query: Select[Any], table: Table, **values: int | None) -> Select[Any]:
    for name, value in values.items():
        if value is not None:
            query = query.where(table.c[name] == value)
    return query


_INSTANCE = INSTANCES.where(schema.instance.c.id == bindparam("the_id"))
_INSTANCES_NAMED = INSTANCES.where(
    schema.instance.c.sop_instance_uid == bindparam("the_uid")
).order_by(schema.instance.c.id)
_SERIES_OF = (
    select(schema.series)
    .where(schema.series.c.study_id == bindparam("the_study"))
    .order_by(schema.series.c.id)
)
_INSTANCES_OF = INSTANCES.where(schema.instance.c.series_id == bindparam("the_series")).order_by(
    schema.instance.c.id
)
_INSTANCES_OF_STUDY = INSTANCES.where(
    schema.instance.c.study_id == bindparam("the_study")
).order_by(schema.instance.c.id)
_PARCELS_OF = (
    select(schema.parcel)
    .where(schema.parcel.c.series_id == bindparam("the_series"))
    .order_by(schema.parcel.c.number)
)
_MEMBERS_OF = INSTANCES.where(
    schema.instance.c.id.in_(
        select(schema.parcel_member.c.instance_id).where(
            schema.parcel_member.c.parcel_id == bindparam("the_parcel")
        )
    )
).order_by(schema.instance.c.id)
