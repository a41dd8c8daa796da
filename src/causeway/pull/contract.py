"""What a node is to whoever asks it: two operations, whatever protocol it speaks.

``find`` asks at one level and gives what matches, answer by answer. ``retrieve`` brings images into
the spool, through our listener or by itself, and tells how that went; what has come is not believed
from its report, but looked up where it arrived.

Levels and keys are those of PS3.4 C.6: a question at one level has the unique keys of the levels
above it, so that no node needs relational queries.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from causeway.attributes import Attributes
from causeway.errors import PeerError, TemporaryError


class Level(enum.StrEnum):
    """Query/Retrieve Level (0008,0052)."""

    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A question."""

    level: Level
    keys: Mapping[int, str] = field(repr=False)
    """By tag: a value to match, or empty to be told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be retrieved: a series, or some images of it."""

    patient_id: str = field(default="", repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    sop_instance_uids: tuple[str, ...] = field(default=(), repr=False)
    """Empty: all of the series."""
    sop_class_uids: tuple[str, ...] = ()
    """As far as they are known."""
    modality: str = ""
    count: int | None = None
    """How many images are to be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """How a retrieval went, in the node's words."""

    way: str
    """``move``, ``get`` or ``web``."""
    status: int = 0
    """Of the last answer; an HTTP status for ``web``."""
    completed: int | None = None
    failed: int | None = None
    warned: int | None = None
    remaining: int | None = None
    code: str = ""
    """One word for what went wrong; empty if nothing did."""
    text: str = ""
    """For the operator; nothing of a patient's, no UIDs."""
    hint: str = ""
    unavailable: bool = False
    """The node was not to be reached, or has no time: no failure of this series."""

    @property
    def good(self) -> bool:
        return not self.code and not self.failed and not self.remaining


@dataclass(frozen=True, slots=True)
class Answer:
    """One match, as it came; it is read by whoever wants to know what it says."""

    encoded: bytes = field(repr=False)
    """What is the same says the same; empty where the protocol has no bytes for one match."""
    read: Callable[[bytes], Attributes] = field(repr=False)

    @property
    def attributes(self) -> Attributes:
        """Raises ``BadDataSet``."""
        return self.read(self.encoded)


class Session(Protocol):
    """A conversation in which several questions can be asked, one after the other."""

    def find(self, query: Query) -> Iterator[Answer]:
        """What matches. Raises ``QueryRefused``, ``TooManyAnswers`` or another ``PeerError``; the
        answers that were given before it are not all.
        """


class Arrivals(Protocol):
    """What a retrieval is told by and tells, while it runs."""

    def progressed(self) -> bool:
        """Whether images came since the last call."""

    def cancelled(self) -> bool:
        """Whether it is to be given up, because the service stops."""


class Node(Protocol):
    """A scanner or an archive."""

    def session(self) -> AbstractContextManager[Session]:
        """Begin to ask. Raises ``PeerError``."""

    def echo(self) -> None:
        """Return if it is there and lets us in. Raises ``PeerError``."""

    def retrieve(self, wanted: Wanted, arrivals: Arrivals) -> Report:
        """Bring it here. What goes wrong is in the report."""


Emit = Callable[..., None]


class QueryRefused(PeerError):
    """The node does not answer a question."""

    def __init__(self, message: str, *, status: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class TooManyAnswers(PeerError):
    """More than anybody wants to hear at once; the question was cancelled."""


class AnswersIncomplete(TemporaryError):
    """What a node has cannot be told from what it says."""
