"""Opt-in and opt-out: each case of each condition, and which of the two has the last word."""

from __future__ import annotations

from itertools import product

import pytest

from causeway.attributes import Attributes, tag_of
from causeway.decide.bounded import compile_bounded
from causeway.decide.opting import Answer, OptCondition, OptDecision, OptRules, opt

COMMENTS = tag_of("PatientComments")
STUDY_COMMENTS = tag_of("StudyComments")
SKIP, TAKE = Answer.SKIP, Answer.TAKE


def asks(
    expression: str, *, missing: Answer = SKIP, empty: Answer = SKIP, tag: int = COMMENTS
) -> OptCondition:
    return OptCondition(
        tag=tag,
        expression=compile_bounded(expression, ignore_case=True),
        missing=missing,
        empty=empty,
    )


def comments(*values: str | None) -> Attributes:
    """A header with these comments; None for one without the attribute."""
    if values == (None,):
        return Attributes(values={})
    return Attributes(values={COMMENTS: tuple(value for value in values if value is not None)})


IN = OptRules(opt_in=(asks("UPLOAD|FW-YES"),))
OUT = OptRules(opt_out=(asks("NOFW", missing=TAKE, empty=TAKE),))


@pytest.mark.parametrize(
    ("text", "taken_in", "taken_out"),
    [
        ("UPLOAD", True, True),
        ("please upload this", True, True),
        ("fw-yes", True, True),
        ("NOFW", False, False),
        ("contrast, nofw!", False, False),
        ("NOFW UPLOAD", True, False),
        ("contrast given", False, True),
        ("", False, True),
        ("   ", False, True),
        (None, False, True),
    ],
)
def test_as_the_reference_says(text: str | None, taken_in: bool, taken_out: bool):
    assert opt(comments(text), IN).wanted is taken_in
    assert opt(comments(text), OUT).wanted is taken_out


def test_without_rules_everything_is_taken():
    decision = opt(comments(None), OptRules())
    assert decision == OptDecision(
        wanted=True, code="", reason="no opt-in or opt-out is set", where=""
    )


@pytest.mark.parametrize(("missing", "empty"), list(product(Answer, Answer)))
def test_missing_and_empty_are_answered_apart(missing: Answer, empty: Answer):
    condition = asks("X", missing=missing, empty=empty)
    for rules in (OptRules(opt_in=(condition,)), OptRules(opt_out=(condition,))):
        assert opt(comments(None), rules).wanted is (missing is TAKE)
        for nothing in ((), ("",), ("  ",), ("", "")):
            assert opt(comments(*nothing), rules).wanted is (empty is TAKE)


def test_any_of_several_conditions_suffices():
    both = (asks("UPLOAD"), asks("UPLOAD", tag=STUDY_COMMENTS))
    here = Attributes(values={STUDY_COMMENTS: ("upload",)})
    assert opt(here, OptRules(opt_in=both)).wanted
    assert opt(here, OptRules(opt_in=both)).where == "StudyComments"
    out = tuple(asks("UPLOAD", missing=TAKE, tag=tag) for tag in (COMMENTS, STUDY_COMMENTS))
    assert not opt(here, OptRules(opt_out=out)).wanted


def test_opt_out_has_the_last_word():
    rules = OptRules(opt_in=IN.opt_in, opt_out=OUT.opt_out)
    assert opt(comments("upload"), rules).wanted
    decision = opt(comments("upload, but nofw"), rules)
    assert (decision.wanted, decision.code) == (False, "opt_out")


@pytest.mark.parametrize(
    ("rules", "text", "code", "reason", "where"),
    [
        (IN, "upload", "opt_in", 'opted in: PatientComments matches "UPLOAD|FW-YES"', None),
        (
            IN,
            "Jane Doe",
            "opt_in",
            'nothing opts it in: PatientComments does not match "UPLOAD|FW-YES"',
            None,
        ),
        (IN, None, "opt_in", "nothing opts it in: PatientComments is missing", None),
        (IN, "", "opt_in", "nothing opts it in: PatientComments is empty", None),
        (OUT, "nofw", "opt_out", 'opted out: PatientComments matches "NOFW"', None),
        (OUT, "Jane Doe", "opt_out", "nothing opts it out", ""),
        (
            OptRules(opt_in=(asks("YES"), asks("B", tag=STUDY_COMMENTS))),
            "Jane Doe",
            "opt_in",
            'nothing opts it in: PatientComments does not match "YES", StudyComments is missing',
            "",
        ),
    ],
)
def test_the_reason_names_attributes_and_no_values(
    rules: OptRules, text: str | None, code: str, reason: str, where: str | None
):
    decision = opt(comments(text), rules)
    assert (decision.code, decision.reason) == (code, reason)
    assert decision.where == ("PatientComments" if where is None else where)


def test_the_case_of_an_expression_is_kept():
    r"""Put in lower case, classes such as ``\D`` would lose their meaning."""
    rules = OptRules(opt_in=(asks(r"^FW\D+$"),))
    assert opt(comments("fw-yes"), rules).wanted
    assert not opt(comments("fw-1"), rules).wanted


def test_several_values_are_one_text():
    assert opt(comments("a", "upload"), IN).wanted
