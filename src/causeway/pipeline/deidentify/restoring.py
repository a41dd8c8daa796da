"""What this stage has left in the ledger, made into the series that packaging takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from causeway.attributes import NOTHING, Attributes
from causeway.deidentify.treatment import fingerprint_of
from causeway.errors import NotAllowed
from causeway.ledger import (
    CleanedRow,
    CleanedState,
    CleanHeadRow,
    HeadRow,
    InstanceRow,
    SeriesRow,
    SeriesState,
    StudyRow,
    TreatmentRow,
)
from causeway.pipeline.deidentify.clean import SEAL, Asked, CleanFace, CleanSeries, asked_in
from causeway.pipeline.names import SeriesNames, names_in
from causeway.pipeline.tags import Tag


class Left(Protocol):
    """What is asked of the ledger."""

    def heads_of(self, series_id: int) -> tuple[HeadRow, ...]: ...

    def cleaned_of(
        self, series_id: int, treatment_id: int | None = None
    ) -> tuple[CleanedRow, ...]: ...

    def treatments(self, ids: Iterable[int]) -> Mapping[int, TreatmentRow]: ...

    def clean_heads(self, series_id: int, treatment_id: int) -> tuple[CleanHeadRow, ...]: ...


def restored(
    study: StudyRow,
    series: SeriesRow,
    instances: Sequence[InstanceRow],
    left: Left | None = None,
) -> CleanSeries:
    """The clean series that this stage has left behind; without ``left``, one that passed.

    Raises ``NotAllowed`` for a series that it has not cleaned.
    """
    if series.state is not SeriesState.CLEANED:
        raise NotAllowed(f"series {series.id} is {series.state.value}, not cleaned")
    try:
        asked = asked_in(series.cleaning)
    except ValueError:
        raise NotAllowed(f"series {series.id} has no record of how it was cleaned") from None
    treatments = dict.fromkeys(each.treatment_id for each in asked if each.treatment_id is not None)
    faces: list[CleanFace | None] = []
    if treatments:
        if left is None:
            raise NotAllowed(f"series {series.id} was de-identified, and nobody knows how")
        heads = left.heads_of(series.id)
        faces = [_face(series, treatment_id, asked, heads, left) for treatment_id in treatments]
    return CleanSeries(
        seal=SEAL,
        series_id=series.id,
        generation=series.generation,
        names=names_of(study, series),
        modality=series.modality,
        instances=tuple(instances),
        asked=asked,
        faces=tuple(face for face in faces if face is not None),
    )


def _face(
    series: SeriesRow,
    treatment_id: int,
    asked: Sequence[Asked],
    heads: Sequence[HeadRow],
    left: Left,
) -> CleanFace | None:
    """The series under a treatment; None if nothing of it may leave under it."""
    rows = left.cleaned_of(series.id, treatment_id)
    cleaned = {row.instance_id: row for row in rows if row.state is CleanedState.CLEAN}
    if not cleaned:
        return None
    head = heads[-1] if heads else None
    wanted = head.digest if head else b""
    known = {row.digest: row.attributes for row in left.clean_heads(series.id, treatment_id)}
    clean: Attributes | None = known.get(wanted)
    if clean is None:
        raise NotAllowed(f"series {series.id} has no clean header to be named by")
    first = cleaned[min(cleaned)]
    mine = [each for each in asked if each.treatment_id == treatment_id]
    return CleanFace(
        treatment_id=treatment_id,
        name=mine[0].name,
        destinations=tuple(each.destination for each in mine),
        names=names_in(
            clean,
            study_instance_uid=first.study_instance_uid,
            series_instance_uid=first.series_instance_uid,
        ),
        modality=clean.first(Tag.MODALITY),
        original=head.attributes if head else NOTHING,
        attributes=clean,
        subject=first.subject,
        cleaned=cleaned,
        left_out=sum(row.state is CleanedState.LEFT_OUT for row in rows),
        identities=fingerprint_of(left.treatments([treatment_id])[treatment_id].key_id),
    )


def names_of(study: StudyRow, series: SeriesRow) -> SeriesNames:
    return SeriesNames(
        identity=study.identity,
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=series.series_instance_uid,
        series_number=series.series_number,
        series_description=series.series_description,
        protocol_name=series.protocol_name,
        series_date=series.series_date,
        series_time=series.series_time,
        acquisition_date=series.acquisition_date,
        acquisition_time=series.acquisition_time,
    )
