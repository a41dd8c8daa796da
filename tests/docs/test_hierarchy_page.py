"""The page on the hierarchy: its example is what comes out, and every field is on it."""

from __future__ import annotations

import json
from zoneinfo import ZoneInfo

from docs_pages import ROOT, blocks

from causeway.attributes import Attributes, tag_of
from causeway.decide.hierarchy import hierarchy
from causeway.decide.routing import Routing, RoutingForm, find

PAGE = ROOT / "docs/reference/hierarchy.md"


def example(mark: str) -> dict[str, str]:
    (block,) = [each for each in blocks() if each.page == PAGE and mark in each.marks]
    found = json.loads(block.body)
    assert isinstance(found, dict)
    return found


def test_the_example_is_what_comes_out() -> None:
    header = example("header")
    attributes = Attributes(values={tag_of(name): (text,) for name, text in header.items()})
    comments = attributes.text(tag_of("PatientComments"))
    routing = find([("PatientComments", comments)], RoutingForm(), study_id="")
    assert isinstance(routing, Routing)
    found = hierarchy(
        attributes,
        study_instance_uid="1.2.3",
        series_instance_uid="1.2.3.4",
        routing=routing,
        mapped={},
        defaults={},
        overrides={},
        timezone=ZoneInfo("Europe/Berlin"),
        series_number_prefix=True,
    )
    assert {name: each.value for name, each in found.fields.items()} == example("hierarchy")


def test_every_field_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    header = Attributes(
        values={tag_of("PatientWeight"): ("70",), tag_of("OperatorsName"): ("Roe",)}
    )
    found = hierarchy(
        header,
        study_instance_uid="1.2.20260102030405",
        series_instance_uid="1.2.3",
        routing=None,
        mapped={},
        defaults={},
        overrides={},
        timezone=ZoneInfo("Europe/Berlin"),
        series_number_prefix=False,
    )
    for name in {*found.fields, *example("hierarchy")}:
        assert f"| `{name}` |" in text, name
