"""What all destinations have, whatever their type."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from causeway.config.deidentify import Deidentify
from causeway.config.kinds import Name, Settings, Size


class RetrySettings(Settings):
    """When a delivery that failed for now is tried again. Waits grow, and survive restarts; each is
    anything up to what is said here, by chance, so that what failed together does not come back
    together. A destination that does not answer at all, or asks to wait, spends no tries.
    """

    first_seconds: Annotated[float, Field(gt=0, le=86400)] = 10
    """Longest wait after the first failure."""
    factor: Annotated[float, Field(ge=1, le=10)] = 2
    """By how much each further wait can be longer."""
    maximum_seconds: Annotated[float, Field(gt=0, le=604800)] = 1800
    """Longest wait between two tries."""
    maximum_attempts: Annotated[int, Field(ge=1, le=10000)] = 100
    """Tries before a delivery is dead and waits for a person. With the other defaults, 100 take
    about a day."""
    give_up_hours: Annotated[float, Field(gt=0, le=8760)] = 72
    """Time after the first failure in a row from which on no further try begins, so that what
    cannot work is seen by a person in any case."""


class BandwidthWindowSettings(Settings):
    """Another bandwidth while a schedule is open."""

    schedule: Name
    """Name of the `[[schedule]]` in whose hours it holds."""
    bytes_per_second: Annotated[Size, Field(gt=0)] | None = None
    """Bytes a second that may go then; without it, as fast as it goes."""


class BandwidthSettings(Settings):
    """How much of the line deliveries may take."""

    bytes_per_second: Annotated[Size, Field(gt=0)] | None = None
    """Bytes a second to this destination, over all its deliveries together; without it, as fast as
    it goes. What is urgent goes first within it."""
    during: tuple[BandwidthWindowSettings, ...] = ()
    """Other bandwidths by time of day; the first whose schedule is open counts."""


class DestinationSettings(Settings):
    """What all destinations have."""

    type: str
    """What kind of destination it is; the tables below say what each takes besides."""
    name: Name
    """Name of the destination in routes, status and logs; unique."""
    deidentify: Deidentify
    """What is done to identifying data before it leaves: `none`, a shipped profile (`basic`,
    `research`, `direct-identifiers-only`), or the name of a `[[profile]]`. There is no default, so
    that nothing leaves identified by oversight; `none` passes everything as it came and is recorded
    as such."""
    parallel_deliveries: Annotated[int, Field(ge=1, le=64)] = 2
    """Deliveries to this destination at the same time."""
    schedule: Name | None = None
    """Name of the `[[schedule]]` in whose hours it is delivered to; without it, at any time."""
    bandwidth: BandwidthSettings = BandwidthSettings()
    """How much of the line deliveries may take."""
    retry: RetrySettings = RetrySettings()
    """When a failed delivery is tried again."""


class ArchiveDestinationSettings(DestinationSettings):
    """What those have that take a parcel as one archive."""

    compression: Literal["stored", "deflated"] = "stored"
    """How members of the ZIP are kept: as they are, or deflated. Images rarely shrink enough to
    repay the time."""
