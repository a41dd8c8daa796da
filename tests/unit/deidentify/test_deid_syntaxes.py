"""Editing in place: each transfer syntax, and each odd way of writing."""

from __future__ import annotations

import pytest
from deid_cases import (
    BIRTH,
    COMMENT,
    CONTENT,
    ID,
    NAME,
    SERIES,
    SYNTAXES,
    deflated,
    doubt,
    edited,
    items,
)
from deid_parts import (
    BIG,
    DEFLATED,
    IMPLICITLY,
    SUBJECT,
    E,
    Write,
    cleaned,
    plan,
    rule,
)

from causeway.deidentify.edit.reading import read_level


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_rules_are_applied_at_every_depth_in_each_transfer_syntax(syntax: str) -> None:
    write = SYNTAXES[syntax]
    rules = {NAME: rule("Z"), COMMENT: rule("X"), SERIES: rule("D"), 0x00081155: rule("U")}
    inner = (
        write.element(0x00081155, "UI", "1.2.3.4"),
        write.element(NAME, "PN", "DOE^JOHN"),
        write.element(COMMENT, "LT", "a secret"),
    )
    deep = write.sequence(CONTENT, write.item(*inner), undefined=True)
    made = edited(
        write,
        write.element(SERIES, "LO", "Knee of DOE"),
        write.sequence(CONTENT, write.item(deep), write.item(*inner, undefined=True)),
        write.element(NAME, "PN", "DOE^JOHN"),
        write.element(COMMENT, "LT", "another"),
        by=plan(rules),
        syntax=syntax,
    )
    assert made[SERIES].value == b"REMOVED "
    assert made[NAME].value == b""
    assert COMMENT not in made
    first, second = items(made[CONTENT], write)
    (third,) = items(first[CONTENT], write)
    for item in (second, third):
        assert item[0x00081155].value.rstrip(b"\0").decode() == SUBJECT.uid("1.2.3.4")
        assert item[NAME].value == b""
        assert COMMENT not in item


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_what_no_rule_touches_stays_byte_for_byte(syntax: str) -> None:
    write = SYNTAXES[syntax]
    kept = (
        write.element(0x00080060, "CS", "CT"),
        write.element(0x00180050, "DS", " 1.50 "),
        write.element(0x00280010, "US", b"\1\2"),
        write.element(0x7FE00010, "OW", bytes(range(256)) * 4),
    )
    made = edited(write, *kept, syntax=syntax)
    for element in read_level(b"".join(kept), implicit=write.implicit, little=write.little):
        assert made[element.tag].value == element.value


def test_the_same_bytes_come_out_however_often() -> None:
    data = E.head() + E.element(NAME, "PN", "A") + E.element(ID, "LO", "7")
    by = plan()
    assert cleaned(data, by)[0] == cleaned(data, by)[0]


def test_deflated_data_that_cannot_be_inflated_are_doubt() -> None:
    assert doubt(b"\xff" * 8, syntax=DEFLATED, head=False) == "structure"
    cut = deflated(E.head() + E.element(NAME, "PN", "A"))[:-6]
    assert doubt(cut, syntax=DEFLATED, head=False) == "size"


def test_a_deflated_bomb_is_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causeway.deidentify.edit.clean.INFLATED_LIMIT", 10_000)
    bomb = deflated(E.head() + E.element(0x7FE00010, "OW", bytes(100_000)))
    assert doubt(bomb, syntax=DEFLATED, head=False) == "size"


def test_a_big_endian_object_that_does_not_fit_in_memory_is_doubt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("causeway.deidentify.edit.clean.SIZE_LIMIT", 100)
    write = SYNTAXES[BIG]
    data = write.head() + write.element(0x7FE00010, "OW", bytes(1000))
    assert doubt(data, syntax=BIG, head=False) == "size"


def test_lengths_of_groups_and_what_belongs_to_files_go() -> None:
    made = edited(
        E,
        E.element(0x00100000, "UL", bytes(4)),
        E.element(NAME, "PN", "A"),
    )
    assert 0x00100000 not in made
    data = E.element(0x00020016, "AE", "SOURCE") + E.element(0x00080001, "UL", bytes(4)) + E.head()
    made_bytes = cleaned(data, plan())[0]
    assert b"SOURCE" not in made_bytes
    assert read_level(made_bytes, implicit=False)[0].tag == 0x00080005


