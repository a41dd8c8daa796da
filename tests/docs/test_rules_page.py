"""The page on rules: its examples hold, fail and are refused as it says they do."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from docs_pages import ROOT, blocks
from pydicom.valuerep import STANDARD_VR

from causeway.attributes import Attributes, tag_of
from causeway.decide.rules import FIELDS, RuleError, RuleFacts, compile_rule
from causeway.decide.rules.kinds import kind_of
from causeway.decide.rules.lexer import TEXT_CHARACTERS
from causeway.decide.rules.operands import WORDS
from causeway.decide.rules.parser import DEPTH
from causeway.decide.rules.parser import __doc__ as grammar

PAGE = ROOT / "docs" / "reference" / "rules.md"
TEXT = PAGE.read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `([^`]+)` \| (?:`([^`]*)` )?\|$", re.MULTILINE)


def said_to(mark: str) -> list[str]:
    found = [
        line
        for block in blocks()
        if block.page == PAGE and block.language == "rule" and block.marks == (mark,)
        for line in block.body.splitlines()
    ]
    assert found
    return found


def facts() -> RuleFacts:
    rows = dict(_ROW.findall(TEXT.partition("## What can be asked for")[0]))
    fields = {name: rows.pop(name) for name in FIELDS if name in rows}
    values = {
        tag_of(name): tuple(value.split("\\")) if value else () for name, value in rows.items()
    }
    assert len(values) > 10
    assert len(fields) > 4
    now = dt.datetime(2026, 1, 7, 18, 30, tzinfo=dt.UTC)
    return RuleFacts(attributes=Attributes(values=values), now=now, **fields)


@pytest.mark.parametrize("text", said_to("holds"))
def test_what_holds(text: str) -> None:
    assert compile_rule(text).holds(facts())
    assert compile_rule(text).can_hold()


@pytest.mark.parametrize("text", said_to("fails"))
def test_what_fails(text: str) -> None:
    assert not compile_rule(text).holds(facts())


@pytest.mark.parametrize("text", said_to("impossible"))
def test_what_is_impossible(text: str) -> None:
    assert not compile_rule(text).can_hold()


def test_what_is_refused() -> None:
    lines = said_to("refused")
    for text, told in zip(lines[::2], lines[1::2], strict=True):
        with pytest.raises(RuleError) as caught:
            compile_rule(text)
        assert f"→ {caught.value}" == told


def test_all_words_fields_and_kinds_are_described() -> None:
    for word in (*WORDS, *FIELDS):
        assert re.search(rf"`[^`]*\b{word}\b[^`]*`", TEXT), word
    table = TEXT.partition("| VR |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([A-Z, ]+) \| (\w+)", table, re.MULTILINE)
    described = {vr: told for vrs, told in rows for vr in re.findall("[A-Z]{2}", vrs)}
    for vr, told in described.items():
        kind = kind_of(vr)
        assert kind is not None
        assert told in kind.value
        assert f"`{kind.example}`" in table
    assert set(described) == {vr for vr in STANDARD_VR if kind_of(vr)}


def test_its_numbers_and_grammar_are_those_of_the_code() -> None:
    assert f"at most {TEXT_CHARACTERS} characters" in TEXT
    assert f"at most {DEPTH} deep" in TEXT

    def squeezed(text: str) -> str:
        return re.sub(r"\s", "", text)

    rules = grammar.partition("::\n")[2].partition("Nothing recurses")[0]
    assert squeezed(rules) in squeezed(TEXT)


def test_the_how_tos_say_what_is() -> None:
    from causeway.schedule import Schedule

    page = (ROOT / "docs" / "howto" / "working-hours.md").read_text(encoding="utf-8")
    windows = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert len(windows) == 5
    for window in windows:
        assert Schedule.parse([window], "Europe/Berlin").spans
