"""The language beside its published relative, ``fw-meta``, on generated mappings and headers.

Where the two differ on purpose, both results stand here; docs/reference/deviations.md lists them.
"""

from __future__ import annotations

import importlib
import json
import string
import time
import warnings
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import tzlocal
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from causeway.attributes import Attributes, tag_of
from causeway.decide.labels import ACQUISITION_CHARACTERS, sanitised
from causeway.decide.language import Filters, compile_mappings, extract, field_of
from causeway.errors import ConfigurationError

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("fw_meta", reason="the oracle of mappings is not installed")
    oracle = importlib.import_module("fw_meta.imports")

ZONE = "Europe/Berlin"
TAGS = ["PatientID", "PatientComments", "StudyComments", "SeriesDescription", "SeriesNumber"]
LABELS = ["subject.label", "session.label", "acquisition.label"]
PLAIN = ["subject.lastname", "session.operator", "session.info.key", "subject.species"]
ROUTING = "[fw://]{group}[/{project}[/{subject}[/{session}[/{acquisition}]]]]"

Pair = tuple[str, str]


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", ZONE)
    # Both remember the zone that anybody has asked for before.
    time.tzset()
    tzlocal.reload_localzone()
    yield
    monkeypatch.undo()
    time.tzset()
    tzlocal.reload_localzone()


def theirs(mappings: list[Pair], data: dict[str, str]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dict(oracle.extract_meta(data, mappings=mappings).items())


def ours(mappings: list[Pair], data: dict[str, str]) -> dict[str, Any]:
    attributes = Attributes(
        values={tag_of(name): (text,) if text else () for name, text in data.items()}
    )
    found = extract(compile_mappings(mappings), attributes, timezone=ZoneInfo(ZONE))
    return {name: field.value for name, field in found.items()}


def comparable(fields: dict[str, Any]) -> dict[str, Any]:
    """Labels as folders of any system, which is more than the oracle asks of them."""
    made: dict[str, Any] = {}
    for name, value in fields.items():
        if name.endswith(".label") or name == "file.name":
            limit = ACQUISITION_CHARACTERS if name.startswith("acquisition") else 64
            value = sanitised(str(value), characters=limit)
        elif name.endswith(".timezone"):
            continue  # the hierarchy tells it with the moment
        elif isinstance(value, list):
            value = ",".join(value) if name.endswith(".tags") else json.dumps(value)
        if isinstance(value, str):
            value = value.strip()
        if value != "":
            made[name] = value
    return made


# --- generated --------------------------------------------------------------------------------

# Texts in which both mean the same: no line ends, none that JSON reads as lists or objects, ends
# that a label keeps.
TEXTS = st.text("ab1_-./ X", max_size=12) | st.from_regex(
    r"(fw://)?[a-z0-9]{2,4}(/[A-Za-z0-9_]{1,4}){0,5}", fullmatch=True
)
HEADERS = st.dictionaries(st.sampled_from(TAGS), TEXTS, min_size=1)
LITERALS = st.sampled_from(["_", "-", "/", ".", "a", " ", "^", "*", r"\d", "x?", "(a|b)"])
CONSTRAINTS = st.sampled_from(["", "", r":\d+", r":\w+", r":\d\d", ":a+", ":(a|b)", r":[ab]x"])


@st.composite
def patterns(draw: st.DrawFn) -> str:
    fields = draw(st.lists(st.sampled_from(LABELS + PLAIN), min_size=1, max_size=3, unique=True))
    text = ""
    for field in fields:
        constraint = draw(CONSTRAINTS.filter(lambda one: "[" not in one))
        part = f"{draw(LITERALS)}{{{field}{constraint}}}"
        text += f"[{part}]" if draw(st.booleans()) else part
    option = draw(st.sampled_from(["", "", "!i"]))
    return text + draw(st.sampled_from(["", "*", "_*"])) + option


BLOCKS = st.sampled_from([f"{{{tag}}}" for tag in TAGS] + ["{PatientID/_.*/}", "{PatientID/a/b}"])
TEMPLATES = st.sampled_from(TAGS) | st.lists(
    st.tuples(BLOCKS, st.sampled_from(["", "_", " - ", "/"])), min_size=1, max_size=3
).map(lambda parts: "".join(block + text for block, text in parts))


@settings(max_examples=400)
@given(mappings=st.lists(st.tuples(TEMPLATES, patterns()), min_size=1, max_size=3), data=HEADERS)
def test_mappings(mappings: list[Pair], data: dict[str, str]) -> None:
    expected = comparable(theirs(mappings, data))
    # A label of which nothing is left as a folder leaves the field to the next mapping here.
    assume(len(expected) == len([n for n in theirs(mappings, data) if "timezone" not in n]))
    assert comparable(ours(mappings, data)) == expected


@settings(max_examples=300)
@given(
    text=st.from_regex(r"(fw://)?[A-Za-z0-9_ ]{1,5}(/[A-Za-z0-9_]{0,4}){0,6}", fullmatch=True),
    pattern=st.sampled_from([ROUTING, "fw://{group}/{project}[/{subject}[/{session}]]"]),
)
def test_routing_patterns(text: str, pattern: str) -> None:
    assume(all(part == part.strip() for part in text.split("/")))  # here, a group is trimmed
    expected = comparable(theirs([("PatientComments", pattern)], {"PatientComments": text}))
    if "group._id" not in expected:
        expected = {}  # there, what follows a group that cannot be one is kept
    assert comparable(ours([("PatientComments", pattern)], {"PatientComments": text})) == expected


@given(
    name=st.sampled_from(list(oracle.IMPORT_FIELDS))
    | st.text("abcegijlnoprstu._", max_size=12)
    | st.sampled_from(["grp", "subj", "sess.label", "acq.ts", "prj", "gr.label", "se.time", "file"])
)
def test_names_of_fields(name: str) -> None:
    facts = ("path", "provider_id", "reference", "size", "client_hash", "zip_member_count")
    name = name.replace("*", "key")
    try:
        expected, _ = oracle.validate_import_field(name)
    except ValueError:
        expected = ""
    try:
        found = field_of(name)
    except ConfigurationError:
        found = ""
    # Without the facts of uploads fewer names are ambiguous; ends of dots name nothing.
    if expected and not expected.startswith(tuple(f"file.{fact}" for fact in facts)):
        assert found == expected or ".." in name or name.startswith(".") or name.endswith(".")
    elif found:
        assert expected.startswith("file.") or found.startswith("file.")


CLAUSES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["Modality", "StudyDescription", "PatientID"]),
    st.sampled_from(["=", "!=", "<", ">", "<=", ">=", "=~", "!~"]),
    st.text(string.ascii_letters + "1*.", min_size=1, max_size=4),
)


