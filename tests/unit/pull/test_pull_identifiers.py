"""Identifiers, against pydicom as an independent reader and writer, in every character set."""

from __future__ import annotations

import contextlib

import pytest
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from causeway.errors import BadDataSet
from causeway.pull.identifiers import decode_identifier, encode_identifier

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
NAME, COMMENTS, UID = 0x00100010, 0x00104000, 0x0020000D


def written(data_set: Dataset, syntax: str) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, syntax == IMPLICIT
    write_dataset(buffer, data_set)
    return buffer.getvalue()


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_pydicom_reads_what_is_written(syntax: str) -> None:
    values = {
        0x00080052: "SERIES", UID: "1.2.3", NAME: "Müller^Jörg", 0x00200013: "7",
        0x00280010: "512", 0x00080061: "MR\\CT", COMMENTS: "",
    }  # fmt: skip
    raw = encode_identifier(values, syntax, charset="ISO_IR 100")
    found = read_dataset(DicomBytesIO(raw), syntax == IMPLICIT, True)
    assert [element.tag for element in found] == sorted(element.tag for element in found)
    assert found.SpecificCharacterSet == "ISO_IR 100"
    assert str(found.PatientName) == "Müller^Jörg"
    assert (found.StudyInstanceUID, found.InstanceNumber, found.Rows) == ("1.2.3", 7, 512)
    assert list(found.ModalitiesInStudy) == ["MR", "CT"]
    assert decode_identifier(raw, syntax).text(NAME) == "Müller^Jörg"


def test_a_character_that_the_set_does_not_have_is_refused() -> None:
    with pytest.raises(BadDataSet, match="PatientName"):
        encode_identifier({NAME: "山田^太郎"}, EXPLICIT, charset="ISO_IR 100")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("ISO_IR 100", "Buc^Jérôme"),
        ("ISO_IR 101", "Wałęsa"),
        ("ISO_IR 144", "Журавль"),
        ("ISO_IR 126", "Διονυσιος"),
        ("ISO_IR 127", "قباني^لنزار"),
        ("ISO_IR 138", "שרון^דבורה"),
        ("ISO_IR 166", "นามสกุล"),
        ("ISO_IR 192", "Wang^XiaoDong=王^小东"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("\\ISO 2022 IR 87", "Yamada^Tarou=山田^太郎"),
        ("\\ISO 2022 IR 149", "Hong^Gildong=洪^吉洞"),
    ],
)
def test_answers_are_read_by_the_character_set_that_they_name(
    charset: str, name: str, syntax: str
) -> None:
    answer = Dataset()
    answer.SpecificCharacterSet = charset.split("\\")
    answer.PatientName = name
    assert decode_identifier(written(answer, syntax), syntax).text(NAME) == name


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("undefined", [False, True])
def test_sequences_are_passed_over(syntax: str, undefined: bool) -> None:
    inner = Dataset()
    inner.PatientID = "inner"
    item = Dataset()
    item.PatientID = "wrong"
    item.OtherPatientIDsSequence = Sequence([inner])
    answer = Dataset()
    answer.RequestAttributesSequence = Sequence([item, item])
    answer.PatientID = "right"
    answer.Rows = 7
    answer.SeriesInstanceUID = "1.2"
    if undefined:
        answer["RequestAttributesSequence"].is_undefined_length = True
        item.is_undefined_length_sequence_item = True
        item["OtherPatientIDsSequence"].is_undefined_length = True
    found = decode_identifier(written(answer, syntax), syntax)
    assert found.first(0x00100020) == "right"
    assert found.first(0x00280010) == "7"
    assert found.first(0x0020000E) == "1.2"


def test_absent_and_empty_are_told_apart() -> None:
    raw = encode_identifier({COMMENTS: "", UID: "1.2"}, EXPLICIT)
    found = decode_identifier(raw, EXPLICIT)
    assert (found.text(COMMENTS), found.text(NAME)) == ("", None)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_what_breaks_off_is_an_error_and_nothing_else(syntax: str) -> None:
    item = Dataset()
    item.PatientID = "x"
    answer = Dataset()
    answer.PatientName = "A^B"
    answer.RequestAttributesSequence = Sequence([item])
    answer["RequestAttributesSequence"].is_undefined_length = True
    raw = written(answer, syntax)
    for cut in range(len(raw)):
        with contextlib.suppress(BadDataSet):
            decode_identifier(raw[:cut], syntax)
    with pytest.raises(BadDataSet):
        decode_identifier(raw[:-3], syntax)
