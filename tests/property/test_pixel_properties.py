"""Blanking, against an oracle that knows of nothing but single bits and samples."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.pixels.encoders.base import get_encoder

from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Area, Rectangle
from causeway.deidentify.pixels.redact import Frames, redact

IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
ENCODED = ("1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.90")


@st.composite
def areas(draw: st.DrawFn, rows: int, columns: int) -> Area:
    def rectangle() -> Rectangle:
        x, y = draw(st.integers(0, columns - 1)), draw(st.integers(0, rows - 1))
        return Rectangle(x=x, y=y, width=draw(st.integers(1, columns)),
                         height=draw(st.integers(1, rows)))  # fmt: skip

    def some(most: int) -> tuple[Rectangle, ...]:
        return tuple(rectangle() for _ in range(draw(st.integers(0, most))))

    kept = tuple(filter(None, (some(2) for _ in range(draw(st.integers(0, 2))))))
    return Area(blank=some(3), keep=kept)


def is_blanked(area: Area, x: int, y: int) -> bool:
    """What an area is, said once more."""

    def inside(each: Rectangle) -> bool:
        return each.x <= x < each.x + each.width and each.y <= y < each.y + each.height

    return any(map(inside, area.blank)) or not all(any(map(inside, kept)) for kept in area.keep)


@st.composite
def headers(draw: st.DrawFn) -> tuple[Dataset, str]:
    form = draw(st.sampled_from(["1", "8", "16", "32", "colour", "planar"]))
    samples = 3 if form in ("colour", "planar") else 1
    allocated = int(form) if samples == 1 else draw(st.sampled_from([8, 16]))
    dataset = Dataset()
    dataset.PatientName = "PHANTOM"
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = "RGB" if samples == 3 else "MONOCHROME2"
    if samples == 3:
        dataset.PlanarConfiguration = int(form == "planar")
    dataset.NumberOfFrames = draw(st.integers(1, 5))
    dataset.Rows, dataset.Columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    dataset.BitsAllocated = dataset.BitsStored = allocated
    dataset.HighBit = allocated - 1
    dataset.PixelRepresentation = 0
    return dataset, draw(st.sampled_from([IMPLICIT, EXPLICIT, BIG]))


def written(dataset: Dataset, syntax: str) -> Source:
    file = DicomBytesIO()
    file.is_implicit_VR, file.is_little_endian = syntax == IMPLICIT, syntax != BIG
    write_dataset(file, dataset)
    data = file.getvalue()
    return Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=syntax,
    )


def value_of(source: Source) -> bytes:
    syntax = source.transfer_syntax_uid
    data = source.fetch(0, source.size)
    assert len(data) == source.size
    value: bytes = read_dataset(io.BytesIO(data), syntax == IMPLICIT, syntax != BIG).PixelData
    return value


def swapped(data: bytes) -> bytes:
    return np.frombuffer(data, "<u2").byteswap().tobytes()


@given(st.data())
@settings(max_examples=200)
def test_native_pixels_bit_by_bit(data: st.DataObject) -> None:
    dataset, syntax = data.draw(headers())
    rows, columns, samples = dataset.Rows, dataset.Columns, dataset.SamplesPerPixel
    width, frames = dataset.BitsAllocated, int(dataset.NumberOfFrames)
    area = data.draw(areas(rows, columns))
    bits = rows * columns * samples * width * frames
    value = data.draw(st.binary(min_size=-(-bits // 8), max_size=-(-bits // 8)))
    value += b"\0" * (len(value) % 2)
    is_swapped = syntax == BIG and width < 16
    dataset.add_new("PixelData", "OW", swapped(value) if is_swapped else value)
    source = written(dataset, syntax)
    after = redact(source, area)
    found = value_of(after)
    if is_swapped:
        found = swapped(found)

    # Bits in the order of the standard: those of a byte from the lowest on.
    expected = np.unpackbits(np.frombuffer(value, np.uint8), bitorder="little")
    planes = dataset.get("PlanarConfiguration", 0)
    for frame in range(frames):
        for y in range(rows):
            for x in range(columns):
                if not is_blanked(area, x, y):
                    continue
                for sample in range(samples):
                    place = frame * rows * columns * samples
                    if planes:
                        place += (sample * rows + y) * columns + x
                    else:
                        place += (y * columns + x) * samples + sample
                    expected[place * width : (place + 1) * width] = 0
    expected[bits:] = 0
    assert found == np.packbits(expected, bitorder="little").tobytes()

    # In whatever pieces it is read.
    whole = after.fetch(0, after.size)
    step = data.draw(st.integers(1, 40))
    pieces = (after.fetch(at, step) for at in range(0, after.size, step))
    assert b"".join(pieces) == whole


@given(st.data())
@settings(max_examples=40)
def test_encoded_pixels_sample_by_sample(data: st.DataObject) -> None:
    syntax = data.draw(st.sampled_from(ENCODED))
    samples, frames = data.draw(st.sampled_from([1, 3])), data.draw(st.integers(1, 3))
    rows, columns = data.draw(st.integers(32, 40)), data.draw(st.integers(32, 40))
    stored = data.draw(st.sampled_from([8, 12, 16])) if samples == 1 else 8
    allocated = 8 if stored == 8 else 16
    seed = data.draw(st.integers(0, 1 << 30))
    shape = (frames, rows, columns, samples)[: 4 if samples > 1 else 3]
    kind = np.uint8 if allocated == 8 else np.uint16
    slope = np.add.outer(np.arange(rows), np.arange(columns)) * (1 << stored - 8)
    noise = np.random.default_rng(seed).integers(0, 1 << stored - 4, shape)
    pixels = (noise + (slope[..., None] if samples > 1 else slope)).astype(kind)
    options = {
        "rows": rows, "columns": columns, "samples_per_pixel": samples,
        "bits_allocated": allocated, "bits_stored": stored, "pixel_representation": 0,
        "photometric_interpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "number_of_frames": 1, "planar_configuration": 0,
    }  # fmt: skip
    dataset = Dataset()
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = options["photometric_interpretation"]
    if samples == 3:
        dataset.PlanarConfiguration = 0
    dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = rows, columns
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = allocated, stored, stored - 1
    dataset.PixelRepresentation = 0
    plugin = "pyjpegls" if syntax.endswith(".80") else "pylibjpeg"
    encoded = [
        get_encoder(syntax).encode(frame, encoding_plugin=plugin, **options) for frame in pixels
    ]
    table = data.draw(st.booleans())
    dataset.add_new("PixelData", "OB", encapsulate(encoded, has_bot=table))
    dataset["PixelData"].is_undefined_length = True
    area = data.draw(areas(rows, columns))
    after = redact(written(dataset, syntax), area)
    assert after.transfer_syntax_uid == syntax
    found = Frames(after)
    for index in range(frames):
        expected = pixels[index].copy()
        for y in range(rows):
            for x in range(columns):
                if is_blanked(area, x, y):
                    expected[y, x] = 0
        assert np.array_equal(found.cells(index)[0].reshape(expected.shape), expected)


@given(st.data())
@settings(max_examples=200)
def test_bytes_that_are_wrong_are_doubt_and_nothing_else(data: st.DataObject) -> None:
    dataset, syntax = data.draw(headers())
    size = dataset.Rows * dataset.Columns * dataset.SamplesPerPixel * dataset.BitsAllocated
    dataset.add_new("PixelData", "OW", bytes(size * int(dataset.NumberOfFrames) // 8 + 2 & ~1))
    dataset.IconImageSequence = [Dataset()]
    dataset.ReferencedImageSequence = [Dataset(), Dataset()]
    source = written(dataset, syntax)
    broken = bytearray(source.fetch(0, source.size))
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    damaged = replace(source, fetch=lambda at, count: bytes(broken[at : at + count]))
    try:
        after = redact(damaged, Area(blank=(Rectangle(x=0, y=0, width=2, height=2),)))
        assert len(after.fetch(0, after.size)) == after.size
    except Doubt:
        pass