@given(
    include=st.lists(CLAUSES, max_size=2),
    exclude=st.lists(CLAUSES, max_size=2),
    data=st.dictionaries(
        st.sampled_from(["Modality", "StudyDescription", "PatientID"]),
        st.text("abcMR1. ", min_size=1, max_size=5),
    ),
)
def test_filters(include: list[str], exclude: list[str], data: dict[str, str]) -> None:
    theirs = oracle.DICOMPushFilter(include=include, exclude=exclude)
    attributes = Attributes(values={tag_of(name): (text,) for name, text in data.items()})
    assert Filters.compile(include, exclude).match(attributes) == theirs.match(data)


# --- where it differs, on purpose -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mapping", "text", "there", "here"),
    [
        (("{PatientID}", ROUTING), "fw://a/b", {"project.label": "b"}, {}),
        (("{PatientID}", ROUTING), "fw://neu ro/x", {"project.label": "x"}, {}),
        (
            ("{PatientID}", "{acquisition.timestamp:%d%m%Y}"),
            "02012024",
            {},
            {"acquisition.timestamp": "2024-01-02T00:00:00.000+01:00"},
        ),
        (
            ("{PatientID}", "timestamp"),
            "01/02/03",
            {"acquisition.timestamp": "2003-01-02T00:00:00.000+01:00"},
            {},
        ),
        (("{PatientID}", "{subject:s.1}"), "s-1", {}, {"subject.label": "s-1"}),
        (("{PatientID}", "[*+]{subject}!r"), "?a", {"subject.label": "a"}, {}),
        (("{StudyID|none}", "subject"), "x", {}, {"subject.label": "none"}),
        (("{PatientID/_.*$//}", "subject"), "1_2", {}, {"subject.label": "1"}),
        (("{PatientID}", "subject.sex"), "malefoo", {"subject.sex": "malefoo"}, {}),
        (("{PatientID}", "session.age"), "034Y", {}, {"session.age": 1_072_958_400}),
        (
            ("{PatientID}", "subject.tags"),
            "a, b",
            {"subject.tags": "a, b"},
            {"subject.tags": "a,b"},
        ),
        (("{PatientID}", "subject"), "a\r\n", {"subject.label": "a_"}, {"subject.label": "a"}),
        (("{PatientID}", r"{subject:\d+}"), "١٢", {"subject.label": "١٢"}, {}),
        (("{PatientID}", "subject"), " a ", {"subject.label": " a "}, {"subject.label": "a"}),
    ],
)
def test_deviations(mapping: Pair, text: str, there: dict[str, Any], here: dict[str, Any]) -> None:
    data = {"PatientID": text}
    found = {
        name: ",".join(value) if isinstance(value, list) else value
        for name, value in theirs([mapping], data).items()
        if not name.endswith(".timezone")
    }
    assert found == there
    assert ours([mapping], data) == here


def test_places_are_not_mixed() -> None:
    mappings = [("PatientComments", ROUTING), ("StudyComments", ROUTING)]
    data = {"PatientComments": "fw://g1", "StudyComments": "fw://g2/p2"}
    assert theirs(mappings, data) == {"group._id": "g1", "project.label": "p2"}
    assert ours(mappings, data) == {"group._id": "g1"}


@pytest.mark.parametrize(
    "mapping",
    [
        ("PatientID", "{subject:[a-z]+}"),
        ("PatientID", r"{subject:\d{3}}"),
        ("PatientID", "{subject}_{subject}"),
        ("PatientID", r"\*{subject}"),
        ("{PatientID/_(a|b)/}", "subject"),
        ("{PatientID/(?:a)/}", "subject"),
        ("{PatientID:03d}", "subject"),
    ],
)
def test_what_raises_there(mapping: Pair) -> None:
    with pytest.raises(Exception):  # noqa: B017  whatever its re and its parser raise
        theirs([mapping], {"PatientID": "x"})
    compile_mappings([mapping])


@pytest.mark.parametrize(
    "mapping",
    [("PatientIDD", "subject"), ("PatientID", "(?=a){subject}"), ("{PatientID:>999}", "sub")],
)
def test_what_is_refused_here(mapping: Pair) -> None:
    theirs([mapping], {"PatientID": "x"})
    with pytest.raises(ConfigurationError):
        compile_mappings([mapping])
