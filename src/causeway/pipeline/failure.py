"""What an exception means for the work that raised it: try again, wait, or give up.

Every error is temporary or permanent, and one that nobody thought of is temporary with bounded
tries: a wrong guess that way costs some tries, the other way a person's evening. What is kept for
the operator is a code and a sentence of ours; text of foreign exceptions is not, since libraries
quote what they could not digest.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from random import Random
from typing import Final

from causeway.errors import (
    CausewayError,
    DestinationUnauthorised,
    DestinationUnavailable,
    NotYet,
    PermanentError,
    SpoolGone,
    TemporaryError,
)
from causeway.ledger import Dead, Retry
from causeway.pipeline.retry import GiveUp, RetryRules, TryAgain, after_failure

LONGEST_ASKED_SECONDS: Final = 24 * 3600.0
"""A Retry-After beyond that is taken for this much: somebody should see whether it is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An exception, in words that may be kept."""

    code: str
    """Such as ``spool_corrupt``."""
    text: str
    """With what to do."""
    message: str = ""
    hint: str = ""
    permanent: bool = False
    unavailable: bool = False
    """Not a matter of this work: nothing can be done there for now."""
    unauthorised: bool = False
    """Of what is unavailable: because it does not take our credentials."""
    not_yet: bool = False
    """Nothing failed; the other side is still at work."""
    wait_seconds: float = 0.0
    """What the other side asked for."""

    def not_before(self, now: float) -> float:
        return now + min(self.wait_seconds, LONGEST_ASKED_SECONDS)


def fault_of(error: Exception) -> Fault:
    hint = ""
    match error:
        case CausewayError():
            text, hint = error.message, error.hint
        case OSError(errno=number) if number:
            text = f"{errno.errorcode.get(number, number)}: {os.strerror(number)}"
        case _:
            text = f"unexpected: {type(error).__name__}"
    return Fault(
        code=_snake_case(type(error).__name__),
        text=f"{text} ({hint})" if hint else text,
        message=text,
        hint=hint,
        # Bytes that are gone from an address may have been copied out of their segment since it
        # was asked for; the next try asks again.
        permanent=isinstance(error, PermanentError) and not isinstance(error, SpoolGone),
        unavailable=isinstance(error, DestinationUnavailable),
        unauthorised=isinstance(error, DestinationUnauthorised),
        not_yet=isinstance(error, NotYet),
        wait_seconds=(isinstance(error, TemporaryError) and error.retry_after_seconds) or 0.0,
    )


def outcome_of(
    fault: Fault,
    attempt: int,
    rules: RetryRules,
    now: float,
    rng: Random,
    *,
    failing_since: float | None = None,
) -> Retry | Dead:
    """What the ledger is told after try number ``attempt`` ended in ``fault``."""
    if fault.permanent:
        return Dead(code=fault.code, text=fault.text)
    following = after_failure(
        attempt, rules, now, rng, failing_since=failing_since, not_before=fault.not_before(now)
    )
    match following:
        case TryAgain(at=at):
            return Retry(at=at, code=fault.code, text=fault.text)
        case GiveUp(attempts=attempts, seconds=seconds):
            tries = f"{attempts} {'try' if attempts == 1 else 'tries'}"
            time = f" in {seconds / 3600:.0f} h" if seconds >= 3600 else ""
            return Dead(code=fault.code, text=f"gave up after {tries}{time}: {fault.text}")


def worn_out(attempt: int, rules: RetryRules) -> Dead | None:
    """Work that was claimed more often than allowed, so it never came to say how it failed."""
    if attempt <= rules.maximum_attempts:
        return None
    return Dead(
        code="never_ended",
        text=f"claimed {attempt - 1} times without an end: it may kill its worker",
    )


def _snake_case(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
