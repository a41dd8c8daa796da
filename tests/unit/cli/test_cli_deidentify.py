"""``causeway deidentify`` and ``causeway preview``, as typed, with mistakes too."""

from __future__ import annotations

import csv
import hashlib
import json
import stat
from pathlib import Path

import pytest
from cli_world import Result, call

from causeway.testing.phantom import make_instance
from causeway.testing.phantom.instances import Patient

KEY = hashlib.sha256(b"typed").hexdigest()
PATIENT = Patient(name="Quacksalber^Ottokar", patient_id="HH-471-19", birth_date="19511224")


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans" / "Quacksalber"
    folder.mkdir(parents=True)
    for number in (1, 2):
        make_instance("CT", rows=16, columns=16, patient=PATIENT, instance_number=number).write(
            folder / f"{number}.dcm"
        )
    make_instance("OT", rows=16, columns=16, patient=PATIENT).write(folder / "capture.dcm")
    (folder / "read.me").write_text("not DICOM")
    (tmp_path / "project.key").write_text(KEY + "\n")
    return folder


def deidentify(folder: Path, *options: str, profile: str = "basic") -> Result:
    root = folder.parents[1]
    key = ("--key", f"file:{root / 'project.key'}")
    return call("deidentify", str(folder), str(root / "out"), "--profile", profile, *key, *options)


def test_what_is_held_is_listed_without_its_name(scans: Path) -> None:
    result = deidentify(scans)
    assert result.status == 8
    assert "1 study: 2 objects written, 1 not;" in result.out
    assert "held: 1 file" in result.out
    assert "secondary capture, and no rule is for it" in result.out
    assert "1/3" in result.out
    assert "not DICOM: 1 file" in result.out
    assert "capture.dcm" not in result.out + result.err
    assert "1 object of 3 was not written" in result.err
    report = json.loads((scans.parents[1] / "out" / "report.json").read_text())
    assert report["files"]["written"] == 2
    assert report["files"]["held"] == 1
    assert report["key_id"].startswith("project-")
    assert report["left"][0]["code"] == "secondary-capture"
    text = (scans.parents[1] / "out" / "report.txt").read_text()
    assert "De-identification of study 2.25." in text


def test_verbose_names_files(scans: Path) -> None:
    assert "capture.dcm" in deidentify(scans, "-v").out


def test_all_that_is_written_ends_well(scans: Path) -> None:
    (scans / "capture.dcm").unlink()
    result = deidentify(scans)
    assert result.status == 0
    assert result.err == ""


def test_as_json(scans: Path) -> None:
    told = deidentify(scans, "--json").json
    assert told["written"] == 2
    assert told["held"] == told["not_dicom"] == 1
    assert told["conformant"] is True
    assert told["studies"][0]["cleaned"] == 2
    assert {each["fate"] for each in told["left"]} == {"held", "not DICOM"}
    assert all(each["file"] is None for each in told["left"])
    again = deidentify(scans, "--json", "--verbose").json
    assert again["there"] == 2
    assert any(each["file"].endswith("read.me") for each in again["left"])


def test_maps_on_request_and_apart(scans: Path, tmp_path: Path) -> None:
    uids, patients, places = (tmp_path / f"{name}.csv" for name in ("uids", "patients", "places"))
    options = ["--uid-map", str(uids), "--patient-map", str(patients), "--places", str(places)]
    deidentify(scans)
    assert deidentify(scans, *options).status == 8
    with patients.open() as file:
        assert [row["id_old"] for row in csv.DictReader(file)] == ["HH-471-19"]
    with uids.open() as file:
        rows = list(csv.DictReader(file))
    assert all(row["id_new"].startswith("2.25.") for row in rows)
    assert len(rows) == 5  # of study, series, frame of reference and two objects
    assert "capture.dcm" in places.read_text()
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in (uids, patients, places))
    again = deidentify(scans, *options)
    assert again.status == 2
    assert "not overwritten" in again.err
    inside = deidentify(scans, "--uid-map", str(tmp_path / "out" / "map.csv"))
    assert inside.status == 2
    assert "who was who" in inside.err


