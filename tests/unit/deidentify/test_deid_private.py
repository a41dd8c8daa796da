"""Editing in place: private blocks and elements."""

from __future__ import annotations

import struct

import pytest
from deid_cases import CONTENT_LATER, SYNTAXES, doubt, edited, items
from deid_parts import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    SUBJECT,
    E,
    Write,
    cleaned,
    plan,
    rule,
)

from causeway.deidentify.plan import Plan, Rule


def private(*rules: tuple[str, int, Rule], **more: object) -> Plan:
    return plan(private={(0x0009, name, low): each for name, low, each in rules}, **more)


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_private_elements_stay_by_creator_and_element(syntax: str) -> None:
    write = SYNTAXES[syntax]
    block = (
        write.element(0x00090010, "LO", "OTHER"),
        write.element(0x00090011, "LO", "Acme "),
        write.element(0x00091001, "LO", "a secret"),
        write.element(0x00091101, "LO", "kept"),
        write.element(0x00091102, "LO", "a secret"),
    )
    by = private(("acme", 0x01, rule("K")))
    made = edited(write, *block, write.sequence(CONTENT_LATER, write.item(*block)), by=by,
                  syntax=syntax)  # fmt: skip
    for found in (made, items(made[CONTENT_LATER], write)[0]):
        assert {tag for tag in found if tag >> 16 == 9} == {0x00090011, 0x00091101}


def test_private_blocks_are_reserved_anew_at_each_level() -> None:
    by = private(("acme", 0x01, rule("K")))
    inner = E.item(E.element(0x00091101, "LO", "a secret"))
    made = edited(
        E,
        E.element(0x00090011, "LO", "ACME"),
        E.element(0x00091101, "LO", "kept"),
        E.sequence(CONTENT_LATER, inner),
        by=by,
    )
    assert made[0x00091101].value == b"kept"
    assert items(made[CONTENT_LATER]) == [{}]


def test_one_block_of_two_creators_is_doubt() -> None:
    by = private(("acme", 0x01, rule("K")))
    twice = E.element(0x00090011, "LO", "ACME") + E.element(0x00090011, "LO", "OTHER")
    assert doubt(E.sequence(CONTENT_LATER, E.item(twice)), by) == "structure"


def test_a_long_private_value_stays_or_goes_by_its_own_rule() -> None:
    long = b"x" * 100_000
    block = (
        E.element(0x00090011, "LO", "ACME"),
        E.element(0x00091101, "OB", long),
        E.element(0x00091102, "OB", long),
        E.element(0x00091103, "UN", long),
    )
    keeps = private(("acme", 0x01, rule("K")), ("acme", 0x03, rule("K")))
    assert set(edited(E, *block, by=keeps)) >= {0x00091101, 0x00091103}
    assert 0x00091102 not in edited(E, *block, by=keeps)
    drops = private(("acme", 0x01, rule("X")), other_private=rule("K"))
    made = edited(E, *block, by=drops)
    assert 0x00091101 not in made
    assert made[0x00091102].value == long


def test_uids_in_private_elements_that_stay_are_mapped() -> None:
    by = private(("acme", 0x01, rule("K")))
    made = edited(
        E, E.element(0x00090011, "LO", "ACME"), E.element(0x00091101, "UI", "1.2.3"), by=by
    )
    assert made[0x00091101].value.rstrip(b"\0").decode() == SUBJECT.uid("1.2.3")


def declared(write: Write, status: str, *elements: int) -> bytes:
    order = "<" if write.little else ">"
    listed = struct.pack(f"{order}{len(elements)}H", *elements)
    return write.sequence(
        0x00080300,
        write.item(
            write.element(0x00080301, "US", struct.pack(f"{order}H", 9)),
            write.element(0x00080302, "LO", "ACME"),
            write.element(0x00080303, "CS", status),
            *([write.element(0x00080304, "US", listed)] if elements else []),
        ),
    )


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize(
    ("status", "elements", "stay"),
    [("SAFE", (), {1, 2}), ("MIXED", (0x02,), {2}), ("UNSAFE", (), set()), ("MIXED", (), set())],
)
def test_blocks_that_the_sender_declares_safe_may_stay(
    syntax: str, status: str, elements: tuple[int, ...], stay: set[int]
) -> None:
    write = SYNTAXES[syntax]
    block = (
        write.element(0x00090010, "LO", "ACME"),
        write.element(0x00091001, "LO", "one"),
        write.element(0x00091002, "LO", "two"),
    )
    given = (declared(write, status, *elements), *block,
             write.sequence(CONTENT_LATER, write.item(*block)))  # fmt: skip
    made = edited(write, *given, by=plan(keeps_safe_private=True), syntax=syntax)
    for found in (made, items(made[CONTENT_LATER], write)[0]):
        assert {tag & 0xFF for tag in found if tag >> 8 == 0x000910} == stay
    without = edited(write, *given, by=plan(), syntax=syntax)
    assert not any(tag >> 16 == 9 for tag in without)


def test_blocks_of_one_item_are_not_those_of_the_next() -> None:
    blocks = [E.item(E.element(0x00090010, "LO", each)) for each in ("ONE", "TWO", "ACME")]
    for by in (
        plan(other_private=rule("K")),
        private(("acme", 0x01, rule("K"))),
        plan(keeps_safe_private=True),
        plan(),
    ):
        edited(E, E.sequence(CONTENT_LATER, *blocks, *blocks), by=by)


@pytest.mark.parametrize("first", ["OTHER", "ACME"])
def test_a_block_that_changes_hands_is_doubt_however_often_it_was_seen(first: str) -> None:
    by = private(("acme", 0x01, rule("K")))
    second = "ACME" if first == "OTHER" else "OTHER"
    edited(E, E.sequence(CONTENT_LATER, E.item(E.element(0x00090010, "LO", "OTHER"))), by=by)
    twice = (
        E.element(0x00090010, "LO", first)
        + E.element(0x00091001, "LO", "a secret")
        + E.element(0x00090010, "LO", second)
        + E.element(0x00091001, "LO", "kept")
    )
    assert doubt(E.sequence(CONTENT_LATER, E.item(twice)), by) == "structure"


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_names_in_private_attributes_that_go_are_taken(syntax: str) -> None:
    write = SYNTAXES[syntax]
    name = write.element(0x00091001, "PN", "DOE^JOHN")
    inner = write.element(0x00091001, "PN", "ROE^JANE")
    data = write.head() + name + write.sequence(CONTENT_LATER, write.item(inner))
    assert cleaned(data, plan(), syntax)[1].taken == {"DOE^JOHN", "ROE^JANE"}
