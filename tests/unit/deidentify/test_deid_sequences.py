"""Editing in place: sequences that are dummies, that stay, that are known again."""

from __future__ import annotations

from pathlib import Path

import pytest
from deid_cases import COMMENT, CONTENT, SYNTAXES, edited, items, type_of
from deid_parts import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
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


def code(value: str, meaning: str) -> bytes:
    return E.item(
        E.element(0x00080100, "SH", value),
        E.element(0x00080102, "SH", "99ACME"),
        E.element(0x00080104, "LO", meaning),
    )


def test_a_sequence_that_is_a_dummy_keeps_its_form_and_nothing_of_its_text() -> None:
    persons = E.sequence(0x00401101, code("4711", "Dr. Roe"))
    concept = E.sequence(0x0040A043, code("111", "Finding"))
    text = E.item(
        E.element(0x0040A040, "CS", "TEXT"),
        concept,
        E.element(0x0040A120, "DT", "20200101"),
        E.element(0x0040A123, "PN", "ROE^JANE"),
        E.element(0x0040A160, "UT", "John Doe has it"),
        persons,
        E.element(0x0040A30A, "DS", "1.5 "),
    )
    made = edited(E, E.sequence(0x0040A730, text), by=plan({0x0040A730: rule("D")}))
    (item,) = items(made[0x0040A730])
    assert item[0x0040A160].value == item[0x0040A123].value == b"REMOVED "
    assert item[0x0040A120].value == b"19000101000000"
    assert item[0x0040A30A].value == b"1.5 "
    assert item[0x0040A040].value == b"TEXT"
    assert items(item[0x0040A043])[0][0x00080104].value == b"Finding "
    (person,) = items(item[0x00401101])
    assert person[0x00080100].value == person[0x00080104].value == b"REMOVED "


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_a_code_sequence_of_persons_is_a_dummy(syntax: str) -> None:
    by = plan({0x00081072: rule("D")})
    write = SYNTAXES[syntax]
    code = write.item(
        write.element(0x00080100, "SH", "4711"), write.element(0x00080104, "LO", "Dr. Roe")
    )
    person = write.item(write.sequence(0x00401101, code))
    made, _ = cleaned(write.head() + write.sequence(0x00081072, person), by, syntax)
    assert b"Roe" not in made
    assert b"4711" not in made


def test_a_sequence_of_references_stays_where_it_must() -> None:
    by = plan({CONTENT: rule("X/Z/U*"), 0x00081155: rule("U")})
    inner = E.item(E.element(0x00081155, "UI", "1.2.3"))
    data = E.head() + E.sequence(CONTENT, inner)
    expected = {"1": 1, "2": 0, "3": None}
    for kind, number in expected.items():
        again = plan(by.by_tag)
        made = clean(
            source_of(Object(None, data, CT, INSTANCE, EXPLICIT)),  # type: ignore[arg-type]
            plan=again,
            subject=SUBJECT,
            types=type_of(kind),
        )
        found = {each.tag: each for each in read_level(b"".join(made.pieces()), implicit=False)}
        assert (len(items(found[CONTENT])) if CONTENT in found else None) == number


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_a_sequence_that_nothing_can_clean_goes_as_far_as_its_type_lets_it(syntax: str) -> None:
    write = SYNTAXES[syntax]
    inner = write.item(write.element(COMMENT, "LT", "a secret"))
    data = write.head() + write.sequence(CONTENT, inner)
    for kind, number in {"1": 1, "2": 0, "3": None}.items():
        made = clean(
            source_of(Object(Path(), data, CT, INSTANCE, syntax)),
            plan=plan({CONTENT: rule("C")}),
            subject=SUBJECT,
            types=type_of(kind),
        )
        result = b"".join(made.pieces())
        assert b"secret" not in result
        found = {e.tag: e for e in read_level(result, implicit=False, little=write.little)}
        assert (len(items(found[CONTENT], write)) if CONTENT in found else None) == number


@pytest.mark.parametrize("undefined", [False, True], ids=["defined", "undefined"])
def test_a_sequence_is_known_again_only_by_all_of_its_bytes(undefined: bool) -> None:
    """Frames that begin alike, and of which one has a name behind what all say."""
    said = E.element(0x00181250, "SH", "A coil") + E.element(0x00200032, "DS", "1\\2\\3" * 12)

    def frame(*more: bytes) -> bytes:
        inner = E.item(said, *more, undefined=undefined)
        return E.item(E.sequence(0x00289110, inner, undefined=undefined), undefined=undefined)

    def frames(*each: bytes) -> bytes:
        return E.sequence(0x52009230, *each, undefined=undefined)

    named = E.element(0x00280009, "PN", "Quacksalber^Ottokar")
    last = frame(E.element(0x00280008, "IS", "2"))
    data = E.head() + frames(frame(), frame(), frame(named), frame(), last)
    by = plan(by_vr={"PN": rule("X")})
    for _ in range(2):  # the second time all are known
        result, found = cleaned(data, by)
        assert frames(frame(), frame(), frame(), frame(), last) in result
        assert found.taken == {"Quacksalber^Ottokar"}


def test_what_one_plan_steps_over_another_looks_into() -> None:
    inner = E.sequence(0x00289110, E.item(E.element(0x00181250, "SH", "A coil")))
    data = E.head() + E.sequence(0x52009230, E.item(inner), E.item(inner))
    assert cleaned(data, plan())[0].count(b"A coil") == 2
    assert cleaned(data, plan({0x00181250: rule("X")}))[0].count(b"A coil") == 0
