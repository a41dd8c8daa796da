"""Passing everything as it came, because somebody said so for each destination.

It is recorded on the series' row with the destinations' names, and the row's event says when.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from causeway.errors import ConfigurationError, NotAllowed
from causeway.ledger import InstanceRow, SeriesRow, SeriesState, StudyRow
from causeway.pipeline.deidentify.clean import SEAL, CleanSeries, Treatment
from causeway.pipeline.names import SeriesNames


def passthrough(destinations: Sequence[str], treatments: Mapping[str, Treatment]) -> str:
    """The record of a pass-through, which ``restored`` takes.

    ``treatments`` is what the configuration says for each destination. Raises
    ``ConfigurationError`` unless it says for every one of these that nothing is done.
    """
    for name in destinations:
        if treatments.get(name) is not Treatment.NONE:
            raise ConfigurationError(
                f"destination {name} does not say that data may pass as they came",
                hint='deidentify = "none" says so',
            )
    return json.dumps({"treatments": dict.fromkeys(destinations, Treatment.NONE)})


def restored(study: StudyRow, series: SeriesRow, instances: Sequence[InstanceRow]) -> CleanSeries:
    """The clean series that this stage has left on the series' row.

    Raises ``NotAllowed`` for a series that it has not cleaned.
    """
    if series.state is not SeriesState.CLEANED:
        raise NotAllowed(f"series {series.id} is {series.state.value}, not cleaned")
    try:
        found = json.loads(series.cleaning)["treatments"]
        treatments = tuple((str(name), Treatment(what)) for name, what in found.items())
    except (KeyError, TypeError, AttributeError, ValueError):
        raise NotAllowed(f"series {series.id} has no record of how it was cleaned") from None
    return CleanSeries(
        seal=SEAL,
        series_id=series.id,
        generation=series.generation,
        names=names_of(study, series),
        modality=series.modality,
        instances=tuple(instances),
        treatments=treatments,
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
