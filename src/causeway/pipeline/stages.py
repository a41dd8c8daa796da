"""The stages of a series: completion, decision, de-identification, packaging.

Each is a function of a claim and gives the outcome that the ledger turns into the next state. None
of them knows threads, leases or logs; that is the runner's. None needs the bytes of an instance: a
parcel is a recipe, so what packaging costs is rows (0.2 s for 2,000 images), whatever their size.

When a stage may begin is a stage's matter as well: a decision waits for the acquisition delay, and
a series whose route wants its study whole waits for the others, once it is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from causeway.decide.verdict import (
    Denied,
    Held,
    Late,
    Routed,
    Unit,
    Verdict,
    from_text,
    to_text,
)
from causeway.ledger import (
    Acquisition,
    Advanced,
    AssociationRow,
    Dead,
    LookAgain,
    SeriesClaim,
    SeriesOutcome,
    SeriesState,
    Wait,
)
from causeway.ledger.states import ARRIVING
from causeway.pipeline import completion, making, packaging
from causeway.pipeline.deidentify import passthrough
from causeway.pipeline.deidentify.cleaning import Cleaning
from causeway.pipeline.deidentify.treating import NONE
from causeway.pipeline.grouping import Grouping
from causeway.pipeline.hours import Hours
from causeway.pipeline.index import RELEASED
from causeway.pipeline.leases import Lease
from causeway.pipeline.whole import standing

BATCH_SECONDS: Final = 0.2
"""Soonest second look at a series that is sent on as it comes, while its last parcel waits; it is
looked at sooner when that is taken up."""
LOOK_AGAIN_SECONDS: Final = 0.1
"""Soonest second look at a series whose time has come while indexing lags behind."""
STUDY_LOOK_SECONDS: Final = 60.0
"""Latest second look at a study that is not whole yet; a person may have let go of a series."""

SENT_ON: Final = "sent on as it came"
WAITS_FOR_DELAY: Final = "acquisition delay"
WAITS_FOR_STUDY: Final = "the rest of its study, which goes whole"

Decide = Callable[[SeriesClaim, float], Verdict]
"""What the rules, and what people have said, make of a series at a time."""


class Facts(making.Facts, Protocol):
    """What stages ask the ledger."""

    def acquisitions(self, series_id: int) -> tuple[Acquisition, ...]: ...

    def associations_of(self, series_id: int) -> tuple[AssociationRow, ...]: ...

    def due_destinations(self, series_id: int) -> frozenset[str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRules:
    """The configuration, as far as it concerns stages."""

    completion: completion.CompletionRules
    decide: Decide
    grouping: Grouping
    naming: making.Naming | None = None
    """What is called how where it goes de-identified."""
    acquisition_delay_seconds: float = 0.0
    """Between completion and decision, for corrections at the scanner."""
    study_quiet_seconds: float = 300.0
    """Without an image of it, a study is whole."""
    hours: Mapping[str, Hours] = field(default_factory=dict)
    """Of destinations that have them."""
    at_once: bool = False
    """Whether some routes send images on as they come."""


class Stages:
    """All four, with what they need."""

    def __init__(
        self,
        facts: Facts,
        rules: StageRules,
        cleaning: Cleaning,
        *,
        indexed_until: Callable[[], float] | None = None,
    ) -> None:
        self._facts = facts
        self._rules = rules
        self._cleaning = cleaning
        self._indexed_until = indexed_until
        self._packaging = packaging.Packaging(facts, rules.grouping, rules.hours, rules.naming)
        self._by_state: Mapping[SeriesState, Callable[[SeriesClaim, float], SeriesOutcome]] = {
            SeriesState.OPEN: self._complete,
            SeriesState.REOPENED: self._complete,
            SeriesState.COMPLETE: self._decide,
            SeriesState.CLEANED: self._package,
        }

    @property
    def states(self) -> tuple[SeriesState, ...]:
        return (*self._by_state, SeriesState.ROUTED)

    def run(self, claim: SeriesClaim, now: float, lease: Lease | None = None) -> SeriesOutcome:
        """The outcome of the stage that the claim's state asks for.

        ``lease`` is looked at now and then by a stage that takes long, which raises ``LeaseLost``.
        """
        if claim.series.state is SeriesState.ROUTED:
            return self._clean(claim, now, lease)
        return self._by_state[claim.series.state](claim, now)

    def _send_on(self, claim: SeriesClaim, now: float) -> SeriesOutcome | None:
        """All stages at once, of what is there, if its route sends images on as they come.

        Another parcel is made as soon as somebody can take it up: while one waits for every
        destination, what comes is for the next. So a slow destination gets few large parcels and a
        quick one many small ones, and one that is dead keeps none of the others waiting.
        """
        verdict = self._rules.decide(claim, now)
        if not isinstance(verdict, Routed) or verdict.unit is not Unit.ARRIVAL:
            return None
        asked = self._cleaning.asked(verdict)
        if any(name != NONE for name in asked.values()):
            return None  # de-identifying takes a whole series
        if self._facts.due_destinations(claim.id).issuperset(verdict.destinations):
            return LookAgain(at=now + BATCH_SECONDS)
        series = replace(
            claim.series,
            state=SeriesState.CLEANED,
            verdict=to_text(verdict),
            cleaning=passthrough(verdict.destinations, asked),
            completion_reason=SENT_ON,
            prio=verdict.prio,
        )
        return self._packaging.so_far(replace(claim, series=series), verdict, now)

    def _complete(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        if self._rules.at_once and (sent_on := self._send_on(claim, now)) is not None:
            return sent_on
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
            awaited=claim.awaited,
            retrieved=claim.retrieved_count,
        )
        rules = self._rules.completion.of(series.source)
        match completion.decide(facts, rules, now, known_at=self._known_at(now)):
            case completion.Complete(reason=reason):
                delay = self._rules.acquisition_delay_seconds
                return Advanced(
                    to=SeriesState.COMPLETE,
                    reason=reason,
                    expected_count=expected,
                    due_at=now + delay if delay else None,
                    waits_for=WAITS_FOR_DELAY if delay else "",
                )
            case completion.LookAgain(at=at):
                return LookAgain(at=max(at, now + LOOK_AGAIN_SECONDS))

    def _known_at(self, now: float) -> float:
        """Up to when all that arrived is known."""
        return now if self._indexed_until is None else self._indexed_until()

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
        series = claim.series
        verdict = self._rules.decide(claim, now)
        match verdict:
            case Routed():
                held = self._held_as_late(claim, verdict)
                return held or Advanced(
                    to=SeriesState.ROUTED,
                    reason=", ".join(verdict.routes),
                    verdict=to_text(verdict),
                    prio=verdict.prio,
                )
            case Held(code=code, reason=reason) if not series.released_by:
                return Advanced(to=SeriesState.HELD, code=code, reason=reason)
            case Denied(code=code, reason=reason) if not series.released_by:
                return Advanced(to=SeriesState.DENIED, code=code, reason=reason)
            case Held(code=code, reason=reason) | Denied(code=code, reason=reason):
                # A person let it go on, but the rules do not say where to.
                return Dead(code=code, text=reason)

    def _held_as_late(self, claim: SeriesClaim, verdict: Routed) -> Advanced | None:
        """What has come after its series was packaged, and does not go by itself.

        What a person has let go goes; where it cannot go whole, as an amendment.
        """
        series = claim.series
        if series.whole or series.released_generation == series.generation:
            return None
        if verdict.late is Late.AMEND or not standing(self._facts.parcels_of(series.id)):
            return None
        if verdict.late is Late.HOLD:
            return Advanced(
                to=SeriesState.HELD, code="late", reason="images came after it was packaged"
            )
        live = self._facts.to_package(series.id, whole=True)
        gone = sum(row.bytes_gone_at is not None for row in live)
        if not gone:
            return None
        return Advanced(
            to=SeriesState.HELD,
            code="bytes_gone",
            reason=f"images came late, and it cannot go again whole: the bytes of {gone} are gone; "
            "released, what came late goes by itself",
        )

    def _clean(self, claim: SeriesClaim, now: float, lease: Lease | None) -> SeriesOutcome:
        verdict = from_text(claim.series.verdict)
        if verdict.unit is Unit.STUDY and (wait := self._until_whole(claim, now)) is not None:
            return wait
        return self._cleaning.run(claim, verdict, lease)

    def _until_whole(self, claim: SeriesClaim, now: float) -> Wait | None:
        """None if no series of the study is arriving, and it has been quiet for long enough.

        A series that a person holds, or that failed, is not waited for.
        """
        quiet = self._rules.study_quiet_seconds
        last_at = claim.study.last_at
        arriving = [
            row.due_at for row in self._facts.series_of(claim.study.id) if row.state in ARRIVING
        ]
        if arriving:
            at = min(arriving)
        elif last_at > now + quiet or self._known_at(now) >= last_at + quiet:
            return None  # the first: stamped before the clock was set back, as in completion
        else:
            at = last_at + quiet
        until = min(max(at, now + LOOK_AGAIN_SECONDS), now + STUDY_LOOK_SECONDS)
        return Wait(until=until, why=WAITS_FOR_STUDY)

    def _package(self, claim: SeriesClaim, now: float) -> SeriesOutcome:
        return self._packaging.run(claim, from_text(claim.series.verdict), now)
