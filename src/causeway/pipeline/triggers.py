"""Triggers: what follows once something has been verified everywhere.

Each has a thread of its own, so that one who does not answer holds up nobody, and none of it holds
up a delivery. A call is a row of the ledger from the moment that its subject is delivered; it is
claimed, made and settled like a delivery, tried again on the same kind of schedule, and given up
for a person when its tries are used up. A process that is killed between a call and its settling
makes it once more: whoever is called gets it at least once, with the same key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from causeway.ledger import CallClaim, Called, CallOutcome, CallScope
from causeway.pipeline.calling import Way, caller, document
from causeway.pipeline.events import Emit, bound
from causeway.pipeline.failure import fault_of, outcome_of, worn_out
from causeway.pipeline.points import reach
from causeway.pipeline.retry import RetryRules

LEASE_MARGIN_SECONDS: Final = 30.0
"""Beyond what a call may take, before another thinks that its maker is gone."""

ENTER_SECONDS: Final = 2.0
"""Between two looks for what has been delivered; a person waits longer for a page to load."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerPlan:
    """A trigger, as it is configured."""

    name: str
    scope: CallScope
    way: Way
    include: tuple[str, ...] = ()
    timeout_seconds: float = 30.0
    retry: RetryRules = field(default_factory=RetryRules)


class TriggerLedger(Protocol):
    """What a trigger asks the ledger."""

    def enter_calls(
        self, trigger: str, scope: CallScope, *, quiet_seconds: float = ..., now: float
    ) -> int: ...

    def claim_call(
        self, trigger: str, *, now: float, owner: str, lease_seconds: float
    ) -> CallClaim | None: ...

    def settle_call(self, claim: CallClaim, outcome: CallOutcome, *, now: float) -> bool: ...


class Trigger:
    """See the module's text. ``turn`` is called by one thread."""

    def __init__(
        self,
        plan: TriggerPlan,
        *,
        ledger: TriggerLedger,
        owner: str,
        clock: Callable[[], float],
        rng: Random,
        emit: Emit,
        study_quiet_seconds: float = 0.0,
    ) -> None:
        self.name = plan.name
        self._plan = plan
        self._ledger = ledger
        self._owner = owner
        self._clock = clock
        self._rng = rng
        self._emit = bound(emit, trigger=plan.name)
        self._quiet = study_quiet_seconds if plan.scope is CallScope.STUDY else 0.0
        self._calling = caller(plan.way, clock=clock)
        self._enter_at = 0.0

    def turn(self, now: float) -> bool:
        """Enter what is due, and make one call; False if there is none to make."""
        if now >= self._enter_at or now < self._enter_at - ENTER_SECONDS:
            self._enter_at = now + ENTER_SECONDS
            self._ledger.enter_calls(
                self.name, self._plan.scope, quiet_seconds=self._quiet, now=now
            )
        claim = self._ledger.claim_call(
            self.name, now=now, owner=self._owner,
            lease_seconds=self._plan.timeout_seconds + LEASE_MARGIN_SECONDS,
        )  # fmt: skip
        if claim is None:
            return False
        reach("trigger.claimed")
        outcome, error = self._call(claim, now)
        reach("trigger.called")
        ended = self._clock()
        taken = self._ledger.settle_call(claim, outcome, now=ended)
        self._tell(claim, outcome, error, taken=taken, seconds=ended - now)
        return True

    def close(self) -> None:
        self._calling.close()

    def _call(self, claim: CallClaim, now: float) -> tuple[CallOutcome, Exception | None]:
        rules, attempt = self._plan.retry, claim.call.attempt
        if (dead := worn_out(attempt, rules)) is not None:
            return dead, None
        try:
            self._calling.call(claim, document(claim, self._plan.include), now=now)
        except Exception as error:  # noqa: BLE001 - an unknown failure is a temporary one
            return outcome_of(fault_of(error), attempt, rules, self._clock(), self._rng), error
        return Called(), None

    def _tell(
        self, claim: CallClaim, outcome: CallOutcome, error: Exception | None, *,
        taken: bool, seconds: float,
    ) -> None:  # fmt: skip
        call = claim.call
        emit = bound(
            self._emit, call=call.id, attempt=call.attempt, seconds=seconds,
            study=call.study_id, series=call.series_id,
        )  # fmt: skip
        if not taken:
            emit("trigger.dropped", level="warning")
        elif isinstance(outcome, Called):
            emit("trigger.called")
        else:
            emit(
                "trigger.failed", level="warning", code=outcome.code, error=error
            )  # fmt: skip
