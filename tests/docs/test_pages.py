"""Pages that a reader can trust: links lead somewhere, settings and commands in them exist."""

from __future__ import annotations

import re
import shlex
import tomllib
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main
from docs_pages import ROOT, Block, blocks, pages, without_blocks

from causeway.cli.app import app, general_options_first
from causeway.config import InvalidConfiguration, parse

_LINK = re.compile(r"\[[^\]]*\]\((?!https?://|mailto:)([^)\s]+)\)")
# Folders of a developer's machine. What belongs to a system (/etc, /var/lib, /dev) may be named.
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:home|root|Users|work|tmp|mnt|workspace)/[\w.-]+")


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in _LINK.findall(without_blocks(page.read_text(encoding="utf-8"))):
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor and linked.suffix == ".md":
            assert anchor in anchors(linked), f"{page.name} links to {target}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(
        r"^#+ +(.+)$", without_blocks(page.read_text(encoding="utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_no_path_of_a_developers_machine(page: Path) -> None:
    assert _MACHINE_PATH.findall(page.read_text(encoding="utf-8")) == []


# --- settings ----------------------------------------------------------------------------------

# Profiles and pixel rules are files of their own; test_profiles_pages.py and test_pixel_pages.py
# read them.
_ELSEWHERE = {"profile", "pixels"}
TOML = [b for b in blocks() if b.language == "toml" and not _ELSEWHERE & set(b.marks)]


@pytest.mark.parametrize("block", TOML, ids=str)
def test_settings_in_pages_exist(block: Block) -> None:
    """A fragment may leave out what is required elsewhere, but what it says must be right."""
    tomllib.loads(block.body)
    assert problems_in_fragment(block.body) == []


def problems_in_fragment(text: str) -> list[str]:
    written = tomllib.loads(text)
    if set(written) == {"tls"}:  # the table of a listener, shown alone
        text = f'[[listener]]\nae_title = "A"\nport = 2762\n{text}'
        written = tomllib.loads(text)
    if "data_dir" not in written:
        text = f'data_dir = "data"\n{text}'
    if "listener" not in written:
        text += '\n[[listener]]\nae_title = "A"\nport = 11112\n'
    try:
        parse(text, look=False)
    except InvalidConfiguration as error:
        return [
            str(problem)
            for problem in error.problems
            if not problem.what.endswith("is missing")
            and not problem.what.startswith("there is no destination")
        ]
    return []


def test_the_check_of_fragments_finds_mistakes() -> None:
    assert problems_in_fragment("[spool]\nquota = 1")
    assert problems_in_fragment('[completion]\nquiet_seconds = "30"')
    assert not problems_in_fragment("[completion]\nquiet_seconds = 30")
    assert not problems_in_fragment('[[route]]\ndestinations = ["x"]')


# --- commands ----------------------------------------------------------------------------------


_TYPED = re.compile(
    r"^\$ (?:sudo (?:-u \S+ )?)?(?:[\w./]*/)?(causeway(?: [^\n|&;>]*)?)", re.MULTILINE
)


def commands_in(text: str) -> Iterator[str]:
    """Each `$ causeway …` line, by whatever path, and each `causeway …` in backticks."""
    yield from _TYPED.findall(text)
    yield from re.findall(r"`(causeway [a-z][^`\n]*)`", text)


def test_commands_are_found() -> None:
    text = (
        "$ causeway run &\n$ .venv/bin/causeway init  # a\nsee `causeway status`, `causeway.toml`"
    )
    assert list(commands_in(text)) == ["causeway run ", "causeway init  # a", "causeway status"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_in_pages_exist(page: Path) -> None:
    for line in commands_in(page.read_text(encoding="utf-8")):
        assert misused(line) == "", f"{page.relative_to(ROOT)}: {line}"


def misused(line: str) -> str:
    """What is wrong with a command line: an unknown command or option; empty if nothing is."""
    words = general_options_first(shlex.split(line, comments=True)[1:])
    command: Any = typer.main.get_command(app)
    options = {name for one in command.params for name in one.opts}
    takes_value = {n for one in command.params if not one.is_flag for n in one.opts}
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        name = word.partition("=")[0]
        if word.startswith("-") and word != "-" and not word[1:2].isdigit():
            if name not in options | {"--help", "-h"}:
                return f"no option {name}"
            if name in takes_value and "=" not in word:
                at += 1
        elif hasattr(command, "commands"):
            if word in ("…", "...") or "|" in word:  # `config check|show` names several
                return ""
            if word not in command.commands:
                return f"no command {word}"
            command = command.commands[word]
            options = {name for one in command.params for name in one.opts}
            takes_value = {
                name
                for one in command.params
                if one.param_type_name == "option" and not one.is_flag
                for name in one.opts
            }
    return ""


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("causeway run", ""),
        ("causeway status --json", ""),
        ("causeway quarantine release 17 --why 'because'", ""),
        ("causeway run --config causeway.toml", ""),
        ("causeway --config causeway.toml run", ""),
        ("causeway stats", "no command stats"),
        ("causeway quarantine free 17", "no command free"),
        ("causeway status --yaml", "no option --yaml"),
    ],
)
def test_the_check_of_commands_finds_mistakes(line: str, wrong: str) -> None:
    assert misused(line) == wrong


def test_there_are_pages_and_blocks() -> None:
    assert len(pages()) >= 4
    assert typing.cast("int", sum(1 for _ in blocks())) > 4
