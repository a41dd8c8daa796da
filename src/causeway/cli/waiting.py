"""``queue``, ``skipped`` and ``reroute``: what waits, what goes nowhere, and putting it right."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.operate import Why, reason_for
from causeway.cli.references import found, reference_of
from causeway.cli.session import Session, session_of, who_asks
from causeway.cli.show import Column, Table, ago, amount, note, plural, print_json, say, when
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.ledger import QueueLane, Rerouted, SeriesRow, StudyRow


def queue(context: typer.Context, as_json: AsJson = False) -> None:
    """Show what waits to be delivered: how much, how old, and when it may go. No patient data."""
    with session_of(context).ledger() as ledger:
        now = ledger.now()
        lanes = ledger.queue(now=now)
    if as_json:
        from causeway.cli.views import QueueLaneView, QueueView

        print_json(QueueView(destinations=[QueueLaneView.of(lane) for lane in lanes]).plain())
    elif not lanes:
        say("nothing waits to be delivered")
    else:
        _print_queue(lanes, now)


def _print_queue(lanes: Sequence[QueueLane], now: float) -> None:
    table = Table(
        [
            Column("TO"),
            Column("WAITING", right=True),
            Column("SIZE", right=True),
            Column("OLDEST", right=True),
            Column("MAY GO"),
            Column("SENDING", right=True),
            Column("URGENT", right=True),
            Column("HELD", right=True),
            Column("DEAD", right=True),
        ]
    )
    for lane in lanes:
        table.add(
            lane.destination,
            f"{lane.count:,}",
            amount(lane.bytes),
            "" if lane.oldest_at is None else ago(now - lane.oldest_at),
            _may_go(lane, now),
            *(number or "" for number in (lane.sending, lane.urgent, lane.held, lane.dead)),
        )
    table.print()
    for lane in lanes:
        for wait in lane.waits:
            say(
                f"{lane.destination}: {plural(wait.count, 'parcel')} for {wait.why}, "
                f"from {when(wait.until)}"
            )
        if lane.failing:
            say(
                f"{lane.destination}: {lane.failing:,} failed the last time and will be tried again"
            )


def _may_go(lane: QueueLane, now: float) -> str:
    if lane.next_at is None:
        return "when released" if lane.held else ""
    return "now" if lane.next_at <= now else when(lane.next_at)


def skipped(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List series that go nowhere by the rules, and why. Shows patient data.

    `causeway release series:NUMBER` lets one go all the same; a series whose header says otherwise
    later goes by itself.
    """
    from causeway.ledger import SeriesState

    with session_of(context).ledger() as ledger:
        rows = ledger.series_in(SeriesState.DENIED, limit=limit + 1)
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        from causeway.cli.views import SkippedSeriesView, SkippedView

        views = [SkippedSeriesView.of(study, row) for study, row in rows]
        print_json(SkippedView(series=views).plain())
    elif not rows:
        say("no series is skipped")
    else:
        _print_skipped(rows)
        if more:
            note(f"there are more; `--limit {limit * 10}` shows them")


def _print_skipped(rows: Sequence[tuple[StudyRow, SeriesRow]]) -> None:
    table = Table(
        [
            Column("SERIES", right=True),
            Column("STUDY", right=True),
            Column("ID", least=8),
            Column("MOD"),
            Column("NO", right=True),
            Column("DESCRIPTION", least=8),
            Column("IMAGES", right=True),
            Column("SINCE"),
            Column("WHY", least=16),
        ]
    )
    for study, row in rows:
        table.add(
            row.id,
            study.id,
            study.identity.patient_id,
            row.modality,
            row.series_number,
            row.series_description,
            row.instance_count,
            when(row.state_at),
            row.held_why,
        )
    table.print()


# --- reroute ------------------------------------------------------------------------------------


