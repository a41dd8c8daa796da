"""``preview``: one object before and after, as a page that somebody can sign."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from causeway.cli.deidentify import (
    AliasFile,
    KeyId,
    KeyOption,
    OcrOption,
    PixelRules,
    ProfileName,
    treatment_of,
)
from causeway.cli.look import AsJson
from causeway.cli.show import note, paint, print_json, say
from causeway.errors import ConfigurationError, PermanentError, StartupError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from causeway.deidentify.edit.clean import Source
    from causeway.deidentify.profile import Profile, Weakness
    from causeway.deidentify.treatment import Treatment
    from causeway.preview import Preview

_HEAD_BYTES: Final = 4096
"""In which one of our own pages says that it is one."""


def preview(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A DICOM file.", show_default=False)],
    profile: ProfileName = "",
    to: Annotated[
        Path,
        typer.Option("--to", metavar="PAGE", help="The page that is written."),
    ] = Path("preview.html"),
    frames: Annotated[
        str,
        typer.Option(
            metavar="NUMBERS",
            help="Frames to show, such as 1,5-8; without it five, evenly spread.",
            show_default=False,
        ),
    ] = "",
    key: KeyOption = "",
    key_id: KeyId = "",
    pixel_rules: PixelRules = None,
    aliases: AliasFile = None,
    ocr: OcrOption = None,
    as_json: AsJson = False,
) -> None:
    """Show an object before and after de-identification, as one HTML page to review and sign.

    Each attribute with what was done to it and who says so, the images side by side, and whether
    the object leaves. Without --key, one is made for the page alone. The page shows patient data.
    """
    from causeway.deidentify.identity import project_key
    from causeway.deidentify.profile import load_profile, weaknesses
    from causeway.offline.places import Item, Place
    from causeway.offline.reading import NoObject, opened
    from causeway.preview import examine

    treatment = treatment_of(
        profile,
        key,
        key_id,
        pixel_rules,
        aliases,
        ocr,
        otherwise=project_key("for-this-page", secrets.token_hex(32)),
    )
    read = load_profile(profile)
    wanted = _numbers(frames)
    _check_page(to)
    if file.is_dir():
        raise ConfigurationError(
            f"{file} is a folder", hint="a preview is of one object: name one of its files"
        )
    try:
        with opened(Item(place=Place(1, 1), path=file)) as source:
            found = examine(source, treatment, frames=wanted)
            text = _page(
                found, file, source, read, list(weaknesses(treatment.plan, read)), bool(key)
            )
    except NoObject as error:
        raise PermanentError(
            f"{file} cannot be previewed: {error.reason}", hint="name a DICOM file with an object"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}", hint="see the path and its rights"
        ) from None
    _write(to, text)
    if as_json:
        _print_json(to, found, treatment)
        return
    colour = {"leaves": "green", "held": "yellow"}.get(found.state.value, "red")
    say(f"{paint(found.state.value, fg=colour, bold=True)}: {found.reason}")
    say(f"wrote {to}")
    note("it shows patient data: treat it like the original")


def _numbers(text: str) -> list[int] | None:
    """Frames, from 1."""
    if not text.strip():
        return None
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers = range(int(first), int(last or first) + 1)
            if numbers.start < 1 or not numbers or len(numbers) > 10_000:
                raise ValueError
            found += numbers
    except ValueError:
        raise ConfigurationError(
            f'"{text}" names no frames', hint="numbers from 1, such as 1,5-8"
        ) from None
    return list(dict.fromkeys(found))


def _check_page(path: Path) -> None:
    """A page of ours may be made anew; nothing else is written over."""
    from causeway.preview import GENERATOR

    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder", hint="name the page: --to page.html")
    if not path.parent.is_dir():
        raise ConfigurationError(f"there is no folder {path.parent}", hint="make it first")
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}", hint="name another page: --to page.html"
        ) from None
    if f'content="{GENERATOR}"'.encode() not in head:
        raise ConfigurationError(
            f"{path} is there already, and is no preview: it is not overwritten",
            hint="name another page: --to page.html",
        )


def _page(
    found: Preview,
    file: Path,
    source: Source,
    profile: Profile,
    weak: Sequence[Weakness],
    has_key: bool,
) -> str:
    from causeway import __version__
    from causeway.part10 import read_part10
    from causeway.preview import page
    from causeway.spool import file_meta
    from causeway.values import Caller, Receipt

    with file.open("rb") as original:
        meta = original.read(read_part10(file).offset)
    new_meta = b""
    if found.result is not None:
        nobody = Caller(source="", calling_ae="", called_ae="", address="", association="")
        new_meta = file_meta(
            Receipt(
                caller=nobody,
                sop_class_uid=source.sop_class_uid,
                sop_instance_uid=found.result.sop_instance_uid,
                transfer_syntax_uid=found.result.transfer_syntax_uid,
                received_at=0.0,
            )
        )
    return page(
        found,
        file=file.name,
        meta=meta,
        new_meta=new_meta,
        profile=profile,
        weak=weak,
        has_key=has_key,
        version=__version__,
        at=dt.datetime.now().astimezone(),
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for its owner's eyes alone."""
    beside = path.with_name(f".{path.name}.part")
    try:
        descriptor = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(path)
    except OSError as error:
        raise StartupError(
            f"{path} cannot be written: {error.strerror}",
            hint="name a page in a folder that you may write: --to page.html",
        ) from None


def _print_json(path: Path, found: Preview, treatment: Treatment) -> None:
    from causeway.cli.views import PreviewView
    from causeway.preview.rows import Done

    plan = treatment.plan
    print_json(
        PreviewView(
            page=str(path),
            verdict=found.state.value,
            code=found.code,
            reason=found.reason,
            profile=plan.name,
            digest=plan.digest,
            conformant=plan.is_conformant,
            removed=found.counts[Done.REMOVED],
            changed=found.counts[Done.CHANGED],
            added=found.counts[Done.ADDED],
            kept=found.counts[Done.KEPT],
            frames=[frame.number for frame in found.shown.frames],
        ).plain()
    )
