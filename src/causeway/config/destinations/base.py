"""What all destinations have, whatever their type."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from causeway.config.kinds import Name, Settings


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

    type: str
    """What kind of destination it is; the tables below say what each takes besides."""
    name: Name
    """Name of the destination in routes, status and logs; unique."""
    deidentify: Literal["none"]
    """What is done to identifying data before it leaves. There is no default, so that nothing
    leaves identified by oversight; `none` passes everything as it came and is recorded as such."""
    parallel_deliveries: Annotated[int, Field(ge=1, le=64)] = 2
    """Deliveries to this destination at the same time."""
    schedule: Name | None = None
    """Name of the `[[schedule]]` in whose hours it is delivered to; without it, at any time."""
    retry: RetrySettings = RetrySettings()
    """When a failed delivery is tried again."""


class ArchiveDestinationSettings(DestinationSettings):
    """What those have that take a parcel as one archive."""

    compression: Literal["stored", "deflated"] = "stored"
    """How members of the ZIP are kept: as they are, or deflated. Images rarely shrink enough to
    repay the time."""
