"""Whether a rule can hold at all: what nobody wants and everybody writes once.

The rule is written out as alternatives of conditions that all hold. In one alternative different
attributes are independent, so that each is looked at alone: is there something that it could be,
absent and empty included, for which all of its conditions hold? Where there is an order, it is
enough to try the values that the rule names, one between each two, and one beyond either end.

What cannot be told counts as possible: patterns beside patterns, and rules with more than
``ALTERNATIVES``. So a warning is always right, and not every mistake gets one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from causeway.decide.rules.kinds import Key, Kind
from causeway.decide.rules.operands import Operand
from causeway.decide.rules.predicates import (
    Compare,
    Contains,
    Like,
    Matches,
    OneOf,
    Presence,
    Within,
)
from causeway.decide.rules.tree import And, Node, Not, Or, Test
from causeway.schedule import DAY_SECONDS

ALTERNATIVES: Final = 256
"""That are looked at. Beyond, a rule counts as possible."""

_LAST_MINUTE: Final = float(DAY_SECONDS - 60)


@dataclass(frozen=True, slots=True)
class _Literal:
    test: Test
    holds: bool


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A value that an attribute could have."""

    kind: Kind
    key: Key


class _TooMany(Exception):
    """There are more alternatives than are looked at."""


def can_hold(node: Node) -> bool:
    """False only for what no header, source, place or time can fulfil."""
    try:
        return any(_possible(alternative) for alternative in _alternatives(node, holds=True))
    except _TooMany:
        return True


def _alternatives(node: Node, *, holds: bool) -> list[tuple[_Literal, ...]]:
    match node:
        case Test():
            return [(_Literal(node, holds),)]
        case Not():
            return _alternatives(node.part, holds=not holds)
        case And() | Or():
            parts = [_alternatives(part, holds=holds) for part in node.parts]
    if isinstance(node, Or) is holds:
        found = [alternative for part in parts for alternative in part]
    else:
        found = [()]
        for part in parts:
            if len(found) * len(part) > ALTERNATIVES:
                raise _TooMany
            found = [left + right for left in found for right in part]
    if len(found) > ALTERNATIVES:
        raise _TooMany
    return found


def _possible(alternative: Sequence[_Literal]) -> bool:
    by_operand: dict[Operand, list[_Literal]] = {}
    for literal in alternative:
        by_operand.setdefault(literal.test.operand, []).append(literal)
    return all(_satisfiable(operand, literals) for operand, literals in by_operand.items())


def _satisfiable(operand: Operand, literals: Sequence[_Literal]) -> bool:
    if not operand.is_clock:
        if all(_fits(literal, None) for literal in literals):
            return True
        if operand.tag is not None and all(_fits(literal, ()) for literal in literals):
            return True
    asked = [literal for literal in literals if not isinstance(literal.test.asked, Presence)]
    present = ("anything",)
    if any(
        literal.test.asked.holds(present) is not literal.holds
        for literal in literals
        if isinstance(literal.test.asked, Presence)
    ):
        return False
    positive = [literal for literal in asked if literal.holds]
    negative = [literal for literal in asked if not literal.holds]
    if operand.is_single:
        if not positive and not operand.is_clock:
            return True  # something else than what the rule names
        return _has_value(operand, positive, asked)
    # With several values, each condition can have its own, if no negated one minds it.
    return all(_has_value(operand, [literal], [literal, *negative]) for literal in positive)


def _has_value(
    operand: Operand, positive: Sequence[_Literal], literals: Sequence[_Literal]
) -> bool:
    """Whether there is a value for which all of these could hold."""
    candidates = _candidates(operand, positive, literals)
    return candidates is None or any(
        (operand.tag is not None or candidate.key != "")
        and all(_may(literal, candidate) for literal in literals)
        for candidate in candidates
    )


def _fits(literal: _Literal, values: tuple[str, ...] | None) -> bool:
    """Whether it is as asked of what is absent (None) or empty."""
    asked = literal.test.asked
    if isinstance(asked, Presence):
        return asked.holds(values) is literal.holds
    return (values is not None and asked.accepts("")) is literal.holds


def _may(literal: _Literal, candidate: _Candidate) -> bool:
    """Whether it could be as asked of this value; True where that cannot be told."""
    asked = literal.test.asked
    match asked:
        case Presence():
            return True
        case Compare() | OneOf() | Within():
            known = asked.kind is candidate.kind
            return not known or asked.accepts_key(candidate.key) is literal.holds
        case Like() | Contains():
            known = isinstance(candidate.key, str)
            return not known or asked.accepts_key(candidate.key) is literal.holds
        case Matches():
            # A value that was folded to this one may match where this one does not.
            if not literal.holds or not asked.is_plain or not isinstance(candidate.key, str):
                return True
            return asked.accepts(candidate.key)


def _candidates(
    operand: Operand, positive: Sequence[_Literal], literals: Sequence[_Literal]
) -> list[_Candidate] | None:
    """All values that are worth a try; None if there is no end of them."""
    if operand.kind is Kind.WEEKDAY:
        return [_Candidate(Kind.WEEKDAY, float(day)) for day in range(7)]
    for literal in positive:
        match literal.test.asked:
            case Compare(kind=kind, mark="==", key=key):
                return [_Candidate(kind, key)]
            case OneOf(kind=kind, keys=keys):
                return [_Candidate(kind, key) for key in keys]
    for literal in positive:
        match literal.test.asked:
            case Compare(kind=kind) | Within(kind=kind):
                return _tried(operand, kind, literals)
    return _tried(operand, operand.kind, literals) if operand.is_clock else None


def _tried(operand: Operand, kind: Kind, literals: Sequence[_Literal]) -> list[_Candidate]:
    named = sorted({key for literal in literals for key in _named(kind, literal.test)})
    # Between two keys by halves and by their distance: one of them is out of range at extremes.
    tried = [*named, -math.inf, math.inf, *(low / 2 + high / 2 for low, high in pairwise(named))]
    tried += [low + (high - low) / 2 for low, high in pairwise(named)]
    if operand.is_clock:
        tried = [0.0, _LAST_MINUTE, *(key for key in tried if 0 <= key <= _LAST_MINUTE)]
    return [_Candidate(kind, key) for key in tried]


def _named(kind: Kind, test: Test) -> Iterator[float]:
    match test.asked:
        case Compare(kind=same, key=float(key)) if same is kind:
            yield key
        case OneOf(kind=same, keys=keys) if same is kind:
            yield from (key for key in keys if isinstance(key, float))
        case Within(start=start, end=end) if kind is Kind.CLOCK:
            yield from (start, end)
