"""Routing strings, row by row of the tables that describe them, and what is told of failures.

Where the result differs from that of the systems described, the row says it as ``there``.
"""

from __future__ import annotations

import pytest

from causeway.decide.routing import (
    LEVELS,
    Prefix,
    Routing,
    RoutingForm,
    Unparsed,
    canonical,
    find,
    parse,
)

OPTIONAL = RoutingForm()
REQUIRED = RoutingForm(prefix=Prefix.REQUIRED)
LEGACY = RoutingForm(legacy=True)


def place(found: Routing | Unparsed | None) -> str | None:
    """``g/p/s``; None for what is no place."""
    if not isinstance(found, Routing):
        return None
    return "/".join(getattr(found, level) for level in LEVELS).rstrip("/")


def alone(text: str | None, form: RoutingForm, study_id: str = "1234") -> Routing | Unparsed | None:
    return find([("PatientComments", text)], form, study_id=study_id)


@pytest.mark.parametrize(
    ("text", "optional", "required"),
    [
        ("fw://neuro/Amnesia", "neuro/Amnesia", "neuro/Amnesia"),
        ("neuro/Amnesia", "neuro/Amnesia", None),
        ("fw://neuro", "neuro", "neuro"),  # there, with the required prefix: no match
        ("neuro", None, None),  # there: neuro
        ("fw://neuro/Amnesia/sub-001", "neuro/Amnesia/sub-001", "neuro/Amnesia/sub-001"),
        ("fw://neuro/Amnesia/s/ses-1", "neuro/Amnesia/s/ses-1", "neuro/Amnesia/s/ses-1"),
        ("fw://neuro/Amnesia/s/x/T1", "neuro/Amnesia/s/x/T1", "neuro/Amnesia/s/x/T1"),
        ("fw://NEURO/Amnesia", "neuro/Amnesia", "neuro/Amnesia"),
        ("FW://neuro/Amnesia", "neuro/Amnesia", "neuro/Amnesia"),  # there: no match
        (" fw://neuro/Amnesia", "neuro/Amnesia", "neuro/Amnesia"),  # there: no match
        ("fw://neuro/Amnesia/", "neuro/Amnesia", "neuro/Amnesia"),  # there: no match
        ("fw://neuro//Amnesia", "neuro/Amnesia", "neuro/Amnesia"),  # there: no match
        ("fw://neuro/A/s/x/T1/more", None, None),
        ("fw://neuro/Amnesia extra note", *["neuro/Amnesia extra note"] * 2),
        ("fw://a/b", None, None),  # there: project b without group
        ("fw://neu ro/x", None, None),  # there: project x without group
        ("fw:/neuro/Amnesia", "neuro/Amnesia", "neuro/Amnesia"),  # there: project neuro
        ("s01@neuro/Amnesia", "s01@neuro/Amnesia", None),
    ],
)
def test_current_forms(text: str, optional: str | None, required: str | None) -> None:
    assert place(alone(text, OPTIONAL)) == optional
    assert place(alone(text, REQUIRED)) == required


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s01@neuro/Amnesia", "neuro/Amnesia/s01"),
        ("s01@neuro:Amnesia", "neuro/Amnesia/s01"),
        ("s01@neuro^Amnesia", "neuro/Amnesia/s01"),
        ("neuro/Amnesia", "neuro/Amnesia/ex1234"),
        ("@neuro/Amnesia", "neuro/Amnesia/ex1234"),
        ("s01", None),  # there: group s01
        ("a@b@neuro/Amnesia/x", "neuro/Amnesia/x/a@b"),
        ("fw://neuro/Amnesia", "neuro/Amnesia"),  # there: group fw:, project /neuro/Amnesia
        ("neuro/Amnesia/sub/ses", "neuro/Amnesia/sub/ses"),  # there: all of it the project
        ("neuro/Amnesia/jane@home", "neuro/Amnesia/jane@home"),
        ("s01@x/Amnesia", None),
        ("s01@neuro/..", None),
    ],
)
def test_legacy_forms(text: str, expected: str | None) -> None:
    assert place(alone(text, LEGACY)) == expected


def test_legacy_parts_are_apart() -> None:
    found = parse("a@b@neuro/Amnesia/x", LEGACY, where="PatientID")
    assert isinstance(found, Routing)
    assert (found.subject, found.project) == ("a@b", "Amnesia/x")
    assert canonical(found) == "a@b@neuro/Amnesia/x"


