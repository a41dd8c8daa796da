"""Every row of the table, and every option, through the editor: at the top level and nested."""

from __future__ import annotations

from functools import cache
from io import BytesIO

import pytest
from deid_profiles import (
    PLANTED,
    STRUCTURE_SET,
    SUBJECT,
    UID,
    bytes_of,
    cleaned,
    cleaned_bytes,
    data_set,
    inside,
    plan_of,
)
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pydicom.sequence import Sequence

from causeway.attributes import tag_of
from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.profile import compile_profile, load_profile
from causeway.deidentify.standard import Row, rows

KEPT_SEQUENCE = tag_of("PerformedSeriesSequence")


@cache
def shipped(name: str) -> Plan:
    return compile_profile(load_profile(name))


def tag_in(row: Row) -> int:
    """One of the tags that a row is about; of repeating groups the second."""
    return row.value if not row.is_repeating else row.value | 0x00020000


def vr_in(tag: int) -> str:
    if tag >> 24 == 0x60:
        return {0x3000: "OW", 0x4000: "LT"}.get(tag & 0xFFFF, "CS")
    return dictionary_vr(tag) or ("LO" if tag >> 24 != 0x50 else "OW")


def element(tag: int, *, code: bool = True) -> DataElement:
    vr = vr_in(tag)
    if vr != "SQ":
        return DataElement(tag, vr, PLANTED[vr])
    item = Dataset()
    if code:
        item.CodeMeaning = "PLANTED"
    item.PersonName = "PLANTED^NAME"
    item.TextValue = "PLANTED"
    item.ReferencedSOPInstanceUID = UID + ".17"
    return DataElement(tag, vr, Sequence([item]))


def planted_in(tag: int) -> bytes:
    """What must not be found again."""
    vr = vr_in(tag)
    value = PLANTED.get(vr, "PLANTED")
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode()
    made = Dataset()
    made.add(DataElement(tag, vr, value))
    return bytes_of(made)[-2 if vr in ("US", "SS") else -4 :]


ROWS = [row for row in rows() if row.value >> 16 not in (0, 2, 4)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.value:08X}")
def test_the_basic_profile_at_the_top_and_nested(row: Row) -> None:
    tag = tag_in(row)
    if tag == tag_of("SOPInstanceUID"):
        return  # seen by the tests of the editor
    plan = shipped("basic")
    # Of a sequence of references only the UIDs are replaced; codes in it are nobody's.
    planted = element(tag, code=row.basic is not Action.REMOVE_OR_EMPTY_OR_UID)
    top = data_set()
    top.add(planted)
    item = Dataset()
    item.add(planted)
    nested = data_set()
    nested.add(DataElement(KEPT_SEQUENCE, "SQ", Sequence([item])))
    for given, at in ((top, lambda ds: ds), (nested, lambda ds: ds[KEPT_SEQUENCE].value[0])):
        made = cleaned_bytes(given, plan)
        assert planted_in(tag) not in made
        assert b"PLANTED" not in made
        level = at(read_dataset(BytesIO(made), False, True))
        if row.basic is Action.REMOVE:
            assert tag not in level
        if row.basic is Action.UID:
            assert str(level[tag].value) == SUBJECT.uid(UID + ".17")
        if row.basic in (Action.DUMMY, Action.UID):
            assert level[tag].value not in (None, "", b"", [])


OPTIONS = sorted({option for row in rows() for option in row.options})


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_changes_its_rows_and_no_others(option: str) -> None:
    basic, with_option = shipped("basic"), plan_of(f'options = ["{option}"]')
    for row in rows():
        if row.is_repeating:
            continue
        before, after = basic.by_tag[row.value], with_option.by_tag[row.value]
        if option not in row.options or not row.options_known:
            assert before == after, row.name
        elif row.options[option] is Action.KEEP:
            assert after.action in (Action.KEEP, Action.AGE), row.name
    assert with_option.is_conformant
    assert len(with_option.codes) == 2


