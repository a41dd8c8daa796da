"""Every name and description of pydicom's files, beside pydicom's own reading of it."""

# ruff: noqa: RUF001 (letters that look like others are the point)

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue

from causeway import text
from causeway.decide.people import Name, name_of

FILES = Path(__file__).parents[3] / "shared/data/dicom/pydicom"
REPLACED = "\ufffd"
TEXT = {"PN", "LO", "SH", "ST", "LT", "UT", "UC"}

pytestmark = [
    pytest.mark.skipif(not FILES.is_dir(), reason="real DICOM files are not here"),
    pytest.mark.filterwarnings("ignore"),  # of pydicom, on files that are broken on purpose
]


def texts(data_set: pydicom.Dataset, charset: str) -> Iterator[tuple[str, bytes, str, str]]:
    """VR, bytes, character set and pydicom's reading of each text, at any depth."""
    if "SpecificCharacterSet" in data_set:
        terms = data_set.get_item("SpecificCharacterSet").value
        charset = terms.decode("latin-1") if isinstance(terms, bytes) else joined(terms)
    for tag in list(data_set.keys()):
        raw = data_set.get_item(tag)
        element = data_set[tag]
        if element.VR == "SQ":
            for item in element.value:
                yield from texts(item, charset)
        elif element.VR in TEXT and isinstance(raw, RawDataElement) and not tag.is_private:
            yield element.VR, raw.value or b"", charset, joined(element.value)


def joined(value: object) -> str:
    if value is None:
        return ""
    return "\\".join(map(str, value)) if isinstance(value, (list, MultiValue)) else str(value)


def read(path: Path) -> pydicom.Dataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path, force=True, stop_before_pixels=True)


def test_texts_read_as_pydicom_reads_them_or_better() -> None:
    compared = 0
    for path in sorted(each for each in FILES.rglob("*") if each.is_file()):
        for vr, raw, charset, theirs in texts(read(path), ""):
            ours = text.decode(raw, charset, name=vr == "PN")
            assert REPLACED not in ours, path.name
            if REPLACED not in theirs:
                # pydicom drops a component group at the end that is empty.
                tail = " =" if vr == "PN" else " "
                assert ours.strip().rstrip(tail) == theirs.strip().rstrip(tail), path.name
            compared += 1
    assert compared > 2_000


@pytest.mark.parametrize(
    ("name", "person"),
    [
        ("chrArab.dcm", Name(first="لنزار", last="قباني")),
        ("chrFren.dcm", Name(first="Jérôme", last="Buc")),
        ("chrGerm.dcm", Name(first="Rüdiger", last="Äneas")),
        ("chrGreek.dcm", Name(first="", last="Διονυσιος")),
        ("chrH31.dcm", Name(first="Tarou", last="Yamada")),
        ("chrH32.dcm", Name(first="ﾀﾛｳ", last="ﾔﾏﾀﾞ")),
        ("chrHbrw.dcm", Name(first="דבורה", last="שרון")),
        ("chrI2.dcm", Name(first="Gildong", last="Hong")),
        ("chrRuss.dcm", Name(first="", last="Люкceмбypг")),
        ("chrX1.dcm", Name(first="XiaoDong", last="Wang")),
        ("chrX2.dcm", Name(first="XiaoDong", last="Wang")),
    ],
)
def test_names_of_the_standards_examples(name: str, person: Name) -> None:
    """PS3.5 annexes H to K."""
    found = [path for path in FILES.rglob(name) if "charset_files" in path.parts]
    assert found, name
    data_set = read(found[0])
    raw = data_set.get_item("PatientName").value
    charset = joined(data_set.SpecificCharacterSet or "")
    assert name_of(text.decode(raw, charset, name=True)) == person
