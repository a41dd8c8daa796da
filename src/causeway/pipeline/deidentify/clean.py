"""The types that say: this may leave."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import InitVar, dataclass, field

from causeway.attributes import Attributes
from causeway.ledger import CleanedRow, InstanceRow
from causeway.pipeline.deidentify.treating import NONE
from causeway.pipeline.names import SeriesNames


class _Seal:
    """Held by this package alone."""


SEAL = _Seal()


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was done to identifying data on the way to one destination."""

    destination: str
    name: str
    """``none``, or what the configuration calls the profile."""
    treatment_id: int | None = None
    """The ledger's; None: it goes as it came."""


def record_text(asked: tuple[Asked, ...]) -> str:
    """For the series' row; ``asked_in`` reads it."""
    told = {each.destination: {"name": each.name, "id": each.treatment_id} for each in asked}
    return json.dumps({"treatments": told})


def asked_in(text: str) -> tuple[Asked, ...]:
    """Raises ``ValueError`` for what ``record_text`` has not made."""
    try:
        told: Mapping[str, Mapping[str, object]] = json.loads(text)["treatments"]
        found = []
        for destination, each in told.items():
            treatment_id = each["id"]
            name = str(each["name"])
            if (name == NONE) != (treatment_id is None):
                raise ValueError("a treatment without its id")
            found.append(
                Asked(
                    destination=str(destination),
                    name=name,
                    treatment_id=None if treatment_id is None else int(str(treatment_id)),
                )
            )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError("no record of how it was cleaned") from error
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanFace:
    """A series as it is under one treatment."""

    treatment_id: int
    name: str
    destinations: tuple[str, ...]
    names: SeriesNames = field(repr=False)
    modality: str
    original: Attributes = field(repr=False)
    """What the header said before,"""
    attributes: Attributes = field(repr=False)
    """and what it says now."""
    subject: str = field(repr=False)
    """The patient's pseudonym."""
    cleaned: Mapping[int, CleanedRow] = field(repr=False)
    """By instance; those that may leave."""
    left_out: int = 0
    """Others of the series that do not."""
    identities: str = ""
    """Tells subjects under one key from those under another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSeries:
    """A series of which somebody has decided that it may leave as it is here.

    Made by ``causeway.pipeline.deidentify`` and nobody else; the seal is what enforces it.
    """

    seal: InitVar[_Seal]
    series_id: int
    generation: int
    names: SeriesNames = field(repr=False)
    """What labels are made from where it goes as it came."""
    modality: str
    instances: tuple[InstanceRow, ...] = field(repr=False)
    asked: tuple[Asked, ...]
    """Destination by destination, what was done for it."""
    faces: tuple[CleanFace, ...] = ()
    """As it goes where something was done."""

    def __post_init__(self, seal: _Seal) -> None:
        if seal is not SEAL:
            raise TypeError("a CleanSeries is made by causeway.pipeline.deidentify only")

    @property
    def as_it_came(self) -> tuple[str, ...]:
        """Destinations that get it so."""
        return tuple(each.destination for each in self.asked if each.treatment_id is None)
