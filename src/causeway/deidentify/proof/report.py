"""What was done to a study, for the file of whoever is answerable for it.

A report says by which profile, options and key; how many attributes by which action and rule; what
was held or quarantined and why; and how much was searched for what. Not a word of it is of the
patient: study and subject bear their new names. The maps from old to new are made only on
request, apart from the report, and are as confidential as the originals.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from causeway.deidentify.plan import Code, Temporal
from causeway.deidentify.proof.proof import Proof

FORMAT: Final = 1
NOTHING_YET: Final = "(nothing of it is clean yet)"
"""Of the JSON report; a field that goes or changes its meaning raises it."""


class Described(Protocol):
    """What a report tells of a profile; a ``Plan`` is one."""

    @property
    def name(self) -> str: ...

    @property
    def digest(self) -> str: ...

    @property
    def edition(self) -> str: ...

    @property
    def codes(self) -> tuple[Code, ...]: ...

    @property
    def temporal(self) -> Temporal: ...

    @property
    def is_conformant(self) -> bool: ...


@dataclass(slots=True, kw_only=True)
class StudyReport:
    """Grows by what becomes of each instance; then ``json`` or ``text``.

    Equal instances in another order give the same report, byte by byte.
    """

    plan: Described
    key_id: str
    study: str
    """Its new Study Instance UID."""
    subject: str
    """The patient's pseudonym."""
    at: str = ""
    """When, ISO 8601; empty for a report that shall be the same tomorrow."""
    cleaned: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    """Attributes by action and origin of the rule, ``X Basic Profile``."""
    pixels: Counter[str] = field(default_factory=Counter)
    """Instances by what was decided of their pictures."""
    held: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[tuple[str, str]] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    tokens: int = 0
    uids: int = 0
    searched_bytes: int = 0
    pixel_bytes: int = 0

    def add_cleaned(self, counts: Mapping[str, int], proof: Proof, *, pixels: str = "") -> None:
        """An instance that leaves. ``counts`` as ``Cleaned`` has them; ``pixels`` in a few words,
        ``kept`` or the name of the rule by which regions were blanked.
        """
        self.cleaned += 1
        self.rules.update(counts)
        if pixels:
            self.pixels[pixels] += 1
        self.tokens += proof.tokens
        self.uids += proof.uids
        self.searched_bytes += proof.searched_bytes
        self.pixel_bytes += proof.pixel_bytes

    def add_held(self, reason: str) -> None:
        """An instance that waits for a person."""
        self.held[reason] += 1

    def add_quarantined(self, code: str, reason: str) -> None:
        """An instance of which it could not be said that it is clean: a ``Doubt``'s code and
        message.
        """
        self.quarantined[code, reason] += 1

    def add_left_out(self, reason: str) -> None:
        """An instance that is not sent, as a person or the configuration wants it."""
        self.left_out[reason] += 1

    def fields(self) -> dict[str, Any]:
        """The report as documented in docs/reference/deidentification-report.md."""
        by_action: Counter[str] = Counter()
        for rule, count in self.rules.items():
            by_action[rule.partition(" ")[0]] += count
        plan = self.plan
        made: dict[str, Any] = {
            "format": FORMAT,
            "study": self.study,
            "subject": self.subject,
            "profile": {
                "name": plan.name,
                "digest": plan.digest,
                "edition": plan.edition,
                "is_conformant": plan.is_conformant,
                "codes": [{"value": code.value, "meaning": code.meaning} for code in plan.codes],
                "temporal": plan.temporal.value,
            },
            "key_id": self.key_id,
            "instances": {
                "cleaned": self.cleaned,
                "held": self.held.total(),
                "quarantined": self.quarantined.total(),
            },
            "attributes": {
                "by_action": dict(sorted(by_action.items())),
                "by_rule": dict(sorted(self.rules.items())),
            },
            "pixels": dict(sorted(self.pixels.items())),
            "held": [
                {"reason": reason, "instances": count}
                for reason, count in sorted(self.held.items())
            ],
            "quarantined": [
                {"code": code, "reason": reason, "instances": count}
                for (code, reason), count in sorted(self.quarantined.items())
            ],
            "proof": {
                "tokens": self.tokens,
                "uids": self.uids,
                "searched_bytes": self.searched_bytes,
                "pixel_bytes": self.pixel_bytes,
            },
        }
        if self.left_out:
            made["instances"]["left_out"] = self.left_out.total()
            made["left_out"] = [
                {"reason": reason, "instances": count}
                for reason, count in sorted(self.left_out.items())
            ]
        if self.at:
            made["at"] = self.at
        return made

    def json(self) -> str:
        return json.dumps(self.fields(), indent=2, ensure_ascii=False) + "\n"

    def text(self) -> str:
        """For reading."""
        plan = self.plan
        lines = [
            f"De-identification of study {self.study or NOTHING_YET}",
            "",
            f"Subject      {self.subject or NOTHING_YET}",
            f"Profile      {plan.name}, digest {plan.digest[:12]}, {plan.edition}",
            f"Conformance  {_conformance(plan)}",
            f"Dates        {plan.temporal.value}",
            f"Key          {self.key_id}",
        ]
        if self.at:
            lines.append(f"At           {self.at}")
        lines += [f"Options      {code.value} {code.meaning}" for code in plan.codes[:1]]
        lines += [f"             {code.value} {code.meaning}" for code in plan.codes[1:]]
        lines += [
            "",
            f"Cleaned      {self.cleaned} instances",
            f"Held         {self.held.total()}",
            f"Quarantined  {self.quarantined.total()}",
            *([f"Left out     {self.left_out.total()}"] if self.left_out else []),
            f"Searched     {self.searched_bytes:,} bytes",
            f"For          {self.tokens:,} names, identifiers and dates, {self.uids:,} UIDs",
            f"Not searched {self.pixel_bytes:,} bytes of pixels",
        ]
        for title, rows in (
            ("Attributes by rule", [(count, rule) for rule, count in self.rules.items()]),
            ("Pixels", [(count, what) for what, count in self.pixels.items()]),
            ("Held", [(count, reason) for reason, count in self.held.items()]),
            ("Quarantined", [(n, f"{code}: {why}") for (code, why), n in self.quarantined.items()]),
            ("Left out", [(count, reason) for reason, count in self.left_out.items()]),
        ):
            if rows:
                lines += ["", title]
                lines += [
                    f"{n:>9,}  {what}" for n, what in sorted(rows, key=lambda r: (-r[0], r[1]))
                ]
        return "\n".join(lines) + "\n"


def _conformance(plan: Described) -> str:
    if plan.is_conformant:
        return "at least the Basic Profile with the options below"
    return "does less than the Basic Profile: not conformant"


@dataclass(slots=True, kw_only=True)
class Maps:
    """Who was who and which UID was which. Only on request: it undoes the de-identification."""

    uids: dict[str, str] = field(default_factory=dict, repr=False)
    patients: dict[str, str] = field(default_factory=dict, repr=False)

    def add(self, uids: Mapping[str, str], *, patient_id: str, subject: str) -> None:
        """The replaced UIDs of an instance (``Cleaned.uids``), and its patient."""
        self.uids.update(uids)
        self.patients[patient_id.strip()] = subject

    def uid_map(self) -> str:
        """CSV with the columns ``id_old,id_new``, as the scoring of MIDI-B reads it."""
        return _csv(self.uids)

    def patient_map(self) -> str:
        """CSV with the columns ``id_old,id_new``."""
        return _csv(self.patients)


def _csv(rows: Mapping[str, str]) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(("id_old", "id_new"))
    writer.writerows(sorted(rows.items()))
    return file.getvalue()
