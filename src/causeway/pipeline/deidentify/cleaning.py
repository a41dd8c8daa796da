"""The stage: each instance of a routed series is cleaned once for each treatment that it gets.

Outcomes go into the ledger while the work goes on, a chunk at a time and under the claim; so what a
killed worker had done is not done again, and what a late one did is not taken. Nothing is packaged
before every instance has an outcome that somebody has decided about:

- all clean: the series goes on;
- some *held* (their pixels) or in *doubt*: the series waits for a person, for all of its
  destinations, or the rest goes on and these are left out, whichever the configuration says;
- an instance that is left out wherever it would go waits in quarantine, and not in a parcel.

The crosswalk, where there is one, is written before what it tells of is known to be clean, so that
nothing can leave that is not in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, Protocol

from causeway.attributes import Attributes
from causeway.decide.verdict import Routed
from causeway.deidentify.treatment import Treatment
from causeway.ledger import (
    Advanced,
    CleanedRow,
    CleanedState,
    CleanHeadRow,
    HeadRow,
    InstanceRow,
    NewCleaned,
    NewCleanHead,
    NewTreatment,
    ParcelRow,
    SeriesClaim,
    SeriesOutcome,
    SeriesState,
    TreatmentRow,
)
from causeway.pipeline.deidentify.clean import Asked, record_text
from causeway.pipeline.deidentify.naming import CleanNaming, telling
from causeway.pipeline.deidentify.objects import Job, Known, Made, Word, chunks_of
from causeway.pipeline.deidentify.passthrough import passthrough
from causeway.pipeline.deidentify.treating import NONE, Treating, entered
from causeway.pipeline.events import Emit, silent
from causeway.pipeline.leases import Lease, LeaseLost
from causeway.pipeline.points import reach
from causeway.pipeline.whole import goes_whole, standing

CHUNK: Final = 32
"""Instances in one commit: some 50 ms of work, which is lost if the process dies."""

HOLD_CODE: Final = "deidentify"
"""Of a series that waits because of its instances; the ledger ends such a hold once they are
decided about."""

UNDECIDED: Final = (CleanedState.HELD, CleanedState.DOUBT)


class CleaningLedger(Protocol):
    """What the stage asks the ledger."""

    def to_package(self, series_id: int, *, whole: bool = False) -> tuple[InstanceRow, ...]: ...

    def parcels_of(self, series_id: int) -> tuple[ParcelRow, ...]: ...

    def heads_of(self, series_id: int) -> tuple[HeadRow, ...]: ...

    def treatment(self, new: NewTreatment, *, now: float) -> TreatmentRow: ...

    def cleaned_of(
        self, series_id: int, treatment_id: int | None = None
    ) -> tuple[CleanedRow, ...]: ...

    def clean_heads(self, series_id: int, treatment_id: int) -> tuple[CleanHeadRow, ...]: ...

    def enter_cleaned(
        self,
        claim: SeriesClaim,
        treatment_id: int,
        made: Sequence[NewCleaned],
        heads: Sequence[NewCleanHead] = (),
        *,
        now: float,
    ) -> bool: ...

    def forget_undecided(self, claim: SeriesClaim, treatment_ids: Sequence[int]) -> bool: ...

    def leave_out_undecided(
        self, claim: SeriesClaim, treatment_ids: Sequence[int], *, now: float
    ) -> int: ...


class Cleaner(Protocol):
    """Who does the work: this process, or one of its own."""

    def clean(
        self, jobs: Sequence[Job], treatment: Treatment, head: Attributes | None
    ) -> Sequence[Made]:
        """What became of each, in their order."""

    def head(self, job: Job, treatment: Treatment) -> Attributes | None:
        """What the header of an object says once it is clean; None if it may not leave."""


Record = Callable[[str, Iterable[Known]], None]
"""Writes down what pseudonyms of a key (its id) stand for."""


class Cleaning:
    """Cleans series. Pure but for the ledger and whoever does the work."""

    def __init__(
        self,
        ledger: CleaningLedger,
        treating: Treating,
        cleaner: Cleaner,
        naming: CleanNaming,
        *,
        clock: Callable[[], float],
        record: Record | None = None,
        emit: Emit = silent,
    ) -> None:
        self._ledger = ledger
        self._treating = treating
        self._cleaner = cleaner
        self._naming = naming
        self._clock = clock
        self._record = record
        self._emit = emit

    def asked(self, verdict: Routed) -> Mapping[str, str]:
        """What is asked for each destination of a series. Raises ``ConfigurationError``."""
        return self._treating.asked(verdict)

    def run(self, claim: SeriesClaim, verdict: Routed, lease: Lease | None = None) -> SeriesOutcome:
        """Clean what a series needs. Raises ``LeaseLost`` when the claim is void meanwhile."""
        names = self._treating.asked(verdict)
        if all(name == NONE for name in names.values()):
            record = passthrough(verdict.destinations, names)
            return Advanced(to=SeriesState.CLEANED, reason="passed as it came", cleaning=record)
        treatments: dict[str, tuple[Treatment, int]] = {}
        for name in dict.fromkeys(names.values()):
            if name == NONE:
                continue
            treatment = self._treating.treatment(name, verdict)
            if treatment is None:
                return Advanced(
                    to=SeriesState.HELD,
                    code="no_key",
                    reason="there is no key for the project that it goes to; [[project_key]] has "
                    "keys of projects",
                )
            row = self._ledger.treatment(entered(treatment, verdict), now=self._clock())
            treatments[name] = treatment, row.id
        asked = tuple(
            Asked(
                destination=destination,
                name=name,
                treatment_id=None if name == NONE else treatments[name][1],
            )
            for destination, name in names.items()
        )
        return self._cleaned(claim, verdict, asked, list(treatments.values()), lease)

    def _cleaned(
        self,
        claim: SeriesClaim,
        verdict: Routed,
        asked: tuple[Asked, ...],
        treatments: Sequence[tuple[Treatment, int]],
        lease: Lease | None,
    ) -> SeriesOutcome:
        series = claim.series
        chosen = self._to_clean(claim, verdict)
        ids = [treatment_id for _, treatment_id in treatments]
        if not self._ledger.forget_undecided(claim, ids):
            raise LeaseLost
        for treatment, treatment_id in treatments:
            self._clean_all(claim, chosen, treatment, treatment_id, lease)
        rows = self._rows(series.id, ids, chosen)
        waiting = [row for row in rows if row.state in UNDECIDED]
        goes = any(row.state is CleanedState.CLEAN for row in rows)
        if waiting and self._treating.leaves_out and goes:
            self._ledger.leave_out_undecided(claim, ids, now=self._clock())
            rows = self._rows(series.id, ids, chosen)
            waiting = []
        record = record_text(asked)
        if waiting:
            return Advanced(
                to=SeriesState.HELD,
                code=HOLD_CODE,
                reason=_waits_for(waiting, len(chosen)),
                cleaning=record,
            )
        nowhere = _left_out_everywhere(asked, ids, rows)
        has_gone = bool(standing(self._ledger.parcels_of(series.id)))
        if nowhere and len(nowhere) == len(chosen) and not has_gone:
            return Advanced(
                to=SeriesState.DENIED,
                code="left_out",
                reason="all its images are left out of what is de-identified",
                left_out=nowhere,
            )
        for treatment, treatment_id in treatments:
            mine = [row for row in rows if row.treatment_id == treatment_id]
            self._see_to_head(claim, treatment, treatment_id, chosen, mine)
            if telling := self._telling(claim, verdict, treatment, mine):
                return Advanced(
                    to=SeriesState.HELD,
                    code="names",
                    reason=f"{', '.join(telling)} would still name the patient after "
                    f"{treatment.plan.name}; correct the mapping that fills it, or reroute the "
                    "series with a routing string that says it",
                    cleaning=record,
                )
        clean = sum(row.state is CleanedState.CLEAN for row in rows)
        names = ", ".join(dict.fromkeys(each.name for each in asked))
        return Advanced(
            to=SeriesState.CLEANED,
            reason=f"{names}: {clean} clean of {len(rows)}",
            cleaning=record,
            left_out=nowhere,
        )

    def _to_clean(self, claim: SeriesClaim, verdict: Routed) -> tuple[InstanceRow, ...]:
        """What the next parcels will hold: what is in none yet, or all of the series."""
        series = claim.series
        live = self._ledger.to_package(series.id, whole=True)
        if goes_whole(series, verdict, live, self._ledger.parcels_of(series.id)):
            return tuple(row for row in live if row.bytes_gone_at is None)
        return self._ledger.to_package(series.id)

    def _rows(
        self, series_id: int, ids: Sequence[int], chosen: Sequence[InstanceRow]
    ) -> list[CleanedRow]:
        wanted = {row.id for row in chosen}
        return [
            row
            for row in self._ledger.cleaned_of(series_id)
            if row.treatment_id in ids and row.instance_id in wanted
        ]

    def _clean_all(
        self,
        claim: SeriesClaim,
        chosen: Sequence[InstanceRow],
        treatment: Treatment,
        treatment_id: int,
        lease: Lease | None,
    ) -> None:
        known = {row.instance_id: row for row in self._ledger.cleaned_of(claim.id, treatment_id)}
        jobs = [
            Job(instance=instance, word=Word.of(known.get(instance.id)))
            for instance in chosen
            if instance.id not in known or known[instance.id].state is CleanedState.RELEASED
        ]
        heads = self._ledger.heads_of(claim.id)
        newest = heads[-1] if heads else None
        known_heads = {row.digest for row in self._ledger.clean_heads(claim.id, treatment_id)}
        if newest is not None and newest.digest in known_heads:
            newest = None
        for chunk in chunks_of(jobs, CHUNK):
            if lease is not None:
                lease.check()
            made = self._cleaner.clean(chunk, treatment, newest.attributes if newest else None)
            if self._record is not None:
                self._record(treatment.key.id, [each for one in made for each in one.known])
            reach("clean.before-enter")
            clean_heads = [
                head
                for one in made
                if newest is not None and (head := one.clean_head(newest.digest)) is not None
            ]
            taken = self._ledger.enter_cleaned(
                claim, treatment_id, [one.cleaned for one in made], clean_heads[:1],
                now=self._clock(),
            )  # fmt: skip
            reach("clean.entered")
            if not taken:
                raise LeaseLost
            if clean_heads:
                newest = None
            self._tell(claim, treatment, made)

    def _tell(self, claim: SeriesClaim, treatment: Treatment, made: Sequence[Made]) -> None:
        for one in made:
            if one.cleaned.state in UNDECIDED:
                self._emit(
                    "instance.kept_back", level="warning", instance=one.cleaned.instance_id,
                    series=claim.id, study=claim.study.id, code=one.cleaned.code,
                    profile=treatment.plan.name,
                )  # fmt: skip

    def _see_to_head(
        self,
        claim: SeriesClaim,
        treatment: Treatment,
        treatment_id: int,
        chosen: Sequence[InstanceRow],
        rows: Sequence[CleanedRow],
    ) -> None:
        """That there is a clean header to name the series by.

        The newest one decides. The object that it came with may be held, or gone with an earlier
        parcel; then it is the first one's that is clean.
        """
        heads = self._ledger.heads_of(claim.id)
        wanted = heads[-1].digest if heads else b""
        there = {row.digest for row in self._ledger.clean_heads(claim.id, treatment_id)}
        if wanted in there:
            return
        clean = {row.instance_id: row for row in rows if row.state is CleanedState.CLEAN}
        for instance in chosen:
            if instance.id not in clean:
                continue
            job = Job(instance=instance, word=Word.of(clean[instance.id]))
            attributes = self._cleaner.head(job, treatment)
            if attributes is None:
                continue
            head = NewCleanHead(digest=wanted, attributes=attributes)
            if not self._ledger.enter_cleaned(claim, treatment_id, (), [head], now=self._clock()):
                raise LeaseLost
            return

    def _telling(
        self,
        claim: SeriesClaim,
        verdict: Routed,
        treatment: Treatment,
        rows: Sequence[CleanedRow],
    ) -> tuple[str, ...]:
        """Fields of the hierarchy that would give somebody away, clean as the objects are.

        Where a person has said of what was found in the objects that it names nobody, the same
        words may stand in labels.
        """
        clean = [row for row in rows if row.state is CleanedState.CLEAN]
        heads = self._ledger.heads_of(claim.id)
        if not clean or not heads or any(row.excused for row in clean):
            return ()
        first = clean[0]
        known = {
            row.digest: row.attributes
            for row in self._ledger.clean_heads(claim.id, first.treatment_id)
        }
        fields = self._naming.fields(
            claim.series,
            verdict.fields,
            heads[-1].attributes,
            known[heads[-1].digest],
            study_instance_uid=first.study_instance_uid,
            series_instance_uid=first.series_instance_uid,
        )
        return telling(
            fields, verdict.fields, heads[-1].attributes, treatment.plan, subject=first.subject
        )


def _waits_for(waiting: Sequence[CleanedRow], number: int) -> str:
    """Why a series waits, with codes and counts and nothing of a patient."""
    codes = Counter(row.code for row in waiting)
    told = ", ".join(f"{code} ({count})" for code, count in sorted(codes.items()))
    images = len({row.instance_id for row in waiting})
    return (
        f"{images} of {number} images may not leave de-identified yet: {told}; "
        "`causeway quarantine list` shows them"
    )


def _left_out_everywhere(
    asked: Sequence[Asked], ids: Sequence[int], rows: Sequence[CleanedRow]
) -> tuple[int, ...]:
    """Instances that go to none of the destinations."""
    if any(each.treatment_id is None for each in asked):
        return ()
    left_out: Mapping[int, int] = Counter(
        row.instance_id for row in rows if row.state is CleanedState.LEFT_OUT
    )
    return tuple(sorted(key for key, count in left_out.items() if count == len(set(ids))))
