"""What is asked of one value.

``accepts`` takes a value as it stands. ``accepts_key`` takes its key, for what looks at nothing
else; that is how contradictions are found without a header.
"""

from __future__ import annotations

import enum
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from causeway.decide.bounded import Bounded, compile_bounded
from causeway.decide.rules.kinds import Key, Kind, folded


class Presence(enum.Enum):
    """Asked of an attribute and not of its values."""

    EXISTS = "exists"
    """It is there, with a value or empty."""
    MISSING = "missing"
    EMPTY = "empty"
    """It is there without a value."""

    def holds(self, values: tuple[str, ...] | None) -> bool:
        match self:
            case Presence.EXISTS:
                return values is not None
            case Presence.MISSING:
                return values is None
            case Presence.EMPTY:
                return values == ()


_ORDER: Final[Mapping[str, Callable[[Key, Key], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """``==``, ``<``, ``<=``, ``>``, ``>=``; ``!=`` is a negated ``==``."""

    kind: Kind
    mark: str
    key: Key

    def accepts(self, value: str) -> bool:
        key = self.kind.key(value)
        return key is not None and self.accepts_key(key)

    def accepts_key(self, key: Key) -> bool:
        return _ORDER[self.mark](key, self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class OneOf:
    """``in`` a list."""

    kind: Kind
    keys: frozenset[Key]

    def accepts(self, value: str) -> bool:
        return self.kind.key(value) in self.keys

    def accepts_key(self, key: Key) -> bool:
        return key in self.keys


@dataclass(frozen=True, slots=True, kw_only=True)
class Within:
    """``in`` a span of time, its end left out; an end before the start is over midnight."""

    start: float
    end: float
    kind: Kind = Kind.CLOCK

    def accepts(self, value: str) -> bool:
        key = self.kind.key(value)
        return key is not None and self.accepts_key(key)

    def accepts_key(self, key: Key) -> bool:
        assert isinstance(key, float)
        if self.start < self.end:
            return self.start <= key < self.end
        return key >= self.start or key < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """``like``: the whole value, where ``*`` is anything and ``?`` one character."""

    pattern: str
    program: Bounded

    @classmethod
    def compile(cls, pattern: str) -> Like:
        """Raises ``PatternError`` for one that is too long."""
        glob = "".join(_GLOB.get(char) or re.escape(char) for char in folded(pattern))
        return cls(pattern=pattern, program=compile_bounded(f"(?s){glob}"))

    def accepts(self, value: str) -> bool:
        return self.accepts_key(folded(value))

    def accepts_key(self, key: Key) -> bool:
        assert isinstance(key, str)
        return self.program.fullmatch(key) is not None


_GLOB: Final = {"*": ".*", "?": "."}


@dataclass(frozen=True, slots=True, kw_only=True)
class Contains:
    """``contains``: a part of the value."""

    part: str

    def accepts(self, value: str) -> bool:
        return self.part in folded(value)

    def accepts_key(self, key: Key) -> bool:
        assert isinstance(key, str)
        return self.part in key


@dataclass(frozen=True, slots=True, kw_only=True)
class Matches:
    """``matches``: a regular expression that is found somewhere in the value."""

    program: Bounded

    @classmethod
    def compile(cls, pattern: str) -> Matches:
        """Raises ``PatternError``."""
        return cls(program=compile_bounded(pattern, ignore_case=True))

    def accepts(self, value: str) -> bool:
        return self.program.search(value.strip()) is not None

    @property
    def is_plain(self) -> bool:
        """Whether folding a value cannot make it match less: words and their alternatives."""
        return _PLAIN.fullmatch(self.program.pattern) is not None


_PLAIN: Final = re.compile(r"[A-Za-z0-9 _|^$-]*")

Predicate = Compare | OneOf | Within | Like | Contains | Matches
