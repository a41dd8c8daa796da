"""Nodes and what they have, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import NodeCounts, NodeRow, NodeSeriesRow


class NodeFailureView(View):
    """What went wrong, and what to do about it."""

    code: str
    """In one word."""
    text: str
    """In words."""
    hint: str
    """What to do."""


class NodeView(View):
    """A node of the configuration. Without patient data."""

    node: str
    """Name of the node."""
    state: str
    """`ok`, `failing` (its last query failed), or `never` (it was not queried yet)."""
    last_full_query: str | None
    """When a query was last answered in full."""
    query_seconds: float
    """How long that took."""
    studies: int
    """How many studies it had."""
    querying_since: str | None
    """Since when a query is under way."""
    failing_since: str | None
    """Since when queries fail."""
    series: dict[str, int]
    """Its series by state."""
    oldest_waiting: str | None
    """Since when the series waits that has waited longest, of those that may be retrieved."""
    last_retrieved: str | None
    """When a series was last retrieved."""
    abilities: dict[str, bool | None]
    """What was learned of it: `lists_images`, `counts_images`, `gets`, `matches_optional`."""
    query_failure: NodeFailureView | None
    """Why its last query failed."""
    retrieval_failure: NodeFailureView | None
    """Why a retrieval failed of late, that has not succeeded since."""

    @classmethod
    def of(cls, name: str, row: NodeRow | None, counts: NodeCounts | None) -> NodeView:
        import json

        failed = counts.last_failure if counts is not None else ("", "", "")
        return cls(
            node=name,
            state=state_of(row),
            last_full_query=None if row is None else iso(row.full_at),
            query_seconds=0.0 if row is None else round(row.seconds, 3),
            studies=0 if row is None else row.studies,
            querying_since=None if row is None else iso(row.asking_since),
            failing_since=None if row is None else iso(row.failing_since),
            series={}
            if counts is None
            else {state.value: number for state, number in counts.series.items()},
            oldest_waiting=None if counts is None else iso(counts.oldest_queued_at),
            last_retrieved=None if counts is None else iso(counts.retrieved_at),
            abilities={} if row is None else json.loads(row.abilities),
            query_failure=None
            if row is None or not row.failures
            else NodeFailureView(code=row.fail_code, text=row.fail_text, hint=row.fail_hint),
            retrieval_failure=NodeFailureView(code=failed[0], text=failed[1], hint=failed[2])
            if failed[0]
            else None,
        )


def state_of(row: NodeRow | None) -> str:
    """In one word."""
    if row is None or (row.full_at is None and not row.failures):
        return "never"
    return "failing" if row.failures else "ok"


class NodesView(View):
    """`causeway nodes`."""

    nodes: list[NodeView]
    """The nodes of the configuration, in its order."""


class NodeSeriesView(View):
    """A series of a node, and how far its retrieval is. Holds UIDs."""

    number: int
    """Its number, for `causeway nodes retry` and `accept`; 0 for one that is not known yet."""
    study_instance_uid: str
    """Study Instance UID."""
    series_instance_uid: str
    """Series Instance UID."""
    study_date: str
    """Study Date, as `YYYYMMDD`."""
    modality: str
    """Modality."""
    series_number: str
    """Series Number."""
    state: str
    """`new`, `growing`, `stable`, `queued`, `retrieving`, `retrieved`, `changed`, `vanished`,
    `reappeared`, `skipped` or `abandoned`; empty for one that is not known yet."""
    images: int | None
    """Images that the node counts."""
    here: int
    """Images of it that are here."""
    tries: int
    """Tries that failed, and the one under way."""
    next_try: str | None
    """When it is tried next."""
    code: str
    """Why it is skipped or could not be retrieved, in one word."""
    reason: str
    """The same in words."""
    hint: str
    """What to do about it."""

    @classmethod
    def of(cls, row: NodeSeriesRow, here: int) -> NodeSeriesView:
        from causeway.ledger import NodeSeriesState

        skipped = row.state is NodeSeriesState.SKIPPED
        return cls(
            number=row.id,
            study_instance_uid=row.study_instance_uid,
            series_instance_uid=row.series_instance_uid,
            study_date=row.study_date,
            modality=row.modality,
            series_number=row.series_number,
            state=row.state.value if row.id else "",
            images=row.image_count,
            here=here,
            tries=row.attempt,
            next_try=iso(row.due_at) if row.state is NodeSeriesState.QUEUED else None,
            code=row.skip_code if skipped else row.fail_code,
            reason=row.skip_why if skipped else row.fail_text,
            hint="" if skipped else row.fail_hint,
        )


class NodeSeriesListView(View):
    """`causeway nodes list`."""

    node: str
    """Name of the node."""
    series: list[NodeSeriesView]
    """Its series, those first that changed last."""


class NodeMovedView(View):
    """`causeway nodes retry` and `accept`."""

    node: str
    """Name of the node."""
    moved: int
    """How many series."""


class FoundView(View):
    """`causeway find`. Holds patient data."""

    node: str
    """Name of the node."""
    level: str
    """`study`, `series` or `image`."""
    complete: bool
    """Whether that is all: false where `--limit` cut it off."""
    answers: list[dict[str, list[str]]]
    """Values by attribute, one entry for each answer."""


class PullView(View):
    """`causeway pull`. Holds UIDs."""

    node: str
    """Name of the node."""
    asked: int
    """Series that were asked for."""
    retrieved: int
    """Of these: whose images are all here."""
    failed: int
    """Of these: that could not be retrieved so far."""
    waiting: int
    """Of these: that still wait, or are under way."""
    dry_run: bool
    """Whether nothing was asked for in fact."""
    series: list[NodeSeriesView]
    """The series."""


class GapView(View):
    """A series of which images are missing. Holds UIDs."""

    study_instance_uid: str
    """Its study."""
    series_instance_uid: str
    """The series."""
    study_date: str
    """YYYYMMDD."""
    modality: str
    """Such as `MR`."""
    images_there: int
    """Images that the node has of it."""
    images_here: int
    """Images that came, whatever became of them."""


class ReconcileView(View):
    """`causeway reconcile`. Holds UIDs."""

    node: str
    """Name of the node."""
    series: int
    """Series that were compared: all but those that are opted out or were made here."""
    images_there: int
    """Images that the node has of them."""
    images_here: int
    """Images of them that came."""
    missing: int
    """Images that never came."""
    gaps: list[GapView]
    """The series of which some are missing."""
