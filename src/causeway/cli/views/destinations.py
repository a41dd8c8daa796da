"""Destinations, and what came of trying one out, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.destinations import Step
    from causeway.ledger import LaneRow, QueueLane, UnderWay

FRESH_SECONDS = 60.0
"""A rate that is older says nothing of now."""
PRIO_URGENT = 20


class UnderWayView(View):
    """A delivery that is being sent."""

    delivery: int
    """Number of the delivery."""
    series: int
    """Number of its series."""
    attempt: int
    """Which try it is."""
    urgent: bool
    """Whether it goes before others."""
    instances: int
    """Images that it holds."""
    instances_done: int
    """Of these: there, or handed over and not looked at yet."""
    bytes: int
    """Size of all."""
    since: str | None
    """When it was begun."""

    @classmethod
    def of(cls, going: UnderWay) -> UnderWayView:
        return cls(
            delivery=going.delivery_id,
            series=going.series_id,
            attempt=going.attempt,
            urgent=going.prio <= PRIO_URGENT,
            instances=going.instances,
            instances_done=going.done,
            bytes=going.bytes,
            since=iso(going.since),
        )


class DestinationView(View):
    """A destination, and how the way to it stands."""

    destination: str
    """Name of the destination."""
    type: str
    """Its type; empty if the configuration does not have it any more."""
    state: str
    """`closed`: deliveries go, as far as there are any. `open`: it is not asked, because it said
    that nothing can be delivered there for now. `half open`: one delivery is let through to see."""
    refusals: int
    """How often in a row it said that."""
    asks_again_in_seconds: float | None
    """When it is asked again, if it is not asked now."""
    changed_at: str | None
    """Since when it is in that state."""
    waiting: int
    """Deliveries that are due, now or later, or being sent."""
    sending: int
    """Of these: being sent."""
    urgent: int
    """Of these: go before others."""
    failing: int
    """Of these: the last try failed."""
    dead: int
    """Given up, and waiting for a person."""
    verified: int
    """Deliveries that are there, so far."""
    bytes_waiting: int
    """Size of what waits."""
    oldest_seconds: float | None
    """How long the oldest of these waits."""
    bytes_per_second: float | None
    """How fast bytes go there now; null if none did in the last minute."""
    last_delivered_at: str | None
    """When something was last verified there."""
    last_error: str
    """The last failure there; empty if there was none."""
    last_error_code: str
    """The same as a word."""
    last_error_at: str | None
    """When it was."""
    last_error_seconds: float | None
    """How long ago that is."""
    what_to_do: str
    """What to do about it."""
    under_way: list[UnderWayView]
    """What is being sent."""
    heartbeat: str = ""
    """Of a device of a platform: `ok`, `error` if it told of one, `failed` if it could not tell."""
    heartbeat_seconds: float | None = None
    """How long ago that was."""
    heartbeat_error: str = ""
    """What it told of, or why it could not."""

    def with_sign_of_life(self, said: str, now: float) -> DestinationView:
        """As the destination remembers it; nothing, if it does not."""
        if not said:
            return self
        found = json.loads(said)
        return self.model_copy(
            update={
                "heartbeat": found["state"],
                "heartbeat_seconds": max(0.0, now - found["at"]),
                "heartbeat_error": found["why"],
            }
        )

    @classmethod
    def of(
        cls,
        name: str,
        kind: str,
        lane: LaneRow | None,
        queue: QueueLane | None,
        verified: int,
        going: Sequence[UnderWay] | None,
        *,
        now: float,
    ) -> DestinationView:
        until = None if lane is None else lane.open_until
        fresh = lane is not None and (lane.measured_at or 0.0) > now - FRESH_SECONDS
        failed_at = None if lane is None else lane.failed_at
        return cls(
            destination=name,
            type=kind,
            state="closed" if lane is None else lane.breaker.value,
            refusals=0 if lane is None else lane.refusals,
            asks_again_in_seconds=None if until is None or until <= now else until - now,
            changed_at=None if lane is None else iso(lane.changed_at),
            waiting=0 if queue is None else queue.count,
            sending=0 if queue is None else queue.sending,
            urgent=0 if queue is None else queue.urgent,
            failing=0 if queue is None else queue.failing,
            dead=0 if queue is None else queue.dead,
            verified=verified,
            bytes_waiting=0 if queue is None else queue.bytes,
            oldest_seconds=None
            if queue is None or queue.oldest_at is None
            else max(0.0, now - queue.oldest_at),
            bytes_per_second=lane.bytes_per_second if lane is not None and fresh else None,
            last_delivered_at=None if lane is None else iso(lane.delivered_at),
            last_error="" if lane is None else lane.fail_text,
            last_error_code="" if lane is None else lane.fail_code,
            last_error_at=iso(failed_at),
            last_error_seconds=None if failed_at is None else max(0.0, now - failed_at),
            what_to_do="" if lane is None else lane.fail_hint,
            under_way=[UnderWayView.of(each) for each in going or ()],
        )


class DestinationsView(View):
    """`causeway destinations`."""

    destinations: list[DestinationView]
    """Those of the configuration in its order, then others that something is still known of."""


class StepView(View):
    """One step of trying a destination out."""

    name: str
    """`dns`, `tcp`, `tls`, `auth`, `write`, `read-back`, or a word of the type's own."""
    ok: bool
    """Whether it went well."""
    text: str
    """What was found."""
    hint: str
    """What to do, where it did not go well."""

    @classmethod
    def of(cls, step: Step) -> StepView:
        return cls(name=step.name, ok=step.ok, text=step.text, hint=step.hint)


class ProbeView(View):
    """`causeway destinations test`."""

    destination: str
    """Name of the destination."""
    steps: list[StepView]
    """In order; none after one that failed."""
