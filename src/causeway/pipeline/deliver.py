"""Deliveries: a lane for each destination, so that one that is dead stalls nobody.

A try claims a delivery, makes its shipment from the frozen recipe, hands it to the destination, and
settles the claim with what came of it. When the destination says that it is not available, whatever
the parcel, the lane closes for a while that grows with each such answer, and no try is spent; the
first that gets through opens it again.

Outside its destination's hours a lane takes only what is urgent; the rest is due when they begin,
and its row says so. A parcel that is on its way when they end is finished.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Protocol

from causeway.decide.verdict import PRIO_URGENT
from causeway.destinations import Destination
from causeway.ledger import (
    Dead,
    DeliveryClaim,
    DeliveryOutcome,
    InstanceRow,
    Retry,
    Verified,
    Wait,
)
from causeway.pipeline.attempt import Attempt, Ended
from causeway.pipeline.contents import Contents
from causeway.pipeline.events import Emit, bound
from causeway.pipeline.failure import Fault, fault_of, outcome_of, worn_out
from causeway.pipeline.hours import Hours
from causeway.pipeline.leases import Lease, LeaseLost, Leases
from causeway.pipeline.parcel import from_ledger
from causeway.pipeline.placement import SEPARATOR
from causeway.pipeline.points import reach
from causeway.pipeline.remembering import DeliveryKeeping, LedgerJournal, Remembering
from causeway.pipeline.retry import RetryRules, wait_seconds
from causeway.pipeline.shipment import Compression, ParcelShipment

SAY_AGAIN_SECONDS: Final = 60.0
"""How often the ledger is told anew that a lane is outside its hours."""

PRIO_LAST: Final = 200
"""The least urgent that the ledger has."""

GAVE_WAY: Final = "what is more urgent"
"""What it waits for."""

PAUSES: Final = RetryRules(first_seconds=2.0, factor=2.0, maximum_seconds=120.0)
"""How long a lane stays closed. Short beside the retries of a delivery: nothing is lost by asking,
and a share that comes back should be used within two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How deliveries to one destination are done."""

    parallel: int = 2
    retry: RetryRules = field(default_factory=RetryRules)
    hours: Hours | None = None
    """When what is not urgent may go; at any time, if there are none."""
    compression: Compression = Compression.STORED


class DeliveryLedger(Remembering, Protocol):
    """What a lane asks the ledger."""

    def claim_deliveries(
        self,
        destination: str,
        *,
        limit: int,
        now: float,
        owner: str,
        lease_seconds: float,
        prio_at_most: int = ...,
    ) -> tuple[DeliveryClaim, ...]: ...

    def set_opening(
        self, destination: str, *, opens_at: float | None, schedule: str, urgent: int, now: float
    ) -> int: ...

    def settle_delivery(
        self, claim: DeliveryClaim, outcome: DeliveryOutcome, *, now: float
    ) -> bool: ...

    def members_of(self, parcel_id: int) -> tuple[InstanceRow, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """What came of a try, and what is said about it."""

    outcome: DeliveryOutcome
    ended: Ended | None = None
    error: Exception | None = None


def _nobody() -> None:
    """Nobody is waiting to be told."""


class Lane:
    """Deliveries to one destination. ``turn`` may be called from several threads."""

    def __init__(
        self,
        destination: Destination,
        settings: LaneSettings,
        *,
        ledger: DeliveryLedger,
        contents: Contents,
        leases: Leases,
        clock: Callable[[], float],
        rng: Random,
        emit: Emit,
    ) -> None:
        self.settings = settings
        self.taken_up: Callable[[], None] = _nobody
        """Called when a delivery was claimed."""
        self._destination = destination
        self._ledger = ledger
        self._contents = contents
        self._leases = leases
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._lock = threading.Lock()
        self._closed_until = 0.0
        self._refusals = 0
        self._said: tuple[float | None, float] | None = None
        """When the ledger was told that hours begin, and when it was told."""

    @property
    def name(self) -> str:
        return self._destination.name

    def turn(self, now: float) -> bool:
        """Do one delivery that is due; False if there is none, or the lane is closed."""
        if now < self._closed_until:
            return False
        open_now = self._tell_hours(now)
        claims = self._ledger.claim_deliveries(
            self.name, limit=1, now=now, owner=self._leases.owner,
            lease_seconds=self._leases.lease_seconds,
            prio_at_most=PRIO_LAST if open_now else PRIO_URGENT,
        )  # fmt: skip
        if claims:
            self.taken_up()
        for claim in claims:
            reach("deliver.claimed")
            try:
                with self._leases.hold(claim) as lease:
                    tried = self._try(claim, lease)
            except LeaseLost:
                self._emit("delivery.dropped", delivery=claim.id, destination=self.name)
                continue
            reach("deliver.before-settle")
            ended = self._clock()
            taken = self._ledger.settle_delivery(claim, tried.outcome, now=ended)
            reach("deliver.settled")
            self._tell(claim, tried, taken=taken, seconds=ended - now)
        return bool(claims)

    def _tell_hours(self, now: float) -> bool:
        """Whether all may go; the ledger hears of it whenever that changes.

        And now and then while they are closed, as a person's retry makes due what is not.
        """
        hours = self.settings.hours
        opens_at = None if hours is None else hours.opens_at(now)
        with self._lock:
            said, said_at = self._said or (math.nan, 0.0)
            if said == opens_at and (opens_at is None or now < said_at + SAY_AGAIN_SECONDS):
                return opens_at is None
            changed = said != opens_at
            self._said = opens_at, now
        self._ledger.set_opening(
            self.name,
            opens_at=opens_at,
            schedule=hours.name if hours else "",
            urgent=PRIO_URGENT,
            now=now,
        )
        if changed and hours is not None:
            if opens_at is None:
                self._emit("lane.open", destination=self.name)
            else:
                self._emit("lane.closed", destination=self.name, again_in_seconds=opens_at - now)
        return opens_at is None

    def _try(self, claim: DeliveryClaim, lease: Lease) -> _Tried:
        rules = self.settings.retry
        if (dead := worn_out(claim.attempt, rules)) is not None:
            return _Tried(outcome=dead)
        try:
            ended = self._attempt(claim, lease).run(self._destination)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - an unknown failure is a temporary one
            now = self._clock()
            fault = fault_of(error)
            outcome: DeliveryOutcome
            if fault.unavailable:
                outcome = Wait(until=self._close(now, fault.not_before(now)), why=fault.text)
            elif fault.not_yet:
                outcome = Wait(until=fault.not_before(now), why=fault.text)
            else:
                outcome = outcome_of(fault, claim.attempt, rules, now, self._rng)
            return _Tried(outcome=outcome, error=error)
        self._open()
        return _Tried(outcome=self._follows(claim, ended), ended=ended)

    def _follows(self, claim: DeliveryClaim, ended: Ended) -> DeliveryOutcome:
        """What an attempt that ended by itself makes of its delivery."""
        if ended.gave_way:
            return Wait(until=claim.delivery.due_at, why=GAVE_WAY)
        if ended.missing is not None:
            fault = Fault(code=ended.missing.code or "missing", text=str(ended.missing))
            rules, now = self.settings.retry, self._clock()
            return outcome_of(fault, claim.attempt, rules, now, self._rng)
        if ended.refused is not None:
            return Dead(code=ended.refused.code or "refused", text=str(ended.refused))
        return Verified(reference=ended.reference)

    def _tell(self, claim: DeliveryClaim, tried: _Tried, *, taken: bool, seconds: float) -> None:
        emit = bound(
            self._emit, delivery=claim.id, parcel=claim.parcel.id, series=claim.series.id,
            destination=self.name, attempt=claim.attempt, seconds=seconds,
        )  # fmt: skip
        if not taken:
            emit("delivery.dropped")
            return
        now = self._clock()
        match tried.outcome:
            case Verified() if tried.ended is not None:
                emit(
                    "delivery.verified", bytes=tried.ended.sent_bytes,
                    instances=claim.parcel.instance_count,
                    outcome="was there already" if tried.ended.already_there else "brought",
                )  # fmt: skip
            case Wait(until=at):
                emit(
                    "delivery.waits", level="warning", again_in_seconds=at - now, error=tried.error
                )
            case Retry(at=at, code=code):
                emit(
                    "delivery.retry", level="warning", again_in_seconds=at - now, code=code,
                    error=tried.error,
                )  # fmt: skip
            case Dead(code=code):
                emit("delivery.dead", code=code, error=tried.error)

    def _attempt(self, claim: DeliveryClaim, lease: Lease) -> Attempt:
        parcel = from_ledger(claim.parcel, self._ledger.members_of(claim.parcel.id))

        def pace(_size: int) -> None:
            lease.check()

        def may_go_on() -> bool:
            lease.check()
            return True

        shipment = ParcelShipment(
            self._contents.of(parcel, self.name),
            key=f"delivery-{claim.id}",
            attempt=claim.delivery.epoch,
            urgent=claim.delivery.prio <= PRIO_URGENT,
            folders=tuple(claim.delivery.target.split(SEPARATOR)),
            created_at=claim.parcel.created_at,
            compression=self.settings.compression,
            keeping=DeliveryKeeping(self._ledger, claim.id, self._clock),
            pace=pace,
        )
        journal = LedgerJournal(self._ledger, claim)
        return Attempt(shipment, journal=journal, clock=self._clock, may_go_on=may_go_on)

    def _close(self, now: float, not_before: float) -> float:
        """The destination is away: nothing more goes there for now."""
        with self._lock:
            if now >= self._closed_until:
                self._refusals += 1
                self._closed_until = now + wait_seconds(self._refusals, PAUSES)
            self._closed_until = max(self._closed_until, not_before)
            return self._closed_until

    def _open(self) -> None:
        with self._lock:
            self._refusals = 0
            self._closed_until = 0.0
