"""How the whole stands, as JSON. Without patient data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import (
        Tally,
    )
    from causeway.observe.health import Finding, Health
from causeway.cli.views.studies import CustodyView


class RefusalView(View):
    """Something that was refused, and counted."""

    kind: str
    """`association` or `object`."""
    source: str
    """Name of the source; empty for a caller that is none."""
    reason: str
    """Why."""
    count: int
    """How often."""
    first_at: str | None
    """When first."""
    last_at: str | None
    """When last."""

    @classmethod
    def of(cls, tally: Tally) -> RefusalView:
        return cls(
            kind=tally.kind,
            source=tally.source,
            reason=tally.reason,
            count=tally.count,
            first_at=iso(tally.first_at),
            last_at=iso(tally.last_at),
        )


class LaneView(View):
    """Deliveries to one destination."""

    destination: str
    """Name of the destination."""
    deliveries: dict[str, int]
    """Deliveries by state."""
    breaker: str
    """`closed`: deliveries go. `open`: it is not asked, as it said that nothing can be delivered
    there for now. `half open`: one is let through to see."""
    asked_again_at: str | None
    """When it is asked again, of one that is not asked now."""
    last_error: str
    """Its last failure; `causeway destinations` says what to do."""


class TriggerView(View):
    """Calls of one trigger."""

    trigger: str
    """Name of the trigger."""
    calls: dict[str, int]
    """Calls by state."""


class FindingView(View):
    """What one look at the whole has found."""

    check: str
    """What was looked at: `service`, `room`, `pipeline`, `index`, `delivery` or
    `source`."""
    subject: str
    """Name of the destination or source; empty for the others."""
    state: str
    """`ok`, `late` or `failing`."""
    reason: str
    """Why, in words."""

    @classmethod
    def of(cls, finding: Finding) -> FindingView:
        return cls(
            check=finding.check.value,
            subject=finding.subject,
            state=finding.state.value,
            reason=finding.reason,
        )


class HealthView(View):
    """Whether it works, by the thresholds of `[health]`."""

    state: str
    """The worst of the findings: `ok`, `late` or `failing`."""
    findings: list[FindingView]
    """What was looked at."""

    @classmethod
    def of(cls, health: Health) -> HealthView:
        return cls(
            state=health.state.value, findings=[FindingView.of(each) for each in health.findings]
        )


class StatusView(View):
    """`causeway status`. Without patient data."""

    health: HealthView
    """Whether it works; `causeway status --check` ends with status 8 if this is `failing`."""

    running: bool
    """Whether the service runs."""
    pid: int | None
    """Process id of the service."""
    service: dict[str, object] | None
    """What the running service says of itself: `listeners`, `receivers`, `pipeline`, `space`,
    `sources`, `refusals`; null if it does not run. Its inner fields follow the service and are not
    stable."""
    studies: dict[str, int]
    """Studies by state."""
    series: dict[str, int]
    """Series by state."""
    instances: dict[str, int]
    """Instances by state."""
    destinations: list[LaneView]
    """Deliveries by destination and state."""
    bytes_awaiting: int
    """Bytes of instances that are not delivered yet."""
    oldest_undelivered_at: str | None
    """When the oldest instance on its way arrived."""
    last_received_at: str | None
    """When the latest object arrived."""
    last_delivered_at: str | None
    """When the latest delivery was verified."""
    held_studies: int
    """Studies that a person holds."""
    held_series: int
    """Series that are held."""
    dead_series: int
    """Series that are not tried again unless a person says so."""
    dead_deliveries: int
    """Deliveries that are not tried again unless a person says so."""
    dead_calls: int
    """Calls of triggers that are not made again unless a person says so."""
    quarantined: int
    """Objects in quarantine."""
    triggers: list[TriggerView]
    """Calls by trigger and state."""
    commitments: dict[str, int]
    """Requests for storage commitment by state."""
    refusals: list[RefusalView]
    """What was refused, ever."""
    custody: CustodyView
    """Whether everything received is accounted for."""
