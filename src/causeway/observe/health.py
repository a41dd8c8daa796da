"""Whether it works: facts and thresholds and the time in, states with reasons out.

A monitoring system asks one question, and wants one answer and the reason. What waits for opening
hours or for a person is not a fault, and whoever gathers the facts leaves it out. Everything else
is late when it has waited for half of its time, so that somebody may look before the alarm, and
failing when it has waited for all of it.

Pure: the caller knows where facts come from. Without patient data.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

LATE_SHARE: Final = 0.5
"""Of a threshold: from here on somebody may want to look."""

RESTART_SECONDS: Final = 60.0
"""A pipeline that ended is started again within half a minute, and one that was replaced at
once."""

HISTORY_SECONDS: Final = 28 * 86400.0
"""How far back a source's habits are looked for: four weekends."""
KNOWN_SECONDS: Final = 7 * 86400.0
"""A source that is younger has no habits yet; one weekend is in it."""
KNOWN_GAPS: Final = 10
"""And it has fallen silent, and spoken again, so often."""
SILENCE_FACTOR: Final = 1.5
"""Of the longest silence of those weeks: a long weekend alone is no alarm."""
HOUR_SECONDS: Final = 3600.0


class State(enum.StrEnum):
    """From good to bad."""

    OK = "ok"
    LATE = "late"
    """Slower than it should be, or unusual: somebody may want to look."""
    FAILING = "failing"
    """Somebody has to look."""


class Check(enum.StrEnum):
    """What is looked at."""

    SERVICE = "service"
    ROOM = "room"
    PIPELINE = "pipeline"
    INDEX = "index"
    DELIVERY = "delivery"
    SOURCE = "source"
    NODE = "node"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From when on waiting is a fault, in seconds."""

    index_seconds: float
    delivery_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneFacts:
    """Deliveries to one destination."""

    destination: str
    oldest_at: float | None
    """Since when the one that waits longest may go; None if none that may go is left."""
    succeeded_at: float | None
    """When the last one was verified."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFacts:
    """What one source has sent."""

    source: str
    heard_at: Sequence[float]
    """When it was heard in the weeks that count, in order; once an hour is enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFacts:
    """A node that is queried, and what it is measured by."""

    node: str
    query_limit_seconds: float
    retrieve_limit_seconds: float
    interval_seconds: float
    full_at: float | None = None
    """When a query was last answered in full; None if none ever was."""
    asking_since: float | None = None
    """Since when a query is under way."""
    failing_since: float | None = None
    """Since when queries fail."""
    failure: str = ""
    """Why, as a sentence."""
    oldest_at: float | None = None
    """Since when the series waits, or is being retrieved, that should have come first; hours and
    limits that were set on purpose apart."""
    abandoned: int = 0
    """Series that wait for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that health is judged by."""

    running: bool
    """Whether the service runs."""
    untold_since: float | None = None
    """Since when it has found no room to say how it is; None if it has said so just now."""
    refuses: str = ""
    """What it refuses for want of room, in words."""
    left_out: bool = False
    """Whether it was started without its pipeline."""
    pipeline_gone_at: float | None = None
    """Since when the pipeline of a running service does not run."""
    unindexed_at: float | None = None
    """When the oldest object arrived that is not indexed yet; None if all are."""
    lanes: Sequence[LaneFacts] = ()
    sources: Sequence[SourceFacts] = ()
    nodes: Sequence[NodeFacts] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one look has found."""

    check: Check
    subject: str
    """Name of the destination, source or node; empty for the others."""
    state: State
    reason: str
    """In words, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """Every look, and the worst of them."""

    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        states = {finding.state for finding in self.findings}
        return next((state for state in reversed(State) if state in states), State.OK)


def health(facts: Facts, thresholds: Thresholds, now: float) -> Health:
    """How it is at ``now``. Times in the future count as now."""
    return Health(
        findings=(
            _service(facts, now),
            *_room(facts),
            *_pipeline(facts, now),
            *_index(facts, thresholds, now),
            *(_lane(lane, thresholds, now) for lane in facts.lanes),
            *(finding for source in facts.sources for finding in _source(source, now)),
            *(_node(node, now) for node in facts.nodes if facts.running),
        )
    )


def _service(facts: Facts, now: float) -> Finding:
    state, reason = State.FAILING, "not running, so that nothing is received and nothing goes"
    if facts.running and facts.untold_since is None:
        state, reason = State.OK, "running"
    elif facts.running and facts.untold_since is not None:
        reason = (
            f"running, but for {lasting(now - facts.untold_since)} it could not write down how it "
            "is, as on a full disk"
        )
    return Finding(check=Check.SERVICE, subject="", state=state, reason=reason)


def _room(facts: Facts) -> Iterator[Finding]:
    if not facts.running:
        return
    if facts.refuses:
        state, reason = State.FAILING, f"too little is left, so that {facts.refuses}"
    else:
        state, reason = State.OK, "enough is left"
    yield Finding(check=Check.ROOM, subject="", state=state, reason=reason)


def _pipeline(facts: Facts, now: float) -> Iterator[Finding]:
    if not facts.running:
        return
    gone = facts.pipeline_gone_at
    if facts.left_out:
        # Somebody wanted that, but it is easily forgotten.
        state, reason = State.LATE, "left out, so that what is received stays in the spool"
    elif gone is None:
        state, reason = State.OK, "running"
    elif now - gone <= RESTART_SECONDS:
        state, reason = State.LATE, "being started again"
    else:
        state, reason = State.FAILING, f"has not run for {lasting(now - gone)}"
    yield Finding(check=Check.PIPELINE, subject="", state=state, reason=reason)


def _index(facts: Facts, thresholds: Thresholds, now: float) -> Iterator[Finding]:
    if facts.left_out:
        return  # it waits for a start with the pipeline, which is a person's
    at = facts.unindexed_at
    if at is None:
        state, reason = State.OK, "everything received is indexed"
    else:
        state = _by_age(now - at, thresholds.index_seconds)
        reason = f"the oldest received object has waited for {lasting(now - at)} to be indexed"
        if state is not State.OK:
            reason += f" ({lasting(thresholds.index_seconds)} at most)"
    yield Finding(check=Check.INDEX, subject="", state=state, reason=reason)


def _lane(lane: LaneFacts, thresholds: Thresholds, now: float) -> Finding:
    if lane.succeeded_at is None:
        last = "none has succeeded yet"
    else:
        last = f"the last success was {lasting(now - lane.succeeded_at)} ago"
    if lane.oldest_at is None:
        state, reason = State.OK, "nothing that may go waits"
    else:
        state = _by_age(now - lane.oldest_at, thresholds.delivery_seconds)
        reason = f"the oldest that may go has waited for {lasting(now - lane.oldest_at)}"
        if state is not State.OK:
            reason += f" ({lasting(thresholds.delivery_seconds)} at most)"
    return Finding(
        check=Check.DELIVERY, subject=lane.destination, state=state, reason=f"{reason}; {last}"
    )


def _source(source: SourceFacts, now: float) -> Iterator[Finding]:
    """Never failing: a scanner may be in service, or in Sunday's sleep."""
    usual = longest_silence(source.heard_at, now)
    if usual is None:
        return
    silent = now - source.heard_at[-1]
    late = silent > SILENCE_FACTOR * usual
    reason = f"silent for {lasting(silent)}"
    if late:
        reason += f", in the last weeks never longer than {lasting(usual)}"
    yield Finding(
        check=Check.SOURCE,
        subject=source.source,
        state=State.LATE if late else State.OK,
        reason=reason,
    )


