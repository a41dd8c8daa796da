"""Completion is pure: a table of situations, and properties over all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.ledger import Acquisition
from causeway.pipeline.completion import (
    Complete,
    CompletionRules,
    Facts,
    LookAgain,
    Signal,
    decide,
    expected_in,
    expected_of,
)
from causeway.values import Header, Identity

RULES = CompletionRules(quiet_seconds=30)
EARLY = CompletionRules(quiet_seconds=30, after_release_seconds=5)


def facts(**kwargs: object) -> Facts:
    return Facts(**{"count": 20, "last_at": 1000.0, **kwargs})


@pytest.mark.parametrize(
    ("situation", "rules", "now", "expected"),
    [
        (facts(), RULES, 1029.9, LookAgain(1030.0)),
        (facts(), RULES, 1030.0, Complete(Signal.QUIET, "no new image for 30 s")),
        (facts(expected=28), RULES, 1010.0, LookAgain(1030.0)),
        (
            facts(expected=28),
            RULES,
            1030.0,
            Complete(Signal.QUIET, "no new image for 30 s; 20 of 28 expected images are here"),
        ),
        (facts(expected=20, associations_open=1), RULES, 1010.0, LookAgain(1030.0)),
        (
            facts(expected=20),
            RULES,
            1000.0,
            Complete(
                Signal.COUNT, "all 20 expected images are here and every association has ended"
            ),
        ),
        (facts(expected=20), replace(RULES, use_expected_counts=False), 1000.0, LookAgain(1030.0)),
        (facts(released_at=1001.0), RULES, 1029.0, LookAgain(1030.0)),
        (facts(released_at=1001.0), EARLY, 1005.9, LookAgain(1006.0)),
        (
            facts(released_at=1001.0),
            EARLY,
            1006.0,
            Complete(Signal.RELEASE, "released by the sender, and no new image for 5 s"),
        ),
        (facts(released_at=990.0), EARLY, 1004.0, LookAgain(1005.0)),
        (facts(released_at=1001.0, associations_open=1), EARLY, 1010.0, LookAgain(1030.0)),
        (facts(released_at=1029.0), EARLY, 1030.0, Complete(Signal.QUIET, "no new image for 30 s")),
        (
            facts(last_at=1e9),
            RULES,
            1000.0,
            Complete(Signal.CLOCK, "the clock was set back, so quiet time cannot be measured"),
        ),
        (facts(last_at=1001.0), RULES, 1000.0, LookAgain(1031.0)),
    ],
)
def test_situations(
    situation: Facts, rules: CompletionRules, now: float, expected: Complete | LookAgain
) -> None:
    assert decide(situation, rules, now) == expected


times = st.floats(0, 2000)
any_facts = st.builds(
    Facts,
    count=st.integers(1, 5),
    last_at=times,
    expected=st.none() | st.integers(2, 5),
    associations_open=st.integers(0, 1),
    released_at=st.none() | times,
)
any_rules = st.builds(
    CompletionRules,
    quiet_seconds=st.floats(0.1, 600),
    after_release_seconds=st.none() | st.floats(0, 600),
    use_expected_counts=st.booleans(),
)


@given(any_facts, any_rules, times)
def test_looking_again_when_told_gives_an_answer(
    f: Facts, rules: CompletionRules, now: float
) -> None:
    decision = decide(f, rules, now)
    if isinstance(decision, LookAgain):
        assert now < decision.at <= now + 2 * rules.quiet_seconds
        assert isinstance(decide(f, rules, decision.at), Complete)


@given(any_facts, any_rules, times)
def test_an_open_association_or_an_arrival_never_makes_it_earlier(
    f: Facts, rules: CompletionRules, now: float
) -> None:
    for later in (replace(f, associations_open=1), replace(f, expected=None)):
        if isinstance(decide(f, rules, now), LookAgain):
            assert isinstance(decide(later, rules, now), LookAgain)


def header(**kwargs: str) -> Header:
    return Header(
        sop_class_uid="1", sop_instance_uid="2", study_instance_uid="3", series_instance_uid="4",
        identity=Identity(), **kwargs,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"images_in_acquisition": "28", "manufacturer": "Philips Medical Systems"}, 28),
        ({"images_in_acquisition": "28"}, 28),
        ({"images_in_acquisition": "15", "manufacturer": "GE MEDICAL SYSTEMS"}, None),
        ({"images_in_acquisition": "15", "manufacturer": "GE"}, None),
        ({"images_in_acquisition": "15", "manufacturer": "Geratherm"}, 15),
        ({"images_in_acquisition": "1"}, None),
        ({"images_in_acquisition": "0"}, None),
        ({"images_in_acquisition": ""}, None),
        ({"images_in_acquisition": "-3"}, None),
        ({"images_in_acquisition": "²"}, None),
        ({"images_in_acquisition": "9999999"}, None),
        ({"images_in_acquisition": "28", "number_of_frames": "1"}, 28),
        ({"images_in_acquisition": "28", "number_of_frames": "40"}, None),
    ],
)
def test_whether_a_header_is_believed(fields: dict[str, str], expected: int | None) -> None:
    assert expected_in(header(**fields)) == expected


def group(number: str, count: int, expected: int | None) -> Acquisition:
    return Acquisition(number=number, count=count, expected=expected)


@pytest.mark.parametrize(
    ("stated", "acquisitions", "expected"),
    [
        (28, [group("1", 20, 28)], 28),
        (28, [group("1", 28, 28)], 28),
        (28, [group("1", 29, 28)], None),
        (28, [group("1", 20, None)], None),
        (28, [group("1", 20, 27)], None),
        (28, [group("1", 14, 28), group("2", 14, 28)], None),
        (28, [], None),
        (None, [group("1", 20, 28)], None),
    ],
)
def test_whether_the_images_agree(
    stated: int | None, acquisitions: list[Acquisition], expected: int | None
) -> None:
    assert expected_of(stated, acquisitions) == expected
