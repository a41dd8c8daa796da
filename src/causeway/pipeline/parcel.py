"""A parcel is a recipe: which instances, in which order, under which names.

No archive is made until a destination asks for bytes, and then its bytes are a function of the
recipe (``docs/decisions/0004-parcel-is-a-recipe.md``). The recipe is frozen when a series is
packaged: the ledger keeps the members, this module's manifest with all else, and a digest over
names, sizes and digests, against which the members are held again before anything is sent.
"""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final

from blake3 import blake3

from causeway.decide.labels import Labels
from causeway.decide.verdict import Field
from causeway.errors import LedgerCorrupt
from causeway.ledger import InstanceRow, ParcelKind, ParcelRow, amended_by, kind_of
from causeway.pipeline.deidentify import CleanSeries
from causeway.pipeline.names import SeriesNames, labels, moment
from causeway.values import Identity

RECIPE_VERSION: Final = 1
"""Of names, order and manifest. Another version must still read the parcels of this one."""

ARCHIVE_SUFFIX: Final = ".dicom.zip"
NO_MODALITY: Final = "NA"

_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_NUMBERED: Final = re.compile(r"(?:\.without-[0-9]+)?(?:\.(?:amendment|again)-[0-9]+)?\Z")
_MODALITY: Final = re.compile(r"[A-Z0-9]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the archive."""

    name: str = field(repr=False)
    instance: InstanceRow = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A parcel of the same group that this one adds to, or takes the place of."""

    number: int
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Which part of its series a parcel holds."""

    key: str = field(default="", repr=False)
    """Tells it from the other parts, for ever; empty for the main one, which may be all."""
    acquisition_uid: str = field(default="", repr=False)
    attached_to: str = field(default="", repr=False)
    """The series into whose acquisition it goes; empty if it has its own."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Why the series counted as whole."""

    reason: str
    instances: int
    """Of the series, in all its parcels."""
    expected: int | None
    left_out: int = 0
    """Images of the series that do not go there, by a person's word or the configuration's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A parcel as it is told where it goes de-identified: all of it from the clean header."""

    treatment_id: int
    treatment: str
    """What the configuration calls the profile."""
    destinations: tuple[str, ...]
    name: str = field(repr=False)
    amends: tuple[Earlier, ...]
    part: Part
    names: SeriesNames = field(repr=False)
    labels: Labels = field(repr=False)
    fields: Mapping[str, Field] = field(repr=False)
    moment: dt.datetime | None = field(repr=False)
    modality: str
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is delivered, once or to many."""

    name: str = field(repr=False)
    """File name of the archive."""
    number: int
    """1 for the first of its series."""
    kind: ParcelKind
    amends: tuple[Earlier, ...]
    part: Part
    names: SeriesNames = field(repr=False)
    labels: Labels = field(repr=False)
    fields: Mapping[str, Field] = field(repr=False)
    """The hierarchy, with what stood in the header beside what was made of it."""
    moment: dt.datetime | None = field(repr=False)
    """When the images were acquired; the time of the members."""
    modality: str
    treatments: tuple[tuple[str, str], ...]
    completion: Completion
    members: tuple[Member, ...] = field(repr=False)
    faces: tuple[Face, ...] = ()
    """As it is told where it goes de-identified."""

    def face_for(self, destination: str) -> Face | None:
        """How it is told at a destination; None: as it came."""
        return next((face for face in self.faces if destination in face.destinations), None)

    def seen_as(self, face: Face, members: tuple[Member, ...]) -> Parcel:
        """The parcel with nothing in it but what a face tells, and these members."""
        return replace(
            self,
            name=face.name,
            amends=face.amends,
            part=face.part,
            names=face.names,
            labels=face.labels,
            fields=face.fields,
            moment=face.moment,
            modality=face.modality,
            treatments=tuple((name, face.treatment) for name in face.destinations),
            completion=replace(self.completion, left_out=face.left_out),
            members=members,
            faces=(),
        )

    @property
    def size(self) -> int:
        """Bytes of the data sets."""
        return sum(member.instance.size for member in self.members)

    def digest(self) -> bytes:
        """BLAKE3 over what makes the archive: names, sizes, digests, in order."""
        hasher = blake3(b"causeway parcel %d\n" % RECIPE_VERSION)
        for member in self.members:
            line = f"{member.name}\t{member.instance.size}\t{member.instance.digest.hex()}\n"
            hasher.update(line.encode())
        return hasher.digest()

    def manifest(self) -> str:
        """All but the members, for the ledger; ``from_ledger`` reads it."""
        text = {
            "recipe": RECIPE_VERSION,
            "name": self.name,
            "number": self.number,
            "kind": self.kind.value,
            "amends": [asdict(earlier) for earlier in self.amends],
            "part": asdict(self.part),
            "names": asdict(self.names),
            "labels": asdict(self.labels),
            "fields": {name: asdict(each) for name, each in self.fields.items()},
            "moment": self.moment.isoformat() if self.moment else None,
            "modality": self.modality,
            "treatments": dict(self.treatments),
            "completion": asdict(self.completion),
            "faces": [_face_told(face) for face in self.faces],
        }
        return json.dumps(text, ensure_ascii=False)


def package(
    clean: CleanSeries,
    completion: Completion,
    earlier: Sequence[ParcelRow] = (),
    *,
    number: int = 0,
    part: Part | None = None,
    wanted: Labels | None = None,
    fields: Mapping[str, Field] | None = None,
    name: str = "",
    whole: bool = False,
    faces: tuple[Face, ...] = (),
) -> Parcel:
    """The recipe for instances of a clean series.

    ``earlier`` are the series' parcels so far; ``number`` that of this one, the next if it is not
    said. Labels and name are those of a series of which nothing is known but its names, unless they
    are ``wanted`` otherwise. ``whole``: this packaging holds what was sent before too.
    """
    part = part or Part()
    wanted = wanted or labels(clean.names)
    kind = kind_of(part.key, [(row.key, row.state) for row in earlier], whole=whole)
    known = {row.name for row in earlier}
    names = (each for each in file_names(wanted.acquisition, kind) if each not in known)
    return Parcel(
        name=name or next(names),
        number=number or len(earlier) + 1,
        kind=kind,
        amends=tuple(
            Earlier(number=row.number, name=row.name) for row in amended_by(part.key, earlier)
        ),
        part=part,
        names=clean.names,
        labels=wanted,
        fields=fields or {},
        moment=moment(clean.names),
        modality=clean.modality,
        treatments=tuple((each.destination, each.name) for each in clean.asked),
        completion=completion,
        members=members(clean.instances, clean.modality),
        faces=faces,
    )


def file_names(stem: str, kind: ParcelKind) -> Iterator[str]:
    """Names for the archive, the best first; the caller knows which are taken."""
    if kind is not ParcelKind.AMENDMENT:
        yield f"{stem}{ARCHIVE_SUFFIX}"
    word = "amendment" if kind is ParcelKind.AMENDMENT else "again"
    for number in itertools.count(1):
        yield f"{stem}.{word}-{number}{ARCHIVE_SUFFIX}"


def stem_of(name: str) -> str:
    """What a name of ``file_names`` was made from."""
    return _NUMBERED.sub("", name.removesuffix(ARCHIVE_SUFFIX))


def from_ledger(row: ParcelRow, instances: Sequence[InstanceRow]) -> Parcel:
    """The recipe as it was frozen. Raises ``LedgerCorrupt`` if it is not that any more."""
    try:
        found: dict[str, Any] = json.loads(row.manifest)
        if found["recipe"] != RECIPE_VERSION:
            raise LedgerCorrupt(
                f"parcel {row.id} has a recipe of version {found['recipe']}, which is not known",
                hint="it was made by a newer version of this program",
            )
        parcel = Parcel(
            name=found["name"],
            number=found["number"],
            kind=ParcelKind(found["kind"]),
            amends=tuple(Earlier(**earlier) for earlier in found["amends"]),
            part=Part(**found["part"]),
            fields={name: Field(**each) for name, each in found["fields"].items()},
            names=_names(found["names"]),
            labels=Labels(**found["labels"]),
            moment=dt.datetime.fromisoformat(found["moment"]) if found["moment"] else None,
            modality=found["modality"],
            treatments=tuple(found["treatments"].items()),
            completion=Completion(**found["completion"]),
            members=members(instances, found["modality"]),
            faces=tuple(_face(face) for face in found["faces"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LedgerCorrupt(f"the manifest of parcel {row.id} cannot be read") from None
    if parcel.digest() != row.digest or len(parcel.members) != row.instance_count:
        raise LedgerCorrupt(
            f"the members of parcel {row.id} are not those that it was made of",
            hint="restore the ledger from a backup, or send the series again",
        )
    return parcel


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a parcel is called at a destination."""

    name: str = field(repr=False)
    labels: Labels = field(repr=False)
    series_instance_uid: str = field(repr=False)


def told_at(row: ParcelRow, destination: str) -> Told:
    """What a parcel is called at a destination. Raises ``LedgerCorrupt``."""
    try:
        found = json.loads(row.manifest)
        for face in found["faces"]:
            if destination in face["destinations"]:
                found = face
                break
        return Told(
            name=found["name"],
            labels=Labels(**found["labels"]),
            series_instance_uid=found["names"]["series_instance_uid"],
        )
    except (KeyError, TypeError, ValueError):
        raise LedgerCorrupt(f"the manifest of parcel {row.id} cannot be read") from None


def _face_told(face: Face) -> dict[str, Any]:
    told = asdict(face)
    return told | {"moment": face.moment.isoformat() if face.moment else None}


def _face(found: dict[str, Any]) -> Face:
    return Face(
        treatment_id=int(found["treatment_id"]),
        treatment=str(found["treatment"]),
        destinations=tuple(map(str, found["destinations"])),
        name=found["name"],
        amends=tuple(Earlier(**earlier) for earlier in found["amends"]),
        part=Part(**found["part"]),
        names=_names(found["names"]),
        labels=Labels(**found["labels"]),
        fields={name: Field(**each) for name, each in found["fields"].items()},
        moment=dt.datetime.fromisoformat(found["moment"]) if found["moment"] else None,
        modality=found["modality"],
        left_out=int(found["left_out"]),
    )


def _names(found: dict[str, Any]) -> SeriesNames:
    return SeriesNames(**{**found, "identity": Identity(**found["identity"])})


def members(instances: Sequence[InstanceRow], modality: str) -> tuple[Member, ...]:
    """Instances in their order, each with its name.

    Names are ``<SOPInstanceUID>.<Modality>.dcm``, from digits, dots and capital letters alone. What
    a person let through although its UID is none, or is another's as well, is told apart by the
    ledger's number.
    """
    return named(sorted(instances, key=_order), modality)


def named(instances: Sequence[InstanceRow], modality: str) -> tuple[Member, ...]:
    """Instances with their names, as ``members`` gives them, in the order in which they are."""
    kind = modality if _MODALITY.fullmatch(modality) else NO_MODALITY
    taken: set[str] = set()
    found: list[Member] = []
    for instance in instances:
        uid = instance.sop_instance_uid
        stem = uid if len(uid) <= 64 and _UID.fullmatch(uid) else f"as-is_{instance.id}"
        if stem in taken:
            stem = f"{stem}_{instance.id}"
        taken.add(stem)
        found.append(Member(name=f"{stem}.{kind}.dcm", instance=instance))
    return tuple(found)


def _order(instance: InstanceRow) -> tuple[int, str, int]:
    """By Instance Number as a reader would, then by what is always there and never changes."""
    number = instance.instance_number.strip()
    known = number.isascii() and number.isdigit() and len(number) <= 12
    return (int(number) if known else 1 << 48, instance.sop_instance_uid, instance.id)