def test_a_subject_needs_a_study_id() -> None:
    assert place(alone("@neuro/Amnesia", LEGACY, study_id=" ")) == "neuro/Amnesia"
    assert place(alone("@neuro/Amnesia", LEGACY, study_id="1/2")) == "neuro/Amnesia/ex1_2"


def test_one_string_is_taken_whole() -> None:
    """There: group g1 with project p2."""
    candidates = [("PatientComments", "fw://g1"), ("StudyComments", "fw://g2/p2")]
    found = find(candidates, OPTIONAL, study_id="")
    assert place(found) == "g1"
    assert isinstance(found, Routing)
    assert found.where == "PatientComments"


def test_the_first_that_parses_counts() -> None:
    candidates = [
        ("PatientComments", None),
        ("StudyComments", ""),
        ("PatientID", "fw://x/y"),
        ("ReferringPhysicianName", "fw://neuro/A^^^^"),
    ]
    assert place(find(candidates, OPTIONAL, study_id="")) == "neuro/A"
    failed = find(candidates[:3], OPTIONAL, study_id="")
    assert isinstance(failed, Unparsed)
    assert failed.where == "PatientID"
    assert find(candidates[:2], OPTIONAL, study_id="") is None
    assert find([], OPTIONAL, study_id="") is None


@pytest.mark.parametrize(
    "text",
    [
        "contrast given",
        "contrast given w/o reaction",
        "w/o contrast",
        "s/p fall",
        "12345",
        "https://example.org/a",
        "   ",
        "^^^^",
    ],
)
def test_notes_are_no_routing_strings(text: str) -> None:
    assert alone(text, OPTIONAL) is None
    assert alone(text, REQUIRED) is None
    assert isinstance(parse(text, OPTIONAL, where="PatientComments"), Unparsed)


@pytest.mark.parametrize(
    ("text", "suggestion"),
    [
        ("fw://neu ro/Amnesia", "fw://neuro/Amnesia"),
        ("fw://néuro/Amnesia", "fw://neuro/Amnesia"),
        ("fw://-neuro-/Amnesia", "fw://neuro/Amnesia"),
        ("f://neuro/Amnesia", "fw://neuro/Amnesia"),
        ("wf://neuro/Amnesia", "fw://neuro/Amnesia"),
        ("fw;//neuro/Amnesia", "fw://neuro/Amnesia"),
        ("fw//neuro/Amnesia", "fw://neuro/Amnesia"),
        (r"fw:\\neuro\Amnesia", "fw://neuro/Amnesia"),
        (r"fw://neuro\Amnesia", "fw://neuro/Amnesia"),
        ("fw://neuro/a/b/c/d/e/f", "fw://neuro/a/b/c/d"),
        ("fw:neuro", "fw://neuro"),
        ("fw://x/y", ""),
        ("fw://", ""),
    ],
)
@pytest.mark.parametrize("form", [OPTIONAL, REQUIRED], ids=["optional", "required"])
def test_a_near_miss_says_what_was_meant(text: str, suggestion: str, form: RoutingForm) -> None:
    found = alone(text, form)
    assert isinstance(found, Unparsed)
    assert found.reason
    assert found.suggestion == suggestion


def test_a_string_without_the_prefix_that_is_required() -> None:
    found = parse("neuro/Amnesia", REQUIRED, where="PatientComments")
    assert isinstance(found, Unparsed)
    assert (found.reason, found.suggestion) == (
        "it does not begin with fw://",
        "fw://neuro/Amnesia",
    )


def test_the_line_with_the_string_counts() -> None:
    text = "claustrophobic\r\nFW://neuro/Amnesia \r\nsee letter 3/4"
    assert place(alone(text, OPTIONAL)) == "neuro/Amnesia"
    assert place(alone("claustrophobic\nneuro/Amnesia", OPTIONAL)) == "neuro/Amnesia"


def test_nothing_that_was_typed_is_shown() -> None:
    for text in ("fw://Doe John/1970", "fw://dd!/x", "f://doejohn/x", "fw://a/b/c/d/e/f/g"):
        found = parse(text, OPTIONAL, where="PatientComments")
        assert isinstance(found, Unparsed)
        for part in text.removeprefix("fw://").split("/"):
            assert len(part) < 3 or part.lower() not in (found.reason + repr(found)).lower()
    found = parse("fw://neuro/Amnesia/Doe/John/x", OPTIONAL, where="PatientComments")
    assert "Doe" not in repr(found)
    assert "John" not in repr(found)


def test_a_long_text_is_none() -> None:
    found = parse("fw://neuro/" + "x" * 2000, OPTIONAL, where="PatientComments")
    assert isinstance(found, Unparsed)
    assert "longer" in found.reason
