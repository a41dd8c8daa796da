"""Profiles from anywhere: they load, or are refused in so many words; nothing else."""

from __future__ import annotations

import json
import pickle
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from causeway.deidentify.profile import (
    SHIPPED,
    Profile,
    compile_profile,
    parse_flywheel,
    parse_toml,
    shipped_text,
)
from causeway.deidentify.profile.actions import WORDS
from causeway.deidentify.profile.descriptors import Descriptors
from causeway.deidentify.profile.flywheel_keys import (
    HONOURED_IN_DICOM,
    HONOURED_IN_FIELD,
    ONE_VALUE,
    REFUSED,
    REFUSED_IN_DICOM,
    REFUSED_IN_FIELD,
)
from causeway.deidentify.standard import Option
from causeway.errors import ConfigurationError

ATTRIBUTES = st.sampled_from(
    [
        "StudyID",
        "(0010,4000)",
        "60xx3000",
        "PerformedSeriesSequence.*.StudyID",
        '(0019,"ACME",0C)',
        '(0019,"ACME",*)',
        "StudyDate",
        "Nothing",
        "SOPClassUID",
        "",
        "a.b.c",
        "(0019,100C)",
    ]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**12), 10**12),
    st.floats(allow_nan=True),
    st.text(max_size=12),
    ATTRIBUTES,
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


def loads_or_is_refused(parse: Any, text: str) -> Profile | None:
    try:
        profile: Profile = parse(text, file="any")
    except ConfigurationError:
        return None
    plan = compile_profile(profile)
    assert len(plan.digest) == 64
    assert pickle.loads(pickle.dumps(plan)).digest == plan.digest
    assert bool(plan.codes) == plan.is_conformant
    return profile


@given(st.text(max_size=200))
@example("a: &a [*a]")
@example("a: *b")
@example("? [a]: b")
@example("[" * 2000)
@example("{a: " * 2000)
@example("- " * 3000)
@example("<<: {a: 1}")
@example("name: 1e400")
@example("name: .inf\ndicom: {date-increment: .nan}")
@example("name: 0o99\ndicom: 2020-13-45")
@example("%YAML 9.9\n---\na")
@example("--- a\n--- b")
@example("\x00")
@example("!!binary a")
@example("name: 0x\ndicom: 1:99:99999999999999999999")
def test_any_text_as_yaml(text: str) -> None:
    loads_or_is_refused(parse_flywheel, text)


@given(st.text(max_size=200))
@example("a = " + "[" * 2000)
@example('name = "x"\n[[override]]\n[[override]]')
@example("override = 1")
@example("\ud800")
def test_any_text_as_toml(text: str) -> None:
    loads_or_is_refused(parse_toml, text)


TOP_KEYS = (
    "name description base options dates ages private unknown allow_only descriptors override "
    "nothing"
)
OVERRIDE_KEYS = (
    "attributes matches creator groups action value insert days pattern output otherwise why "
    "nothing"
)
TOP = st.sampled_from(TOP_KEYS.split())
OVERRIDE = st.dictionaries(
    st.sampled_from(OVERRIDE_KEYS.split()),
    st.one_of(
        ANYTHING,
        st.sampled_from(WORDS),
        st.lists(ATTRIBUTES, max_size=3),
        st.sampled_from([".*Date", "(", "(?P<a>.*)", "{a}"]),
    ),
    max_size=6,
)


def as_toml(table: dict[str, Any]) -> str:
    """JSON's texts, numbers, lists and truths are TOML's, and so are inline tables, nearly."""

    def value(thing: Any) -> str:
        if isinstance(thing, dict):
            return "{" + ", ".join(f"{json.dumps(k)} = {value(v)}" for k, v in thing.items()) + "}"
        if isinstance(thing, list):
            return "[" + ", ".join(map(value, thing)) + "]"
        if thing is None:
            return '""'
        if isinstance(thing, float):
            return repr(thing)
        return json.dumps(thing)

    return "\n".join(f"{json.dumps(key)} = {value(thing)}" for key, thing in table.items())


@settings(max_examples=300)
@given(
    st.dictionaries(
        TOP,
        st.one_of(
            ANYTHING,
            st.lists(st.sampled_from(list(Option)), max_size=4),
            st.lists(OVERRIDE, max_size=3),
            st.sampled_from(["basic", "none", "modified", "full", "keep"]),
        ),
        max_size=6,
    )
)
def test_any_profile_in_toml(table: dict[str, Any]) -> None:
    loads_or_is_refused(parse_toml, as_toml({"name": "x", **table}))


FIELD = st.dictionaries(
    st.sampled_from([*HONOURED_IN_FIELD, *REFUSED_IN_FIELD, "nothing"]),
    st.one_of(ANYTHING, ATTRIBUTES, st.just(True)),
    max_size=4,
)


@settings(max_examples=300)
@given(
    st.dictionaries(
        st.sampled_from([*HONOURED_IN_DICOM, *ONE_VALUE, *REFUSED_IN_DICOM, "nothing"]),
        st.one_of(ANYTHING, st.lists(FIELD, max_size=3)),
        max_size=5,
    ),
    st.dictionaries(st.sampled_from([*REFUSED, "version", "nothing"]), ANYTHING, max_size=1),
)
def test_any_profile_of_flywheels(dicom: dict[str, Any], top: dict[str, Any]) -> None:
    loads_or_is_refused(parse_flywheel, json.dumps({"name": "x", "dicom": dicom, **top}))


@given(st.data())
def test_a_shipped_profile_with_a_character_changed(data: st.DataObject) -> None:
    text = shipped_text(data.draw(st.sampled_from(SHIPPED)))
    at = data.draw(st.integers(0, len(text) - 1))
    loads_or_is_refused(parse_toml, text[:at] + data.draw(st.text(max_size=2)) + text[at + 1 :])


@given(st.text(max_size=80))
def test_descriptions_only_lose(text: str) -> None:
    """Each word that is left was there; cleaning what is clean changes nothing."""
    clean = Descriptors()
    made = clean(text)
    assert len(made) <= len(text)
    assert clean(made) == made


@given(st.integers(10_000, 10**12))
def test_no_long_number_stays(number: int) -> None:
    for text in (f"{number}", f"MR{number}", f"knee {number}", f"{number}ab", f"T1_{number}_x"):
        assert str(number) not in Descriptors()(text)
