"""How one group of a series becomes a parcel: its sides, where each stands, how it is called there.

A group goes to some destinations as it came, and to others under a treatment. Each of these sides
has a face of its own (labels, folders, the archive's name), and all are one parcel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from causeway.decide.grouping import Group
from causeway.decide.hierarchy import labels_of
from causeway.decide.labels import FILE_CHARACTERS, Labels, first_label, suffixed
from causeway.decide.verdict import Field
from causeway.ledger import (
    DeliveryRow,
    InstanceRow,
    ParcelKind,
    ParcelRow,
    SeriesClaim,
    SeriesRow,
    amended_by,
    kind_of,
)
from causeway.pipeline.deidentify import CleanFace, CleanSeries, restored
from causeway.pipeline.deidentify.restoring import Left
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
    told_at,
)
from causeway.pipeline.placement import SEPARATOR, Places, Wanted, place_acquisition, place_stem

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
class Maker:
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
