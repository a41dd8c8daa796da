"""Which types of destination there are.

A type is a class of settings and what makes a destination of them. Adding one is a module beside
this one and an entry here.
"""

from __future__ import annotations

from causeway.destinations.azure_blob import AzureBlobDestination, AzureBlobSettings
from causeway.destinations.contract import Destination, Memory
from causeway.destinations.core import CoreDestination, CoreSettings
from causeway.destinations.dicom import DicomDestination, DicomSettings
from causeway.destinations.files import Files
from causeway.destinations.folder import FolderDestination, FolderSettings
from causeway.destinations.gcs import GcsDestination, GcsSettings
from causeway.destinations.healthimaging import (
    Batches,
    HealthImagingDestination,
    HealthImagingSettings,
)
from causeway.destinations.s3 import S3Destination, S3Settings
from causeway.destinations.stow import StowDestination, StowSettings

DestinationSettings = (
    AzureBlobSettings
    | CoreSettings
    | DicomSettings
    | FolderSettings
    | GcsSettings
    | HealthImagingSettings
    | S3Settings
    | StowSettings
)
"""Settings of any type."""


def build(
    settings: DestinationSettings,
    *,
    memory: Memory,
    files: Files | None = None,
    batches: Batches | None = None,
) -> Destination:
    """The destination that settings ask for. Does nothing yet: it may be away just now.

    ``batches`` is where import jobs are kept; without it, those that need it can be tried out only.
    """
    match settings:
        case DicomSettings():
            return DicomDestination(settings, memory=memory)
        case FolderSettings():
            return FolderDestination(settings, memory=memory, files=files)
        case StowSettings():
            return StowDestination(settings)
        case CoreSettings():
            return CoreDestination(settings, memory=memory)
        case S3Settings():
            return S3Destination(settings, memory=memory)
        case GcsSettings():
            return GcsDestination(settings)
        case AzureBlobSettings():
            return AzureBlobDestination(settings)
        case HealthImagingSettings():
            return HealthImagingDestination(settings, memory=memory, batches=batches)
