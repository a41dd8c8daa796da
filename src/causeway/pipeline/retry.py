"""What follows a failed try: another at a later time, or none.

Waits grow by a factor up to a longest, and are spread by a fifth to either side, so that what
failed together (a share that was away) does not come back together. The attempt is counted when
work is claimed, so work that kills its worker ends too.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

SPREAD = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """How often and how patiently. With the defaults, 50 tries take almost a day."""

    first_seconds: float = 10.0
    factor: float = 2.0
    maximum_seconds: float = 1800.0
    maximum_attempts: int = 50


@dataclass(frozen=True, slots=True)
class TryAgain:
    at: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The tries are used up; a person may grant more."""

    attempts: int


def wait_seconds(attempt: int, rules: RetryRules) -> float:
    """The wait after the failure of try number ``attempt``, before it is spread."""
    # Past a hundred doublings the maximum counts, and a float would overflow soon after.
    grown = rules.first_seconds * rules.factor ** min(attempt - 1, 100)
    return min(grown, rules.maximum_seconds)


def after_failure(
    attempt: int, rules: RetryRules, now: float, rng: Random, *, not_before: float = 0.0
) -> TryAgain | GiveUp:
    """What follows the failure of try number ``attempt`` (from 1).

    ``not_before`` is what the other side asked for (Retry-After); it lengthens the wait only.
    """
    if attempt >= rules.maximum_attempts:
        return GiveUp(attempt)
    spread = 1.0 + SPREAD * (2.0 * rng.random() - 1.0)
    return TryAgain(max(now + wait_seconds(attempt, rules) * spread, not_before))
