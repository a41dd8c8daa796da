"""The first route counts."""

from __future__ import annotations

import pytest

from causeway.pipeline.policy import Denied, Held, Route, Routed, decide, from_text, to_text


def test_the_first_route_counts() -> None:
    first = Route(name="first", destinations=("a", "b"))
    assert decide([first, Route(name="second", destinations=("c",))]) == Routed(
        route="first", destinations=("a", "b")
    )


def test_without_a_route_a_person_decides() -> None:
    assert decide([]) == Held(reason="no route matches")
    assert not isinstance(decide([]), Denied)


def test_a_destination_named_twice_gets_it_once() -> None:
    verdict = decide([Route(name="r", destinations=("a", "b", "a"))])
    assert verdict == Routed(route="r", destinations=("a", "b"))


def test_a_verdict_comes_back_from_its_text() -> None:
    verdict = Routed(route="r", destinations=("a", "b"))
    assert from_text(to_text(verdict)) == verdict


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "3", '{"route": "r"}', '{"route": "r", "destinations": 3}']
)
def test_what_is_no_verdict_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a verdict"):
        from_text(text)
