"""``deidentify``: files and folders, without the service."""

from __future__ import annotations

import contextlib
import enum
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import ChecksFailed, NothingFound
from causeway.cli.look import AsJson
from causeway.cli.progress import bar
from causeway.cli.show import amount, note, paint, plural, print_json, printable, say
from causeway.errors import ConfigurationError, PermanentError, StartupError

if TYPE_CHECKING:
    from causeway.deidentify.identity import Aliases, ProjectKey
    from causeway.deidentify.proof import StudyReport
    from causeway.deidentify.treatment import Treatment
    from causeway.offline import Item, Outcome, RunReport, Unreadable

ProfileName = Annotated[
    str,
    typer.Option(
        "--profile",
        "-p",
        metavar="PROFILE",
        help="A shipped profile (basic, research, direct-identifiers-only), or a file: TOML, or "
        "Flywheel's YAML.",
        show_default=False,
    ),
]
KeyOption = Annotated[
    str,
    typer.Option(
        "--key",
        metavar="REFERENCE",
        help="Where the project's key is: env:NAME or file:PATH.",
        show_default=False,
    ),
]
KeyId = Annotated[
    str,
    typer.Option(
        "--key-id",
        metavar="LABEL",
        help="What records call the key; without it, the name of its variable or file.",
        show_default=False,
    ),
]
PixelRules = Annotated[
    Path | None,
    typer.Option(
        "--pixel-rules",
        metavar="FILE",
        help="Rules for text in images, by device.",
        show_default=False,
    ),
]
AliasFile = Annotated[
    Path | None,
    typer.Option(
        "--aliases",
        metavar="FILE",
        help="Subject labels of the site: CSV with patient_id,subject[,issuer].",
        show_default=False,
    ),
]
_LEFT_SHOWN = 10
"""Files of a kind that are named without ``--verbose``."""


class Reading(enum.StrEnum):
    """What is done with text that Tesseract finds."""

    HOLD = "hold"
    REDACT = "redact"


OcrOption = Annotated[
    Reading | None,
    typer.Option(
        "--ocr",
        metavar="FOUND",
        help="Read images that would leave, and hold those with text or redact it: hold or redact.",
        show_default=False,
    ),
]


