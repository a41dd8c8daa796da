"""What ``explain`` and ``config check`` say of what is de-identified on the way."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest
from cli_world import CONFIG, World

from causeway.testing.phantom import Patient, make_instance, make_uid

MORE = """
[routing]
tags = ["PatientComments"]

[deidentify]
key = "file:deidentify.key"
"""
PATIENT = Patient(name="Quacksalber^Ottokar", patient_id="P-4711")


def scan(folder: Path, **elements: Any) -> Path:
    said: dict[str, Any] = {
        "PatientComments": "fw://neuro/Amnesia",
        "StudyDescription": "Brain for Quacksalber",
        "SeriesDescription": "T1",
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
        "series_instance_uid": make_uid("series"),
        "study_instance_uid": make_uid("study"),
    }
    folder.mkdir(exist_ok=True)
    image = make_instance("MR", rows=8, columns=8, patient=PATIENT, **(said | elements))
    return image.write(folder / f"{make_uid(*elements)}.dcm").parent


@pytest.fixture
def site(tmp_path: Path) -> World:
    asked = CONFIG.replace('deidentify = "none"', 'deidentify = "research"')
    assert asked != CONFIG
    (tmp_path / "causeway.toml").write_text(asked + MORE)
    (tmp_path / "deidentify.key").write_text(secrets.token_hex(32))
    return World(tmp_path)


def going(site: World, folder: Path) -> dict[str, Any]:
    (series,) = site.call("explain", str(folder), "--json").json["series"]
    (found,) = series["destinations"]
    return dict(found)


def test_explain_says_what_a_series_will_be_called(site: World, tmp_path: Path) -> None:
    found = going(site, scan(tmp_path / "scans"))
    assert found["deidentify"] == "research"
    group, project, subject, *rest = found["clean_folder"].split("/")
    assert (group, project, rest) == ("neuro", "Amnesia", ["Brain for", "T1"])
    assert subject not in ("P-4711", "")
    assert found["waits"] == ""
    said = site.call("explain", str(tmp_path / "scans")).out
    assert f"as {found['clean_folder']}" in said
    assert "de-identified: research" in said


def test_explain_says_why_a_series_would_wait(site: World, tmp_path: Path) -> None:
    folder = scan(tmp_path / "scans", ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])
    found = going(site, folder)
    assert found["clean_folder"] == ""
    assert found["waits"].startswith("held: ")
    assert "waits for a person" in site.call("explain", str(folder)).out


def test_explain_without_the_key_says_so(site: World, tmp_path: Path) -> None:
    (tmp_path / "deidentify.key").write_text("none")
    found = going(site, scan(tmp_path / "scans"))
    assert "not known here" in found["waits"]


def test_config_check_says_what_goes_where_as_what(site: World) -> None:
    said = site.call("config", "check").out
    assert 'de-identified by "research"' in said
    (first,) = site.call("config", "check", "--json").json["goes"]
    assert (first["deidentify"], first["said_by"]) == ("research", "destination")


def test_config_check_refuses_a_key_that_is_none(site: World, tmp_path: Path) -> None:
    (tmp_path / "deidentify.key").write_text("secret")
    refused = site.call("config", "check")
    assert refused.status != 0
    assert "64 hexadecimal digits" in refused.err
    assert "secret" not in refused.err.replace("a secret", "")
