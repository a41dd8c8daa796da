"""Rows of nodes and of what they have: frozen copies; what finds a patient hides in ``repr``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from causeway.ledger.schema import PRIO_USUAL
from causeway.ledger.states import NodeSeriesState


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """How querying a node goes."""

    name: str
    baseline_from: str | None = None
    """The first study date of the first query that was answered in full, ``""`` for all dates;
    None: there has been none."""
    first_full_at: float | None = None
    began_at: float | None = None
    """When the query began that is under way, or the last one."""
    ended_at: float | None = None
    full_at: float | None = None
    """When the last query ended that was answered in full."""
    thorough_at: float | None = None
    """When a query last looked into every study."""
    seconds: float = 0.0
    """How long the last full query took."""
    studies: int = 0
    """How many studies it had."""
    failures: int = 0
    """Queries that failed, in a row."""
    failing_since: float | None = None
    fail_code: str = ""
    fail_text: str = ""
    fail_hint: str = ""
    abilities: str = "{}"
    """What was learned of the node; JSON, for whoever asks it."""

    @property
    def asking_since(self) -> float | None:
        """Since when a query is under way."""
        if self.began_at is None or (self.ended_at or 0.0) >= self.began_at:
            return None
        return self.began_at


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSeriesRow:
    """One series of a node."""

    id: int = 0
    """0: it has no row yet."""
    study_id: int = 0
    node: str
    patient_id: str = field(default="", repr=False)
    study_instance_uid: str = field(repr=False)
    series_instance_uid: str = field(repr=False)
    study_date: str = field(default="", repr=False)
    modality: str = ""
    series_number: str = ""
    state: NodeSeriesState = NodeSeriesState.NEW
    resumes_as: NodeSeriesState | None = None
    image_count: int | None = None
    marks: int = 0
    counted_at: float = 0.0
    """Since when count and marks are what they are."""
    due_at: float = 0.0
    """When it may be queued, or is retrieved next."""
    prio: int = PRIO_USUAL
    attempt: int = 0
    """Failed tries, and the one under way."""
    epoch: int = 0
    """Raised by each claim and each move of a person: a result that is late is told by it."""
    anew: bool = False
    """All of it is retrieved, whatever is here already."""
    begun: bool = False
    """Its retrieval was begun and has not ended whole: a part may be here, which does not go."""
    here_count: int = 0
    """Images of it that were here at the end of the last try."""
    fail_code: str = ""
    fail_text: str = ""
    fail_hint: str = ""
    skip_code: str = ""
    skip_why: str = ""
    asked_by: str = ""
    """The person who asked for it."""
    first_at: float = 0.0
    state_at: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSeen:
    """A series as a node has just described it."""

    series_instance_uid: str = field(repr=False)
    modality: str = ""
    series_number: str = ""
    image_count: int | None = None
    marks: int = 0
    skip_code: str = ""
    """Why it is not to be retrieved; empty if it is."""
    skip_why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySeen:
    """A study as a node has just described it, with all of its series."""

    study_instance_uid: str = field(repr=False)
    patient_id: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    digest: int = 0
    series: tuple[SeriesSeen, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCounts:
    """What a node has, by state, and what waits."""

    node: str
    series: Mapping[NodeSeriesState, int]
    oldest_queued_at: float | None
    """Since when the series waits that has waited longest to be retrieved, and may be now."""
    retrieving_since: float | None
    """Since when the retrieval runs that has run longest."""
    retrieved_at: float | None
    """When the last one was retrieved."""
    last_failure: tuple[str, str, str] = ("", "", "")
    """Code, text and hint of the last retrieval that failed and has not succeeded since."""
