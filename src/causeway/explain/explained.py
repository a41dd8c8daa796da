"""What becomes of a series, step by step: the decision, its acquisitions, and when each goes where.

Nothing here decides. ``decide`` and ``groups`` do, as they do in the pipeline; this module asks
them in the pipeline's order and keeps every answer.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from causeway.attributes import Attributes, name_of
from causeway.decide.agreement import Disagreement, disagreements
from causeway.decide.decision import Decision, decide
from causeway.decide.grouping import Group, groups
from causeway.decide.hierarchy import ARCHIVE_SUFFIX, labels_of
from causeway.decide.labels import Labels, suffixed
from causeway.decide.verdict import Denied, Held, Related, Routed, Screenshots, Unit
from causeway.explain.gathering import Series
from causeway.explain.places import Folders, path_of
from causeway.explain.plan import Lane, Plan
from causeway.pipeline.deidentify.beforehand import Beforehand
from causeway.pipeline.grouping import REFERENCES_LIMIT
from causeway.pipeline.making import archive_stem
from causeway.pipeline.placement import Wanted
from causeway.schedule import opens_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """One destination that gets it."""

    lane: Lane
    treatment: str
    """What is done to identifying data: ``none``, or the name of a profile."""
    opens_at: float | None
    """When its schedule lets it go; None if it may go at once."""
    clean: Beforehand | None = None
    """Of what is de-identified on the way: what its first image tells of that."""


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


@dataclass(slots=True)
class _Decided:
    """A series on its way to being explained."""

    series: Series
    decision: Decision
    groups: tuple[Group, ...]
    now: dt.datetime

    @property
    def destinations(self) -> frozenset[str]:
        verdict = self.decision.verdict
        return frozenset(verdict.destinations) if isinstance(verdict, Routed) else frozenset()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a group goes."""

    labels: Labels = field(repr=False)
    folder: tuple[str, ...] = field(repr=False)
    stem: str = field(repr=False)
    host: str = field(repr=False)
    """The series that it goes with."""


_Known = Mapping[tuple[str, str], _Decided]
"""By study and series."""
_NOBODY: Final[frozenset[str]] = frozenset()


