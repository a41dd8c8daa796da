"""From a ``[[destination]]`` table to the settings that its class takes."""

from __future__ import annotations

from pathlib import Path

from causeway.config import AnyDestination, FolderDestination
from causeway.destinations import DestinationSettings, FolderSettings


def destination_settings(table: AnyDestination) -> DestinationSettings:
    """What ``destinations.build`` takes."""
    match table:
        case FolderDestination():
            return FolderSettings(name=table.name, path=Path(table.path))
        case _:
            raise TypeError(f"a type of destination without settings: {type(table).__name__}")
