"""``find`` and ``pull``: ask a node now, and have the service retrieve something now."""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson
from causeway.cli.nodes import NodeName, node_of, print_series
from causeway.cli.operate import Why
from causeway.cli.progress import bar
from causeway.cli.session import Session, session_of, who_asks
from causeway.cli.show import Column, Table, note, plural, print_json, printable, say, when
from causeway.errors import ConfigurationError, PeerError, StartupError

if TYPE_CHECKING:
    from causeway.attributes import Attributes
    from causeway.config import NodeSettings
    from causeway.ledger import Ledger, NodeSeriesRow, StudySeen
    from causeway.pull.asking import Asking
    from causeway.pull.contract import Node
    from causeway.pull.plan import NodePlan
    from causeway.pull.windows import Window

Study = Annotated[
    list[str] | None,
    typer.Option("--study", metavar="UID", help="Study Instance UID.", show_default=False),
]
Series = Annotated[
    list[str] | None,
    typer.Option("--series", metavar="UID", help="Series Instance UID.", show_default=False),
]
Accession = Annotated[
    list[str] | None,
    typer.Option("--accession", metavar="NUMBER", help="Accession Number.", show_default=False),
]
Since = Annotated[
    str,
    typer.Option(
        metavar="DATE", help="Study dates from this one on, such as 2026-11-20.", show_default=False
    ),
]
Until = Annotated[
    str, typer.Option(metavar="DATE", help="Study dates up to this one.", show_default=False)
]

