"""What an observation makes of a series of a node: a row, what was seen and the time in, a row out.

Pure, and asked inside the ledger's transaction. The rules:

- A series is *stable* when count and deciding tags were the same in two full answers running. It is
  then queued, after the acquisition delay, or skipped with the reason.
- What was done with (retrieved, skipped, abandoned) and is another now has *changed*, and must be
  stable again before anything is done. Images that are here are not asked for again, unless it is
  the tags that differ: then all of them may.
- What a full answer does not have is *vanished*, and keeps what it was. Back within the grace
  period and the same, it is that again; else it is looked at anew. Either way, images that went out
  are known, and do not go again.
- At the first contact, ``existing`` series may be skipped; a change later concerns them as others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from causeway.ledger import NodeSeriesRow, NodeSeriesState, SeriesSeen
from causeway.pull.contract import Report

State = NodeSeriesState

_DONE: Final = (State.RETRIEVED, State.SKIPPED, State.ABANDONED)
SPREAD: Final = 0.2
"""Of a wait after a failure, to either side: what failed together does not come back together."""
BUSY_SECONDS: Final = 30.0
"""Until a node that was not to be reached is tried again."""

EXISTING: Final = "existing"
EMPTY: Final = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How a node is watched, as far as it decides."""

    acquisition_delay_seconds: float = 0.0
    grace_seconds: float = 7 * 86400.0


def observed(
    row: NodeSeriesRow | None,
    seen: SeriesSeen,
    blank: NodeSeriesRow,
    *,
    rules: Rules,
    now: float,
    existing: Callable[[NodeSeriesRow], bool] = lambda _: False,
) -> NodeSeriesRow:
    """The row of a series that a full answer had."""
    if row is None:
        first = replace(_noted(blank, seen, now), first_at=now, state_at=now, due_at=now)
        if existing(first):
            return _skip(first, EXISTING, "was there before Causeway", now)
        return first
    same = row.image_count == seen.image_count and row.marks == seen.marks
    match row.state:
        case State.NEW | State.GROWING | State.REAPPEARED:
            if same:
                return _stable(row, seen, rules, now)
            return replace(_noted(row, seen, now), state=State.GROWING, state_at=now)
        case State.STABLE:
            if same:
                return _go_on(row, seen, now)
            return replace(_noted(row, seen, now), state=State.GROWING, state_at=now)
        case State.QUEUED:
            # What a person asked for is not put off by what else goes on.
            if same or row.asked_by:
                return row if same else _noted(row, seen, now)
            return replace(_noted(row, seen, now), state=State.GROWING, state_at=now)
        case State.RETRIEVING:
            return row if same else _noted(row, seen, now)
        case State.CHANGED:
            return _stable(row, seen, rules, now) if same else _noted(row, seen, now)
        case State.VANISHED:
            return _back(row, seen, rules, now, same=same)
        case State.RETRIEVED | State.SKIPPED | State.ABANDONED:
            return row if same else _changed(row, seen, now)


def gone(row: NodeSeriesRow, *, now: float) -> NodeSeriesRow:
    """The row of a series that a full answer did not have, although it should."""
    if row.state in (State.VANISHED, State.RETRIEVING) or (
        row.state is State.QUEUED and row.asked_by
    ):
        # A retrieval finds out by itself; and a person may have asked beyond what queries see.
        return row
    return replace(row, state=State.VANISHED, resumes_as=row.state, state_at=now)


def _noted(row: NodeSeriesRow, seen: SeriesSeen, now: float) -> NodeSeriesRow:
    return replace(
        row, image_count=seen.image_count, marks=seen.marks, counted_at=now,
        modality=seen.modality, series_number=seen.series_number,
    )  # fmt: skip


def _stable(row: NodeSeriesRow, seen: SeriesSeen, rules: Rules, now: float) -> NodeSeriesRow:
    stable = replace(
        row, state=State.STABLE, resumes_as=None, skip_code="", skip_why="", state_at=now,
        due_at=now + rules.acquisition_delay_seconds,
    )  # fmt: skip
    return _go_on(stable, seen, now)


def _go_on(row: NodeSeriesRow, seen: SeriesSeen, now: float) -> NodeSeriesRow:
    """A stable series, when its delay is over."""
    if now < row.due_at:
        return row
    if seen.image_count == 0:
        return _skip(row, EMPTY, "has no images", now)
    if seen.skip_code:
        return _skip(row, seen.skip_code, seen.skip_why, now)
    return replace(row, state=State.QUEUED, due_at=now, state_at=now)


def _skip(row: NodeSeriesRow, code: str, why: str, now: float) -> NodeSeriesRow:
    return replace(
        row, state=State.SKIPPED, skip_code=code, skip_why=why, state_at=now, begun=False
    )


