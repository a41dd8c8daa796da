"""``status``, ``studies``, ``study``, ``custody``: see what is there and what becomes of it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed, NothingFound
from causeway.cli.references import found_study
from causeway.cli.session import is_there, session_of
from causeway.cli.show import (
    Column,
    Table,
    amount,
    note,
    plural,
    print_json,
    printable,
    say,
    state,
    when,
)
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.ledger import DeliveryRow, EventRow, SeriesRow, StudyRow

MOST_STUDIES = 10_000
"""That one command lists."""

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, with stable fields.")]
Reference = Annotated[
    str,
    typer.Argument(
        metavar="UID",
        help="A UID, or a number as lists show it: 12, study:12, series:34.",
        show_default=False,
    ),
]


def status(
    context: typer.Context,
    check: Annotated[
        bool, typer.Option("--check", help="End with status 8 if something is failing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what the service does, what waits and what needs a person. No patient data."""
    from causeway.cli.health import health_of
    from causeway.cli.status import nothing, nothing_received, status_lines, status_view
    from causeway.doctor.running import running_service
    from causeway.observe.health import State

    session = session_of(context)
    configuration = session.configuration()
    service = running_service(configuration.status_path, now=time.time())
    if is_there(configuration.ledger_path, configuration):
        with contextlib.ExitStack() as opened:
            ledger = opened.enter_context(session.ledger())
            # A ledger whose spool was lost has enough to say.
            spool = (
                opened.enter_context(session.spool())
                if is_there(configuration.spool_dir, configuration)
                else None
            )
            now = ledger.now()
            summary, custody, tallies = ledger.summary(now=now), ledger.custody(), ledger.tallies()
            health = health_of(configuration, service, now, ledger=ledger, spool=spool)
    else:
        now = time.time()
        summary, custody, tallies = nothing(now), nothing_received(), ()
        health = health_of(configuration, service, now)
    if as_json:
        print_json(status_view(service, summary, custody, tallies, health).plain())
    else:
        for line in status_lines(service, summary, custody, tallies, health, now=now):
            say(line)
    if check and health.state is State.FAILING:
        failing = [each for each in health.findings if each.state is State.FAILING]
        raise ChecksFailed(
            "; ".join(
                f"{' '.join(filter(None, [each.check.value, each.subject]))}: {each.reason}"
                for each in failing
            )
        )


