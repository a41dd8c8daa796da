"""What waits and what goes nowhere, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import QueueLane, QueueWait, Rerouted, SeriesRow, Standing, StudyRow


class SkippedSeriesView(View):
    """A series that goes nowhere by the rules. Holds patient data."""

    series: int
    """Number in the ledger; `causeway release series:ID` lets it go."""
    study: int
    """Number of its study."""
    series_instance_uid: str
    """Series Instance UID."""
    patient_id: str
    """Patient ID."""
    modality: str
    """Modality."""
    series_number: str
    """Series Number."""
    series_description: str
    """Series Description."""
    source: str
    """Source that sent it."""
    images: int
    """Images that belong to it."""
    since: str | None
    """When it was skipped."""
    code: str
    """Why, as a word: `opt_in`, `opt_out`, `no_routing` or `rule`."""
    reason: str
    """Why."""

    @classmethod
    def of(cls, study: StudyRow, row: SeriesRow) -> SkippedSeriesView:
        return cls(
            series=row.id,
            study=study.id,
            series_instance_uid=row.series_instance_uid,
            patient_id=study.identity.patient_id,
            modality=row.modality,
            series_number=row.series_number,
            series_description=row.series_description,
            source=row.source,
            images=row.instance_count,
            since=iso(row.state_at),
            code=row.held_code,
            reason=row.held_why,
        )


class SkippedView(View):
    """`causeway skipped`."""

    series: list[SkippedSeriesView]
    """The series, those skipped latest first."""


class WaitView(View):
    """Deliveries to one destination that wait for the same."""

    why: str
    """What for."""
    count: int
    """How many."""
    until: str | None
    """When the first of them may go."""

    @classmethod
    def of(cls, wait: QueueWait) -> WaitView:
        return cls(why=wait.why, count=wait.count, until=iso(wait.until))


class QueueLaneView(View):
    """What is still to go to a destination."""

    destination: str
    """Name of the destination."""
    count: int
    """Deliveries that are due, now or later, or being sent."""
    sending: int
    """Of these: being sent."""
    urgent: int
    """Of these: wait for no schedule."""
    held: int
    """Of these: on hold or skipped, so that they go when somebody releases them."""
    failing: int
    """Of these: the last try failed."""
    dead: int
    """Given up; not counted in `count`."""
    bytes: int
    """Size of those in `count`."""
    oldest_at: str | None
    """When the one that waits longest was made."""
    next_at: str | None
    """When the first may go; null if all are held."""
    last_at: str | None
    """When all of them may have gone, if nothing fails."""
    waits: list[WaitView]
    """What they wait for."""

    @classmethod
    def of(cls, lane: QueueLane) -> QueueLaneView:
        return cls(
            destination=lane.destination,
            count=lane.count,
            sending=lane.sending,
            urgent=lane.urgent,
            held=lane.held,
            failing=lane.failing,
            dead=lane.dead,
            bytes=lane.bytes,
            oldest_at=iso(lane.oldest_at),
            next_at=iso(lane.next_at),
            last_at=iso(lane.last_at),
            waits=[WaitView.of(wait) for wait in lane.waits],
        )


class QueueView(View):
    """`causeway queue`."""

    destinations: list[QueueLaneView]
    """Destinations to which something is still to go."""


class StandingView(View):
    """What stands at a place where it does not belong any more. May hold patient data."""

    destination: str
    """Name of the destination."""
    reference: str
    """What the destination calls it."""
    series: int
    """Number of its series."""
    certain: bool
    """Whether it was verified there; else a try was begun, and it may stand there."""

    @classmethod
    def of(cls, standing: Standing) -> StandingView:
        return cls(
            destination=standing.destination,
            reference=standing.reference,
            series=standing.series_id,
            certain=standing.certain,
        )


class RerouteView(View):
    """`causeway reroute`."""

    reference: str
    """What was named."""
    routing: str
    """The routing string, as it was understood; empty if only destinations were said."""
    destinations: list[str]
    """Destinations that were said; empty for those of the routes."""
    series: list[int]
    """Numbers of the series that go there."""
    again: list[int]
    """Of these: had been delivered, and go again whole."""
    withdrawn: int
    """Parcels that are not delivered any more."""
    standing: list[StandingView]
    """What stands at the old place, and is not removed there."""

    @classmethod
    def of(
        cls, reference: str, routing: str, destinations: tuple[str, ...], done: Rerouted
    ) -> RerouteView:
        return cls(
            reference=reference,
            routing=routing,
            destinations=list(destinations),
            series=list(done.series_ids),
            again=list(done.again_ids),
            withdrawn=done.withdrawn,
            standing=[StandingView.of(one) for one in done.standing],
        )
