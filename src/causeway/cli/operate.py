"""``hold``, ``release``, ``retry``, ``quarantine …``: what a person decides.

Each of these writes who did it and why into the ledger, in the transaction of the change itself.
"""

from __future__ import annotations

from typing import Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson, Reference
from causeway.cli.references import found, reference_of
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, amount, note, plural, print_json, printable, say, when
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


def _moved(reference: str, moved: int, said: str, as_json: bool) -> None:
    if as_json:
        from causeway.cli.views import MovedView

        print_json(MovedView(reference=reference, moved=moved).plain())
    else:
        say(f"{reference}: {said}")


def hold(context: typer.Context, uid: Reference, why: Why = "", as_json: AsJson = False) -> None:
    """Stop a study or series before its next step, until it is released."""
    why = reason_for(why, "hold something")
    with session_of(context).ledger() as ledger:
        found(ledger, uid)
        reference = reference_of(uid)
        moved = ledger.hold(reference, who=who_asks(), why=why, now=ledger.now())
    _moved(reference, moved, f"held ({plural(moved, 'row')})", as_json)


def release(context: typer.Context, uid: Reference, why: Why = "", as_json: AsJson = False) -> None:
    """Let a held or denied study or series go on."""
    with session_of(context).ledger() as ledger:
        found(ledger, uid)
        reference = reference_of(uid)
        moved = ledger.release(reference, who=who_asks(), why=why.strip(), now=ledger.now())
    _moved(reference, moved, f"released ({plural(moved, 'row')})", as_json)


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
        moved = ledger.retry(
            reference_of(uid) if uid else None,
            who=who_asks(),
            why=why.strip(),
            now=ledger.now(),
            destination=destination or None,
        )
    said = f"{plural(moved, 'row')} will be tried again" if moved else "nothing to try again"
    _moved(reference_of(uid) if uid else "everything", moved, said, as_json)


# --- quarantine --------------------------------------------------------------------------------


def quarantine_list(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List objects that were kept, but not let through, and why."""
    with session_of(context).ledger() as ledger:
        rows = ledger.quarantined(limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        from causeway.cli.views import QuarantinedView, QuarantineView

        print_json(QuarantineView(quarantined=[QuarantinedView.of(row) for row in rows]).plain())
        return
    if not rows:
        say("nothing is quarantined")
        return
    table = Table(
        [
            Column("NUMBER", right=True),
            Column("REASON"),
            Column("SOURCE", least=8),
            Column("STUDY", right=True),
            Column("SIZE", right=True),
            Column("RECEIVED"),
        ]
    )
    for row in rows:
        study = "" if row.study_id is None else str(row.study_id)
        table.add(row.id, row.reason, row.source, study, amount(row.size), when(row.received_at))
    table.print()
    if more:
        note(f"there are more; `--limit {limit * 10}` shows them")


def quarantine_show(
    context: typer.Context, number: InstanceNumber, as_json: AsJson = False
) -> None:
    """Show one quarantined object: where it came from, and what is wrong with it."""
    from causeway.cli.views import QuarantinedView
    from causeway.ledger import InstanceState

    with session_of(context).ledger() as ledger:
        row = ledger.instance(number)
    if row is None or row.state is not InstanceState.QUARANTINED:
        raise NothingFound(
            f"there is no object {number} in quarantine", hint="see `causeway quarantine list`"
        )
    view = QuarantinedView.of(row)
    if as_json:
        print_json(view.plain())
        return
    for title, value in (
        ("number", view.id),
        ("reason", view.reason),
        ("study", "" if view.study is None else f"study:{view.study}"),
        ("series", "" if view.series is None else f"series:{view.series}"),
        ("conflicts with", "" if view.original is None else f"instance:{view.original}"),
        ("SOP class", view.sop_class_uid),
        ("SOP instance", view.sop_instance_uid),
        ("syntax", view.transfer_syntax_uid),
        ("size", f"{amount(view.size)} ({view.size:,} bytes)"),
        ("BLAKE3", view.digest),
        ("source", f"{view.source}, as {view.calling_ae}, from {view.address}"),
        ("received", when(row.received_at)),
    ):
        if value != "":
            say(f"{title:<15}{printable(str(value))}")


def quarantine_release(
    context: typer.Context, number: InstanceNumber, why: Why = "", as_json: AsJson = False
) -> None:
    """Let a quarantined object through as it is: it joins its study and is delivered."""
    why = reason_for(why, "release an object from quarantine")
    with session_of(context).ledger() as ledger:
        _refuse_missing(ledger.instance(number), number)
        outcome = ledger.quarantine_release(number, who=who_asks(), why=why, now=ledger.now())
    series = "" if outcome.series_id is None else f" into series:{outcome.series_id}"
    _moved(f"instance:{number}", 1, f"released{series}", as_json)


def quarantine_discard(
    context: typer.Context, number: InstanceNumber, why: Why = "", as_json: AsJson = False
) -> None:
    """Give a quarantined object up: its bytes leave the spool. Custody keeps counting it."""
    why = reason_for(why, "discard an object")
    with session_of(context).ledger() as ledger:
        _refuse_missing(ledger.instance(number), number)
        ledger.quarantine_discard(number, who=who_asks(), why=why, now=ledger.now())
    _moved(f"instance:{number}", 1, "discarded", as_json)


def _refuse_missing(row: object, number: int) -> None:
    if row is None:
        raise NothingFound(
            f"there is no object {number} in the ledger", hint="see `causeway quarantine list`"
        )
