"""What the ledger knows of a series' instances, put to the rules of grouping."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Protocol

from causeway.attributes import NOTHING, Attributes
from causeway.decide.grouping import Group, InstanceFacts, groups
from causeway.decide.verdict import GroupingRules, Related, Screenshots
from causeway.ledger import HeadRow, InstanceRow, ParcelRow, ParcelState, SeriesRow

Grouping = Callable[
    [SeriesRow, Sequence[InstanceRow], Sequence[ParcelRow], GroupingRules], tuple[Group, ...]
]
"""A series, all its instances and its parcels so far, by these rules."""

_SERIES_INSTANCE_UID: Final = 0x0020000E

REFERENCES_LIMIT: Final = 64
"""Instances looked up to find the series that a header refers to; those of one series agree."""


class Known(Protocol):
    """What grouping asks the ledger."""

    def heads_of(self, series_id: int) -> tuple[HeadRow, ...]: ...

    def instances_named(self, sop_instance_uid: str) -> tuple[InstanceRow, ...]: ...

    def series(self, series_id: int) -> SeriesRow | None: ...


class Grouper:
    """``Grouping`` from a ledger."""

    def __init__(self, known: Known) -> None:
        self._known = known

    def __call__(
        self,
        series: SeriesRow,
        instances: Sequence[InstanceRow],
        parcels: Sequence[ParcelRow],
        rules: GroupingRules,
    ) -> tuple[Group, ...]:
        heads = self._known.heads_of(series.id)
        header = heads[-1].attributes if heads else NOTHING
        uid = {_SERIES_INSTANCE_UID: (series.series_instance_uid,)}
        header = replace(header, values={**header.values, **uid})
        if rules.screenshots is Screenshots.ATTACH or rules.related is Related.ATTACH:
            header = self._with_series(header, series)
        keys = {row.id: row.key for row in parcels if row.state is not ParcelState.WITHDRAWN}
        return groups(header, [facts_of(row, keys) for row in instances], rules)

    def _with_series(self, header: Attributes, own: SeriesRow) -> Attributes:
        """The header with the series of the instances that it refers to, of the same study."""
        if header.referenced_series or not header.referenced_instances:
            return header
        found: set[str] = set()
        for uid in sorted(header.referenced_instances)[:REFERENCES_LIMIT]:
            for row in self._known.instances_named(uid):
                if row.series_id is None or row.study_id != own.study_id:
                    continue
                series = self._known.series(row.series_id)
                if series is not None and series.id != own.id:
                    found.add(series.series_instance_uid)
        return replace(header, referenced_series=frozenset(found))


def facts_of(row: InstanceRow, keys: Mapping[int, str]) -> InstanceFacts:
    """An instance as grouping sees it; ``keys`` are those of its series' parcels."""
    return InstanceFacts(
        id=row.id,
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=row.sop_instance_uid,
        acquisition_number=row.acquisition_number,
        image_type=row.image_type,
        instance_number=row.instance_number,
        number_of_frames=row.number_of_frames,
        rows=row.rows,
        columns=row.columns,
        orientation=row.orientation,
        position=row.position,
        referenced_series=tuple(filter(None, row.referenced_series.split("\\"))),
        packaged_as=None if row.parcel_id is None else keys.get(row.parcel_id),
    )
