"""The way to a destination: its breaker and the flow on it, kept where other processes see them.

``pipeline.breaker`` says what follows from an answer; this holds the lane's breaker between its
threads, writes each change into the ledger, and hears there of a person who has put something right
and wants no pause. What flows is measured, and waits for the destination's bandwidth.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from random import Random
from typing import Final, Protocol

from causeway.errors import LedgerBusy
from causeway.ledger import BreakerState, LaneRow
from causeway.pipeline.bandwidth import URGENT_WEIGHT, Bandwidth, TokenBucket
from causeway.pipeline.breaker import CLOSED, Breaker
from causeway.pipeline.events import Emit
from causeway.pipeline.failure import Fault

LOOK_SECONDS: Final = 1.0
"""How soon a person's word is heard while a lane pauses; a read of one row."""
MEASURE_SECONDS: Final = 5.0
"""Between two measures of the flow, each a write of one row."""
RATE_SECONDS: Final = 1.0
"""For so long a rate holds before the time of day is asked again."""


class LaneLedger(Protocol):
    def lane(self, destination: str) -> LaneRow | None: ...

    def set_lane(self, row: LaneRow) -> None: ...


class Way:
    """Of one destination. Thread safe."""

    def __init__(
        self,
        destination: str,
        bandwidth: Bandwidth,
        *,
        ledger: LaneLedger,
        clock: Callable[[], float],
        rng: Random,
        emit: Emit,
    ) -> None:
        self._name = destination
        self._bandwidth = bandwidth
        self._ledger = ledger
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._lock = threading.Lock()
        self._breaker = CLOSED
        self._row: LaneRow | None = None
        self._probing = False
        self._looked_at = 0.0
        self._bucket = TokenBucket(clock())
        self._rate: tuple[float, float | None] = (0.0, None)
        self._urgent = 0
        self._carrying = 0
        self._moved = 0
        self._measuring_since = clock()
        self._measured: tuple[float | None, float | None] = (None, None)
        """Bytes a second, and when that was measured."""

    # --- the breaker --------------------------------------------------------------------------

    def lets_through(self, now: float) -> bool:
        """Whether a delivery may be begun. Half open, that is one; ``passed`` says how it went."""
        with self._lock:
            before = self._known(now).state
            self._breaker = self._breaker.at(now)
            if self._breaker.state is BreakerState.OPEN:
                if not self._told_to_try(now):
                    return False
                self._breaker = Breaker(
                    state=BreakerState.HALF_OPEN, refusals=self._breaker.refusals, until=now
                )
            if self._breaker.state is BreakerState.HALF_OPEN:
                if self._probing:
                    return False
                self._probing = True
            if self._breaker.state is not before:
                self._write(now)
            return True

    def passed(self, now: float, fault: Fault | None, *, asked: bool = True) -> float:
        """What came of one that was let through; when the next may be.

        ``fault`` is None if it went well; ``asked`` is False if the destination was not asked
        after all.
        """
        with self._lock:
            before = self._known(now)
            self._probing = False
            if not asked:
                return now
            if fault is not None and fault.unavailable:
                self._breaker = before.refused(fault, now, self._rng)
            else:
                self._breaker = CLOSED
            changed = self._breaker != before
            seen = self._row.delivered_at if self._row is not None else None
            if fault is not None or changed or now >= (seen or 0.0) + MEASURE_SECONDS:
                self._write(now, fault, delivered=fault is None)
            if self._breaker.state is not before.state:
                if self._breaker is CLOSED:
                    self._emit("lane.answers", destination=self._name)
                else:
                    self._emit(
                        "lane.away", level="warning", destination=self._name,
                        again_in_seconds=self._breaker.until - now,
                        code=fault.code if fault is not None else "",
                    )  # fmt: skip
            return self._breaker.until

    def _known(self, now: float) -> Breaker:
        """The breaker; at first what an earlier process left, which is asked again at once."""
        if self._row is None:
            self._row = self._ledger.lane(self._name) or LaneRow(
                destination=self._name, breaker=BreakerState.CLOSED, changed_at=now
            )
            if self._row.breaker is not BreakerState.CLOSED:
                self._breaker = Breaker(
                    state=BreakerState.OPEN, refusals=self._row.refusals, since=now, until=now
                )
        return self._breaker

    def _told_to_try(self, now: float) -> bool:
        if 0 <= now - self._looked_at < LOOK_SECONDS:
            return False
        self._looked_at = now
        row = self._ledger.lane(self._name)
        return row is not None and row.open_until is not None and row.open_until <= now

    def _write(self, now: float, fault: Fault | None = None, *, delivered: bool = False) -> None:
        row, breaker = self._row, self._breaker
        assert row is not None
        closed = breaker.state is BreakerState.CLOSED
        rate, measured_at = self._measured
        self._row = LaneRow(
            destination=self._name,
            breaker=breaker.state,
            refusals=breaker.refusals,
            open_until=None if closed else breaker.until,
            changed_at=row.changed_at if breaker.state is row.breaker else now,
            fail_code=fault.code if fault else row.fail_code,
            fail_text=(fault.message or fault.text) if fault else row.fail_text,
            fail_hint=fault.hint if fault else row.fail_hint,
            failed_at=now if fault else row.failed_at,
            delivered_at=now if delivered else row.delivered_at,
            bytes_per_second=rate,
            measured_at=measured_at,
        )
        # Others look at it; a ledger that is busy must not keep a delivery from being settled.
        with contextlib.suppress(LedgerBusy):
            self._ledger.set_lane(self._row)

    # --- the flow -----------------------------------------------------------------------------

    @contextlib.contextmanager
    def carrying(self, *, urgent: bool) -> Iterator[None]:
        """While a delivery is on its way."""
        with self._lock:
            if not self._carrying:
                self._moved, self._measuring_since = 0, self._clock()
            self._carrying += 1
            self._urgent += urgent
        try:
            yield
        finally:
            with self._lock:
                self._carrying -= 1
                self._urgent -= urgent
                if not self._carrying:
                    self._measure(self._clock())

    def take(self, size: int, *, urgent: bool) -> float:
        """So many bytes are about to go; in how many seconds they may."""
        now = self._clock()
        with self._lock:
            self._moved += size
            if now >= self._measuring_since + MEASURE_SECONDS:
                self._measure(now)
                if self._row is not None:
                    self._write(now)
            asked_at, rate = self._rate
            if not asked_at <= now < asked_at + RATE_SECONDS:
                rate = self._bandwidth.rate(now)
                self._rate = now, rate
            weight = URGENT_WEIGHT if self._urgent and not urgent else 1.0
            return self._bucket.take(size * weight, rate, now)

    def _measure(self, now: float) -> None:
        elapsed = now - self._measuring_since
        if self._moved and elapsed > 0:
            self._measured = self._moved / elapsed, now
        self._moved, self._measuring_since = 0, now
