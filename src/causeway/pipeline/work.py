"""One turn of the stages: claim what is due, run each claim's stage, settle all with one commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final, Protocol

from causeway.errors import NotAllowed
from causeway.ledger import (
    Advanced,
    Dead,
    LookAgain,
    Packaged,
    Retry,
    SeriesClaim,
    SeriesOutcome,
    SeriesState,
    Wait,
)
from causeway.pipeline.events import Emit, bound
from causeway.pipeline.failure import fault_of, outcome_of, worn_out
from causeway.pipeline.leases import LeaseLost, Leases
from causeway.pipeline.points import reach
from causeway.pipeline.retry import RetryRules
from causeway.pipeline.stages import Stages

BATCH_SERIES: Final = 32
"""Series in one commit; more would make the first wait for the last without saving much."""

CLEANING: Final = (SeriesState.ROUTED,)
"""The one stage that may take minutes: it has workers of its own, that take a series at a time."""

STAGE_RETRY: Final = RetryRules(first_seconds=5.0, maximum_seconds=300.0, maximum_attempts=12)
"""Stages ask nobody outside. What fails them is a database that is away, or a fault of ours, which
a person should see within the hour."""


class WorkLedger(Protocol):
    """What the worker asks the ledger."""

    def claim_series(
        self,
        states: Collection[SeriesState],
        *,
        limit: int,
        now: float,
        owner: str,
        lease_seconds: float,
    ) -> tuple[SeriesClaim, ...]: ...

    def settle_series_all(
        self, results: Sequence[tuple[SeriesClaim, SeriesOutcome]], *, now: float
    ) -> tuple[bool, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Done:
    claim: SeriesClaim
    outcome: SeriesOutcome
    error: Exception | None = None


class StageWorker:
    """``turn`` may be called from several threads: the ledger gives each claim to one."""

    def __init__(
        self,
        stages: Stages,
        ledger: WorkLedger,
        leases: Leases,
        *,
        rng: Random,
        emit: Emit,
        retry: RetryRules = STAGE_RETRY,
        states: Collection[SeriesState] | None = None,
        batch: int = BATCH_SERIES,
        clock: Callable[[], float] | None = None,
    ) -> None:
        self._clock = clock
        self._states = stages.states if states is None else tuple(states)
        self._batch = batch
        self._stages = stages
        self._ledger = ledger
        self._leases = leases
        self._rng = rng
        self._emit = emit
        self._retry = retry

    def turn(self, now: float) -> bool:
        """Work on what is due; False if nothing was."""
        claims = self._ledger.claim_series(
            self._states, limit=self._batch, now=now, owner=self._leases.owner,
            lease_seconds=self._leases.lease_seconds,
        )  # fmt: skip
        if not claims:
            return False
        reach("stages.claimed")
        done = [each for claim in claims if (each := self._run(claim, now)) is not None]
        reach("stages.before-settle")
        if self._clock is not None:
            now = self._clock()
        taken = self._settle(done, now)
        reach("stages.settled")
        for each, was_taken in zip(done, taken, strict=True):
            self._tell(each, now, taken=was_taken)
        return True

    def _run(self, claim: SeriesClaim, now: float) -> _Done | None:
        """None where the claim was lost on the way: somebody else goes on with it."""
        if (dead := worn_out(claim.attempt, self._retry)) is not None:
            return _Done(claim=claim, outcome=dead)
        try:
            with self._leases.hold(claim) as lease:
                return _Done(claim=claim, outcome=self._stages.run(claim, now, lease))
        except LeaseLost:
            self._emit("series.dropped", level="debug", series=claim.id)
            return None
        except Exception as error:  # noqa: BLE001 - an unknown failure is a temporary one
            outcome = outcome_of(fault_of(error), claim.attempt, self._retry, now, self._rng)
            return _Done(claim=claim, outcome=outcome, error=error)

    def _settle(self, done: Sequence[_Done], now: float) -> tuple[bool, ...]:
        try:
            return self._ledger.settle_series_all(
                [(each.claim, each.outcome) for each in done], now=now
            )
        except NotAllowed:
            # One of them asks for what the tables do not have, and nothing was settled. The others
            # must not suffer for it, and it must not come back for ever.
            return tuple(self._settle_alone(each, now) for each in done)

    def _settle_alone(self, each: _Done, now: float) -> bool:
        try:
            return self._ledger.settle_series_all([(each.claim, each.outcome)], now=now)[0]
        except NotAllowed as error:
            self._emit("series.refused", series=each.claim.id, error=error)
            dead = Dead(code="not_allowed", text=str(error))
            return self._ledger.settle_series_all([(each.claim, dead)], now=now)[0]

    def _tell(self, done: _Done, now: float, *, taken: bool) -> None:
        series = done.claim.series
        emit = bound(self._emit, series=series.id, study=series.study_id, stage=series.state.value)
        if not taken:
            emit("series.dropped", level="debug")
            return
        match done.outcome:
            case Advanced(to=SeriesState.COMPLETE):
                emit("series.complete", instances=series.instance_count, source=series.source)
            case Advanced(to=to):
                emit(f"series.{to.value}", level="debug")
            case Packaged(parcels=parcels):
                emit(
                    "series.packaged",
                    parcels=len(parcels),
                    instances=sum(len(each.instance_ids) for each in parcels),
                    deliveries=sum(len(each.deliveries) for each in parcels),
                )
            case LookAgain() | Wait():
                pass
            case Retry(at=at, code=code):
                emit(
                    "series.retry", level="warning", code=code, error=done.error,
                    attempt=done.claim.attempt, again_in_seconds=at - now,
                )  # fmt: skip
            case Dead(code=code):
                emit("series.dead", code=code, error=done.error, attempt=done.claim.attempt)