SAMPLES = {
    ("retain_uids", "StudyInstanceUID", UID): UID,
    ("retain_device_identity", "StationName", "CT7"): "CT7",
    ("retain_device_identity", "DeviceSerialNumber", "4711"): "4711",
    ("retain_institution_identity", "InstitutionName", "Old Hospital"): "Old Hospital",
    ("retain_patient_characteristics", "PatientSex", "F"): "F",
    ("retain_patient_characteristics", "PatientWeight", "61"): "61",
    ("retain_patient_characteristics", "PatientAge", "044Y"): "044Y",
    ("retain_patient_characteristics", "PatientAge", "093Y"): "090Y",
    ("retain_patient_characteristics", "Allergies", "iodine, says Dr. Smith"): "iodine",
    ("clean_descriptors", "SeriesDescription", "T1 SMITH"): "T1",
    ("clean_descriptors", "StudyDescription", "SMITH"): "",
    ("retain_full_dates", "StudyDate", "20170717"): "20170717",
    ("retain_full_dates", "StudyTime", "171717"): "171717",
    ("retain_modified_dates", "StudyDate", "20170717"): SUBJECT.date("20170717"),
    ("retain_modified_dates", "AcquisitionDateTime", "20170717171717"): SUBJECT.date_time(
        "20170717171717"
    ),
    ("retain_modified_dates", "StudyTime", "171717"): "171717",
}


@pytest.mark.parametrize(("given", "expected"), SAMPLES.items(), ids=str)
def test_options_on_sample_rows(given: tuple[str, str, str], expected: str) -> None:
    option, keyword, value = given
    plan = plan_of(f'options = ["{option}"]')
    made = cleaned_bytes(data_set(**{keyword: value}), plan)
    level = read_dataset(BytesIO(made), False, True)
    assert str(level[keyword].value if level[keyword].value is not None else "") == expected


def test_titles_of_devices_become_pseudonyms() -> None:
    plan = plan_of('options = ["retain_device_identity"]')
    made = cleaned_bytes(data_set(StationAETitle="CT7"), plan)
    assert b"CT7" not in made
    assert plan.by_tag[tag_of("StationAETitle")].action is Action.PSEUDONYM


def test_a_label_that_must_have_a_value_keeps_one() -> None:
    plan = plan_of('options = ["clean_descriptors"]')
    made = cleaned(data_set(STRUCTURE_SET, StructureSetLabel="SMITH"), plan)
    assert made.StructureSetLabel == "REMOVED"


def test_structured_content_keeps_its_tree_and_loses_its_texts() -> None:
    item = Dataset()
    item.ValueType = "TEXT"
    item.TextValue = "PLANTED liver lesion"
    other = Dataset()
    other.ValueType = "PNAME"
    other.PersonName = "PLANTED^NAME"
    given = data_set(ContentSequence=Sequence([item, other]))
    plan = plan_of('options = ["clean_structured_content"]')
    made = cleaned(given, plan)
    assert [each.ValueType for each in made.ContentSequence] == ["TEXT", "PNAME"]
    assert made.ContentSequence[0].TextValue == "liver lesion"
    assert "PLANTED" not in str(made)


def test_graphics_keep_their_lines_and_lose_their_words() -> None:
    text, line = Dataset(), Dataset()
    text.UnformattedTextValue = "PLANTED"
    line.GraphicData = [1.0, 2.0]
    annotation = Dataset()
    annotation.TextObjectSequence = Sequence([text])
    annotation.GraphicObjectSequence = Sequence([line])
    given = data_set(GraphicAnnotationSequence=Sequence([annotation]))
    given.add(DataElement(0x60003000, "OW", b"PLANTED!"))
    made = cleaned(given, plan_of('options = ["clean_graphics"]'))
    assert list(made.GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData) == [1, 2]
    assert 0x60003000 not in made
    assert "PLANTED" not in str(made)


