"""A parcel is a recipe: which instances, in which order, under which names.

No archive is made until a destination asks for bytes, and then its bytes are a function of the
recipe (``docs/decisions/0004-parcel-is-a-recipe.md``). The recipe is frozen when a series is
packaged: the ledger keeps the members, this module's manifest with all else, and a digest over
names, sizes and digests, against which the members are held again before anything is sent.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from blake3 import blake3

from causeway.decide.labels import Labels
from causeway.errors import LedgerCorrupt
from causeway.ledger import InstanceRow, ParcelRow
from causeway.pipeline.deidentify import CleanSeries
from causeway.pipeline.names import SeriesNames, labels, moment
from causeway.values import Identity

RECIPE_VERSION: Final = 1
"""Of names, order and manifest. Another version must still read the parcels of this one."""

ARCHIVE_SUFFIX: Final = ".dicom.zip"
NO_MODALITY: Final = "NA"

_UID: Final = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_MODALITY: Final = re.compile(r"[A-Z0-9]{1,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One file of the archive."""

    name: str = field(repr=False)
    instance: InstanceRow = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """A parcel of the same series that this one adds to."""

    number: int
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Why the series counted as whole."""

    reason: str
    instances: int
    """Of the series, in all its parcels."""
    expected: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What is delivered, once or to many."""

    name: str = field(repr=False)
    """File name of the archive."""
    number: int
    """1 for the first of its series."""
    amends: tuple[Earlier, ...]
    names: SeriesNames = field(repr=False)
    labels: Labels = field(repr=False)
    moment: dt.datetime | None = field(repr=False)
    """When the images were acquired; the time of the members."""
    modality: str
    treatments: tuple[tuple[str, str], ...]
    completion: Completion
    members: tuple[Member, ...] = field(repr=False)

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
            "amends": [asdict(earlier) for earlier in self.amends],
            "names": asdict(self.names),
            "labels": asdict(self.labels),
            "moment": self.moment.isoformat() if self.moment else None,
            "modality": self.modality,
            "treatments": dict(self.treatments),
            "completion": asdict(self.completion),
        }
        return json.dumps(text, ensure_ascii=False)


def package(
    clean: CleanSeries, completion: Completion, earlier: Sequence[ParcelRow] = ()
) -> Parcel:
    """The recipe for the instances of a clean series; ``earlier`` are its parcels so far."""
    wanted = labels(clean.names)
    number = len(earlier) + 1
    amendment = f".amendment-{number - 1}" if number > 1 else ""
    return Parcel(
        name=f"{wanted.acquisition}{amendment}{ARCHIVE_SUFFIX}",
        number=number,
        amends=tuple(Earlier(number=row.number, name=row.name) for row in earlier),
        names=clean.names,
        labels=wanted,
        moment=moment(clean.names),
        modality=clean.modality,
        treatments=tuple((name, treatment.value) for name, treatment in clean.treatments),
        completion=completion,
        members=members(clean.instances, clean.modality),
    )


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
            amends=tuple(Earlier(**earlier) for earlier in found["amends"]),
            names=_names(found["names"]),
            labels=Labels(**found["labels"]),
            moment=dt.datetime.fromisoformat(found["moment"]) if found["moment"] else None,
            modality=found["modality"],
            treatments=tuple(found["treatments"].items()),
            completion=Completion(**found["completion"]),
            members=members(instances, found["modality"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        raise LedgerCorrupt(f"the manifest of parcel {row.id} cannot be read") from None
    if parcel.digest() != row.digest or len(parcel.members) != row.instance_count:
        raise LedgerCorrupt(
            f"the members of parcel {row.id} are not those that it was made of",
            hint="restore the ledger from a backup, or send the series again",
        )
    return parcel


def _names(found: dict[str, Any]) -> SeriesNames:
    return SeriesNames(**{**found, "identity": Identity(**found["identity"])})


def members(instances: Sequence[InstanceRow], modality: str) -> tuple[Member, ...]:
    """Instances in their order, each with its name.

    Names are ``<SOPInstanceUID>.<Modality>.dcm``, from digits, dots and capital letters alone. What
    a person let through although its UID is none, or is another's as well, is told apart by the
    ledger's number.
    """
    kind = modality if _MODALITY.fullmatch(modality) else NO_MODALITY
    taken: set[str] = set()
    found: list[Member] = []
    for instance in sorted(instances, key=_order):
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
