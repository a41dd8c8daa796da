"""Deliveries: a lane for each destination, so that one that is dead stalls nobody.

A try claims a delivery, makes its shipment from the frozen recipe, hands it to the destination, and
settles the claim with what came of it. When the destination says that it is not available, whatever
the parcel, no try is spent, and the lane's breaker opens (``breaker``): then nothing is claimed for
it, so a dead destination costs the others nothing, however much waits for it.

Claims go by rank: what is more urgent first, and what has waited long enough before that. What is
urgent also takes the place of what is on its way: where no thread of the lane is free, one of them
gives way between two batches, or between two members of an archive, there at most once in the life
of a delivery, as an archive begins anew. Whoever has the better rank never gives way, so all that
can keep others back is what came within the head start that ranks give to what is urgent.

Outside its destination's hours a lane takes only what is urgent; the rest is due when they begin,
and its row says so. A parcel that is on its way when they end is finished.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
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
    rank_of,
)
from causeway.pipeline.attempt import Attempt, Ended, GivesWay
from causeway.pipeline.bandwidth import Bandwidth
from causeway.pipeline.contents import Contents
from causeway.pipeline.events import Emit, bound
from causeway.pipeline.failure import Fault, fault_of, outcome_of, worn_out
from causeway.pipeline.hours import Hours
from causeway.pipeline.leases import Lease, LeaseLost, Leases
from causeway.pipeline.parcel import from_ledger
from causeway.pipeline.placement import SEPARATOR
from causeway.pipeline.points import reach
from causeway.pipeline.remembering import DeliveryKeeping, LedgerJournal, Remembering
from causeway.pipeline.retry import RetryRules
from causeway.pipeline.shipment import Compression, ParcelShipment
from causeway.pipeline.way import LaneLedger, Way

SAY_AGAIN_SECONDS: Final = 60.0
"""How often the ledger is told anew that a lane is outside its hours."""

PRIO_LAST: Final = 200
"""The least urgent that the ledger has."""

GAVE_WAY: Final = "what is more urgent"
"""What it waits for."""
_GAVE_WAY_KEY: Final = "gave-way"

LOOK_SECONDS: Final = 0.5
"""How soon a delivery on its way notices that something urgent waits; a read of the ledger."""

SLEEP_SECONDS: Final = 0.25
"""Longest sleep for bandwidth before the lease is looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneSettings:
    """How deliveries to one destination are done."""

    parallel: int = 2
    retry: RetryRules = field(default_factory=RetryRules)
    hours: Hours | None = None
    """When what is not urgent may go; at any time, if there are none."""
    compression: Compression = Compression.STORED
    bandwidth: Bandwidth = field(default_factory=Bandwidth)


