"""The types of destination. A new one is a module with its class here, and a line below."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import core_schema

from causeway.config.destinations.azure_blob import AzureBlobDestination
from causeway.config.destinations.base import (
    ArchiveDestinationSettings,
    BandwidthSettings,
    BandwidthWindowSettings,
    DestinationSettings,
    RetrySettings,
)
from causeway.config.destinations.core import CoreDestination
from causeway.config.destinations.dicom import DicomDestination
from causeway.config.destinations.folder import FolderDestination
from causeway.config.destinations.gcs import GcsDestination
from causeway.config.destinations.healthimaging import HealthImagingDestination
from causeway.config.destinations.s3 import S3Destination
from causeway.config.destinations.stow import StowDestination

DESTINATION_TYPES: Final[dict[str, type[DestinationSettings]]] = {
    "dicom": DicomDestination,
    "folder": FolderDestination,
    "core": CoreDestination,
    "stow": StowDestination,
    "s3": S3Destination,
    "gcs": GcsDestination,
    "azure-blob": AzureBlobDestination,
    "healthimaging": HealthImagingDestination,
}


def _by_type(_source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    # Written out, so that a type is one line above: Python's union would be a second list of them.
    return core_schema.tagged_union_schema(
        choices={name: handler(model) for name, model in DESTINATION_TYPES.items()},
        discriminator="type",
    )


AnyDestination = Annotated[DestinationSettings, GetPydanticSchema(_by_type)]
"""Whatever `[[destination]]` can be: one of ``DESTINATION_TYPES``."""

__all__ = [
    "DESTINATION_TYPES",
    "AnyDestination",
    "ArchiveDestinationSettings",
    "AzureBlobDestination",
    "BandwidthSettings",
    "BandwidthWindowSettings",
    "CoreDestination",
    "DestinationSettings",
    "DicomDestination",
    "FolderDestination",
    "GcsDestination",
    "HealthImagingDestination",
    "RetrySettings",
    "S3Destination",
    "StowDestination",
]
