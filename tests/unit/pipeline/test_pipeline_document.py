"""``docs/reference/parcel.md`` describes every field of the JSON, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from causeway.testing.site import Image, Site

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "parcel.md"
WHOLE = ("hierarchy", "study", "series")
"""Described as a whole, each key in backticks."""


def paths(value: Any, prefix: str = "") -> set[str]:
    if isinstance(value, dict):
        return set().union(*(paths(v, f"{prefix}.{k}" if prefix else k) for k, v in value.items()))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return paths(value[0], f"{prefix}[]")
    return {prefix}


def test_every_field_is_described(site: Site) -> None:
    site.receive(Image(number=1))
    site.work(40)
    site.receive(Image(number=2))
    site.work(40)
    page = PAGE.read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    described = {name for row in rows for name in re.findall(r"`([a-z0-9_.\[\]]+)`", row)}
    fields = set().union(*(paths(archive.metadata) for archive in site.archives()))
    for field in fields:
        top, _, rest = field.partition(".")
        if top in WHOLE:
            assert {top, rest} <= described, field
        elif top == "fields":
            assert {top, rest.rpartition(".")[2]} <= described, field
        elif top == "deidentify":
            assert top in described
        elif top == "parcel" and rest.startswith("amends"):
            assert rest.removeprefix("amends[].") in {*described, "amends"}, field
        else:
            assert field in described, field


def test_the_example_of_names_is_what_is_made(site: Site) -> None:
    image = {"description": "Thorax", "series_description": "Lung 1.0"}
    site.receive(Image(number=1, **image))
    site.work(40)
    site.receive(Image(number=2, **image))
    site.work(40)
    example = re.search(r"```\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    made = {name.replace("/P1/", "/PHANTOM-1/") for name in site.delivered_files()}
    assert set(example[1].split("\n")) - {""} <= made
