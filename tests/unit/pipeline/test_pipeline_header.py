"""Identifiers from bytes, with pydicom as the oracle."""

from __future__ import annotations

import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from causeway.errors import BadDataSet
from causeway.pipeline.elements import DEPTH_LIMIT
from causeway.pipeline.header import Structure, check, read_header
from causeway.values import Caller, Header, Receipt

IMPLICIT = "1.2.840.10008.1.2"
EXPLICIT = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG = "1.2.840.10008.1.2.2"
JPEG = "1.2.840.10008.1.2.4.50"


def example() -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = "1.2.3.4"
    ds.StudyDate = "20260102"
    ds.StudyTime = "101112.5"
    ds.AccessionNumber = "A1"
    ds.Modality = "CT"
    ds.StudyDescription = "Kopf"
    ds.SeriesDescription = "Schädel nativ"
    ds.PatientName = "Müller^Jörg"
    ds.PatientID = "P-1"
    ds.StudyInstanceUID = "1.2.3"
    ds.SeriesInstanceUID = "1.2.3.1"
    ds.SeriesNumber = 3
    ds.NumberOfFrames = 2
    ds.Rows = 4
    ds.PixelData = bytes(32)
    ds["PixelData"].VR = "OW"
    return ds


def encode(ds: Dataset, syntax: str = EXPLICIT) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR = syntax == IMPLICIT
    out.is_little_endian = syntax != BIG
    write_dataset(out, ds, ds.get("SpecificCharacterSet", "ISO_IR 6"))
    data = bytes(out.getvalue())
    if syntax != DEFLATED:
        return data
    deflater = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = deflater.compress(data) + deflater.flush()
    return data + b"\0" * (len(data) % 2)


def reader(data: bytes) -> Callable[[int, int], bytes]:
    return lambda offset, size: data[offset : offset + size]


def read(data: bytes, syntax: str = EXPLICIT, structure: Structure = Structure.WHOLE) -> Header:
    return read_header(reader(data), len(data), syntax, structure)


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("structure", Structure)
def test_every_encoding_gives_the_same_header(syntax: str, structure: Structure) -> None:
    header = read(encode(example(), syntax), syntax, structure)
    assert header == read(encode(example()))
    assert header.identity.patient_name == "Müller^Jörg"
    assert header.series_description == "Schädel nativ"
    assert header.image_type == r"ORIGINAL\PRIMARY\AXIAL"
    assert header.series_number == "3"
    assert header.number_of_frames == "2"


@pytest.mark.parametrize("syntax", [IMPLICIT, EXPLICIT, BIG, DEFLATED])
@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("filler", [0, 20_000])
def test_a_tag_inside_a_sequence_is_another_tag(syntax: str, undefined: bool, filler: int) -> None:
    ds = example()
    item = Dataset()
    item.StudyInstanceUID = "9.9.9"
    item.PatientID = "somebody else"
    item.SOPInstanceUID = "9.9"
    item.add_new(0x00091001, "OB", bytes(filler))
    item.is_undefined_length_sequence_item = undefined
    inner = Dataset()
    inner.ReferencedImageSequence = Sequence([item])
    inner["ReferencedImageSequence"].is_undefined_length = undefined
    inner.is_undefined_length_sequence_item = undefined
    ds.ReferencedStudySequence = Sequence([item, inner])
    ds["ReferencedStudySequence"].is_undefined_length = undefined
    assert read(encode(ds, syntax), syntax) == read(encode(example()))


