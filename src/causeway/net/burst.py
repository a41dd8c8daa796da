"""One log line for a burst of refusals, however long it is.

A port scan, or a scanner whose AE title was mistyped, comes as thousands of equal refusals. A burst
begins with the first and ends when nothing came for a while; a line tells its size. A burst that
does not end is told at intervals. Pure: time is an argument, and the caller logs what it gets back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

QUIET_SECONDS = 2.0
"""Silence that ends a burst; also what a single refusal waits for its line."""
LONGEST_SECONDS = 60.0
"""A burst that goes on is told this often."""
MOST_ADDRESSES = 64
"""Distinct addresses counted in one burst; a flood from forged ones must not cost memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What one line tells."""

    refused: int
    seconds: float
    reasons: Mapping[str, int]
    addresses: int
    """Distinct addresses, counted up to ``MOST_ADDRESSES``."""
    example: str
    """The first address, for whoever has to find the device."""
    calling_ae: str
    """The title that it gave itself, if it came so far as to say one: most refusals are of a title
    that is spelt otherwise in the configuration."""
    called_ae: str
    """The title that it called."""


@dataclass(slots=True)
class BurstSummary:
    """Collects refusals; gives a ``Burst`` when one is over."""

    quiet_seconds: float = QUIET_SECONDS
    longest_seconds: float = LONGEST_SECONDS
    _began: float = 0.0
    _last: float = 0.0
    _reasons: dict[str, int] = field(default_factory=dict)
    _addresses: set[str] = field(default_factory=set)
    _example: str = ""
    _titles: tuple[str, str] = ("", "")

    def note(
        self, now: float, reason: str, address: str, calling_ae: str = "", called_ae: str = ""
    ) -> None:
        if not self._reasons:
            self._began, self._example = now, address
            self._titles = (calling_ae, called_ae)
        self._last = now
        self._reasons[reason] = self._reasons.get(reason, 0) + 1
        if len(self._addresses) < MOST_ADDRESSES:
            self._addresses.add(address)

    def poll(self, now: float, *, final: bool = False) -> Burst | None:
        """The burst that is over at ``now``, or long enough to be told; ``final`` takes what there
        is.
        """
        if not self._reasons:
            return None
        over = now - self._last >= self.quiet_seconds or now - self._began >= self.longest_seconds
        if not (over or final):
            return None
        burst = Burst(
            refused=sum(self._reasons.values()),
            seconds=round(self._last - self._began, 3),
            reasons=dict(self._reasons),
            addresses=len(self._addresses),
            example=self._example,
            calling_ae=self._titles[0],
            called_ae=self._titles[1],
        )
        self._reasons.clear()
        self._addresses.clear()
        return burst
