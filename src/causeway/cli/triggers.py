"""``triggers list|retry``: what others were told after deliveries, and telling them again."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, note, plural, print_json, say, when
from causeway.errors import NotAllowed

if TYPE_CHECKING:
    from causeway.ledger import CallRow


class State(StrEnum):
    """As in the ledger, which is not loaded for ``--help``."""

    DUE = "due"
    CALLING = "calling"
    DONE = "done"
    DEAD = "dead"


def triggers_list(
    context: typer.Context,
    trigger: Annotated[str, typer.Option(help="Only calls of this trigger.")] = "",
    state: Annotated[
        State | None, typer.Option(help="Only calls in this state.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the calls of webhooks and commands, and what became of them. No patient data."""
    from causeway.ledger import CallState

    with session_of(context).ledger() as ledger:
        states = () if state is None else (CallState(state.value),)
        rows = ledger.calls(trigger=trigger, states=states, limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        from causeway.cli.views import CallsView, CallView

        print_json(CallsView(calls=[CallView.of(row) for row in rows]).plain())
    elif not rows:
        say("no such call" if trigger or state else "no trigger has fired")
    else:
        _print(rows)
        if more:
            note(f"there are more; `--limit {limit * 10}` shows them")


def _print(rows: Sequence[CallRow]) -> None:
    table = Table(
        [
            Column("NUMBER", right=True),
            Column("TRIGGER", least=8),
            Column("ABOUT"),
            Column("ENTERED"),
            Column("STATE"),
            Column("TRIES", right=True),
            Column("NEXT"),
            Column("WHY", least=16),
        ]
    )
    for row in rows:
        about = f"series:{row.series_id}" if row.series_id else f"study:{row.study_id}"
        table.add(
            row.id,
            row.trigger,
            about,
            when(row.created_at),
            row.state.value,
            row.attempt or "",
            when(row.due_at) if row.state.value == "due" else "",
            row.fail_text,
        )
    table.print()


def triggers_retry(
    context: typer.Context,
    number: Annotated[
        int | None,
        typer.Argument(
            metavar="[NUMBER]",
            min=1,
            help="The call's number, as `causeway triggers list` shows it.",
            show_default=False,
        ),
    ] = None,
    trigger: Annotated[str, typer.Option(help="All dead calls of this trigger.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make dead calls again, from the first try on."""
    from causeway.ledger import CallState

    if (number is None) == (not trigger):
        raise typer.BadParameter("name a call by its number, or a trigger by --trigger")
    with session_of(context).ledger() as ledger:
        if number is not None:
            ids = [number]
        else:
            dead = ledger.calls(trigger=trigger, states=(CallState.DEAD,), limit=100_000)
            ids = [row.id for row in dead]
        moved = ledger.retry_calls(ids, who=who_asks(), now=ledger.now())
    if number is not None and not moved:
        raise NotAllowed(
            f"call {number} is not dead", hint="`causeway triggers list --state dead` shows which"
        )
    if as_json:
        from causeway.cli.views import MovedView

        reference = f"call:{number}" if number is not None else f"trigger:{trigger}"
        print_json(MovedView(reference=reference, moved=moved).plain())
    else:
        say(f"{plural(moved, 'call')} will be made again")
