"""What mappings take out of a header: templates, patterns, values, and who counts."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest

from causeway.attributes import Attributes, tag_of
from causeway.decide.language import Filters, Pattern, compile_mappings, extract, value_of
from causeway.decide.verdict import Field

BERLIN = ZoneInfo("Europe/Berlin")
ROUTING = "[fw://]{group}[/{project}[/{subject}[/{session}[/{acquisition}]]]]"


def header(**said: str | Sequence[str]) -> Attributes:
    return Attributes(
        values={
            tag_of(name): ((value,) if value else ()) if isinstance(value, str) else tuple(value)
            for name, value in said.items()
        }
    )


def taken(mappings: str | list[str], **said: str | Sequence[str]) -> dict[str, str | float]:
    fields = extract(compile_mappings(mappings), header(**said), timezone=BERLIN)
    return {name: field.value for name, field in fields.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fw://neuro/Amnesia", ["neuro", "Amnesia"]),
        ("neuro/Amnesia", ["neuro", "Amnesia"]),
        ("fw://neuro", ["neuro"]),
        ("neuro", ["neuro"]),
        ("fw://neuro/Amnesia/sub-001", ["neuro", "Amnesia", "sub-001"]),
        ("fw://neuro/Amnesia/s/ses-1/T1", ["neuro", "Amnesia", "s", "ses-1", "T1"]),
        ("fw://NEURO/Amnesia", ["neuro", "Amnesia"]),
        ("FW://neuro/Amnesia", []),
        ("fw://neuro/Amnesia/", []),
        ("fw://neuro//x", []),
        ("fw://g1/p/s/x/a/more", []),
        ("fw://neuro/Amnesia extra note", ["neuro", "Amnesia extra note"]),
        ("fw://a/b", []),  # there: project b
        ("fw://neu ro/x", []),  # there: project x
        ("fw:/neuro/Amnesia", []),  # there: project neuro, subject Amnesia
        ("s01@neuro/Amnesia", ["s01@neuro", "Amnesia"]),
    ],
)
def test_the_recommended_pattern(text: str, expected: list[str]) -> None:
    """A pattern is what it says; what operators do to strings is for routing strings proper."""
    fields = taken(f"PatientComments={ROUTING}", PatientComments=text)
    assert list(fields.values()) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fw://neuro/Amnesia", 2),
        ("neuro/Amnesia", 0),
        ("fw://neuro", 0),
        ("fw://neuro/Amnesia/sub-001", 3),
        ("fw://neuro/Amnesia/sub-001/ses-1", 4),
        ("fw://neuro/Amnesia/sub-001/ses-1/T1", 0),
    ],
)
def test_the_documented_pattern(text: str, expected: int) -> None:
    pattern = "PatientComments=fw://{group}/{project}[/{subject}[/{session}]]"
    assert len(taken(pattern, PatientComments=text)) == expected


def test_a_mapping_with_a_group_is_taken_whole() -> None:
    both = [f"PatientComments={ROUTING}", f"StudyComments={ROUTING}"]
    said = {"PatientComments": "fw://g1", "StudyComments": "fw://g2/p2"}
    assert taken(both, **said) == {"group._id": "g1"}
    first = ["StudyDescription=project", f"PatientComments={ROUTING}"]
    assert taken(first, StudyDescription="p", PatientComments="g1/p1") == {"project.label": "p"}
    # Two fields from two attributes is what somebody has written here.
    apart = ["StudyDescription=project", "PatientID={@x}", "PatientComments={project}"]
    assert taken(apart, PatientComments="p1") == {"project.label": "p1"}
    apart = ["PatientID=group", "StudyDescription=project"]
    assert taken(apart, PatientID="g1", StudyDescription="p1") == {
        "group._id": "g1",
        "project.label": "p1",
    }


def test_the_first_mapping_that_gives_a_value_counts_for_each_field() -> None:
    mappings = ["StudyComments={session}[;{subject}]", "PatientID=subject", "StudyDate=session"]
    said = {"PatientID": "P", "StudyDate": "20200101"}
    assert taken(mappings, **said) == {"subject.label": "P", "session.label": "20200101"}
    assert taken(mappings, **said, StudyComments="x") == {
        "session.label": "x",
        "subject.label": "P",
    }
    # What is no value of the field leaves it to the next.
    assert taken(["PatientID=subject", "StudyID=sub"], PatientID="...", StudyID="7") == {
        "subject.label": "7"
    }


def test_where_a_value_came_from_is_kept() -> None:
    fields = extract(
        compile_mappings(["StudyID=session", "PatientID={subject:.*}"]),
        header(PatientID="T2*/x"),
        timezone=BERLIN,
    )
    assert fields == {
        "subject.label": Field(value="T2star_x", raw="T2*/x", origin="mapping 2"),
    }
    assert "T2" not in repr(fields)


@pytest.mark.parametrize("missing", [{}, {"SeriesNumber": ""}])
def test_without_a_source_a_mapping_does_not_apply(missing: dict[str, str]) -> None:
    mappings = ["{SeriesNumber} - {SeriesDescription}=acq", "SeriesDescription=acq"]
    assert taken(mappings, SeriesDescription="foo", **missing) == {"acquisition.label": "foo"}
    with_number = taken(mappings, SeriesDescription="foo", SeriesNumber="3")
    assert with_number == {"acquisition.label": "3 - foo"}


@pytest.mark.parametrize(
    ("template", "made"),
    [
        ("{PatientID/_.*$/}", "1001"),
        ("{PatientID/_.*$//}", "1001"),
        (r"{PatientID/([0-9]+)_V([0-9])/\2-\1/}", "2-1001"),
        (r"{PatientID/(0|1)/x}", "xxxx_V2"),
        (r"{PatientID/(?:_|\/)/\:/}", "1001:V2"),
        ("{PatientID:.3}", "100"),
        ("{PatientID:>9}", "  1001_V2"),
        ("{PatientID/_.*//:>06}", "001001"),
        ("{SeriesNumber:03d}", "007"),
        ("{SeriesNumber:03}", "007"),
        ("{SliceThickness:.1f}", "1.2"),
        ("{StudyDate:%d.%m.%Y}", "02.01.2024"),
        ("{StudyTime:%H:%M}", "10:11"),
        ("{AcquisitionDateTime:%Y %f}", "2024 500000"),
        ("{StudyID|none}", "none"),
        (r"{StudyID|a\|b}", "a|b"),
        (r"\{{PatientID/.+/x/}\}\\", "{x}\\"),
        ("{ImageType}", "ORIGINAL\\PRIMARY"),
        ("{PatientID:03d}", None),
        ("{PatientID:%Y}", None),
        ("{StudyID}", None),
        ("{PatientID/.*/}", ""),
    ],
)
def test_templates(template: str, made: str | None) -> None:
    (mapping,) = compile_mappings([(template, "{@all:.*}")])
    attributes = header(
        PatientID="1001_V2",
        SeriesNumber="7",
        SliceThickness="1.25",
        StudyDate="20240102",
        StudyTime="101112.5",
        AcquisitionDateTime="20240102101112.5",
        ImageType=["ORIGINAL", "PRIMARY"],
    )
    assert mapping.template.made(attributes.text, {}) == made


@pytest.mark.parametrize(
    ("pattern", "text", "captured"),
    [
        ("subject", "any thing", {"subject.label": "any thing"}),
        ("subject", "a/b", {}),
        ("subject.lastname", "a/b", {"subject.lastname": "a/b"}),
        ("{subject}_{session}", "1_2_3", {"subject.label": "1", "session.label": "2_3"}),
        ("{subject}{session}", "abc", {"subject.label": "a", "session.label": "bc"}),
        (r"{subject:s\d+}", "s123", {"subject.label": "s123"}),
        (r"{subject:s\d+}", "foobar", {}),
        (r"{subject:\d{3}}x", "123x", {"subject.label": "123"}),
        ("{subject:[a-z]+}_*", "ab_c", {"subject.label": "ab"}),
        ("{subject:[^/]+}/*", "ab/c", {"subject.label": "ab"}),
        (r"\d{3}_{subject}", "123_x", {"subject.label": "x"}),
        ("(123|456)_{subject}", "456_x", {"subject.label": "x"}),
        ("[[{subject}/]{session}/]{acq}", "a/b/c", {"subject.label": "a"}),
        ("[[{subject}/]{session}/]{acq}", "b/c", {"session.label": "b"}),
        ("**/{acq}.dcm", "a/b/c.dcm", {"acquisition.label": "c"}),
        ("**/{acq}.dcm", "c.dcm", {"acquisition.label": "c"}),
        ("*/{acq}.dcm", "a/b/c.dcm", {}),
        ("{acq}.dcm", "axdcm", {}),
        ("{acq}^x", "a^x", {"acquisition.label": "a"}),
        (r"x\{{acq}\}\[\]\.\*", "x{a}[].*", {"acquisition.label": "a"}),
        (r"a\!{acq}", "a!b", {"acquisition.label": "b"}),
        ("visit {acq}!i", "VISIT 1", {"acquisition.label": "1"}),
        (".*/{acq}!r", "a/b/c", {"acquisition.label": "c"}),
        ("[*+]{acq}!r", "+c", {"acquisition.label": "c"}),
        ("[*+]{acq}!r", "?c", {}),
        (r"{acquisition.uid:\uid}.dcm", "1.2.840.1.5.dcm", {"acquisition.uid": "1.2.840.1.5"}),
        (
            r"{acquisition.uid:\uid}.dcm",
            "mr.1.2.840.1.5.dcm",
            {"acquisition.uid": "mr.1.2.840.1.5"},
        ),
        (r"{acquisition.uid:\uid}.dcm", "1.2.dcm", {}),
        (r"{subject}_\uid", "x_1.2.840.1.5", {"subject.label": "x"}),
        ("{sub}a|{sub}b", "xb", {"subject.label": "x"}),
        ("{@x}_{acq}", "a_b", {"@x": "a", "acquisition.label": "b"}),
        ("subject", "x\r\n", {"subject.label": "x"}),
        ("subject.lastname", "a\nb", {}),
        ("{session:%Y%m%d}_*", "20240102_x", {"session.label": "20240102"}),
        ("{session:%Y%m%d}_*", "2024_x", {}),
    ],
)
def test_patterns(pattern: str, text: str, captured: dict[str, str]) -> None:
    found = {one.field: taken for one, taken in Pattern.compile(pattern).match(text).items()}
    assert captured.items() <= found.items()
    assert bool(found) == bool(captured)


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        ("group._id", "Neuro.1@x_y-z", "neuro.1@x_y-z"),
        ("group._id", "a", None),
        ("group._id", "a" * 65, None),
        ("group._id", "-ab", None),
        ("group._id", "neu ro", None),
        ("project._id", "0123456789ABCDEF01234567", "0123456789abcdef01234567"),
        ("subject._id", "0123", None),
        ("subject.label", "T2* ax/3D", "T2star ax_3D"),
        ("subject.label", "x" * 100, "x" * 64),
        ("acquisition.label", "x" * 200, "x" * 128),
        ("subject.label", "...", None),
        ("subject.sex", "F", "female"),
        ("subject.sex", "malefoo", None),
        ("subject.type", "Phantom", "phantom"),
        ("subject.type", "table", None),
        ("subject.species", "human", "human"),
        ("session.age", "123", 123),
        ("session.age", "034Y", 1_072_958_400),
        ("session.age", "34.5", None),
        ("session.age", "old", None),
        ("session.age", "-5", None),
        ("session.weight", "70.5", 70.5),
        ("session.weight", "nan", None),
        ("session.timestamp", "20240102", "2024-01-02T00:00:00.000+01:00"),
        ("session.timestamp", "20240702101112.5", "2024-07-02T10:11:12.500+02:00"),
        ("session.timestamp", "2024-01-02 10-11-12", "2024-01-02T10:11:12.000+01:00"),
        ("session.timestamp", "2024-01-02T10:11:12Z", "2024-01-02T11:11:12.000+01:00"),
        ("session.timestamp", "20240102101112-0500", "2024-01-02T16:11:12.000+01:00"),
        ("session.timestamp", "20241302", None),
        ("session.timestamp", "01/02/03", None),
        ("session.timestamp", "99991231235959Z", "9999-12-31T23:59:59.000+00:00"),
        ("session.timezone", "Europe/Berlin", "Europe/Berlin"),
        ("session.timezone", "Europe/Nowhere", None),
        ("session.timezone", "../../etc/passwd", None),
        ("session.tags", "a, b,,c ", "a,b,c"),
        ("session.tags", " , ", None),
        ("file.classification.Intent", "a,b", "a,b"),
        ("subject.info.n", "12", 12),
        ("subject.info.n", "1.5", 1.5),
        ("subject.info.n", "true", True),
        ("subject.info.n", "null", None),
        ("subject.info.n", '"x"', "x"),
        ("subject.info.n", r'"\ud83d\ude00"', "\N{GRINNING FACE}"),
        ("subject.info.n", r'"\ud83d"', r'"\ud83d"'),
        ("subject.info.n", "007", "007"),
        ("subject.info.n", "NaN", "NaN"),
        ("subject.info.n", "[1, 2]", "[1, 2]"),
        ("subject.info.n", "[" * 5000, "[" * 5000),
        ("subject.info.n", "9" * 5000, "9" * 5000),
        ("file.modality", "MR", "MR"),
        ("external_routing_id", " 5 ", "5"),
    ],
)
def test_values(field: str, text: str, value: str | float | None) -> None:
    assert value_of(field, text, timezone=BERLIN) == value


@pytest.mark.parametrize(
    ("form", "text", "told"),
    [
        ("%Y%m%d_%H%M%S_%f", "20001231_133742_12345", "2000-12-31T13:37:42.123+01:00"),
        ("%d%m%Y", "02012024", "2024-01-02T00:00:00.000+01:00"),
        ("%y.%j", "24.032", "2024-02-01T00:00:00.000+01:00"),
        ("%d %b %Y", "02 Jan 2024", "2024-01-02T00:00:00.000+01:00"),
        ("%Y%m%d %I%M %p", "20240102 0130 PM", "2024-01-02T13:30:00.000+01:00"),
        ("%Y%m%d%H%M%S%z", "20240102101112+0000", "2024-01-02T11:11:12.000+01:00"),
        ("%Y%m%d", "20240231", None),
        ("%Y%m%d", "2024010", None),
        ("100%%%Y", "100%2024", "2024-01-01T00:00:00.000+01:00"),
    ],
)
def test_a_format_really_parses(form: str, text: str, told: str | None) -> None:
    found = taken([f"StudyComments={{acquisition.timestamp:{form}}}"], StudyComments=text)
    assert found.get("acquisition.timestamp") == told


def test_later_mappings_use_what_earlier_ones_took() -> None:
    mappings = [
        "PatientID={group}_{@rest}",
        "{!group}-{@rest}=session",
        "{!@rest}=acquisition",
    ]
    assert taken(mappings, PatientID="NEURO_x1") == {
        "group._id": "neuro",
        "session.label": "neuro-x1",
        "acquisition.label": "x1",
    }


def test_a_hostile_pattern_takes_milliseconds() -> None:
    mappings = compile_mappings(
        [
            "PatientComments={subject:(a+)+}$!r",
            "{PatientComments/((a|b)*c)*d/x/}={session:(a*)*(a*)*b}",
        ]
    )
    attributes = header(PatientComments="a" * 100_000 + "!")
    begun = time.process_time()
    assert extract(mappings, attributes, timezone=dt.UTC) == {}
    assert time.process_time() - begun < 0.5


def test_filters() -> None:
    attributes = header(
        Modality="MR", StudyDescription="Brain MRI", SeriesNumber="12", ImageType=["ORIGINAL", "M"]
    )

    def takes(include: Sequence[str] = (), exclude: Sequence[str] = ()) -> bool:
        filters = Filters.compile(include, exclude)
        return filters.match(attributes, calling_aet="MR1", called_aet="CAUSEWAY")

    assert takes()
    assert takes(["Modality=mr"])
    assert takes(["modality==MR"])
    assert takes(["Modality=CT", "StudyDescription=~brain"])
    assert takes(["StudyDescription=~^brain*mri$"])
    assert not takes(["StudyDescription=~^mri"])
    assert takes([r"StudyDescription=~^b\w+ m.i$!r"])
    assert not takes(["Modality=MR"], ["calling_aet=mr1"])
    assert takes(["SeriesNumber>9"])
    assert not takes(["SeriesNumber<9"])
    assert takes(["ImageType=M"])
    assert not takes(["ImageType!=M"])
    assert takes(["ImageType!~derived"])
    assert not takes(["PatientID!=x"]), "what is absent matches nothing"
    assert takes(["(0008,0060)=MR"])
    assert takes(["Modality>=M"])
