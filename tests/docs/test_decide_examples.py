"""The examples of the pages on routing strings, patterns and filters come out as they say."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo

import pytest
from docs_pages import ROOT, Block, blocks

from causeway.attributes import Attributes, tag_of
from causeway.decide.language import FIELDS, Filter, compile_mappings, extract
from causeway.decide.routing import LEVELS, Prefix, Routing, RoutingForm, Unparsed, find

MARKED = [block for block in blocks() if block.language == "text" and block.marks]
ROUTING = [block for block in MARKED if block.marks[0] == "routing"]
MAPPINGS = [block for block in MARKED if block.marks[0] == "mapping"]
FILTERS = [block for block in MARKED if block.marks[0] == "filter"]
_ATTRIBUTE = re.compile(r"([A-Z]\w+): (.*)")


@pytest.mark.parametrize("block", ROUTING, ids=str)
def test_routing_strings(block: Block) -> None:
    form = RoutingForm(
        prefix=Prefix.REQUIRED if "required" in block.marks else Prefix.OPTIONAL,
        legacy="legacy" in block.marks,
    )
    for line in block.body.splitlines():
        text, _, told = line.partition("→")
        assert as_told(find([("PatientComments", text)], form, study_id="1234")) == told.strip()


def as_told(found: Routing | Unparsed | None) -> str:
    if found is None:
        return "none"
    if isinstance(found, Unparsed):
        return f"no: {found.reason}" + (f"; {found.suggestion}" if found.suggestion else "")
    parts = ((level, getattr(found, level)) for level in LEVELS)
    return ", ".join(f"{level} {part}" for level, part in parts if part)


@pytest.mark.parametrize("block", MAPPINGS, ids=str)
def test_mappings(block: Block) -> None:
    for example in block.body.strip().split("\n\n"):
        attributes, rest = header(example)
        told = [line.removeprefix("→ ") for line in rest if line.startswith("→")]
        mappings = compile_mappings([line for line in rest if not line.startswith("→")])
        found = extract(mappings, attributes, timezone=ZoneInfo("Europe/Berlin"))
        made = {f"{name}: {one.value}" for name, one in found.items()}
        assert (made or {"nothing"}) == set(told), example


@pytest.mark.parametrize("block", FILTERS, ids=str)
def test_filters(block: Block) -> None:
    attributes, rest = header(block.body)
    for line in rest:
        text, _, told = line.partition("→")
        one = Filter.compile(text.strip())
        assert isinstance(one.source, int)
        assert ("yes" if one.matches(attributes.values.get(one.source)) else "no") == told.strip()


def header(text: str) -> tuple[Attributes, list[str]]:
    """The attributes that an example begins with, and the lines after them."""
    values: dict[int, tuple[str, ...]] = {}
    rest: list[str] = []
    for line in text.splitlines():
        if found := _ATTRIBUTE.fullmatch(line):
            values[tag_of(found[1])] = (found[2],)
        else:
            rest.append(line)
    return Attributes(values=values), rest


def test_there_are_examples() -> None:
    assert len(ROUTING) >= 4
    assert len(MAPPINGS) >= 4
    assert FILTERS


def test_every_field_is_described() -> None:
    page = (ROOT / "docs/reference/patterns.md").read_text(encoding="utf-8")
    for name in FIELDS:
        level, _, rest = name.partition(".")
        assert f"`{name}`" in page or (f"`.{rest}`" in page and f"| {level} |" in page), name
