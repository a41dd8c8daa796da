"""From the configuration's tree to the settings of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping

from causeway.config import AnyDestination, ArchiveDestinationSettings, Configuration
from causeway.pipeline import (
    Bandwidth,
    CompletionRules,
    Compression,
    DestinationPlan,
    Hours,
    LaneSettings,
    PipelineSettings,
    RetryRules,
    Treatment,
    Window,
)
from causeway.schedule import Schedule, zone_of
from causeway.service.deciding import machine_zone, policy_of
from causeway.service.destinations import destination_settings


def pipeline_settings(configuration: Configuration) -> PipelineSettings:
    completion = configuration.completion
    hours = hours_by_name(configuration)
    return PipelineSettings(
        policy=policy_of(configuration),
        destinations=[_plan(each, hours) for each in configuration.destinations],
        completion=CompletionRules(
            quiet_seconds=completion.quiet_seconds,
            after_release_seconds=completion.after_release_seconds,
            use_expected_counts=completion.use_expected_counts,
            quiet_by_source={
                source.name: source.quiet_seconds
                for source in configuration.sources
                if source.quiet_seconds is not None
            },
        ),
        acquisition_delay_seconds=completion.acquisition_delay_seconds,
        study_quiet_seconds=completion.study_quiet_seconds,
        keep_seconds=configuration.retire.keep_hours * 3600,
    )


def hours_by_name(configuration: Configuration) -> dict[str, Hours]:
    """Opening hours, by the names that destinations call them by."""
    return {
        each.name: Hours(
            name=each.name,
            schedule=Schedule.parse(
                each.windows, zone_of(each.timezone) if each.timezone else machine_zone()
            ),
        )
        for each in configuration.schedules
    }


def _plan(settings: AnyDestination, hours: Mapping[str, Hours]) -> DestinationPlan:
    retry = settings.retry
    compression = (
        settings.compression if isinstance(settings, ArchiveDestinationSettings) else "stored"
    )
    return DestinationPlan(
        settings=destination_settings(settings),
        treatment=Treatment(settings.deidentify),
        lane=LaneSettings(
            parallel=settings.parallel_deliveries,
            hours=hours[settings.schedule] if settings.schedule else None,
            compression=Compression(compression),
            bandwidth=Bandwidth(
                bytes_per_second=settings.bandwidth.bytes_per_second,
                windows=tuple(
                    Window(
                        schedule=hours[each.schedule].schedule,
                        bytes_per_second=each.bytes_per_second,
                    )
                    for each in settings.bandwidth.during
                ),
            ),
            retry=RetryRules(
                first_seconds=retry.first_seconds,
                factor=retry.factor,
                maximum_seconds=retry.maximum_seconds,
                maximum_attempts=retry.maximum_attempts,
                give_up_seconds=retry.give_up_hours * 3600,
            ),
        ),
    )
