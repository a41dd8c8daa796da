"""``explain``: what would become of files, or of a study that is here, and why."""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.session import Session, session_of
from causeway.cli.show import note, plural, print_json, printable, say
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.config import Configuration
    from causeway.deidentify.edit.clean import Source
    from causeway.explain import Explained, Left, Plan, Sender, Series

SourceName = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="NAME",
        help="Explain files as if this source had sent them.",
        show_default=False,
    ),
]
CallingAe = Annotated[
    str,
    typer.Option(
        "--calling-ae",
        metavar="AE",
        help="Explain files as if they were sent under this AE title.",
        show_default=False,
    ),
]
_REFERENCE = re.compile(r"(?:(?:study|series|instance):)?[0-9]+|[0-9]+(?:\.[0-9]+)+")
_LEFT_SHOWN = 10
"""Files of a kind that are named without ``--verbose``."""


def explain(
    context: typer.Context,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="WHAT...",
            help="Files, folders of them, or studies and series that arrived: a UID, or a number "
            "as lists show it.",
        ),
    ],
    source: SourceName = "",
    calling_ae: CallingAe = "",
    at: Annotated[
        str,
        typer.Option(
            metavar="TIME",
            help="Explain for this time, such as 2026-11-21T03:00, instead of now.",
            show_default=False,
        ),
    ] = "",
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose", "-v", help="Show every field of the hierarchy, and every file left."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show what becomes of files or of a study, step by step, and change nothing.

    Of each series: whether it is taken, how its routing string is read, its names and where they
    come from, its acquisitions, its route and destinations, and when it goes. With --config
    OTHER.toml, by another configuration. Shows patient data.
    """
    from causeway.explain import Explainer, plan_of
    from causeway.service.deciding import machine_zone, policy_of

    session = session_of(context)
    configuration = session.configuration()
    now = _moment(at)
    sender = _sender(configuration, source, calling_ae)
    paths, references = _told_apart(what)
    series: list[Series] = []
    left: list[Left] = []
    files = 0
    plan = plan_of(configuration, policy_of(configuration), machine_zone())
    if paths:
        series, left, files = _from_files(plan, paths, sender, as_json)
    if references:
        series += _from_ledger(session, references)
    explained = list(Explainer(plan, now).explain(series))
    explained = _cleaned(session, plan, explained)
    if as_json:
        _print_json(session, now, files, explained, left)
    else:
        _print(explained, left, files, verbose=verbose)


def _moment(text: str) -> dt.datetime:
    """An aware time; one without an offset is the machine's."""
    if not text:
        return dt.datetime.now().astimezone()
    try:
        moment = dt.datetime.fromisoformat(text).astimezone()
        _ = moment + dt.timedelta(days=366)  # where schedules are looked up
    except (ValueError, OverflowError):
        raise ConfigurationError(
            f'"{text}" is no time', hint="for example 2026-11-21T03:00, or 2026-11-21"
        ) from None
    return moment


def _sender(configuration: Configuration, name: str, calling_ae: str) -> Sender:
    """Whose rules hold for files: the source named, the one of that AE title, or the only one."""
    from causeway.explain import Sender

    sources = configuration.sources
    if name and name not in [source.name for source in sources]:
        raise ConfigurationError(
            f'there is no source "{name}"',
            hint=f"the configuration has {', '.join(each.name for each in sources) or 'none'}",
        )
    if name:
        fitting = [source for source in sources if source.name == name]
    elif calling_ae:
        fitting = [source for source in sources if source.ae_title in (calling_ae, "*")]
    else:
        fitting = list(sources) if len(sources) == 1 else []
    chosen = fitting[0] if fitting else None
    own = chosen.ae_title if chosen is not None and chosen.ae_title != "*" else ""
    listeners = configuration.listeners
    return Sender(
        source=chosen.name if chosen is not None else "",
        calling_ae=calling_ae or own,
        called_ae=listeners[0].ae_title if len(listeners) == 1 else "",
    )


