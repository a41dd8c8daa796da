"""Images made for the tests of pixels, in any form in which pixels are stored."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.pixels.encoders.base import get_encoder

from causeway.attributes import Attributes, tag_of
from causeway.deidentify.edit.clean import Source
from causeway.deidentify.pixels.area import Area, Rectangle
from causeway.part10 import read_part10
from causeway.pipeline.snapshot import attributes_of

DICOM = Path(__file__).parents[4] / "shared/data/dicom"
real = pytest.mark.skipif(not DICOM.exists(), reason=f"the shared objects are not in {DICOM}")

IMPLICIT, EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
BASELINE, LOSSLESS_JPEG = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"
JPEG_LS, J2K_LOSSLESS, J2K = (f"1.2.840.10008.1.2.4.{number}" for number in (80, 90, 91))
RLE = "1.2.840.10008.1.2.5"
CT = "1.2.840.10008.5.1.4.1.1.2"
CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def source_of(data: bytes, syntax: str, sop_class: str = CT) -> Source:
    return Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid=sop_class,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=syntax,
    )


def load(path: Path) -> Source:
    part = read_part10(path)
    data = path.read_bytes()[part.offset :]
    return source_of(data, part.transfer_syntax_uid, part.sop_class_uid)


def snapshot(source: Source) -> Attributes:
    return attributes_of(source.fetch, source.size, source.transfer_syntax_uid)


def attributes(**values: str) -> Attributes:
    """By keyword; several values are separated by backslashes."""
    return Attributes(
        values={tag_of(name): tuple(value.split("\\")) for name, value in values.items()}
    )


def data_of(source: Source) -> bytes:
    data = source.fetch(0, source.size)
    assert len(data) == source.size
    return data


def dataset_of(source: Source) -> Dataset:
    data = data_of(source)
    assert source.transfer_syntax_uid != DEFLATED
    implicit, little = source.transfer_syntax_uid == IMPLICIT, source.transfer_syntax_uid != BIG
    return read_dataset(BytesIO(data), implicit, little)


def written(dataset: Dataset, syntax: str) -> bytes:
    file = DicomBytesIO()
    file.is_implicit_VR = syntax == IMPLICIT
    file.is_little_endian = syntax != BIG
    write_dataset(file, dataset)
    return file.getvalue()


def described(
    *,
    rows: int,
    columns: int,
    samples: int = 1,
    photometric: str = "MONOCHROME2",
    planar: int = 0,
    allocated: int = 8,
    stored: int | None = None,
    high_bit: int | None = None,
    signed: bool = False,
    frames: int = 1,
    **more: Any,
) -> Dataset:
    """The header of an image, as a scanner writes one."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CT, "1.2.3"
    dataset.Modality, dataset.ImageType = "CT", ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.PatientName = "PHANTOM^ONE"
    dataset.SamplesPerPixel = samples
    dataset.PhotometricInterpretation = photometric
    if samples > 1:
        dataset.PlanarConfiguration = planar
    if frames != 1:
        dataset.NumberOfFrames = frames
    dataset.Rows, dataset.Columns = rows, columns
    stored = stored or allocated
    dataset.BitsAllocated, dataset.BitsStored = allocated, stored
    dataset.HighBit = stored - 1 if high_bit is None else high_bit
    dataset.PixelRepresentation = int(signed)
    for name, value in more.items():
        setattr(dataset, name, value)
    return dataset


def native(dataset: Dataset, pixels: bytes, syntax: str = EXPLICIT, vr: str = "OW") -> Source:
    """With native pixels; ``pixels`` are padded."""
    dataset.add_new("PixelData", vr, pixels + b"\0" * (len(pixels) % 2))
    return source_of(written(dataset, syntax), syntax)


def encoded_frames(dataset: Dataset, frames: Sequence[np.ndarray], syntax: str) -> list[bytes]:
    options = {
        "rows": dataset.Rows,
        "columns": dataset.Columns,
        "samples_per_pixel": dataset.SamplesPerPixel,
        "bits_allocated": dataset.BitsAllocated,
        "bits_stored": dataset.BitsStored,
        "photometric_interpretation": dataset.PhotometricInterpretation,
        "pixel_representation": dataset.PixelRepresentation,
        "number_of_frames": 1,
    }
    if dataset.SamplesPerPixel > 1:
        options["planar_configuration"] = 0
    # The one of GDCM ends the process with some images.
    plugin = "pyjpegls" if syntax == JPEG_LS else "pylibjpeg"
    encoder = get_encoder(syntax)
    return [encoder.encode(frame, encoding_plugin=plugin, **options) for frame in frames]


def encapsulated(
    dataset: Dataset,
    frames: Sequence[bytes],
    syntax: str,
    *,
    table: bool = True,
    fragments: int = 1,
) -> Source:
    dataset.add_new(
        "PixelData", "OB", encapsulate(list(frames), fragments_per_frame=fragments, has_bot=table)
    )
    dataset["PixelData"].is_undefined_length = True
    return source_of(written(dataset, syntax), syntax)


def decoded(source: Source) -> np.ndarray:
    """All frames, by pydicom: (frames, rows, columns[, samples])."""
    from pydicom.dataset import FileMetaDataset

    dataset = dataset_of(source)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = source.transfer_syntax_uid
    dataset.pixel_array_options(as_rgb=False)
    pixels = dataset.pixel_array
    return pixels if int(dataset.get("NumberOfFrames") or 1) > 1 else pixels[None]


def rectangle(x: int, y: int, width: int, height: int) -> Rectangle:
    return Rectangle(x=x, y=y, width=width, height=height)


def blank(*rectangles: tuple[int, int, int, int]) -> Area:
    return Area(blank=tuple(rectangle(*each) for each in rectangles))
