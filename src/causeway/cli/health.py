"""What health is judged by: asked of the ledger, the spool and the running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.observe.health import (
    HISTORY_SECONDS,
    Facts,
    Health,
    LaneFacts,
    SourceFacts,
    Thresholds,
    health,
)

if TYPE_CHECKING:
    from causeway.config import Configuration
    from causeway.doctor.running import RunningService
    from causeway.ledger import LaneWaiting, Ledger
    from causeway.schedule import Schedule
    from causeway.spool import SpoolReader


def health_of(
    configuration: Configuration,
    service: RunningService | None,
    now: float,
    *,
    ledger: Ledger | None = None,
    spool: SpoolReader | None = None,
) -> Health:
    """How it is; without ledger and spool, of a service that never ran."""
    from causeway.service.backlog import oldest_unindexed

    said = {} if service is None else service.said
    left_out = said.get("receive_only") is True
    facts = Facts(
        running=service is not None,
        left_out=left_out,
        pipeline_gone_at=_gone_at(said.get("pipeline")),
        unindexed_at=None if ledger is None or spool is None else oldest_unindexed(ledger, spool),
        lanes=[] if ledger is None else _lanes(configuration, ledger, now),
        sources=[] if ledger is None else _sources(configuration, ledger, now),
    )
    settings = configuration.health
    thresholds = Thresholds(
        index_seconds=settings.index_seconds, delivery_seconds=settings.delivery_seconds
    )
    return health(facts, thresholds, now)


def _gone_at(pipeline: object) -> float | None:
    at = pipeline.get("gone_at") if isinstance(pipeline, dict) else None
    return float(at) if isinstance(at, int | float) else None


def _lanes(configuration: Configuration, ledger: Ledger, now: float) -> list[LaneFacts]:
    from causeway.service.planning import hours_by_name

    hours = hours_by_name(configuration)
    schedules = {
        one.name: hours[one.schedule].schedule if one.schedule else None
        for one in configuration.destinations
    }
    known = {lane.destination: lane for lane in ledger.waiting()}
    return [
        LaneFacts(
            destination=name,
            oldest_at=None if name not in known else _may_go(known[name], schedule, now),
            succeeded_at=None if name not in known else known[name].succeeded_at,
        )
        for name, schedule in schedules.items()
    ]


def _may_go(waiting: LaneWaiting, schedule: Schedule | None, now: float) -> float | None:
    """Since when the oldest may go, opening hours considered."""
    from causeway.schedule import opened_at

    usual = waiting.oldest_at
    if usual is not None and schedule is not None:
        opened = opened_at(schedule, now, since=max(usual, now - HISTORY_SECONDS))
        usual = None if opened is None else max(usual, opened)
    return min((at for at in (usual, waiting.oldest_urgent_at) if at is not None), default=None)


def _sources(configuration: Configuration, ledger: Ledger, now: float) -> list[SourceFacts]:
    """Those of the configuration; one that was taken out of it may be silent."""
    heard = ledger.heard(since=now - HISTORY_SECONDS)
    return [
        SourceFacts(source=source.name, heard_at=heard.get(source.name, ()))
        for source in configuration.sources
    ]
