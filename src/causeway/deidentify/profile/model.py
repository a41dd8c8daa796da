"""A profile, read and found to be sound."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from causeway.deidentify.plan import Action, Edit
from causeway.deidentify.profile.selectors import Selector
from causeway.deidentify.standard import Option
from causeway.problems import Problem


class Base(enum.StrEnum):
    """What holds where no rule of the profile speaks."""

    BASIC = "basic"
    """The Basic Application Level Confidentiality Profile with the profile's options."""
    NONE = "none"
    """Nothing: attributes stay."""


class Dates(enum.StrEnum):
    REMOVED = "removed"
    MODIFIED = "modified"
    FULL = "full"


class Ages(enum.StrEnum):
    """What becomes of ages, where patient characteristics are retained."""

    CAPPED = "capped"
    KEPT = "kept"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """An action with its parameters."""

    action: Action
    value: str = ""
    inserts: bool = False
    edit: Edit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A rule of the profile's own. Of two about the same, the later counts."""

    selectors: tuple[Selector, ...]
    treatment: Treatment
    origin: str
    """File and line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What is to be done, as it was written."""

    name: str
    description: str = ""
    base: Base = Base.BASIC
    options: frozenset[Option] = frozenset()
    ages: Ages = Ages.CAPPED
    keeps_private: bool = False
    """Whether private attributes stay that nothing else speaks of."""
    keeps_unknown: bool = False
    """Whether standard attributes stay that PS3.6 does not list."""
    allow_only: tuple[Selector, ...] | None = None
    """All that may stay, beside what an image cannot be read without; None for no such list."""
    words: frozenset[str] = frozenset()
    without_words: frozenset[str] = frozenset()
    overrides: tuple[Override, ...] = ()
    file: str = ""
    notes: tuple[str, ...] = ()
    """What is done otherwise than the author may think: corrections of another format."""
    warnings: tuple[Problem, ...] = field(default=(), compare=False)
