"""Which type an attribute has at the top level of an IOD, for the codes that depend on it.

Where several modules of an IOD have an attribute, the most demanding type counts, also of modules
that an object need not have: whether it has one is not looked at, and an object that keeps
a dummy is of more use than one that lacks what it must have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

UNKNOWN_CLASS: Final = "?"
_ORDER: Final = ("1", "1C", "2", "2C", "3")


def attribute_type(sop_class_uid: str, tag: int) -> str:
    """``1``, ``1C``, ``2``, ``2C`` or ``3``; empty for an attribute that the IOD does not have,
    ``?`` for a SOP class that is not known. Repeating groups are not listed.
    """
    iod = _said()[0].get(sop_class_uid)
    return UNKNOWN_CLASS if iod is None else _types_in(iod).get(tag, "")


@lru_cache(maxsize=256)
def _types_in(iod: str) -> Mapping[int, str]:
    _, iods, modules = _said()
    found: dict[int, str] = {}
    for kind in reversed(_ORDER):
        for module in iods[iod]:
            for tag in modules[module].get(kind, "").split():
                found[int(tag, 16)] = kind
    return found


@lru_cache(maxsize=1)
def _said() -> tuple[
    Mapping[str, str], Mapping[str, tuple[str, ...]], Mapping[str, Mapping[str, str]]
]:
    """SOP class → IOD, IOD → modules, module → type → tags."""
    path = files("causeway.deidentify.standard").joinpath("attribute_types.json")
    said: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return (
        {each["uid"]: each["iod"] for each in said["classes"]},
        {each["iod"]: tuple(each["modules"].split()) for each in said["iods"]},
        {each["module"]: each for each in said["modules"]},
    )
