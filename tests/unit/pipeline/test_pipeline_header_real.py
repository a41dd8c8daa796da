"""Identifiers of real objects against pydicom, and objects that were made to break receivers."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from test_pipeline_header import BIG, DEFLATED, EXPLICIT, IMPLICIT, JPEG, RECEIPT, read

from causeway.errors import BadDataSet
from causeway.pipeline.header import check
from causeway.values import Header

SHARED = Path(__file__).parents[4] / "shared" / "data" / "dicom"

KEYWORDS = {
    "sop_class_uid": "SOPClassUID",
    "sop_instance_uid": "SOPInstanceUID",
    "study_instance_uid": "StudyInstanceUID",
    "series_instance_uid": "SeriesInstanceUID",
    "modality": "Modality",
    "series_number": "SeriesNumber",
    "series_description": "SeriesDescription",
    "protocol_name": "ProtocolName",
    "series_date": "SeriesDate",
    "series_time": "SeriesTime",
    "manufacturer": "Manufacturer",
    "station_name": "StationName",
    "acquisition_number": "AcquisitionNumber",
    "instance_number": "InstanceNumber",
    "images_in_acquisition": "ImagesInAcquisition",
    "number_of_frames": "NumberOfFrames",
}
IDENTITY_KEYWORDS = {
    "patient_id": "PatientID",
    "patient_name": "PatientName",
    "patient_birth_date": "PatientBirthDate",
    "accession_number": "AccessionNumber",
    "study_id": "StudyID",
    "study_date": "StudyDate",
    "study_time": "StudyTime",
    "study_description": "StudyDescription",
}


def objects(paths: list[Path]) -> Iterator[tuple[Path, str, bytes]]:
    """Data sets as they would come over the wire: what stands behind the file meta information."""
    for path in paths:
        data = path.read_bytes()
        if data[128:132] != b"DICM":
            continue
        try:
            meta = pydicom.filereader.read_file_meta_info(path)
            syntax = str(meta.get("TransferSyntaxUID", ""))
            length = int(meta.FileMetaInformationGroupLength)
        except Exception:
            continue
        if syntax and data[144 + length : 146 + length] != b"\x02\x00":
            yield path, syntax, data[144 + length :]


def agrees(header: Header, oracle: Dataset) -> list[str]:
    def text(keyword: str) -> str:
        element = oracle.get_item(keyword)
        if element is None:
            return ""
        value = oracle[keyword].value
        if value is None:
            return ""
        joined = value if isinstance(value, str) else None
        if joined is None and hasattr(value, "__iter__") and not hasattr(value, "components"):
            joined = "\\".join(str(v) for v in value)
        return str(value if joined is None else joined).strip(" \0")

    def same(ours: str, theirs: str) -> bool:
        # Numbers are normalised by pydicom; text that it had to replace, or left escapes in, is
        # what the decoder here does better.
        if ours == theirs or "�" in theirs or "\x1b" in theirs:
            return True
        try:
            return int(ours) == int(theirs)
        except ValueError:
            return ours.encode("latin-1", "replace").decode("utf-8", "replace") == theirs

    wrong = [n for n, k in KEYWORDS.items() if not same(getattr(header, n), text(k))]
    identity = header.identity
    return wrong + [
        n for n, k in IDENTITY_KEYWORDS.items() if not same(getattr(identity, n), text(k))
    ]


@pytest.mark.filterwarnings("ignore")
def test_real_objects_against_pydicom() -> None:
    if not SHARED.is_dir():
        pytest.skip(f"no shared data at {SHARED}")
    paths = [
        p
        for p in sorted(SHARED.rglob("*"))
        if p.is_file() and "fuzzing" not in str(p) and "charset_files" not in str(p)
    ]
    compare(paths, at_least=600)


@pytest.mark.filterwarnings("ignore")
def test_pydicoms_own_objects_against_pydicom() -> None:
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    compare(sorted(folder.rglob("*.dcm")), at_least=50)


KNOWN_DAMAGE = {"MR_truncated.dcm", "rtplan_truncated.dcm", "SC_rgb_jpeg.dcm"}


def compare(paths: list[Path], *, at_least: int) -> None:
    compared = 0
    for path, syntax, data in objects(paths):
        try:
            header = read(data, syntax)
        except BadDataSet as error:
            if path.name not in KNOWN_DAMAGE:
                pytest.fail(f"{path}: {error}")
            continue
        assert path.name not in KNOWN_DAMAGE
        try:
            oracle = pydicom.dcmread(io.BytesIO(path.read_bytes()), force=True)
            wrong = agrees(header, oracle)
        except Exception as error:
            pytest.fail(f"{path}: pydicom itself cannot: {error}")
        assert not wrong, f"{path}: {wrong}"
        compared += 1
    assert compared >= at_least


def test_malformed_objects_cost_little_and_raise_only_bad_data_set() -> None:
    corpus = SHARED / "dicom-fuzzing-corpus"
    if not corpus.is_dir():
        pytest.skip(f"no fuzzing corpus at {corpus}")
    tried = 0
    for path in sorted(corpus.rglob("*.dcm")):
        whole = path.read_bytes()
        for syntax in (IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEG, ""):
            for data in (whole, whole[132:], whole[332:]):
                started = time.thread_time()
                try:
                    header = read(data, syntax)
                    check(header, RECEIPT)
                except BadDataSet:
                    pass
                assert time.thread_time() - started < 2, path
                tried += 1
    assert tried > 4000
