"""``causeway import``: files, folders, ZIP archives and CDs, as if they had arrived."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed, NothingFound
from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.session import Session, is_there, session_of
from causeway.cli.show import amount, plural, print_json, printable, say, state
from causeway.errors import ConfigurationError, OutOfSpace, StartupError

if TYPE_CHECKING:
    from causeway.config import Configuration
    from causeway.importing.finding import Candidate, PassedOver
    from causeway.importing.storing import Imported
    from causeway.ledger import Ledger
    from causeway.spool import RealDisk

    Take = Callable[[Candidate], Imported]

DEFAULT_SOURCE = "import"
CALLING = "IMPORT"
"""Stands where the calling AE title of a sender would, also in rules."""
RELEASED = "released"
"""How an association that ended in order is over; an import that came to its end is like one."""


def import_(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="PATH...", help="DICOM files, ZIP archives, DICOMDIRs, folders."),
    ],
    source: Annotated[
        str,
        typer.Option(metavar="NAME", help="The [[source]] whose rules are for what is imported."),
    ] = DEFAULT_SOURCE,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be imported; store nothing.")
    ] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Name each file, not only those in trouble.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring files in as if they had arrived. Run again after a break, it goes on where it was.

    What is here already, byte for byte, is not stored again. The service may run meanwhile; if it
    does not, what was imported is taken up when it starts.
    """
    from causeway.importing.finding import Archives, Candidate, find

    session = session_of(context)
    _refuse_unknown(source, session.configuration())
    for path in paths:
        if not path.exists():
            raise ConfigurationError(f"{path} is not there", hint="name files or folders")
    candidates: list[Candidate] = []
    told = _Told(each=verbose)
    began = time.monotonic()
    with Archives() as archives:
        with bar("looking at files", None, hidden=as_json) as progress:
            for found in find(paths, archives):
                progress.advance(1)
                if isinstance(found, Candidate):
                    candidates.append(found)
                else:
                    told.passed_over(found)
        entrance = _looking(session) if dry_run else _storing(session, source)
        total = sum(candidate.size for candidate in candidates)
        with (
            entrance as take,
            bar("importing", total, hidden=as_json, unit="bytes") as progress,
        ):
            for done, candidate in enumerate(candidates):
                try:
                    told.add(take(candidate))
                except OutOfSpace as error:
                    raise OutOfSpace(
                        f"{error.message}; {plural(len(candidates) - done, 'object')} not "
                        "imported yet",
                        hint="make room, or wait until what is here was delivered, and run the "
                        "same command again: it goes on where it was",
                    ) from None
                progress.advance(candidate.size)
    told.tell(time.monotonic() - began, dry_run=dry_run, as_json=as_json)


def _refuse_unknown(source: str, configuration: Configuration) -> None:
    known = {each.name for each in configuration.sources}
    if source != DEFAULT_SOURCE and source not in known:
        raise ConfigurationError(
            f'there is no source "{source}"',
            hint=f"one of {', '.join(sorted(known))}" if known else "the configuration has none",
        )


@contextlib.contextmanager
def _looking(session: Session) -> Iterator[Take]:
    """Says what would become of a candidate."""
    from causeway.importing.storing import Became, Imported, is_here

    with _facts(session) as ledger:

        def take(candidate: Candidate) -> Imported:
            here = ledger is not None and is_here(candidate, ledger)
            return Imported(candidate=candidate, became=Became.HERE if here else Became.STORED)

        yield take


