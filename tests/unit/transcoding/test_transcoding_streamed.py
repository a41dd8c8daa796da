"""The rewriting in pieces says what the one in memory says."""

from __future__ import annotations

import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pydicom
import pytest

from causeway.errors import BadDataSet
from causeway.transcoding.elements import explicit_from_implicit
from causeway.transcoding.streamed import explicit, explicit_meta, explicit_size

IMPLICIT = "1.2.840.10008.1.2"
REAL = Path(__file__).resolve().parents[4] / "shared" / "data" / "dicom"


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def implicit(data_set: pydicom.Dataset) -> bytes:
    out = BytesIO()
    pydicom.dcmwrite(out, data_set, implicit_vr=True, little_endian=True)
    return out.getvalue()


def example() -> pydicom.Dataset:
    item = pydicom.Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    item.PixelRepresentation = 0
    item.SmallestImagePixelValue = 40000
    found = pydicom.Dataset()
    found.PatientName = "Phantom^Nobody"
    found.ReferencedImageSequence = [item, pydicom.Dataset()]
    found.add_new(0x00090010, "LO", "CAUSEWAY TEST")
    found.add_new(0x00091001, "FL", 1.5)
    found.PixelRepresentation = 1
    found.add_new(0x00280106, "SS", -5)
    found.add_new(0x00283006, "OW", b"\1\0\2\0")
    found.add_new(0x7FE00010, "OW", random.Random(1).randbytes(70_000))
    found.is_undefined_length_sequence_item = False
    return found


@pytest.mark.parametrize("size", [1, 7, 4096, 1 << 20])
@pytest.mark.parametrize("undefined", [False, True])
def test_the_same_elements_as_in_memory(size: int, undefined: bool) -> None:
    whole = example()
    whole["ReferencedImageSequence"].is_undefined_length = undefined
    data = implicit(whole)
    written = b"".join(explicit(cut(data, size)))
    assert explicit_size(cut(data, size)) == len(written)
    one = pydicom.dcmread(BytesIO(written), force=True)
    other = pydicom.dcmread(BytesIO(explicit_from_implicit(data)), force=True)
    assert one.to_json_dict() == other.to_json_dict()
    assert one.SmallestImagePixelValue == -5
    assert one.ReferencedImageSequence[0].SmallestImagePixelValue == 40000
    assert one.PixelData == whole.PixelData


@pytest.mark.parametrize("cut_at", [1, 4, 9, 30, 100, 700])
def test_what_ends_too_soon_is_no_data_set(cut_at: int) -> None:
    data = implicit(example())
    with pytest.raises(BadDataSet):
        b"".join(explicit(iter((data[:-cut_at],))))


@pytest.mark.parametrize("data", [b"\0" * 8, b"\x02\0\x10\0\0\0\0\0", b"\xfe\xff\x0d\xe0\0\0\0\0"])
def test_what_belongs_elsewhere_is_no_data_set(data: bytes) -> None:
    with pytest.raises(BadDataSet):
        b"".join(explicit(iter((data,))))


def test_depth_is_bounded() -> None:
    deep = b"\x08\0\x40\x11\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 100
    with pytest.raises(BadDataSet, match="deep"):
        b"".join(explicit(iter((deep,))))


def test_file_meta_information_names_the_new_syntax() -> None:
    file = BytesIO()
    found = example()
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3"
    found.file_meta = pydicom.dataset.FileMetaDataset()
    found.file_meta.TransferSyntaxUID = IMPLICIT
    found.file_meta.ImplementationVersionName = "AS_IT_WAS"
    pydicom.dcmwrite(file, found, enforce_file_format=True)
    whole = file.getvalue()
    begin = 144 + int.from_bytes(whole[140:144], "little")
    again = explicit_meta(whole[:begin]) + b"".join(explicit(iter((whole[begin:],))))
    read = pydicom.dcmread(BytesIO(again))
    assert read.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert read.file_meta.ImplementationVersionName == "AS_IT_WAS"
    assert read.PatientName == "Phantom^Nobody"
    for broken in (whole[:140], whole[: begin - 3], b"\0" * 200):
        with pytest.raises(BadDataSet):
            explicit_meta(broken)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom's, of values that are out of order
@pytest.mark.skipif(not REAL.is_dir(), reason="no real DICOM files beside the project")
def test_real_objects() -> None:
    tried = 0
    # Elements before Pixel Representation are US in one and may be SS in the other; values agree.
    for path in sorted(REAL.rglob("*")):
        if not path.is_file() or path.stat().st_size > 3_000_000 or tried >= 40:
            continue
        try:
            found = pydicom.dcmread(path)
        except Exception:  # some are broken on purpose
            continue
        if found.file_meta.get("TransferSyntaxUID") != IMPLICIT:
            continue
        whole = path.read_bytes()
        if whole[132:138] != b"\x02\0\0\0UL":
            continue
        data = whole[144 + int.from_bytes(whole[140:144], "little") :]
        try:
            expected = explicit_from_implicit(data)
        except BadDataSet:
            continue
        tried += 1
        one = pydicom.dcmread(BytesIO(b"".join(explicit(cut(data, 5000)))), force=True)
        other = pydicom.dcmread(BytesIO(expected), force=True)
        assert one == other, path.name
    assert tried
