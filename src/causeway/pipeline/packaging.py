"""Packaging: the groups of a clean series become parcels, each with its folder and its name.

The grouping is of all instances of the series, so that what comes late finds its group. What is in
a parcel already goes again only if the series goes again whole: when its route asks for that, or
when a person has sent it elsewhere after it was delivered.

A group that belongs to another series goes into that one's folder. That is known once the other is
packaged, so this one waits for it, but not for long: a series that does not come must not keep its
screen captures here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from causeway.decide.grouping import Group
from causeway.decide.hierarchy import labels_of
from causeway.decide.labels import FILE_CHARACTERS, Labels, first_label, suffixed
from causeway.decide.verdict import PRIO_URGENT, Field, Routed
from causeway.ledger import (
    Dead,
    DeliveryRow,
    DeliveryState,
    InstanceRow,
    NewDelivery,
    NewParcel,
    Packaged,
    ParcelKind,
    ParcelRow,
    ParcelState,
    SeriesClaim,
    SeriesRow,
    SoFar,
    Wait,
    amended_by,
    kind_of,
    waits_for_schedule,
)
from causeway.ledger.states import WAITING, WORKABLE
from causeway.pipeline.deidentify import CleanFace, CleanSeries, restored
from causeway.pipeline.deidentify.restoring import Left
from causeway.pipeline.grouping import Grouping
from causeway.pipeline.hours import Hours
from causeway.pipeline.names import labels, moment
from causeway.pipeline.parcel import (
    ARCHIVE_SUFFIX,
    Completion,
    Earlier,
    Face,
    Parcel,
    Part,
    Told,
    file_names,
    package,
    stem_of,
    told_at,
)
from causeway.pipeline.placement import SEPARATOR, Places, Wanted, place_acquisition, place_stem
from causeway.pipeline.whole import goes_whole, standing

ATTACHING_SECONDS: Final = 900.0
"""How long a group waits for the series that it goes with, once its own is ready. Longer than any
series of the same examination takes from its last image to its parcel."""
LOOK_SECONDS: Final = 5.0
WAITS_FOR_OTHER: Final = "the series that part of it goes with"

Folders = Mapping[str, tuple[str, ...]]
"""Of one acquisition, by destination."""


class Facts(Places, Left, Protocol):
    """What packaging asks the ledger."""

    def to_package(self, series_id: int, *, whole: bool = False) -> tuple[InstanceRow, ...]: ...

    def parcels_of(self, series_id: int) -> tuple[ParcelRow, ...]: ...

    def deliveries_of(
        self,
        *,
        study_id: int | None = None,
        series_id: int | None = None,
        parcel_id: int | None = None,
    ) -> tuple[DeliveryRow, ...]: ...

    def series_of(self, study_id: int) -> tuple[SeriesRow, ...]: ...


Naming = Callable[[SeriesRow, Mapping[str, Field], CleanFace], Mapping[str, Field]]
"""The hierarchy of a series where it goes de-identified, from what was decided on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """The acquisition of another series, as far as a group can go into it, by destination."""

    told: Mapping[str, Told] = field(repr=False)
    folders: Folders = field(repr=False)
    stems: Mapping[str, frozenset[str]] = field(repr=False)
    """Beginnings of its file names, case folded."""


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
        maker = _Maker(
            facts=self._facts,
            naming=self._naming,
            claim=claim,
            fields=verdict.fields,
            merges=verdict.merges_same_label,
            earlier=earlier,
            sent=_sent(self._facts.deliveries_of(series_id=series.id), earlier),
            whole=whole,
            now=now,
        )
        made = []
        for number, (group, members) in enumerate(groups, start=len(earlier) + 1):
            parcel, folders = maker.make(group, members, hosts.get(group.key), number=number)
            deliveries = [
                self._delivery(series, *each, parcel.face_for(each[0]), now)
                for each in folders.items()
            ]
            made.append(_entered(parcel, deliveries))
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
        maker = _Maker(
            facts=self._facts,
            naming=self._naming,
            claim=claim,
            fields=verdict.fields,
            merges=verdict.merges_same_label,
            earlier=earlier,
            sent=_sent(self._facts.deliveries_of(series_id=series.id), earlier),
            whole=False,
            now=now,
        )
        group = Group(
            key="",
            label_suffix="",
            acquisition_uid=series.series_instance_uid,
            attach_to="",
            members=tuple(row.id for row in rows),
            reason="sent on as it came",
        )
        parcel, folders = maker.make(group, rows, None, number=len(earlier) + 1)
        deliveries = [
            self._delivery(series, *each, parcel.face_for(each[0]), now) for each in folders.items()
        ]
        return Packaged(
            parcels=(_entered(parcel, deliveries),),
            so_far=SoFar(verdict=series.verdict, cleaning=series.cleaning, prio=series.prio),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A group as it goes to some of its destinations: as it came, or under one treatment."""

    destinations: tuple[str, ...]
    fields: Mapping[str, Field]
    labels: Labels
    identities: str = ""
    face: CleanFace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """Where a side stands, and what it is called there."""

    side: _Side
    name: str = field(repr=False)
    labels: Labels
    folders: Folders = field(repr=False)
    attached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Maker:
    """Parcels of one series."""

    facts: Facts
    naming: Naming | None
    claim: SeriesClaim
    fields: Mapping[str, Field]
    merges: bool
    earlier: Sequence[ParcelRow]
    sent: frozenset[tuple[str, str, str]]
    whole: bool
    now: float

    def make(
        self, group: Group, members: Sequence[InstanceRow], host: Host | None, *, number: int
    ) -> tuple[Parcel, Folders]:
        """A parcel of one group, and its folder at each destination."""
        series = self.claim.series
        clean = restored(self.claim.study, series, members, self.facts)
        standing = [(row.key, row.state) for row in self.earlier]
        kind = kind_of(group.key, standing, whole=self.whole)
        placed = [
            self._placed(group, side, host, kind) for side in self._sides(clean, group, members)
        ]
        first = placed[0]
        parcel = package(
            clean,
            Completion(
                reason=series.completion_reason,
                instances=series.instance_count,
                expected=series.expected_count,
            ),
            self.earlier,
            number=number,
            part=Part(
                key=group.key,
                acquisition_uid=group.acquisition_uid,
                attached_to=group.attach_to if first.attached else "",
                reason=group.reason,
            ),
            wanted=first.labels,
            fields=self.fields,
            name=first.name,
            whole=self.whole,
            faces=tuple(
                self._face(group, each, each.side.face, host)
                for each in placed
                if each.side.face is not None
            ),
        )
        return parcel, {name: path for each in placed for name, path in each.folders.items()}

    def _sides(
        self, clean: CleanSeries, group: Group, members: Sequence[InstanceRow]
    ) -> Iterator[_Side]:
        """As it came first, if it goes somewhere so."""
        if clean.as_it_came:
            own = labels_of(self.fields) if self.fields else labels(clean.names)
            yield _Side(
                destinations=clean.as_it_came,
                fields=self.fields,
                labels=replace(own, acquisition=suffixed(own.acquisition, group.label_suffix)),
            )
        for face in clean.faces:
            if not any(row.id in face.cleaned for row in members):
                continue
            assert self.naming is not None, "nobody is asked to de-identify without it"
            fields = self.naming(self.claim.series, self.fields, face)
            own = labels_of(fields)
            yield _Side(
                destinations=face.destinations,
                fields=fields,
                labels=replace(own, acquisition=suffixed(own.acquisition, group.label_suffix)),
                identities=face.identities,
                face=face,
            )

    def _placed(self, group: Group, side: _Side, host: Host | None, kind: ParcelKind) -> _Placed:
        folders, attached = self._folders(group, side, host)
        stem = archive_stem(side.fields, side.labels, group.label_suffix)
        if attached or self.merges:
            taken = host.stems if host is not None else {}
            stem = place_stem(
                self.facts,
                tuple(folders.items()),
                stem,
                self._wanted(group, side).name_owner,
                taken=frozenset().union(*(taken.get(name, ()) for name in side.destinations)),
                at=self.now,
            )
        if side.face is not None and side.face.left_out:
            stem = suffixed(stem, f".without-{side.face.left_out}", characters=FILE_CHARACTERS)
        told = next(
            (host.told[name] for name in side.destinations if host and name in host.told), None
        )
        return _Placed(
            side=side,
            name=self._name(stem, kind, folders),
            labels=told.labels if told is not None and attached else side.labels,
            folders=folders,
            attached=attached,
        )

    def _face(self, group: Group, placed: _Placed, clean: CleanFace, host: Host | None) -> Face:
        side = placed.side
        amended = amended_by(group.key, self.earlier)
        other = ""
        if placed.attached and host is not None:
            other = next(
                host.told[name].series_instance_uid
                for name in side.destinations
                if name in host.told
            )
        return Face(
            treatment_id=clean.treatment_id,
            treatment=clean.name,
            destinations=side.destinations,
            name=placed.name,
            amends=tuple(
                Earlier(number=row.number, name=told_at(row, side.destinations[0]).name)
                for row in amended
            ),
            part=_clean_part(group, self.claim.series, clean, other),
            names=clean.names,
            labels=placed.labels,
            fields=side.fields,
            moment=moment(clean.names),
            modality=clean.modality,
            left_out=clean.left_out,
        )

    def _folders(self, group: Group, side: _Side, host: Host | None) -> tuple[Folders, bool]:
        """The folder at each destination, and whether one of them is that of another series."""
        known = host.folders if host is not None else {}
        folders = {
            name: known.get(name)
            or place_acquisition(self.facts, name, self._wanted(group, side), at=self.now)
            for name in side.destinations
        }
        return folders, any(name in known for name in side.destinations)

    def _wanted(self, group: Group, side: _Side) -> Wanted:
        return Wanted.of(
            side.fields,
            side.labels,
            study_id=self.claim.series.study_id,
            series_id=self.claim.id,
            key=group.key,
            merges=self.merges,
            identities=side.identities,
        )

    def _name(self, stem: str, kind: ParcelKind, folders: Folders) -> str:
        """The first of its names under which nothing of this series stands where it goes."""
        places = [(name, SEPARATOR.join(path).casefold()) for name, path in folders.items()]
        return next(
            name
            for name in file_names(stem, kind)
            if not any((*place, name.casefold()) in self.sent for place in places)
        )


def _clean_part(group: Group, series: SeriesRow, clean: CleanFace, other: str) -> Part:
    """Which part of its series it is, without UIDs that came, nor digests of them."""
    own, acquisition_uid = clean.names.series_instance_uid, other
    if not other:
        _, of_it, suffix = group.acquisition_uid.partition(series.series_instance_uid)
        acquisition_uid = own + suffix if of_it else own
    return Part(
        key=group.key.partition("=")[0] if group.attach_to else group.key,
        acquisition_uid=acquisition_uid,
        attached_to=other,
        reason=group.reason,
    )


def archive_stem(fields: Mapping[str, Field], own: Labels, suffix: str) -> str:
    """What an archive is named after: the file's name, if the hierarchy has one."""
    if (said := fields.get("file.name")) is None:
        return own.acquisition
    name = str(said.value).removesuffix(ARCHIVE_SUFFIX)
    return suffixed(first_label(name, own.acquisition, characters=FILE_CHARACTERS), suffix)


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