def _node(node: NodeFacts, now: float) -> Finding:
    """The worst of how its queries go, and of how long retrievals take."""
    candidates = [*_queries(node, now), *_retrievals(node, now)]
    worst = next(
        (each for state in reversed(State) for each in candidates if each[0] is state),
        (State.OK, "nothing waits"),
    )
    return Finding(check=Check.NODE, subject=node.node, state=worst[0], reason=worst[1])


def _queries(node: NodeFacts, now: float) -> Iterator[tuple[State, str]]:
    limit = max(node.query_limit_seconds, 3 * node.interval_seconds)
    if node.failing_since is not None:
        # A query or two that fail are nothing yet, and a node is patient with its administrator.
        age = now - node.failing_since
        state = State.FAILING if age > limit else State.LATE
        yield state, f"queries have failed for {lasting(age)}: {node.failure}"
    elif node.asking_since is not None and now - node.asking_since > LATE_SHARE * limit:
        age = now - node.asking_since
        yield _by_age(age, limit), f"a query has been under way for {lasting(age)}"
    elif node.full_at is not None:
        since = now - node.full_at
        state = _by_age(since, limit)
        yield state, f"last answered in full {lasting(since)} ago"


def _retrievals(node: NodeFacts, now: float) -> Iterator[tuple[State, str]]:
    if node.oldest_at is not None:
        age = now - node.oldest_at
        state = _by_age(age, node.retrieve_limit_seconds)
        if state is not State.OK:
            most = lasting(node.retrieve_limit_seconds)
            yield state, f"a series has waited for {lasting(age)} to be retrieved ({most} at most)"
    if node.abandoned:
        yield State.LATE, f"{node.abandoned} series are abandoned, and wait for a person"


def longest_silence(heard_at: Sequence[float], now: float) -> float | None:
    """The longest pause of a source between two times that it was heard, in seconds.

    None for one that is not known well enough to say what is unusual.
    """
    heard = [at for at in heard_at if at >= now - HISTORY_SECONDS]
    if len(heard) <= KNOWN_GAPS or heard[-1] - heard[0] < KNOWN_SECONDS:
        return None
    # Heard once an hour, so that shorter pauses are not known.
    return max(HOUR_SECONDS, *(later - earlier for earlier, later in pairwise(heard)))


def _by_age(age: float, limit: float) -> State:
    if age > limit:
        return State.FAILING
    return State.LATE if age > LATE_SHARE * limit else State.OK


def lasting(seconds: float) -> str:
    """``12 s``, ``5 min``, ``3 h``, ``2 days``; what lies in the future lasts ``0 s``."""
    seconds = max(0.0, seconds)
    for limit, unit, name in ((90, 1, "s"), (5400, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{round(seconds / unit)} {name}"
    return f"{round(seconds / 86400)} days"
