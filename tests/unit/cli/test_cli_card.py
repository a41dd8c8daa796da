"""``causeway card``: from the configuration to files, and what it warns of."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import CONFIG, Result, call

RULES = """
[site]
name = "Hospital"
contact = "4711"

[routing]
tags = ["PatientComments", "StudyComments"]
known = ["neuro/Amnesia", "cardio/TAVI"]
unknown = "hold"

[opt]
in = [{ tag = "StudyDescription", matches = "UPLOAD|YES" }]
"""
SECOND = """
[[source]]
name = "mr1"
ae_title = "MR1"
addresses = ["127.0.0.0/8"]
routing = { tags = ["PatientID"], prefix = "required" }
"""


def cards(folder: Path, rules: str, *arguments: str) -> Result:
    config = folder / "causeway.toml"
    config.write_text(CONFIG + rules)
    return call("--config", str(config), "card", "--to", str(folder / "cards"), *arguments)


def test_a_page_and_a_pdf_for_each_source(tmp_path: Path) -> None:
    result = cards(tmp_path, RULES + SECOND)
    assert result.status == 0, result.err
    assert result.err == ""
    names = sorted(path.name for path in (tmp_path / "cards").iterdir())
    assert names == ["card-ct1.html", "card-ct1.pdf", "card-mr1.html", "card-mr1.pdf"]
    page = (tmp_path / "cards" / "card-ct1.html").read_text()
    for text in ("Patient Comments", "fw://neuro/Amnesia", "UPLOAD", "YES", "4711", "Hospital"):
        assert text in page
    assert (tmp_path / "cards" / "card-ct1.pdf").read_bytes().startswith(b"%PDF")


def test_a_source_s_own_rules_are_on_its_card(tmp_path: Path) -> None:
    assert cards(tmp_path, RULES + SECOND, "mr1").status == 0
    assert not (tmp_path / "cards" / "card-ct1.html").exists()
    page = (tmp_path / "cards" / "card-mr1.html").read_text()
    assert "Patient ID" in page
    assert "Without fw://" in page
    assert "Study Comments" not in page


def test_one_form_other_paper_other_contact_as_json(tmp_path: Path) -> None:
    options = ("--form", "pdf", "--paper", "letter", "--contact", "0815", "--json")
    said = cards(tmp_path, RULES, *options).json
    assert said["warnings"] == []
    assert said["cards"] == [
        {"source": "ct1", "files": [str(tmp_path / "cards" / "card-ct1.pdf")], "missing": ""}
    ]
    assert b"612 792" in (tmp_path / "cards" / "card-ct1.pdf").read_bytes()


def test_an_unknown_source_is_refused(tmp_path: Path) -> None:
    result = cards(tmp_path, RULES, "ct2")
    assert result.status == 2
    assert "ct1" in result.err


def test_a_contact_without_a_font_leaves_the_html_card(tmp_path: Path) -> None:
    result = cards(tmp_path, RULES, "--contact", "שלום")
    assert result.status == 0
    assert "no font" in result.err
    assert [path.name for path in (tmp_path / "cards").iterdir()] == ["card-ct1.html"]
    assert cards(tmp_path, RULES, "--contact", "שלום", "--form", "pdf").status == 7


def test_a_folder_that_cannot_be_made_is_an_error_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "cards").write_text("in the way")
    result = cards(tmp_path, RULES)
    assert result.status == 3
    assert "--to" in result.err


IN_THE_WAY = """
[routing]
tags = ["PatientComments"]
known = ["neuro/NORMAL"]

[opt]
out = [{ tag = "PatientComments", matches = "NO" }]
"""
SPOILT = """
[routing]
tags = ["StudyID"]

[opt]
in = [{ tag = "StudyID", matches = "UPLOAD" }]
"""
IN_VAIN = """
[routing]
tags = ["PatientComments"]

[metadata]
overrides = { "project.label" = "All" }
"""


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        (IN_VAIN, "metadata.overrides sets project.label"),
        (IN_THE_WAY, "fw://neuro/NORMAL/sub-001 would be skipped"),
        (SPOILT, "one spoils the other"),
    ],
)
def test_what_would_not_work_is_told_before_it_hangs_on_a_wall(
    tmp_path: Path, rules: str, says: str
) -> None:
    result = cards(tmp_path, rules)
    assert result.status == 0
    assert says in result.err
    assert says in cards(tmp_path, rules, "--json").json["warnings"][0]


def test_who_names_the_subject_is_said_as_it_is(tmp_path: Path) -> None:
    mapping = '[metadata]\nmappings = ["{AccessionNumber}=subject.label"]\n'
    assert cards(tmp_path, RULES).status == 0
    assert "the Patient ID names" in (tmp_path / "cards" / "card-ct1.html").read_text()
    assert cards(tmp_path, RULES + mapping).status == 0
    assert "the connector names" in (tmp_path / "cards" / "card-ct1.html").read_text()


def test_opting_in_by_the_prefix_works(tmp_path: Path) -> None:
    rules = (
        '[routing]\ntags = ["PatientComments"]\nprefix = "required"\n'
        '[opt]\nin = [{ tag = "PatientComments", matches = "^fw://" }]\n'
    )
    assert cards(tmp_path, rules).err == ""
