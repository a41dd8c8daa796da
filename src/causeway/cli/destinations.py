"""``destinations``, ``destinations test``, ``deliver``: where things go, and whether they can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed
from causeway.cli.look import AsJson, Reference
from causeway.cli.operate import Why, reason_for
from causeway.cli.references import found, reference_of
from causeway.cli.session import Session, is_there, session_of, who_asks
from causeway.cli.show import (
    Column,
    Table,
    ago,
    amount,
    note,
    paint,
    plural,
    print_json,
    say,
)
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.cli.views import DestinationView
    from causeway.config import Configuration
    from causeway.config.destinations import DestinationSettings
    from causeway.destinations import Step
    from causeway.ledger import Ledger

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The destination, as the configuration calls it.", show_default=False
    ),
]


HEARTBEAT = "heartbeat"
"""Under which a destination remembers its last sign of life."""


def destinations(context: typer.Context, as_json: AsJson = False) -> None:
    """Show each destination: what waits, how it goes, its last error and what to do. No patient
    data.
    """
    if context.invoked_subcommand is not None:
        return
    session = session_of(context)
    configuration = session.configuration()
    views = _views(session, configuration)
    if as_json:
        from causeway.cli.views import DestinationsView

        print_json(DestinationsView(destinations=views).plain())
    elif not views:
        say("the configuration has no destination")
    else:
        _print(views)


def _views(session: Session, configuration: Configuration) -> list[DestinationView]:
    from causeway.cli.views import DestinationView

    if not is_there(configuration.ledger_path, configuration):
        return [
            DestinationView.of(each.name, each.type, None, None, 0, None, now=0.0)
            for each in configuration.destinations
        ]
    with session.ledger() as ledger:
        now = ledger.now()
        return _known(configuration, ledger, now)


def _known(configuration: Configuration, ledger: Ledger, now: float) -> list[DestinationView]:
    from causeway.cli.views import DestinationView
    from causeway.ledger import DeliveryState

    queue = {lane.destination: lane for lane in ledger.queue(now=now)}
    lanes = {lane.destination: lane for lane in ledger.lanes()}
    verified = {
        each.destination: each.count
        for each in ledger.summary(now=now).deliveries
        if each.state is DeliveryState.VERIFIED
    }
    going = ledger.under_way()
    types = {each.name: each.type for each in configuration.destinations}
    names = [*types, *(name for name in sorted({*queue, *lanes}) if name not in types)]
    return [
        DestinationView.of(
            name, types.get(name, ""), lanes.get(name), queue.get(name), verified.get(name, 0),
            [each for each in going if each.destination == name], now=now,
        ).with_sign_of_life(ledger.remembered(name, HEARTBEAT).get(HEARTBEAT, ""), now)
        for name in names
    ]  # fmt: skip


_STATES = {"closed": "ok", "open": "paused", "half open": "trying"}
"""A breaker that is closed is one that lets through; few who look at a table know that."""


def _print(views: Sequence[DestinationView]) -> None:
    table = Table(
        [
            Column("TO"),
            Column("TYPE"),
            Column("STATE", coloured=True),
            Column("WAITING", right=True),
            Column("OLDEST", right=True),
            Column("SENDING", right=True),
            Column("RATE", right=True),
            Column("VERIFIED", right=True),
            Column("DEAD", right=True),
        ]
    )
    for view in views:
        table.add(
            view.destination,
            view.type or "gone",
            _STATES.get(view.state, view.state),
            f"{view.waiting:,}",
            "" if view.oldest_seconds is None else ago(view.oldest_seconds),
            view.sending or "",
            f"{amount(view.bytes_per_second)}/s" if view.bytes_per_second else "",
            f"{view.verified:,}",
            view.dead or "",
        )
    table.print()
    for view in views:
        for line in _remarks(view):
            say(line)


def _remarks(view: DestinationView) -> Iterator[str]:
    for going in view.under_way:
        urgent = ", urgent" if going.urgent else ""
        yield (
            f"{view.destination}: delivery {going.delivery}, {going.instances_done:,} of "
            f"{going.instances:,} instances{urgent}, try {going.attempt}"
        )
    if view.asks_again_in_seconds is not None:
        yield (
            f"{view.destination}: asked again in {view.asks_again_in_seconds:.0f} s, or at once "
            f"with `causeway retry --all --to {view.destination}`"
        )
    if view.heartbeat:
        why = f": {view.heartbeat_error}" if view.heartbeat_error else ""
        when = "" if view.heartbeat_seconds is None else f", {ago(view.heartbeat_seconds)}"
        yield f"{view.destination}: heartbeat {view.heartbeat}{when}{why}"
    if view.last_error and view.state != "closed":
        at = f" ({ago(view.last_error_seconds)})" if view.last_error_seconds is not None else ""
        yield f"{view.destination}: {view.last_error}{at}"
        if view.what_to_do:
            yield f"{view.destination}: {paint('hint', fg='cyan', bold=True)}: {view.what_to_do}"


# --- trying one out -----------------------------------------------------------------------------


def try_out(context: typer.Context, name: Name, as_json: AsJson = False) -> None:
    """Try a destination out, step by step: whether it can be found, reached, trusted, logged in to,
    and, where that does no harm, written to and read back.
    """
    from causeway.cli.views import ProbeView, StepView

    session = session_of(context)
    steps: list[Step] = []
    for step in probe(session, _table(session.configuration(), name)):
        steps.append(step)
        if not as_json:
            mark = paint("ok  ", fg="green") if step.ok else paint("FAIL", fg="red")
            say(f"{mark}  {step.name:<10} {step.text}")
    if as_json:
        print_json(ProbeView(destination=name, steps=[StepView.of(each) for each in steps]).plain())
    if failed := next((step for step in steps if not step.ok), None):
        raise _failed(name, failed)


def probe(session: Session, table: DestinationSettings) -> Iterator[Step]:
    """Every kind of end is a step, also one that nobody foresaw."""
    import contextlib
    import time

    from causeway.destinations import Step, build
    from causeway.errors import CausewayError
    from causeway.observe import failure
    from causeway.pipeline.remembering import LedgerMemory
    from causeway.service.destinations import destination_settings

    configuration = session.configuration()
    with contextlib.ExitStack() as opened:
        if is_there(configuration.ledger_path, configuration):
            ledger = opened.enter_context(session.ledger())
        else:
            import tempfile
            from pathlib import Path

            from causeway.ledger import open_ledger

            folder = opened.enter_context(tempfile.TemporaryDirectory())
            ledger = opened.enter_context(open_ledger(Path(folder) / "ledger.db"))
        memory = LedgerMemory(ledger, table.name, time.time)
        destination = build(destination_settings(table), memory=memory)
        opened.callback(destination.close)
        try:
            yield from destination.probe()
        except CausewayError as error:
            yield Step(name="probe", ok=False, text=error.message, hint=error.hint)
        except Exception as error:  # noqa: BLE001 - its text may quote anything
            said = failure(error)
            yield Step(
                name="probe", ok=False, text=f"unexpected: {said['error']}",
                hint="`--debug` shows where",
            )  # fmt: skip


def _failed(name: str, step: Step) -> ChecksFailed:
    return ChecksFailed(f"{name}: {step.name}: {step.text}", hint=step.hint)


def _table(configuration: Configuration, name: str) -> DestinationSettings:
    for each in configuration.destinations:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in configuration.destinations)
    raise ConfigurationError(
        f'there is no destination "{name}"', hint=f"the configuration has {names or 'none'}"
    )


# --- delivering once more -----------------------------------------------------------------------


def deliver(
    context: typer.Context,
    uid: Reference,
    to: Annotated[
        str,
        typer.Option("--to", metavar="NAME", help="The destination.", show_default=False),
    ] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Deliver a study or series once more, or to another destination as well.

    What is there already is asked for, and only what is missing is sent. Where the rules send later
    images does not change: that is `causeway reroute`.
    """
    from causeway.pipeline.again import targets_at

    session = session_of(context)
    why = reason_for(why, "deliver something again")
    if not to:
        raise ConfigurationError("say where to", hint="--to NAME")
    table = _table(session.configuration(), to)
    with session.ledger() as ledger:
        found(ledger, uid)
        reference, now = reference_of(uid), ledger.now()
        targets, treatment = targets_at(
            ledger, ledger.deliverable(reference), to, str(table.deidentify),
            passes_as_is="none", at=now,
        )  # fmt: skip
        moved = ledger.deliver(
            reference, to, targets, treatment=treatment, who=who_asks(), why=why, now=now
        )
    if as_json:
        from causeway.cli.views import MovedView

        print_json(MovedView(reference=reference, moved=moved).plain())
    elif moved:
        say(f"{reference}: {plural(moved, 'parcel')} will be delivered to {to}")
    else:
        note(f"{reference}: all of it is on its way to {to}")
