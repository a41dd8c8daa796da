"""What follows a failed try: another at a later time, or none.

The longest wait grows by a factor with each try, up to a maximum; the wait itself is anything
between nothing and that, by chance (*full jitter*), so that what failed together does not come
back together. What the other side asked for (Retry-After) is the least. The attempt is counted
when work is claimed, so work that kills its worker ends too; and tries end after a while however
few they were, so that nothing is tried for ever that waits for a person.

These are the only retries there are: what a try does is done once in it. Waits would add up
otherwise, and nobody could say how often a peer is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How often and how patiently. With the defaults, 100 tries take almost a day."""

    first_seconds: float = 10.0
    factor: float = 2.0
    maximum_seconds: float = 1800.0
    maximum_attempts: int = 100
    give_up_seconds: float = 72 * 3600.0
    """After the first failure in a row; no try begins later than that."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    at: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The tries are used up, or their time is; a person may grant more."""

    attempts: int
    seconds: float
    """Since the first failure."""


def grown_seconds(attempt: int, rules: RetryRules) -> float:
    """The longest wait after the failure of try number ``attempt`` (from 1)."""
    # Past a hundred doublings the maximum counts, and a float would overflow soon after.
    grown = rules.first_seconds * rules.factor ** min(attempt - 1, 100)
    return min(grown, rules.maximum_seconds)


def after_failure(
    attempt: int,
    rules: RetryRules,
    now: float,
    rng: Random,
    *,
    failing_since: float | None = None,
    not_before: float = 0.0,
) -> TryAgain | GiveUp:
    """What follows the failure of try number ``attempt`` (from 1).

    ``failing_since`` is when the first of the failures in a row was; now, if this is it.
    ``not_before`` is what the other side asked for; it lengthens the wait only.
    """
    since = now if failing_since is None else failing_since
    at = max(now + rng.random() * grown_seconds(attempt, rules), not_before)
    if attempt >= rules.maximum_attempts or at - since > rules.give_up_seconds:
        return GiveUp(attempt, now - since)
    return TryAgain(at)
