"""Calls of triggers as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from causeway.cli.show import iso
from causeway.cli.views.base import View

if TYPE_CHECKING:
    from causeway.ledger import CallRow


class CallView(View):
    """One firing of a trigger."""

    number: int
    """Number in the ledger."""
    trigger: str
    """Name of the trigger."""
    key: str
    """What the receiver is told at every try, so that it can tell a repetition."""
    scope: str
    """What it is about: `series` or `study`."""
    study: int
    """Number of the study."""
    series: int | None
    """Number of the series; null for a study."""
    parcel: int
    """Number of the parcel, or of the newest one of the study."""
    state: str
    """`due`, `calling`, `done` or `dead`."""
    attempts: int
    """Tries so far."""
    entered_at: str | None
    """When its subject was found delivered."""
    next_at: str | None
    """When it is made next; null if it is over."""
    code: str
    """Why the last try failed, as a code."""
    error: str
    """The same in words."""

    @classmethod
    def of(cls, row: CallRow) -> CallView:
        return cls(
            number=row.id,
            trigger=row.trigger,
            key=row.key,
            scope=row.scope.value,
            study=row.study_id,
            series=row.series_id,
            parcel=row.parcel_id,
            state=row.state.value,
            attempts=row.attempt,
            entered_at=iso(row.created_at),
            next_at=iso(row.due_at) if row.state.value == "due" else None,
            code=row.fail_code,
            error=row.fail_text,
        )


class CallsView(View):
    """`causeway triggers list`."""

    calls: list[CallView]
    """The calls, the newest first."""
