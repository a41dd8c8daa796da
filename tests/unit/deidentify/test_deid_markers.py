"""Editing in place: what says of an object that it was de-identified."""

from __future__ import annotations

import pytest
from deid_cases import NAME, SYNTAXES, doubt, edited, items
from deid_parts import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    E,
    Write,
    cleaned,
    plan,
)

from causeway.deidentify.edit.reading import Element, read_level
from causeway.deidentify.plan import Temporal


def marks(made: dict[int, Element], write: Write = E) -> tuple[bytes, bytes, list[bytes], bytes]:
    codes = [each[0x00080100].value.strip() for each in items(made[0x00120064], write)]
    return made[0x00120062].value, made[0x00120063].value, codes, made[0x00280303].value


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_markers_are_put_where_they_belong(syntax: str) -> None:
    write = SYNTAXES[syntax]
    made = edited(
        write,
        write.element(NAME, "PN", "A"),
        write.element(0x00280010, "US", b"\1\0"),
        syntax=syntax,
    )
    yes, method, codes, temporal = marks(made, write)
    assert (yes, codes, temporal) == (b"YES ", [b"113100"], b"REMOVED ")
    assert method.startswith(b"Causeway test ")


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("undefined", [False, True])
def test_an_earlier_de_identification_is_built_upon(syntax: str, undefined: bool) -> None:
    write = SYNTAXES[syntax]
    theirs = [
        write.item(
            write.element(0x00080100, "SH", value),
            write.element(0x00080102, "SH", "DCM"),
            write.element(0x00080104, "LO", "meaning"),
            undefined=undefined,
        )
        for value in ("113100", "113105")
    ]
    made = edited(
        write,
        write.element(0x00120062, "CS", "NO"),
        write.element(0x00120063, "LO", "Theirs\\More"),
        write.sequence(0x00120064, *theirs, undefined=undefined),
        write.element(0x00280303, "CS", "MODIFIED"),
        by=plan(temporal=Temporal.UNMODIFIED),
        syntax=syntax,
    )
    yes, method, codes, temporal = marks(made, write)
    assert (yes, codes, temporal) == (b"YES ", [b"113100", b"113105"], b"MODIFIED")
    assert method.startswith(b"Theirs\\More\\Causeway test ")


def test_doing_it_twice_marks_once() -> None:
    by = plan()
    once, _ = cleaned(E.head() + E.element(NAME, "PN", "A"), by)
    twice, _ = cleaned(once, by)
    keep = [each for each in read_level(twice, implicit=False) if each.tag >> 16 in (0x12, 0x28)]
    assert keep == [
        each for each in read_level(once, implicit=False) if each.tag >> 16 in (0x12, 0x28)
    ]


def test_a_marker_under_another_vr_is_written_anew() -> None:
    made = edited(E, E.element(0x00120062, "UN", "NO"), E.sequence(0x00120064, vr="UN"))
    assert marks(made)[2] == [b"113100"]


def test_cleaned_pixels_are_marked() -> None:
    data = E.head() + E.element(0x00280301, "CS", "YES")
    made, _ = cleaned(data, plan(), pixels_cleaned=True)
    found = {each.tag: each.value for each in read_level(made, implicit=False)}
    assert found[0x00280301] == b"NO"


def test_an_earlier_method_that_fills_its_vr_is_doubt() -> None:
    assert doubt(E.element(0x00120063, "LO", b"x" * 65_530)) == "length"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_cleaned_pixels_are_said_of_the_object_in_its_codes(syntax: str) -> None:
    """Clean Pixel Data Option (CID 7050): which no profile can promise."""
    write = Write(implicit=syntax == IMPLICIT, little=syntax != BIG)
    data = write.head() + write.element(0x00280301, "CS", "YES")
    for is_cleaned in (False, True):
        result, _ = cleaned(data, plan(), syntax, pixels_cleaned=is_cleaned)
        assert result.count(b"113101") == is_cleaned
        assert result.count(b"113100") == 1
        assert (b"NO" in result) == is_cleaned
