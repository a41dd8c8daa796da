"""Functions that a plan carries: values, so that a plan can be pickled, compared and digested."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from causeway.decide.bounded import Bounded, compile_bounded
from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity.dates import shifted_date, shifted_date_time
from causeway.errors import ConfigurationError

Otherwise = Literal["remove", "empty", "quarantine"]
OTHERWISE: Final[tuple[Otherwise, ...]] = ("remove", "empty", "quarantine")

_BLANK: Final = re.compile(r"\{([^{}]*)\}")


class Known(Protocol):
    """An edit that says what it is."""

    def __call__(self, text: str) -> str | None: ...

    def identity(self) -> str:
        """All that its result depends on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftedBy:
    """Dates moved by a number of days that is the same for everybody."""

    days: int

    def __call__(self, text: str) -> str | None:
        return shifted_date(text, self.days) or shifted_date_time(text, self.days)

    def identity(self) -> str:
        return f"shifted by {self.days}"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """An expression, and the text that its named groups are put into, as ``{name}``."""

    expression: Bounded
    output: str

    def made_of(self, text: str, *, whole: bool) -> str | None:
        """None if the expression does not match."""
        found = self.expression.fullmatch(text) if whole else self.expression.match(text)
        if found is None:
            return None
        return _BLANK.sub(lambda blank: found.group(blank[1]) or "", self.output)


def rewriting(pattern: str, output: str) -> Rewriting:
    """Raises ``ConfigurationError`` for what is no expression, or for a blank that is no group."""
    expression = compile_bounded(pattern)
    groups = set(re.findall(r"\(\?P?<([A-Za-z_]\w*)>", pattern))
    for name in _BLANK.findall(output):
        if name not in groups:
            known = ", ".join(sorted(groups))
            raise ConfigurationError(
                f"{{{name}}} is no group of the expression",
                hint=f"its named groups are {known}" if known else "name a group: (?P<name>…)",
            )
    return Rewriting(expression, output)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A value rebuilt from its parts, by the first expression that matches."""

    rewritings: tuple[Rewriting, ...]
    whole: bool = True
    """Whether an expression has to match the whole value, or only its beginning."""
    otherwise: Otherwise = "remove"
    """What becomes of a value that none of them matches."""

    def __call__(self, text: str) -> str | None:
        for each in self.rewritings:
            made = each.made_of(text, whole=self.whole)
            if made is not None:
                return made
        if self.otherwise == "quarantine":
            raise Doubt("rule", "a value is not as the profile's expression wants it")
        return None if self.otherwise == "remove" else ""

    def identity(self) -> str:
        pairs = [
            [e.expression.pattern, e.expression.ignore_case, e.output] for e in self.rewritings
        ]
        return f"rewritten {json.dumps([pairs, self.whole, self.otherwise])}"
