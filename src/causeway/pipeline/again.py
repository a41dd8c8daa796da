"""Where parcels go at a destination that a person names: the rules' folders, claimed as ever.

A parcel that is at the destination already, or on its way there, keeps its place. Another gets the
folder that its labels ask for there, so that no two studies share one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from causeway.errors import NotAllowed
from causeway.ledger import DeliveryRow, InstanceRow, ParcelRow
from causeway.pipeline.parcel import from_ledger
from causeway.pipeline.placement import SEPARATOR, Places, Wanted, place_acquisition


class Facts(Places, Protocol):
    def members_of(self, parcel_id: int) -> tuple[InstanceRow, ...]: ...

    def deliveries_of(
        self,
        *,
        study_id: int | None = None,
        series_id: int | None = None,
        parcel_id: int | None = None,
    ) -> tuple[DeliveryRow, ...]: ...


def targets_at(
    facts: Facts,
    parcels: Sequence[ParcelRow],
    destination: str,
    treatment: str,
    *,
    passes_as_is: str,
    at: float,
) -> tuple[Mapping[int, str], str]:
    """Where each parcel goes, and what is done to it where the rules have sent nothing.

    ``treatment`` is what the configuration says for the destination. Raises ``NotAllowed`` where
    data would leave otherwise than it says: a parcel is cleaned for its destinations when it is
    made, so only what passes as it came can go elsewhere afterwards.
    """
    targets: dict[int, str] = {}
    said = ""
    for row in parcels:
        standing = {each.destination for each in facts.deliveries_of(parcel_id=row.id)}
        if destination in standing:
            continue
        parcel = from_ledger(row, facts.members_of(row.id))
        decided = dict(parcel.treatments).get(destination)
        if decided is None:
            if treatment != passes_as_is or parcel.faces:
                raise NotAllowed(
                    f"series:{row.series_id} was not de-identified for {destination}, which wants "
                    "it",
                    hint=f"reroute it: `causeway reroute series:{row.series_id} --to "
                    f"{destination}` decides about it anew",
                )
            said = treatment
        seen = parcel.face_for(destination) or parcel
        wanted = Wanted.of(
            seen.fields,
            seen.labels,
            study_id=row.study_id,
            series_id=row.series_id,
            key=row.key,
            merges=False,
        )
        targets[row.id] = SEPARATOR.join(place_acquisition(facts, destination, wanted, at=at))
    return targets, said