def studies(
    context: typer.Context,
    text: Annotated[
        str,
        typer.Argument(
            metavar="[TEXT]",
            help="Part of a name, an ID, an accession number, a description, or a UID's beginning.",
            show_default=False,
        ),
    ] = "",
    in_state: Annotated[
        str,
        typer.Option(
            "--state",
            metavar="STATE",
            help="Only studies in this state, such as arriving, settled, held or dead.",
            show_default=False,
        ),
    ] = "",
    limit: Annotated[int, typer.Option(min=1, max=MOST_STUDIES, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List studies, the latest first; with TEXT, those that match. Shows patient data."""
    from causeway.ledger import StudyState

    if in_state and in_state not in list(StudyState):
        raise ConfigurationError(
            f'there is no state "{in_state}"', hint=f"states are {', '.join(StudyState)}"
        )
    with session_of(context).ledger() as ledger:
        rows = ledger.search(
            text, state=StudyState(in_state) if in_state else None, limit=limit + 1
        )
    more, rows = len(rows) > limit, rows[:limit]
    if as_json:
        from causeway.cli.views import StudiesView, StudyView

        print_json(StudiesView(studies=[StudyView.of(row) for row in rows]).plain())
    elif rows:
        _print_studies(rows)
        if more:
            wider = min(10 * limit, MOST_STUDIES)
            shows = f"`--limit {wider}` shows more of them, or " if wider > limit else ""
            note(f"there are more; {shows}search for less")
    if not rows:
        raise NothingFound(
            "no study matches" if text or in_state else "no study has arrived yet",
            hint="any part of a name, an ID, an accession number or a description will do"
            if text
            else "",
        )


def _print_studies(rows: Sequence[StudyRow]) -> None:
    table = Table(
        [
            Column("STUDY", right=True),
            Column("STATE", coloured=True),
            Column("PATIENT", least=10),
            Column("ID", least=8),
            Column("DATE"),
            Column("DESCRIPTION", least=8),
            Column("SERIES", right=True),
            Column("IMAGES", right=True),
        ]
    )
    for row in rows:
        table.add(
            row.id,
            row.state,
            row.identity.patient_name,
            row.identity.patient_id,
            _date(row.identity.study_date),
            row.identity.study_description,
            row.series_count,
            row.instance_count,
        )
    table.print()


def study(context: typer.Context, uid: Reference, as_json: AsJson = False) -> None:
    """Show one study's life: its series, deliveries and events. Shows patient data."""
    from causeway.cli.status import custody_lines

    with session_of(context).ledger() as ledger:
        row = found_study(ledger, uid)
        series = ledger.series_of(row.id)
        states: dict[int, dict[str, int]] = {one.id: {} for one in series}
        for instance in ledger.instances_of_study(row.id):
            # A series that has come since the others were read is in the next look.
            if (counts := states.get(instance.series_id or 0)) is not None:
                counts[instance.state] = counts.get(instance.state, 0) + 1
        deliveries = ledger.deliveries_of(study_id=row.id)
        events = ledger.events_of(study_id=row.id)
        custody = ledger.custody(row.id)
    if as_json:
        from causeway.cli.views import (
            CustodyView,
            DeliveryView,
            EventView,
            SeriesView,
            StudyLifeView,
            StudyView,
        )

        print_json(
            StudyLifeView(
                study=StudyView.of(row),
                series=[SeriesView.of(one, states[one.id]) for one in series],
                deliveries=[DeliveryView.of(delivery) for delivery in deliveries],
                custody=CustodyView.of(custody),
                events=[EventView.of(event) for event in events],
            ).plain()
        )
        return
    _print_study(row)
    for line in custody_lines(custody):
        say(line)
    _print_series(series, states)
    if deliveries:
        _print_deliveries(deliveries)
    if events:
        _print_life(events)


def _print_study(row: StudyRow) -> None:
    identity = row.identity
    say(f"study:{row.id}".ljust(13) + state(str(row.state)))
    born = f"born {_date(identity.patient_birth_date)}" if identity.patient_birth_date else ""
    who = ", ".join(filter(None, [identity.patient_name, identity.patient_id, born]))
    say(f"patient      {printable(who)}".rstrip())
    about = [
        _date(identity.study_date),
        identity.study_description,
        f"accession {identity.accession_number}" if identity.accession_number else "",
    ]
    say(f"study        {printable(', '.join(part for part in about if part))}".rstrip())
    say(f"UID          {printable(row.study_instance_uid)}")
    say(f"received     {plural(row.received_count, 'object')}, {amount(row.byte_count)}")
    say(f"             from {when(row.first_at)} to {when(row.last_at)}")
    if row.held_by:
        say(f"held         by {printable(row.held_by)}: {printable(row.held_why)}")


def _print_series(series: Sequence[SeriesRow], states: dict[int, dict[str, int]]) -> None:
    say()
    table = Table(
        [
            Column("SERIES", right=True),
            Column("STATE", coloured=True),
            Column("MOD"),
            Column("NO", right=True),
            Column("DESCRIPTION", least=10),
            Column("IMAGES", right=True),
            Column("DETAIL", least=10),
        ]
    )
    for one in series:
        why = one.fail_text or one.fail_code or one.held_why or one.waits_for
        apart = {
            name: count
            for name, count in states[one.id].items()
            if name in ("quarantined", "duplicate", "discarded")
        }
        others = ", ".join(f"{count} {name}" for name, count in apart.items())
        table.add(
            one.id,
            one.state,
            one.modality,
            one.series_number,
            one.series_description,
            one.instance_count,
            "; ".join(part for part in (why or one.completion_reason, others) if part),
        )
    table.print()


def _print_deliveries(deliveries: Sequence[DeliveryRow]) -> None:
    say()
    table = Table(
        [
            Column("DELIVERY", right=True),
            Column("STATE", coloured=True),
            Column("SERIES", right=True),
            Column("TO"),
            Column("TRIES", right=True),
            Column("SINCE"),
            Column("DETAIL", least=10),
        ]
    )
    for delivery in deliveries:
        because = delivery.fail_text or delivery.fail_code or delivery.waits_for
        table.add(
            delivery.id,
            delivery.state,
            delivery.series_id,
            delivery.destination,
            delivery.attempt,
            when(delivery.state_at),
            because if delivery.state != "verified" else delivery.reference,
        )
    table.print()


def _print_life(events: Sequence[EventRow]) -> None:
    say()
    table = Table([Column("WHEN"), Column("WHAT"), Column("OF"), Column("WHY", least=10)])
    for event in events:
        by = f"{event.who}: " if event.who != "causeway" else ""
        table.add(when(event.at), event.what, _about(event), f"{by}{event.why}")
    table.print()


def _about(event: EventRow) -> str:
    for name, number in (
        ("delivery", event.delivery_id),
        ("parcel", event.parcel_id),
        ("instance", event.instance_id),
        ("series", event.series_id),
    ):
        if number is not None:
            return f"{name}:{number}"
    return "study"


def _date(text: str) -> str:
    """YYYYMMDD with hyphens; what is no such date stays as it is."""
    return f"{text[:4]}-{text[4:6]}-{text[6:]}" if len(text) == 8 and text.isdecimal() else text


def custody(
    context: typer.Context,
    uid: Annotated[
        str,
        typer.Argument(
            metavar="[UID]", help="One study; without it, everything.", show_default=False
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check that everything received is accounted for. Fails if it is not."""
    from causeway.cli.status import custody_lines

    with session_of(context).ledger() as ledger:
        found = ledger.custody(found_study(ledger, uid).id if uid else None)
    if as_json:
        from causeway.cli.views import CustodyView

        print_json(CustodyView.of(found).plain())
    else:
        for line in custody_lines(found):
            say(line)
    if not found.holds:
        raise ChecksFailed(
            "custody does not hold: what was received is not all accounted for",
            hint="`causeway spool verify` tells whether bytes are missing; keep the data folder as "
            "it is and report this",
        )
