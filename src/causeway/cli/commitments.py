"""``commitments list|retry|discard``: what sources have asked us to take responsibility for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.operate import Why, reason_for
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, note, print_json, say, when

if TYPE_CHECKING:
    from causeway.ledger import CommitmentRow

Number = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER",
        min=1,
        help="The request's number, as `causeway commitments list` shows it.",
        show_default=False,
    ),
]


def commitments_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 50,
    open_only: Annotated[
        bool, typer.Option("--open", help="Only those whose requester has not been told yet.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List requests for storage commitment, and where each stands. No patient data."""
    from causeway.ledger import CommitmentState

    unanswered = (CommitmentState.WAITING, CommitmentState.REPORTING, CommitmentState.DEAD)
    with session_of(context).ledger() as ledger:
        rows = ledger.commitments(states=unanswered if open_only else (), limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        from causeway.cli.views import CommitmentsView, CommitmentView

        views = [CommitmentView.of(row) for row in rows]
        print_json(CommitmentsView(commitments=views).plain())
    elif not rows:
        say("nobody has asked for storage commitment")
    else:
        _print(rows)
        if more:
            note(f"there are more; `--limit {limit * 10}` shows them")


def _print(rows: Sequence[CommitmentRow]) -> None:
    table = Table(
        [
            Column("NUMBER", right=True),
            Column("SOURCE", least=8),
            Column("ASKED"),
            Column("OBJECTS", right=True),
            Column("STATE"),
            Column("REFUSED", right=True),
            Column("TRIES", right=True),
            Column("NEXT"),
            Column("WHY", least=16),
        ]
    )
    for row in rows:
        over = row.state.value in ("reported", "discarded", "dead")
        table.add(
            row.id,
            row.source,
            when(row.asked_at),
            row.object_count,
            row.state.value,
            row.failed_count or "",
            row.attempt or "",
            "" if over else when(row.due_at),
            row.fail_text or row.waits_for,
        )
    table.print()


def commitments_retry(
    context: typer.Context, number: Number, why: Why = "", as_json: AsJson = False
) -> None:
    """Judge a request anew, and tell its requester now."""
    with session_of(context).ledger() as ledger:
        ledger.retry_commitment(number, who=who_asks(), why=why.strip(), now=ledger.now())
    _moved(number, "will be judged and told again", as_json)


def commitments_discard(
    context: typer.Context, number: Number, why: Why = "", as_json: AsJson = False
) -> None:
    """Tell a requester nothing any more; it keeps its images."""
    why = reason_for(why, "discard a request")
    with session_of(context).ledger() as ledger:
        ledger.discard_commitment(number, who=who_asks(), why=why, now=ledger.now())
    _moved(number, "discarded", as_json)


def _moved(number: int, said: str, as_json: bool) -> None:
    if as_json:
        from causeway.cli.views import MovedView

        print_json(MovedView(reference=f"commitment:{number}", moved=1).plain())
    else:
        say(f"request {number}: {said}")
