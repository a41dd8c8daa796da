"""Requests for storage commitment as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import CommitmentRow


class CommitmentView(View):
    """A request that we take responsibility for objects."""

    number: int
    """Number in the ledger."""
    source: str
    """Source that asked."""
    calling_ae: str
    """AE title by which it asked."""
    state: str
    """`waiting` for what it asks about to be decided, `reporting`, `reported`, `dead`, or
    `discarded`."""
    objects: int
    """Objects that it asks about."""
    refused: int
    """Of these: not committed to; 0 before it is decided."""
    asked_at: str | None
    """When it was asked last."""
    next_at: str | None
    """When it is looked at or told next; null if it is over."""
    attempts: int
    """Tries to tell the requester."""
    waits_for: str
    """What it waits for."""
    error: str
    """Why the last try to tell the requester failed."""

    @classmethod
    def of(cls, row: CommitmentRow) -> CommitmentView:
        over = row.state.value in ("reported", "discarded", "dead")
        return cls(
            number=row.id,
            source=row.source,
            calling_ae=row.calling_ae,
            state=row.state.value,
            objects=row.object_count,
            refused=row.failed_count,
            asked_at=iso(row.asked_at),
            next_at=None if over else iso(row.due_at),
            attempts=row.attempt,
            waits_for=row.waits_for,
            error=row.fail_text,
        )


class CommitmentsView(View):
    """`causeway commitments list`."""

    commitments: list[CommitmentView]
    """The requests, the latest first."""
