"""Real series, read by pydicom, as deciding sees them."""

from __future__ import annotations

import warnings
from pathlib import Path

import pydicom
import pytest
from pydicom.multival import MultiValue

from causeway.attributes import Attributes
from causeway.decide.grouping import InstanceFacts

SHARED = Path(__file__).parents[4] / "shared" / "data" / "dicom"

needs_real = [
    pytest.mark.skipif(not SHARED.is_dir(), reason="real DICOM files are not here"),
    pytest.mark.filterwarnings("ignore"),  # of pydicom, on files that are broken on purpose
]


def text(data_set: pydicom.Dataset, keyword: str) -> str:
    return "\\".join(values(data_set.get(keyword)))


def values(value: object) -> tuple[str, ...]:
    if value is None or value == "":
        return ()
    return tuple(map(str, value)) if isinstance(value, (list, MultiValue)) else (str(value),)


def read(path: Path) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, stop_before_pixels=True, force=True)


def attributes(data_set: pydicom.Dataset) -> Attributes:
    told = {}
    for element in data_set:
        if element.VR not in ("SQ", "OB", "OW", "UN") and element.tag < 0x7FE00000:
            told[int(element.tag)] = values(element.value)
    return Attributes(values=told)


def facts(data_set: pydicom.Dataset, number: int) -> InstanceFacts:
    return InstanceFacts(
        id=number,
        sop_class_uid=text(data_set, "SOPClassUID"),
        sop_instance_uid=text(data_set, "SOPInstanceUID"),
        acquisition_number=text(data_set, "AcquisitionNumber"),
        image_type=text(data_set, "ImageType"),
        instance_number=text(data_set, "InstanceNumber"),
        number_of_frames=text(data_set, "NumberOfFrames"),
        rows=text(data_set, "Rows"),
        columns=text(data_set, "Columns"),
        orientation=text(data_set, "ImageOrientationPatient"),
        position=text(data_set, "ImagePositionPatient"),
        referenced_series=tuple(sorted(referred(data_set))),
    )


def referred(data_set: pydicom.Dataset) -> set[str]:
    """Series that its sequences refer to, at any depth."""
    found = set()
    for element in data_set:
        if element.VR == "SQ":
            for item in element.value:
                if uid := item.get("SeriesInstanceUID"):
                    found.add(str(uid))
                found |= referred(item)
    return found - {str(data_set.get("SeriesInstanceUID", ""))}


def series_under(folder: str) -> dict[str, list[pydicom.Dataset]]:
    """Data sets by SeriesInstanceUID, in the order of their names."""
    found: dict[str, list[pydicom.Dataset]] = {}
    for path in sorted(each for each in (SHARED / folder).rglob("*") if each.is_file()):
        data_set = read(path)
        if "SOPInstanceUID" in data_set and "SeriesInstanceUID" in data_set:
            found.setdefault(str(data_set.SeriesInstanceUID), []).append(data_set)
    return found
