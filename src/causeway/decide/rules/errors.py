"""What is wrong with a rule, where, and what would be right."""

from __future__ import annotations

from causeway.errors import ConfigurationError


class RuleError(ConfigurationError):
    """A rule that says nothing that can be asked."""

    def __init__(self, what: str, text: str, at: int, *, hint: str = "") -> None:
        line = text.count("\n", 0, at) + 1
        self.what = what
        self.at = at
        """Index of the character."""
        self.column = at - (text.rfind("\n", 0, at) + 1) + 1
        """Counted from 1, in its line."""
        where = f"column {self.column}" if line == 1 else f"line {line}, column {self.column}"
        super().__init__(f"{what}, at {where}", hint=hint)
