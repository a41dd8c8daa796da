"""What health is judged by: asked of the ledger, the spool and the running service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.observe.health import (
    HISTORY_SECONDS,
    Facts,
    Health,
    LaneFacts,
    NodeFacts,
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
        untold_since=None if service is None else service.untold_since(now),
        refuses=_refuses(said.get("space")),
        left_out=left_out,
        pipeline_gone_at=_gone_at(said.get("pipeline")),
        unindexed_at=None if ledger is None or spool is None else oldest_unindexed(ledger, spool),
        lanes=[] if ledger is None else _lanes(configuration, ledger, now),
        sources=[] if ledger is None else _sources(configuration, ledger, now),
        nodes=[] if ledger is None or left_out else _nodes(configuration, ledger, now),
    )
    settings = configuration.health
    thresholds = Thresholds(
        index_seconds=settings.index_seconds, delivery_seconds=settings.delivery_seconds
    )
    return health(facts, thresholds, now)


def _refuses(space: object) -> str:
    state = space.get("state") if isinstance(space, dict) else None
    return {
        "soft": "new associations are refused for now",
        "hard": "objects are refused with A700",
    }.get(str(state), "")


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
    names = [source.name for source in configuration.sources]
    names += [node.name for node in configuration.nodes]
    return [SourceFacts(source=name, heard_at=heard.get(name, ())) for name in names]


def _nodes(configuration: Configuration, ledger: Ledger, now: float) -> list[NodeFacts]:
    from causeway.ledger import NodeSeriesState
    from causeway.schedule import opened_at
    from causeway.service.planning import hours_by_name

    hours = hours_by_name(configuration)
    rows = {row.name: row for row in ledger.nodes()}
    counts = ledger.node_counts(now=now)
    facts = []
    for node in configuration.nodes:
        row, count = rows.get(node.name), counts.get(node.name)
        oldest = None if count is None else count.oldest_queued_at
        if oldest is not None and node.schedule:
            opened = opened_at(
                hours[node.schedule].schedule, now, since=max(oldest, now - HISTORY_SECONDS)
            )
            oldest = None if opened is None else max(oldest, opened)
        if node.maximum_studies_per_hour:
            oldest = None  # it waits because somebody wanted it to
        running = None if count is None else count.retrieving_since
        facts.append(
            NodeFacts(
                node=node.name,
                query_limit_seconds=node.query_limit_seconds,
                retrieve_limit_seconds=node.retrieve_limit_seconds,
                interval_seconds=node.interval_seconds,
                full_at=None if row is None else row.full_at,
                asking_since=None if row is None else row.asking_since,
                failing_since=None if row is None else row.failing_since,
                failure="" if row is None else row.fail_text,
                oldest_at=min((at for at in (oldest, running) if at is not None), default=None),
                abandoned=0 if count is None else count.series.get(NodeSeriesState.ABANDONED, 0),
            )
        )
    return facts
