"""What becomes of a series, step by step: the decision, its acquisitions, and when each goes where.

Nothing here decides. ``decide`` and ``groups`` do, as they do in the pipeline; this module asks
them in the pipeline's order and keeps every answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from causeway.attributes import name_of
from causeway.decide.agreement import Disagreement, disagreements
from causeway.decide.decision import Decision, decide
from causeway.decide.grouping import Group, groups
from causeway.decide.hierarchy import ARCHIVE_SUFFIX, labels_of
from causeway.decide.labels import Labels, suffixed
from causeway.decide.verdict import Denied, Held, Routed, Unit
from causeway.explain.gathering import Series
from causeway.explain.places import Places
from causeway.explain.plan import Lane, Plan
from causeway.pipeline.placement import place_series
from causeway.schedule import opens_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """One destination that gets it."""

    lane: Lane
    opens_at: float | None
    """When its schedule lets it go; None if it may go at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acquired:
    """One acquisition, or a part of a series that goes into that of another."""

    group: Group
    labels: Labels = field(repr=False)
    folder: str = field(repr=False)
    """Where it goes, from the group on; of a series that is stopped, where it would."""
    archive: str = field(repr=False)
    """Name of the archive in it."""
    goes_with: str = field(default="", repr=False)
    """The series in whose acquisition it goes; empty for its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One series."""

    series: Series
    decision: Decision
    acquisitions: tuple[Acquired, ...]
    disagreements: tuple[Disagreement, ...]
    """Of its heads: shown, and no fault."""
    goings: tuple[Going, ...]
    quiet_seconds: float
    """From its last image on, until it is decided."""
    waits_for_study: bool
    looked_in: tuple[str, ...] = ()
    """Attributes in which a routing string may stand."""

    @property
    def outcome(self) -> str:
        """``sent``, ``held`` or ``skipped``."""
        match self.decision.verdict:
            case Routed():
                return "sent"
            case Held():
                return "held"
            case Denied():
                return "skipped"

    @property
    def files(self) -> Mapping[int | str, Path]:
        return self.series.files


class Explainer:
    """Explains series after series; folders that one has taken the next avoids.

    As of ``now``, or, without it, each as of when its last image came.
    """

    def __init__(self, plan: Plan, now: dt.datetime | None) -> None:
        self._plan = plan
        self._now = now
        self._places = Places()
        self._numbers: dict[str, int] = {}

    def explain(self, series: Iterable[Series]) -> Iterator[Explained]:
        """Each of these series, in their order. They may refer to one another."""
        waiting = list(series)
        known = {each.series_instance_uid: each for each in waiting}
        for each in waiting:
            yield self._one(each, known)

    def _one(self, series: Series, known: Mapping[str, Series]) -> Explained:
        now = self._now or dt.datetime.fromtimestamp(series.last_at or 0.0, dt.UTC)
        decision = decide(series.facts, self._plan.policy, now)
        verdict = decision.verdict
        waits = self._plan.waits(series.sender.source)
        waits_for_study = isinstance(verdict, Routed) and verdict.unit is Unit.STUDY
        return Explained(
            series=series,
            decision=decision,
            acquisitions=tuple(self._acquired(series, decision, known)),
            disagreements=disagreements(tuple(series.heads.values())),
            goings=tuple(self._goings(verdict, now)) if isinstance(verdict, Routed) else (),
            quiet_seconds=(waits.study_quiet if waits_for_study else waits.quiet) + waits.delay,
            waits_for_study=waits_for_study,
            looked_in=tuple(map(name_of, self._plan.policy.of(series.sender.source).routing.tags)),
        )

    def _goings(self, verdict: Routed, now: dt.datetime) -> Iterator[Going]:
        for name in verdict.destinations:
            lane = self._plan.lanes[name]
            closed = lane.schedule is not None and not verdict.is_urgent
            yield Going(
                lane=lane,
                opens_at=opens_at(lane.schedule, now.timestamp())
                if closed and lane.schedule is not None
                else None,
            )

    def _acquired(
        self, series: Series, decision: Decision, known: Mapping[str, Series]
    ) -> Iterator[Acquired]:
        labels = labels_of(decision.fields)
        for group in groups(series.newest, series.instances, decision.grouping):
            own = replace(labels, acquisition=suffixed(labels.acquisition, group.label_suffix))
            host = known.get(group.attach_to)
            if host is not None and host.study_instance_uid != series.study_instance_uid:
                host = None
            yield Acquired(
                group=group,
                labels=own,
                folder=self._folder(series, group.key, own),
                archive=f"{own.acquisition}{ARCHIVE_SUFFIX}",
                goes_with=host.series_instance_uid if host is not None else "",
            )

    def _folder(self, series: Series, key: str, labels: Labels) -> str:
        study = self._number(series.study_instance_uid)
        one = self._number(f"{series.study_instance_uid} {series.series_instance_uid} {key}")
        return "/".join(
            place_series(self._places, "", labels, study_id=study, series_id=one, at=0.0)
        )

    def _number(self, name: str) -> int:
        """A number for whatever a folder belongs to."""
        return self._numbers.setdefault(name, len(self._numbers))
