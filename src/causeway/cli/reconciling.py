"""``reconcile``: what a node has and what came of it, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed
from causeway.cli.look import AsJson
from causeway.cli.nodes import NodeName, node_of
from causeway.cli.operate import Why
from causeway.cli.pulling import (
    is_failing,
    look,
    need_service,
    target_of,
    wait_for,
    window_of,
)
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import Column, Table, plural, print_json, say
from causeway.errors import ConfigurationError, PeerError

if TYPE_CHECKING:
    from causeway.ledger import Ledger, SeriesSeen, StudySeen


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A series at a node, and here."""

    study: StudySeen = field(repr=False)
    series: SeriesSeen = field(repr=False)
    there: int
    here: int

    @property
    def missing(self) -> int:
        """Images that the node has and that never came."""
        return max(self.there - self.here, 0)


def reconcile(
    context: typer.Context,
    node: NodeName,
    since: Annotated[
        str,
        typer.Option(
            metavar="DATE",
            help="Study dates from this one on, such as 2026-11-20.",
            show_default=False,
        ),
    ],
    until: Annotated[
        str, typer.Option(metavar="DATE", help="Study dates up to this one.", show_default=False)
    ] = "",
    pull: Annotated[
        bool, typer.Option("--pull", help="Retrieve what is missing, and wait until it is here.")
    ] = False,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Compare a node with what came of it, series by series, and retrieve the gaps.

    Asks the node anew; what was opted out, or made here, is left alone. Ends with status 8 while
    something is missing. Shows UIDs.
    """
    if not since:
        raise ConfigurationError("since when?", hint="say --since DATE")
    session = session_of(context)
    settings = node_of(session, node)
    window = window_of(since, until)
    plan, target = target_of(session, settings)
    if pull:
        need_service(session, wait=True)
    with session.ledger() as ledger:
        studies = look(
            target, plan, ledger, study=[], series=[], accession=[],
            window=window,
        )  # fmt: skip
        compared = _compared(ledger, studies)
        gaps = [each for each in compared if each.missing]
        if pull and gaps:
            wanted = _only(studies, {each.series.series_instance_uid for each in gaps})
            ids = ledger.ask_for(
                settings.name, wanted, who=who_asks(), why=why.strip(), now=ledger.now(),
                anew=False,
            )  # fmt: skip
            failing = [row for row in wait_for(ledger, ids, hidden=as_json) if is_failing(row)]
            compared = _compared(ledger, studies)
            gaps = [each for each in compared if each.missing]
            if failing:
                _tell(settings.name, compared, gaps, as_json=as_json)
                raise PeerError(
                    f"{plural(len(failing), 'series', 'series')} of {settings.name} could not be "
                    f"retrieved: {failing[0].fail_text}",
                    hint=failing[0].fail_hint,
                )
    _tell(settings.name, compared, gaps, as_json=as_json)
    if gaps:
        missing = sum(each.missing for each in gaps)
        raise ChecksFailed(
            f"{plural(missing, 'image')} of {plural(len(gaps), 'series', 'series')} of "
            f"{settings.name} never came",
            hint=f"`causeway reconcile {settings.name} --since {since} --pull` retrieves them",
        )


def _compared(ledger: Ledger, studies: Sequence[StudySeen]) -> list[Compared]:
    return [
        Compared(
            study=study,
            series=series,
            there=series.image_count or 0,
            here=len(ledger.here(series.series_instance_uid)),
        )
        for study in studies
        for series in study.series
        if not series.skip_code
    ]


def _only(studies: Sequence[StudySeen], wanted: set[str]) -> list[StudySeen]:
    chosen = [
        replace(
            study, series=tuple(one for one in study.series if one.series_instance_uid in wanted)
        )
        for study in studies
    ]
    return [study for study in chosen if study.series]


def _tell(
    name: str, compared: Sequence[Compared], gaps: Sequence[Compared], *, as_json: bool
) -> None:
    if as_json:
        from causeway.cli.views import GapView, ReconcileView

        print_json(
            ReconcileView(
                node=name,
                series=len(compared),
                images_there=sum(each.there for each in compared),
                images_here=sum(each.here for each in compared),
                missing=sum(each.missing for each in gaps),
                gaps=[
                    GapView(
                        study_instance_uid=each.study.study_instance_uid,
                        series_instance_uid=each.series.series_instance_uid,
                        study_date=each.study.study_date,
                        modality=each.series.modality,
                        images_there=each.there,
                        images_here=each.here,
                    )
                    for each in gaps
                ],
            ).plain()
        )
        return
    if gaps:
        table = Table(
            [
                Column("DATE"),
                Column("MOD"),
                Column("NO", right=True),
                Column("THERE", right=True),
                Column("HERE", right=True),
                Column("MISSING", right=True),
                Column("SERIES", least=12),
            ]
        )
        for each in gaps:
            table.add(
                each.study.study_date, each.series.modality, each.series.series_number,
                each.there, each.here, each.missing, each.series.series_instance_uid,
            )  # fmt: skip
        table.print()
    there = sum(each.there for each in compared)
    say(
        f"{plural(len(compared), 'series', 'series')} with {plural(there, 'image')} at {name}: "
        + ("all of them came" if not gaps else f"{len(gaps):,} with gaps")
    )
