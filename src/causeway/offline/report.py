"""What a run has done, as JSON and to read: the reports of its studies, and what was left out.

It goes with the data, so it has nothing of the original: files that were not written are named by
their place, and their reasons name tags.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from causeway.deidentify.proof import Maps, Proof, StudyReport
from causeway.deidentify.treatment import Treatment
from causeway.offline.outcome import Entry, Fate, Outcome

FORMAT: Final = 1
JSON_NAME: Final = "report.json"
TEXT_NAME: Final = "report.txt"


@dataclass(slots=True, kw_only=True)
class RunReport:
    """Grows by outcomes; then entries of the journal make it whole."""

    treatment: Treatment = field(repr=False)
    with_maps: bool = False
    fates: Counter[Fate] = field(default_factory=Counter)
    left: list[Outcome] = field(default_factory=list)
    """What is not in the output, in the order of places once it is told."""
    maps: Maps = field(default_factory=Maps)
    written_bytes: int = 0

    def add(self, outcome: Outcome) -> None:
        self.fates[outcome.fate] += 1
        if outcome.fate is Fate.WRITTEN and outcome.entry is not None:
            self.written_bytes += outcome.entry.size
        if not outcome.fate.is_there:
            self.left.append(outcome)
        if self.with_maps and outcome.fate.is_there:
            self.maps.add(outcome.uids, patient_id=outcome.patient_id, subject=outcome.subject)

    @property
    def missing(self) -> int:
        """Objects that should be in the output and are not."""
        return sum(count for fate, count in self.fates.items() if fate.is_missing)

    @property
    def objects(self) -> int:
        return self.missing + sum(self.fates[fate] for fate in Fate if fate.is_there)

    def in_order(self) -> list[Outcome]:
        """What was left out, by place."""
        return sorted(self.left, key=lambda each: each.item.place)

    def studies(self, entries: Iterable[Entry]) -> list[StudyReport]:
        """A report for each study: of all that stands in the output, and of what was left out of it
        in this run.
        """
        found: dict[tuple[str, str], StudyReport] = {}

        def report(study: str, subject: str) -> StudyReport:
            made = found.get((study, subject))
            if made is None:
                made = found[study, subject] = StudyReport(
                    plan=self.treatment.plan,
                    key_id=self.treatment.key.id,
                    study=study,
                    subject=subject,
                )
            return made

        for entry in entries:
            proof = Proof(
                tokens=entry.tokens,
                uids=entry.uids,
                searched_bytes=entry.searched_bytes,
                pixel_bytes=entry.pixel_bytes,
            )
            report(entry.study, entry.subject).add_cleaned(entry.rules, proof, pixels=entry.pixels)
        for each in self.left:
            if not each.study:
                continue
            if each.fate is Fate.HELD:
                report(each.study, each.subject).add_held(each.reason)
            elif each.fate in (Fate.IN_DOUBT, Fate.CONFLICT):
                report(each.study, each.subject).add_quarantined(each.code, each.reason)
        return [found[key] for key in sorted(found)]

    def document(self, studies: Sequence[StudyReport]) -> dict[str, Any]:
        """As documented in docs/reference/deidentification-run.md."""
        plan, pixels = self.treatment.plan, self.treatment.recipe.pixels
        return {
            "format": FORMAT,
            "profile": plan.name,
            "profile_digest": plan.digest,
            "pixel_rules_digest": pixels.digest,
            "treatment_digest": self.treatment.digest,
            "key_id": self.treatment.key.id,
            "files": {fate.value.replace(" ", "_"): self.fates[fate] for fate in Fate},
            "studies": [study.fields() for study in studies],
            "left": [
                {
                    "place": str(each.item.place),
                    "fate": each.fate.value,
                    "code": each.code,
                    "reason": each.reason,
                    "study": each.study,
                }
                for each in self.in_order()
            ],
        }

    def json(self, studies: Sequence[StudyReport]) -> str:
        return json.dumps(self.document(studies), indent=2, ensure_ascii=False) + "\n"

    def text(self, studies: Sequence[StudyReport]) -> str:
        """For reading."""
        plan = self.treatment.plan
        lines = [
            "De-identification of files",
            "",
            f"Profile      {plan.name}, digest {plan.digest[:12]}, PS3.15 {plan.edition}",
            f"Key          {self.treatment.key.id}",
            "",
            *(
                f"{fate.value[0].upper() + fate.value[1:]:<13}{self.fates[fate]:>9,}"
                for fate in Fate
                if self.fates[fate]
            ),
        ]
        for fate in Fate:
            of_it = [each for each in self.in_order() if each.fate is fate]
            if of_it:
                lines += ["", f"{fate.value[0].upper() + fate.value[1:]}, by input/file"]
                lines += [f"  {each.item.place!s:<12}{each.reason}" for each in of_it]
        for study in studies:
            lines += ["", "-" * 72, "", study.text().rstrip("\n")]
        return "\n".join(lines) + "\n"


def places(outcomes: Iterable[Outcome]) -> str:
    """CSV that says which file each place is. Names of files may be names of patients."""
    import csv
    import io

    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("place", "file", "fate", "code", "reason"))
    for each in sorted(outcomes, key=lambda one: one.item.place):
        writer.writerow((each.item.place, each.item.name, each.fate.value, each.code, each.reason))
    return file.getvalue()