class DeliveryLedger(Remembering, LaneLedger, Protocol):
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

    def first_rank(self, destination: str, *, now: float, prio_at_most: int) -> float | None: ...

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
        sleep: Callable[[float], None] = time.sleep,
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
        self._sleep = sleep
        self._lock = threading.Lock()
        self._way = Way(
            destination.name, settings.bandwidth, ledger=ledger, clock=clock, rng=rng, emit=emit
        )
        self._busy = 0
        self._stopping = False
        self._said: tuple[float | None, float] | None = None
        """When the ledger was told that hours begin, and when it was told."""

    @property
    def name(self) -> str:
        return self._destination.name

    def stop(self) -> None:
        """What is on its way ends at the next batch; the next start goes on behind it."""
        self._stopping = True

    def turn(self, now: float) -> bool:
        """Do one delivery that is due; False if there is none, or the lane pauses."""
        if self._stopping or not self._way.lets_through(now):
            return False
        claims: tuple[DeliveryClaim, ...] = ()
        try:
            open_now = self._tell_hours(now)
            claims = self._ledger.claim_deliveries(
                self.name, limit=1, now=now, owner=self._leases.owner,
                lease_seconds=self._leases.lease_seconds,
                prio_at_most=PRIO_LAST if open_now else PRIO_URGENT,
            )  # fmt: skip
        finally:
            if not claims:
                self._way.passed(now, None, asked=False)
            else:
                self.taken_up()
        for claim in claims:
            self._deliver(claim, now)
        return bool(claims)

    def _deliver(self, claim: DeliveryClaim, now: float) -> None:
        reach("deliver.claimed")
        try:
            with self._leases.hold(claim) as lease, self._at_work():
                tried = self._try(claim, lease)
        except LeaseLost:
            self._way.passed(self._clock(), None, asked=False)
            self._emit("delivery.dropped", delivery=claim.id, destination=self.name)
            return
        reach("deliver.before-settle")
        ended = self._clock()
        taken = self._ledger.settle_delivery(claim, tried.outcome, now=ended)
        reach("deliver.settled")
        self._tell(claim, tried, taken=taken, seconds=ended - now)

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._lock:
            self._busy += 1
        try:
            yield
        finally:
            with self._lock:
                self._busy -= 1

    def _tell_hours(self, now: float) -> bool:
        """Whether all may go; the ledger hears of it whenever that changes.

        And now and then while they are closed, as a person's retry makes due what is not.
        """
        hours = self.settings.hours
        opens_at = None if hours is None else hours.opens_at(now)
        with self._lock:
            said, said_at = self._said or (math.nan, 0.0)
            recently = 0 <= now - said_at < SAY_AGAIN_SECONDS
            if said == opens_at and (opens_at is None or recently):
                return opens_at is None
        self._ledger.set_opening(
            self.name,
            opens_at=opens_at,
            schedule=hours.name if hours else "",
            urgent=PRIO_URGENT,
            now=now,
        )
        with self._lock:
            changed = (self._said or (math.nan, 0.0))[0] != opens_at
            # Not before the ledger has taken it: one that is busy is told at the next turn.
            self._said = opens_at, now
        if changed and hours is not None:
            if opens_at is None:
                self._emit("lane.open", destination=self.name)
            else:
                self._emit("lane.closed", destination=self.name, again_in_seconds=opens_at - now)
        return opens_at is None

    # --- one try ------------------------------------------------------------------------------

    def _try(self, claim: DeliveryClaim, lease: Lease) -> _Tried:
        rules = self.settings.retry
        if (dead := worn_out(claim.attempt, rules)) is not None:
            self._way.passed(self._clock(), None, asked=False)
            return _Tried(outcome=dead)
        try:
            with self._way.carrying(urgent=_is_urgent(claim)):
                ended = self._attempt(claim, lease).run(self._destination)
        except LeaseLost:
            raise
        except Exception as error:  # noqa: BLE001 - an unknown failure is a temporary one
            now = self._clock()
            fault = fault_of(error)
            until = self._way.passed(now, fault)
            return _Tried(outcome=self._after(claim, fault, now, until), error=error)
        return _Tried(outcome=self._follows(claim, ended), ended=ended)

    def _after(
        self, claim: DeliveryClaim, fault: Fault, now: float, until: float
    ) -> DeliveryOutcome:
        """What follows when the attempt as a whole has failed."""
        if fault.unavailable:
            return Wait(until=until, why=fault.text)
        if fault.not_yet:
            return Wait(until=fault.not_before(now), why=fault.text)
        return outcome_of(
            fault, claim.attempt, self.settings.retry, now, self._rng,
            failing_since=claim.delivery.failing_since,
        )  # fmt: skip

    def _follows(self, claim: DeliveryClaim, ended: Ended) -> DeliveryOutcome:
        """What an attempt that ended by itself makes of its delivery."""
        now = self._clock()
        fault = None
        if ended.missing is not None:
            fault = Fault(code=ended.missing.code or "missing", text=str(ended.missing))
        elif ended.refused is not None:
            fault = Fault(
                code=ended.refused.code or "refused", text=str(ended.refused), permanent=True
            )
        self._way.passed(now, fault, asked=not ended.gave_way)
        if ended.gave_way:
            return Wait(until=claim.delivery.due_at, why="" if self._stopping else GAVE_WAY)
        if fault is None:
            return Verified(reference=ended.reference)
        return self._after(claim, fault, now, now)

    def _attempt(self, claim: DeliveryClaim, lease: Lease) -> Attempt:
        parcel = from_ledger(claim.parcel, self._ledger.members_of(claim.parcel.id))
        if claim.delivery.treatment:
            told = (self.name, claim.delivery.treatment)
            parcel = replace(parcel, treatments=(*parcel.treatments, told))
        keeping = DeliveryKeeping(self._ledger, claim.id, self._clock)
        urgent = _is_urgent(claim)
        looked_at = -math.inf

        def pace(size: int) -> None:
            wait = self._way.take(size, urgent=urgent)
            lease.check()
            while wait > 0:
                self._sleep(min(wait, SLEEP_SECONDS))
                wait -= SLEEP_SECONDS
                lease.check()

        def gives_way() -> bool:
            nonlocal looked_at
            now = self._clock()
            looked = 0 <= now - looked_at < LOOK_SECONDS
            if urgent or self._busy < self.settings.parallel or looked:
                return False
            looked_at = now
            return self._something_urgent_before(claim, now)

        def may_go_on() -> bool:
            lease.check()
            return not (self._stopping or gives_way())

        def between_members() -> None:
            lease.check()
            if gives_way() and _GAVE_WAY_KEY not in keeping.known():
                keeping.remember(_GAVE_WAY_KEY, "once")
                raise GivesWay

        shipment = ParcelShipment(
            self._contents.of(parcel, self.name),
            key=f"delivery-{claim.id}",
            attempt=claim.delivery.epoch,
            urgent=urgent,
            folders=tuple(claim.delivery.target.split(SEPARATOR)),
            created_at=claim.parcel.created_at,
            compression=self.settings.compression,
            keeping=keeping,
            pace=pace,
            between=between_members,
        )
        journal = LedgerJournal(self._ledger, claim)
        return Attempt(shipment, journal=journal, clock=self._clock, may_go_on=may_go_on)

    def _something_urgent_before(self, claim: DeliveryClaim, now: float) -> bool:
        rank = self._ledger.first_rank(self.name, now=now, prio_at_most=PRIO_URGENT)
        return rank is not None and rank < rank_of(claim.delivery)

    # --- what is said -------------------------------------------------------------------------

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


def _is_urgent(claim: DeliveryClaim) -> bool:
    return claim.delivery.prio <= PRIO_URGENT