def _told_apart(what: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Paths, and what names something in the ledger. A file goes before a number."""
    paths, references = [], []
    for text in what:
        if Path(text).exists():
            paths.append(Path(text))
        elif _REFERENCE.fullmatch(text.strip()):
            references.append(text)
        else:
            raise ConfigurationError(
                f"{text} is not there",
                hint="name files or folders, or a study by its UID or number",
            )
    return paths, references


def _from_files(
    plan: Plan, paths: Sequence[Path], sender: Sender, hidden: bool
) -> tuple[list[Series], list[Left], int]:
    from causeway.explain import Gathering, Reader
    from causeway.part10 import files_below

    gathering, reader = Gathering(sender), Reader(decided_by=plan.policy.asks_for)
    files = list(files_below(paths))
    with bar("reading files", len(files), hidden=hidden) as progress:
        for path in files:
            gathering.add(reader.look_at(path))
            progress.advance(1)
    return list(gathering.series()), gathering.left, gathering.files


def _from_ledger(session: Session, references: Sequence[str]) -> list[Series]:
    from causeway.cli.references import found, found_study
    from causeway.explain import series_in_ledger
    from causeway.ledger import SeriesRow

    series: list[Series] = []
    with session.ledger() as ledger:
        for reference in references:
            row = found(ledger, reference)
            study = found_study(ledger, reference)
            rows = (row,) if isinstance(row, SeriesRow) else ledger.series_of(study.id)
            series += [series_in_ledger(ledger, study, one) for one in rows]
    return series


def _cleaned(session: Session, plan: Plan, explained: Sequence[Explained]) -> list[Explained]:
    """With what de-identifying makes of them: tried on the first image of each."""
    from causeway.decide.verdict import Routed
    from causeway.service.beforehand import looking

    asking = any(going.treatment != "none" for each in explained for going in each.goings)
    if not asking:
        return list(explained)
    look = looking(session.configuration(), plan.policy)
    made = []
    for each in explained:
        verdict = each.decision.verdict
        goings = list(each.goings)
        if isinstance(verdict, Routed):
            with _first_image(session, each) as source:
                for position, going in enumerate(goings):
                    if going.treatment != "none" and source is not None:
                        clean = look(source, verdict, going.treatment, each.series.sender.source)
                        goings[position] = replace(going, clean=clean)
        made.append(replace(each, goings=tuple(goings)))
    return made


@contextlib.contextmanager
def _first_image(session: Session, each: Explained) -> Iterator[Source | None]:
    """Of a series, in its file or in the spool; None if its bytes are gone."""
    from causeway.pipeline.deidentify.objects import source_of
    from causeway.service.beforehand import source_in_file

    for path in each.series.files.values():
        with source_in_file(path) as source:
            yield source
        return
    if each.series.ledger_id is None:
        yield None
        return
    with session.ledger() as ledger, session.spool() as spool:
        rows = ledger.to_package(each.series.ledger_id, whole=True)
        here = [row for row in rows if row.bytes_gone_at is None]
        yield source_of(here[0], spool) if here else None


def _print_json(
    session: Session,
    now: dt.datetime,
    files: int,
    explained: Sequence[Explained],
    left: Sequence[Left],
) -> None:
    from causeway.cli.show import iso
    from causeway.cli.views.explain import ExplainView, explained_view, left_view

    view = ExplainView(
        config=str(session.config_path),
        at=iso(now.timestamp()),
        files=files,
        series=[explained_view(each) for each in explained],
        left=[left_view(each) for each in left],
    )
    print_json(view.plain())


def _print(
    explained: Sequence[Explained], left: Sequence[Left], files: int, *, verbose: bool
) -> None:
    from causeway.cli.tree import Guides, tree

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    guides = Guides.for_encoding(sys.stdout.encoding or "ascii")
    for line in tree(explained, width=width, guides=guides, everything=verbose):
        say(line)
    if files:
        _print_left(left, verbose=verbose)
    _sum_up(explained, left, files)


def _print_left(left: Sequence[Left], *, verbose: bool) -> None:
    from causeway.explain import Fate

    for fate in Fate:
        of_it = [each for each in left if each.fate is fate]
        if not of_it:
            continue
        say()
        say(f"{fate.value}: {plural(len(of_it), 'file')}")
        shown = of_it if verbose else of_it[:_LEFT_SHOWN]
        for each in shown:
            say(f"  {printable(str(each.path))}: {each.reason}")
        if len(shown) < len(of_it):
            note(f"  and {len(of_it) - len(shown)} more; --verbose names them all")


def _sum_up(explained: Sequence[Explained], left: Sequence[Left], files: int) -> None:
    outcomes = Counter(each.outcome for each in explained)
    told = ", ".join(
        f"{outcomes[outcome]:,} {outcome}"
        for outcome in ("sent", "held", "skipped")
        if outcomes[outcome]
    )
    studies = len({each.series.study_instance_uid for each in explained})
    counts = (
        f"{plural(len(explained), 'series', 'series')} of {plural(studies, 'study', 'studies')}"
    )
    say()
    say(f"{counts}: {told or 'nothing'}")
    if files:
        say(f"{plural(files, 'file')}: {files - len(left):,} in these series, {len(left):,} not")
