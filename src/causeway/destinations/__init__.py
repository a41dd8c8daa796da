"""Where parcels go: one contract, one registry, a file for each type."""

from causeway.destinations.contract import Destination, Memory, Proof, Seal, Shipment, Write
from causeway.destinations.files import Files, LocalFiles
from causeway.destinations.folder import FolderDestination, FolderSettings
from causeway.destinations.registry import DestinationSettings, build

__all__ = [
    "Destination",
    "DestinationSettings",
    "Files",
    "FolderDestination",
    "FolderSettings",
    "LocalFiles",
    "Memory",
    "Proof",
    "Seal",
    "Shipment",
    "Write",
    "build",
]
