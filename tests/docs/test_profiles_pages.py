"""The pages on profiles: examples load, and every key, option and action is told."""

from __future__ import annotations

import re

import pytest
from docs_pages import ROOT, Block, blocks

from causeway.deidentify.profile import (
    SHIPPED,
    Ages,
    Base,
    Dates,
    compile_profile,
    load_profile,
    parse_flywheel,
    parse_toml,
)
from causeway.deidentify.profile.actions import WORDS
from causeway.deidentify.profile.descriptors import Descriptors
from causeway.deidentify.profile.edits import OTHERWISE
from causeway.deidentify.profile.flywheel_keys import (
    HONOURED,
    HONOURED_IN_DICOM,
    HONOURED_IN_FIELD,
    ONE_VALUE,
    REFUSED,
    REFUSED_IN_DICOM,
    REFUSED_IN_FIELD,
)
from causeway.deidentify.standard import BASIC, CODES, Option, edition, rows
from causeway.problems import InvalidConfiguration

REFERENCE = ROOT / "docs/reference/deidentification-profiles.md"
FLYWHEEL = ROOT / "docs/howto/from-flywheel-profile.md"
TEXT = REFERENCE.read_text(encoding="utf-8")

PROFILES = [block for block in blocks() if "profile" in block.marks]
FLYWHEELS = [block for block in blocks() if "flywheel" in block.marks]


@pytest.mark.parametrize("block", PROFILES, ids=str)
def test_examples_load(block: Block) -> None:
    profile = parse_toml(block.body, file=str(block))
    assert compile_profile(profile).digest
    assert profile.warnings == ()


@pytest.mark.parametrize("block", FLYWHEELS, ids=str)
def test_flywheels_examples_load(block: Block) -> None:
    assert compile_profile(parse_flywheel(block.body, file=str(block))).digest


def test_there_are_examples() -> None:
    assert len(PROFILES) >= 5
    assert len(FLYWHEELS) >= 1


def keys_known(text: str) -> set[str]:
    """What a profile with a wrong key is told to be known where that key stands."""
    with pytest.raises(InvalidConfiguration) as caught:
        parse_toml(text, file="x")
    known = [each.right for each in caught.value.problems if "known: " in each.right]
    return set(known[0].removeprefix("known: ").split(", "))


def test_every_key_is_described() -> None:
    for text in ('name = "x"\nqqq = 1', 'name = "x"\n[[override]]\nqqq = 1'):
        for key in keys_known(text):
            assert f"`{key}`" in TEXT, key
    assert keys_known('name = "x"\n[descriptors]\nqqq = 1') == {"words", "without"}
    for value in (*Base, *Dates, *Ages, *OTHERWISE):
        assert f'`"{value}"`' in TEXT, value


def test_every_option_and_action_is_described() -> None:
    for option in Option:
        assert f"| `{option}` | {CODES[option].value} |" in TEXT
    for word in WORDS:
        assert f"| `{word}` |" in TEXT


def test_shipped_profiles_are_as_described() -> None:
    for name in SHIPPED:
        conforms = "yes" if compile_profile(load_profile(name)).is_conformant else "**no**"
        assert f"| `{name}` | {conforms} |" in TEXT


def test_numbers_and_editions() -> None:
    assert edition() == "PS3.15 2026c, options of 2024e"
    assert "edition 2026c" in TEXT
    assert "edition 2024e" in TEXT
    assert f"the {sum(not row.options_known for row in rows())} rows" in TEXT
    beyond = [row for row in rows() if row.origin != BASIC and not row.is_repeating]
    assert f"({len(beyond)} attributes)" in TEXT


def test_descriptions_become_what_the_page_says() -> None:
    section = TEXT.partition("## Descriptions")[2].partition("\n## ")[0]
    examples = re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", section, re.MULTILINE)
    assert len(examples) > 4
    for before, after in examples:
        assert Descriptors()(before) == after


def test_every_key_of_flywheels_is_told() -> None:
    page = FLYWHEEL.read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z_-]+)(?:: \w+)?`", page))
    for keys in (
        HONOURED,
        HONOURED_IN_DICOM,
        HONOURED_IN_FIELD,
        ONE_VALUE,
        REFUSED,
        REFUSED_IN_DICOM,
        REFUSED_IN_FIELD,
    ):
        assert set(keys) <= told, set(keys) - told
