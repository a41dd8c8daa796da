"""The language of rules: ``Modality in ["MR", "CT"] and group == "neuro"``.

A rule is read once, when the configuration is, and then asked for each series. It is a tree of
conditions and nothing else: no names that could be called, no loops, no arithmetic, and regular
expressions in linear time only. What it asks for is checked against PS3.6 while it is read, so that
a rule that compiles never fails.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from causeway.decide.rules.errors import RuleError
from causeway.decide.rules.operands import FIELDS, RuleFacts
from causeway.decide.rules.parser import parse
from causeway.decide.rules.possible import can_hold
from causeway.decide.rules.tree import Node, tests_of

__all__ = ["FIELDS", "Rule", "RuleError", "RuleFacts", "compile_rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule that was understood; made by ``compile_rule``."""

    text: str
    tree: Node = field(repr=False)

    def holds(self, facts: RuleFacts) -> bool:
        """Whether it holds of these. Never raises."""
        return self.tree.holds(facts)

    def can_hold(self) -> bool:
        """Whether anything can fulfil it; False is certain, True is not."""
        return can_hold(self.tree)

    @property
    def needs(self) -> frozenset[int]:
        """The attributes that it asks for, as tags."""
        tags = (test.operand.tag for test in tests_of(self.tree))
        return frozenset(tag for tag in tags if tag is not None)


def compile_rule(text: str) -> Rule:
    """Raises ``RuleError`` with the column, and what would be right."""
    return Rule(text=text, tree=parse(text))
