"""The data of the standard: whole, as it was handed over, and what a newer edition would change."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from deid_parts import SHARED

from causeway.attributes import tag_of
from causeway.deidentify.plan import Action
from causeway.deidentify.standard import (
    BASIC,
    CODES,
    Option,
    attribute_type,
    edition,
    rows,
    safe_private,
)

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "scripts" / "confidentiality-data"
TABLE = SHARED / "ps315_table_e1_1.json"
handed_over = pytest.mark.skipif(not TABLE.exists(), reason="the table is not in ../shared/data")

CT, ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4.1"
STRUCTURE_SET = "1.2.840.10008.5.1.4.1.1.481.3"


@handed_over
def test_no_row_was_lost_or_changed() -> None:
    given = {
        row["tag"]: (row["basic"], row["options"], row["options_known"])
        for row in json.loads(TABLE.read_text())["rows"]
        if "ODD" not in row["tag"]
    }
    ours = {}
    for row in rows():
        if row.origin == BASIC:
            digits = f"{row.value:08X}"
            mask = f"{row.mask:08X}"
            tag = "".join(d if m == "F" else "X" for d, m in zip(digits, mask, strict=True))
            ours[tag] = (row.basic.value, dict(row.options), row.options_known)
    assert ours == given
    assert len(ours) == 655


def test_what_is_protected_beyond_the_table_is_not_in_it() -> None:
    listed = {(row.mask, row.value) for row in rows() if row.origin == BASIC}
    beyond = [row for row in rows() if row.origin != BASIC]
    assert len(beyond) > 30
    assert not [row for row in beyond if (row.mask, row.value) in listed]


def test_the_edition_is_stated() -> None:
    assert edition() == "PS3.15 2026c, options of 2024e"


def test_codes_are_those_of_cid_7050() -> None:
    assert {code.value for code in CODES.values()} == {str(n) for n in range(113103, 113113)}
    assert all(len(code.meaning) <= 64 for code in CODES.values())
    assert CODES[Option.RETAIN_MODIFIED_DATES].value == "113107"


def test_safe_private_attributes_are_numbers_words_and_uids() -> None:
    found = {each.key: each for each in safe_private()}
    text_and_numbers = "CS DS FD FL IS LO SH SL SS UI UL US"
    assert {each.vr for each in found.values()} <= set(text_and_numbers.split())
    for key in (
        (0x0019, "siemens mr header", 0x0C),
        (0x0043, "gems_parm_01", 0x39),
        (0x0019, "gems_acqu_01", 0xBB),
        (0x2001, "philips imaging dd 001", 0x03),
        (0x2005, "philips mr imaging dd 001", 0xB0),
        (0x0065, "image private header", 0x09),
    ):
        assert key in found
    assert found[0x0065, "image private header", 0x09].source == "reviewed"


def test_what_was_left_out_has_its_reason() -> None:
    folder = ROOT / "src/causeway/deidentify/standard"
    said = json.loads((folder / "safe_private.json").read_text())
    assert len(said["entries"]) + len(said["left_out"]) == 130
    assert all(entry["why"] for entry in said["left_out"])
    reviewed = json.loads((folder / "reviewed.json").read_text())
    assert all(entry["why"] for entry in [*reviewed["beyond"], *reviewed["private"]])


@pytest.mark.parametrize(
    ("sop_class", "keyword", "kind"),
    [
        (CT, "PatientID", "2"),
        (CT, "SeriesDate", "3"),
        (CT, "SOPInstanceUID", "1"),
        (CT, "ContentDate", "2C"),
        (CT, "StructureSetLabel", ""),
        (ENHANCED_MR, "ContentDate", "1"),
        (STRUCTURE_SET, "StructureSetLabel", "1"),
        ("1.2.3.4", "PatientID", "?"),
    ],
)
def test_attribute_types(sop_class: str, keyword: str, kind: str) -> None:
    assert attribute_type(sop_class, tag_of(keyword)) == kind


@handed_over
def test_the_script_says_what_a_newer_edition_has_otherwise(tmp_path: Path) -> None:
    newer = json.loads(TABLE.read_text())
    by_tag = {row["tag"]: row for row in newer["rows"]}
    by_tag["00100010"]["basic"] = "X"
    by_tag["00104000"]["name"] = "Comments"
    del newer["rows"][newer["rows"].index(by_tag["00080050"])]
    newer["rows"].append({"tag": "00109999", "name": "New One", "basic": "X", "options": {}})
    (tmp_path / "newer.json").write_text(json.dumps(newer))
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "compare", str(tmp_path / "newer.json")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "gone     00080050  Accession Number: Z",
        "changed  00100010  Patient's Name: Z  →  X",
        "renamed  00104000  Patient Comments  →  Comments",
        "new      00109999  New One: X",
    ]
    same = subprocess.run([sys.executable, str(SCRIPT), "compare", str(TABLE)], check=False)
    assert same.returncode == 0


def test_every_basic_action_is_one_that_the_editor_knows() -> None:
    assert {row.basic for row in rows()} == {
        Action.REMOVE,
        Action.DUMMY,
        Action.UID,
        Action.EMPTY,
        Action.REMOVE_OR_DUMMY,
        Action.REMOVE_OR_EMPTY,
        Action.REMOVE_OR_EMPTY_OR_DUMMY,
        Action.EMPTY_OR_DUMMY,
        Action.REMOVE_OR_EMPTY_OR_UID,
    }