@contextlib.contextmanager
def _storing(session: Session, source: str) -> Iterator[Take]:
    """Stores a candidate. The end is told as the end of an association is, for completion."""
    from causeway.importing.storing import Importer
    from causeway.service.mapping import durability, space_limits
    from causeway.spool import RealDisk, SpaceGauge, SpoolWriter
    from causeway.values import Caller

    configuration = session.configuration()
    caller = Caller(
        source=source,
        calling_ae=CALLING,
        called_ae=configuration.listeners[0].ae_title,
        address="",
        association=f"import-{secrets.token_hex(6)}",
    )
    disk, root = RealDisk(), configuration.spool_dir
    with _facts(session) as ledger:
        _prepare(configuration, disk)
        writer = SpoolWriter(
            root,
            disk=disk,
            space=SpaceGauge(
                root, disk=disk, limits=space_limits(configuration), clock=time.monotonic
            ),
            durability=durability(configuration),
        )
        try:
            yield Importer(writer, ledger, caller, clock=time.time).run
        finally:
            writer.close()
        if ledger is not None:
            ledger.association_ended(caller.association, RELEASED, at=time.time())


def _prepare(configuration: Configuration, disk: RealDisk) -> None:
    """The spool's folders, made if the service has never run. Raises ``StartupError``."""
    from causeway.spool import prepare

    root = configuration.spool_dir
    if root.exists() and (owner := root.stat().st_uid) != os.geteuid():
        # The superuser too: the service could not read what would be written here.
        raise StartupError(
            f"the spool in {configuration.data_dir} belongs to another user",
            hint=f"run the command as the user that the service runs as: `sudo -u '#{owner}' …`",
        )
    if not root.exists():
        configuration.data_dir.mkdir(mode=0o750, exist_ok=True)
        prepare(root, disk=disk)


@contextlib.contextmanager
def _facts(session: Session) -> Iterator[Ledger | None]:
    """The ledger; None before the first start, when nothing can be here."""
    if not is_there(session.configuration().ledger_path, session.configuration()):
        yield None
        return
    with session.ledger() as ledger:
        yield ledger


class _Told:
    """What became of everything, for the end."""

    def __init__(self, *, each: bool) -> None:
        self._each = each
        self._counts: Counter[str] = Counter()
        self._lines: list[tuple[str, str, str]] = []
        self._bytes = 0
        self._lost = 0

    def passed_over(self, found: PassedOver) -> None:
        became = "failed" if found.lost else "skipped"
        self._counts[became] += 1
        self._lost += found.lost
        self._lines.append((became, found.place, found.reason))

    def add(self, found: Imported) -> None:
        from causeway.importing.storing import Became

        self._counts[found.became.value] += 1
        if found.became is Became.STORED:
            self._bytes += found.candidate.size
        self._lost += found.became is Became.FAILED
        if self._each or found.became is Became.FAILED:
            self._lines.append((found.became.value, found.candidate.place, found.reason))

    def tell(self, seconds: float, *, dry_run: bool, as_json: bool) -> None:
        """Print it. Raises ``ChecksFailed`` for what could not be imported."""
        counts = self._counts
        if as_json:
            from causeway.cli.views import BroughtInFileView, BroughtInView

            print_json(
                BroughtInView(
                    dry_run=dry_run,
                    stored=counts["stored"],
                    here_already=counts["here already"],
                    skipped=counts["skipped"],
                    failed=counts["failed"],
                    bytes=self._bytes,
                    seconds=round(seconds, 3),
                    files=[
                        BroughtInFileView(file=place, outcome=became, detail=reason)
                        for became, place, reason in self._lines
                    ],
                ).plain()
            )
        else:
            for became, place, reason in self._lines:
                detail = f": {printable(reason)}" if reason else ""
                say(f"{state(became)}  {printable(place)}{detail}")
            others = "".join(
                f", {counts[became]:,} {became}"
                for became in ("here already", "failed", "skipped")
                if counts[became]
            )
            would = "would be imported" if dry_run else "imported"
            what = f"{plural(counts['stored'], 'object')} {would} ({amount(self._bytes)})"
            say(f"{what} in {seconds:.1f} s{others}")
        if self._lost:
            raise ChecksFailed(
                f"{plural(self._lost, 'object was', 'objects were')} not imported",
                hint="the reasons stand above; run the same command again when they are settled",
            )
        if not counts["stored"] + counts["here already"]:
            raise NothingFound(
                "there is no DICOM object to import",
                hint="files need DICOM file meta information (a preamble and DICM)",
            )
