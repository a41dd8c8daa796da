"""Identifiers where nobody looks: under another VR, in times, behind escapes, in what is retired.

Each is planted by itself, taken through editor and proof by a shipped profile, and is gone or holds
the object back.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from deid_parts import BIG, EXPLICIT, IMPLICIT, SUBJECT, E, Object, Write, source_of
from deid_planting import writer_for

from causeway.deidentify.edit.clean import clean
from causeway.deidentify.edit.syntax import LONG_VRS, SHORT_VRS
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Plan
from causeway.deidentify.profile import compile_profile, load_profile
from causeway.deidentify.proof import prove
from causeway.deidentify.standard import attribute_type

PLANS = {name: compile_profile(load_profile(name)) for name in ("basic", "research")}
CT, INSTANCE = "1.2.840.10008.5.1.4.1.1.2", "1.2.826.0.1.3680043.8.498.1"
NAME, TOKEN, DATE = "Quacksalber^Ottokar", "zq-token-77", "20240311"
STUDY = "1.2.826.0.1.3680043.8.498.4711"
SEARCHED = (b"quacksalber", b"ottokar", TOKEN.encode(), DATE.encode(), STUDY.encode())

NO_SEQUENCE = sorted((SHORT_VRS | LONG_VRS) - {"SQ"})


def left_of(
    elements: Iterable[tuple[int, bytes]], plan: Plan, syntax: str = EXPLICIT
) -> list[bytes] | str:
    """What is left in the output, or the code of the doubt."""
    write = writer_for(syntax)
    made = {
        0x00080005: write.element(0x00080005, "CS", "ISO_IR 100"),
        0x00080016: write.element(0x00080016, "UI", CT),
        0x00080018: write.element(0x00080018, "UI", INSTANCE),
        0x00100010: write.element(0x00100010, "PN", NAME),
        0x00100020: write.element(0x00100020, "LO", "HH47119"),
        0x0020000D: write.element(0x0020000D, "UI", STUDY),
        **dict(elements),
    }
    data = b"".join(made[tag] for tag in sorted(made))
    source = source_of(Object(None, data, CT, INSTANCE, syntax))  # type: ignore[arg-type]
    try:
        cleaned = clean(source, plan=plan, subject=SUBJECT, types=attribute_type)
        prove(source, cleaned, plan)
    except Doubt as doubt:
        return doubt.code
    folded = b"".join(cleaned.pieces()).lower().replace(b"\0", b"")
    return [each for each in SEARCHED if each in folded]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("vr", NO_SEQUENCE)
def test_a_name_under_any_vr(vr: str, plan: Plan) -> None:
    """In attributes that go, that are cleaned, and that stay; a manufacturer must not be binary."""
    for tag in (0x00100010, 0x00081030, 0x00080080, 0x00080070, 0x00081090, 0x00180015, 0x00283006):
        for syntax in (EXPLICIT, BIG):
            value = writer_for(syntax).element(tag, vr, f"{NAME}     ")
            assert left_of([(tag, value)], plan, syntax) in ([], "identifier_left", "rule", "vr"), (
                f"{tag:08X}"
            )


@pytest.mark.parametrize("vr", NO_SEQUENCE)
def test_a_date_under_any_vr(vr: str) -> None:
    for tag in (0x00080020, 0x00080021, 0x0008002A, 0x00080030, 0x00080031):
        left = left_of([(tag, E.element(tag, vr, DATE))], PLANS["research"])
        assert left in ([], "rule", "vr"), f"{tag:08X}"


@pytest.mark.parametrize(
    ("value", "stays"),
    [
        ("101500.123456", True),
        ("1015", True),
        ("10:15:00", True),
        ("235960", True),
        (f"{DATE}101500", False),
        (f"{DATE}", False),
        (f"1015\\{DATE}", False),
        ("251500", False),
    ],
)
def test_a_time_stays_and_a_date_in_its_place_does_not(value: str, stays: bool) -> None:
    data = E.head() + E.element(0x00080031, "TM", value) + E.element(0x00100020, "LO", "HH47119")
    source = source_of(Object(None, data, CT, INSTANCE, EXPLICIT))  # type: ignore[arg-type]
    made = clean(source, plan=PLANS["research"], subject=SUBJECT, types=attribute_type)
    assert (value.encode() in b"".join(made.pieces())) == stays


def several(write: Write, vr: str, *tags: int) -> list[tuple[int, bytes]]:
    return [(tag, write.element(tag, vr, TOKEN)) for tag in tags]


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_what_the_table_does_not_list(syntax: str, plan: Plan) -> None:
    write = writer_for(syntax)
    for elements in (
        several(write, "SH", 0x00401006, 0x00401007, 0x00402006, 0x00402007),
        several(write, "LO", 0x00100033, 0x00100034, 0x00102295),
        several(write, "LT", 0x00400400, 0x00240044, 0x00741238, 0x40004000, 0x40080300),
        several(write, "ST", 0x30020004, 0x300A0402, 0x00420010),
        [(0x00081190, write.element(0x00081190, "UR", f"https://a.example/{STUDY}/{TOKEN}"))],
        several(write, "LO", 0x00030010, 0x00031001),
    ):
        assert left_of(elements, plan, syntax) == []


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
@pytest.mark.parametrize(
    "value", [b"Quack\x1b(Bsalber", b"Quack\0salber", b"\x1b(Ottokar", b"Quacksalber\x1b(B"]
)
def test_what_a_reader_does_not_see_hides_nothing(value: bytes, plan: Plan) -> None:
    stays = [(0x00081090, E.element(0x00081090, "LO", value))]
    assert left_of(stays, plan) == "identifier_left"


@pytest.mark.parametrize("vr", ["OB", "UT", "LO", "OW"])
def test_items_under_the_vr_of_a_value_are_not_passed_on(vr: str) -> None:
    items = Write(implicit=True).item(E.element(0x00081030, "LO", TOKEN))
    stays = [(0x00082218, E.element(0x00082218, vr, items))]
    assert left_of(stays, PLANS["basic"]) == "vr"


def test_items_under_a_text_that_stays_are_edited() -> None:
    items = E.item(E.element(0x00081030, "LO", TOKEN), E.element(0x00100010, "PN", NAME))
    stays = [(0x00080070, E.sequence(0x00080070, items))]
    assert left_of(stays, PLANS["basic"]) == []
