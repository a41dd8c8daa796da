"""``hold``, ``release``, ``retry``: what a person decides.

Each of these writes who did it and why into the ledger, in the transaction of the change itself.
"""

from __future__ import annotations

from typing import Annotated

import typer

from causeway.cli.look import AsJson, Reference
from causeway.cli.references import found, reference_of
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import plural, print_json, say
from causeway.errors import ConfigurationError

Why = Annotated[
    str,
    typer.Option(
        "--why", "-m", metavar="TEXT", help="The reason, for the record.", show_default=False
    ),
]
InstanceNumber = Annotated[
    int,
    typer.Argument(
        metavar="NUMBER",
        min=1,
        help="The object's number, as `causeway quarantine list` shows it.",
        show_default=False,
    ),
]


def reason_for(why: str, verb: str) -> str:
    """The reason that a person gave; refused if there is none."""
    why = why.strip()
    if not why:
        raise ConfigurationError(
            f"a reason is needed to {verb}", hint='add it: --why "wrong patient selected"'
        )
    return why


def moved(reference: str, count: int, said: str, as_json: bool) -> None:
    """Say what became of a person's word."""
    if as_json:
        from causeway.cli.views import MovedView

        print_json(MovedView(reference=reference, moved=count).plain())
    else:
        say(f"{reference}: {said}")


def hold(context: typer.Context, uid: Reference, why: Why = "", as_json: AsJson = False) -> None:
    """Stop a study or series before its next step, until it is released."""
    why = reason_for(why, "hold something")
    with session_of(context).ledger() as ledger:
        found(ledger, uid)
        reference = reference_of(uid)
        count = ledger.hold(reference, who=who_asks(), why=why, now=ledger.now())
    moved(reference, count, f"held ({plural(count, 'row')})", as_json)


def release(context: typer.Context, uid: Reference, why: Why = "", as_json: AsJson = False) -> None:
    """Let a held or denied study or series go on."""
    with session_of(context).ledger() as ledger:
        found(ledger, uid)
        reference = reference_of(uid)
        count = ledger.release(reference, who=who_asks(), why=why.strip(), now=ledger.now())
    moved(reference, count, f"released ({plural(count, 'row')})", as_json)


def retry(
    context: typer.Context,
    uid: Annotated[
        str,
        typer.Argument(
            metavar="[UID]",
            help="A UID, or a number as lists show it: 12, study:12, series:34.",
            show_default=False,
        ),
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="Everything that failed.")] = False,
    destination: Annotated[
        str,
        typer.Option(
            "--to", metavar="NAME", help="Only deliveries to this destination.", show_default=False
        ),
    ] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Try again now what is dead, or waits for its next try after a failure."""
    session = session_of(context)
    if bool(uid) == everything:
        raise ConfigurationError(
            "say what to try again", hint="name a study or series, or everything with --all"
        )
    if destination:
        names = [one.name for one in session.configuration().destinations]
        if destination not in names:
            raise ConfigurationError(
                f'there is no destination "{destination}"',
                hint=f"the configuration has {', '.join(names) or 'none'}",
            )
    with session.ledger() as ledger:
        if uid:
            found(ledger, uid)
        count = ledger.retry(
            reference_of(uid) if uid else None,
            who=who_asks(),
            why=why.strip(),
            now=ledger.now(),
            destination=destination or None,
        )
    said = f"{plural(count, 'row')} will be tried again" if count else "nothing to try again"
    moved(reference_of(uid) if uid else "everything", count, said, as_json)
