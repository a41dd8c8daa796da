"""``export`` and ``spool verify``: bytes out of the spool, and whether they are still right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed, NothingFound
from causeway.cli.look import AsJson, Reference
from causeway.cli.progress import bar
from causeway.cli.references import found
from causeway.cli.session import session_of
from causeway.cli.show import amount, note, plural, print_json, say
from causeway.errors import ConfigurationError, PermanentError, StartupError

if TYPE_CHECKING:
    from causeway.ledger import InstanceRow, Ledger
    from causeway.spool import SpoolReader


def export(
    context: typer.Context,
    uid: Reference,
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder for the files.", show_default=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Write a study, series or instance out of the spool as DICOM files, as it was received."""
    session = session_of(context)
    with session.ledger() as ledger, session.spool() as spool:
        wanted = list(_wanted(ledger, uid))
        missing = damaged = size = written = 0
        total = sum(row.size for row, _ in wanted)
        with bar("writing", total, hidden=as_json, unit="bytes") as progress:
            for row, place in wanted:
                match _write(spool, row, folder / place):
                    case int(count):
                        size += count
                        written += 1
                    case "missing":
                        missing += 1
                    case "damaged":
                        damaged += 1
                progress.advance(row.size)
    if as_json:
        from causeway.cli.views import ExportedView

        print_json(
            ExportedView(
                folder=str(folder), files=written, bytes=size, missing=missing, damaged=damaged
            ).plain()
        )
    else:
        say(f"wrote {plural(written, 'file')}, {amount(size)}, to {folder}")
    if damaged:
        raise PermanentError(
            f"{plural(damaged, 'object')} did not match the digest taken on arrival, and "
            f"{'was' if damaged == 1 else 'were'} not written",
            hint="`causeway spool verify` finds what else is damaged",
        )
    if missing:
        raise NothingFound(
            f"{plural(missing, 'object is', 'objects are')} no longer in the spool",
            hint="they were delivered and verified, then retired; "
            f"`causeway study {uid}` says where to",
        )


def _wanted(ledger: Ledger, uid: str) -> Iterator[tuple[InstanceRow, Path]]:
    """The instances to write and their places. Raises ``NothingFound``."""
    from causeway.ledger import InstanceRow, InstanceState, SeriesRow, StudyRow

    apart = (InstanceState.QUARANTINED, InstanceState.DUPLICATE, InstanceState.DISCARDED)
    match found(ledger, uid):
        case InstanceRow() as row:
            yield row, Path(_file_name(row, set()))
        case SeriesRow() | StudyRow() as row:
            several = [row] if isinstance(row, SeriesRow) else ledger.series_of(row.id)
            for series in several:
                place = Path(f"study-{series.study_id}", f"series-{series.id}")
                taken: set[str] = set()
                for instance in ledger.instances_of(series.id):
                    if instance.state not in apart:
                        yield instance, place / _file_name(instance, taken)


def _file_name(row: InstanceRow, taken: set[str]) -> str:
    """The SOP Instance UID if it is one: senders are free to write a path there."""
    name = row.sop_instance_uid
    if not re.fullmatch(r"[0-9.]{1,64}", name) or name.startswith(".") or name in taken:
        name = f"instance-{row.id}"
    taken.add(name)
    return f"{name}.dcm"


def _write(spool: SpoolReader, row: InstanceRow, path: Path) -> int | str:
    """Bytes written, ``missing`` or ``damaged``. A file stands under its name only when whole."""
    from causeway.errors import SpoolCorrupt, SpoolGone
    from causeway.spool import write_part10

    partial = path.with_name(f".{path.name}.part")
    try:
        record = spool.record(row.address)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            raise ConfigurationError(
                f"{path} is there already, and is not overwritten", hint="name an empty folder"
            )
        with partial.open("wb") as out:
            count = write_part10(record, spool.chunks(record), out)
        partial.rename(path)
        return count
    except SpoolGone:
        partial.unlink(missing_ok=True)
        return "missing"
    except SpoolCorrupt:
        partial.unlink(missing_ok=True)
        return "damaged"
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StartupError(
            f"{path.parent} cannot be written: {error.strerror}",
            hint="name a folder that you may write, on a disk with room",
        ) from None


def verify(context: typer.Context, as_json: AsJson = False) -> None:
    """Read everything in the spool back against the digests taken on arrival."""
    from causeway.spool import verify as verify_spool

    session = session_of(context)
    with session.spool() as reader, bar("verifying", 1, hidden=as_json, unit="bytes") as progress:
        report = verify_spool(reader, progress.reach)
    if as_json:
        from causeway.cli.views import DamageView, VerifyView

        print_json(
            VerifyView(
                ok=not report.damaged,
                records=report.records,
                bytes=report.bytes,
                damaged=[
                    DamageView(record=str(each.address), reason=each.reason)
                    for each in report.damaged
                ],
            ).plain()
        )
    else:
        for each in report.damaged:
            note(f"damaged: {each.address}: {each.reason}")
        read = f"{plural(report.records, 'record')}, {amount(report.bytes)}"
        say(f"{read}: {'these are right' if report.damaged else 'every digest is right'}")
    if report.damaged:
        raise ChecksFailed(
            f"{plural(len(report.damaged), 'place')} in the spool cannot be trusted",
            hint="keep the data folder as it is; send the objects again from where they came, and "
            "check the disk",
        )
