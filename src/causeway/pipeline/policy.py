"""Whether and where a series goes. Rules in, a verdict out; nothing else happens here.

Routes are tried in order and the first that matches counts. A verdict is one of three: *routed* to
destinations, *held* for a person to decide, *denied*. It is decided before de-identification, so
that a profile may remove what routed, and is kept on the series' row in the words of ``to_text``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where series go that match. A route without conditions matches all."""

    name: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Routed:
    """It goes to these destinations, each a delivery of its own."""

    route: str
    destinations: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """It stays until a person says what becomes of it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """It goes nowhere, by the rules."""

    reason: str


Verdict = Routed | Held | Denied

NO_ROUTE = "no route matches"


def decide(routes: Sequence[Route]) -> Verdict:
    """The verdict on a series."""
    for route in routes:
        if route.destinations:
            # A destination named twice gets it once.
            return Routed(route=route.name, destinations=tuple(dict.fromkeys(route.destinations)))
    return Held(reason=NO_ROUTE)


def to_text(verdict: Routed) -> str:
    return json.dumps({"route": verdict.route, "destinations": verdict.destinations})


def from_text(text: str) -> Routed:
    """Raises ``ValueError`` for what ``to_text`` has not made."""
    try:
        found = json.loads(text)
        return Routed(
            route=str(found["route"]), destinations=tuple(map(str, found["destinations"]))
        )
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise ValueError("not a verdict") from error
