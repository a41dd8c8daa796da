"""What there is to import, in folders, archives and file sets."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from causeway.importing.finding import Archives, Candidate, Damaged, PassedOver, find
from causeway.part10 import read_part10
from causeway.testing.phantom import make_instance
from causeway.testing.phantom.instances import file_head


def file_of(seed: str) -> bytes:
    made = make_instance("CT", rows=16, columns=16, seed=seed)
    return file_head(made.sop_class_uid, made.sop_instance_uid) + made.data_set


def data_set_of(seed: str) -> bytes:
    return make_instance("CT", rows=16, columns=16, seed=seed).data_set


def found(*paths: Path) -> tuple[dict[str, bytes], dict[str, PassedOver]]:
    """The data sets that can be imported, and what cannot, by their places below the first path."""
    top = str(paths[0] if paths[0].is_dir() else paths[0].parent)
    taken, passed = {}, {}
    with Archives() as archives:
        for each in find(paths, archives):
            if isinstance(each, Candidate):
                data = b"".join(each.open())
                assert len(data) == each.size
                assert b"".join(each.open()) == data, "it can be read once only"
                taken[each.place.removeprefix(top).lstrip("/")] = data
            else:
                passed[each.place.removeprefix(top).lstrip("/")] = each
    return taken, passed


def test_a_folder_is_walked_and_what_is_no_object_is_named(tmp_path: Path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "one.dcm").write_bytes(file_of("one"))
    (tmp_path / "two").write_bytes(file_of("two"))
    (tmp_path / "notes.txt").write_text("read me")
    taken, passed = found(tmp_path)
    assert taken == {"deep/one.dcm": data_set_of("one"), "two": data_set_of("two")}
    assert passed["notes.txt"].reason == "no DICOM file"
    assert not passed["notes.txt"].lost


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_of_an_archive_are_read_where_they_are(tmp_path: Path, how: int):
    with zipfile.ZipFile(tmp_path / "all.zip", "w", how) as archive:
        archive.writestr("a/one.dcm", file_of("one"))
        archive.writestr("../../two.dcm", file_of("two"))
        archive.writestr("notes.txt", "read me")
        archive.mkdir("empty")
    with zipfile.ZipFile(tmp_path / "more.zip", "w", how) as archive:
        archive.writestr("three.dcm", file_of("three"))
    before = sorted(tmp_path.parent.rglob("*"))
    taken, passed = found(tmp_path)
    assert sorted(taken.values()) == sorted(map(data_set_of, ("one", "two", "three")))
    assert set(passed) == {"all.zip!notes.txt"}
    assert sorted(tmp_path.parent.rglob("*")) == before, "something was unpacked"


def test_archives_can_be_read_in_turns(tmp_path: Path):
    for name in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as archive:
            archive.writestr("x", file_of(name))
    with Archives() as archives:
        one, two = find([tmp_path / "one.zip", tmp_path / "two.zip"], archives)
        assert isinstance(one, Candidate)
        assert isinstance(two, Candidate)
        for _ in range(2):
            assert b"".join(one.open()) == data_set_of("one")
            assert b"".join(two.open()) == data_set_of("two")


def test_what_an_archive_keeps_from_us_is_lost_and_not_skipped(tmp_path: Path):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x", file_of("x"))
    whole = tmp_path / "whole.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("inner.zip", inner.getvalue())
        archive.writestr("secret.dcm", file_of("secret"))
    content = bytearray(whole.read_bytes())
    # Flag 1 of the second member, in its own header and in the central directory.
    for magic in (b"PK\3\4", b"PK\1\2"):
        at = content.rindex(magic)
        flags = at + (6 if magic == b"PK\3\4" else 8)
        content[flags : flags + 2] = struct.pack("<H", 1)
    whole.write_bytes(content)
    (tmp_path / "cut.zip").write_bytes(whole.read_bytes()[:100])
    taken, passed = found(tmp_path)
    assert not taken
    assert {name: each.lost for name, each in passed.items()} == {
        "whole.zip!inner.zip": True, "whole.zip!secret.dcm": True, "cut.zip": True,
    }  # fmt: skip


def test_a_member_with_a_wrong_checksum_is_damaged(tmp_path: Path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.dcm", file_of("x") + bytes(20_000))
    content = bytearray(path.read_bytes())
    content[19_000] ^= 1
    path.write_bytes(content)
    with Archives() as archives:
        (candidate,) = find([path], archives)
        assert isinstance(candidate, Candidate)
        with pytest.raises(Damaged):
            b"".join(candidate.open())


@pytest.fixture
def disc(tmp_path: Path) -> Path:
    """A file set of three images, as on a CD."""
    from pydicom import dcmread
    from pydicom.fileset import FileSet

    images = FileSet()
    for seed in ("one", "two", "three"):
        images.add(dcmread(io.BytesIO(file_of(seed))))
    images.write(tmp_path / "disc")
    images._stage["t"].cleanup()  # else it is done by whoever collects garbage, with a warning
    return tmp_path / "disc"


def on(disc: Path) -> list[bytes]:
    """The data sets of its images."""
    files = [path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR"]
    return sorted(b"".join(read_part10(path).pieces()) for path in files)


def test_a_directory_that_is_named_stands_for_what_it_lists(disc: Path):
    listed = on(disc)
    (disc / "BESIDE").write_bytes(file_of("beside"))
    taken, passed = found(disc / "DICOMDIR")
    assert sorted(taken.values()) == listed
    assert len(listed) == 3
    assert not passed


def test_names_are_found_whatever_their_case(disc: Path):
    for path in sorted(disc.rglob("*"), key=lambda path: -len(path.parts)):
        if path.name != "DICOMDIR":
            path.rename(path.with_name(path.name.lower()))
    taken, passed = found(disc / "DICOMDIR")
    assert len(taken) == 3
    assert not passed


def test_a_folder_with_a_directory_says_what_is_missing(disc: Path):
    images = sorted(path for path in disc.rglob("*") if path.is_file() and path.name != "DICOMDIR")
    images[0].unlink()
    taken, passed = found(disc)
    assert len(taken) == 2
    (missing,) = passed.values()
    assert missing.lost
    assert "lists it" in missing.reason


def test_a_directory_leads_nowhere_else(disc: Path, tmp_path: Path):
    from pydicom import dcmread, dcmwrite

    (tmp_path / "OUTSIDE").write_bytes(file_of("outside"))
    listing = dcmread(disc / "DICOMDIR")
    for record in listing.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record["ReferencedFileID"]._value = [
                "..",
                "OUTSIDE",
            ]  # no value that pydicom would take
    dcmwrite(disc / "DICOMDIR", listing)
    taken, passed = found(disc / "DICOMDIR")
    assert not taken
    assert all(each.lost for each in passed.values())


def test_a_directory_that_cannot_be_read_is_said(disc: Path):
    content = (disc / "DICOMDIR").read_bytes()
    records = content.index(b"\x04\x00\x20\x12")  # Directory Record Sequence
    (disc / "DICOMDIR").write_bytes(content[:records] + b"\xff" * 64)
    _, passed = found(disc / "DICOMDIR")
    assert any(each.lost for each in passed.values())
