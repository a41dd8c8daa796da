"""A node, as pulling wants it described; the service maps it from the configuration."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from causeway.decide.opting import OptRules
from causeway.net import Peer
from causeway.schedule import Schedule


class Way(enum.StrEnum):
    """How images are retrieved."""

    MOVE = "move"
    GET = "get"
    AUTO = "auto"
    """C-GET where the node can, else C-MOVE; and the other one after a failure."""


class Root(enum.StrEnum):
    """The information model that is asked."""

    STUDY = "study"
    PATIENT = "patient"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a node is spared."""

    retrievals: int = 2
    """At once."""
    studies_an_hour: int = 0
    """Of which something is retrieved; 0: no limit."""
    hours: Schedule | None = None
    """In which retrievals begin; queries go on outside."""
    hours_name: str = ""
    answers: int = 50_000
    """Of one query, after which it is cancelled and asked in parts."""
    answer_cap: int = 0
    """After which the node itself stops answering; 0: not known, round numbers are looked into."""
    failures: int = 10
    """After which a series is abandoned."""
    first_wait_seconds: float = 30.0
    longest_wait_seconds: float = 3600.0
    total_seconds: float = 7200.0
    """Of one retrieval."""
    idle_seconds: float = 120.0
    """Without an image, and without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """How a node is watched."""

    interval_seconds: float = 60.0
    window_days: int = 7
    """Study dates that a query looks back on; 0: all of them."""
    thorough_seconds: float = 3600.0
    """After which studies are looked into although their summary is as it was."""
    acquisition_delay_seconds: float = 0.0
    grace_seconds: float = 7 * 86400.0
    ignore_existing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePlan:
    """All that is configured of a node."""

    name: str
    limits: Limits = field(default_factory=Limits)
    watch: Watch = field(default_factory=Watch)
    filters: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """By tag, the values of which one has to match; with * and ?."""
    opting: OptRules = field(default_factory=OptRules)
    decides_by: tuple[int, ...] = ()
    """Tags that opting and routing look into: asked for, and a change of them is a change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DimsePlan(NodePlan):
    """A node that speaks DIMSE."""

    peer: Peer
    way: Way = Way.AUTO
    move_destination: str = ""
    """AE title of our listener; empty: C-MOVE is not possible."""
    root: Root = Root.STUDY
    charset: str = "ISO_IR 192"
    """Specific Character Set of queries with more than ASCII in them."""
    relational: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class WebPlan(NodePlan):
    """A node that speaks DICOMweb."""

    url: str
