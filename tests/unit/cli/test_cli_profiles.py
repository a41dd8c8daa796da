"""``causeway profile``: check, show, diff."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli_world import call

MINE = """
name = "mine"
options = ["retain_full_dates", "retain_modified_dates"]

[[override]]
attributes = ["StudyID"]
action = "keep"
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return str(path)


def test_check_of_a_shipped_profile() -> None:
    result = call("profile", "check", "research")
    assert result.status == 0
    assert result.err == ""
    assert "research: ok: 0 rules of its own" in result.out
    assert "113107 Retain Longitudinal Temporal Information Modified Dates Option" in result.out
    assert "conforms  yes" in result.out


def test_check_says_where_a_profile_is_weak(mine: str) -> None:
    result = call("profile", "check", mine)
    assert result.status == 0
    assert "warning" in result.err
    assert "conforms  no" in result.out
    assert f"StudyID       keep  empty      {mine}:5" in result.out
    strict = call("profile", "check", mine, "--conformant")
    assert strict.status == 2
    assert "does not conform" in strict.err
    assert call("profile", "check", "basic", "--conformant").status == 0


def test_check_as_json(mine: str) -> None:
    told = call("profile", "check", mine, "--json").json
    assert told["ok"] is True
    assert told["profile"]["conformant"] is False
    assert told["profile"]["codes"] == []
    assert told["profile"]["weaknesses"][0]["attribute"] == "StudyID"
    assert len(told["warnings"]) == 1
    strict = call("profile", "check", mine, "--json", "--conformant")
    assert strict.status == 2


def test_check_of_a_broken_profile(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('name = "x"\nbase = "basics"\n')
    result = call("profile", "check", str(path))
    assert result.status == 2
    assert f"{path}:2: base: must not be" in result.err
    told = call("profile", "check", str(path), "--json")
    assert told.status == 2
    assert told.json["ok"] is False
    assert told.json["profile"] is None
    assert told.json["problems"][0]["line"] == 2


def test_check_of_a_flywheel_profile_tells_what_is_corrected(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text("name: site\ndicom:\n  fields:\n  - {name: PatientID, hash: true}\n")
    result = call("profile", "check", str(path))
    assert result.status == 0
    assert result.err.count("note") == 4
    assert "names or IDs of the patient stay" in result.out


def test_there_is_no_such_profile() -> None:
    result = call("profile", "check", "nothing")
    assert result.status == 2
    assert "basic, research" in result.err


def test_show() -> None:
    whole = call("profile", "show", "basic")
    assert whole.out.count("\n") > 700
    assert "other attributes that PS3.6 does not list" in whole.out
    some = call("profile", "show", "research", "0010,1010", "studydate")
    assert [line.split()[1] for line in some.out.splitlines()[1:]] == ["StudyDate", "PatientAge"]
    told = call("profile", "show", "research", "PatientAge", "--json").json
    assert told["rules"] == [
        {
            "tag": "(0010,1010)",
            "attribute": "PatientAge",
            "action": "age",
            "origin": "Retain Patient Characteristics Option",
        }
    ]


def test_show_source_is_a_profile_to_start_from(tmp_path: Path) -> None:
    result = call("profile", "show", "research", "--source")
    path = tmp_path / "research.toml"
    path.write_text(result.out)
    same = call("profile", "diff", "research", str(path))
    assert same.out.startswith("research and ")
    assert "do the same" in same.out
    assert call("profile", "show", str(path), "--source").status == 2


def test_diff() -> None:
    result = call("profile", "diff", "basic", "research")
    assert result.status == 0
    assert "(0008,0020)  StudyDate" in result.out
    assert "codes" in result.out
    told = call("profile", "diff", "basic", "research", "--json").json
    assert told["same"] is False
    assert {"tag", "attribute", "one", "other"} == set(told["rules"][0])
    assert call("profile", "diff", "basic", "basic", "--json").json["same"] is True