def _changed(row: NodeSeriesRow, seen: SeriesSeen, now: float) -> NodeSeriesRow:
    # Other tags under the same count: the images may have been corrected where they are.
    anew = row.anew or (row.state is State.RETRIEVED and row.marks != seen.marks)
    return replace(
        _noted(row, seen, now), state=State.CHANGED, resumes_as=None, anew=anew, attempt=0,
        skip_code="", skip_why="", state_at=now,
    )  # fmt: skip


def _back(
    row: NodeSeriesRow, seen: SeriesSeen, rules: Rules, now: float, *, same: bool
) -> NodeSeriesRow:
    was = row.resumes_as
    assert was is not None
    if was not in _DONE or now - row.state_at > rules.grace_seconds:
        return replace(
            _noted(row, seen, now), state=State.REAPPEARED, resumes_as=None, attempt=0,
            state_at=now,
        )  # fmt: skip
    if not same:
        return _changed(replace(row, state=was), seen, now)
    return replace(row, state=was, resumes_as=None, state_at=now)


# --- retrievals -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryLimits:
    """How patiently a series is tried."""

    failures: int = 10
    first_wait_seconds: float = 30.0
    longest_wait_seconds: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a try has brought."""

    here: int
    """Images of the series that are here."""
    missing: int | None
    """Images that the node has and that are not here; None: it cannot tell."""
    report: Report | None
    """None: there was nothing to ask for."""
    interrupted: bool = False


def retrieved(
    claimed: NodeSeriesRow,
    current: NodeSeriesRow,
    result: Result,
    limits: RetryLimits,
    now: float,
    rng: Random,
) -> NodeSeriesRow:
    """The row after a try; ``current`` is the row now, which a query may have changed meanwhile."""
    row = replace(current, here_count=result.here, state_at=now)
    report = result.report
    if result.interrupted:
        return replace(row, state=State.QUEUED, attempt=max(0, row.attempt - 1), due_at=now)
    if (current.image_count, current.marks) != (claimed.image_count, claimed.marks):
        return replace(
            row, state=State.GROWING, attempt=0, counted_at=now, fail_code="", fail_text="",
            fail_hint="",
        )  # fmt: skip
    if _is_whole(claimed, result):
        return replace(
            row, state=State.RETRIEVED, begun=False, anew=False, attempt=0, fail_code="",
            fail_text="", fail_hint="", prio=_USUAL, asked_by="",
        )  # fmt: skip
    code, text, hint = _why(claimed, result)
    row = replace(row, fail_code=code, fail_text=text, fail_hint=hint)
    if report is not None and report.unavailable:
        at = now + BUSY_SECONDS * _spread(rng)
        return replace(row, state=State.QUEUED, attempt=max(0, row.attempt - 1), due_at=at)
    if row.attempt >= limits.failures:
        return replace(row, state=State.ABANDONED)
    grown = limits.first_wait_seconds * 2.0 ** min(row.attempt - 1, 40)
    wait = min(grown, limits.longest_wait_seconds) * _spread(rng)
    return replace(row, state=State.QUEUED, due_at=now + wait)


_USUAL: Final = NodeSeriesRow(node="", study_instance_uid="", series_instance_uid="").prio


def _spread(rng: Random) -> float:
    return 1.0 + SPREAD * (2.0 * rng.random() - 1.0)


def _is_whole(claimed: NodeSeriesRow, result: Result) -> bool:
    if result.report is not None and claimed.anew and not result.report.good:
        return False
    if result.missing is not None and result.missing > 0:
        return False
    if claimed.image_count is not None:
        return result.here >= claimed.image_count
    # It can neither count nor list: its own word is all there is.
    return result.missing == 0 or (
        result.report is not None and result.report.good and result.here > 0
    )


def _why(claimed: NodeSeriesRow, result: Result) -> tuple[str, str, str]:
    report = result.report
    expected = claimed.image_count
    have = f"{result.here} of {expected} images are here" if expected else ""
    if report is not None and report.code:
        return report.code, "; ".join(filter(None, (report.text, have))), report.hint
    if report is not None and report.failed:
        text = f"the node could not send {report.failed} of the images"
        return (
            "suboperations_failed",
            "; ".join(filter(None, (text, have))),
            "the node's own log says why; its AE or ours may not take that kind of object",
        )
    if result.missing == 0:
        return (
            "wrong_count",
            f"the node counts {expected} images and lists {result.here}",
            "if that is all there is, accept it: `causeway nodes accept`",
        )
    return (
        "fewer_images",
        f"the node said that it was done; {have}" if have else "the node sent nothing",
        "it is tried again; what is here is kept, and nothing is delivered before it is whole",
    )
