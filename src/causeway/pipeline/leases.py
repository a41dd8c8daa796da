"""Leases on work in hand: renewed while it goes on, noticed when they are lost.

A lease protects against a worker that is gone. One that is only slow has to keep its lease, so
whoever works for long registers the claim here, and a thread renews all of them together. If the
ledger says that a claim does not hold any more (an image came, a person moved it, the machine slept
past the lease and another has taken over), the worker hears of it at its next ``check`` and drops
the work: its result would be refused anyway.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from typing import Final, Protocol

from causeway.ledger import DeliveryClaim, SeriesClaim

LEASE_SECONDS: Final = 60.0
"""Long beside a commit on a slow disk, short beside a person's patience after a crash that left no
one to free the leases. It is not the length of a step."""

RENEWALS_PER_LEASE: Final = 3


class LeaseLost(Exception):
    """The work in hand is not ours any more. Not an error: drop it."""


class Lease:
    """One claim's."""

    def __init__(self, claim: SeriesClaim | DeliveryClaim) -> None:
        self.claim = claim
        self.lost = False

    def check(self) -> None:
        """Raise ``LeaseLost`` if the claim does not hold any more."""
        if self.lost:
            raise LeaseLost


class Renewing(Protocol):
    def renew(
        self,
        claims: Sequence[SeriesClaim | DeliveryClaim],
        *,
        now: float,
        lease_seconds: float,
    ) -> tuple[bool, ...]: ...


class Leases:
    """All that this process has in hand. Thread safe."""

    def __init__(
        self, ledger: Renewing, *, owner: str, lease_seconds: float = LEASE_SECONDS
    ) -> None:
        self.owner = owner
        self.lease_seconds = lease_seconds
        self._ledger = ledger
        self._lock = threading.Lock()
        self._held: dict[int, Lease] = {}

    @property
    def renew_every_seconds(self) -> float:
        return self.lease_seconds / RENEWALS_PER_LEASE

    @contextlib.contextmanager
    def hold(self, claim: SeriesClaim | DeliveryClaim) -> Iterator[Lease]:
        lease = Lease(claim)
        with self._lock:
            self._held[id(lease)] = lease
        try:
            yield lease
        finally:
            with self._lock:
                del self._held[id(lease)]

    def renew(self, now: float) -> int:
        """Renew all; how many were found lost. Called by a timer."""
        with self._lock:
            held = [lease for lease in self._held.values() if not lease.lost]
        if not held:
            return 0
        kept = self._ledger.renew(
            [lease.claim for lease in held], now=now, lease_seconds=self.lease_seconds
        )
        for lease, still in zip(held, kept, strict=True):
            lease.lost = not still
        return kept.count(False)

    def abandon(self) -> None:
        """Whoever works on something drops it: the process is about to end."""
        with self._lock:
            for lease in self._held.values():
                lease.lost = True
