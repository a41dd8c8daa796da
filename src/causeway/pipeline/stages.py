"""The stages of a series: completion, policy, de-identification, packaging.

Each is a function of a claim and gives the outcome that the ledger turns into the next state. None
of them knows threads, leases or logs; that is the runner's. None needs the bytes of an instance: a
parcel is a recipe, so what packaging costs is rows (0.2 s for 2,000 images), whatever their size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from causeway.ledger import (
    Acquisition,
    Advanced,
    AssociationRow,
    Dead,
    InstanceRow,
    LookAgain,
    NewDelivery,
    NewParcel,
    Packaged,
    ParcelRow,
    SeriesClaim,
    SeriesOutcome,
    SeriesState,
)
from causeway.pipeline import completion, policy
from causeway.pipeline.deidentify import Treatment, passthrough, restored
from causeway.pipeline.index import RELEASED
from causeway.pipeline.parcel import Completion, package
from causeway.pipeline.placement import SEPARATOR, Places, place_series

LOOK_AGAIN_SECONDS: Final = 0.1
"""Soonest second look at a series whose time has come while indexing lags behind."""


class Facts(Places, Protocol):
    """What stages ask the ledger."""

    def acquisitions(self, series_id: int) -> tuple[Acquisition, ...]: ...

    def associations_of(self, series_id: int) -> tuple[AssociationRow, ...]: ...

    def to_package(self, series_id: int) -> tuple[InstanceRow, ...]: ...

    def parcels_of(self, series_id: int) -> tuple[ParcelRow, ...]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """The configuration, as far as it concerns stages."""

    completion: completion.CompletionRules
    routes: Sequence[policy.Route]
    treatments: Mapping[str, Treatment]
    """For each destination."""


class Stages:
    """All four, with what they need."""

    def __init__(
        self, facts: Facts, rules: StageRules, *, indexed_until: Callable[[], float] | None = None
    ) -> None:
        self._facts = facts
        self._rules = rules
        self._indexed_until = indexed_until
        self._by_state: Mapping[SeriesState, Callable[[SeriesClaim, float], SeriesOutcome]] = {
            SeriesState.OPEN: self._complete,
            SeriesState.REOPENED: self._complete,
            SeriesState.COMPLETE: self._decide,
            SeriesState.ROUTED: self._clean,
            SeriesState.CLEANED: self._package,
        }

    @property
    def states(self) -> tuple[SeriesState, ...]:
        return tuple(self._by_state)

    def run(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        """The outcome of the stage that the claim's state asks for."""
        return self._by_state[claim.series.state](claim, now)

    def _complete(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        series = claim.series
        expected = None
        if series.expected_count is not None:
            expected = completion.expected_of(
                series.expected_count, self._facts.acquisitions(series.id)
            )
        facts = completion.Facts(
            count=series.instance_count,
            last_at=series.last_at,
            expected=expected,
            associations_open=claim.associations_open,
            released_at=self._released_at(claim),
        )
        known_at = now if self._indexed_until is None else self._indexed_until()
        match completion.decide(facts, self._rules.completion, now, known_at=known_at):
            case completion.Complete(reason=reason):
                return Advanced(to=SeriesState.COMPLETE, reason=reason, expected_count=expected)
            case completion.LookAgain(at=at):
                return LookAgain(at=max(at, now + LOOK_AGAIN_SECONDS))

    def _released_at(self, claim: SeriesClaim) -> float | None:
        """When the last association ended, if every one of them ended in order."""
        if (
            self._rules.completion.after_release_seconds is None
            or claim.associations_open
            or claim.associations_ended_at is None
        ):
            return None
        outcomes = {row.outcome for row in self._facts.associations_of(claim.id)}
        return claim.associations_ended_at if outcomes == {RELEASED} else None

    def _decide(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        del now
        verdict = policy.decide(self._rules.routes)
        match verdict:
            case policy.Routed():
                return Advanced(
                    to=SeriesState.ROUTED, reason=verdict.route, verdict=policy.to_text(verdict)
                )
            case policy.Held(reason=reason) if not claim.series.released_by:
                return Advanced(to=SeriesState.HELD, reason=reason)
            case policy.Denied(reason=reason) if not claim.series.released_by:
                return Advanced(to=SeriesState.DENIED, reason=reason)
            case policy.Held(reason=reason) | policy.Denied(reason=reason):
                # A person let it go on, but the rules do not say where to.
                return Dead(code="no_route", text=reason)

    def _clean(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        del now
        verdict = policy.from_text(claim.series.verdict)
        record = passthrough(verdict.destinations, self._rules.treatments)
        return Advanced(to=SeriesState.CLEANED, reason="passed as it came", cleaning=record)

    def _package(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        series = claim.series
        instances = self._facts.to_package(series.id)
        if not instances:
            # No move of the tables leads here; waiting for what cannot come would hide it.
            return Dead(code="nothing_to_package", text="all its images are in earlier parcels")
        clean = restored(claim.study, series, instances)
        parcel = package(
            clean,
            Completion(
                reason=series.completion_reason,
                instances=series.instance_count,
                expected=series.expected_count,
            ),
            self._facts.parcels_of(series.id),
        )
        deliveries = [
            NewDelivery(
                destination=name,
                target=SEPARATOR.join(
                    place_series(
                        self._facts, name, parcel.labels,
                        study_id=series.study_id, series_id=series.id, at=now,
                    )
                ),
                prio=series.prio,
            )
            for name, _ in clean.treatments
        ]  # fmt: skip
        made = NewParcel(
            name=parcel.name,
            size=parcel.size,
            digest=parcel.digest(),
            instance_ids=tuple(member.instance.id for member in parcel.members),
            deliveries=tuple(deliveries),
            manifest=parcel.manifest(),
        )
        return Packaged(parcels=(made,))
