"""Where parcels go: one contract, one registry, a file for each type."""

from causeway.destinations.contract import (
    Destination,
    Instance,
    Memory,
    Outcome,
    Seal,
    Shipment,
    Step,
    Takes,
    Tended,
    Transfer,
    Write,
)
from causeway.destinations.dicom import Commitment, DicomDestination, DicomSettings
from causeway.destinations.files import Files, LocalFiles
from causeway.destinations.folder import FolderDestination, FolderSettings
from causeway.destinations.registry import DestinationSettings, build
from causeway.values import Standing

__all__ = [
    "Commitment",
    "Destination",
    "DestinationSettings",
    "DicomDestination",
    "DicomSettings",
    "Files",
    "FolderDestination",
    "FolderSettings",
    "Instance",
    "LocalFiles",
    "Memory",
    "Outcome",
    "Seal",
    "Shipment",
    "Standing",
    "Step",
    "Takes",
    "Tended",
    "Transfer",
    "Write",
    "build",
]
