"""Editing in place: rules by path, what is put in, and what is told of it."""

from __future__ import annotations

import struct

import pytest
from deid_cases import COMMENT, CONTENT, CONTENT_LATER, ID, NAME, SYNTAXES, doubt, edited, items
from deid_parts import (
    BIG,
    CT,
    EXPLICIT,
    IMPLICIT,
    E,
    cleaned,
    plan,
    rule,
)

from causeway.deidentify.errors import Doubt


def test_the_rule_of_a_path_comes_first() -> None:
    by = plan(
        by_path={
            (CONTENT, NAME): rule("K"),
            (0, COMMENT): rule("X"),
            (NAME,): rule("replace", value="NOBODY"),
        }
    )
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"), E.element(COMMENT, "LT", "a"))
    made = edited(
        E,
        E.sequence(CONTENT, inner),
        E.element(NAME, "PN", "DOE^JOHN"),
        E.element(COMMENT, "LT", "kept"),
        by=by,
    )
    (first,) = items(made[CONTENT])
    assert first[NAME].value == b"DOE^JOHN"
    assert COMMENT not in first
    assert made[NAME].value == b"NOBODY"
    assert made[COMMENT].value == b"kept"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("is_there", [False, True])
def test_what_is_missing_is_put_in_where_it_belongs(syntax: str, is_there: bool) -> None:
    write = SYNTAXES[syntax]
    by = plan(
        {
            COMMENT: rule("replace", value="for trial 7", inserts=True),
            0x00280010: rule("replace", value="7", inserts=True),
        },
        by_path={(CONTENT, 0x00081150): rule("replace", value="1.2.3", inserts=True)},
    )
    inner = [write.item(write.element(0x00080060, "CS", "CT")), write.item()]
    made = edited(
        write,
        write.sequence(CONTENT, *inner),
        write.element(0x00200010, "SH", "7"),
        *([write.element(COMMENT, "LT", "theirs")] if is_there else []),
        write.element(0x00280100, "US", b"\1\0"),
        by=by,
        syntax=syntax,
    )
    assert made[COMMENT].value == b"for trial 7 "
    assert made[0x00280010].value == struct.pack("<H" if write.little else ">H", 7)
    for item in items(made[CONTENT], write):
        assert item[0x00081150].value == b"1.2.3\0"


def test_counts_and_changes_tell_what_was_done() -> None:
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"))
    data = (
        E.head()
        + E.element(0x00090010, "LO", "SOMEBODY")
        + E.element(NAME, "PN", "ROE^JANE")
        + E.sequence(CONTENT_LATER, inner, inner)
    )
    by = plan()
    _, quiet = cleaned(data, by)
    _, traced = cleaned(data, by, with_changes=True)
    assert quiet.counts == traced.counts == {"U test": 1, "X test": 1, "Z test": 3}
    assert quiet.changes == ()
    assert [(path, each.action.value) for path, each in traced.changes] == [
        ((0x00080018,), "U"),
        ((0x00090010,), "X"),
        ((NAME,), "Z"),
        ((CONTENT_LATER, 0, NAME), "Z"),
        ((CONTENT_LATER, 1, NAME), "Z"),
    ]
    assert quiet.taken == {"DOE^JOHN", "ROE^JANE"}


def test_names_in_sequences_that_go_are_taken() -> None:
    inner = E.item(E.element(NAME, "PN", "DOE^JOHN"), E.element(ID, "LO", "4711"))
    _, found = cleaned(
        E.head() + E.sequence(0x00101002, inner, undefined=True), plan({0x00101002: rule("X")})
    )
    assert {"DOE^JOHN", "4711"} <= found.taken
    assert found.counts == {"U test": 1, "X test": 1}


@pytest.mark.parametrize("syntax", [EXPLICIT, BIG])
def test_rules_that_cannot_be_done_to_sequences_are_doubt(syntax: str) -> None:
    write = SYNTAXES[syntax]
    data = write.head() + write.sequence(CONTENT, write.item(write.element(NAME, "PN", "A")))
    for action in ("pseudonym", "shift", "age", "edit", "replace"):
        by = plan({CONTENT: rule(action, value="x")})
        assert doubt(data, by, syntax, head=False) == "rule"
    for action in ("C", "X"):
        assert b"\x08\0\x40\x11" not in cleaned(data, plan({CONTENT: rule(action)}), syntax)[0]


def test_a_profile_that_removes_the_uid_is_doubt() -> None:
    assert doubt(b"", plan({0x00080018: rule("Z")})) == "rule"


def test_a_function_of_a_profile_may_fail() -> None:
    def fails(text: str) -> str:
        raise RuntimeError(text)

    by = plan({COMMENT: rule("edit", edit=fails)})
    with pytest.raises(Doubt) as caught:
        cleaned(E.head() + E.element(COMMENT, "LT", "DOE^JOHN"), by)
    assert "DOE" not in str(caught.value)


def test_no_doubt_names_a_value() -> None:
    seen: set[str] = set()
    for data in (
        E.element(CONTENT, "OB", E.item(E.element(NAME, "PN", "DOE^JOHN"))),
        E.element(0x00080005, "CS", "DOE^JOHN"),
        E.element(NAME, "PN", "DOE^JOHN") * 2,
    ):
        with pytest.raises(Doubt) as caught:
            cleaned(E.element(0x00080016, "UI", CT) + data, plan())
        seen.add(str(caught.value))
    assert not any("DOE" in each for each in seen)
