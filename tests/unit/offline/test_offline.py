"""Files and folders, de-identified into another folder: what is there, and what is not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from offline_files import (
    KEY,
    KEY_TEXT,
    NAME,
    PATIENT,
    TREATMENT,
    everything_in,
    folder_of,
    part10,
    ran,
    slice_of,
    written,
    zipped,
)
from pydicom import dcmread

from causeway.deidentify.treatment import Treatment, recipe_of
from causeway.errors import ConfigurationError, OutOfSpace, StartupError
from causeway.offline import Fate, Item, items_below, prepare
from causeway.offline import run as run_module
from causeway.offline.journal import NAME as JOURNAL
from causeway.offline.report import RunReport, places
from causeway.offline.writing import Another, write


def test_a_folder_becomes_one_of_subject_study_series_and_instance(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    before = dict(everything_in(folder))
    report, _ = ran(folder, tmp_path / "out")
    assert report.fates == {Fate.WRITTEN: 3}
    found = written(tmp_path / "out")
    assert len(found) == 3
    for path in found:
        made = dcmread(path)
        subject, study, series, name = path.relative_to(tmp_path / "out").parts
        assert (subject, study, series) == (
            made.PatientID,
            made.StudyInstanceUID,
            made.SeriesInstanceUID,
        )
        assert name == f"{made.SOPInstanceUID}.dcm"
        assert made.file_meta.MediaStorageSOPInstanceUID == made.SOPInstanceUID
        assert made.PatientIdentityRemoved == "YES"
    assert dict(everything_in(folder)) == before


def test_nothing_of_the_patient_is_in_any_name_or_byte(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    (folder / f"{NAME}.txt").write_text("a letter")
    (folder / "capture.dcm").write_bytes(part10(slice_of(9, "OT")))
    out = tmp_path / "out"
    report, _ = ran(folder, out)
    studies = report.studies([])
    text = report.text(studies) + report.json(studies)
    for said in (NAME, PATIENT.patient_id, "19511224", "1.2.826.0.1.3680043.8.498.47"):
        assert said.lower() not in text.lower()
        for name, content in everything_in(out):
            assert said.lower() not in name.lower()
            assert said.lower().encode() not in content.lower(), name


def test_the_same_again_writes_nothing(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "out"
    ran(folder, out)
    inodes = {path: path.stat().st_ino for path in written(out)}
    report, _ = ran(folder, out)
    assert report.fates == {Fate.THERE: 3}
    assert {path: path.stat().st_ino for path in written(out)} == inodes


def test_a_run_that_was_cut_off_goes_on_and_tells_the_whole(tmp_path: Path) -> None:
    folder, out, whole = folder_of(tmp_path / "in"), tmp_path / "out", tmp_path / "whole"
    ran(folder, out)
    journal = (out / JOURNAL).read_bytes().splitlines(keepends=True)
    _, second, third = written(out)
    # As a kill leaves it: a line cut off, a file that is half, one that is there and not noted.
    (out / JOURNAL).write_bytes(b"".join(journal[:2]) + journal[2][:40])
    second.unlink()
    half = third.with_name(f".1-{third.name}.part")
    half.write_bytes(b"half")
    report, _ = ran(folder, out)
    assert not half.exists()
    assert sum(report.fates.values()) == 3
    assert report.fates[Fate.WRITTEN] == 1
    ran(folder, whole)
    assert [p.read_bytes() for p in written(out)] == [p.read_bytes() for p in written(whole)]
    told = []
    for root in (out, whole):
        with prepare(root, [], TREATMENT, told="a test") as opened:
            told.append(RunReport(treatment=TREATMENT).studies(opened.entries())[0].fields())
    assert told[0] == told[1]
    assert told[0]["instances"]["cleaned"] == 3


def test_a_file_that_someone_has_changed_is_not_written_over(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "out"
    ran(folder, out)
    changed = written(out)[1]
    changed.write_bytes(changed.read_bytes() + b"\0")
    report, _ = ran(folder, out)
    assert report.fates == {Fate.THERE: 2, Fate.CONFLICT: 1}
    assert changed.read_bytes().endswith(b"\0")
    assert report.missing == 1


def test_two_objects_of_one_uid_are_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", slices=1)
    (folder / "z.dcm").write_bytes(part10(slice_of(1, pixels=bytes([7]) * 512)))
    report, _ = ran(folder, tmp_path / "out")
    assert report.fates == {Fate.WRITTEN: 1, Fate.CONFLICT: 1}


def test_a_copy_of_a_file_is_one_object_of_the_report(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", slices=1)
    (folder / "copy.dcm").write_bytes(part10(slice_of(1)))
    out = tmp_path / "out"
    report, _ = ran(folder, out)
    assert report.fates == {Fate.WRITTEN: 1, Fate.THERE: 1}
    with prepare(out, [folder], TREATMENT, told="a test") as journal:
        (study,) = report.studies(journal.entries())
    assert study.cleaned == 1


def test_what_is_no_object_is_counted_and_placed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", slices=1)
    (folder / "DICOMDIR").write_bytes(
        bytes(128) + b"DICM" + b"\2\0\2\0UI\x14\x00" + b"1.2.840.10008.1.3.10"
    )
    (folder / "a.txt").write_text("text")
    (folder / "b.jpg").write_bytes(b"")
    (folder / "c.raw").write_bytes(slice_of(2).data_set)
    os.mkfifo(folder / "d.fifo")
    (folder / "e.dcm").symlink_to(folder / "nowhere")
    (folder / "f").symlink_to(folder)
    report, outcomes = ran(folder, tmp_path / "out")
    fates = {each.item.path.name: (each.fate, each.reason) for each in outcomes}
    assert fates["DICOMDIR"][0] is Fate.DIRECTORY
    assert fates["a.txt"] == (Fate.NOT_DICOM, "no DICOM file")
    assert fates["b.jpg"] == (Fate.NOT_DICOM, "an empty file")
    assert fates["c.raw"][0] is Fate.IN_DOUBT
    assert "without a header" in fates["c.raw"][1]
    assert fates["d.fifo"] == (Fate.FAILED, "no file")
    assert fates["e.dcm"][0] is Fate.FAILED
    assert "not followed" in fates["f"][1]
    assert report.missing == 4
    rows = places(report.left).splitlines()
    assert rows[0] == "place,file,fate,code,reason"
    assert len(rows) == 1 + len(report.left)
    assert any("a.txt" in row for row in rows)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", slices=2)
    min(folder.iterdir()).chmod(0)
    (folder / "locked").mkdir(mode=0)
    report, _ = ran(folder, tmp_path / "out")
    assert report.fates == {Fate.WRITTEN: 1, Fate.FAILED: 2}


def test_members_of_a_zip(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    zipped(folder / f"{NAME}.zip", slice_of(1), slice_of(2))
    (folder / "broken.zip").write_bytes(b"PK\3\4 and nothing more")
    (folder / "other.bin").write_bytes(b"PK\3\4 not named so")
    report, outcomes = ran(folder, tmp_path / "out")
    assert report.fates == {Fate.WRITTEN: 2, Fate.FAILED: 1, Fate.NOT_DICOM: 1}
    assert [str(each.item.place) for each in outcomes if each.fate is Fate.WRITTEN] == [
        "1/1/1",
        "1/1/2",
    ]
    plain = folder_of(tmp_path / "plain", slices=2)
    ran(plain, tmp_path / "other")
    same = [[p.read_bytes() for p in written(tmp_path / name)] for name in ("out", "other")]
    assert same[0] == same[1]


def test_a_damaged_member_of_a_zip_is_told(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", slice_of(1))
    data = bytearray(path.read_bytes())
    at = data.index(b"DICM") if b"DICM" in data else 200
    data[at : at + 40] = bytes(40)
    path.write_bytes(data)
    report, _ = ran(path, tmp_path / "out")
    assert report.fates == {Fate.FAILED: 1}


def test_several_processes_make_the_same_bytes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(run_module, "ALONE", 0)
    monkeypatch.setattr(run_module, "BATCH_FILES", 2)
    folder = folder_of(tmp_path / "in", slices=7)
    report, _ = ran(folder, tmp_path / "one")
    several, _ = ran(folder, tmp_path / "several", jobs=2)
    assert report.fates == several.fates == {Fate.WRITTEN: 7}
    one, other = ([p.read_bytes() for p in written(tmp_path / n)] for n in ("one", "several"))
    assert one == other


# --- what is refused ------------------------------------------------------------------------------


def test_an_output_that_is_not_apart_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    for out, given in (
        (folder, folder),
        (folder / "out", folder),
        (tmp_path, folder),
        (tmp_path / "in" / ".." / "in" / folder.name / "out", folder),
    ):
        with pytest.raises(ConfigurationError):
            prepare(out, [given], TREATMENT, told="a test")
    (tmp_path / "link").symlink_to(folder)
    with pytest.raises(ConfigurationError):
        prepare(tmp_path / "link" / "out", [folder], TREATMENT, told="a test")
    assert not list(folder.glob("**/*.jsonl"))


def test_a_folder_with_something_else_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(ConfigurationError, match="not empty"):
        prepare(tmp_path / "out", [], TREATMENT, told="a test")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="is a file"):
        prepare(tmp_path / "file", [], TREATMENT, told="a test")
    with pytest.raises(ConfigurationError, match="is not there"):
        prepare(tmp_path / "new", [tmp_path / "nowhere"], TREATMENT, told="a test")


def test_another_profile_or_key_does_not_go_on_in_the_same_folder(tmp_path: Path) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "out"
    ran(folder, out)
    other = Treatment(recipe=recipe_of("research"), key=KEY)
    with pytest.raises(ConfigurationError, match='made by a test, and not by "research"'):
        prepare(out, [folder], other, told='"research"')


def test_two_runs_at_once_into_one_folder(tmp_path: Path) -> None:
    with (
        prepare(tmp_path / "out", [], TREATMENT, told="a test"),
        pytest.raises(StartupError, match="another run"),
    ):
        prepare(tmp_path / "out", [], TREATMENT, told="a test")


# --- writing --------------------------------------------------------------------------------------


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    def pieces():
        yield b"some"
        raise OSError(28, "No space left on device")

    name = run_module.PurePosixPath("a/b.dcm")
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, name, pieces())
    assert list((tmp_path / "a").iterdir()) == []
    assert write(tmp_path, name, [b"so", b"me"]) == 4
    assert write(tmp_path, name, [b"some"]) is None
    with pytest.raises(Another):
        write(tmp_path, name, [b"more"])
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["b.dcm"]


def test_a_full_disk_ends_the_run_with_a_word_on_how_to_go_on(tmp_path: Path, monkeypatch) -> None:
    folder, out = folder_of(tmp_path / "in"), tmp_path / "out"
    written_before = run_module.Work.do
    done: list[object] = []

    def full(work, item):
        if done:
            raise run_module.CannotWrite(28, "No space left on device")
        done.append(item)
        return written_before(work, item)

    monkeypatch.setattr(run_module, "BATCH_FILES", 1)
    monkeypatch.setattr(run_module.Work, "do", full)
    with pytest.raises(OutOfSpace) as caught:
        ran(folder, out)
    assert "goes on where it stopped" in caught.value.hint
    monkeypatch.setattr(run_module.Work, "do", written_before)
    report, _ = ran(folder, out)
    assert report.fates == {Fate.THERE: 1, Fate.WRITTEN: 2}


def test_places_are_the_same_the_next_time(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in")
    found = [list(items_below([folder])) for _ in range(2)]
    assert found[0] == found[1]
    assert [str(each.place) for each in found[0] if isinstance(each, Item)] == ["1/1", "1/2", "1/3"]
    assert NAME not in repr(found)


# --- the report -----------------------------------------------------------------------------------


def test_every_field_of_the_report_is_on_its_page(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "in", slices=1)
    (folder / "capture.dcm").write_bytes(part10(slice_of(9, "OT")))
    report, _ = ran(folder, tmp_path / "out")
    told = json.loads(report.json(report.studies([])))
    fields = set(told) - {"left"} | {f"left[].{name}" for name in told["left"][0]}
    page = Path(__file__).parents[3] / "docs/reference/deidentification-run.md"
    documented = set(re.findall(r"^\| `([a-z_.\[\]]+)`", page.read_text(), re.MULTILINE))
    assert documented == fields
    assert all(f"`{name}`" in page.read_text() for name in told["files"])


# --- killed ---------------------------------------------------------------------------------------


def test_a_run_that_is_killed_leaves_no_process_and_nothing_half(tmp_path: Path) -> None:
    """The real command, killed while it writes; the same command then makes it whole."""
    folder = folder_of(tmp_path / "in", slices=300)
    (tmp_path / "key").write_text(KEY_TEXT)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "causeway", "deidentify", str(folder), str(out)]
    command += ["--profile", "basic", "--key", f"file:{tmp_path / 'key'}", "--jobs", "2"]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    journal = out / JOURNAL
    while process.poll() is None and (not journal.exists() or b"\n{" not in journal.read_bytes()):
        time.sleep(0.01)
    process.kill()
    process.wait()
    until = time.monotonic() + 30
    while members_of(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert members_of(process.pid) == []
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    assert len(written(out)) == 300
    assert list(out.rglob("*.part")) == []


def members_of(group: int) -> list[str]:
    """Processes of a process group that are not dead."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[2] == str(group) and fields[0] != "Z":
            found.append(stat.parent.name)
    return found
