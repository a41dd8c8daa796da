"""Files that others can read, with the data set as it was."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.filereader import read_file_meta_info
from spool_parts import CALLER, on_real_disk, receipt

from causeway import dimse
from causeway.spool import file_meta, write_part10
from causeway.spool.export import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION


def data_set_of(path: str) -> tuple[pydicom.dataset.FileMetaDataset, bytes]:
    """The file's meta information, and its data set as bytes."""
    raw = Path(path).read_bytes()
    meta = read_file_meta_info(path)
    start = 132 + 12 + meta.FileMetaInformationGroupLength
    return meta, raw[start:]


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "image_dfl.dcm", "JPEG2000.dcm"]
)
def test_a_file_reads_as_what_was_received(tmp_path: Path, name: str) -> None:
    path = get_testdata_file(name, download=False)
    assert path is not None
    meta, data = data_set_of(path)
    spool = on_real_disk(tmp_path)
    sent = replace(
        receipt(1),
        sop_class_uid=str(meta.MediaStorageSOPClassUID),
        sop_instance_uid=str(meta.MediaStorageSOPInstanceUID),
        transfer_syntax_uid=str(meta.TransferSyntaxUID),
    )
    record = spool.writer.store(sent, [data])
    out = io.BytesIO()
    written = write_part10(record, spool.reader.chunks(record, 1000), out)
    assert written == len(out.getvalue())
    assert out.getvalue().endswith(data)
    ours, theirs = pydicom.dcmread(io.BytesIO(out.getvalue())), pydicom.dcmread(path)
    assert list(ours.keys()) == list(theirs.keys())
    assert ours.file_meta.TransferSyntaxUID == theirs.file_meta.TransferSyntaxUID


def test_file_meta_is_complete_and_its_length_right() -> None:
    meta_bytes = file_meta(receipt(7))
    assert meta_bytes[:132] == bytes(128) + b"DICM"
    tag, vr, size, length = struct.unpack("<I2sHI", meta_bytes[132:144])
    assert (tag, vr, size) == (0x00000002, b"UL", 4)
    assert length == len(meta_bytes) - 144
    meta = pydicom.dcmread(io.BytesIO(meta_bytes)).file_meta
    pydicom.dataset.validate_file_meta(meta)
    assert {element.keyword: element.value for element in meta} == {
        "FileMetaInformationGroupLength": length,
        "FileMetaInformationVersion": b"\0\1",
        "MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
        "MediaStorageSOPInstanceUID": "1.2.3.7",
        "TransferSyntaxUID": "1.2.840.10008.1.2.1",
        "ImplementationClassUID": IMPLEMENTATION_CLASS_UID,
        "ImplementationVersionName": IMPLEMENTATION_VERSION,
        "SourceApplicationEntityTitle": "CT1",
        "SendingApplicationEntityTitle": "CT1",
        "ReceivingApplicationEntityTitle": "CAUSEWAY",
    }


def test_files_name_the_implementation_that_peers_hear_of() -> None:
    answer = dimse.AssociateRequest(calling_ae="A", called_ae="B", contexts=())
    assert answer.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert answer.implementation_version == IMPLEMENTATION_VERSION
    assert len(IMPLEMENTATION_CLASS_UID) <= 64


def test_every_element_is_even_whatever_a_peer_called_itself() -> None:
    for title in ("A", "AB", "", "\xc4\x00odd", "X" * 16):
        sent = receipt(10, replace(CALLER, calling_ae=title, called_ae=title))
        encoded = file_meta(sent)
        assert len(encoded) % 2 == 0
        meta = pydicom.dcmread(io.BytesIO(encoded)).file_meta
        assert meta.MediaStorageSOPInstanceUID == "1.2.3.10"
        assert ("SourceApplicationEntityTitle" in meta) == bool(title)
