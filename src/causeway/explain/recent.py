"""Series that stand in the ledger, as far as deciding needs them."""

from __future__ import annotations

from collections.abc import Iterator

from causeway.decide.policy import Policy
from causeway.explain.gathering import Sender, Series, Title
from causeway.ledger import InstanceState, Ledger, ParcelState, SeriesRow, StudyRow
from causeway.pipeline.decider import Decider
from causeway.pipeline.grouping import facts_of

_STUDIES_AT_ONCE = 200
_NOT_ITS_OWN = frozenset(
    {InstanceState.QUARANTINED, InstanceState.DUPLICATE, InstanceState.DISCARDED}
)


def studies_since(ledger: Ledger, since: float | None) -> Iterator[StudyRow]:
    """Studies with an arrival since then, the latest first; all of them for None."""
    offset = 0
    while rows := ledger.search(limit=_STUDIES_AT_ONCE, offset=offset):
        for row in rows:
            if since is not None and row.last_at < since:
                return
            yield row
        offset += len(rows)


def series_in_ledger(ledger: Ledger, study: StudyRow, row: SeriesRow) -> Series:
    """A series with what was said of it, by headers and by people."""
    parcels = ledger.parcels_of(row.id)
    keys = {each.id: each.key for each in parcels if each.state is not ParcelState.WITHDRAWN}
    facts = Decider(ledger, Policy(routes=())).facts(study, row)
    return Series(
        study_instance_uid=study.study_instance_uid,
        series_instance_uid=row.series_instance_uid,
        sender=Sender(source=facts.source, calling_ae=facts.calling_ae, called_ae=facts.called_ae),
        title=Title(
            identity=study.identity,
            modality=row.modality,
            series_number=row.series_number,
            series_description=row.series_description,
        ),
        heads={each.digest: each.attributes for each in ledger.heads_of(row.id)},
        instances=[
            facts_of(each, keys)
            for each in ledger.instances_of(row.id)
            if each.state not in _NOT_ITS_OWN
        ],
        ledger_id=row.id,
        last_at=row.last_at,
        told=facts.told,
        told_destinations=facts.told_destinations,
        released=facts.released,
    )