def test_safe_private_attributes_stay_with_their_creator() -> None:
    given = data_set()
    block = given.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x18, "LO", "PLANTED")
    block = given.private_block(0x0029, "SIEMENS CSA HEADER", create=True)
    block.add_new(0x10, "OB", b"PLANTED!")
    made = cleaned(given, plan_of('options = ["retain_safe_private"]'))
    assert made.private_block(0x0019, "SIEMENS MR HEADER")[0x0C].value == 1000
    assert [element.tag for element in made if element.tag.is_private] == [0x00190010, 0x0019100C]
    gone = cleaned(given, shipped("basic"))
    assert not [element for element in gone if element.tag.is_private]


def test_a_blob_or_a_sequence_in_the_place_of_a_safe_number_goes() -> None:
    plan = plan_of('options = ["retain_safe_private"]')
    for vr, value in (("OB", b"PLANTED!"), ("UT", "PLANTED"), ("PN", "PLANTED"), ("UN", b"1000")):
        given = data_set()
        given.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, vr, value)
        made = cleaned(given, plan)
        assert (0x0019100C in made) is (vr == "UN")


def test_dates_that_everybody_knows_are_not_moved() -> None:
    plan = shipped("research")
    for keyword in ("ContextGroupVersion", "ContextGroupLocalVersion", "TemplateVersion"):
        assert plan.by_tag[tag_of(keyword)].action in (Action.DUMMY, Action.REMOVE)


def test_a_row_without_known_options_follows_the_basic_profile() -> None:
    every = ", ".join(f'"{option}"' for option in OPTIONS if "dates" not in option)
    plan = plan_of(f'options = [{every}]\ndates = "full"')
    unknown = [row for row in rows() if not row.options_known]
    assert len(unknown) == 35
    for row in unknown:
        assert plan.by_tag[row.value].action is row.basic


def test_where_options_differ_the_more_protective_counts() -> None:
    calibration = tag_of("DateOfLastCalibration")
    device = '"retain_device_identity"'
    both = plan_of(f'options = [{device}, "retain_modified_dates"]')
    assert both.by_tag[calibration].action is Action.SHIFT
    assert plan_of(f"options = [{device}]").by_tag[calibration].action is Action.KEEP
    allergies = plan_of('options = ["retain_patient_characteristics", "clean_descriptors"]')
    assert allergies.by_tag[tag_of("Allergies")].action is Action.CLEAN


def test_full_dates_beat_modified_ones_only_when_chosen() -> None:
    options = 'options = ["retain_full_dates", "retain_modified_dates"]'
    study_date = tag_of("StudyDate")
    assert plan_of(options).by_tag[study_date].action is Action.SHIFT
    chosen = plan_of(f'{options}\ndates = "full"')
    assert chosen.by_tag[study_date].action is Action.KEEP
    assert chosen.temporal.value == "UNMODIFIED"
    assert "113106" in [code.value for code in chosen.codes]


def test_unlisted_dates_names_and_uids_are_protected_too() -> None:
    given = data_set(
        EvaluatorName="PLANTED^NAME", ExpiryDate="20170717", TargetFrameOfReferenceUID=UID + ".17"
    )
    made = cleaned(given, shipped("basic"))
    assert "EvaluatorName" not in made
    assert "ExpiryDate" not in made
    assert made.TargetFrameOfReferenceUID == SUBJECT.uid(UID + ".17")
    nested = inside("PerformedSeriesSequence", EvaluatorName="PLANTED^NAME")
    assert b"PLANTED" not in cleaned_bytes(nested, shipped("basic"))


def test_a_name_under_another_tag_and_an_unknown_attribute_go() -> None:
    given = data_set()
    given.add(DataElement(tag_of("Manufacturer"), "PN", "PLANTED^NAME"))
    given.add(DataElement(0x00101113, "LO", "PLANTED"))
    assert b"PLANTED" not in cleaned_bytes(given, shipped("basic"))
