"""The phantoms are what they say: the same each time, well formed, and in one space."""

from __future__ import annotations

import hashlib
import io
import itertools
import shutil
import struct
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import FileDataset

from causeway.testing.phantom import (
    Instance,
    ct_study,
    file_head,
    make_instance,
    make_uid,
    mr_study,
    stream_instance,
)

SMALL_CT = {"slices": 6, "matrix": 128}
SMALL_MR = {"slices": 5, "matrix": 64}


def read(instance: Instance) -> FileDataset:
    head = file_head(instance.sop_class_uid, instance.sop_instance_uid)
    return dcmread(io.BytesIO(head + instance.data_set))


@pytest.fixture(scope="module")
def study() -> list[Instance]:
    return [*ct_study(3, **SMALL_CT), *mr_study(3, **SMALL_MR)]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(study: list[Instance]) -> None:
    again = [*ct_study(3, **SMALL_CT), *mr_study(3, **SMALL_MR)]
    other = [*ct_study(4, **SMALL_CT), *mr_study(4, **SMALL_MR)]
    assert again == study
    assert not {i.sop_instance_uid for i in other} & {i.sop_instance_uid for i in study}
    assert all(a.data_set != b.data_set for a, b in zip(other, study, strict=True))


def test_two_studies_of_three_series_each(study: list[Instance]) -> None:
    series = defaultdict(list)
    for instance in study:
        series[instance.study_instance_uid, instance.series_instance_uid].append(instance)
    counts = sorted((many[0].modality, len(many)) for many in series.values())
    assert counts == [("CT", 2), ("CT", 3), ("CT", 6), ("MR", 5), ("MR", 5), ("MR", 5)]
    assert len({key[0] for key in series}) == 2
    assert len({i.sop_instance_uid for i in study}) == len(study)


def test_the_wire_and_the_data_set_agree(study: list[Instance]) -> None:
    for instance in study:
        data_set = read(instance)
        assert data_set.SOPInstanceUID == instance.sop_instance_uid
        assert data_set.SOPClassUID == instance.sop_class_uid
        assert data_set.StudyInstanceUID == instance.study_instance_uid
        assert data_set.SeriesInstanceUID == instance.series_instance_uid
        assert data_set.Modality == instance.modality
        assert data_set.SeriesDescription == instance.series_description
        assert data_set.SOPInstanceUID.is_valid
        assert len(data_set.PixelData) == data_set.Rows * data_set.Columns * 2


def test_slices_stand_one_beside_the_other_in_one_frame_of_reference(
    study: list[Instance],
) -> None:
    stacks = defaultdict(list)
    frames = defaultdict(set)
    for data_set in map(read, study):
        frames[data_set.StudyInstanceUID].add(data_set.FrameOfReferenceUID)
        if "LOCALIZER" not in data_set.ImageType:
            stacks[data_set.SeriesInstanceUID].append(data_set)
    assert all(len(uids) == 1 for uids in frames.values())
    for stack in stacks.values():
        heights = [float(data_set.ImagePositionPatient[2]) for data_set in stack]
        gaps = [b - a for a, b in itertools.pairwise(heights)]
        assert gaps == pytest.approx([gaps[0]] * len(gaps), rel=1e-4)
        assert abs(gaps[0]) == pytest.approx(float(stack[0].SpacingBetweenSlices), rel=1e-4)
        assert [d.InstanceNumber for d in stack] == list(range(1, len(stack) + 1))


def test_there_is_a_chest_and_a_brain_in_it(study: list[Instance]) -> None:
    soft = [read(i) for i in study if i.series_description == "Chest 10.0 soft tissue"][1]
    pixels = soft.pixel_array * float(soft.RescaleSlope) + float(soft.RescaleIntercept)
    air, lung, soft_tissue, bone = (
        ((low <= pixels) & (pixels < high)).mean()
        for low, high in ((-1024, -950), (-900, -800), (0, 130), (400, 1200))
    )
    assert air > 0.3
    assert lung > 0.03
    assert soft_tissue > 0.05
    assert 0.002 < bone < 0.1
    fluid = {}
    for contrast in ("T1", "T2", "FLAIR"):
        middle = [read(i) for i in study if i.series_description == f"{contrast} axial"][2]
        bright = middle.pixel_array > 850
        fluid[contrast] = bright[20:44, 20:44].mean()
    assert fluid["T2"] > 3 * fluid["FLAIR"]


def test_names_need_the_character_sets_that_they_declare(study: list[Instance]) -> None:
    ct, mr = read(study[0]), read(study[-1])
    assert str(ct.PatientName) == "Phantom^Thora Ångström"
    assert mr.PatientName.ideographic == "幻^花"
    assert b"\x1b$B" in study[-1].data_set
    assert all("nobody" in str(read(i).ImageComments) for i in study)


def test_elements_are_set_and_removed_by_keyword() -> None:
    data_set = read(make_instance("MR", rows=16, columns=16, PatientID="X1", KVP=3, EchoTime=None))
    assert data_set.PatientID == "X1"
    assert data_set.KVP == 3
    assert "EchoTime" not in data_set
    with pytest.raises(ValueError, match="NoSuchKeyword"):
        make_instance("MR", rows=16, columns=16, NoSuchKeyword=None)


def test_uids_of_one_seed_share_study_and_series() -> None:
    first, second = (make_instance(rows=8, columns=8, seed="a", instance_number=n) for n in (1, 2))
    assert first.series_instance_uid == second.series_instance_uid
    assert first.study_instance_uid == second.study_instance_uid
    assert first.sop_instance_uid != second.sop_instance_uid
    assert make_uid("a", 1) == make_uid("a", 1) != make_uid("a", 2)


def test_a_large_object_is_streamed_and_says_its_size(tmp_path: Path) -> None:
    streamed = stream_instance(5_000_000)
    path = streamed.write(tmp_path / "large.dcm")
    data_set = dcmread(path)
    assert data_set.NumberOfFrames == streamed.frames == 10
    assert len(data_set.PixelData) == 10 * 512 * 512 * 2
    numbers = [struct.unpack_from("<Q", data_set.PixelData, n * 524_288)[0] for n in range(10)]
    assert numbers == list(range(10))
    assert sum(map(len, streamed.chunks())) == streamed.size
    assert stream_instance(2_000_000_000).size < 2**32


def test_the_phantoms_need_no_numpy() -> None:
    program = (
        "import sys, hashlib; sys.modules['numpy'] = None\n"
        "from causeway.testing.phantom import ct_study\n"
        "data = b''.join(i.data_set for i in ct_study(3, slices=2, matrix=64))\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    data = b"".join(i.data_set for i in ct_study(3, slices=2, matrix=64))
    assert ran.stdout.strip() == hashlib.sha256(data).hexdigest()


@pytest.mark.peer("dcmdump")
@pytest.mark.skipif(shutil.which("dcmdump") is None, reason="DCMTK's dcmdump is not installed")
def test_dcmtk_reads_them(study: list[Instance], tmp_path: Path) -> None:
    for number in (0, 5, -1):
        path = study[number].write(tmp_path / f"{number}.dcm")
        ran = subprocess.run(["dcmdump", str(path)], capture_output=True, check=True)
        assert b"SOPInstanceUID" in ran.stdout
        assert not ran.stderr
