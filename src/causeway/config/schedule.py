"""When deliveries may go, and from when on their absence is a fault."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from causeway.config.kinds import Name, Settings
from causeway.config.terms import Window, Zone


class ScheduleSettings(Settings):
    """Hours in which destinations are delivered to. Receiving never waits, and neither do routes
    with `priority = "urgent"`.
    """

    name: Name
    """Name of the schedule, for `schedule` of destinations; unique."""
    timezone: Zone | None = None
    """IANA name of the time zone of the windows; without it, the machine's."""
    windows: Annotated[tuple[Window, ...], Field(min_length=1)]
    """Times in which it is open, such as `Mon-Fri 18:00-06:00`; a window over midnight ends on the
    next day. When clocks are put forward, a window that would begin in the hour that is left out
    begins after it; when they are put back, it is open in both."""


class HealthSettings(Settings):
    """From when on waiting counts as a fault, in `causeway status` and for monitoring."""

    index_seconds: Annotated[float, Field(gt=0, le=604800)] = 600
    """Time until a received object is indexed. Indexing takes milliseconds, so that ten minutes
    mean that it does not work."""
    delivery_seconds: Annotated[float, Field(gt=0, le=604800)] = 3600
    """Time from when a delivery may go until it has gone. What waits for a schedule or for a person
    does not count."""
