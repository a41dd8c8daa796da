"""Opening hours of a destination, by name, so that what waits can say what for."""

from __future__ import annotations

from dataclasses import dataclass

from causeway.schedule import Schedule, opens_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When deliveries to a destination may go; urgent ones go at any time."""

    name: str
    schedule: Schedule

    def opens_at(self, now: float) -> float | None:
        """When they may go next; None: now."""
        return opens_at(self.schedule, now)
