"""Editing in place: values by action and representation, in each character set."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from deid_cases import (
    BIRTH,
    COMMENT,
    CONTENT,
    CONTENT_LATER,
    ID,
    SYNTAXES,
    doubt,
    edited,
    items,
    type_of,
    value,
)
from deid_parts import (
    BIG,
    CT,
    EXPLICIT,
    INSTANCE,
    SUBJECT,
    E,
    Object,
    cleaned,
    plan,
    rule,
    source_of,
)

from causeway.deidentify.edit.clean import clean
from causeway.deidentify.edit.reading import read_level
from causeway.deidentify.errors import Doubt


def lower(text: str) -> str:
    return text.replace("DOE", "x")


@pytest.mark.parametrize(
    ("charset", "old", "new"),
    [
        ("ISO_IR 100", "DOE Müller".encode("latin-1"), "x Müller".encode("latin-1")),
        ("ISO_IR 192", "DOE Müller".encode(), "x Müller".encode()),
        ("", "DOE Müller".encode(), "x Müller".encode()),
        ("GB18030", "DOE 王小东乗".encode("gb18030"), "x 王小东乗".encode("gb18030")),
        (
            "\\ISO 2022 IR 87",
            b"DOE \x1b$B;3ED\x1b(B\\DOE",
            b"x \x1b$B;3ED\x1b(B\\x",
        ),
        (
            "\\ISO 2022 IR 149",
            b"DOE^\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf",
            b"x^\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf",
        ),
    ],
)
def test_text_is_edited_in_its_character_set(charset: str, old: bytes, new: bytes) -> None:
    made = value("edit", "LO", old, charset=charset, edit=lower)
    assert made is not None
    assert made.rstrip(b" ") == new


def test_each_level_has_its_character_set() -> None:
    inner = E.item(
        E.element(0x00080005, "CS", "ISO_IR 192"),
        E.element(COMMENT, "LO", "DOE Müller".encode()),
    )
    inherits = E.item(E.element(COMMENT, "LO", "DOE Müller".encode("latin-1")))
    by = plan({COMMENT: rule("edit", edit=lower)})
    made = edited(E, E.sequence(CONTENT, inner, inherits), by=by)
    first, second = items(made[CONTENT])
    assert first[COMMENT].value.rstrip() == "x Müller".encode()
    assert second[COMMENT].value.rstrip() == "x Müller".encode("latin-1")


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_a_character_set_that_nobody_knows_is_doubt(syntax: str) -> None:
    write = SYNTAXES[syntax]
    assert doubt(write.head("DOE^JOHN"), syntax=syntax, head=False) == "charset"


def test_character_sets_stay_whatever_the_plan_says() -> None:
    by = plan({0x00080005: rule("X"), COMMENT: rule("K")}, other=rule("X"))
    assert edited(E, E.element(COMMENT, "LO", "Müller".encode("latin-1")), by=by)[0x00080005]


def test_what_the_character_set_cannot_write_is_doubt() -> None:
    with pytest.raises(Doubt) as caught:
        value("replace", "LO", "x", value="王")
    assert caught.value.code == "charset"


@pytest.mark.parametrize(
    ("action", "vr", "old", "new"),
    [
        ("Z", "LO", "x", b""),
        ("D", "LO", "x", b"REMOVED "),
        ("D", "DA", "20200101", b"19000101"),
        ("D", "DS", "12.5", b"0 "),
        ("D", "US", b"\7\0", b"\0\0"),
        ("D", "FD", bytes(16), bytes(8)),
        ("D", "OB", b"abc", bytes(8)),
        ("X", "LO", "x", None),
        ("replace", "IS", "7", b"42"),
        ("replace", "US", b"\7\0", b"\x2a\0"),
        ("replace", "FL", bytes(4), struct.pack("<f", 42)),
        ("age", "AS", "091Y", b"090Y"),
        ("age", "AS", "089Y", b"089Y"),
        ("age", "AS", "old", b""),
        ("shift", "TM", "101500", b"101500"),
        ("shift", "DA", "yesterday", None),
        ("shift", "DA", "", b""),
        ("edit", "LO", "DOE\\ROE", b"x\\ROE "),
        ("edit", "LT", "a\\DOE", b"a\\x "),
        ("pseudonym", "LO", "", b""),
    ],
)
def test_values_by_action_and_vr(action: str, vr: str, old: bytes | str, new: bytes | None) -> None:
    assert value(action, vr, old, value="42", edit=lower) == new


def test_several_dates_are_moved_each_and_those_that_are_none_go() -> None:
    days = [SUBJECT.date("20200101"), SUBJECT.date("20200202")]
    assert (
        value("shift", "DA", "20200101\\never\\20200202")
        == "\\".join(map(str, days)).encode() + b" "
    )


@pytest.mark.parametrize(
    ("action", "vr"), [("pseudonym", "DA"), ("pseudonym", "IS"), ("edit", "OB"), ("shift", "US"),
                       ("age", "FD"), ("replace", "OB")],
)  # fmt: skip
def test_rules_that_make_no_sense_for_a_vr_are_doubt(action: str, vr: str) -> None:
    with pytest.raises(Doubt) as caught:
        value(action, vr, b"12345678", value="x", edit=lower)
    assert caught.value.code == "rule"


def test_several_uids_are_mapped_each_and_those_of_the_standard_stay() -> None:
    old = "1.2.3\\1.2.840.10008.1.2\\1.2.840.10008.999.4711\\"
    made = value("U", "UI", old, tag=0x00081155)
    assert made is not None
    first, second, third, last = made.decode().rstrip("\0").split("\\")
    assert first == SUBJECT.uid("1.2.3")
    assert second == "1.2.840.10008.1.2"
    assert third == SUBJECT.uid("1.2.840.10008.999.4711")
    assert last == ""


def test_a_uid_that_must_be_there_is_never_empty() -> None:
    made = value("D", "UI", "", tag=0x00081155)
    assert made is not None
    assert made.startswith(b"2.25.")


def test_the_ids_of_others_are_theirs() -> None:
    by = plan({ID: rule("pseudonym")})
    inner = [E.item(E.element(ID, "LO", each)) for each in ("PHANTOM-1", "DONOR-7")]
    made = edited(E, E.element(ID, "LO", "PHANTOM-1"), E.sequence(CONTENT_LATER, *inner), by=by)
    first, second = items(made[CONTENT_LATER])
    assert made[ID].value == first[ID].value == SUBJECT.patient_id().encode()
    assert second[ID].value not in (made[ID].value, b"DONOR-7 ")


def test_a_birth_date_goes_with_an_age_that_must_not_be_told() -> None:
    assert value("shift", "DA", "19300101", tag=BIRTH) == str(SUBJECT.date("19300101")).encode()


@pytest.mark.parametrize(
    ("action", "by_type"),
    [
        ("Z", {"1": "D", "2": "Z", "3": "Z", "": "Z", "?": "Z"}),
        ("Z/D", {"1": "D", "2": "Z", "3": "Z", "": "Z", "?": "D"}),
        ("X/Z", {"1": "D", "2": "Z", "3": "X", "": "X", "?": "Z"}),
        ("X/D", {"1C": "D", "2": "Z", "3": "X", "": "X", "?": "D"}),
        ("X/Z/D", {"1": "D", "2C": "Z", "3": "X", "": "X", "?": "D"}),
    ],
)
def test_combined_codes_depend_on_the_type(action: str, by_type: dict[str, str]) -> None:
    for kind, expected in by_type.items():
        by = plan({COMMENT: rule(action)})
        data = E.head() + E.element(COMMENT, "LO", "x")
        made = clean(
            source_of(Object(None, data, CT, INSTANCE, EXPLICIT)),  # type: ignore[arg-type]
            plan=by,
            subject=SUBJECT,
            types=type_of(kind),
        )
        found = read_level(b"".join(made.pieces()), implicit=False)
        values = {each.tag: each.value for each in found}
        assert values.get(COMMENT) == {"D": b"REMOVED ", "Z": b"", "X": None}[expected]


def test_identifiers_become_tokens_of_their_kind() -> None:
    made = value("pseudonym", "SH", "A123", tag=0x00080050)
    assert made == SUBJECT.token("00080050", "A123").encode()
    assert value("pseudonym", "SH", "A123", tag=0x00200010) not in (made, b"A123")


def test_what_nothing_can_clean_goes() -> None:
    assert value("C", "LO", "x") is None


STUDY_DATE = 0x00080020


@pytest.mark.parametrize(
    ("attribute_type", "expected"), [("1", "19000101"), ("2C", ""), ("3", None), ("", None)]
)
def test_a_date_that_cannot_be_read_leaves_what_its_type_asks_for(
    attribute_type: str, expected: str | None
) -> None:
    data = E.head() + E.element(STUDY_DATE, "DA", "***")
    made = clean(
        source_of(Object(Path(), data, CT, INSTANCE, EXPLICIT)),
        plan=plan({STUDY_DATE: rule("shift")}),
        subject=SUBJECT,
        types=lambda sop_class, tag: attribute_type,
    )
    found = read_level(b"".join(made.pieces()), implicit=False)
    values = [each.value.decode() for each in found if each.tag == STUDY_DATE]
    assert values == ([] if expected is None else [expected])


def test_a_reference_to_a_study_below_goes_rather_than_being_empty() -> None:
    study = E.sequence(0x00081110, E.item(E.element(0x00081155, "UI", "1.2.3.4")))
    data = E.head() + E.sequence(0x00400275, E.item(study))
    made, _ = cleaned(data, plan({0x00081110: rule("X/Z")}))
    assert b"\x08\x00\x10\x11" not in made
