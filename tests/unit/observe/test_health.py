"""Health is a function of facts, thresholds and the time."""

from __future__ import annotations

import pytest

from causeway.observe.health import (
    HISTORY_SECONDS,
    Check,
    Facts,
    LaneFacts,
    SourceFacts,
    State,
    Thresholds,
    health,
    lasting,
    longest_silence,
)

NOW = 2_000_000_000.0
DAY = 86400.0
THRESHOLDS = Thresholds(index_seconds=600, delivery_seconds=3600)


def found(facts: Facts) -> dict[tuple[str, str], tuple[State, str]]:
    whole = health(facts, THRESHOLDS, NOW)
    return {(each.check.value, each.subject): (each.state, each.reason) for each in whole.findings}


def lane(oldest: float | None, succeeded: float | None = None) -> Facts:
    """Of one that has waited so long, and succeeded so long ago."""
    return Facts(
        running=True,
        lanes=[
            LaneFacts(
                destination="archive",
                oldest_at=None if oldest is None else NOW - oldest,
                succeeded_at=None if succeeded is None else NOW - succeeded,
            )
        ],
    )


def test_nothing_waits_and_all_is_well() -> None:
    whole = health(Facts(running=True), THRESHOLDS, NOW)
    assert whole.state is State.OK
    assert [each.check for each in whole.findings] == [
        Check.SERVICE, Check.ROOM, Check.PIPELINE, Check.INDEX,
    ]  # fmt: skip


def test_the_worst_counts() -> None:
    facts = Facts(running=True, unindexed_at=NOW - 400, lanes=lane(4000).lanes)
    assert {each.state for each in health(facts, THRESHOLDS, NOW).findings} == set(State)
    assert health(facts, THRESHOLDS, NOW).state is State.FAILING


def test_a_service_that_does_not_run_is_failing() -> None:
    said = found(Facts(running=False))
    assert said["service", ""][0] is State.FAILING
    assert ("pipeline", "") not in said


def test_a_service_that_cannot_say_how_it_is_runs_and_is_failing() -> None:
    state, reason = found(Facts(running=True, untold_since=NOW - 300))["service", ""]
    assert state is State.FAILING
    assert reason.startswith("running, but for 5 min")


def test_room_that_runs_short_is_failing() -> None:
    said = found(Facts(running=True, refuses="nothing comes in"))
    assert said["room", ""] == (
        State.FAILING,
        "too little is left, so that nothing comes in",
    )
    assert found(Facts(running=True))["room", ""][0] is State.OK


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (Facts(running=True), State.OK),
        (Facts(running=True, pipeline_gone_at=NOW - 5), State.LATE),
        (Facts(running=True, pipeline_gone_at=NOW - 61), State.FAILING),
        (Facts(running=True, left_out=True), State.LATE),
    ],
)
def test_a_pipeline_that_is_gone_may_come_back(facts: Facts, state: State) -> None:
    assert found(facts)["pipeline", ""][0] is state


@pytest.mark.parametrize(
    ("age", "state"),
    [(None, "ok"), (0, "ok"), (300, "ok"), (301, "late"), (600, "late"), (601, "failing")],
)
def test_indexing_by_the_age_of_what_waits(age: float | None, state: str) -> None:
    facts = Facts(running=True, unindexed_at=None if age is None else NOW - age)
    assert found(facts)["index", ""][0] == state


def test_what_waits_for_a_pipeline_that_was_left_out_waits_for_a_person() -> None:
    facts = Facts(running=True, left_out=True, unindexed_at=NOW - 1e6)
    assert ("index", "") not in found(facts)
    assert health(facts, THRESHOLDS, NOW).state is State.LATE


@pytest.mark.parametrize(
    ("oldest", "state"),
    [(None, "ok"), (1800, "ok"), (1801, "late"), (3600, "late"), (3601, "failing"), (-9, "ok")],
)
def test_deliveries_by_the_age_of_what_may_go(oldest: float | None, state: str) -> None:
    assert found(lane(oldest))["delivery", "archive"][0] == state


def test_a_reason_says_how_long_how_long_it_may_and_when_it_last_worked() -> None:
    assert found(lane(7200, 10800))["delivery", "archive"][1] == (
        "the oldest that may go has waited for 2 h (60 min at most); the last success was 3 h ago"
    )
    assert found(lane(None))["delivery", "archive"][1].endswith("none has succeeded yet")


# --- sources ------------------------------------------------------------------------------------


def workdays(until: float, days: int = 28) -> list[float]:
    """Once an hour from nine to four, on five of seven days."""
    return [
        until - (days - day) * DAY + (9 + hour) * 3600
        for day in range(days)
        if day % 7 < 5
        for hour in range(8)
    ]


def source(heard: list[float]) -> tuple[State, str] | None:
    facts = Facts(running=True, sources=[SourceFacts(source="ct1", heard_at=heard)])
    return found(facts).get(("source", "ct1"))


def test_a_weekend_is_no_silence_and_a_week_is() -> None:
    heard = workdays(NOW)
    weekend = 2 * DAY + 17 * 3600
    assert longest_silence(heard, NOW) == weekend
    last = heard[-1]
    shifted = [at + (NOW - last) - weekend for at in heard]
    assert source(shifted) is not None
    assert source(shifted)[0] is State.OK  # type: ignore[index]
    silent = [at + (NOW - last) - 1.6 * weekend for at in heard]
    state, reason = source(silent) or (None, "")
    assert state is State.LATE
    assert reason == "silent for 4 days, in the last weeks never longer than 3 days"


def test_a_source_that_is_not_known_well_has_no_habits() -> None:
    assert source([]) is None
    assert source([NOW - 5 * DAY + hour * 3600 for hour in range(100)]) is None, "too young"
    assert source([NOW - 20 * DAY + day * DAY for day in range(9)]) is None, "too seldom"
    assert source([at - HISTORY_SECONDS for at in workdays(NOW)]) is None, "too long ago"


def test_a_silence_is_never_failing() -> None:
    heard = [NOW - 27 * DAY + hour * 3600 for hour in range(8 * 24)]
    whole = health(
        Facts(running=True, sources=[SourceFacts(source="a", heard_at=heard)]), THRESHOLDS, NOW
    )
    assert whole.state is State.LATE


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (12, "12 s"), (300, "5 min"), (7200, "2 h"), (200000, "2 days")],
)
def test_durations_in_words(seconds: float, said: str) -> None:
    assert lasting(seconds) == said
