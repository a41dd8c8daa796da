"""What was learned of a node by asking it, kept between queries and runs."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Self


@dataclass(slots=True)
class Abilities:
    """Of one node; None where it has yet to show."""

    matches_optional: bool = True
    """It takes keys that the standard does not require."""
    lists_images: bool | None = None
    """It answers at the level of images."""
    counts_images: bool | None = None
    """It says how many images a series has."""
    gets: bool | None = None
    """It takes C-GET."""

    def to_json(self) -> str:
        """For the ledger; ``from_json`` reads it."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What was learned in an earlier run; what cannot be read is learned anew."""
        try:
            told = json.loads(text)
            names = {each.name for each in fields(cls)}
            return cls(**{name: value for name, value in told.items() if name in names})
        except (ValueError, TypeError, AttributeError):
            return cls()
