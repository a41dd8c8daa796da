"""Unique tokens in every place where identifiers have been overlooked: none survives.

And nothing goes that the plan leaves: taking away too much is a failure as well.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from deid_parts import DICOM, SUBJECT, Object, read_object, source_of
from deid_planting import (
    CHARSETS,
    DEEP,
    SYNTAXES,
    Garden,
    deflated,
    everything,
    in_order,
    inflated,
    of_all,
    of_defects,
    writer_for,
)
from pydicom.filereader import data_element_generator

from causeway.deidentify.edit.clean import DEFLATED, Cleaned, clean
from causeway.deidentify.edit.markers import VRS as MARKERS
from causeway.deidentify.edit.syntax import is_implicit
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.profile import SHIPPED, compile_profile, load_profile
from causeway.deidentify.proof import prove
from causeway.deidentify.proof.output import BIG_ENDIAN, Element, Output, elements
from causeway.deidentify.proof.traces import rule_of
from causeway.deidentify.standard import attribute_type

BUNDLED = Path(pydicom.__file__).parent / "data"
PLANS = {name: compile_profile(load_profile(name)) for name in SHIPPED}
RESEARCH = PLANS["research"]


def cleaned_by(plan: Plan, found: Object) -> tuple[Cleaned, bytes]:
    made = clean(source_of(found), plan=plan, subject=SUBJECT, types=attribute_type)
    return made, inflated(b"".join(made.pieces()), found.syntax)


# Every transfer syntax with every character set; each of those with one profile, and each profile
# with every transfer syntax.
CASES = [
    pytest.param(syntax, charset, name, id=f"{kind}, {charset}, {name}")
    for at, (kind, syntax) in enumerate(SYNTAXES.items())
    for by, charset in enumerate(CHARSETS)
    for name in [SHIPPED[(at + by) % len(SHIPPED)]]
]


@pytest.mark.parametrize(("syntax", "charset", "profile"), CASES)
def test_every_row_and_every_defect_at_four_depths(syntax: str, charset: str, profile: str) -> None:
    plan = PLANS[profile]
    garden = Garden(plan, charset=charset)
    found = everything(garden, syntax)
    made, output = cleaned_by(plan, found)
    assert len(garden.tokens) > 2500
    assert not garden.leaks(output)
    assert not garden.losses(output)
    assert output.count(b"PIXELPIX") == inflated(found.data, syntax).count(b"PIXELPIX")
    proof = prove(source_of(found), made, plan, pseudonyms=[SUBJECT.patient_id()])
    assert proof.tokens > 500
    assert proof.uids == len(made.uids)


def test_what_is_retained_is_there_under_options() -> None:
    """The test above has something to lose."""
    garden = Garden(RESEARCH)
    everything(garden, SYNTAXES["explicit"])
    assert len(garden.kept) > 100


# --- what is kept and what is gone, attribute by attribute ----------------------------------------


def read(data: bytes, syntax: str) -> list[Element]:
    return list(
        elements(
            Output(
                data=data,
                longs=(),
                pixels=(),
                fetch=lambda offset, size: b"",
                implicit=is_implicit(syntax),
                little_endian=syntax != BIG_ENDIAN,
            )
        )
    )


def is_ours(path: tuple[int, ...]) -> bool:
    """Lengths, padding and markers, which the editor sees to itself."""
    tag = path[-1]
    return path[0] in MARKERS or tag & 0xFFFF == 0 or tag >> 16 in (0, 2, 4, 6) or tag == 0xFFFCFFFC


def rules_along(plan: Plan, path: tuple[int, ...], vr: str) -> list[Action]:
    return [rule_of(plan, tag, vr if tag == path[-1] else "SQ").action for tag in path]


def wrongs(plan: Plan, before: list[Element], after: list[Element]) -> Iterator[str]:
    """What was taken and should not, or stayed and should not. Names tags only."""
    keep = Action.KEEP
    expected: Counter[tuple[tuple[int, ...], bytes]] = Counter()
    for element in before:
        if not is_ours(element.path) and set(rules_along(plan, element.path, element.vr)) == {keep}:
            expected[element.path, element.value.rstrip(b" \0")] += 1
    there = Counter((each.path, each.value.rstrip(b" \0")) for each in after)
    for (path, _), count in (expected - there).items():
        yield f"lost {count} of {tuple(map(hex, path))}"
    for element in after:
        if is_ours(element.path):
            continue
        actions = rules_along(plan, element.path, element.vr)
        if Action.REMOVE in actions and not may_be_safe(plan, element.path):
            yield f"still there: {tuple(map(hex, element.path))}"
        elif actions == [Action.EMPTY] and element.value and not element.value.startswith(DUMMIES):
            yield f"not empty: {tuple(map(hex, element.path))}"


def may_be_safe(plan: Plan, path: tuple[int, ...]) -> bool:
    """Whether it is in private blocks of which some may stay; the editor's tests tell which."""
    return any(tag >> 16 & 1 for tag in path) and bool(plan.private)


