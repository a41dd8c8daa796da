"""What the site has, and what is near to it."""

from __future__ import annotations

import time

import pytest

from causeway.decide.nearest import suggest
from causeway.decide.routing import Routing

KNOWN = {"neuro": ["Amnesia", "Sleep Study"], "cardio": ["Heart"], "onco": ["Heart 2"]}


def at(group: str, project: str = "") -> Routing:
    return Routing(group=group, project=project, where="PatientComments")


@pytest.mark.parametrize(
    ("group", "project"),
    [("neuro", "Amnesia"), ("neuro", "AMNESIA"), ("neuro", ""), ("neuro", "Amnesia.")],
)
def test_known(group: str, project: str) -> None:
    assert suggest(at(group, project), KNOWN) is None


def test_a_site_that_does_not_say() -> None:
    assert suggest(at("any", "thing"), {}) is None


@pytest.mark.parametrize(
    ("group", "project", "knows_group", "near"),
    [
        ("neuro", "Amensia", True, "neuro/Amnesia"),
        ("neuro", "sleepstudy", True, "neuro/Sleep Study"),
        ("neuro", "Heart", True, "cardio/Heart"),
        ("neuro", "Quite else", True, "neuro/"),
        ("nuero", "amnesia", False, "neuro/Amnesia"),
        ("nuero", "Quite else", False, "neuro/"),
        ("zzz", "Amnesia", False, "neuro/Amnesia"),
        ("zzz", "", False, "/"),
        ("zzz", "Quite else", False, "/"),
    ],
)
def test_the_nearest(group: str, project: str, knows_group: bool, near: str) -> None:
    found = suggest(at(group, project), KNOWN)
    assert found is not None
    assert found.knows_group is knows_group
    assert f"{found.group}/{found.project}" == near


def test_a_reason_repeats_nothing_that_was_typed() -> None:
    for group, project in (("zoltanx", "Amnesia"), ("neuro", "Zoltan X"), ("neurozoltan", "Sleep")):
        found = suggest(at(group, project), KNOWN)
        assert found is not None
        assert "zoltan" not in found.reason.lower()


def test_many_projects_cost_milliseconds() -> None:
    known = {"neuro": [f"Project {number:05}" for number in range(20_000)]}
    begun = time.process_time()
    assert suggest(at("neuro", "Projekt 12x"), known) is not None
    assert time.process_time() - begun < 2
    begun = time.process_time()
    for _ in range(100):
        suggest(at("neuro", "Projekt 12x"), known)
    assert time.process_time() - begun < 5
