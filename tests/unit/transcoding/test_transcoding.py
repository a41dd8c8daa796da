"""Another transfer syntax without loss, beside pydicom, on made and on real objects."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from causeway.errors import BadDataSet
from causeway.testing.phantom import make_instance
from causeway.transcoding import DEFLATED, EXPLICIT, IMPLICIT, LOSSLESS, convert, ways_from

REAL = Path(__file__).resolve().parents[4] / "shared/data/dicom"


def written(dataset: Dataset, syntax: str) -> bytes:
    out = DicomBytesIO()
    out.is_implicit_VR, out.is_little_endian = syntax == IMPLICIT, True
    write_dataset(out, dataset)
    return out.getvalue()


def read(data: bytes, syntax: str) -> Dataset:
    return read_dataset(io.BytesIO(data), syntax == IMPLICIT, True)


def made() -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Émile^Zola"
    dataset.PixelRepresentation = 1
    dataset.SmallestImagePixelValue = -5
    dataset.add_new(0x00091010, "UN", b"\x01\x02\x03\x04")
    block = dataset.private_block(0x0019, "ACME", create=True)
    block.add_new(0x01, "LO", "private")
    inner = Dataset()
    inner.CodeValue = "T-1"
    inner.ReferencedSOPInstanceUID = "2.25.1"
    deeper = Dataset()
    deeper.CodeMeaning = "deep"
    inner.ConceptNameCodeSequence = [deeper]
    dataset.ReferencedImageSequence = [inner, Dataset()]
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit = 15
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.add_new(0x7FE00010, "OW", bytes(range(8)))
    return dataset


@pytest.mark.parametrize("undefined", [False, True])
def test_explicit_to_implicit_and_back_is_what_it_was(undefined: bool):
    dataset = made()
    dataset["ReferencedImageSequence"].is_undefined_length = undefined
    for item in dataset.ReferencedImageSequence:
        item.is_undefined_length_sequence_item = undefined
    explicit, implicit = written(dataset, EXPLICIT), written(dataset, IMPLICIT)
    assert convert(explicit, EXPLICIT, IMPLICIT) == implicit
    back = read(convert(implicit, IMPLICIT, EXPLICIT), EXPLICIT)
    assert back.SmallestImagePixelValue == -5
    assert back["SmallestImagePixelValue"].VR == "SS"
    assert back[0x00190010].VR == "LO"
    assert back[0x00191001].VR == "UN"  # nobody has said what it is
    assert back.ReferencedImageSequence[0].ConceptNameCodeSequence[0].CodeMeaning == "deep"
    assert back["PixelData"].VR == "OW"
    # Once more to implicit VR, everything is as it was.
    assert convert(convert(implicit, IMPLICIT, EXPLICIT), EXPLICIT, IMPLICIT) == implicit


def test_values_too_long_for_their_representation_become_unknown():
    raw = struct.pack("<HHI", 0x0008, 0x0008, 70_000) + b"X" * 70_000
    explicit = convert(raw, IMPLICIT, EXPLICIT)
    assert explicit == struct.pack("<HH2sHI", 8, 8, b"UN", 0, 70_000) + b"X" * 70_000
    assert convert(explicit, EXPLICIT, IMPLICIT) == raw


def test_deflated_is_inflated():
    explicit = written(made(), EXPLICIT)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = packer.compress(explicit) + packer.flush()
    assert convert(deflated, DEFLATED, EXPLICIT) == explicit
    with pytest.raises(BadDataSet):
        convert(deflated[:-5], DEFLATED, EXPLICIT)


def test_what_is_lost_or_has_no_way_is_refused():
    jpeg = "1.2.840.10008.1.2.4.50"
    assert ways_from(jpeg) == ()
    with pytest.raises(BadDataSet):
        convert(b"", jpeg, EXPLICIT)
    assert ways_from("1.2.840.10008.1.2.2") == ()


@pytest.mark.parametrize("cut", range(1, 16, 2))
def test_what_breaks_off_is_refused(cut: int):
    explicit = written(made(), EXPLICIT)
    for data, source, target in (
        (explicit[:-cut], EXPLICIT, IMPLICIT),
        (written(made(), IMPLICIT)[:-cut], IMPLICIT, EXPLICIT),
    ):
        with pytest.raises(BadDataSet):
            convert(data, source, target)


ENCODED = ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90"]


@pytest.mark.parametrize("syntax", ENCODED)
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("samples", [1, 3])
def test_lossless_pixels_come_out_as_they_went_in(syntax: str, frames: int, samples: int):
    from pydicom.encaps import encapsulate
    from pydicom.pixels.encoders.base import get_encoder

    rng = np.random.default_rng(frames + samples)
    shape = [frames, 64, 80, samples][: 4 if samples > 1 else 3]
    kind = np.uint8 if samples > 1 else np.uint16
    pixels = rng.integers(0, 200, shape).astype(kind)
    dataset = made()
    dataset.PixelRepresentation = 0
    dataset.SmallestImagePixelValue = 5
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = 64, 80, samples
    dataset.BitsAllocated = dataset.BitsStored = 8 * pixels.itemsize
    dataset.HighBit = dataset.BitsStored - 1
    dataset.NumberOfFrames = frames
    if samples > 1:
        dataset.PlanarConfiguration = 0
        dataset.PhotometricInterpretation = "RGB"
    options = {
        "rows": 64, "columns": 80, "samples_per_pixel": samples, "number_of_frames": 1,
        "bits_allocated": dataset.BitsAllocated, "bits_stored": dataset.BitsStored,
        "pixel_representation": 0, "planar_configuration": 0,
        "photometric_interpretation": dataset.PhotometricInterpretation,
    }  # fmt: skip
    encoder = get_encoder(syntax)
    encoded = [encoder.encode(frame, **options) for frame in pixels]
    native = written(dataset, EXPLICIT)
    dataset.add_new(0x7FE00010, "OB", encapsulate(encoded))
    dataset["PixelData"].is_undefined_length = True
    found = read(convert(written(dataset, EXPLICIT), syntax, EXPLICIT), EXPLICIT)
    assert found.PixelData == pixels.tobytes()
    assert syntax in LOSSLESS
    plain = read(native, EXPLICIT)
    del found.PixelData, plain.PixelData
    assert found == plain
    implicit = read(convert(written(dataset, EXPLICIT), syntax, IMPLICIT), IMPLICIT)
    assert implicit.PixelData == pixels.tobytes()


def test_broken_pixels_are_refused():
    dataset = made()
    from pydicom.encaps import encapsulate

    dataset.add_new(0x7FE00010, "OB", encapsulate([b"nothing of the kind!"]))
    dataset["PixelData"].is_undefined_length = True
    with pytest.raises(BadDataSet, match="cannot be decompressed"):
        convert(written(dataset, EXPLICIT), ENCODED[0], EXPLICIT)


def test_an_object_without_pixels_stays_as_it_is():
    dataset = Dataset()
    dataset.PatientID = "1"
    assert convert(written(dataset, EXPLICIT), ENCODED[0], EXPLICIT) == written(dataset, EXPLICIT)


def test_a_whole_phantom_goes_there_and_back():
    instance = make_instance("CT", rows=32, columns=32, seed="transcoding")
    assert instance.transfer_syntax_uid == EXPLICIT
    implicit = convert(instance.data_set, EXPLICIT, IMPLICIT)
    assert convert(implicit, IMPLICIT, EXPLICIT) == instance.data_set


def public(dataset: Dataset) -> list[object]:
    """Every public element but group lengths; private sequences are unknown on their way back."""
    return [
        (element.tag, [public(item) for item in element.value])
        if element.VR == "SQ"
        else (element.tag, element.value)
        for element in dataset
        if not element.tag.is_private and element.tag.element
    ]


def real_files() -> list[Path]:
    return sorted(REAL.rglob("*.dcm"))[:400] if REAL.is_dir() else []


@pytest.mark.skipif(not REAL.is_dir(), reason="real objects are not here")
def test_real_objects_say_the_same_in_the_other_syntax():
    """Element by element as pydicom reads both, of every file small enough."""
    tried = 0
    for path in real_files():
        if path.stat().st_size > 700_000:
            continue
        raw = path.read_bytes()
        try:
            dataset = dcmread(io.BytesIO(raw), stop_before_pixels=False)
        except Exception:
            continue
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
        if syntax not in (EXPLICIT, IMPLICIT) or raw[128:132] != b"DICM":
            continue
        meta = 144 + int.from_bytes(raw[140:144], "little")
        target = IMPLICIT if syntax == EXPLICIT else EXPLICIT
        try:
            there = convert(raw[meta:], syntax, target)
        except BadDataSet:
            continue
        again = convert(there, target, syntax)
        tried += 1
        assert public(read(again, syntax)) == public(dataset), path.name
    assert tried > 10
