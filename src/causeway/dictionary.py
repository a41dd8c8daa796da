"""The dictionaries of PS3.6 as pydicom has them, without what pydicom brings along.

``import pydicom`` loads numpy and the decoders of pixels: a quarter of a second and 45 MB in every
process and every command, of which few look at a pixel. Its tables are modules of plain Python, and
are loaded here by themselves. What looks things up in them is small, and held against pydicom's own
by a test.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any, Final

Entry = tuple[str, str, str, str, str]
"""VR, VM, name, "Retired" or empty, keyword."""


def _table(name: str) -> ModuleType:
    if (loaded := sys.modules.get(f"pydicom.{name}")) is not None:
        return loaded
    package = find_spec("pydicom")
    assert package is not None
    assert package.origin is not None
    path = str(Path(package.origin).with_name(f"{name}.py"))
    spec = spec_from_file_location(f"causeway.dictionary{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_TABLES: Final[Any] = _table("_dicom_dict")
DICTIONARY: Final[Mapping[int, Entry]] = _TABLES.DicomDictionary
"""By tag; without the groups that repeat."""
_REPEATERS: Final[tuple[tuple[int, int, Entry], ...]] = tuple(
    (
        int(pattern.replace("x", "0"), 16),
        int("".join("0" if digit == "x" else "F" for digit in pattern), 16),
        entry,
    )
    for pattern, entry in _TABLES.RepeatersDictionary.items()
)
"""Tag, mask and entry of each, as of (50xx,0010)."""


@cache
def uids() -> Mapping[str, tuple[str, ...]]:
    """Name, type, information, "Retired" or empty, and keyword, by UID (PS3.6 annex A)."""
    found: Mapping[str, tuple[str, ...]] = _table("_uid_dict").UID_dictionary
    return found


@cache
def _private() -> Any:
    return _table("_private_dict").private_dictionaries


@cache
def _tags() -> Mapping[str, int]:
    return {entry[4]: tag for tag, entry in DICTIONARY.items()}


def repeater(tag: int) -> Entry | None:
    """The entry of an element of a group that repeats, such as (6002,3000)."""
    if tag >> 16 & 1:
        return None
    for pattern, mask, entry in _REPEATERS:
        if (tag ^ pattern) & mask == 0:
            return entry
    return None


def entry_of(tag: int) -> Entry:
    """Raises ``KeyError`` for a tag that is private, or that PS3.6 does not have."""
    found = DICTIONARY.get(tag) or repeater(tag)
    if found is None:
        raise KeyError(f"({tag >> 16:04X},{tag & 0xFFFF:04X})")
    return found


def dictionary_vr(tag: int) -> str:
    """One VR or several, as in ``US or SS``. Raises ``KeyError``."""
    return entry_of(tag)[0]


def dictionary_vm(tag: int) -> str:
    """Raises ``KeyError``."""
    return entry_of(tag)[1]


def dictionary_name(tag: int) -> str:
    """Raises ``KeyError``."""
    return entry_of(tag)[2]


def keyword_of(tag: int) -> str:
    """Empty for a tag that PS3.6 does not have."""
    try:
        return entry_of(tag)[4]
    except KeyError:
        return ""


def tag_of_keyword(keyword: str) -> int | None:
    return _tags().get(keyword)


def private_vr(tag: int, creator: str) -> str:
    """As vendors document it. Raises ``KeyError`` for what nobody has documented."""
    known = _private()[creator]
    group, element = f"{tag >> 16:04X}", f"{tag & 0xFFFF:04X}"
    for key in (group + element, f"{group}xx{element[2:]}", f"{group[:2]}xxxx{element[2:]}"):
        if key in known:
            return str(known[key][0])
    raise KeyError(f"({group},{element})")
