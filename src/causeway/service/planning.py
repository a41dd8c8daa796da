"""From the configuration's tree to the settings of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from causeway.config import (
    AnyDestination,
    ArchiveDestinationSettings,
    Configuration,
    RetrySettings,
    TriggerRetrySettings,
    TriggerSettings,
)
from causeway.ledger import CallScope
from causeway.pipeline import (
    Bandwidth,
    Command,
    CompletionRules,
    Compression,
    DestinationPlan,
    Hours,
    LaneSettings,
    PipelineSettings,
    RetryRules,
    TriggerPlan,
    Way,
    Webhook,
    Window,
)
from causeway.schedule import Schedule, zone_of
from causeway.service.deciding import machine_zone, policy_of
from causeway.service.destinations import destination_settings
from causeway.service.treating import recorder, treating
from causeway.service.web import http_options


def pipeline_settings(configuration: Configuration) -> PipelineSettings:
    completion = configuration.completion
    hours = hours_by_name(configuration)
    return PipelineSettings(
        policy=policy_of(configuration),
        treating=treating(configuration),
        cleaning_processes=configuration.deidentify.processes,
        record=recorder(configuration),
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
        triggers=[trigger_plan(each, configuration.data_dir) for each in configuration.triggers],
        keep_seconds=configuration.retire.keep_hours * 3600,
    )


def trigger_plan(settings: TriggerSettings, folder: Path) -> TriggerPlan:
    """A trigger, and how it calls; commands are started in the data folder."""
    way: Way
    if settings.command is not None:
        way = Command(
            arguments=settings.command, timeout_seconds=settings.timeout_seconds, folder=folder
        )
    else:
        assert settings.url is not None
        assert settings.secret is not None
        way = Webhook(
            url=settings.url,
            secret=settings.secret.reveal,
            http=http_options(
                f"trigger {settings.name}", settings, answer_seconds=settings.timeout_seconds
            ),
        )
    return TriggerPlan(
        name=settings.name,
        scope=CallScope(settings.on),
        way=way,
        include=settings.include,
        timeout_seconds=settings.timeout_seconds,
        retry=retry_rules(settings.retry),
    )


def retry_rules(settings: RetrySettings | TriggerRetrySettings) -> RetryRules:
    rules = RetryRules(
        first_seconds=settings.first_seconds,
        factor=settings.factor,
        maximum_seconds=settings.maximum_seconds,
        maximum_attempts=settings.maximum_attempts,
    )
    if isinstance(settings, RetrySettings):
        return replace(rules, give_up_seconds=settings.give_up_hours * 3600)
    return rules


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
    compression = (
        settings.compression if isinstance(settings, ArchiveDestinationSettings) else "stored"
    )
    return DestinationPlan(
        settings=destination_settings(settings),
        deidentify=settings.deidentify,
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
            retry=retry_rules(settings.retry),
        ),
    )
