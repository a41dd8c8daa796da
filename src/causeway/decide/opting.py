"""Opt-in and opt-out: whether a series is taken at all.

Each condition looks for a regular expression in one attribute, in any case. With opt-in, a series
is taken if one of its conditions holds; with opt-out, it is skipped if one holds; with both,
opt-out has the last word. An attribute that is missing and one that is empty are two cases, and
each has its own answer: a node may leave an attribute out of its reply to a query that the images
do have, while an empty one was left empty by somebody.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from causeway.attributes import Attributes, name_of
from causeway.decide.bounded import Bounded


class Answer(enum.StrEnum):
    """What a condition says of a series."""

    SKIP = "skip"
    TAKE = "take"


class Case(enum.StrEnum):
    """How an attribute stands to an expression."""

    MISSING = "is missing"
    EMPTY = "is empty"
    FOUND = "matches"
    DIFFERENT = "does not match"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptCondition:
    """A question to one attribute."""

    tag: int
    expression: Bounded
    """Looked for anywhere in the value; compiled to ignore case."""
    missing: Answer
    empty: Answer

    def case(self, attributes: Attributes) -> Case:
        text = attributes.text(self.tag)
        if text is None:
            return Case.MISSING
        if not text.strip(" \\\t\r\n\0"):
            return Case.EMPTY
        return Case.DIFFERENT if self.expression.search(text) is None else Case.FOUND

    def answer(self, case: Case, *, found: Answer) -> Answer:
        """What it says; ``found`` is what finding the expression means."""
        match case:
            case Case.MISSING:
                return self.missing
            case Case.EMPTY:
                return self.empty
            case Case.FOUND:
                return found
            case Case.DIFFERENT:
                return Answer.SKIP if found is Answer.TAKE else Answer.TAKE

    def told(self, case: Case) -> str:
        """In words; without the value, which may be anything about the patient."""
        if case in (Case.MISSING, Case.EMPTY):
            return f"{name_of(self.tag)} {case}"
        return f'{name_of(self.tag)} {case} "{self.expression.pattern}"'


@dataclass(frozen=True, slots=True, kw_only=True)
class OptRules:
    """Of a source. Without conditions, everything is taken."""

    opt_in: tuple[OptCondition, ...] = ()
    opt_out: tuple[OptCondition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OptDecision:
    """Whether a series is taken, and why."""

    wanted: bool
    code: str
    """``opt_in`` or ``opt_out``, which of the two decided; empty where nothing was asked."""
    reason: str
    """As a sentence, without patient data."""
    where: str
    """The attribute that decided; empty if there is none, or several did."""


def opt(attributes: Attributes, rules: OptRules) -> OptDecision:
    """What the header says. Never raises."""
    for condition in rules.opt_out:
        case = condition.case(attributes)
        if condition.answer(case, found=Answer.SKIP) is Answer.SKIP:
            return _decided(condition, case, wanted=False, code="opt_out")
    if rules.opt_in:
        cases = [(condition, condition.case(attributes)) for condition in rules.opt_in]
        for condition, case in cases:
            if condition.answer(case, found=Answer.TAKE) is Answer.TAKE:
                return _decided(condition, case, wanted=True, code="opt_in")
        told = ", ".join(condition.told(case) for condition, case in cases)
        return OptDecision(
            wanted=False,
            code="opt_in",
            reason=f"nothing opts it in: {told}",
            where=name_of(rules.opt_in[0].tag) if len(rules.opt_in) == 1 else "",
        )
    if rules.opt_out:
        return OptDecision(wanted=True, code="opt_out", reason="nothing opts it out", where="")
    return OptDecision(wanted=True, code="", reason="no opt-in or opt-out is set", where="")


def _decided(condition: OptCondition, case: Case, *, wanted: bool, code: str) -> OptDecision:
    how = "in" if code == "opt_in" else "out"
    return OptDecision(
        wanted=wanted,
        code=code,
        reason=f"opted {how}: {condition.told(case)}",
        where=name_of(condition.tag),
    )
