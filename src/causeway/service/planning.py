"""From the configuration's tree to the settings of the pipeline."""

from __future__ import annotations

from pathlib import Path

from causeway.config import AnyDestination, Configuration
from causeway.destinations import FolderSettings
from causeway.pipeline import (
    CompletionRules,
    Compression,
    DestinationPlan,
    LaneSettings,
    PipelineSettings,
    RetryRules,
    Route,
    Treatment,
)


def pipeline_settings(configuration: Configuration) -> PipelineSettings:
    completion = configuration.completion
    return PipelineSettings(
        routes=[
            Route(name=route.name or f"route {number}", destinations=route.destinations)
            for number, route in enumerate(configuration.routes, start=1)
        ],
        destinations=[_plan(each) for each in configuration.destinations],
        completion=CompletionRules(
            quiet_seconds=completion.quiet_seconds,
            after_release_seconds=completion.after_release_seconds,
            use_expected_counts=completion.use_expected_counts,
        ),
        keep_seconds=configuration.retire.keep_hours * 3600,
    )


def _plan(settings: AnyDestination) -> DestinationPlan:
    retry = settings.retry
    return DestinationPlan(
        settings=FolderSettings(name=settings.name, path=Path(settings.path)),
        treatment=Treatment(settings.deidentify),
        lane=LaneSettings(
            parallel=settings.parallel_deliveries,
            compression=Compression(settings.compression),
            retry=RetryRules(
                first_seconds=retry.first_seconds,
                factor=retry.factor,
                maximum_seconds=retry.maximum_seconds,
                maximum_attempts=retry.maximum_attempts,
            ),
        ),
    )
