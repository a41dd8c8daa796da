"""A lane's circuit breaker: whether a destination is asked at all. Pure.

::

    closed ──unavailable──▶ open ──its time is over──▶ half open ──one delivery──▶ closed
                             ▲                            │
                             └────────unavailable─────────┘

*Closed*, deliveries go. When the destination says that nothing can be delivered there for now,
whatever the parcel, it *opens*: nobody is sent, and no try is spent. When its pause is over it is
*half open*: a single delivery is let through to see, and the rest wait for what comes of it. Pauses
grow with each answer of that kind in a row, and end sooner only when a person says so.

How long depends on what was said. A destination that does not answer is asked soon, as nothing is
lost by asking. One that asks to wait is left alone for as long as it asks. One that does not take
our credentials is left alone for long, as accounts get locked by those who knock on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import Final

from causeway.ledger import BreakerState
from causeway.pipeline.failure import Fault
from causeway.pipeline.retry import RetryRules, grown_seconds

AWAY: Final = RetryRules(first_seconds=2.0, factor=2.0, maximum_seconds=120.0)
"""A share that comes back should be used within two minutes."""

UNAUTHORISED: Final = RetryRules(first_seconds=300.0, factor=2.0, maximum_seconds=3600.0)

SPREAD: Final = 0.2
"""Of a pause: so much of it is chance, so that several connectors do not knock together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """How a lane stands."""

    state: BreakerState = BreakerState.CLOSED
    refusals: int = 0
    """Answers in a row that nothing can be delivered."""
    since: float = 0.0
    """Of one that is open: when that was said."""
    until: float = 0.0
    """Of one that is open: when it is half open."""

    def at(self, now: float) -> Breaker:
        """As it stands now, as time goes on; a clock set back to before a pause ends it."""
        if self.state is BreakerState.OPEN and not self.since <= now < self.until:
            return replace(self, state=BreakerState.HALF_OPEN)
        return self

    def refused(self, fault: Fault, now: float, rng: Random) -> Breaker:
        """After an answer that nothing can be delivered.

        Of several that were under way together the first counts; the others can only prolong.
        """
        asked_for = fault.not_before(now)
        if self.state is BreakerState.OPEN and self.since <= now < self.until:
            return replace(self, until=max(self.until, asked_for))
        refusals = self.refusals + 1
        pause = grown_seconds(refusals, UNAUTHORISED if fault.unauthorised else AWAY)
        pause *= 1.0 - SPREAD * rng.random()
        return Breaker(
            state=BreakerState.OPEN,
            refusals=refusals,
            since=now,
            until=max(now + pause, asked_for),
        )


CLOSED: Final = Breaker()
