from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.errors import ConfigurationError
from causeway.object_keys import (
    ARCHIVE_LAYOUT,
    KEY_BYTES_LIMIT,
    LAYOUTS,
    KeyTemplate,
    Naming,
    escaped,
)

VALUES = {
    "SOPInstanceUID": "1.2.3.4",
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "TransferSyntaxUID": "1.2.840.10008.1.2.1",
    "SeriesInstanceUID": "1.2.3",
    "StudyInstanceUID": "1.2",
    "StudyDate": "20260102",
    "created": "2026-03-04T05:06:07.890Z",
    "name": "1.2.3.4.CT.dcm",
    "source": "ct1",
    "delivery": "delivery-12",
    "PatientID": "P 1/2",
    "Modality": "CT",
    "group": "unknown",
    "project": "Unsorted",
    "subject": "Müller",
    "session": "Brain",
    "acquisition": "T2star ax_3D",
    "archive": "T2star ax_3D.dicom.zip",
}


def test_the_layouts_are_those_of_the_field():
    made = {name: KeyTemplate.compile(text).made(VALUES) for name, text in LAYOUTS.items()}
    assert made == {
        "series": "1.2/1.2.3/1.2.3.4.dcm",
        "study": "DICOM/1.2/1.2.3.4.dcm",
        "date": "2026/01/02/1772600767/1.2/1.2.3/1.2.3.4.dcm",
        "edge": "ct1/delivery-12/1.2/1.2.3/1.2.3.4.dcm",
        "hierarchy": "unknown/Unsorted/Müller/Brain/T2star=20ax_3D/1.2.3.4.CT.dcm",
    }
    archive = KeyTemplate.compile(ARCHIVE_LAYOUT, Naming.ARCHIVE).made(VALUES)
    assert archive == "unknown/Unsorted/Müller/Brain/T2star=20ax_3D/T2star=20ax_3D.dicom.zip"


@pytest.mark.parametrize(
    "text",
    [
        "{StudyInstanceUID}/{SeriesInstanceUID}.dcm",  # no instance
        "{StudyInstanceUID}{SOPInstanceUID}.dcm",  # 1.2 and 3.4, or 1.23 and .4
        "{SOPInstanceUID}.{SeriesInstanceUID}.dcm",  # a dot is in both
        "{PatientID}-{SOPInstanceUID}",  # a hyphen can be in the one
        "{name}_{Modality}",
        "{StudyDate:%Y-%m-%d}_{SOPInstanceUID}",
        "{SOPInstanceUID|a_b}_{StudyInstanceUID}",
    ],
)
def test_two_instances_never_get_one_key(text: str):
    with pytest.raises(ConfigurationError, match="two instances could get one key"):
        KeyTemplate.compile(text)


@pytest.mark.parametrize(
    "text",
    [
        "{archive}",
        "{group}/{project}/{subject}/{session}/{archive}",
        "{group}-{project}/{subject}/{session}/{acquisition}/{archive}",
    ],
)
def test_two_archives_never_get_one_key(text: str):
    with pytest.raises(ConfigurationError, match="two archives could get one key"):
        KeyTemplate.compile(text, Naming.ARCHIVE)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "is empty"),
        ("{SOPInstanceUID", "no partner"),
        ("{sopinstanceuid}", "no field"),
        ("{PatientName}/{SOPInstanceUID}", "no field"),
        ("{SOPInstanceUID:03d}", "has no format"),
        ("{StudyDate:%H}/{SOPInstanceUID}", "no format of StudyDate"),
        ("{StudyDate:%Y//%m}/{SOPInstanceUID}", "would leave a part of the key empty"),
        ("{PatientID|a b}/{SOPInstanceUID}", "cannot stand for"),
        ("/{SOPInstanceUID}", "slash"),
        ("in//{SOPInstanceUID}", "slash"),
        ("{SOPInstanceUID}/", "slash"),
        ("../{SOPInstanceUID}", "dots alone"),
        ("in?/{SOPInstanceUID}", "not safe"),
        ("{archive}/{SOPInstanceUID}", "whole series"),
    ],
)
def test_what_is_no_template_says_what_would_be(text: str, what: str):
    with pytest.raises(ConfigurationError, match=what):
        KeyTemplate.compile(text)


def test_an_archive_has_nothing_of_single_instances():
    with pytest.raises(ConfigurationError, match="no SOPInstanceUID"):
        KeyTemplate.compile(f"{ARCHIVE_LAYOUT}/{{SOPInstanceUID}}", Naming.ARCHIVE)


def test_missing_values_have_something_that_stands_for_them():
    template = KeyTemplate.compile("{PatientID|none}/{Modality}/{StudyDate:%Y}/{SOPInstanceUID}")
    values = VALUES | {"PatientID": "", "Modality": "", "StudyDate": "?"}
    assert template.made(values) == "none/unknown/2026/1.2.3.4"


def test_values_cannot_leave_their_part_of_the_key():
    template = KeyTemplate.compile("{PatientID}/{SOPInstanceUID}")
    for value in ("..", ".", "a/../../b", "a\\b", "a\0b", "a\nb", "%2e", "=2E", "\ud800"):
        key = template.made(VALUES | {"PatientID": value})
        assert key.count("/") == 1
        assert all(part.strip(".") for part in key.split("/"))
        assert key.isprintable()


def test_a_key_that_no_bucket_takes_is_none():
    template = KeyTemplate.compile("{StudyDescription}/{SOPInstanceUID}")
    with pytest.raises(ValueError, match=str(KEY_BYTES_LIMIT)):
        template.made(VALUES | {"StudyDescription": "ü" * KEY_BYTES_LIMIT})


def test_the_folder_is_what_all_keys_begin_with():
    folders = {"a/b/{SOPInstanceUID}": "a/b/", "a-{SOPInstanceUID}": "", "{SOPInstanceUID}": ""}
    for text, folder in folders.items():
        assert KeyTemplate.compile(text).folder == folder


@given(st.text(max_size=8), st.text(max_size=8))
def test_different_values_stay_different(one: str, other: str):
    # Letters that Unicode calls the same (NFC) are the same here too.
    if escaped(one) == escaped(other):
        assert escaped(escaped(one)) == escaped(escaped(other))
        import unicodedata

        same = [unicodedata.normalize("NFC", each) for each in (one, other)]
        assert same[0] == same[1]


UIDS = st.text("0123456789.", min_size=1, max_size=6).filter(lambda uid: uid.strip("."))
NAMES = st.text(max_size=4)
PIECES = st.sampled_from(
    ["{SOPInstanceUID}", "{SeriesInstanceUID}", "{PatientID}", "{StudyDate:%Y-%m}", "{Modality|x}",
     "/", "-", ".", "a", "_"]
)  # fmt: skip


@given(
    st.lists(PIECES, min_size=1, max_size=7).map("".join),
    st.lists(st.tuples(UIDS, UIDS, NAMES, NAMES), min_size=2, max_size=6),
)
def test_what_is_allowed_tells_instances_apart(text: str, drawn: list[tuple[str, ...]]):
    try:
        template = KeyTemplate.compile(text)
    except ConfigurationError:
        return
    instances = [
        VALUES | dict(zip(("SOPInstanceUID", "SeriesInstanceUID", "PatientID", "Modality"), each,
                          strict=True))
        for each in drawn
    ]  # fmt: skip
    for one, other in itertools.combinations(instances, 2):
        if one["SOPInstanceUID"] != other["SOPInstanceUID"]:
            assert template.made(one) != template.made(other)
