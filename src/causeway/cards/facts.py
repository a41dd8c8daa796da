"""What a card is about: the rules of one source, as far as they concern who operates it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from causeway.dictionary import dictionary_name, dictionary_vr


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleField:
    """A field of the scanner's console, by the attribute that it becomes."""

    tag: int

    @property
    def name(self) -> str:
        """As PS3.6 names it, which is near to what consoles show."""
        try:
            return dictionary_name(self.tag)
        except KeyError:
            return f"field {self.number}"

    @property
    def has_lines(self) -> bool:
        """Whether it holds text of several lines."""
        try:
            return dictionary_vr(self.tag) in ("LT", "ST", "UT")
        except KeyError:
            return False

    @property
    def number(self) -> str:
        """``(0010,4000)``."""
        return f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where scans go: a group of the site and one of its projects."""

    group: str
    project: str


class Otherwise(enum.StrEnum):
    """What becomes of a scan whose string does not say where it goes."""

    ACCEPT = "accept"
    UNSORTED = "unsorted"
    HOLD = "hold"
    DENY = "deny"


@dataclass(frozen=True, slots=True, kw_only=True)
class OptString:
    """What an operator writes to have a scan sent, or not sent."""

    field: ConsoleField
    pattern: str
    """The regular expression of the rule, for somebody to read if it has no plain ``words``."""
    words: tuple[str, ...]
    """Strings that satisfy it, any of them; empty where the pattern is no plain list."""
    empty_counts: bool = False
    """Whether an empty field does the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CardFacts:
    """Everything on a card. Nothing in it is of a patient."""

    site: str = ""
    """The site's name; empty if it says none."""
    source: str
    called_ae: tuple[str, ...] = ()
    """Whom the console sends to."""
    fields: tuple[ConsoleField, ...] = ()
    """Where routing strings may stand, the first one first; empty if nobody looks for them."""
    requires_prefix: bool = False
    understands_legacy: bool = False
    """``subject@group/project`` as well."""
    places: tuple[Place, ...] = ()
    """Of the site, as far as it lists them."""
    names_subject_otherwise: bool = False
    """Where the string says no subject, something else than the Patient ID does."""
    overridden: tuple[str, ...] = ()
    """Fields of the string that the configuration sets, whatever it says."""
    missing: Otherwise = Otherwise.UNSORTED
    unparsed: Otherwise = Otherwise.HOLD
    unknown: Otherwise = Otherwise.ACCEPT
    guards_patient_data: bool = True
    opt_in: tuple[OptString, ...] = ()
    opt_out: tuple[OptString, ...] = ()
    contact: str = ""
    """Whom to call, as the site says it; empty if it does not."""
    made_on: str = ""
    """A date for the foot, so that an old card can be told from a new one."""
