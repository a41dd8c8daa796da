"""``card``: a page for the wall of each scanner room."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from causeway.cli.exits import NothingFound
from causeway.cli.look import AsJson
from causeway.cli.session import session_of
from causeway.cli.show import note, paint, print_json, say
from causeway.errors import CausewayError, ConfigurationError, StartupError

if TYPE_CHECKING:
    from causeway.cards import Card
    from causeway.config import Configuration, SourceSettings


class Sheet(enum.StrEnum):
    """What PDFs are printed on."""

    A4 = "a4"
    LETTER = "letter"


class Form(enum.StrEnum):
    """Which files are written."""

    BOTH = "both"
    HTML = "html"
    PDF = "pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The files of one card, and why one of them could not be made."""

    source: str
    files: list[Path]
    missing: str


def card(
    context: typer.Context,
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...", help="Names of sources; without them, all.", show_default=False
        ),
    ] = None,
    to: Annotated[
        Path, typer.Option("--to", metavar="FOLDER", help="Where the files are written.")
    ] = Path("cards"),
    sheet: Annotated[
        Sheet,
        typer.Option("--paper", metavar="SHEET", help="Sheet that the PDFs are for: a4 or letter."),
    ] = Sheet.A4,
    form: Annotated[
        Form,
        typer.Option("--form", metavar="FORM", help="What to write: html, pdf or both."),
    ] = Form.BOTH,
    contact: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help="Whom to call, instead of site.contact.", show_default=False
        ),
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Make a card for scanner operators, one page a source: field, string, opt words, contact."""
    from causeway.cards import card as worded
    from causeway.cards.gather import facts_of
    from causeway.cards.proof import doubts_of

    configuration = session_of(context).configuration()
    chosen = _chosen(configuration, sources or [])
    _make_folder(to)
    made, doubts = [], []
    for source in chosen:
        facts = facts_of(
            configuration,
            source,
            today=dt.datetime.now().astimezone().date(),
            contact=contact.strip(),
        )
        doubts += [f"{source.name}: {doubt}" for doubt in doubts_of(facts)]
        made.append(_write(to, source.name, worded(facts), sheet, form))
    if as_json:
        _print(made, doubts)
    else:
        for each in made:
            for path in each.files:
                say(str(path))
            if each.missing:
                note(f"{paint('warning', fg='yellow', bold=True)}: {each.missing}")
        for doubt in doubts:
            note(f"{paint('warning', fg='yellow', bold=True)}: {doubt}")
    if form is Form.PDF and any(each.missing for each in made):
        raise NothingFound("not every card could be made as PDF", hint="make them with --form html")


def _chosen(configuration: Configuration, names: list[str]) -> list[SourceSettings]:
    known = {source.name: source for source in configuration.sources}
    for name in names:
        if name not in known:
            raise ConfigurationError(
                f'there is no source "{name}"',
                hint=f"the configuration has {', '.join(known) or 'none'}",
            )
    chosen = [known[name] for name in names] or list(known.values())
    if not chosen:
        raise ConfigurationError(
            "the configuration has no source, so there is no scanner to make a card for",
            hint="add a [[source]]",
        )
    return chosen


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartupError(
            f"the folder {folder} cannot be made: {error.strerror}", hint="choose another with --to"
        ) from None


def _write(folder: Path, source: str, page: Card, sheet: Sheet, form: Form) -> _Made:
    files: list[Path] = []
    missing = ""
    for suffix, content in _pages(page, sheet, form):
        if isinstance(content, CausewayError):
            missing = f"{content.message}; {content.hint}"
            continue
        path = folder / f"card-{source}.{suffix}"
        try:
            path.write_bytes(content)
        except OSError as error:
            raise StartupError(
                f"{path} cannot be written: {error.strerror}", hint="choose a folder with --to"
            ) from None
        files.append(path)
    return _Made(source=source, files=files, missing=missing)


def _pages(page: Card, sheet: Sheet, form: Form) -> Iterator[tuple[str, bytes | CausewayError]]:
    from causeway.cards import NotPrintable, Paper, html, pdf

    if form is not Form.PDF:
        yield "html", html(page).encode()
    if form is not Form.HTML:
        try:
            yield "pdf", pdf(page, Paper(sheet.value))
        except NotPrintable as error:
            yield "pdf", error


def _print(made: list[_Made], doubts: list[str]) -> None:
    from causeway.cli.views import CardsView, CardView

    cards = [
        CardView(source=each.source, files=[str(path) for path in each.files], missing=each.missing)
        for each in made
    ]
    print_json(CardsView(cards=cards, warnings=doubts).plain())
