"""What is no mapping, template, pattern or field is refused when it is compiled, with the place."""

from __future__ import annotations

import pytest

from causeway.decide.bounded import PatternError
from causeway.decide.language import FIELDS, Filter, Mapping, compile_mappings, field_of
from causeway.errors import ConfigurationError


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("group", "group._id"),
        ("group.id", "group._id"),
        ("grp", "group._id"),
        ("project", "project.label"),
        ("proj", "project.label"),
        ("prj.label", "project.label"),
        ("subject", "subject.label"),
        ("sub", "subject.label"),
        ("su.first", "subject.firstname"),
        ("subj.info.a.b", "subject.info.a.b"),
        ("ses", "session.label"),
        ("sess.ts", "session.timestamp"),
        ("session.time", "session.timestamp"),
        ("acq", "acquisition.label"),
        ("acq.info.my-key", "acquisition.info.my-key"),
        ("timestamp", "acquisition.timestamp"),
        ("file", "file.name"),
        ("info.x", "file.info.x"),
        ("classification.Intent", "file.classification.Intent"),
        ("weight", "session.weight"),
        ("modality", "file.modality"),
        ("external", "external_routing_id"),
        ("subject._id", "subject._id"),
    ],
)
def test_short_names(name: str, field: str) -> None:
    assert field_of(name) == field


def test_full_names_are_themselves() -> None:
    for name in FIELDS:
        assert field_of(name.replace("*", "key")) == name.replace("*", "key")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("label", "could be group.label or project.label"),
        ("uid", "could be session.uid or acquisition.uid"),
        ("tags", "could be subject.tags"),
        ("session.t", "could be session.timestamp or session.timezone or session.tags"),
        ("subjct", "did you mean subject?"),
        ("Subject", "did you mean subject?"),
        ("", "is no field"),
        ("subject.", "is no field"),
        ("subject.info", "is no field"),
        ("subject.info.a b", "cannot be a name"),
        ("PatientID", "is no field"),
    ],
)
def test_what_is_no_field(name: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        field_of(name)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("", 0, "equals sign"),
        ("PatientID", 8, "equals sign"),
        ("{PatientID=x}", 12, "equals sign"),
        ("=subject", 0, "the template is empty"),
        ("PatientID=", 10, "the pattern is empty"),
        ("PatientIDD=subject", 0, "did you mean PatientID?"),
        ("subject=PatientIDD", 8, "did you mean PatientID?"),
        ("subjct=PatientID", 0, "did you mean subject?"),
        ("PatientID=subjct", 10, "did you mean subject?"),
        ("PatientID={subject", 10, "a { that is not closed"),
        ("PatientID=subject}", 17, "a } that closes nothing"),
        ("PatientID={}", 11, "nothing stands between"),
        ("PatientID=[{subject}", 10, "a [ that is not closed"),
        ("PatientID={subject}]", 19, "a ] that closes nothing"),
        ("PatientID={subject:}", 18, "nothing stands behind the colon"),
        ("PatientID={subject:(?=a)}", 19, "look-around"),
        ("PatientID={subject:a(}", 20, "a parenthesis is not closed"),
        ("PatientID={timestamp:%Y%Q}", 23, "%Q is no directive"),
        ("PatientID={subject}!x", 19, "no option of a pattern"),
        ("PatientID=\\d{3}", 10, "captures nothing"),
        ("PatientID={subject}\\", 19, "a backslash at the end"),
        ("PatientID={@1x}", 11, "is no field"),
        ("{PatientID/(/x/}=subject", 11, "a parenthesis is not closed"),
        ("{PatientID/(a)/\\2/}=subject", 15, "there is no group 2"),
        ("{PatientID/}=subject", 11, "there is nothing to replace"),
        ("{PatientID/a|b}=subject", 11, "the expression has no end"),
        ("{PatientID/a/b/c}=subject", 15, "this is too much"),
        ("{PatientID:>1000}=subject", 11, "is no format"),
        ("{PatientID:nonsense}=subject", 11, "is no format"),
        ("{StudyDate:%Q}=subject", 11, "%Q is no directive"),
        ("{!subjct}=session", 1, "did you mean subject?"),
    ],
)
def test_what_is_no_mapping(text: str, at: int, says: str) -> None:
    with pytest.raises(PatternError) as refused:
        Mapping.compile(text)
    assert says in str(refused.value)
    assert refused.value.at == at


@pytest.mark.parametrize(
    "written",
    [
        "PatientID=subject",
        " PatientID = subject ",
        "{PatientID}={subject}",
        "subject=PatientID",
        "(0010,0020)=subject.label",
        "patientid=sub",
        ("PatientID", "subject"),
        ("{subject}", "{PatientID}"),
    ],
)
def test_ways_of_writing_one(written: str | tuple[str, str]) -> None:
    mapping = Mapping.compile(written)
    assert mapping.fields == {"subject.label"}
    assert mapping.tags == {0x00100020}
    assert mapping.apply({0x00100020: "s1"}.get) == {"subject.label": "s1"}


def test_lists_pairs_and_tables() -> None:
    expected = compile_mappings(["PatientID=subject", "StudyComments=session"])
    assert compile_mappings({"PatientID": "subject", "StudyComments": "session"}) == expected
    assert compile_mappings([("PatientID", "subject"), "StudyComments=session"]) == expected
    assert compile_mappings("PatientID=subject") == expected[:1]


def test_what_is_used_has_to_be_filled_before() -> None:
    with pytest.raises(ConfigurationError, match="@visit is used before"):
        compile_mappings(["{@visit}=session", "PatientID={subject}_{@visit}"])
    with pytest.raises(ConfigurationError, match=r"!subject\.label is used before"):
        compile_mappings(["{!sub}=session"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Modality", "field, operator, value"),
        ("Modalty=MR", "did you mean Modality?"),
        ("SeriesNumber>x", "is a number"),
        ("StudyDescription=~(", "not closed"),
        ("StudyDescription=~[a", "not closed"),
    ],
)
def test_what_is_no_filter(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Filter.compile(text)
    assert says in str(refused.value)
