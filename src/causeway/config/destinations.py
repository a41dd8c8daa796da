"""The types of destination. A new one is a class here and an entry in ``DESTINATION_TYPES``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetPydanticSchema
from pydantic_core import core_schema

from causeway.config.kinds import Folder, Name, Settings


class RetrySettings(Settings):
    """When a delivery that failed for now is tried again. Waits grow, and survive restarts."""

    first_seconds: Annotated[float, Field(gt=0, le=86400)] = 10
    """Wait after the first failure."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    """By how much each further wait is longer."""
    maximum_seconds: Annotated[float, Field(gt=0, le=604800)] = 1800
    """Longest wait between two tries."""
    maximum_attempts: Annotated[int, Field(ge=1, le=10000)] = 50
    """Tries before a delivery is dead and waits for a person. With the other defaults, 50 take
    almost a day."""


class DestinationSettings(Settings):
    """What all destinations have."""

    name: Name
    """Name of the destination in routes, status and logs; unique."""
    deidentify: Literal["none"]
    """What is done to identifying data before it leaves. There is no default, so that nothing
    leaves identified by oversight; `none` passes everything as it came and is recorded as such."""
    compression: Literal["stored", "deflated"] = "stored"
    """How members of the ZIP are kept: as they are, or deflated. Images rarely shrink enough to
    repay the time."""
    parallel_deliveries: Annotated[int, Field(ge=1, le=64)] = 2
    """Deliveries to this destination at the same time."""
    schedule: Name | None = None
    """Name of the `[[schedule]]` in whose hours it is delivered to; without it, at any time."""
    retry: RetrySettings = RetrySettings()
    """When a failed delivery is tried again."""


class FolderDestination(DestinationSettings):
    """A folder tree, one ZIP for each series, each file verified after it was written."""

    type: Literal["folder"]
    """The type of the destination."""
    path: Folder
    """Folder that the tree stands in. It is made if it is missing, if the one above it is there."""


DESTINATION_TYPES: dict[str, type[DestinationSettings]] = {"folder": FolderDestination}


def _by_type(_source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    # A union of one member collapses in Python's typing, so the tagged union is written out.
    return core_schema.tagged_union_schema(
        choices={name: handler(model) for name, model in DESTINATION_TYPES.items()},
        discriminator="type",
    )


AnyDestination = Annotated[FolderDestination, GetPydanticSchema(_by_type)]
"""Whatever `[[destination]]` can be. Becomes a union when there is a second type."""
