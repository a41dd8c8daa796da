"""``quarantine …``: what was kept and not let through, and what a person says of it.

Two kinds of things are kept. An object in quarantine could not be read, or is in conflict with
another, or was left out. One that is *held* or in *doubt* belongs to its series, which waits for
it: de-identification does not let it leave by itself. Both are listed, shown and released here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson
from causeway.cli.operate import InstanceNumber, Why, moved, reason_for
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, amount, note, print_json, printable, say, when
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.ledger import KeptBack, Ledger

SETTLED_BY_LOOKING = "identifier_left"
"""The doubt that a person ends by looking: a word was found that is also in the patient's name."""

Blank = Annotated[
    list[str] | None,
    typer.Option(
        "--blank",
        metavar="X,Y,W,H",
        help="Of an image that is held: blank this rectangle in it, in pixels from the top left; "
        "can be repeated.",
        show_default=False,
    ),
]
NamesNobody = Annotated[
    bool,
    typer.Option(
        "--names-nobody",
        help="Of an object in which something of the patient was found: I have looked, and it is a "
        "word like any other.",
    ),
]


def list_(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List objects that were kept, but not let through, and why."""
    from causeway.cli.views import QuarantinedView, QuarantineView

    with session_of(context).ledger() as ledger:
        rows = [QuarantinedView.of(row) for row in ledger.quarantined(limit=limit + 1)]
        rows += [QuarantinedView.of_kept_back(row) for row in ledger.kept_back(limit=limit + 1)]
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        print_json(QuarantineView(quarantined=rows).plain())
        return
    if not rows:
        say("nothing is quarantined")
        return
    table = Table(
        [
            Column("NUMBER", right=True),
            Column("KEPT"),
            Column("REASON"),
            Column("UNDER"),
            Column("SOURCE", least=8),
            Column("STUDY", right=True),
            Column("SERIES", right=True),
            Column("SIZE", right=True),
            Column("RECEIVED"),
        ]
    )
    for row in rows:
        table.add(
            row.id,
            row.kept,
            row.reason,
            row.profile,
            row.source,
            "" if row.study is None else str(row.study),
            "" if row.series is None else str(row.series),
            amount(row.size),
            row.received_at or "",
        )
    table.print()
    if more:
        note(f"there are more; `--limit {limit * 10}` shows them")


def show(context: typer.Context, number: InstanceNumber, as_json: AsJson = False) -> None:
    """Show one object that was kept: where it came from, and what is wrong with it."""
    from causeway.cli.views import QuarantinedView
    from causeway.ledger import InstanceState

    with session_of(context).ledger() as ledger:
        row = ledger.instance(number)
        kept = ledger.kept_back(instance_id=number)
    if kept:
        view = QuarantinedView.of_kept_back(kept[0])
    elif row is not None and row.state is InstanceState.QUARANTINED:
        view = QuarantinedView.of(row)
    else:
        raise NothingFound(
            f"there is no object {number} in quarantine", hint="see `causeway quarantine list`"
        )
    if as_json:
        print_json(view.plain())
        return
    assert row is not None
    for title, value in (
        ("number", view.id),
        ("kept", view.kept),
        ("reason", view.reason),
        ("", view.why),
        *(("under", each.treatment.name) for each in kept),
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
    if kept:
        say(f"{'next':<15}{_next(kept[0])}")


def _next(kept: KeptBack) -> str:
    number = kept.instance.id
    leave = f"`causeway quarantine leave-out {number}`"
    look = f"`causeway export instance:{number} DIR` and look at it"
    if kept.cleaned.state == "held":
        return f"{look}; then `causeway quarantine release {number}`, with --blank, or {leave}"
    if kept.cleaned.code == SETTLED_BY_LOOKING:
        return f"{look}; then `causeway quarantine release {number} --names-nobody`, or {leave}"
    return f"{leave}, or change the profile and `causeway release series:{kept.instance.series_id}`"


def release(
    context: typer.Context,
    number: InstanceNumber,
    blank: Blank = None,
    names_nobody: NamesNobody = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Let a kept object through. What was held goes on with its series, de-identified."""
    from causeway.ledger import InstanceState

    why = reason_for(why, "release an object from quarantine")
    regions = [_rectangle(text) for text in blank or ()]
    with session_of(context).ledger() as ledger:
        row = ledger.instance(number)
        _refuse_missing(row, number)
        assert row is not None
        if row.state is InstanceState.QUARANTINED:
            outcome = ledger.quarantine_release(
                number, who=who_asks(), why=why, now=ledger.now(), regions=regions,
                excused=names_nobody,
            )  # fmt: skip
            series = "" if outcome.series_id is None else f" into series:{outcome.series_id}"
            moved(f"instance:{number}", 1, f"released{series}", as_json)
            return
        _refuse_what_no_word_ends(ledger, number, names_nobody=names_nobody)
        goes_on = ledger.release_cleaned(
            number, who=who_asks(), why=why, now=ledger.now(), regions=regions,
            excused=names_nobody,
        )  # fmt: skip
    said = "released; its series goes on" if goes_on else "released"
    moved(f"instance:{number}", 1, said, as_json)


def _refuse_what_no_word_ends(ledger: Ledger, number: int, *, names_nobody: bool) -> None:
    for kept in ledger.kept_back(instance_id=number):
        code = kept.cleaned.code
        if kept.cleaned.state == "held":
            continue
        if code != SETTLED_BY_LOOKING:
            raise ConfigurationError(
                f"instance:{number} cannot be cleaned ({code}), and no word of a person ends that",
                hint=f"`causeway quarantine leave-out {number}` lets the rest of its series go",
            )
        if not names_nobody:
            raise ConfigurationError(
                f"something of the patient was found in instance:{number}: {kept.cleaned.reason}",
                hint="look at it; if it names nobody, say so with --names-nobody",
            )


def leave_out(
    context: typer.Context, number: InstanceNumber, why: Why = "", as_json: AsJson = False
) -> None:
    """Do not send an object where it is held or in doubt; the rest of its series goes.

    What goes says how many are left out. One that goes nowhere at all waits in quarantine.
    """
    why = reason_for(why, "leave an object out")
    with session_of(context).ledger() as ledger:
        _refuse_missing(ledger.instance(number), number)
        goes_on = ledger.leave_out(number, who=who_asks(), why=why, now=ledger.now())
    said = "left out; its series goes on" if goes_on else "left out"
    moved(f"instance:{number}", 1, said, as_json)


def discard(
    context: typer.Context, number: InstanceNumber, why: Why = "", as_json: AsJson = False
) -> None:
    """Give a quarantined object up: its bytes leave the spool. Custody keeps counting it."""
    why = reason_for(why, "discard an object")
    with session_of(context).ledger() as ledger:
        _refuse_missing(ledger.instance(number), number)
        if ledger.kept_back(instance_id=number):
            raise ConfigurationError(
                f"instance:{number} belongs to a series, which waits for it",
                hint=f"`causeway quarantine leave-out {number}` lets the series go without it",
            )
        ledger.quarantine_discard(number, who=who_asks(), why=why, now=ledger.now())
    moved(f"instance:{number}", 1, "discarded", as_json)


def _rectangle(text: str) -> tuple[int, int, int, int]:
    match = re.fullmatch(r"\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*,\s*(\d{1,6})\s*", text)
    numbers = tuple(int(each) for each in match.groups()) if match else ()
    if len(numbers) != 4 or not numbers[2] or not numbers[3]:
        raise ConfigurationError(
            f'"{text}" is no rectangle', hint="four whole numbers: --blank 0,0,640,48"
        )
    return numbers


def _refuse_missing(row: object, number: int) -> None:
    if row is None:
        raise NothingFound(
            f"there is no object {number} in the ledger", hint="see `causeway quarantine list`"
        )