def test_aliases_and_pixel_rules(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "subjects.csv").write_text("patient_id,subject\nHH-471-19,sub 001\n")
    (tmp_path / "rules.toml").write_text(
        '[[rule]]\nname = "corner"\nmatch = { modality = "OT", rows = 16, columns = 16 }\n'
        "blank = [[0, 0, 8, 8]]\n"
    )
    result = deidentify(
        scans,
        "--aliases",
        str(tmp_path / "subjects.csv"),
        "--pixel-rules",
        str(tmp_path / "rules.toml"),
    )
    assert result.status == 0
    assert [path.name for path in (tmp_path / "out").iterdir() if path.is_dir()] == ["sub 001"]
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["studies"][0]["pixels"] == {"kept": 2, "corner": 1}


def test_a_profile_that_does_not_conform_says_so(scans: Path) -> None:
    result = deidentify(scans, profile="direct-identifiers-only")
    assert "does not conform to PS3.15" in result.err


def test_mistakes_are_said_with_what_is_right(scans: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for arguments, said in (
        ((str(scans), out), "there is no --profile"),
        ((str(scans), out, "--profile", "basic"), "openssl rand -hex 32"),
        ((str(scans), out, "-p", "bassic", "--key", "env:K"), "shipped are basic"),
        ((str(scans), out, "-p", "basic", "--key", "env:NOT_THERE"), "NOT_THERE"),
        ((str(scans), out, "-p", "basic", "--key", KEY), "refer to a secret"),
        ((str(scans), out, "-p", "basic", "--ocr", "perhaps"), "--ocr"),
        (
            (str(scans) + "x", out, "-p", "basic", "--key", f"file:{tmp_path}/project.key"),
            "not there",
        ),
        ((out,), "Missing argument"),
    ):
        result = call("deidentify", *arguments)
        assert result.status == 2, arguments
        assert said in result.err, result.err
        assert KEY not in result.err
    assert not (tmp_path / "out").exists()


def test_nothing_to_do_is_told(tmp_path: Path, scans: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = call(
        "deidentify", str(tmp_path / "empty"), str(tmp_path / "out"), "-p", "basic",
        "--key", f"file:{tmp_path}/project.key",
    )  # fmt: skip
    assert result.status == 7


# --- preview --------------------------------------------------------------------------------------


def preview(file: Path, *options: str) -> Result:
    page = file.parents[2] / "page.html"
    return call("preview", str(file), "--profile", "basic", "--to", str(page), *options)


def test_a_preview_is_written_for_its_owner_alone(scans: Path, tmp_path: Path) -> None:
    result = preview(scans / "1.dcm")
    assert result.status == 0, result.err
    assert "leaves: an original image of a scanner" in result.out
    page = tmp_path / "page.html"
    assert stat.S_IMODE(page.stat().st_mode) == 0o600
    assert "Quacksalber" in page.read_text()
    assert "Quacksalber" not in result.out + result.err
    assert preview(scans / "1.dcm").status == 0, "a page of ours may be made anew"


def test_a_preview_of_what_is_held(scans: Path, tmp_path: Path) -> None:
    told = preview(scans / "capture.dcm", "--json").json
    assert told["verdict"] == "held"
    assert told["code"] == "secondary-capture"
    assert told["frames"] == [1]
    assert told["removed"] > 5
    assert "Nothing leaves" in (tmp_path / "page.html").read_text()


def test_a_preview_overwrites_nothing_else(scans: Path, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("my homepage")
    result = preview(scans / "1.dcm")
    assert result.status == 2
    assert (tmp_path / "page.html").read_text() == "my homepage"


def test_mistakes_of_a_preview(scans: Path, tmp_path: Path) -> None:
    assert "no DICOM file" in preview(scans / "read.me").err
    assert preview(scans / "read.me").status == 5
    assert "names no frames" in preview(scans / "1.dcm", "--frames", "3-1").err
    assert "is a folder" in preview(scans).err
    assert "cannot be read" in preview(scans / "nothing.dcm").err
    assert "there is no --profile" in call("preview", str(scans / "1.dcm")).err
