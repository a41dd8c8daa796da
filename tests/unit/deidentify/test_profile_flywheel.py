"""Flywheel's profiles: each key honoured, corrected or refused."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from deid_profiles import SUBJECT, UID, cleaned, cleaned_bytes, data_set, flywheel, inside
from pydicom.dataelem import DataElement

from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Temporal
from causeway.deidentify.profile import compile_profile, load_profile
from causeway.deidentify.profile.flywheel_keys import (
    HONOURED,
    HONOURED_IN_DICOM,
    HONOURED_IN_FIELD,
    ONE_VALUE,
    REFUSED,
    REFUSED_IN_DICOM,
    REFUSED_IN_FIELD,
)
from causeway.problems import InvalidConfiguration

EXAMPLE = """\
name: site-default
dicom:
  date-increment: -17
  remove-private-tags: true
  recurse-sequence: true
  fields:
    - {name: PatientName, replace-with: ANON}
    - {name: PatientID, hash: true}
    - {name: StudyDate, increment-date: true}
    - {name: StudyInstanceUID, hashuid: true}
    - {name: PatientComments, keep: true}   # routing tag
"""


def profile_of(*fields: str, **keys: Any):
    lines = ["name: test", "dicom:"]
    lines += [f"  {key.replace('_', '-')}: {json.dumps(value)}" for key, value in keys.items()]
    lines += ["  fields:", *(f"  - {{{field}}}" for field in fields)] if fields else []
    return flywheel("\n".join(lines) + ("\n  fields: []" if not fields else ""))


def plan_of(*fields: str, **keys: Any):
    return compile_profile(profile_of(*fields, **keys))


def test_the_example():
    plan = compile_profile(flywheel(EXAMPLE))
    given = inside("PerformedSeriesSequence", PatientName="A^B", StudyDate="20170717")
    given.PatientName = "A^B"
    given.PatientID = "A17"
    given.StudyDate = "20170717"
    given.StudyInstanceUID = UID + ".1"
    given.PatientComments = "fw://group/project"
    given.PatientSex = "F"
    given.private_block(0x0021, "ACME", create=True).add_new(4, "LO", "PRIVATE")
    made = cleaned(given, plan)
    assert made.PatientName == "ANON"
    assert made.PatientID == SUBJECT.patient_id()
    assert made.StudyDate == "20170630"
    assert made.StudyInstanceUID == SUBJECT.uid(UID + ".1")
    assert made.PatientComments == "fw://group/project"
    assert made.PatientSex == "F"
    nested = made.PerformedSeriesSequence[0]
    assert nested.PatientName == "ANON"
    assert nested.StudyDate == "20170630"
    assert "PRIVATE" not in str(made)
    assert "PatientIdentityRemoved" not in made  # Other Patient IDs and their likes stay.
    assert not plan.is_conformant
    assert plan.codes == ()


ACTIONS = [
    ("name: StudyID, keep: true", "StudyID", "A17", "A17"),
    ("name: StudyID, identity: true", "StudyID", "A17", "A17"),
    ("name: StudyID", "StudyID", "A17", "A17"),
    ("name: StudyID, remove: true", "StudyID", "A17", None),
    ("name: StudyID, replace-with: X", "StudyID", "A17", "X"),
    ("name: StudyID, replace-with: X", "StudyID", None, "X"),
    ("name: StudyID, replace-with: X, replace-with-insert: false", "StudyID", None, None),
    ("name: StudyID, replace-with:", "StudyID", "A17", ""),
    ("name: SeriesNumber, replace-with: 4", "SeriesNumber", "3", "4"),
    ("name: StudyID, hash: true", "StudyID", "A17", SUBJECT.token("00200010", "A17")),
    ("name: PatientID, hash: true", "PatientID", "A17", SUBJECT.patient_id()),
    ("name: FrameOfReferenceUID, hashuid: true", "FrameOfReferenceUID", UID, SUBJECT.uid(UID)),
    ("name: StudyDate, increment-date: true", "StudyDate", "20170717", "20170630"),
    (
        "name: StudyDate, increment-date: true, date-increment-override: 1",
        "StudyDate",
        "20170717",
        "20170718",
    ),
    (
        "name: AcquisitionDateTime, increment-datetime: true",
        "AcquisitionDateTime",
        "20170717101112.5+0100",
        "20170630101112.5+0100",
    ),
    (
        "name: StudyID, regex-sub: [{input-regex: '(?P<a>[A-Z]+)-', output: 'x_{a}'}]",
        "StudyID",
        "MR-17",
        "x_MR",
    ),
    ("name: '00200010', remove: true", "StudyID", "A17", None),
    ("name: 00200010, remove: true", "StudyID", "A17", None),
    ("name: 0x00200010, remove: true", "StudyID", "A17", None),
    ("name: '(0020,0010)', remove: true", "StudyID", "A17", None),
    ("name: studyid, remove: true", "StudyID", "A17", None),
    ("regex: .*StudyI.*, remove: true", "StudyID", "A17", None),
    ("regex: '0020001.', remove: true", "StudyID", "A17", None),
]


@pytest.mark.parametrize(("field", "keyword", "value", "expected"), ACTIONS)
def test_actions(field: str, keyword: str, value: str | None, expected: str | None):
    given = data_set() if value is None else data_set(**{keyword: value})
    if field.startswith("regex: .*StudyI"):
        field = field.replace(".*StudyI.*", "'StudyID$'")
    made = cleaned(given, plan_of(field, date_increment=-17))
    if expected is None:
        assert keyword not in made
    else:
        found = made[keyword].value
        assert ("" if found is None else str(found)) == expected


def test_private_attributes_and_repeating_groups_are_named():
    given = data_set()
    given.add(DataElement(0x60023000, "OW", b"PLANTED!"))
    block = given.private_block(0x0021, "ACME", create=True)
    block.add_new(4, "LO", "FOUR")
    block.add_new(5, "LO", "FIVE")
    plan = plan_of("name: '(0021,\"ACME\",04)', keep: true", "name: 60XX3000, remove: true")
    made = cleaned_bytes(given, plan)
    assert b"FOUR" in made
    assert b"FIVE" not in made
    assert b"PLANTED" not in made
    kept = cleaned_bytes(given, plan_of("name: 60XX3000", remove_private_tags=False))
    assert b"FIVE" in kept
    assert b"PLANTED" in kept


def test_paths():
    plan = plan_of("name: PerformedSeriesSequence.*.StudyID, remove: true")
    assert "A17" not in str(cleaned(inside("PerformedSeriesSequence", StudyID="A17"), plan))
    assert cleaned(data_set(StudyID="A17"), plan).StudyID == "A17"


def test_an_item_by_its_number_means_all_items():
    profile = profile_of("name: PerformedSeriesSequence.0.StudyID, remove: true")
    assert any("by its number" in note for note in profile.notes)
    with pytest.raises(InvalidConfiguration):
        profile_of("name: PerformedSeriesSequence.0.StudyID, keep: true")


def test_remove_undefined_leaves_what_is_listed_and_what_pixels_need():
    plan = plan_of("name: Modality", "name: PatientID, hash: true", remove_undefined=True)
    made = cleaned(
        data_set(Modality="CT", PatientID="A17", PatientName="A^B", Rows=3, StationName="x"), plan
    )
    assert made.Modality == "CT"
    assert made.PatientID == SUBJECT.patient_id()
    assert made.Rows == 3
    assert "PatientName" not in made
    assert "StationName" not in made


# --- corrections ---------------------------------------------------------------------------------


def test_references_are_replaced_with_what_they_refer_to():
    plan = plan_of("name: SOPInstanceUID, hashuid: true")
    given = inside("ReferencedImageSequence", ReferencedSOPInstanceUID=UID)
    made = cleaned(given, plan)
    assert made.SOPInstanceUID == SUBJECT.uid(UID)
    assert made.ReferencedImageSequence[0].ReferencedSOPInstanceUID == SUBJECT.uid(UID)
    kept = plan_of("name: SOPInstanceUID, hashuid: true", "name: ReferencedSOPInstanceUID")
    assert kept.by_tag[0x00081155].action is Action.KEEP


def test_a_value_that_no_expression_matches_stops_the_object():
    plan = plan_of("name: StudyID, regex-sub: [{input-regex: 'A', output: 'b'}]")
    with pytest.raises(Doubt):
        cleaned(data_set(StudyID="B"), plan)


def test_dates_that_stay_are_said_to_stay():
    assert plan_of("name: StudyDate, remove: true").temporal is Temporal.UNMODIFIED


def test_attributes_that_say_what_was_done_are_written_anyway():
    profile = profile_of(
        "name: PatientIdentityRemoved, replace-with: 'YES'",
        "name: DeidentificationMethod, replace-with: Ours",
    )
    assert any("written for each object" in note for note in profile.notes)
    assert cleaned(data_set(), compile_profile(profile)).DeidentificationMethod.startswith("Cause")


def test_corrections_are_told():
    notes = " ".join(profile_of("name: PatientID, hash: true").notes)
    for word in ("private", "sequences", "PS3.6", "salt"):
        assert word in notes


# --- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", REFUSED)
def test_refused_at_the_top(key: str):
    problem_of(f"name: x\ndicom: {{fields: []}}\n{key}: 1", "cannot be honoured", 3)


@pytest.mark.parametrize("key", REFUSED_IN_DICOM)
def test_refused_in_dicom(key: str):
    problem_of(f"name: x\ndicom:\n  fields: []\n  {key}: 1", "cannot be honoured", 4)


@pytest.mark.parametrize("key", REFUSED_IN_FIELD)
def test_refused_in_a_field(key: str):
    text = f"name: x\ndicom:\n  fields:\n  - name: StudyDate\n    {key}: 1"
    problem_of(text, "cannot be honoured", 5)


@pytest.mark.parametrize("key", ONE_VALUE)
def test_one_value_only(key: str):
    only = ONE_VALUE[key][0]
    flywheel(f"name: x\ndicom:\n  fields: []\n  {key}: {json.dumps(only)}")
    other = "false" if only is True else "true" if only is False else "8"
    problem_of(f"name: x\ndicom:\n  fields: []\n  {key}: {other}", "cannot be honoured", 4)


MISTAKES = [
    ("name: x", "is missing", 1),
    ("- a", "no table of keys", 1),
    ("", "no table of keys", 1),
    ("name: none\ndicom: {}", "no profile at all", 1),
    ("name: a b\ndicom: {}", "no name of a profile", 1),
    ("name: x\nversion: 2\ndicom: {}", "not known", 2),
    ("name: x\nonly-config-profiles: false\ndicom: {}", "the configuration", 2),
    ("name: x\ndicoms: {}\ndicom: {}", 'unknown key "dicoms"', 2),
    ("name: x\ndicom:\n  field: []", 'unknown key "field"', 3),
    ("name: x\ndicom:\n  date-increment: 1.5", "no whole number of days", 3),
    ("name: x\ndicom:\n  fields:\n  - keep: true", "names no attribute", 4),
    ("name: x\ndicom:\n  fields:\n  - name: a\n    regex: b", "a name and a regex", 4),
    ("name: x\ndicom:\n  fields:\n  - name: StudyIdd", "no attribute", 4),
    ("name: x\ndicom:\n  fields:\n  - name: StudyID\n    kep: true", 'unknown key "kep"', 5),
    ("name: x\ndicom:\n  fields:\n  - name: StudyID\n    remove: false", "is not true", 5),
    (
        "name: x\ndicom:\n  fields:\n  - name: StudyID\n    remove: true\n    keep: true",
        "asks for keep and remove",
        4,
    ),
    ("name: x\ndicom:\n  fields:\n  - name: StudyUID\n    hash: true", "no attribute", 4),
    ("name: x\ndicom:\n  fields:\n  - name: StudyInstanceUID\n    hash: true", "no UID", 5),
    ("name: x\ndicom:\n  fields:\n  - name: StudyID\n    hashuid: true", "VR is SH", 4),
    ("name: x\ndicom:\n  fields:\n  - name: StudyDate\n    increment-date: true", "how many", 5),
    ("name: x\ndicom:\n  fields:\n  - regex: '.*Seq.*\\.Study'\n    remove: true", "paths", 4),
    ("name: x\ndicom:\n  fields:\n  - regex: '(?=x)'\n    remove: true", "", 4),
    ("name: x\ndicom:\n  fields:\n  - regex: Zzz\n    remove: true", "no keyword", 4),
    (
        (
            "name: x\ndicom:\n  fields:\n  - name: StudyID\n    keep: true\n"
            "    date-increment-override: 3"
        ),
        "belongs to",
        6,
    ),
    (
        (
            "name: x\ndicom:\n  fields:\n  - name: StudyID\n    regex-sub:\n"
            "    - {input-regex: (.*), output: '{PatientID}'}"
        ),
        "no group",
        6,
    ),
    (
        (
            "name: x\ndicom:\n  fields:\n  - name: StudyID\n    regex-sub:\n"
            "    - input-regex: (?P<a>.*)\n      output: '{a}'\n"
            "      groups: [{name: a, hash: true}]"
        ),
        "cannot be honoured",
        8,
    ),
    ("name: x\ndicom: {fields: [{name: SOPClassUID, remove: true}]}", "cannot be treated", 2),
    ("name: [", "not YAML", 1),
    ("name: x\nname: y", "twice", 2),
    ("a: &x 1\nb: *x", "alias", 1),
    ("name: !!python/object:os.system x", "has the tag", 1),
]


def problem_of(text: str, what: str, line: int) -> None:
    with pytest.raises(InvalidConfiguration) as caught:
        flywheel(text)
    problems = caught.value.problems
    assert any(what in each.what and each.line == line for each in problems), str(caught.value)
    assert all(each.right for each in problems)


@pytest.mark.parametrize(("text", "what", "line"), MISTAKES)
def test_mistakes(text: str, what: str, line: int):
    problem_of(text, what, line)


def test_json_is_read_as_well(tmp_path: Path):
    path = tmp_path / "profile.json"
    path.write_text('{"name": "x", "dicom": {"fields": [{"name": "StudyID", "remove": true}]}}')
    assert compile_profile(load_profile(path)).by_tag[0x00200010].action is Action.REMOVE


def test_no_key_of_the_format_is_unknown():
    """All keys that the original's description has, as the knowledge of it was written down."""
    told = {
        "top": "name description version salt deid-log secret-key only-config-profiles "
        "map-subjects dicom zip filename json xml jpg png tiff csv tsv table key-value-text-file "
        "nifti",
        "dicom": "fields filenames file-filter enforce-file-filter date-increment date-format "
        "datetime-format salt hash-digits uid-prefix-fields uid-suffix-fields uid-numeric-name "
        "jitter-range jitter-type replace-with-insert patient-age-from-birthdate "
        "patient-age-units remove-private-tags remove-undefined recurse-sequence decode retain "
        "asymmetric-encryption public-key private-key alter_pixels",
        "field": "name regex keep identity remove replace-with replace-with-insert hash hashuid "
        "increment-date increment-datetime date-format date-increment-override jitter-date "
        "jitter-range jitter-unit datetime-min datetime-max jitter regex-sub encrypt decrypt",
    }
    known = {
        "top": {*HONOURED, *REFUSED},
        "dicom": {*HONOURED_IN_DICOM, *ONE_VALUE, *REFUSED_IN_DICOM},
        "field": {*HONOURED_IN_FIELD, *REFUSED_IN_FIELD},
    }
    for place, keys in told.items():
        assert set(keys.split()) <= known[place]
        assert all(re.fullmatch(r"[a-z_-]+", key) for key in known[place])