class Explainer:
    """Explains series after series; folders that one has taken the next avoids.

    As of ``now``, or, without it, each as of when its last image came.
    """

    def __init__(self, plan: Plan, now: dt.datetime | None) -> None:
        self._plan = plan
        self._now = now
        self._folders = Folders()
        self._placed_before: dict[tuple[str, str, str], _Place] = {}

    def explain(self, series: Iterable[Series]) -> Iterator[Explained]:
        """Each of these series, in their order. They may refer to one another."""
        waiting = list(series)
        owners = _owners(waiting)
        decided = [self._decided(each, owners) for each in waiting]
        known = {
            (each.series.study_instance_uid, each.series.series_instance_uid): each
            for each in decided
        }
        # What is stopped takes no folder from what goes, whichever came first.
        for each in sorted(decided, key=lambda each: not each.destinations):
            for group in each.groups:
                self._placed(each, group, known)
        for each in decided:
            yield self._explained(each, known)

    def _decided(self, series: Series, owners: Mapping[tuple[str, str], str]) -> _Decided:
        now = self._now or dt.datetime.fromtimestamp(series.last_at or 0.0, dt.UTC)
        decision = decide(series.facts, self._plan.policy, now)
        rules = decision.grouping
        header = series.newest
        if rules.screenshots is Screenshots.ATTACH or rules.related is Related.ATTACH:
            header = _with_series(series, owners)
        return _Decided(series, decision, groups(header, series.instances, rules), now)

    def _explained(self, decided: _Decided, known: Mapping[tuple[str, str], _Decided]) -> Explained:
        series, verdict = decided.series, decided.decision.verdict
        waits = self._plan.waits(series.sender.source)
        waits_for_study = isinstance(verdict, Routed) and verdict.unit is Unit.STUDY
        goings = self._goings(verdict, decided.now) if isinstance(verdict, Routed) else ()
        return Explained(
            series=series,
            decision=decided.decision,
            acquisitions=tuple(self._acquired(decided, known)),
            disagreements=disagreements(tuple(series.heads.values())),
            goings=tuple(goings),
            quiet_seconds=(waits.study_quiet if waits_for_study else waits.quiet) + waits.delay,
            waits_for_study=waits_for_study,
            looked_in=tuple(map(name_of, self._plan.policy.of(series.sender.source).routing.tags)),
        )

    def _goings(self, verdict: Routed, now: dt.datetime) -> Iterator[Going]:
        for name in verdict.destinations:
            lane = self._plan.lanes[name]
            opens = None
            if lane.schedule is not None and not verdict.is_urgent:
                opens = opens_at(lane.schedule, now.timestamp())
            treatment = verdict.deidentify.get(name, lane.treatment)
            yield Going(lane=lane, treatment=treatment, opens_at=opens)

    # --- where it goes ------------------------------------------------------------------------

    def _acquired(self, decided: _Decided, known: _Known) -> Iterator[Acquired]:
        for group in decided.groups:
            place = self._placed(decided, group, known)
            yield Acquired(
                group=group,
                labels=place.labels,
                folder=path_of(place.folder),
                archive=f"{place.stem}{ARCHIVE_SUFFIX}",
                goes_with=place.host,
            )

    def _placed(
        self, decided: _Decided, group: Group, known: _Known, *, behind: frozenset[str] = _NOBODY
    ) -> _Place:
        """Where a group goes; ``behind`` are the series that wait for this one's place."""
        series = decided.series
        key = (series.study_instance_uid, series.series_instance_uid, group.key)
        if key not in self._placed_before:
            self._placed_before[key] = self._place(decided, group, known, behind)
        return self._placed_before[key]

    def _place(
        self, decided: _Decided, group: Group, known: _Known, behind: frozenset[str]
    ) -> _Place:
        series = decided.series
        wanted = self._wanted(decided, group)
        host = known.get((series.study_instance_uid, group.attach_to))
        if host is not None and (
            group.attach_to in behind or not host.destinations & decided.destinations
        ):
            host = None
        if host is not None:
            # Which itself may go with a third one.
            behind |= {series.series_instance_uid}
            beside = self._placed(host, host.groups[0], known, behind=behind)
            folder, taken = beside.folder, frozenset({beside.stem.casefold()})
        else:
            folder, taken = self._folders.folder(wanted), frozenset()
        stem = archive_stem(decided.decision.fields, wanted.labels, group.label_suffix)
        if host is not None or wanted.merges:
            stem = self._folders.stem(stem, wanted, folder, taken)
        return _Place(wanted.labels, folder, stem, group.attach_to if host is not None else "")

    def _wanted(self, decided: _Decided, group: Group) -> Wanted:
        labels = labels_of(decided.decision.fields)
        own = replace(labels, acquisition=suffixed(labels.acquisition, group.label_suffix))
        source = self._plan.policy.of(decided.series.sender.source)
        return self._folders.wanted(
            decided.series,
            group.key,
            own,
            decided.decision.fields,
            merges=source.metadata.merges_same_label,
        )


def _owners(series: Iterable[Series]) -> dict[tuple[str, str], str]:
    """The series of every instance, by study and SOP Instance UID."""
    return {
        (each.study_instance_uid, instance.sop_instance_uid): each.series_instance_uid
        for each in series
        for instance in each.instances
    }


def _with_series(series: Series, owners: Mapping[tuple[str, str], str]) -> Attributes:
    """The header with the series of the instances that it refers to, as the pipeline adds them."""
    header = series.newest
    if header.referenced_series or not header.referenced_instances:
        return header
    found = {
        owners[series.study_instance_uid, uid]
        for uid in sorted(header.referenced_instances)[:REFERENCES_LIMIT]
        if (series.study_instance_uid, uid) in owners
    }
    return replace(header, referenced_series=frozenset(found - {series.series_instance_uid}))
