"""When a node is late or failing, and why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from causeway.observe.health import Check, Facts, Finding, NodeFacts, State, Thresholds, health

NOW = 1_000_000.0
GOOD = NodeFacts(
    node="pacs", query_limit_seconds=600, retrieve_limit_seconds=3600, interval_seconds=60,
    full_at=NOW - 30,
)  # fmt: skip


def finding(node: NodeFacts, *, running: bool = True) -> Finding | None:
    thresholds = Thresholds(index_seconds=600, delivery_seconds=3600)
    found = health(Facts(running=running, nodes=(node,)), thresholds, NOW).findings
    return next((each for each in found if each.check is Check.NODE), None)


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, State.OK, "last answered in full 30 s ago"),
        ({"failing_since": NOW - 90, "failure": "away"}, State.LATE, "away"),
        ({"failing_since": NOW - 700, "failure": "away"}, State.FAILING, "away"),
        ({"asking_since": NOW - 200}, State.OK, ""),
        ({"asking_since": NOW - 400}, State.LATE, "under way"),
        ({"asking_since": NOW - 900, "full_at": None}, State.FAILING, "under way"),
        ({"full_at": NOW - 400}, State.LATE, "last answered"),
        ({"full_at": NOW - 900}, State.FAILING, "last answered"),
        ({"full_at": None}, State.OK, ""),
        ({"oldest_at": NOW - 1000}, State.OK, ""),
        ({"oldest_at": NOW - 2000}, State.LATE, "to be retrieved"),
        ({"oldest_at": NOW - 4000}, State.FAILING, "to be retrieved"),
        ({"abandoned": 2}, State.LATE, "2 series are abandoned"),
        ({"interval_seconds": 3600.0, "full_at": NOW - 3000}, State.OK, ""),
    ],
)
def test_a_node_is_judged_by_its_queries_and_by_what_waits(
    changes: dict[str, object], state: State, reason: str
) -> None:
    found = finding(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert found is not None
    assert (found.subject, found.state) == ("pacs", state)
    assert reason in found.reason


def test_without_the_service_nobody_asks() -> None:
    assert finding(GOOD, running=False) is None
