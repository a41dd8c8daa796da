"""The configuration, as far as it says what becomes of a series and when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from causeway.config import AnyDestination, Configuration, ScheduleSettings
from causeway.decide.policy import Policy
from causeway.schedule import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A destination."""

    name: str
    type: str
    treatment: str
    """What is done to identifying data on the way."""
    schedule_name: str = ""
    schedule: Schedule | None = None
    """When it is delivered to; always, without one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long nothing happens, in seconds."""

    quiet: float
    """After the last image of a series, until it is complete."""
    delay: float
    """After that, until it is decided where it goes."""
    study_quiet: float
    """After the last image of a study, where a route wants it whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a decision and its consequences hang on."""

    policy: Policy
    lanes: Mapping[str, Lane]
    usual: Waits
    by_source: Mapping[str, Waits] = field(default_factory=dict)

    def waits(self, source: str) -> Waits:
        return self.by_source.get(source, self.usual)


def plan_of(configuration: Configuration, policy: Policy, zone: dt.tzinfo) -> Plan:
    """The plan; ``policy`` is what the service makes of the same configuration.

    ``zone`` is the machine's, for schedules that do not say theirs.
    """
    schedules = {each.name: each for each in configuration.schedules}
    completion = configuration.completion

    def waits(quiet_seconds: float) -> Waits:
        return Waits(
            quiet=quiet_seconds,
            delay=completion.acquisition_delay_seconds,
            study_quiet=completion.study_quiet_seconds,
        )

    return Plan(
        policy=policy,
        lanes={each.name: _lane(each, schedules, zone) for each in configuration.destinations},
        usual=waits(completion.quiet_seconds),
        by_source={
            source.name: waits(source.quiet_seconds)
            for source in configuration.sources
            if source.quiet_seconds is not None
        },
    )


def _lane(
    settings: AnyDestination, schedules: Mapping[str, ScheduleSettings], zone: dt.tzinfo
) -> Lane:
    name = settings.schedule or ""
    found = schedules.get(name)
    schedule = None
    if found is not None:
        schedule = Schedule.parse(found.windows, found.timezone or zone)
    return Lane(
        name=settings.name,
        type=settings.type,
        treatment=str(settings.deidentify),
        schedule_name=name,
        schedule=schedule,
    )
