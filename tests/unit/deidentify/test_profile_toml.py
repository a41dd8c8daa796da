"""Profiles in TOML: what they do, and what is said of mistakes."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from deid_profiles import (
    SUBJECT,
    UID,
    cleaned,
    cleaned_bytes,
    data_set,
    inside,
    plan_of,
    toml,
)
from pydicom.dataelem import DataElement

from causeway.attributes import tag_of
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Temporal
from causeway.deidentify.profile import (
    SHIPPED,
    compile_profile,
    differences,
    listing,
    load_profile,
    parse_toml,
    shipped_text,
    weaknesses,
)
from causeway.errors import ConfigurationError
from causeway.problems import InvalidConfiguration

# --- overrides -----------------------------------------------------------------------------------


def one(action: str, attributes: str = '"StudyID"', more: str = "") -> str:
    return f'[[override]]\nattributes = [{attributes}]\naction = "{action}"\n{more}'


ACTIONS = [
    ("keep", "StudyID", "A17", "", "A17"),
    ("remove", "StudyID", "A17", "", None),
    ("empty", "StudyID", "A17", "", ""),
    ("dummy", "StudyID", "A17", "", "REMOVED"),
    ("replace", "StudyID", "A17", 'value = "X1"', "X1"),
    ("replace", "StudyID", None, 'value = "X1"\ninsert = true', "X1"),
    ("replace", "StudyID", None, 'value = "X1"', None),
    ("replace", "SeriesNumber", "3", "value = 4", "4"),
    ("clean", "PatientComments", "knee of SMITH", "", "knee of"),
    ("uid", "FrameOfReferenceUID", UID, "", SUBJECT.uid(UID)),
    ("pseudonym", "StudyID", "A17", "", SUBJECT.token("00200010", "A17")),
    ("shift", "StudyDate", "20170717", "", SUBJECT.date("20170717")),
    ("shift", "StudyDate", "20170717", "days = -17", "20170630"),
    ("shift", "AcquisitionDateTime", "20170717101112.5+0100", "days = 1", "20170718101112.5+0100"),
    ("age", "PatientAge", "093Y", "", "090Y"),
    (
        "rewrite",
        "StudyID",
        "MR-17-SMITH",
        "pattern = '(?P<kind>[A-Z]+)-(?P<number>[0-9]+)-.*'\noutput = \"{number}_{kind}\"",
        "17_MR",
    ),
    # Nothing is left of it, and Study ID is of type 2: it stays, empty.
    ("rewrite", "StudyID", "SMITH", "pattern = 'A(?P<n>.)'\noutput = \"{n}\"", ""),
    ("rewrite", "StationName", "SMITH", "pattern = 'A(?P<n>.)'\noutput = \"{n}\"", None),
    (
        "rewrite",
        "StudyID",
        "SMITH",
        'pattern = \'A(?P<n>.)\'\noutput = "{n}"\notherwise = "empty"',
        "",
    ),
]


@pytest.mark.parametrize(("action", "keyword", "value", "more", "expected"), ACTIONS)
def test_actions(action: str, keyword: str, value: str | None, more: str, expected: str | None):
    plan = plan_of(one(action, f'"{keyword}"', more))
    given = data_set() if value is None else data_set(**{keyword: value})
    made = cleaned(given, plan)
    if expected is None:
        assert keyword not in made
    else:
        found = made[keyword].value
        assert ("" if found is None else str(found)) == expected


def test_what_a_rewriting_wants_otherwise_ends_in_quarantine():
    more = 'pattern = \'A(?P<n>.)\'\noutput = "{n}"\notherwise = "quarantine"'
    with pytest.raises(Doubt):
        cleaned(data_set(StudyID="SMITH"), plan_of(one("rewrite", more=more)))


def test_a_path_speaks_of_its_sequence_only():
    plan = plan_of(one("keep", '"PerformedSeriesSequence.*.StudyID"'))
    nested = cleaned(inside("PerformedSeriesSequence", StudyID="A17"), plan)
    assert nested.PerformedSeriesSequence[0].StudyID == "A17"
    other = cleaned(inside("ReferencedStudySequence", StudyID="A17"), plan)
    assert "A17" not in str(other)
    assert cleaned(data_set(StudyID="A17"), plan).StudyID in ("", None)


@pytest.mark.parametrize(
    "name", ["(0020,0010)", "00200010", "0x00200010", "studyid", "StudyID", "0020,0010"]
)
def test_names_of_an_attribute(name: str):
    assert plan_of(one("remove", f'"{name}"')).by_tag[0x00200010].action is Action.REMOVE


def test_repeating_groups():
    plan = plan_of(one("keep", '"(60xx,3000)", "50xxxxxx"'))
    given = data_set()
    given.add(DataElement(0x60023000, "OW", b"12345678"))
    assert 0x60023000 in cleaned(given, plan)
    assert not plan.is_conformant


def test_a_regular_expression_over_keywords():
    plan = plan_of('[[override]]\nmatches = "Patient.*Comments?"\naction = "keep"')
    assert plan.by_tag[tag_of("PatientComments")].action is Action.KEEP
    assert plan.by_tag[tag_of("ImageComments")].action is Action.REMOVE


def test_private_attributes_by_creator():
    text = """
        [[override]]
        creator = "ACME 1.0"
        groups = ["0021"]
        action = "keep"
        [[override]]
        attributes = ['(0021,"ACME 1.0",05)']
        action = "remove"
    """
    plan = plan_of(text)
    given = data_set()
    for creator in ("ACME 1.0", "OTHER"):
        block = given.private_block(0x0021, creator, create=True)
        block.add_new(0x04, "LO", creator + " four")
        block.add_new(0x05, "LO", creator + " five")
    made = cleaned_bytes(given, plan)
    assert b"ACME 1.0 four" in made
    assert b"five" not in made
    assert b"OTHER" not in made
    assert not plan.is_conformant
    assert plan_of('options = ["retain_safe_private"]\n' + text).is_conformant


def test_the_later_of_two_overrides_counts():
    plan = plan_of(one("keep") + one("remove"))
    assert plan.by_tag[0x00200010].action is Action.REMOVE
    assert plan.by_tag[0x00200010].origin == "test.toml:5"


# --- the base ------------------------------------------------------------------------------------


def test_without_a_base_everything_stays_but_private_and_unknown_attributes():
    plan = plan_of('base = "none"')
    given = data_set(PatientName="A^B", StudyDate="20170717")
    given.add(DataElement(0x00101113, "LO", "UNKNOWN"))
    given.private_block(0x0021, "ACME", create=True).add_new(4, "LO", "PRIVATE")
    made = cleaned(given, plan)
    assert made.PatientName == "A^B"
    assert made.StudyDate == "20170717"
    assert "UNKNOWN" not in str(made)
    assert "PRIVATE" not in str(made)
    assert plan.temporal is Temporal.UNMODIFIED
    assert not plan.is_conformant
    assert plan.codes == ()


def test_what_does_not_remove_the_name_does_not_say_that_it_did():
    made = cleaned(data_set(PatientName="A^B"), plan_of('base = "none"'))
    assert "PatientIdentityRemoved" not in made
    assert cleaned(data_set(PatientName="A^B"), plan_of("")).PatientIdentityRemoved == "YES"


def test_private_and_unknown_attributes_stay_if_told():
    plan = plan_of('private = "keep"\nunknown = "keep"')
    given = data_set()
    given.add(DataElement(0x00101113, "LO", "UNKNOWN"))
    given.private_block(0x0021, "ACME", create=True).add_new(4, "LO", "PRIVATE")
    made = cleaned_bytes(given, plan)
    assert b"UNKNOWN" in made
    assert b"PRIVATE" in made
    assert not plan.is_conformant


def test_ages():
    text = 'options = ["retain_patient_characteristics"]\n'
    given = data_set(PatientAge="093Y")
    assert cleaned(given, plan_of(text)).PatientAge == "090Y"
    assert cleaned(given, plan_of(text + 'ages = "kept"')).PatientAge == "093Y"
    assert "PatientAge" not in cleaned(given, plan_of(text + 'ages = "removed"'))


def test_words_of_the_profile():
    text = 'options = ["clean_descriptors"]\n[descriptors]\nwords = ["Amnesia"]\nwithout = ["T1"]'
    made = cleaned(data_set(SeriesDescription="AMNESIA T1 knee"), plan_of(text))
    assert made.SeriesDescription == "AMNESIA knee"


# --- what may stay -------------------------------------------------------------------------------


def test_allow_only_lets_nothing_else_through():
    plan = plan_of(
        'dates = "modified"\n'
        'allow_only = ["StudyDate", "BodyPartExamined", "PatientID", '
        '"AnatomicRegionSequence.*.CodeValue"]'
    )
    given = inside("AnatomicRegionSequence", CodeValue="T-A0100", MappingResource="DCMR")
    given.StudyDate = "20170717"
    given.SeriesDate = "20170717"
    given.BodyPartExamined = "HEAD"
    given.Manufacturer = "ACME"
    given.PatientID = "A17"
    given.Rows = 17
    made = cleaned(given, plan)
    assert made.StudyDate == SUBJECT.date("20170717")
    assert made.BodyPartExamined == "HEAD"
    assert made.PatientID == SUBJECT.patient_id()
    assert made.Rows == 17
    assert made.SOPInstanceUID == SUBJECT.uid(UID)
    assert made.AnatomicRegionSequence[0].CodeValue == "T-A0100"
    assert "MappingResource" not in made.AnatomicRegionSequence[0]
    assert "Manufacturer" not in made
    assert "SeriesDate" not in made
    assert plan.is_conformant


def test_an_override_adds_to_what_may_stay():
    plan = plan_of('allow_only = ["Modality"]\n' + one("keep", '"Manufacturer"'))
    assert cleaned(data_set(Manufacturer="ACME"), plan).Manufacturer == "ACME"


def test_codes_do_not_slip_into_what_a_dummy_stands_for():
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    code, item = Dataset(), Dataset()
    code.CodeMeaning = "PLANTED"
    item.ProcedureCodeSequence = Sequence([code])
    plan = plan_of('allow_only = ["ContentSequence", "ProcedureCodeSequence"]')
    for each in (plan, pickle.loads(pickle.dumps(plan))):
        each = replace(each, digest=str(id(each)) * 9)  # no table that was made before
        assert "PLANTED" not in str(cleaned(data_set(ContentSequence=Sequence([item])), each))


# --- shipped, conformance, digest ----------------------------------------------------------------


def test_shipped_profiles():
    plans = {name: compile_profile(load_profile(name)) for name in SHIPPED}
    assert {name: plan.is_conformant for name, plan in plans.items()} == {
        "basic": True,
        "research": True,
        "direct-identifiers-only": False,
    }
    assert [code.value for code in plans["research"].codes] == [
        "113100",
        "113105",
        "113107",
        "113108",
        "113111",
    ]
    assert plans["direct-identifiers-only"].codes == ()
    assert "NOT CONFORMANT" in shipped_text("direct-identifiers-only")
    assert plans["basic"].temporal is Temporal.REMOVED
    assert plans["research"].temporal is Temporal.MODIFIED


def test_direct_identifiers_go_from_direct_identifiers_only():
    plan = compile_profile(load_profile("direct-identifiers-only"))
    given = data_set(
        PatientName="A^B",
        PatientID="A17",
        PatientBirthDate="19500101",
        PatientAddress="Street 1",
        ReferringPhysicianName="C^D",
        PatientComments="call SMITH",
        StudyDate="20170717",
        StationName="CT7",
        SeriesDescription="T1 of anything",
    )
    made = cleaned(given, plan)
    assert made.StudyDate == "20170717"
    assert made.SOPInstanceUID == UID
    assert made.SeriesDescription == "T1 of anything"
    for text in ("A^B", "A17", "19500101", "Street", "C^D", "SMITH"):
        assert text not in str(made)


@pytest.mark.parametrize(
    ("text", "conformant"),
    [
        ("", True),
        (one("remove", '"Modality"'), True),
        (one("dummy", '"StudyDate"'), True),
        (one("pseudonym", '"AccessionNumber"'), True),
        (one("keep", '"StudyID"'), False),
        (one("clean", '"SeriesDescription"'), False),
        (one("shift", '"StudyDate"'), False),
        (one("keep", '"PerformedSeriesSequence.*.StudyID"'), False),
        ('dates = "modified"\n' + one("keep", '"StudyDate"'), False),
        ('dates = "full"\n' + one("shift", '"StudyDate"'), True),
        ('options = ["clean_descriptors"]\n' + one("keep", '"SeriesDescription"'), False),
        ('private = "keep"', False),
        ('unknown = "keep"', False),
        ('base = "none"', False),
        (one("keep", '"(6000,3000)"'), False),
    ],
)
def test_conformance(text: str, conformant: bool):
    profile = toml(text)
    plan = compile_profile(profile)
    assert plan.is_conformant is conformant
    assert (not list(weaknesses(plan, profile))) is conformant
    assert bool(plan.codes) is conformant


def test_the_digest_is_of_what_is_done():
    plain = plan_of("")
    assert plan_of("# a comment\n\nbase = 'basic'").digest == plain.digest
    assert plan_of('description = "words"').digest == plain.digest
    first = plan_of(one("keep", '"StudyID", "Modality"'))
    assert plan_of(one("keep", '"Modality"') + one("keep", '"StudyID"')).digest == first.digest
    others = [
        first.digest,
        plan_of('dates = "modified"').digest,
        plan_of(one("replace", more='value = "a"')).digest,
        plan_of(one("replace", more='value = "b"')).digest,
        plan_of(one("shift", '"StudyDate"', "days = 1")).digest,
        plan_of(one("shift", '"StudyDate"', "days = 2")).digest,
        plan_of('options = ["clean_descriptors"]').digest,
        plan_of('options = ["clean_descriptors"]\n[descriptors]\nwords = ["abc"]').digest,
        compile_profile(toml("", name="other")).digest,
        plan_of('base = "none"').digest,
    ]
    assert len({plain.digest, *others}) == len(others) + 1


def test_the_digest_is_the_same_in_another_process():
    code = (
        "from causeway.deidentify.profile import *;"
        "print([compile_profile(load_profile(n)).digest for n in SHIPPED])"
    )
    here = str([compile_profile(load_profile(name)).digest for name in SHIPPED])
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": ":".join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == here


def test_plans_can_be_pickled_and_then_do_the_same():
    more = "pattern = 'A(?P<n>.*)'\noutput = \"{n}\""
    plan = plan_of('options = ["clean_descriptors"]\n' + one("rewrite", more=more))
    again = pickle.loads(pickle.dumps(plan))
    given = data_set(StudyID="A17", SeriesDescription="T1 SMITH")
    assert cleaned_bytes(given, again) == cleaned_bytes(given, plan)


def test_every_rule_is_listed_and_differences_are_found():
    basic, research = (compile_profile(load_profile(name)) for name in ("basic", "research"))
    listed = {each.attribute: each for each in listing(research)}
    assert listed["StudyDate"].action == "shift"
    assert listed["PatientID"].action == "pseudonym"
    assert listed["Name to Use"].action == "remove"
    found = {each.attribute: each for each in differences(basic, research)}
    assert (found["StudyDate"].one, found["StudyDate"].other) == ("empty", "shift")
    assert "PatientName" not in found
    assert differences(basic, basic) == []


# --- mistakes ------------------------------------------------------------------------------------

MISTAKES = [
    ("options = ['clean_pixel_data']", 2, "cannot be an option", "each object"),
    ("options = ['clean_recognizable_visual_features']", 2, "cannot be an option", "faces"),
    ("options = ['retain-uids']", 2, "no option", 'did you mean "retain_uids"?'),
    ("option = []", 2, 'unknown key "option"', 'did you mean "options"?'),
    ("dates = 'moved'", 2, "must not be", '"modified"'),
    ("dates = 3", 2, "must not be the number 3", '"modified"'),
    ("dates = 'removed'\noptions = ['retain_full_dates']", 2, "the options retain more", ""),
    ("ages = 'kept'", 2, "says nothing", "retain_patient_characteristics"),
    ("base = 'none'\ndates = 'full'", 3, "belongs to the base", "overrides"),
    ("allow_only = []", 2, "is empty", "Modality"),
    ("private = true", 2, "must not be `true`", '"keep"'),
    ("[descriptors]\nwords = ['two words']", 3, "not one word", "each word by itself"),
    ("[descriptors]\nword = []", 3, 'unknown key "word"', '"words"'),
    ("[[override]]\naction = 'keep'", 2, "does not say what it is about", "attributes ="),
    ("[[override]]\nattributes = ['StudyID']", 2, "does not say what is done", '"keep"'),
    (one("keep", '"StudyIdd"'), 3, "no attribute of DICOM", "did you mean StudyID?"),
    (one("keep", '"(0019,100C)"'), 3, "private", '(0019,"CREATOR",0C)'),
    (one("keep", '"(0002,0010)"'), 3, "not of a data set", "written anew"),
    (one("keep", '"StudyID.Modality"'), 3, "no path", "`*`"),
    (one("keep", '"PerformedSeriesSequence.0.StudyID"'), 3, "by its number", "write `*`"),
    (one("keep", '"StudyID.*.Modality"'), 2, "is no sequence", "Sequence.*.Attribute"),
    (one("forget"), 4, "must not be", "one of"),
    (one("shift"), 2, "VR is SH", "DA"),
    (one("uid"), 2, "VR is SH", "UI"),
    (one("remove", '"SOPClassUID"'), 2, "cannot be treated by remove", "only keep"),
    (one("empty", '"StudyInstanceUID"'), 2, "cannot be treated", "keep or uid"),
    (one("dummy", '"PixelData"'), 2, "cannot be treated", "keep"),
    (one("keep", '"PatientIdentityRemoved"'), 2, "written for each object", "take it out"),
    (one("replace"), 4, "does not say what by", "value ="),
    (one("replace", more="value = 'much longer than sixteen'"), 2, "16 characters", "for example"),
    (one("replace", '"StudyDate"', "value = '2017'"), 2, "is no value of StudyDate", "20200131"),
    (one("replace", '"Modality"', "value = 'mr'"), 2, "is no value", "capital"),
    (one("replace", more="value = 'Ä'\ninsert = true"), 2, "must be ASCII", "accents"),
    (one("replace", '"ContentSequence"', "value = 'x'"), 2, "VR SQ", "remove it"),
    (one("keep", more="value = 'x'"), 5, 'for the action "replace"', "take it out"),
    (one("shift", '"StudyDate"', "days = 0"), 5, "no number of days", "-17"),
    (one("rewrite"), 4, "needs a pattern", "output"),
    (one("rewrite", more="pattern = '('\noutput = ''"), 5, "", ""),
    (one("rewrite", more="pattern = 'a'\noutput = '{b}'"), 5, "no group", "name a group"),
    ("[[override]]\nmatches = 'Commentz'\naction = 'keep'", 3, "no keyword matches", "whole"),
    ("[[override]]\ncreator = 'ACME'\naction = 'keep'", 3, "needs the groups", "0019"),
    ("[[override]]\ngroups = ['0019']\naction = 'keep'", 3, "of a creator", "creator ="),
    ("[[override]]\ncreator = 'A'\ngroups = ['0018']\naction = 'keep'", 4, "no private", "odd"),
    (one("replace", '"(60xx,3000)"', "value = 'x'"), 2, "repeating groups", "remove"),
    (one("remove", more="why = 3"), 5, "must be a text", "such as"),
    ("base = ", 2, "this is not TOML", "key = value"),
]


@pytest.mark.parametrize(("text", "line", "what", "right"), MISTAKES, ids=lambda m: str(m)[:40])
def test_mistakes_are_told_with_line_and_remedy(text: str, line: int, what: str, right: str):
    with pytest.raises(InvalidConfiguration) as caught:
        toml(text)
    problems = caught.value.problems
    assert any(
        problem.line == line and what in problem.what and right in problem.right
        for problem in problems
    ), str(caught.value)
    assert all(problem.right for problem in problems)


def test_all_mistakes_are_told_together():
    with pytest.raises(InvalidConfiguration) as caught:
        parse_toml("base = 'x'\ndates = 'y'\nfoo = 1", file="p.toml")
    assert len(caught.value.problems) == 4


def test_a_conflict_of_options_is_a_warning():
    profile = toml('options = ["retain_full_dates", "retain_modified_dates"]')
    assert len(profile.warnings) == 1
    assert "modified" in profile.warnings[0].what


def test_files(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('name = "mine"')
    assert load_profile(path).name == "mine"
    for wrong in ("nothing", tmp_path / "none.toml", tmp_path / "x.txt"):
        with pytest.raises(ConfigurationError) as caught:
            load_profile(wrong)
        assert "basic" in caught.value.hint
    path.write_bytes(b'name = "mine"\n\xff')
    with pytest.raises(InvalidConfiguration) as invalid:
        load_profile(path)
    assert invalid.value.problems[0].line == 2
