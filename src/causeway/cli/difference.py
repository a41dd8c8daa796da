"""``config diff``: what another configuration would have made of recent traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.session import Session, session_of
from causeway.cli.show import paint, plural, print_json, printable, say
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.explain import Change, Explained, Plan, Series
    from causeway.ledger import Ledger, SeriesRow, StudyRow

_SECONDS_A_DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class _Changed:
    """One series, and what would be otherwise."""

    study: StudyRow
    series: SeriesRow
    changes: tuple[Change, ...]


def diff(
    context: typer.Context,
    other: Annotated[
        Path,
        typer.Argument(
            metavar="OTHER.toml", help="The configuration to compare with.", show_default=False
        ),
    ],
    since: Annotated[
        float,
        typer.Option(
            metavar="DAYS", min=0, help="Studies with an arrival in the last DAYS; 0 for all."
        ),
    ] = 7,
    as_json: AsJson = False,
) -> None:
    """Say which recent studies OTHER.toml would send elsewhere, hold, skip or name otherwise.

    Each series in the ledger is explained by both configurations, as of when its last image came.
    Nothing is changed. Shows patient data.
    """
    session = session_of(context)
    before, after = _plan(session.config_path), _plan(other)
    changed: list[_Changed] = []
    studies = series = 0
    with session.ledger() as ledger:
        from_then = ledger.now() - since * _SECONDS_A_DAY if since else None
        with bar("asking both configurations", None, hidden=as_json) as progress:
            for study, rows in _traffic(ledger, from_then):
                studies, series = studies + 1, series + len(rows)
                changed += _compared(ledger, study, rows, before, after)
                progress.advance(1)
    if as_json:
        _print_json(session, other, from_then, studies, series, changed)
    else:
        _print(changed, studies, series)


def _plan(path: Path) -> Plan:
    from causeway.config import read
    from causeway.explain import plan_of
    from causeway.service.deciding import machine_zone, policy_of

    if not path.exists():
        raise ConfigurationError(f"{path} is not there", hint="name the file to compare with")
    configuration = read(path).configuration
    return plan_of(configuration, policy_of(configuration), machine_zone())


def _traffic(
    ledger: Ledger, since: float | None
) -> Iterator[tuple[StudyRow, tuple[SeriesRow, ...]]]:
    from causeway.explain import studies_since

    for study in studies_since(ledger, since):
        yield study, ledger.series_of(study.id)


def _compared(
    ledger: Ledger, study: StudyRow, rows: tuple[SeriesRow, ...], before: Plan, after: Plan
) -> Iterator[_Changed]:
    from causeway.explain import changes, series_in_ledger

    found = [series_in_ledger(ledger, study, row) for row in rows]
    told = zip(rows, _explained(found, before), _explained(found, after), strict=True)
    for row, old, new in told:
        if differences := changes(old, new):
            yield _Changed(study=study, series=row, changes=differences)


def _explained(series: list[Series], plan: Plan) -> Iterator[Explained]:
    from causeway.explain import Explainer

    return Explainer(plan, None).explain(series)


def _print_json(
    session: Session,
    other: Path,
    since: float | None,
    studies: int,
    series: int,
    changed: list[_Changed],
) -> None:
    from causeway.cli.show import iso
    from causeway.cli.views.explain import ChangedSeriesView, ChangeView, ConfigDiffView

    view = ConfigDiffView(
        before=str(session.config_path),
        after=str(other),
        since=iso(since),
        studies=studies,
        series=series,
        changed=[
            ChangedSeriesView(
                study=each.study.id,
                series=each.series.id,
                study_instance_uid=each.study.study_instance_uid,
                series_instance_uid=each.series.series_instance_uid,
                patient_id=each.study.identity.patient_id,
                series_description=each.series.series_description,
                changes=[
                    ChangeView(what=one.what, before=one.before, after=one.after)
                    for one in each.changes
                ],
            )
            for each in changed
        ],
    )
    print_json(view.plain())


def _print(changed: list[_Changed], studies: int, series: int) -> None:
    study_id = None
    for each in changed:
        if each.study.id != study_id:
            if study_id is not None:
                say()
            study_id = each.study.id
            identity = each.study.identity
            about = [identity.study_description, identity.patient_id]
            say(
                f"{paint(f'study:{study_id}', bold=True)}  "
                f"{printable(', '.join(part for part in about if part))}".rstrip()
            )
        name = f"series:{each.series.id} {each.series.series_description}".rstrip()
        say(f"  {printable(name)}")
        for one in each.changes:
            say(f"    {one.what.ljust(13)}{printable(one.before) or 'none'}")
            say(f"    {''.ljust(10)}-> {printable(one.after) or 'none'}")
    if changed:
        say()
    kinds = Counter(one.what for each in changed for one in each.changes)
    asked = f"{plural(series, 'series', 'series')} of {plural(studies, 'study', 'studies')}"
    told = f": {', '.join(f'{what} {count:,}' for what, count in kinds.items())}" if kinds else ""
    say(f"{asked}: {f'{len(changed):,} would be otherwise' if changed else 'no difference'}{told}")
