"""A rule as a tree, and how it is asked.

Two-valued: a condition on what is absent does not hold, and its negation does. So ``!=`` and ``not
in`` hold for an attribute that is not there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from causeway.decide.rules.operands import Operand, RuleFacts
from causeway.decide.rules.predicates import Predicate, Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """A condition: it holds if one of the values is as asked."""

    operand: Operand
    asked: Predicate | Presence

    def holds(self, facts: RuleFacts) -> bool:
        values = self.operand.read(facts)
        if isinstance(self.asked, Presence):
            return self.asked.holds(values)
        # What is empty has one value for the other questions: the empty text.
        return values is not None and any(map(self.asked.accepts, values or ("",)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Not:
    """It holds if its part does not."""

    part: Node

    def holds(self, facts: RuleFacts) -> bool:
        return not self.part.holds(facts)


@dataclass(frozen=True, slots=True, kw_only=True)
class And:
    """All of its parts hold."""

    parts: tuple[Node, ...]

    def holds(self, facts: RuleFacts) -> bool:
        return all(part.holds(facts) for part in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Or:
    """One of its parts holds."""

    parts: tuple[Node, ...]

    def holds(self, facts: RuleFacts) -> bool:
        return any(part.holds(facts) for part in self.parts)


Node = Test | Not | And | Or


def tests_of(node: Node) -> Iterator[Test]:
    """Every condition in it."""
    match node:
        case Test():
            yield node
        case Not():
            yield from tests_of(node.part)
        case And() | Or():
            for part in node.parts:
                yield from tests_of(part)