def reroute(
    context: typer.Context,
    uid: Annotated[
        str,
        typer.Argument(
            metavar="UID",
            help="A study or series: a UID, or a number as lists show it.",
            show_default=False,
        ),
    ],
    routing: Annotated[
        str,
        typer.Argument(
            metavar="[ROUTING]",
            help="The routing string that should have stood in it, such as fw://neuro/Amnesia.",
            show_default=False,
        ),
    ] = "",
    to: Annotated[
        list[str] | None,
        typer.Option(
            "--to",
            metavar="NAME",
            help="Send it to this destination instead of those of the routes; can be repeated.",
            show_default=False,
        ),
    ] = None,
    unlisted: Annotated[
        bool,
        typer.Option(
            "--unlisted", help="The place is meant, although routing.known does not have it."
        ),
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Send a study or series where it should have gone, before or after it was delivered.

    What comes for it later goes there too. What is delivered already is sent again, whole, and what
    stands at the old place stays there and is listed.
    """
    session = session_of(context)
    why = reason_for(why, "reroute something")
    destinations = tuple(to or ())
    understood = _understood(session, routing, destinations, unlisted=unlisted)
    with session.ledger() as ledger:
        found(ledger, uid)
        reference = reference_of(uid)
        done = ledger.reroute(
            reference,
            routing=understood,
            destinations=destinations,
            who=who_asks(),
            why=why,
            now=ledger.now(),
        )
    if as_json:
        from causeway.cli.views import RerouteView

        print_json(RerouteView.of(reference, understood, destinations, done).plain())
    else:
        _print_rerouted(reference, understood, destinations, done)


def _understood(
    session: Session, routing: str, destinations: tuple[str, ...], *, unlisted: bool
) -> str:
    """The routing string as it should be typed; refused if it cannot be read.

    Nobody who corrects a study should make it wrong again: what the site does not have is told, and
    where such strings are held when they come from a console, it has to be said twice.
    """
    from causeway.decide.nearest import suggest
    from causeway.decide.policy import Otherwise
    from causeway.decide.routing import RoutingForm, Unparsed, canonical, parse
    from causeway.service.deciding import policy_of

    configuration = session.configuration()
    known = [one.name for one in configuration.destinations]
    for name in destinations:
        if name not in known:
            is_routing = "/" in name and not routing.strip()
            raise ConfigurationError(
                f'there is no destination "{name}"',
                hint=f"a routing string stands behind the study, without --to: {name}"
                if is_routing
                else f"the configuration has {', '.join(known) or 'none'}",
            )
    if not routing.strip():
        if not destinations:
            raise ConfigurationError(
                "say where it goes",
                hint="a routing string such as fw://neuro/Amnesia, or --to NAME",
            )
        return ""
    place = parse(routing, RoutingForm(), where="operator")
    if isinstance(place, Unparsed):
        raise ConfigurationError(
            f"the routing string cannot be read: {place.reason}",
            hint=f"did you mean {place.suggestion}?"
            if place.suggestion
            else "for example fw://neuro/Amnesia/sub-001",
        )
    usual = policy_of(configuration).usual.routing
    suggestion = suggest(place, usual.known)
    if suggestion is not None:
        meant = f"did you mean {suggestion.meant}?" if suggestion.meant else ""
        if usual.unknown is Otherwise.HOLD and not unlisted:
            raise ConfigurationError(
                suggestion.reason, hint=f"{meant} --unlisted sends it there all the same".strip()
            )
        note("; ".join(part for part in (f"note: {suggestion.reason}", meant) if part))
    return canonical(place)


def _print_rerouted(
    reference: str, routing: str, destinations: tuple[str, ...], done: Rerouted
) -> None:
    where = " to ".join(part for part in (routing, ", ".join(destinations)) if part)
    again = (
        f", {plural(len(done.again_ids), 'series', 'series')} once more" if done.again_ids else ""
    )
    count = plural(len(done.series_ids), "series", "series")
    say(f"{reference}: rerouted: {where} ({count}{again})")
    if done.withdrawn:
        say(f"{plural(done.withdrawn, 'parcel')} on the way withdrawn")
    for one in done.standing:
        verb = "stands" if one.certain else "may stand"
        say(f"{verb} at {one.destination}, and is not removed there: {one.reference}")
