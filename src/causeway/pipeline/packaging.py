"""Packaging: the groups of a clean series become parcels, each with its folder and its name.

The grouping is of all instances of the series, so that what comes late finds its group. What is in
a parcel already goes again only if the series goes again whole: when its route asks for that, or
when a person has sent it elsewhere after it was delivered.

A group that belongs to another series goes into that one's folder. That is known once the other is
packaged, so this one waits for it, but not for long: a series that does not come must not keep its
screen captures here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from causeway.decide.grouping import Group
from causeway.decide.verdict import PRIO_URGENT, Routed
from causeway.ledger import (
    Dead,
    DeliveryRow,
    DeliveryState,
    InstanceRow,
    NewDelivery,
    NewParcel,
    Packaged,
    ParcelRow,
    ParcelState,
    SeriesClaim,
    SeriesRow,
    SoFar,
    Wait,
    waits_for_schedule,
)
from causeway.ledger.states import WAITING, WORKABLE
from causeway.pipeline.grouping import Grouping
from causeway.pipeline.hours import Hours
from causeway.pipeline.making import Facts, Host, Maker, Naming
from causeway.pipeline.parcel import (
    Face,
    Parcel,
    Told,
    stem_of,
    told_at,
)
from causeway.pipeline.placement import SEPARATOR
from causeway.pipeline.whole import goes_whole, standing

ATTACHING_SECONDS: Final = 900.0
"""How long a group waits for the series that it goes with, once its own is ready. Longer than any
series of the same examination takes from its last image to its parcel."""

LOOK_SECONDS: Final = 5.0

WAITS_FOR_OTHER: Final = "the series that part of it goes with"


class Packaging:
    """The last stage of a series."""

    def __init__(
        self,
        facts: Facts,
        grouping: Grouping,
        hours: Mapping[str, Hours],
        naming: Naming | None = None,
    ) -> None:
        self._facts = facts
        self._grouping = grouping
        self._hours = hours
        self._naming = naming

    def run(self, claim: SeriesClaim, verdict: Routed, now: float) -> Packaged | Wait | Dead:
        """The parcels of a series that was cleaned; or what they wait for."""
        series = claim.series
        live = self._facts.to_package(series.id, whole=True)
        earlier = self._facts.parcels_of(series.id)
        whole = goes_whole(series, verdict, live, earlier)
        chosen = {row.id: row for row in live if whole or _is_unpacked(row)}
        if not chosen and standing(earlier):
            return Packaged(parcels=())  # all that came late is left out
        if not chosen:
            # No move of the tables leads here; waiting for what cannot come would hide it.
            return Dead(code="nothing_to_package", text="all its images are in earlier parcels")
        groups = [
            (group, [chosen[key] for key in group.members if key in chosen])
            for group in self._grouping(series, live, earlier, verdict.grouping)
        ]
        groups = [(group, members) for group, members in groups if members]
        hosts: dict[str, Host] = {}
        for group, _ in groups:
            if group.attach_to:
                host = self._host(series, group.attach_to, now)
                if isinstance(host, Wait):
                    return host
                if host is not None:
                    hosts[group.key] = host
        maker = self._maker(claim, verdict, earlier, now, whole=whole)
        made = [
            self._made(maker, group, members, number, hosts.get(group.key))
            for number, (group, members) in enumerate(groups, start=len(earlier) + 1)
        ]
        return Packaged(parcels=tuple(made), whole=whole)

    def so_far(self, claim: SeriesClaim, verdict: Routed, now: float) -> Packaged | None:
        """One parcel of what came and is in none yet; None if there is nothing.

        For a series that is sent on as it comes: it is never known whole here, so it is not
        grouped, and nobody waits for another series.
        """
        series = claim.series
        rows = self._facts.to_package(series.id)
        if not rows:
            return None
        earlier = self._facts.parcels_of(series.id)
        maker = self._maker(claim, verdict, earlier, now, whole=False)
        group = Group(
            key="",
            label_suffix="",
            acquisition_uid=series.series_instance_uid,
            attach_to="",
            members=tuple(row.id for row in rows),
            reason="sent on as it came",
        )
        return Packaged(
            parcels=(self._made(maker, group, rows, len(earlier) + 1),),
            so_far=SoFar(verdict=series.verdict, cleaning=series.cleaning, prio=series.prio),
        )

    def _maker(
        self,
        claim: SeriesClaim,
        verdict: Routed,
        earlier: Sequence[ParcelRow],
        now: float,
        *,
        whole: bool,
    ) -> Maker:
        return Maker(
            facts=self._facts,
            naming=self._naming,
            claim=claim,
            fields=verdict.fields,
            merges=verdict.merges_same_label,
            earlier=earlier,
            sent=_sent(self._facts.deliveries_of(series_id=claim.id), earlier),
            whole=whole,
            now=now,
        )

    def _made(
        self,
        maker: Maker,
        group: Group,
        members: Sequence[InstanceRow],
        number: int,
        host: Host | None = None,
    ) -> NewParcel:
        """A parcel of one group, and its deliveries."""
        parcel, folders = maker.make(group, members, host, number=number)
        return _entered(
            parcel,
            [
                self._delivery(maker.claim.series, *each, parcel.face_for(each[0]), maker.now)
                for each in folders.items()
            ],
        )

    def _delivery(
        self,
        series: SeriesRow,
        destination: str,
        folders: tuple[str, ...],
        face: Face | None,
        now: float,
    ) -> NewDelivery:
        hours = self._hours.get(destination)
        opens_at = None
        if hours is not None and series.prio > PRIO_URGENT:
            opens_at = hours.opens_at(now)
        return NewDelivery(
            destination=destination,
            treatment_id=None if face is None else face.treatment_id,
            target=SEPARATOR.join(folders),
            prio=series.prio,
            due_at=opens_at,
            waits_for=waits_for_schedule(hours.name) if hours and opens_at is not None else "",
        )

    def _host(self, series: SeriesRow, uid: str, now: float) -> Host | Wait | None:
        """The acquisition of another series of the study; None if it has none to go into."""
        others = [
            row
            for row in self._facts.series_of(series.study_id)
            if row.series_instance_uid == uid and row.id != series.id
        ]
        if not others:
            return None
        other = others[0]
        parcels = {
            row.id: row
            for row in self._facts.parcels_of(other.id)
            if row.key == "" and row.state is not ParcelState.WITHDRAWN
        }
        if not parcels:
            if other.state in WORKABLE and now < series.state_at + ATTACHING_SECONDS:
                return Wait(until=now + LOOK_SECONDS, why=WAITS_FOR_OTHER)
            return None
        told: dict[str, Told] = {}
        folders: dict[str, tuple[str, ...]] = {}
        stems: dict[str, set[str]] = {}
        for row in self._facts.deliveries_of(series_id=other.id):
            if row.parcel_id not in parcels or row.state is DeliveryState.WITHDRAWN:
                continue
            called = told_at(parcels[row.parcel_id], row.destination)
            told[row.destination] = called
            folders[row.destination] = tuple(row.target.split(SEPARATOR))
            stems.setdefault(row.destination, set()).add(stem_of(called.name).casefold())
        return Host(
            told=told,
            folders=folders,
            stems={name: frozenset(each) for name, each in stems.items()},
        )


def _is_unpacked(row: InstanceRow) -> bool:
    return row.parcel_id is None and row.state in WAITING


def _sent(
    deliveries: Sequence[DeliveryRow], parcels: Sequence[ParcelRow]
) -> frozenset[tuple[str, str, str]]:
    """Destination, folder and name, case folded, of what stands or may come to stand somewhere.

    A withdrawn delivery that nobody had begun left nothing; withdrawing counts as one claim.
    """
    known = {row.id: row for row in parcels}
    return frozenset(
        (
            row.destination,
            row.target.casefold(),
            told_at(known[row.parcel_id], row.destination).name.casefold(),
        )
        for row in deliveries
        if row.parcel_id in known and not (row.state is DeliveryState.WITHDRAWN and row.epoch <= 1)
    )


def _entered(parcel: Parcel, deliveries: Sequence[NewDelivery]) -> NewParcel:
    return NewParcel(
        key=parcel.part.key,
        name=parcel.name,
        size=parcel.size,
        digest=parcel.digest(),
        instance_ids=tuple(member.instance.id for member in parcel.members),
        deliveries=tuple(deliveries),
        manifest=parcel.manifest(),
    )