DUMMIES = (b"REMOVED", b"19000101", b"000000", b"0")


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_nothing_is_lost_and_nothing_stays_in_a_full_object(plan: Plan) -> None:
    for syntax in SYNTAXES.values():
        found = everything(Garden(plan), syntax)
        _, output = cleaned_by(plan, found)
        before = read(inflated(found.data, syntax), syntax)
        assert not list(wrongs(plan, before, read(output, syntax)))


# --- real objects ---------------------------------------------------------------------------------


def planted(found: Object, garden: Garden) -> Object | None:
    """A real object with all that can be planted beside what it says; None if pydicom cannot
    tell its elements apart.
    """
    write = writer_for(found.syntax)
    try:
        own = top_level(inflated(found.data, found.syntax), found.syntax)
    except Exception:
        return None
    mine = of_all(garden, write, "at the top")
    below = write.item(*in_order(of_defects(garden, write, "below")))
    mine |= {
        DEEP[0]: write.sequence(DEEP[0], below),
        0x00080005: write.element(0x00080005, "CS", garden.charset),
        0xFFFCFFFC: write.element(0xFFFCFFFC, "OB", garden.word("trailing padding")),
    }
    data = b"".join(in_order(own, mine))
    return replace(found, data=deflated(data) if found.syntax in DEFLATED else data)


def top_level(data: bytes, syntax: str) -> dict[int, bytes]:
    """The bytes of each element at the top level, by a parser that is not ours."""
    file = BytesIO(data)
    starts: list[tuple[int, int]] = []
    at = 0
    for element in data_element_generator(file, is_implicit(syntax), syntax != BIG_ENDIAN):
        starts.append((int(element.tag), at))
        at = file.tell()
    tags = [tag for tag, _ in starts]
    if tags != sorted(set(tags)) or at != len(data):
        raise ValueError("out of order, or cut short")
    ends = [start for _, start in starts[1:]] + [at]
    return {tag: data[start:end] for (tag, start), end in zip(starts, ends, strict=True)}


def doubt_of(found: Object, plan: Plan) -> str:
    try:
        made = clean(source_of(found), plan=plan, subject=SUBJECT, types=attribute_type)
        prove(source_of(found), made, plan, pseudonyms=[SUBJECT.patient_id()])
    except Doubt as doubt:
        return doubt.code
    return ""


def examine(paths: Iterable[Path], plan: Plan) -> Counter[str]:
    """How many were clean after planting, in doubt before it, not readable; fails for others."""
    outcomes: Counter[str] = Counter()
    for path in paths:
        found = read_object(path)
        garden = Garden(plan)
        full = planted(found, garden) if found else None
        if found is None or full is None:
            outcomes["not read"] += 1
            continue
        before = doubt_of(found, plan)
        if before and before != "identifier_left":
            outcomes["in doubt"] += 1
            continue
        _, output = cleaned_by(plan, full)
        assert not garden.leaks(output), path
        assert not garden.losses(output), path
        syntax = full.syntax
        says = read(inflated(full.data, syntax), syntax)
        assert not list(wrongs(plan, says, read(output, syntax))), path
        # What held it back before may have been replaced.
        assert before or not doubt_of(full, plan), path
        outcomes["clean"] += 1
    return outcomes


def every_file(root: Path) -> list[Path]:
    return sorted(each for each in root.rglob("*") if each.is_file())


def test_planted_into_the_files_that_pydicom_has() -> None:
    outcomes = examine(every_file(BUNDLED), RESEARCH)
    assert outcomes["clean"] > 60, outcomes


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not DICOM.is_dir(), reason="the shared data set is not here")
@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_planted_into_the_shared_data(plan: Plan) -> None:
    """Each third of them with each plan: images of one series differ in little."""
    step = list(PLANS.values()).index(plan)
    outcomes = examine(every_file(DICOM)[step::3], plan)
    assert outcomes["clean"] > 200, outcomes