FOUND = {
    "study": ("StudyDate", "StudyTime", "PatientID", "PatientName", "AccessionNumber",
              "ModalitiesInStudy", "StudyDescription", "NumberOfStudyRelatedSeries",
              "NumberOfStudyRelatedInstances", "StudyInstanceUID"),
    "series": ("Modality", "SeriesNumber", "SeriesDescription", "NumberOfSeriesRelatedInstances",
               "SeriesInstanceUID", "StudyInstanceUID"),
    "image": ("InstanceNumber", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID"),
}  # fmt: skip
"""What is asked for where nothing else is said, in the order of columns."""
WAIT_SECONDS = 0.2


def find(
    context: typer.Context,
    node: NodeName,
    keys: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Attributes to match, with * and ?; KEY alone asks for its value.",
            show_default=False,
        ),
    ] = None,
    level: Annotated[
        str, typer.Option(help="`study`, `series` or `image`.", metavar="LEVEL")
    ] = "study",
    since: Since = "",
    until: Until = "",
    study: Study = None,
    series: Series = None,
    limit: Annotated[int, typer.Option(min=1, max=1000000, help="At most so many.")] = 200,
    as_json: AsJson = False,
) -> None:
    """Ask a node what it has, now, by C-FIND or QIDO-RS. Shows patient data; changes nothing."""
    from causeway.attributes import name_of, tag_of
    from causeway.pull.contract import Level, Query

    if level not in FOUND:
        raise ConfigurationError(f'there is no level "{level}"', hint="study, series or image")
    settings = node_of(session_of(context), node)
    dates = window_of(since, until).dates
    wanted = {tag_of(name): "" for name in FOUND[level]}
    if level == "study" or dates:
        wanted[tag_of("StudyDate")] = dates
    for name, values in (("StudyInstanceUID", study), ("SeriesInstanceUID", series)):
        if values:
            wanted[tag_of(name)] = "\\".join(values)
    for each in keys or ():
        name, _, value = each.partition("=")
        wanted[tag_of(name)] = value
    if level != "study" and not study and not wanted.get(tag_of("StudyInstanceUID")):
        note("without --study only nodes that know relational queries can answer this")
    query = Query(level=Level(level.upper()), keys=wanted)
    plan, target = target_of(session_of(context), settings)
    del plan
    answers: list[Attributes] = []
    complete = True
    with target.session() as asked:
        for match in asked.find(query):
            if len(answers) == limit:
                complete = False
                break
            answers.append(match.attributes)
    shown = [tag for tag in wanted if any(answer.values.get(tag) for answer in answers)]
    if as_json:
        from causeway.cli.views import FoundView

        print_json(
            FoundView(
                node=settings.name, level=level, complete=complete,
                answers=[
                    {name_of(tag): list(answer.values.get(tag, ())) for tag in wanted}
                    for answer in answers
                ],
            ).plain()
        )  # fmt: skip
        return
    if not answers:
        say("nothing matches")
        return
    uids = {tag_of(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")}
    table = Table([Column(name_of(tag), least=0 if tag in uids else 6) for tag in shown])
    for answer in answers:
        table.add(*(answer.text(tag) or "" for tag in shown))
    table.print()
    say(plural(len(answers), "answer") + ("" if complete else f"; there are more than {limit}"))


def pull(
    context: typer.Context,
    node: NodeName,
    study: Study = None,
    series: Series = None,
    accession: Accession = None,
    since: Since = "",
    until: Until = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="Retrieve images that are here already, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be retrieved.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is here.")] = True,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Retrieve studies or series from a node now, ahead of all others. The running service does it;
    Ctrl-C only ends the waiting. Shows UIDs.
    """
    if not (study or series or accession or since or until):
        raise ConfigurationError(
            "what is to be pulled?", hint="say --study, --series, --accession or --since"
        )
    session = session_of(context)
    settings = node_of(session, node)
    plan, target = target_of(session, settings)
    if study or series or accession:
        plan = replace(plan, filters={})
    window = window_of(since, until)
    if not dry_run:
        need_service(session, wait=wait)
    with session.ledger() as ledger:
        found = look(
            target, plan, ledger, study=study or [], series=series or [],
            accession=accession or [], window=window,
        )  # fmt: skip
        wanted = [
            replace(each, series=tuple(one for one in each.series if not one.skip_code))
            for each in found
        ]
        count = sum(len(each.series) for each in wanted)
        skipped = sum(len(each.series) for each in found) - count
        if skipped and not as_json:
            note(f"{plural(skipped, 'series is', 'series are')} opted out or made here: not pulled")
        if not count:
            raise NothingFound(
                f"node {settings.name} has nothing of that kind",
                hint=f"`causeway find {settings.name}` shows what it has",
            )
        if dry_run:
            rows = _as_rows(ledger, settings.name, wanted)
        else:
            ids = ledger.ask_for(
                settings.name, wanted, who=who_asks(), why=why.strip(), now=ledger.now(),
                anew=anew,
            )  # fmt: skip
            rows = wait_for(ledger, ids, hidden=as_json) if wait else _rows(ledger, ids)
        here = {row.id: len(ledger.here(row.series_instance_uid)) for row in rows if row.id}
    _tell(settings.name, rows, here, dry_run=dry_run, as_json=as_json)
    failed = [row for row in rows if is_failing(row)]
    if failed and not dry_run:
        raise PeerError(
            f"{plural(len(failed), 'series', 'series')} of {settings.name} could not be retrieved: "
            f"{failed[0].fail_text}",
            hint=failed[0].fail_hint,
        )


def target_of(session: Session, settings: NodeSettings) -> tuple[NodePlan, Node]:
    from causeway.pull.abilities import Abilities
    from causeway.service.nodes import make_node, node_plan

    configuration = session.configuration()
    plan = node_plan(settings, configuration)
    made = make_node(plan, configuration, Abilities(), sink=None, asker=None, emit=_be_quiet)
    return plan, made


def _be_quiet(event: str, /, **fields: object) -> None:
    """A command tells in its own words."""


def need_service(session: Session, *, wait: bool) -> None:
    from causeway.doctor.running import running_service

    if running_service(session.configuration().status_path, now=time.time()) is None and wait:
        raise StartupError(
            "the service does not run, and it is the service that retrieves",
            hint="start `causeway run`, or queue it for the next start with --no-wait",
        )


def look(
    target: Node,
    plan: NodePlan,
    ledger: Ledger,
    *,
    study: Sequence[str],
    series: Sequence[str],
    accession: Sequence[str],
    window: Window,
) -> list[StudySeen]:
    from causeway.pull.abilities import Abilities
    from causeway.pull.asking import Asking
    from causeway.pull.keys import ACCESSION_NUMBER, STUDY_INSTANCE_UID
    from causeway.pull.polling import without_ours

    found: dict[str, StudySeen] = {}
    with target.session() as session:
        asking = Asking(session, plan, Abilities(), today=dt.datetime.now().astimezone().date())
        studies = list(study)
        if series and not study and not accession:
            studies += _studies_of(asking, ledger, plan.name, series)
        questions: list[Mapping[int, str]] = [{STUDY_INSTANCE_UID: uid} for uid in studies]
        questions += [{ACCESSION_NUMBER: number} for number in accession]
        for question in questions or [{}]:
            # The whole answer first: one question at a time.
            for answer in list(asking.studies(window, more=question)):
                if answer.uid not in found:
                    found[answer.uid] = asking.look_into(answer)
    found = {each.study_instance_uid: each for each in without_ours([*found.values()], ledger)}
    if not series:
        return list(found.values())
    return [
        replace(
            each,
            series=tuple(one for one in each.series if one.series_instance_uid in series),
        )
        for each in found.values()
    ]


def _studies_of(asking: Asking, ledger: Ledger, name: str, series: Sequence[str]) -> list[str]:
    """The studies of series: as they are known, or as a node with relational queries says."""
    known = {
        row.series_instance_uid: row.study_instance_uid
        for row in ledger.node_series(name, series=series)
    }
    studies = list(known.values())
    for uid in series:
        if uid not in known:
            found = asking.study_of(uid)
            if found is None:
                raise NothingFound(
                    "the node does not say to which study a series belongs",
                    hint="name its study as well: --study UID",
                )
            studies.append(found)
    return list(dict.fromkeys(studies))


def window_of(since: str, until: str) -> Window:
    """Study dates, as a person writes them."""
    from causeway.pull.windows import Window

    first, last = _date(since, "--since"), _date(until, "--until")
    if first is not None and last is not None and last < first:
        raise ConfigurationError(
            f"--until {until} is before --since {since}", hint="exchange the two dates"
        )
    return Window(first, last)


def _date(text: str, option: str) -> dt.date | None:
    if not text:
        return None
    bare = text.replace("-", "")
    if re.fullmatch(r"\d{8}", bare):
        try:
            return dt.date.fromisoformat(bare)
        except ValueError:
            pass
    raise ConfigurationError(f'"{text}" is no date', hint=f"{option} takes one such as 2026-11-20")


def _rows(ledger: Ledger, ids: Sequence[int]) -> list[NodeSeriesRow]:
    return list(ledger.node_series_by_id(ids).values())


def _as_rows(ledger: Ledger, name: str, studies: Sequence[StudySeen]) -> list[NodeSeriesRow]:
    """Rows as they are, or as they would be."""
    return list(_made(ledger, name, studies))


def _made(ledger: Ledger, name: str, studies: Sequence[StudySeen]) -> Iterator[NodeSeriesRow]:
    from causeway.ledger import NodeSeriesRow

    for study in studies:
        known = {
            row.series_instance_uid: row
            for row in ledger.node_series(name, studies=[study.study_instance_uid])
        }
        for one in study.series:
            yield known.get(one.series_instance_uid) or NodeSeriesRow(
                node=name,
                study_instance_uid=study.study_instance_uid,
                series_instance_uid=one.series_instance_uid,
                study_date=study.study_date,
                modality=one.modality,
                series_number=one.series_number,
                image_count=one.image_count,
            )


def is_failing(row: NodeSeriesRow) -> bool:
    """It failed, and is not being tried right now."""
    from causeway.ledger import NodeSeriesState

    return bool(row.fail_code) and row.state in (
        NodeSeriesState.ABANDONED,
        NodeSeriesState.QUEUED,
    )


def wait_for(ledger: Ledger, ids: Sequence[int], *, hidden: bool) -> list[NodeSeriesRow]:
    """Until each series is here, or has failed at least once."""
    from causeway.ledger import NodeSeriesState

    total = sum(row.image_count or 0 for row in _rows(ledger, ids))
    with bar("retrieving", total or None, hidden=hidden) as progress:
        while True:
            rows = _rows(ledger, ids)
            come = sum(len(ledger.here(row.series_instance_uid)) for row in rows)
            progress.reach(min(come, total) if total else come, total or come)
            under_way = [
                row
                for row in rows
                if row.state is not NodeSeriesState.RETRIEVED and not is_failing(row)
            ]
            if not under_way:
                return rows
            time.sleep(WAIT_SECONDS)


def _tell(
    name: str,
    rows: Sequence[NodeSeriesRow],
    here: dict[int, int],
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    from causeway.ledger import NodeSeriesState

    retrieved = sum(row.state is NodeSeriesState.RETRIEVED for row in rows)
    failed = sum(is_failing(row) for row in rows)
    if as_json:
        from causeway.cli.views import NodeSeriesView, PullView

        print_json(
            PullView(
                node=name, asked=len(rows), retrieved=retrieved, failed=failed,
                waiting=len(rows) - retrieved - failed, dry_run=dry_run,
                series=[NodeSeriesView.of(row, here.get(row.id, 0)) for row in rows],
            ).plain()
        )  # fmt: skip
        return
    if dry_run:
        print_series(rows, here)
        images = sum(row.image_count or 0 for row in rows)
        say(f"{plural(len(rows), 'series', 'series')} with {plural(images, 'image')} at {name}")
        return
    for row in rows:
        if is_failing(row):
            again = (
                "abandoned"
                if row.state is NodeSeriesState.ABANDONED
                else f"tried again at {when(row.due_at)}"
            )
            say(f"series {row.id}: {printable(row.fail_text)} ({again})")
    say(
        f"{retrieved:,} of {plural(len(rows), 'series', 'series')} retrieved, "
        f"{plural(sum(here.values()), 'image')} here" + (f", {failed:,} failed" if failed else "")
    )
