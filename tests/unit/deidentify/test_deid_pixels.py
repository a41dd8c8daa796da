"""Editing in place: what stands behind and beside the pixels."""

from __future__ import annotations

import struct

import pytest
from deid_cases import COMMENT, NAME, doubt, edited, items
from deid_parts import (
    JPEG,
    UNDEFINED,
    E,
    cleaned,
    plan,
    rule,
)


def test_padding_and_whatever_is_behind_it_goes() -> None:
    pixels = E.element(0x7FE00010, "OW", bytes(100))
    padding = E.element(0xFFFCFFFC, "OB", b"DOE^JOHN") + b"JUNK OF DOE^JOHN"
    made, _ = cleaned(E.head() + pixels + padding, plan())
    assert b"DOE" not in made
    assert made.endswith(pixels)


def test_elements_behind_the_pixels_are_edited() -> None:
    made = edited(
        E,
        E.element(0x7FE00010, "OW", bytes(100_000)),
        E.element(0x7FE10010, "LO", "SOMEBODY"),
        E.sequence(0xFFFAFFFA, E.item(E.element(NAME, "PN", "DOE^JOHN"))),
    )
    assert 0x7FE10010 not in made
    assert items(made[0xFFFAFFFA])[0][NAME].value == b""


def encapsulated(*fragments: bytes) -> bytes:
    body = b"".join(E.item(each) for each in fragments)
    end = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    return E.element(0x7FE00010, "OB", body + end, UNDEFINED)


@pytest.mark.parametrize("size", [10, 100_000])
def test_encapsulated_pixels_stay(size: int) -> None:
    pixels = encapsulated(b"", b"\1\2" * size, b"\3\4" * size)
    made, _ = cleaned(E.head() + pixels + E.element(0xFFFCFFFC, "OB", b"DOE"), plan(), JPEG)
    assert made.endswith(pixels)


@pytest.mark.parametrize("cut", [1, 8, 12, 30])
def test_encapsulated_pixels_that_are_cut_short_are_doubt(cut: int) -> None:
    assert doubt(encapsulated(b"", b"\1\2" * 20)[:-cut], syntax=JPEG) == "structure"


def test_an_icon_in_fragments_stays_or_goes() -> None:
    icon = E.sequence(0x00880200, E.item(E.element(0x00280010, "US", b"\1\0"), encapsulated(b"ab")))
    assert 0x00880200 in edited(E, icon)
    without = edited(E, icon, by=plan(by_path={(0x00880200, 0x7FE00010): rule("X")}))
    assert set(items(without[0x00880200])[0]) == {0x00280010}
    assert 0x00880200 not in edited(E, icon, by=plan({0x00880200: rule("X")}))
    assert doubt(icon, plan(by_path={(0x00880200, 0x7FE00010): rule("D")})) == "rule"


def test_values_without_length_that_are_no_pixels_are_doubt() -> None:
    body = E.item(b"DOE^JOHN") + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)
    for tag, vr in ((0x00420011, "OB"), (COMMENT, "UT"), (NAME, "UN")):
        assert doubt(E.element(tag, vr, body, UNDEFINED)) == "structure"
