"""``imports``: the jobs that bring images into AWS HealthImaging, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from causeway.cli.look import AsJson
from causeway.cli.session import session_of
from causeway.cli.show import Column, Table, ago, amount, plural, print_json, say, when
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.ledger import ImportRow, Ledger


def imports_list(
    context: typer.Context,
    destination: Annotated[
        str, typer.Option("--to", metavar="NAME", help="Of this destination only.")
    ] = "",
    open_only: Annotated[
        bool, typer.Option("--open", help="Only those whose end is not known.")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List import jobs, the newest first. No patient data."""
    with session_of(context).ledger() as ledger:
        now = ledger.now()
        rows = ledger.imports(destination=destination, open_only=open_only, limit=limit)
    if as_json:
        from causeway.cli.views import ImportsView, ImportView

        print_json(ImportsView(imports=[ImportView.of(row) for row in rows]).plain())
        return
    if not rows:
        say("there are no import jobs")
        return
    table = Table(
        [
            Column("IMPORT"),
            Column("TO"),
            Column("STATE", coloured=True),
            Column("FILES", right=True),
            Column("SIZE", right=True),
            Column("SERIES", right=True),
            Column("IMPORTED", right=True),
            Column("FAILED", right=True),
            Column("SINCE", right=True),
            Column("", least=10),
        ]
    )
    for row in rows:
        batch, counts = row.batch, row.batch.counts
        table.add(
            batch.name,
            batch.destination,
            standing(row),
            f"{batch.files:,}",
            amount(batch.bytes),
            f"{len({one.series_id for one in row.members}):,}",
            f"{counts.imported:,}" if batch.ended_at else "",
            f"{counts.customer_errors + counts.server_errors:,}" if batch.ended_at else "",
            ago(now - (batch.ended_at or batch.submitted_at or batch.opened_at)),
            batch.waits_for or remark(row),
        )
    table.print()


def imports_show(
    context: typer.Context,
    reference: Annotated[
        str, typer.Argument(metavar="IMPORT", help="Its name, its number, or the job's id.")
    ],
    as_json: AsJson = False,
) -> None:
    """Show one import job: its series, image sets, and files that failed. Holds UIDs."""
    with session_of(context).ledger() as ledger:
        row = ledger.import_named(reference)
        if row is None:
            raise ConfigurationError(
                f'there is no import "{reference}"', hint="`causeway imports list` shows them"
            )
        files = troubled(ledger, row)
    if as_json:
        from causeway.cli.views import ImportFileView, ImportShowView, ImportView

        view = ImportShowView(
            job=ImportView.of(row), files=[ImportFileView(**one) for one in files]
        )
        print_json(view.plain())
        return
    _print(row, files)


def standing(row: ImportRow) -> str:
    """A word for people: that of the service once it has one."""
    batch = row.batch
    if batch.state.value == "done":
        return "failed" if batch.job_status != "COMPLETED" else "imported"
    return batch.state.value


def remark(row: ImportRow) -> str:
    """What is worth a look at a job that has ended."""
    counts = row.batch.counts
    said = [
        f"{plural(counts.not_primary, 'image set')} not primary" if counts.not_primary else "",
        f"{plural(counts.warnings, 'warning')}" if counts.warnings else "",
        row.batch.message,
    ]
    return ", ".join(filter(None, said))


def troubled(ledger: Ledger, row: ImportRow) -> list[dict[str, Any]]:
    """Files that were not imported, or not without a remark."""
    return [
        {
            "instance": instance,
            "delivery": part.delivery_id,
            "fate": result.fate.value,
            "image_set": result.image_set,
            "is_primary": result.is_primary,
            "message": result.message,
            "warnings": list(result.warnings),
        }
        for part in ledger.parts_of_batch(row.batch.id)
        for instance, result in sorted(part.results.items())
        if result.fate.value != "imported" or result.warnings or not result.is_primary
    ]


def _print(row: ImportRow, files: list[dict[str, Any]]) -> None:
    batch, counts = row.batch, row.batch.counts
    for name, value in (
        ("import", f"{batch.name} (number {batch.id}), {standing(row)}"),
        ("job", f"{batch.job_id} {batch.job_status}".strip() or "not started"),
        ("waits for", batch.waits_for),
        ("data store", batch.datastore_id),
        ("role", batch.role_arn),
        ("from", batch.input_uri),
        ("to", batch.output_uri),
        ("opened", when(batch.opened_at)),
        ("submitted", when(batch.submitted_at) if batch.submitted_at else ""),
        ("ended", when(batch.ended_at) if batch.ended_at else ""),
        ("holds", f"{plural(batch.files, 'file')}, {amount(batch.bytes)}"),
        (
            "came of it",
            f"{counts.imported:,} imported, {counts.server_errors:,} failed by the service, "
            f"{counts.customer_errors:,} that it does not take"
            if batch.ended_at
            else "",
        ),
        ("message", batch.message),
    ):
        if value:
            say(f"{name:>12}  {value}")
    say()
    table = Table(
        [Column("STUDY"), Column("SERIES"), Column("SOURCE"), Column("FILES", right=True),
         Column("DELIVERY", right=True)]
    )  # fmt: skip
    for one in row.members:
        table.add(one.study_instance_uid, one.series_instance_uid, one.source,
                  f"{one.instances:,}", one.delivery_id)  # fmt: skip
    table.print()
    if batch.image_sets:
        say()
        sets = Table([Column("IMAGE SET"), Column("VERSION", right=True), Column("PRIMARY"),
                      Column("INSTANCES", right=True)])  # fmt: skip
        for each in batch.image_sets:
            sets.add(each.id, each.version, "yes" if each.is_primary else "no", each.instances)
        sets.print()
    if files:
        say()
        told = Table([Column("INSTANCE", right=True), Column("FATE"), Column("", least=20)])
        for file in files:
            words = [file["message"], *file["warnings"]]
            words += [] if file["is_primary"] else ["not primary"]
            told.add(file["instance"], file["fate"], ", ".join(filter(None, words)))
        told.print()