@pytest.mark.parametrize("size", [1_000, 16_000, 70_000, 1_000_000])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_private_elements_before_the_identifiers_push_them_out_of_the_window(
    size: int, syntax: str
) -> None:
    ds = example()
    ds.add_new(0x00090010, "LO", "SOMEBODY")
    ds.add_new(0x00091001, "OB", bytes(range(250)) * (size // 250))
    data = encode(ds, syntax)
    asked: list[int] = []

    def fetch(offset: int, length: int) -> bytes:
        asked.append(length)
        return data[offset : offset + length]

    assert read_header(fetch, len(data), syntax) == read(encode(example()))
    if syntax == EXPLICIT:
        assert sum(asked) < 100_000, "a value that is not wanted was fetched"


def test_an_object_of_gigabytes_is_not_fetched() -> None:
    head = encode(example())[: -12 - 32]
    size = 3 << 30
    head += struct.pack("<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, size - len(head) - 12)

    def fetch(offset: int, length: int) -> bytes:
        assert offset + length <= 1 << 20
        return head[offset : offset + length].ljust(length, b"\0")

    assert read_header(fetch, size, EXPLICIT) == read(encode(example()))


def test_encapsulated_pixels_are_walked_fragment_by_fragment() -> None:
    head = encode(example())[: -12 - 32]
    item, end = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0" + bytes(4)
    fragments = b"".join(item + struct.pack("<I", n) + bytes(n) for n in (0, 100, 90_000, 8))
    data = head + b"\xe0\x7f\x10\x00OB\0\0\xff\xff\xff\xff" + fragments + end
    assert read(data, JPEG) == read(encode(example()))
    with pytest.raises(BadDataSet, match="sequence that is still open"):
        read(data[:-8], JPEG)
    with pytest.raises(BadDataSet, match=r"\(FFFE,E000\).* past the end"):
        read(data[:-40], JPEG)
    assert read(data[:-40], JPEG, Structure.HEAD) == read(encode(example()))


def test_unknown_of_undefined_length_holds_implicit_vr() -> None:
    item = Dataset()
    item.StudyInstanceUID = "9.9.9"
    nested = Dataset()
    nested.PatientID = "x"
    item.ReferencedImageSequence = Sequence([nested])
    inside = encode(item, IMPLICIT)
    ds = example()
    data = encode(ds)
    at = data.index(b"\x10\x00\x10\x00PN")
    unknown = (
        b"\x09\x00\x01\x10UN\0\0\xff\xff\xff\xff"
        b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
        + inside
        + b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0"
    )
    assert read(data[:at] + unknown + data[at:]) == read(data)


@pytest.mark.parametrize(
    ("odd", "why"),
    [
        (b"\x09\x00\x01\x10ZZ\0\0\x04\0\0\0abcd", "a VR of the future has a 32-bit length"),
        (b"\x09\x00\x01\x10ZZ\x04\0abcd", "or, for some senders, a 16-bit one"),
        (b"\x09\x00\x01\x10\x04\0\0\0abcd", "an element written with implicit VR"),
        (b"\x09\x00\x01\x10  \0\0"[:4] + b"\x00\0\0\0", "the same, empty"),
        (b"\x09\x00\x01\x10LO\x03\0abc", "an odd length"),
    ],
)
def test_odd_elements_are_stepped_over(odd: bytes, why: str) -> None:
    data = encode(example())
    at = data.index(b"\x10\x00\x10\x00PN")
    assert read(data[:at] + odd + data[at:]) == read(data), why


def test_a_charset_that_is_wrong_does_not_raise() -> None:
    for charset in ("ISO_IR 100", "ISO 2022 IR 87", "ISO_IR 13", "GB18030", "nonsense", "\\\\"):
        data = encode(example()).replace(
            b"\x0a\x00ISO_IR 192", b"\x10\x00" + charset.encode().ljust(16)
        )
        header = read(data)
        assert header.identity.patient_id == "P-1"
        assert header.identity.patient_name.endswith("rg")
        assert header.charset == charset.strip()


def test_enhanced_objects_give_date_and_time_from_one_value() -> None:
    ds = example()
    ds.AcquisitionDateTime = "20260102030405.25-0500"
    header = read(encode(ds))
    assert (header.acquisition_date, header.acquisition_time) == ("20260102", "030405.25")
    ds.AcquisitionDate = "20260103"
    ds.AcquisitionTime = "010203"
    header = read(encode(ds))
    assert (header.acquisition_date, header.acquisition_time) == ("20260103", "010203")


def test_values_have_no_nul_and_a_bounded_length() -> None:
    ds = example()
    data = encode(ds).replace(b"P-1 ", b"P\x001 ")
    assert read(data).identity.patient_id == r"P\x001"
    ds.add_new(0x0008103E, "UT", "x" * 100_000)
    assert len(read(encode(ds)).series_description) == 1024


# --- what is wrong is said, with tag and offset, without values -----------------------------------


def broken() -> Iterator[tuple[str, bytes, str, str]]:
    data = encode(example())
    yield "a file", bytes(128) + b"DICM" + data, EXPLICIT, "preamble"
    yield "implicit as explicit", encode(example(), IMPLICIT), EXPLICIT, r"\(0008,0005\).*no VR"
    yield "explicit as implicit", data, IMPLICIT, r"\(0008,0005\).*has a VR"
    yield "big as little", encode(example(), BIG), EXPLICIT, "offset|past"
    yield "pixels cut", data[:-5], EXPLICIT, r"\(7FE0,0010\) at offset \d+ runs 5 bytes past"
    yield "head cut", data[:60], EXPLICIT, "past the end|cut off"
    yield "junk behind", data + b"\x01\x02\x03\x04", EXPLICIT, "no element"
    yield "twice", data[:-44] + data[data.index(b"\x10\0\x20\0LO") :], EXPLICIT, "comes twice"
    yield "item outside", b"\xfe\xff\x00\xe0\x00\0\0\0" + data, EXPLICIT, r"\(FFFE,E000\)"
    yield "delimiter outside", data + b"\xfe\xff\xdd\xe0\x00\0\0\0", EXPLICIT, r"\(FFFE,E0DD\)"
    yield "no deflate", data, DEFLATED, "inflated"
    deflated = encode(example(), DEFLATED)
    yield "deflate cut", deflated[: len(deflated) // 2], DEFLATED, "breaks off"
    deep = b"\x09\0\x01\x10SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * (
        DEPTH_LIMIT + 1
    )
    yield "deep", deep + data, EXPLICIT, "inside one another"


@pytest.mark.parametrize(
    ("data", "syntax", "reason"), [b[1:] for b in broken()], ids=[b[0] for b in broken()]
)
def test_what_does_not_parse_is_told_without_values(data: bytes, syntax: str, reason: str) -> None:
    with pytest.raises(BadDataSet, match=reason) as caught:
        read(data, syntax)
    for value in ("Müller", "P-1", "Kopf", "1.2.3", "20260102"):
        assert value not in str(caught.value)
    assert caught.value.__cause__ is None


def test_every_prefix_of_a_data_set_is_refused_or_lacks_nothing_but_its_tail() -> None:
    ds = example()
    item = Dataset()
    item.StudyInstanceUID = "9.9.9"
    ds.ReferencedStudySequence = Sequence([item])
    ds["ReferencedStudySequence"].is_undefined_length = True
    item.is_undefined_length_sequence_item = True
    data = encode(ds)
    boundaries = 0
    for cut in range(len(data)):
        try:
            read(data[:cut])
        except BadDataSet:
            continue
        boundaries += 1
    assert boundaries == len(ds), "an end is sound only between two elements"


RECEIPT = Receipt(
    caller=Caller(source="s", calling_ae="A", called_ae="B", address="127.0.0.1", association="a"),
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    sop_instance_uid="1.2.3.4",
    transfer_syntax_uid=EXPLICIT,
    received_at=0.0,
)


@pytest.mark.parametrize(
    ("keyword", "value", "reason"),
    [
        ("StudyInstanceUID", "", r"\(0020,000D\) is missing"),
        ("SeriesInstanceUID", "", r"\(0020,000E\) is missing"),
        ("SOPInstanceUID", "", r"\(0008,0018\) is missing"),
        ("SOPClassUID", "", r"\(0008,0016\) is missing"),
        ("StudyInstanceUID", "..", "no UID"),
        ("StudyInstanceUID", "1.2/../../etc", "no UID"),
        ("SeriesInstanceUID", "1..2", "no UID"),
        ("SeriesInstanceUID", "1.2.", "no UID"),
        ("SeriesInstanceUID", "1.2.x", "no UID"),
        ("StudyInstanceUID", "1" * 65, "65 characters"),
        ("SOPInstanceUID", "1.2.3.5", "not the SOP instance"),
        ("SOPClassUID", "1.2.840.10008.5.1.4.1.1.4", "not the SOP class"),
    ],
)
def test_what_cannot_be_filed_is_refused(keyword: str, value: str, reason: str) -> None:
    ds = example()
    ds.add_new(keyword, "UT", value)
    with pytest.raises(BadDataSet, match=reason):
        check(read(encode(ds)), RECEIPT)


@pytest.mark.parametrize("uid", ["1.2.03", "1.2.3 ", "1.2.3\0", "9" * 64, "0"])
def test_style_alone_does_not_refuse(uid: str) -> None:
    ds = example()
    ds.add_new("StudyInstanceUID", "LO", uid)
    header = read(encode(ds))
    check(header, RECEIPT)
    assert header.study_instance_uid == uid.strip(" \0")


# --- bombs ----------------------------------------------------------------------------------------


def test_a_deflate_bomb_costs_bounded_time_and_memory() -> None:
    deflater = zlib.compressobj(9, wbits=-zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    head = encode(example())[: -12 - 32]
    bomb = deflater.compress(head + b"\xe0\x7f\x10\x00OB\0\0\xfe\xff\xff\x7f")
    bomb += b"".join(deflater.compress(zeros) for _ in range(600)) + deflater.flush()
    started = time.monotonic()
    tracemalloc.start()
    try:
        header = read(bomb, DEFLATED)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()
    assert header.identity.patient_id == "P-1"
    assert time.monotonic() - started < 10


def test_a_flood_of_empty_elements_is_given_up() -> None:
    size = 1 << 31

    def fetch(offset: int, length: int) -> bytes:
        return bytes(min(length, size - offset))

    started = time.monotonic()
    header = read_header(fetch, size, IMPLICIT)
    assert header.study_instance_uid == ""
    assert time.monotonic() - started < 10
