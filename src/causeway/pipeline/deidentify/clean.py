"""The type that says: this may leave."""

from __future__ import annotations

import enum
from dataclasses import InitVar, dataclass, field

from causeway.ledger import InstanceRow
from causeway.pipeline.names import SeriesNames


class Treatment(enum.StrEnum):
    """What a destination's ``deidentify`` asks for."""

    NONE = "none"


class _Seal:
    """Held by this package alone."""


SEAL = _Seal()


@dataclass(frozen=True, slots=True, kw_only=True)
class CleanSeries:
    """A series of which somebody has decided that it may leave as it is here.

    Made by ``causeway.pipeline.deidentify`` and nobody else; the seal is what enforces it.
    """

    seal: InitVar[_Seal]
    series_id: int
    generation: int
    names: SeriesNames = field(repr=False)
    """What labels are made from; of de-identified series not what came in."""
    modality: str
    instances: tuple[InstanceRow, ...] = field(repr=False)
    treatments: tuple[tuple[str, Treatment], ...]
    """Destination by destination, what was done for it."""

    def __post_init__(self, seal: _Seal) -> None:
        if seal is not SEAL:
            raise TypeError("a CleanSeries is made by causeway.pipeline.deidentify only")
