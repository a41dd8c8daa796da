"""``dciodvfy`` (Debian's dicom3tools), MIDI-B's own validator: no error that was not there before.

It knows which attributes an IOD must have, so it is the judge of how combined codes were resolved
and of what is left where nothing could be kept.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import write_file_meta_info

from causeway.deidentify.edit.clean import clean
from causeway.deidentify.errors import Doubt
from causeway.deidentify.profile import SHIPPED, compile_profile, load_profile
from causeway.deidentify.standard import attribute_type

sys.path.append(str(Path(__file__).parents[1] / "unit/deidentify"))
from deid_parts import DICOM, SUBJECT, Object, read_object, source_of

pytestmark = pytest.mark.peer("dciodvfy")

BUNDLED = Path(pydicom.__file__).parent / "data/test_files"

KNOWN = {
    # PS3.15 table E.1-1 asks for Source Image Sequence to go where it is of type 3 (X/Z/U*). Then
    # this object lists instances, as its module demands, to which nothing in it refers.
    "Error - ReferencedSeriesSequence present but Instance does not reference Instances": {
        "seg_image_sm_dots_tiled_full.dcm"
    },
}


def file_of(sop_class: str, instance: str, syntax: str, data: bytes) -> bytes:
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\0\1"
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = instance
    meta.TransferSyntaxUID = syntax
    meta.ImplementationClassUID = "2.25.1"
    head = io.BytesIO()
    write_file_meta_info(head, meta)
    return bytes(128) + b"DICM" + head.getvalue() + data


# Values and UIDs, which differ before and after.
_VALUES = re.compile(
    r"ReferencedSOPInstanceUID \S+|\b[0-9]+(?:\.[0-9]+){2,}|(?<!Element=)(?<!Module=)<[^>]*>"
    r"|\[[^\]]*\]|= ?\S+$"
)


def errors(path: Path) -> Counter[str]:
    """What it complains about, without values."""
    done = subprocess.run(["dciodvfy", path], capture_output=True, check=False)
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return Counter(_VALUES.sub("…", line).strip() for line in lines if line.startswith("Error"))


def new_errors(found: Object, profile: str, folder: Path) -> Counter[str] | None:
    """None for an object that does not leave."""
    plan = compile_profile(load_profile(profile))
    try:
        made = clean(source_of(found), plan=plan, subject=SUBJECT, types=attribute_type)
    except Doubt:
        return None
    name = f"{abs(hash(found.path))}-{profile}"
    before, after = folder / f"{name}-before", folder / f"{name}-after"
    before.write_bytes(file_of(found.sop_class, found.instance, found.syntax, found.data))
    content = b"".join(made.pieces())
    after.write_bytes(file_of(found.sop_class, made.sop_instance_uid, found.syntax, content))
    new = errors(after) - errors(before)
    os.unlink(before)
    os.unlink(after)
    for start, names in KNOWN.items():
        if found.path.name in names:
            new = Counter({line: n for line, n in new.items() if not line.startswith(start)})
    return new


def examine(paths: list[Path], profile: str, folder: Path) -> tuple[int, dict[str, str]]:
    """How many were examined, and an object for each new error."""

    def one(path: Path) -> tuple[Path, Counter[str] | None]:
        found = read_object(path)
        return path, None if found is None else new_errors(found, profile, folder)

    with ThreadPoolExecutor(2) as workers:
        results = [each for each in workers.map(one, paths) if each[1] is not None]
    return len(results), {line: path.name for path, new in results for line in new or ()}


def of_each_folder(root: Path, most: int) -> list[Path]:
    """Some files of each folder: what is in one is alike."""
    seen: Counter[Path] = Counter()
    chosen = []
    for path in sorted(each for each in root.rglob("*") if each.is_file()):
        seen[path.parent] += 1
        if seen[path.parent] <= most and "fuzz" not in str(path):
            chosen.append(path)
    return chosen


@pytest.mark.parametrize("profile", SHIPPED)
def test_the_files_that_pydicom_has(profile: str, tmp_path: Path) -> None:
    count, new = examine(sorted(BUNDLED.glob("*.dcm")), profile, tmp_path)
    assert count > 40
    assert not new


@pytest.mark.slow
@pytest.mark.skipif(not DICOM.is_dir(), reason="the shared data set is not here")
@pytest.mark.parametrize("profile", SHIPPED)
def test_the_shared_data(profile: str, tmp_path: Path) -> None:
    count, new = examine(of_each_folder(DICOM, 40), profile, tmp_path)
    assert count > 300
    assert not new


def test_it_notices_what_is_missing(tmp_path: Path) -> None:
    """Of a required attribute that a profile removes, it tells."""
    found = read_object(BUNDLED / "CT_small.dcm")
    assert found is not None
    path = tmp_path / "without"
    at = found.data.index(b"\x20\x00\x0d\x00UI")  # Study Instance UID
    length = int.from_bytes(found.data[at + 6 : at + 8], "little")
    less = found.data[:at] + found.data[at + 8 + length :]
    path.write_bytes(file_of(found.sop_class, found.instance, found.syntax, less))
    assert any("StudyInstanceUID" in line for line in errors(path))
