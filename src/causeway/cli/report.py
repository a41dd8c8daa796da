"""``report`` and ``crosswalk export``: what was done to a study, and, on request, who was who."""

from __future__ import annotations

import csv
import datetime as dt
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson, Reference
from causeway.cli.operate import Why, reason_for
from causeway.cli.references import found_study
from causeway.cli.session import session_of, who_asks
from causeway.cli.show import plural, print_json, printable, say
from causeway.errors import ConfigurationError, StartupError

if TYPE_CHECKING:
    from causeway.ledger import CleanedRow, Ledger, StudyRow, TreatmentRow

Under = Annotated[
    str,
    typer.Option(
        "--profile", metavar="NAME", help="Only what was done by this profile.", show_default=False
    ),
]
UidMap = Annotated[
    Path | None,
    typer.Option(
        "--uid-map",
        metavar="FILE",
        help="Write old and new UIDs of the study to this CSV file. It undoes the "
        "de-identification; that it was asked for, by whom and why, is kept.",
        show_default=False,
    ),
]


def report(
    context: typer.Context,
    uid: Reference,
    profile: Under = "",
    uid_map: UidMap = None,
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Report how a study was de-identified, once for each treatment. No patient data.

    What is still on its way, held or in doubt is in it as well.
    """
    from causeway.pipeline.deidentify.reporting import report as report_of

    if uid_map is not None:
        why = reason_for(why, "be told which UID was which")
    with session_of(context).ledger() as ledger:
        study = found_study(ledger, uid)
        found = [
            (treatment, rows)
            for treatment, rows in _treated(ledger, study)
            if profile in ("", treatment.name)
        ]
        if not found:
            raise NothingFound(
                f"nothing of study:{study.id} was de-identified"
                + (f' by "{profile}"' if profile else ""),
                hint=f"`causeway study {study.id}` says where it is",
            )
        reports = [report_of(treatment, rows, ledger) for treatment, rows in found]
        if uid_map is not None:
            _write_map(uid_map, ledger, study, found, why)
    if as_json:
        from causeway.cli.views import ReportsView

        print_json(ReportsView(reports=[each.fields() for each in reports]).plain())
        return
    for number, each in enumerate(reports):
        if number:
            say()
        say(printable_lines(each.text()))


def printable_lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.rstrip("\n").split("\n"))


def _treated(ledger: Ledger, study: StudyRow) -> Iterator[tuple[TreatmentRow, list[CleanedRow]]]:
    rows = [row for series in ledger.series_of(study.id) for row in ledger.cleaned_of(series.id)]
    treatments = ledger.treatments({row.treatment_id for row in rows})
    for key, treatment in sorted(treatments.items()):
        yield treatment, [row for row in rows if row.treatment_id == key]


def _write_map(
    path: Path,
    ledger: Ledger,
    study: StudyRow,
    found: Iterable[tuple[TreatmentRow, list[CleanedRow]]],
    why: str,
) -> None:
    """Written down before anybody is told."""
    ledger.note("study.uid_map", who=who_asks(), why=why, now=ledger.now(), study_id=study.id)
    rows: set[tuple[str, str, str]] = set()
    for series in ledger.series_of(study.id):
        known = {row.id: row for row in ledger.instances_of(series.id)}
        for treatment, cleaned in found:
            for row in cleaned:
                instance = known.get(row.instance_id)
                if instance is None or row.state != "clean":
                    continue
                for old, new in (
                    (study.study_instance_uid, row.study_instance_uid),
                    (series.series_instance_uid, row.series_instance_uid),
                    (instance.sop_instance_uid, row.sop_instance_uid),
                ):
                    rows.add((treatment.name, old, new))
    _write_csv(path, ("profile", "id_old", "id_new"), sorted(rows))


def export(
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="FILE", help="The CSV file to write.", show_default=False)
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind", metavar="KIND", help="Only `patient`, or only `uid`.", show_default=False
        ),
    ] = "",
    why: Why = "",
    as_json: AsJson = False,
) -> None:
    """Write who is who from the crosswalk to a file. Who asked and why is kept, for good."""
    from causeway.deidentify.identity import Crosswalk, project_key

    why = reason_for(why, "be told who is who")
    if kind not in ("", "patient", "uid"):
        raise ConfigurationError(
            f'the crosswalk has no "{kind}"', hint="--kind patient, --kind uid, or all of it"
        )
    session = session_of(context)
    settings = session.configuration().deidentify.crosswalk
    if settings is None:
        raise ConfigurationError(
            "the configuration has no crosswalk",
            hint="[deidentify] with crosswalk = { path = …, key = … } keeps one from then on",
        )
    if not settings.path.exists():
        raise NothingFound(f"there is no crosswalk at {settings.path} yet")
    key = project_key("crosswalk", settings.key.reveal())
    who, at = who_asks(), dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
    with session.ledger() as ledger:
        ledger.note("crosswalk.export", who=who, why=why, now=ledger.now())
    with Crosswalk(settings.path, key) as crosswalk:
        entries = crosswalk.export(who=who, why=why, at=at, kind=kind)
    rows = [
        (each.kind, each.project_key_id, each.issuer, each.original, each.pseudonym)
        for each in entries
    ]
    _write_csv(path, ("kind", "key_id", "issuer", "id_old", "id_new"), rows)
    if as_json:
        from causeway.cli.views import CrosswalkView

        print_json(CrosswalkView(file=str(path), rows=len(rows)).plain())
    else:
        say(f"wrote {plural(len(rows), 'row')} to {path}; keep it as you keep the originals")


def _write_csv(path: Path, titles: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> None:
    """Readable by its owner alone; nothing is overwritten."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise ConfigurationError(
            f"{path} is there already, and is not overwritten", hint="name another file"
        ) from None
    except OSError as error:
        raise StartupError(
            f"{path} cannot be written: {error.strerror}", hint="name a folder that you may write"
        ) from None
    with open(descriptor, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows(rows)
