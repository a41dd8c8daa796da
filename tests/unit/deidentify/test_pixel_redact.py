"""Blanking: in every form in which pixels stand, and nothing else than what was asked for."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as Pictures
from pixel_objects import (
    BASELINE,
    BIG,
    DEFLATED,
    DICOM,
    EXPLICIT,
    IMPLICIT,
    J2K,
    J2K_LOSSLESS,
    JPEG_LS,
    LOSSLESS_JPEG,
    RLE,
    blank,
    data_of,
    dataset_of,
    decoded,
    described,
    encapsulated,
    encoded_frames,
    load,
    native,
    real,
    rectangle,
    source_of,
    written,
)
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate_extended
from pydicom.pixels.encoders.base import get_encoder

from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import Area
from causeway.deidentify.pixels.fragments import codestream_size
from causeway.deidentify.pixels.redact import Frames, redact, ultrasound_regions

RNG = np.random.default_rng(4)
AREA = blank((2, 1, 5, 3), (0, 7, 1, 1))


def noise(*shape: int, bits: int = 8, signed: bool = False) -> np.ndarray:
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    kind = f"{'i' if signed else 'u'}{max(1, (bits + 7) // 8)}"
    return RNG.integers(low, high, shape).astype(kind)


def outside_is_the_same(before: np.ndarray, after: np.ndarray, area: Area = AREA) -> np.ndarray:
    """Asserts it of all frames; answers what is inside."""
    mask = area.mask(before.shape[1], before.shape[2])
    assert mask.any()
    assert not mask.all()
    assert before.shape == after.shape
    assert np.array_equal(before[:, ~mask], after[:, ~mask])
    inside = after[:, mask]
    assert len(np.unique(inside.reshape(-1, *after.shape[3:]), axis=0)) == 1
    return inside.reshape(-1, *after.shape[3:])[0]


# --- native ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("syntax", "allocated", "vr"),
    [(syntax, allocated, "OW") for syntax in (EXPLICIT, IMPLICIT, BIG) for allocated in (8, 16, 32)]
    + [(EXPLICIT, 8, "OB"), (BIG, 8, "OB")],
)
@pytest.mark.parametrize("frames", [1, 3])
def test_monochrome(syntax: str, allocated: int, vr: str, frames: int):
    pixels = noise(frames, 9, 11, bits=allocated)
    order = ">" if syntax == BIG else "<"
    data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if syntax == BIG and allocated == 8 and vr == "OW":
        data += b"\0" * (len(data) % 2)
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    before = native(described(rows=9, columns=11, allocated=allocated, frames=frames), data,
                    syntax, vr)  # fmt: skip
    after = redact(before, AREA)
    assert (after.size, after.transfer_syntax_uid) == (before.size, syntax)
    assert outside_is_the_same(pixels, decoded(after)) == 0
    # All but the pixels is the same, byte by byte.
    pairs = zip(data_of(before), data_of(after), strict=True)
    changed = [index for index, (one, other) in enumerate(pairs) if one != other]
    assert min(changed) > before.size - len(data) - 1


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize(
    ("photometric", "black"), [("RGB", (0, 0, 0)), ("YBR_FULL", (0, 128, 128))]
)
def test_colour(planar: int, photometric: str, black: tuple[int, ...]):
    pixels = noise(2, 9, 11, 3)
    stored = pixels.transpose(0, 3, 1, 2) if planar else pixels
    header = described(rows=9, columns=11, samples=3, photometric=photometric, planar=planar,
                       frames=2)  # fmt: skip
    after = redact(native(header, np.ascontiguousarray(stored).tobytes()), AREA)
    assert tuple(outside_is_the_same(pixels, decoded(after))) == black


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ({"photometric": "MONOCHROME1", "allocated": 16, "stored": 12}, 4095),
        ({"photometric": "MONOCHROME1", "allocated": 16, "stored": 12, "signed": True}, 2047),
        ({"photometric": "MONOCHROME2", "allocated": 16, "stored": 12, "signed": True}, 0),
        ({"photometric": "PALETTE COLOR"}, 0),
    ],
)
def test_black(form: dict, value: int):
    pixels = noise(1, 9, 11, bits=form.get("stored", 8), signed=form.get("signed", False))
    after = redact(native(described(rows=9, columns=11, **form), pixels.tobytes()), AREA)
    assert outside_is_the_same(pixels, decoded(after)) == value


def test_pixels_that_share_their_colour_go_together():
    pairs = noise(2, 6, 5, 4)
    header = described(rows=6, columns=10, samples=3, photometric="YBR_FULL_422", frames=2)
    after = redact(native(header, pairs.tobytes(), vr="OB"), blank((3, 2, 2, 2)))
    found = np.frombuffer(dataset_of(after).PixelData, np.uint8)[: pairs.size].reshape(pairs.shape)
    # Columns 3 and 4 are in the pairs 1 and 2.
    assert (found[:, 2:4, 1:3] == (0, 0, 128, 128)).all()
    untouched = np.ones(pairs.shape, bool)
    untouched[:, 2:4, 1:3] = False
    assert np.array_equal(found[untouched], pairs[untouched])


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_frames_of_one_bit_are_not_aligned_to_bytes(syntax: str):
    bits = RNG.integers(0, 2, (5, 7, 9)).astype(np.uint8)
    data = np.packbits(bits, bitorder="little").tobytes()
    data += b"\0" * (len(data) % 2)
    if syntax == BIG:
        data = np.frombuffer(data, "<u2").byteswap().tobytes()
    header = described(rows=7, columns=9, allocated=1, frames=5)
    area = blank((3, 2, 4, 4))
    after = dataset_of(redact(native(header, data, syntax), area)).PixelData
    if syntax == BIG:
        after = np.frombuffer(after, "<u2").byteswap().tobytes()
    found = np.unpackbits(np.frombuffer(after, np.uint8), bitorder="little")[: bits.size]
    assert outside_is_the_same(bits, found.reshape(bits.shape), area) == 0


@pytest.mark.parametrize(
    ("tag", "kind", "allocated"),
    [("FloatPixelData", "<f4", 32), ("DoubleFloatPixelData", "<f8", 64)],
)
def test_floating_pixels(tag: str, kind: str, allocated: int):
    pixels = RNG.normal(size=(2, 9, 11)).astype(kind)
    header = described(rows=9, columns=11, allocated=allocated, frames=2)
    for name in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(header, name)
    setattr(header, tag, pixels.tobytes())
    after = redact(source_of(written(header, EXPLICIT), EXPLICIT), AREA)
    found = np.frombuffer(dataset_of(after)[tag].value, kind).reshape(pixels.shape)
    assert outside_is_the_same(pixels, found) == 0


def test_what_stands_behind_the_last_pixel_is_no_pixel():
    pixels = noise(1, 9, 11)
    hidden = pixels.tobytes() + b"PHANTOM^ONE behind the pixels"
    after = dataset_of(redact(native(described(rows=9, columns=11), hidden), AREA)).PixelData
    assert not any(after[99:])
    assert len(after) == len(hidden)


def test_keep_blanks_the_rest():
    pixels = noise(1, 9, 11)
    area = Area(keep=((rectangle(1, 1, 5, 5), rectangle(7, 1, 3, 3)), (rectangle(0, 0, 9, 4),)))
    after = redact(native(described(rows=9, columns=11), pixels.tobytes()), area)
    expected = np.zeros_like(pixels)
    for rows, columns in ((slice(1, 4), slice(1, 6)), (slice(1, 4), slice(7, 9))):
        expected[0, rows, columns] = pixels[0, rows, columns]
    assert np.array_equal(decoded(after), expected)
    everything = redact(native(described(rows=9, columns=11), pixels.tobytes()),
                        Area(everything=True))  # fmt: skip
    assert not decoded(everything).any()


def test_deflated_leaves_as_explicit():
    pixels = noise(1, 9, 11)
    plain = data_of(native(described(rows=9, columns=11), pixels.tobytes()))
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(plain) + packer.flush()
    after = redact(source_of(packed, DEFLATED), AREA)
    assert after.transfer_syntax_uid == EXPLICIT
    assert outside_is_the_same(pixels, decoded(after)) == 0


# --- encapsulated ------------------------------------------------------------------------------

FORMS = {
    "8 bits": {"bits": 8},
    "12 of 16 bits": {"bits": 12, "allocated": 16},
    "16 bits": {"bits": 16, "allocated": 16},
    "12 bits signed": {"bits": 12, "allocated": 16, "signed": True},
    "colour": {"bits": 8, "samples": 3},
}


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, J2K_LOSSLESS])
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("frames", [1, 3])
def test_lossless_syntaxes_are_encoded_again(syntax: str, form: dict, frames: int):
    bits, samples = form["bits"], form.get("samples", 1)
    signed = form.get("signed", False)
    shape = (frames, 32, 40, 3) if samples == 3 else (frames, 32, 40)
    pixels = noise(*shape, bits=bits, signed=signed)
    header = described(rows=32, columns=40, samples=samples, allocated=form.get("allocated", 8),
                       stored=bits, signed=signed, frames=frames,
                       photometric="RGB" if samples == 3 else "MONOCHROME2")  # fmt: skip
    before = encapsulated(header, encoded_frames(header, pixels, syntax), syntax)
    after = redact(before, AREA)
    assert after.transfer_syntax_uid == syntax
    assert not outside_is_the_same(pixels, decoded(after)).any()
    assert data_of(after) == data_of(redact(before, AREA))
    # The table says where the items of frames are.
    last = Frames(after).cells(frames - 1)[0]
    assert last.tobytes() == decoded(after)[-1].tobytes()


def test_colour_transformed_by_jpeg_2000_stays_so():
    pixels = noise(1, 32, 40, 3)
    header = described(rows=32, columns=40, samples=3, photometric="YBR_RCT")
    after = redact(encapsulated(header, encoded_frames(header, pixels, J2K_LOSSLESS),
                                J2K_LOSSLESS), AREA)  # fmt: skip
    assert dataset_of(after).PhotometricInterpretation == "YBR_RCT"
    assert tuple(outside_is_the_same(pixels, decoded(after))) == (0, 0, 0)


def jpeg(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Pictures.fromarray(pixels).save(file, format="JPEG", quality=80)
    return file.getvalue()


def smooth(*shape: int) -> np.ndarray:
    y, x = np.mgrid[: shape[0], : shape[1]]
    grey = (y * 3 + x * 2) % 256
    return (np.stack([grey, 255 - grey, grey // 2], -1) if len(shape) == 3 else grey).astype("u1")


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("frames", [1, 2])
def test_lossy_ones_leave_uncompressed_and_say_that_they_were(colour: bool, frames: int):
    one = smooth(32, 40, 3) if colour else smooth(32, 40)
    header = described(rows=32, columns=40, frames=frames, samples=3 if colour else 1,
                       photometric="YBR_FULL_422" if colour else "MONOCHROME2")  # fmt: skip
    before = encapsulated(header, [jpeg(one)] * frames, BASELINE)
    after = redact(before, AREA)
    found = dataset_of(after)
    assert after.transfer_syntax_uid == EXPLICIT
    assert (found.LossyImageCompression, found.LossyImageCompressionMethod) == ("01", "ISO_10918_1")
    assert found.LossyImageCompressionRatio > 1
    if colour:
        assert (found.PhotometricInterpretation, found.PlanarConfiguration) == ("YBR_FULL", 0)
    black = outside_is_the_same(decoded(before), decoded(after))
    assert np.array_equal(black, (0, 128, 128) if colour else 0)


def test_what_was_said_of_loss_stays():
    header = described(rows=32, columns=40, LossyImageCompression="01",
                       LossyImageCompressionRatio="12.5",
                       LossyImageCompressionMethod="ISO_10918_1")  # fmt: skip
    found = dataset_of(redact(encapsulated(header, [jpeg(smooth(32, 40))], BASELINE), AREA))
    assert found.LossyImageCompressionRatio == 12.5


def test_jpeg_2000_that_may_be_lossy_leaves_uncompressed():
    pixels = noise(1, 32, 40, bits=12)
    header = described(rows=32, columns=40, allocated=16, stored=12, LossyImageCompression="01")
    frame = get_encoder(J2K).encode(pixels[0], rows=32, columns=40, samples_per_pixel=1,
                                    bits_allocated=16, bits_stored=12, pixel_representation=0,
                                    photometric_interpretation="MONOCHROME2", number_of_frames=1,
                                    j2k_cr=[4])  # fmt: skip
    before = encapsulated(header, [frame], J2K)
    after = redact(before, AREA)
    assert after.transfer_syntax_uid == EXPLICIT
    assert dataset_of(after).LossyImageCompression == "01"
    outside_is_the_same(decoded(before), decoded(after))


def test_a_codestream_of_another_size_is_doubt():
    header = described(rows=32, columns=40)
    for shape in ((32, 48), (40, 40), (16, 40)):
        with pytest.raises(Doubt, match="another size"):
            redact(encapsulated(header.copy(), [jpeg(smooth(*shape))], BASELINE), AREA)


def test_the_size_that_a_codestream_says():
    assert codestream_size(jpeg(smooth(32, 40))) == (32, 40)
    header = described(rows=32, columns=40)
    for syntax in (JPEG_LS, J2K_LOSSLESS):
        (frame,) = encoded_frames(header, noise(1, 32, 40), syntax)
        assert codestream_size(frame) == (32, 40)
        for length in range(len(frame)):
            assert codestream_size(frame[:length]) in (None, (32, 40))
    assert codestream_size(b"") is None
    assert codestream_size(b"\xff\xd8" + b"\xff" * 100) is None


@pytest.mark.parametrize("syntax", [RLE, JPEG_LS, J2K_LOSSLESS])
def test_what_is_not_held_in_memory_is_made_again(syntax: str, monkeypatch: pytest.MonkeyPatch):
    header = described(rows=32, columns=40, frames=4)
    before = encapsulated(header, encoded_frames(header, noise(4, 32, 40), syntax), syntax)
    whole = data_of(redact(before, AREA))
    monkeypatch.setattr("causeway.deidentify.pixels.encapsulated.KEPT_BYTES", 2000)
    after = redact(before, AREA)
    # As the editor reads it, which steps over fragments: here and there, and in small pieces.
    for offset in (after.size - 9, 0, after.size // 2):
        assert after.fetch(offset, 700) == whole[offset : offset + 700]
    pieces = (after.fetch(offset, 333) for offset in range(0, after.size, 333))
    assert b"".join(pieces) == whole


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.8.1", "1.2.3"])
def test_video_and_what_has_no_decoder_is_doubt(syntax: str):
    with pytest.raises(Doubt) as caught:
        data_of(redact(encapsulated(described(rows=9, columns=11), [b"\0" * 64], syntax), AREA))
    assert caught.value.code == "pixels"


def test_a_broken_frame_is_doubt_and_quotes_nothing():
    frame = bytearray(jpeg(smooth(32, 40)))
    frame[200:] = b"PHANTOM^ONE" * 20
    with pytest.raises(Doubt) as caught:
        redact(encapsulated(described(rows=32, columns=40), [bytes(frame[:180])], BASELINE), AREA)
    assert "PHANTOM" not in str(caught.value)


@real
def test_lossless_jpeg_has_no_encoder_and_leaves_uncompressed():
    path = DICOM / "pydicom/src/pydicom/data/test_files/SC_rgb_jpeg_gdcm.dcm"
    before = load(path)
    assert before.transfer_syntax_uid == LOSSLESS_JPEG
    after = redact(before, AREA)
    assert after.transfer_syntax_uid == EXPLICIT
    outside_is_the_same(decoded(before), decoded(after))


# --- fragments ---------------------------------------------------------------------------------


@pytest.mark.parametrize("table", [True, False])
@pytest.mark.parametrize("fragments", [1, 2, 3])
def test_frames_of_several_fragments(table: bool, fragments: int):
    frames = [jpeg(smooth(32, 40) // (index + 1)) for index in range(3)]
    before = encapsulated(described(rows=32, columns=40, frames=3), frames, BASELINE,
                          table=table, fragments=fragments)  # fmt: skip
    after = redact(before, AREA)
    assert outside_is_the_same(decoded(before), decoded(after)) == 0


def test_extended_offset_tables_are_read_and_not_left_behind():
    pixels = noise(3, 32, 40)
    header = described(rows=32, columns=40, frames=3)
    data, offsets, lengths = encapsulate_extended(encoded_frames(header, pixels, RLE))
    header.ExtendedOffsetTable, header.ExtendedOffsetTableLengths = offsets, lengths
    header.add_new("PixelData", "OB", data)
    header["PixelData"].is_undefined_length = True
    after = redact(source_of(written(header, RLE), RLE), AREA)
    assert "ExtendedOffsetTable" not in dataset_of(after)
    assert "ExtendedOffsetTableLengths" not in dataset_of(after)
    assert outside_is_the_same(pixels, decoded(after)) == 0


def test_fragments_that_may_belong_to_either_frame_are_doubt():
    header = described(rows=32, columns=40, frames=2)
    frames = encoded_frames(header, noise(2, 32, 40), RLE)
    with pytest.raises(Doubt, match="which frame"):
        redact(encapsulated(header, frames, RLE, fragments=2, table=False), AREA)


# --- copies ------------------------------------------------------------------------------------


def with_copies(syntax: str = EXPLICIT) -> tuple[Dataset, np.ndarray]:
    pixels = noise(1, 9, 11, bits=12)
    stamped = pixels | (RNG.integers(0, 2, pixels.shape).astype("u2") << 14)
    header = described(rows=9, columns=11, allocated=16, stored=12)
    icon = described(rows=4, columns=4)
    icon.PixelData = b"ICONICONICONICON"
    deep = Dataset()
    deep.ReferencedSOPInstanceUID = "1.2.9"
    deep.IconImageSequence = [icon]
    header.IconImageSequence = [icon]
    header.ReferencedImageSequence = [deep, Dataset()]
    header.add_new(0x60000010, "US", 9)
    header.add_new(0x60000100, "US", 16)
    header.add_new(0x60000102, "US", 14)
    header.add_new(0x60020010, "US", 9)
    header.add_new(0x60023000, "OW", b"OVERLAYOVERLAY")
    header.add_new(0x00280000, "UL", 100)
    header.PixelData = stamped.astype(">u2" if syntax == BIG else "<u2").tobytes()
    header["PixelData"].VR = "OW"
    return header, stamped


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("area", [AREA, Area()], ids=["blanked", "only overlays"])
def test_icons_and_overlays_go_at_any_depth(syntax: str, area: Area):
    header, stamped = with_copies(syntax)
    after = redact(source_of(written(header, syntax), syntax), area)
    data = data_of(after)
    assert b"ICON" not in data
    assert b"OVERLAY" not in data
    found = dataset_of(after)
    assert "IconImageSequence" not in found
    assert not [each for each in found if each.tag.group >> 8 == 0x60 or not each.tag.element]
    first, second = found.ReferencedImageSequence
    assert first.ReferencedSOPInstanceUID == "1.2.9"
    assert (len(first), len(second)) == (1, 0)
    pixels = np.frombuffer(found.PixelData, ">u2" if syntax == BIG else "<u2").reshape(1, 9, 11)
    assert not (pixels & 0x4000).any()
    if area:
        outside_is_the_same(stamped & 0xFFF, pixels)
    else:
        assert np.array_equal(pixels, stamped & 0xFFF)


def test_the_sign_is_where_the_overlay_was():
    values = noise(1, 9, 11, bits=12, signed=True)
    stamped = (values.view("u2") & 0xBFFF) | (RNG.integers(0, 2, values.shape).astype("u2") << 14)
    header = described(rows=9, columns=11, allocated=16, stored=12, signed=True)
    header.add_new(0x60000100, "US", 16)
    header.add_new(0x60000102, "US", 14)
    after = redact(native(header, stamped.tobytes()))
    found = np.frombuffer(dataset_of(after).PixelData, "<i2")
    assert np.array_equal(found.reshape(1, 9, 11), values)


def test_an_overlay_among_the_bits_of_pixels_is_doubt():
    header, _ = with_copies()
    header[0x60000102].value = 5
    with pytest.raises(Doubt, match="overlay"):
        redact(source_of(written(header, EXPLICIT), EXPLICIT), AREA)


def test_pixels_that_are_not_touched_are_not_encoded_again():
    header = described(rows=32, columns=40)
    header.IconImageSequence = [Dataset()]
    before = encapsulated(header, [jpeg(smooth(32, 40))], BASELINE)
    after = redact(before)
    assert after.transfer_syntax_uid == BASELINE
    assert dataset_of(after).PixelData == dataset_of(before).PixelData


# --- what is not as it should be ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Rows", None),
        ("Columns", 0),
        ("BitsAllocated", 12),
        ("BitsStored", 9),
        ("HighBit", 8),
        ("SamplesPerPixel", 0),
        ("NumberOfFrames", "x"),
        ("NumberOfFrames", "999999999"),
        ("NumberOfFrames", 2),
        ("Rows", 200),
    ],
)
def test_headers_that_contradict_their_pixels_are_doubt(name: str, value: object):
    header = described(rows=9, columns=11)
    if value is None:
        delattr(header, name)
    elif isinstance(value, str):
        header.add_new(name, "LO", value)
    else:
        setattr(header, name, value)
    with pytest.raises(Doubt):
        redact(native(header, noise(9, 11).tobytes()), AREA)


def test_no_pixels_to_blank_is_doubt():
    header = described(rows=9, columns=11)
    source = source_of(written(header, EXPLICIT), EXPLICIT)
    with pytest.raises(Doubt):
        redact(source, AREA)
    assert data_of(redact(source)) == data_of(source)


def test_objects_cut_short_are_doubt():
    whole = data_of(native(described(rows=9, columns=11), noise(9, 11).tobytes()))
    for length in range(0, len(whole), 3):
        with pytest.raises(Doubt):
            redact(source_of(whole[:length], EXPLICIT), AREA)


def test_ultrasound_regions_are_those_with_an_image():
    def region(kind: int, data: int, *box: int) -> Dataset:
        item = Dataset()
        item.RegionSpatialFormat, item.RegionDataType = kind, data
        (item.RegionLocationMinX0, item.RegionLocationMinY0, item.RegionLocationMaxX1,
         item.RegionLocationMaxY1) = box  # fmt: skip
        return item

    header = described(rows=9, columns=11)
    header.SequenceOfUltrasoundRegions = [
        region(1, 1, 2, 1, 6, 4), region(3, 3, 7, 1, 10, 8), region(5, 1, 0, 0, 10, 8),
        region(1, 0, 0, 0, 10, 8),
    ]  # fmt: skip
    for syntax in (EXPLICIT, IMPLICIT, BIG):
        source = native(header.copy(), bytes(100), syntax)
        assert ultrasound_regions(source) == (rectangle(2, 1, 5, 4), rectangle(7, 1, 4, 8))
    assert ultrasound_regions(native(described(rows=9, columns=11), bytes(100))) == ()
    del header.SequenceOfUltrasoundRegions[0].RegionLocationMinX0
    with pytest.raises(Doubt):
        ultrasound_regions(native(header, bytes(100)))


# --- memory ------------------------------------------------------------------------------------


def test_a_gigabyte_is_blanked_a_frame_at_a_time():
    rows = columns = 512
    frames = 2048
    header = described(rows=rows, columns=columns, allocated=16, frames=frames)
    head = written(header, EXPLICIT) + struct.pack(
        "<HH2sHI", 0x7FE0, 0x0010, b"OW", 0, rows * columns * 2 * frames
    )
    size = len(head) + rows * columns * 2 * frames

    def fetch(offset: int, wanted: int) -> bytes:
        wanted = min(wanted, size - offset)
        return (head[offset:] + b"\x55" * wanted)[:wanted]

    tracemalloc.start()
    after = redact(replace(source_of(b"", EXPLICIT), fetch=fetch, size=size), AREA)
    for offset in (0, size // 2, size - 600_000):
        after.fetch(offset, 600_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert after.size == size
    assert peak < 16 << 20
