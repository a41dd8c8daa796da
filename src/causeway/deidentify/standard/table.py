"""Table E.1-1, and what is protected beyond it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from causeway.deidentify.plan import Action
from causeway.deidentify.standard.options import Option

BASIC: Final = "Basic Profile"
BEYOND: Final = "beyond the table"
WHOLE_TAG: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row. It is about the tags with ``tag & mask == value``: one, or those of repeating
    groups.
    """

    value: int
    mask: int = WHOLE_TAG
    name: str
    basic: Action
    options: Mapping[Option, Action] = field(default_factory=dict)
    """What an option does instead, as a code: K or C."""
    options_known: bool = True
    origin: str = BASIC

    @property
    def is_repeating(self) -> bool:
        return self.mask != WHOLE_TAG


@lru_cache(maxsize=1)
def rows() -> tuple[Row, ...]:
    """All rows but that of private attributes, first the standard's, then ours.

    One of ours never speaks of a tag that the standard's table lists.
    """
    standard = [_row(each, BASIC) for each in _table()["rows"] if each["tag"] != "PRIVATE"]
    return (*standard, *(_row(each, BEYOND) for each in _read("reviewed.json")["beyond"]))


@lru_cache(maxsize=1)
def edition() -> str:
    """``PS3.15 2026c, options of 2024e``."""
    said = _table()["edition"]
    return f"PS3.15 {said['basic']}, options of {said['options']}"


def _row(said: Mapping[str, Any], origin: str) -> Row:
    tag = str(said["tag"])
    return Row(
        value=int(tag.replace("X", "0"), 16),
        mask=int("".join("0" if digit == "X" else "F" for digit in tag), 16),
        name=said["name"],
        basic=Action(said["basic"]),
        options={Option(name): Action(action) for name, action in said.get("options", {}).items()},
        options_known=said.get("options_known", True),
        origin=origin,
    )


@lru_cache(maxsize=1)
def _table() -> Mapping[str, Any]:
    return _read("confidentiality.json")


def _read(name: str) -> Mapping[str, Any]:
    text = files("causeway.deidentify.standard").joinpath(name).read_text(encoding="utf-8")
    found: Mapping[str, Any] = json.loads(text)
    return found
