"""The hierarchy, field by field: each chain, link by link, and what goes before it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causeway.attributes import Attributes, tag_of
from causeway.decide.hierarchy import Hierarchy, hierarchy, labels_of, moment_of
from causeway.decide.labels import suffixed
from causeway.decide.routing import Routing
from causeway.decide.verdict import Field

STUDY = "1.2.3"
SERIES = "1.2.3.4"
BERLIN = ZoneInfo("Europe/Berlin")


def made(
    header: Mapping[str, str | tuple[str, ...]] | None = None,
    *,
    study: str = STUDY,
    series: str = SERIES,
    routing: Routing | None = None,
    mapped: Mapping[str, str | Field] | None = None,
    defaults: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    zone: dt.tzinfo = BERLIN,
    prefix: bool = False,
) -> Hierarchy:
    values = {
        tag_of(name): (told,) if isinstance(told, str) else told
        for name, told in (header or {}).items()
    }
    return hierarchy(
        Attributes(values=values),
        study_instance_uid=study,
        series_instance_uid=series,
        routing=routing,
        mapped={
            name: value if isinstance(value, Field) else Field(value=value, origin="mapping 1")
            for name, value in (mapped or {}).items()
        },
        defaults=defaults or {},
        overrides=overrides or {},
        timezone=zone,
        series_number_prefix=prefix,
    )


def routed(group: str = "", project: str = "", **told: str) -> Routing:
    rest = dict.fromkeys(("subject", "session", "acquisition"), "") | told
    return Routing(
        group=group, project=project, **rest, where="PatientComments", text="as it stood"
    )


def told(found: Hierarchy, name: str) -> tuple[object, str] | None:
    """Value and origin."""
    each = found.fields.get(name)
    return (each.value, each.origin) if each else None


def test_a_whole_header() -> None:
    found = made(
        {
            "PatientID": "P1",
            "PatientName": "DOE^JANE",
            "PatientSex": "F",
            "PatientAge": "034Y",
            "PatientWeight": "70.5",
            "OperatorsName": "ROE^RICHARD",
            "StudyDescription": "Brain",
            "StudyDate": "20260102",
            "StudyTime": "030405.678",
            "SeriesNumber": "3",
            "SeriesDescription": "T2* ax/3D",
            "AcquisitionDateTime": "20260102031500",
        },
        routing=routed("neuro", "Amnesia"),
        prefix=True,
    )
    assert {name: each.value for name, each in found.fields.items()} == {
        "group._id": "neuro",
        "project.label": "Amnesia",
        "subject.label": "P1",
        "subject.firstname": "Jane",
        "subject.lastname": "Doe",
        "subject.sex": "female",
        "session.uid": STUDY,
        "session.label": "Brain",
        "session.age": 1_072_958_400,
        "session.weight": 70.5,
        "session.operator": "Richard Roe",
        "session.timestamp": "2026-01-02T03:04:05.678+01:00",
        "session.timezone": "Europe/Berlin",
        "acquisition.uid": SERIES,
        "acquisition.label": "3 - T2star ax_3D",
        "acquisition.timestamp": "2026-01-02T03:15:00.000+01:00",
        "acquisition.timezone": "Europe/Berlin",
        "file.name": "3 - T2star ax_3D.dicom.zip",
        "file.type": "dicom",
    }
    assert "Doe" not in repr(found)
    assert "Doe" not in repr(found.fields)


def test_an_empty_header() -> None:
    found = made()
    assert {name: told(found, name) for name in found.fields} == {
        "group._id": ("unknown", "built in"),
        "project.label": ("Unsorted", "built in"),
        "subject.label": (STUDY, "StudyInstanceUID"),
        "session.uid": (STUDY, "StudyInstanceUID"),
        "session.label": (STUDY, "StudyInstanceUID"),
        "acquisition.uid": (SERIES, "SeriesInstanceUID"),
        "acquisition.label": (SERIES, "SeriesInstanceUID"),
        "file.name": (f"{SERIES}.dicom.zip", "SeriesInstanceUID"),
        "file.type": ("dicom", "built in"),
    }


def test_what_has_no_uid_either_still_has_labels() -> None:
    labels = made(study="..", series="").labels
    assert labels.subject == labels.session == labels.acquisition == "unnamed"


# --- group and project ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("routing", "mapped", "group", "project"),
    [
        (routed("neuro", "Amnesia"), {}, "neuro", "Amnesia"),
        (routed("neuro"), {}, "neuro", "Unsorted"),
        (routed(), {}, "unknown", "Unsorted"),
        (None, {}, "unknown", "Unsorted"),
        (None, {"group._id": "neuro", "project.label": "A"}, "neuro", "A"),
        (None, {"group._id": "neuro"}, "neuro", "Unsorted"),
        # A project without its group.
        (None, {"project.label": "Amnesia"}, "unknown", "Unsorted"),
        (routed("", "Amnesia"), {}, "unknown", "Unsorted"),
        # No mapping completes what a string has left open.
        (routed("neuro"), {"project.label": "Other"}, "neuro", "Unsorted"),
        (routed(), {"group._id": "neuro", "project.label": "Other"}, "unknown", "Unsorted"),
    ],
)
def test_group_and_project_are_one(
    routing: Routing | None, mapped: dict[str, str], group: str, project: str
) -> None:
    labels = made(routing=routing, mapped=mapped).labels
    assert (labels.group, labels.project) == (group, project)


def test_a_project_that_is_not_used_is_still_told() -> None:
    found = made(mapped={"project.label": "Amnesia"})
    assert found.fields["project.label"] == Field(
        value="Unsorted", raw="Amnesia", origin="built in"
    )


@pytest.mark.parametrize(
    ("routing", "defaults", "overrides", "group", "project"),
    [
        (None, {"group._id": "site", "project.label": "Incoming"}, {}, "site", "Incoming"),
        (None, {"project.label": "Incoming"}, {}, "unknown", "Incoming"),
        (routed("neuro"), {"project.label": "Incoming"}, {}, "neuro", "Incoming"),
        (routed("neuro", "A"), {"project.label": "Incoming"}, {}, "neuro", "A"),
        (routed("neuro", "A"), {}, {"group._id": "site"}, "site", "A"),
        (routed("neuro", "A"), {}, {"project.label": ""}, "neuro", "Unsorted"),
        (routed("neuro", "A"), {}, {"group._id": ""}, "unknown", "Unsorted"),
    ],
)
def test_what_the_site_says_of_them(
    routing: Routing | None,
    defaults: dict[str, str],
    overrides: dict[str, str],
    group: str,
    project: str,
) -> None:
    labels = made(routing=routing, defaults=defaults, overrides=overrides).labels
    assert (labels.group, labels.project) == (group, project)


def test_a_group_that_windows_reserves_is_another_folder() -> None:
    found = made(routing=routed("con", "A"))
    assert found.fields["group._id"].value == "con"
    assert found.labels.group == "_con"


# --- chains ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "value", "origin"),
    [
        ({"PatientID": "P/1", "StudyID": "77"}, "P_1", "PatientID"),
        ({"PatientID": "..", "StudyID": "77"}, "ex77", "StudyID"),
        ({"StudyID": "..."}, STUDY, "StudyInstanceUID"),
        ({}, STUDY, "StudyInstanceUID"),
    ],
)
def test_subject_label(header: dict[str, str], value: str, origin: str) -> None:
    assert told(made(header), "subject.label") == (value, origin)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Doe^Jane^Mary", "Jane Mary", "Doe"),
        ("DOE", None, "Doe"),
        ("=山田^太郎=やまだ^たろう", "太郎", "山田"),
        ("", None, None),
    ],
)
def test_subject_names(name: str, first: str | None, last: str | None) -> None:
    found = made({"PatientName": name})
    assert told(found, "subject.firstname") == (first and (first, "PatientName"))
    assert told(found, "subject.lastname") == (last and (last, "PatientName"))
    if last:
        assert found.fields["subject.lastname"].raw == name


@pytest.mark.parametrize(
    ("sex", "value"), [("M", "male"), ("F", "female"), ("O", "other"), ("X", None), ("", None)]
)
def test_subject_sex(sex: str, value: str | None) -> None:
    assert told(made({"PatientSex": sex}), "subject.sex") == (value and (value, "PatientSex"))


@pytest.mark.parametrize(
    ("header", "value", "origin"),
    [
        ({"StudyDescription": "Brain", "StudyDate": "20260102"}, "Brain", "StudyDescription"),
        ({"StudyDescription": ("a", "b")}, "a_b", "StudyDescription"),
        (
            {"StudyDescription": "...", "StudyDate": "20260102", "StudyTime": "0304"},
            "2026-01-02T03-04-00",
            "StudyDate",
        ),
        ({"SeriesDate": "20260103"}, "2026-01-03T12-00-00", "SeriesDate"),
        (
            {"StudyDate": "20260102", "StudyTime": "2330", "TimezoneOffsetFromUTC": "-0500"},
            "2026-01-03T05-30-00",
            "StudyDate",
        ),
        ({}, STUDY, "StudyInstanceUID"),
    ],
)
def test_session_label(header: dict[str, str | tuple[str, ...]], value: str, origin: str) -> None:
    assert told(made(header), "session.label") == (value, origin)


@pytest.mark.parametrize(
    ("header", "value", "origin"),
    [
        ({"PatientAge": "034Y", "PatientBirthDate": "19000101"}, 1_072_958_400, "PatientAge"),
        (
            {"PatientAge": "?", "PatientBirthDate": "20251225", "StudyDate": "20260102"},
            691_200,
            "PatientBirthDate",
        ),
        (
            {
                "PatientBirthDate": "20251225",
                "StudyDate": "20260102",
                "AcquisitionDate": "20251226",
            },
            86_400,
            "PatientBirthDate",
        ),
    ],
)
def test_session_age(header: dict[str, str], value: int, origin: str) -> None:
    assert told(made(header), "session.age") == (value, origin)


@pytest.mark.parametrize(
    "header",
    [
        {},
        {"PatientBirthDate": "20251225"},
        {"PatientBirthDate": "20260103", "StudyDate": "20260102"},
        {"PatientAge": "-01Y"},
    ],
)
def test_no_session_age(header: dict[str, str]) -> None:
    assert told(made(header), "session.age") is None


@pytest.mark.parametrize(
    ("text", "value"), [("70", 70.0), ("0", 0.0), ("-3", None), ("heavy", None), ("", None)]
)
def test_session_weight(text: str, value: float | None) -> None:
    expected = None if value is None else (value, "PatientWeight")
    assert told(made({"PatientWeight": text}), "session.weight") == expected


@pytest.mark.parametrize(
    ("operators", "value"),
    [
        (("ROE^RICHARD", "DOE^JANE"), "Richard Roe, Jane Doe"),
        (("ROE^RICHARD",), "Richard Roe"),
        (("", "mr"), "Mr"),
        ((), None),
    ],
)
def test_session_operator(operators: tuple[str, ...], value: str | None) -> None:
    expected = value and (value, "OperatorsName")
    assert told(made({"OperatorsName": operators}), "session.operator") == expected


MOMENTS = {
    "StudyDate": "20260101",
    "StudyTime": "010000",
    "SeriesDate": "20260102",
    "SeriesTime": "020000",
    "AcquisitionDate": "20260103",
    "AcquisitionTime": "030000",
    "AcquisitionDateTime": "20260104040000",
}
STUDY_DATED = "1.2.20260105050000.3"
SERIES_DATED = "1.2.20260106060000.3"


@pytest.mark.parametrize(
    ("level", "without", "study", "series", "day", "origin"),
    [
        ("session", "", STUDY_DATED, SERIES_DATED, 1, "StudyDate"),
        ("session", "Study", STUDY_DATED, SERIES_DATED, 5, "StudyInstanceUID"),
        ("session", "Study", STUDY, SERIES_DATED, 2, "SeriesDate"),
        ("session", "Study Series", STUDY, SERIES_DATED, 6, "SeriesInstanceUID"),
        ("session", "Study Series", STUDY, SERIES, 4, "AcquisitionDateTime"),
        ("session", "Study Series DateTime", STUDY, SERIES, 3, "AcquisitionDate"),
        ("acquisition", "", STUDY_DATED, SERIES_DATED, 4, "AcquisitionDateTime"),
        ("acquisition", "DateTime", STUDY_DATED, SERIES_DATED, 3, "AcquisitionDate"),
        ("acquisition", "Acquisition", STUDY_DATED, SERIES_DATED, 2, "SeriesDate"),
        ("acquisition", "Acquisition Series", STUDY_DATED, SERIES_DATED, 6, "SeriesInstanceUID"),
        ("acquisition", "Acquisition Series", STUDY_DATED, SERIES, 1, "StudyDate"),
        ("acquisition", "Acquisition Series Study", STUDY_DATED, SERIES, 5, "StudyInstanceUID"),
    ],
)
def test_timestamps(
    level: str, without: str, study: str, series: str, day: int, origin: str
) -> None:
    header = {
        name: text
        for name, text in MOMENTS.items()
        if not any(part in name for part in without.split())
    }
    found = made(header, study=study, series=series)
    hour = day
    assert told(found, f"{level}.timestamp") == (
        f"2026-01-{day:02d}T{hour:02d}:00:00.000+01:00",
        origin,
    )
    assert told(found, f"{level}.timezone") == ("Europe/Berlin", "timezone")


def test_without_a_date_there_is_no_timestamp() -> None:
    found = made({"StudyTime": "0900", "AcquisitionDateTime": "2026"})
    assert not [name for name in found.fields if name.endswith(("timestamp", "timezone"))]


@pytest.mark.parametrize(
    ("header", "timestamp"),
    [
        ({"AcquisitionDateTime": "20260102030405.5-0500"}, "2026-01-02T09:04:05.500+01:00"),
        (
            # Its own offset goes before that of the object.
            {"AcquisitionDateTime": "20260102030405-0500", "TimezoneOffsetFromUTC": "+0900"},
            "2026-01-02T09:04:05.000+01:00",
        ),
        (
            {"AcquisitionDateTime": "20260102030405", "TimezoneOffsetFromUTC": "+0900"},
            "2026-01-01T19:04:05.000+01:00",
        ),
        (
            {
                "AcquisitionDate": "20260702",
                "AcquisitionTime": "0900",
                "TimezoneOffsetFromUTC": "0000",
            },
            "2026-07-02T11:00:00.000+02:00",
        ),
        ({"AcquisitionDate": "20260702"}, "2026-07-02T12:00:00.000+02:00"),
        # A noon that nobody has said is the site's, so that the day stays.
        (
            {"AcquisitionDate": "20260102", "TimezoneOffsetFromUTC": "-1100"},
            "2026-01-02T12:00:00.000+01:00",
        ),
        ({"AcquisitionDateTime": "20260102-1100"}, "2026-01-02T12:00:00.000+01:00"),
        (
            {"AcquisitionDateTime": "20261302", "AcquisitionDate": "20260702"},
            "2026-07-02T12:00:00.000+02:00",
        ),
        (
            {"AcquisitionDateTime": "junk", "AcquisitionDate": "20260702"},
            "2026-07-02T12:00:00.000+02:00",
        ),
        (
            {"AcquisitionDate": "20260102", "TimezoneOffsetFromUTC": "Berlin"},
            "2026-01-02T12:00:00.000+01:00",
        ),
    ],
)
def test_zones(header: dict[str, str], timestamp: str) -> None:
    found = made(header)
    assert found.fields["acquisition.timestamp"].value == timestamp
    assert moment_of(found.fields, "acquisition.timestamp") == dt.datetime.fromisoformat(timestamp)


def test_what_stood_there_is_kept() -> None:
    found = made({"StudyDate": "20260102", "StudyTime": "030405.6", "SeriesDescription": "a*b"})
    assert found.fields["session.timestamp"].raw == "20260102 030405.6"
    assert found.fields["acquisition.label"].raw == "a*b"


@pytest.mark.parametrize(
    ("header", "value", "origin"),
    [
        ({"SeriesDescription": "T1", "ProtocolName": "P"}, "T1", "SeriesDescription"),
        ({"SeriesDescription": "..", "ProtocolName": "P"}, "P", "ProtocolName"),
        ({"AcquisitionDate": "20260104"}, "2026-01-04T12-00-00", "AcquisitionDate"),
        ({}, SERIES, "SeriesInstanceUID"),
    ],
)
def test_acquisition_label(header: dict[str, str], value: str, origin: str) -> None:
    assert told(made(header), "acquisition.label") == (value, origin)
    numbered = told(made({**header, "SeriesNumber": " 3"}, prefix=True), "acquisition.label")
    assert numbered == (f"3 - {value}", origin)


@pytest.mark.parametrize("number", ["", "0", "three"])
def test_no_prefix_without_a_number(number: str) -> None:
    found = made({"SeriesNumber": number, "SeriesDescription": "T1"}, prefix=True)
    assert found.labels.acquisition == "T1"


def test_a_label_that_somebody_wrote_gets_no_prefix() -> None:
    header = {"SeriesNumber": "3", "SeriesDescription": "T1"}
    assert made(header, mapped={"acquisition.label": "x"}, prefix=True).labels.acquisition == "x"
    routing = routed("neuro", "A", acquisition="y")
    assert made(header, routing=routing, prefix=True).labels.acquisition == "y"


def test_long_labels_are_cut() -> None:
    found = made({"PatientID": "p" * 100, "SeriesDescription": "d" * 200, "SeriesNumber": "7"})
    assert len(found.labels.subject) == 64
    assert len(found.labels.acquisition) == 128
    assert len(str(found.fields["file.name"].value)) == 128 + len(".dicom.zip")


# --- what goes before and after the header --------------------------------------------------------

HEADER = {"PatientID": "P1", "StudyDescription": "Brain", "SeriesDescription": "T1"}


def test_the_order_of_links() -> None:
    everything = {
        "routing": routed("g1", "p1", subject="r"),
        "mapped": {"subject.label": "m"},
        "defaults": {"subject.label": "d"},
        "overrides": {"subject.label": "o"},
    }
    expected = [
        ("o", "override"),
        ("r", "routing"),
        ("m", "mapping 1"),
        ("P1", "PatientID"),
    ]
    for name, value in zip(["overrides", "routing", "mapped", "header"], expected, strict=True):
        assert told(made(HEADER, **everything), "subject.label") == value  # type: ignore[arg-type]
        everything.pop(name, None)
    assert told(made(defaults={"subject.label": "d"}), "subject.label") == ("d", "default")


def test_routing_gives_all_levels() -> None:
    routing = routed("neuro", "A", subject="s/1", session="v1", acquisition="a1")
    labels = made(HEADER, routing=routing).labels
    assert (labels.subject, labels.session, labels.acquisition) == ("s_1", "v1", "a1")
    assert labels.session_path == ("neuro", "A", "s_1", "v1")


def test_mapped_values_keep_their_origin() -> None:
    value = Field(value="M_1", raw="M/1_V2", origin="mapping 2")
    assert made(HEADER, mapped={"subject.label": value}).fields["subject.label"] == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("group._id", "NEURO", "neuro"),
        ("project.label", "A/B", "A_B"),
        ("session.age", "86400", 86_400),
        ("session.age", "001D", 86_400),
        ("session.age", "young", None),
        ("session.weight", "70.5", 70.5),
        ("session.weight", "heavy", None),
        ("subject.sex", "F", "female"),
        ("subject.sex", "x", None),
        ("session.tags", "a, b", "a,b"),
        ("subject.species", "human", "human"),
        ("subject.info.score", "3", 3),
        ("acquisition.timestamp", "2026-01-02T03:04:05-05:00", "2026-01-02T09:04:05.000+01:00"),
        ("acquisition.timestamp", "2026-01-02T03:04:05", "2026-01-02T03:04:05.000+01:00"),
        ("acquisition.timestamp", "yesterday", None),
        ("file.name", "a/b.zip", "a_b.zip"),
    ],
)
def test_values_that_somebody_wrote(name: str, text: str, value: object) -> None:
    for found in (made(defaults={name: text}), made(overrides={name: text})):
        each = found.fields.get(name)
        assert (each and each.value) == value


def test_what_cannot_be_a_value_is_passed_over() -> None:
    routing = routed("neuro", "A", subject="...")
    found = made({"PatientSex": "F", **HEADER}, routing=routing)
    assert told(found, "subject.label") == ("P1", "PatientID")
    sexless = made({"PatientSex": "x"}, defaults={"subject.sex": "F"})
    assert told(sexless, "subject.sex") == ("female", "default")


def test_an_empty_override_takes_a_field_away() -> None:
    overrides = {
        "subject.sex": "",
        "subject.label": "",
        "session.timezone": "",
        "file.name": "",
        "session.label": "",
    }
    found = made({"PatientSex": "F", "StudyDate": "20260102", **HEADER}, overrides=overrides)
    assert not {"subject.sex", "session.timezone", "file.name"} & set(found.fields)
    # What is a folder has a last link.
    assert told(found, "subject.label") == (STUDY, "StudyInstanceUID")
    assert told(found, "session.label") == (STUDY, "StudyInstanceUID")


def test_defaults_go_before_the_last_link() -> None:
    defaults = {"subject.label": "nobody", "session.label": "visit", "subject.species": "human"}
    found = made({"StudyID": "77"}, defaults=defaults)
    assert told(found, "subject.label") == ("nobody", "default")
    assert told(found, "session.label") == ("visit", "default")
    assert told(found, "subject.species") == ("human", "default")
    assert told(made(HEADER, defaults=defaults), "subject.label") == ("P1", "PatientID")


def test_labels_of_what_anyone_stored() -> None:
    labels = labels_of({"subject.label": Field(value="../x"), "session.label": Field(value=3)})
    assert (labels.group, labels.project) == ("unknown", "Unsorted")
    assert (labels.subject, labels.session, labels.acquisition) == ("_x", "3", "unnamed")


def test_moments_of_what_anyone_stored() -> None:
    assert moment_of({}, "session.timestamp") is None
    assert moment_of({"session.timestamp": Field(value="?")}, "session.timestamp") is None


@pytest.mark.parametrize(
    ("label", "suffix", "whole"),
    [
        ("T1", "_2", "T1_2"),
        ("d" * 128, "_localizer", "d" * 118 + "_localizer"),
        ("日" * 66, "_2", "日" * 66 + "_2"),
        ("日" * 67, "_22", "日" * 65 + "_22"),
        ("T1", "_a/b", "T1_a_b"),
    ],
)
def test_suffixes_cost_the_label(label: str, suffix: str, whole: str) -> None:
    assert suffixed(label, suffix) == whole


# --- whatever a header says -----------------------------------------------------------------------

KEYWORDS = [
    *("PatientID", "PatientName", "PatientSex", "PatientAge", "PatientWeight", "PatientBirthDate"),
    *("OperatorsName", "StudyDescription", "StudyID", "SeriesNumber", "SeriesDescription"),
    *("ProtocolName", "TimezoneOffsetFromUTC", *MOMENTS),
]
TEXT = st.text(max_size=40) | st.text("0123456789.+-YMDW^= ", max_size=26)
FIELDS = [
    *("group._id", "project.label", "subject.label", "subject.sex", "session.age", "file.name"),
    *("session.weight", "session.timestamp", "acquisition.label", "session.tags", "x.y"),
]


@given(
    st.dictionaries(st.sampled_from(KEYWORDS), st.lists(TEXT, max_size=3).map(tuple)),
    st.dictionaries(st.sampled_from(FIELDS), TEXT),
    st.dictionaries(st.sampled_from(FIELDS), TEXT),
    st.dictionaries(st.sampled_from(FIELDS), TEXT),
    TEXT,
    st.booleans(),
)
def test_every_header_has_a_place(
    header: dict[str, tuple[str, ...]],
    mapped: dict[str, str],
    defaults: dict[str, str],
    overrides: dict[str, str],
    uid: str,
    prefix: bool,
) -> None:
    found = made(
        header,
        study=uid,
        series=uid,
        mapped=mapped,
        defaults=defaults,
        overrides=overrides,
        prefix=prefix,
    )
    assert {"group._id", "project.label"} <= set(found.fields)
    labels = found.labels
    assert all((*labels.session_path, labels.acquisition))
    for level in ("session", "acquisition"):
        timestamp = moment_of(found.fields, f"{level}.timestamp")
        assert timestamp is None or timestamp.tzinfo is not None
    names = ("project.label", "subject.label", "session.label", "acquisition.label")
    again = [labels.project, labels.subject, labels.session, labels.acquisition]
    fields = {name: Field(value=value) for name, value in zip(names, again, strict=True)}
    assert labels_of({**fields, "group._id": Field(value=labels.group)}) == labels