def deidentify(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN...",
            help="Files, folders of them, or ZIPs.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="Folder for the result: new, empty, or of an earlier run.",
            show_default=False,
        ),
    ],
    profile: ProfileName = "",
    key: KeyOption = "",
    key_id: KeyId = "",
    pixel_rules: PixelRules = None,
    aliases: AliasFile = None,
    ocr: OcrOption = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Processes; all cores by default.", show_default=False
        ),
    ] = None,
    uid_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write which UID became which: CSV. It undoes the de-identification.",
            show_default=False,
        ),
    ] = None,
    patient_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write which Patient ID became which subject: CSV. It undoes the "
            "de-identification.",
            show_default=False,
        ),
    ] = None,
    places: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write which files were left out, by name: CSV. Names of files may be names of "
            "patients.",
            show_default=False,
        ),
    ] = None,
    verbose: Annotated[
        bool,
        typer.Option(
            "--verbose",
            "-v",
            help="Name every file that is left out; names of files may be names of patients.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """De-identify files and folders into another folder, without the service.

    Each object is judged, edited and searched as on the way to a destination; what is held or in
    doubt is listed, with the reason, and not written. A run that was ended early goes on where it
    stopped. IN is never written to, and nothing in OUT is written over.
    """
    from causeway.offline import Run, RunReport, prepare
    from causeway.offline.run import cores

    treatment = treatment_of(profile, key, key_id, pixel_rules, aliases, ocr)
    told = f'"{treatment.plan.name}" with the key {treatment.key.id}'
    _check_secrets(output, uid_map, patient_map, places)
    report = RunReport(treatment=treatment, with_maps=bool(uid_map or patient_map))
    run = Run(treatment=treatment, root=output, jobs=jobs or cores(), with_maps=report.with_maps)
    with prepare(output, inputs, treatment, told=told) as journal:
        found = _found(inputs, hidden=as_json)
        outcomes = run.outcomes(found, journal)
        with (
            bar("de-identifying", len(found), hidden=as_json) as progress,
            contextlib.closing(outcomes),
        ):
            for outcome in outcomes:
                report.add(outcome)
                progress.advance(1)
        studies = report.studies(journal.entries())
    _write_reports(output, report, studies)
    _write_secrets(report, uid_map, patient_map, places)
    if as_json:
        _print_json(output, report, studies, verbose=verbose)
    else:
        _print(output, report, studies, verbose=verbose)
    _end(report, verbose=verbose)


# --- what is done, from options -----------------------------------------------------------------


def treatment_of(
    profile: str,
    key: str,
    key_id: str,
    pixel_rules: Path | None,
    aliases: Path | None,
    ocr: Reading | None,
    *,
    otherwise: ProjectKey | None = None,
) -> Treatment:
    """What the options say. Raises ``ConfigurationError`` for what cannot be; ``otherwise`` is the
    key without ``--key``.
    """
    from causeway.deidentify.pixels import Ocr
    from causeway.deidentify.pixels.ocr import tesseract
    from causeway.deidentify.treatment import Treatment, recipe_of

    if not profile:
        from causeway.deidentify.profile import SHIPPED

        raise ConfigurationError(
            "there is no --profile",
            hint=f"shipped are {', '.join(SHIPPED)}; "
            "`causeway profile show NAME` says what one does",
        )
    recipe = recipe_of(profile, pixel_rules, "" if ocr is None else ocr.value)
    rules = recipe.pixels
    if rules.ocr is not Ocr.OFF and tesseract(rules.ocr_languages) is None:
        raise ConfigurationError(
            "images are to be read, and Tesseract is not installed",
            hint="install it (Debian: tesseract-ocr), or do without --ocr and [ocr]",
        )
    chosen = _key(key, key_id) if key or otherwise is None else otherwise
    return Treatment(recipe=recipe, key=chosen, aliases=_aliases(aliases))


def _key(reference: str, id_: str) -> ProjectKey:
    from causeway.config import secret
    from causeway.deidentify.identity import project_key

    if not reference:
        raise ConfigurationError(
            "there is no --key, and pseudonyms, UIDs and dates are made with one",
            hint="make one with `openssl rand -hex 32 > project.key`, keep it for as long as the "
            "project lasts, and say --key file:project.key",
        )
    found = secret(reference)
    return project_key(id_ or _label(found.place), found.reveal())


def _label(place: str) -> str:
    """What records call a key without a name: that of its variable, or of its file."""
    stem = Path(place).name.split(".")[0]
    label = "".join(each if each.isascii() and each.isalnum() else "-" for each in stem)
    return label.strip("-")[:64] or "key"


def _aliases(path: Path | None) -> Aliases | None:
    from causeway.deidentify.identity import read_aliases

    return None if path is None else read_aliases(path)


# --- finding and writing --------------------------------------------------------------------------


def _found(inputs: Sequence[Path], *, hidden: bool) -> list[Item | Unreadable]:
    from causeway.offline import items_below

    found = []
    with bar("finding files", None, hidden=hidden) as progress:
        for each in items_below(inputs):
            found.append(each)
            progress.advance(1)
    return found


def _check_secrets(output: Path, *files: Path | None) -> None:
    """What says who was who is neither put with the data nor over something else."""
    for path in filter(None, files):
        if output.resolve() in path.resolve().parents:
            raise ConfigurationError(
                f"{path} would lie in the output, and tells who was who",
                hint="name a file elsewhere, where only few can read",
            )
        if path.exists():
            raise ConfigurationError(
                f"{path} is there already, and is not overwritten", hint="name another file"
            )
        if not path.parent.is_dir():
            raise ConfigurationError(f"there is no folder {path.parent}", hint="make it first")


def _write_reports(output: Path, report: RunReport, studies: Sequence[StudyReport]) -> None:
    from causeway.offline.report import JSON_NAME, TEXT_NAME

    for name, text in ((JSON_NAME, report.json(studies)), (TEXT_NAME, report.text(studies))):
        _replaced(output / name, text)


def _replaced(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.part")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StartupError(
            f"{path} cannot be written: {error.strerror}",
            hint="make room; the same command then only writes the report",
        ) from None


def _write_secrets(
    report: RunReport, uid_map: Path | None, patient_map: Path | None, places: Path | None
) -> None:
    from causeway.offline.report import places as places_of

    texts: list[tuple[Path | None, str]] = [
        (uid_map, report.maps.uid_map()),
        (patient_map, report.maps.patient_map()),
        (places, places_of(report.left)),
    ]
    for path, text in texts:
        if path is not None:
            write_private(path, text)


def write_private(path: Path, text: str) -> None:
    """For its owner's eyes alone; nothing is written over."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise StartupError(
            f"{path} cannot be written: {error.strerror}", hint="name a file that you may write"
        ) from None


# --- telling --------------------------------------------------------------------------------------


def _print(
    output: Path, report: RunReport, studies: Sequence[StudyReport], *, verbose: bool
) -> None:
    from causeway.offline import Fate

    for fate in Fate:
        of_it = [each for each in report.in_order() if each.fate is fate]
        if of_it:
            colour = "yellow" if fate.is_missing else None
            say(f"{paint(fate.value, fg=colour)}: {plural(len(of_it), 'file')}")
            for line in _lines(of_it, verbose=verbose):
                say(f"  {line}")
    fates = report.fates
    here, again = fates[Fate.WRITTEN], fates[Fate.THERE]
    there = f", {again:,} there already" if again else ""
    size = amount(report.written_bytes)
    say(
        f"{plural(len(studies), 'study', 'studies')}: {plural(here, 'object')} written{there}, "
        f"{report.missing:,} not; {size} in {printable(str(output))}"
    )
    if not report.treatment.plan.is_conformant:
        note(
            f"{paint('warning', fg='yellow', bold=True)}: {report.treatment.plan.name} does not "
            "conform to PS3.15: what it makes must not be called de-identified"
        )


def _lines(outcomes: Sequence[Outcome], *, verbose: bool) -> Iterator[str]:
    """By reason; files by their places, or by name if that was asked for."""
    reasons: dict[str, list[Outcome]] = {}
    for each in outcomes:
        reasons.setdefault(each.reason, []).append(each)
    for reason, several in sorted(reasons.items(), key=lambda each: (-len(each[1]), each[0])):
        yield f"{len(several):>6,}  {printable(reason)}"
        if verbose:
            yield from (f"        {printable(each.item.name)}" for each in several)
            continue
        places = ", ".join(str(each.item.place) for each in several[:_LEFT_SHOWN])
        more = f", and {len(several) - _LEFT_SHOWN:,} more" if len(several) > _LEFT_SHOWN else ""
        yield f"        {places}{more}"


def _print_json(
    output: Path, report: RunReport, studies: Sequence[StudyReport], *, verbose: bool
) -> None:
    from causeway.cli.views import DeidentifiedView

    print_json(DeidentifiedView.of(output, report, studies, named=verbose).plain())


def _end(report: RunReport, *, verbose: bool) -> None:
    """The exit status."""
    from causeway.offline import Fate

    name = "" if verbose else "; -v names the files"
    if report.fates[Fate.FAILED]:
        raise PermanentError(
            f"{plural(report.fates[Fate.FAILED], 'file')} could not be read",
            hint=f"the same command tries them again{name}",
        )
    if report.missing:
        raise ChecksFailed(
            f"{plural(report.missing, 'object')} of {report.objects:,} "
            f"{'was' if report.missing == 1 else 'were'} not written",
            hint="held: write a rule for the device or leave them out; in doubt: see the reason"
            f"{name}",
        )
    if not report.objects:
        raise NothingFound("there is no DICOM object in what was named", hint="see the path")