def test_known_tags_under_vr_un_are_edited_by_what_they_are() -> None:
    rules = {COMMENT: rule("X"), BIRTH: rule("shift")}
    made = edited(
        E,
        E.element(NAME, "UN", "DOE^JOHN"),
        E.element(BIRTH, "UN", "19700101"),
        E.element(COMMENT, "UN", "a secret"),
        by=plan(rules),
    )
    assert made[NAME].value == b""
    assert made[BIRTH].value.decode() == SUBJECT.date("19700101")
    assert COMMENT not in made


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize("inner", [IMPLICITLY, E])
def test_sequences_under_vr_un_are_entered(undefined: bool, inner: Write) -> None:
    item = inner.item(inner.element(NAME, "PN", "DOE^JOHN"), inner.element(0x00080060, "CS", "CT"))
    made = edited(E, E.sequence(CONTENT, item, undefined=undefined, vr="UN"))
    (first,) = (
        [{each.tag: each for each in found} for found in made[CONTENT].items]
        if made[CONTENT].items is not None
        else items(made[CONTENT], inner)
    )
    assert first[NAME].value == b""
    assert first[0x00080060].value == b"CT"


def test_a_sequence_under_un_that_can_be_read_both_ways_is_doubt() -> None:
    # Explicit: PN of 26 bytes. Implicit: one value, as long as "PN" and 26 make together.
    length = int.from_bytes(b"PN\x1a\0", "little")
    value = E.element(NAME, "PN", "A" * 26) + E.element(0x00204000, "UT", bytes(length - 26 - 12))
    assert doubt(E.sequence(CONTENT, E.item(value), vr="UN")) == "structure"


def test_unknown_sequences_that_stay_are_entered() -> None:
    inner = IMPLICITLY.item(IMPLICITLY.element(NAME, "PN", "DOE^JOHN"))
    by = plan(unknown=rule("K"), other_private=rule("K"))
    made, _ = cleaned(
        E.head()
        + E.element(0x00090010, "LO", "SOMEBODY")
        + E.element(0x00091001, "UN", inner)
        + E.element(0x0010FFF0, "UN", inner)
        + E.element(0x0010FFF2, "UN", b"\xfe\xff\x00\xe0 no items"),
        plan(unknown=rule("X"), other_private=rule("K")),
    )
    assert b"DOE" not in made
    assert b"SOMEBODY" in made
    made, _ = cleaned(E.head() + E.element(0x0010FFF0, "UN", inner), by)
    assert b"DOE" not in made
    assert doubt(E.element(0x0010FFF2, "UN", b"\xfe\xff\x00\xe0 no items "), by) == "structure"


def test_a_sequence_under_the_vr_of_a_value_is_doubt() -> None:
    hidden = E.item(E.element(NAME, "PN", "DOE^JOHN"))
    assert doubt(E.element(CONTENT, "OB", hidden)) == "vr"


def test_private_sequences_of_undefined_length_are_stepped_over() -> None:
    inner = IMPLICITLY.item(IMPLICITLY.element(NAME, "PN", "DOE^JOHN"), undefined=True)
    data = E.sequence(0x00091001, inner, undefined=True, vr="UN") + E.element(0x00100040, "CS", "O")
    made = edited(E, data)
    assert 0x00091001 not in made
    assert 0x00100040 in made


def test_implicit_elements_among_explicit_ones_are_edited() -> None:
    made = edited(E, IMPLICITLY.element(NAME, "PN", "DOE^JOHN"), E.element(0x00100040, "CS", "O"))
    assert made[NAME].value == b""
    assert made[0x00100040].value == b"O "


def test_elements_out_of_order_are_put_in_order() -> None:
    made = edited(E, E.element(0x00200010, "SH", "7"), E.element(NAME, "PN", "DOE^JOHN"))
    assert made[NAME].value == b""


@pytest.mark.parametrize("between", [b"", E.element(0x00100040, "CS", "O")])
def test_elements_that_come_twice_are_doubt(between: bytes) -> None:
    name = E.element(NAME, "PN", "DOE^JOHN")
    assert doubt(name + between + name) == "structure"


def test_a_vr_that_is_none_is_doubt() -> None:
    assert doubt(E.element(0x00100040, "ZZ", "O")) == "vr"


def test_repeating_groups_are_found_by_mask() -> None:
    masks = ((0xFF00FFFF, 0x60003000, rule("X")), (0xFF000000, 0x50000000, rule("X")))
    made = edited(
        E,
        E.element(0x50020010, "US", b"\1\0"),
        E.element(0x60020010, "US", b"\1\0"),
        E.element(0x60023000, "OW", b"burnt in"),
        E.element(0x60FE3000, "OW", b"burnt in"),
        by=plan(by_mask=masks),
    )
    assert set(made) & {0x50020010, 0x60020010, 0x60023000, 0x60FE3000} == {0x60020010}


def test_standard_attributes_that_nobody_knows_go() -> None:
    assert 0x0010FFF0 not in edited(E, E.element(0x0010FFF0, "LO", "a secret"))
