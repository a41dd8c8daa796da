"""Attributes of a data set, as text, for whatever decides on them.

What a person writes in a rule (``Modality``, ``(0019,100C)``) and what a header says meet here.
Only attributes of the top level are kept, since the same tag inside a sequence is about something
else; of the sequences, only which series and instances they refer to.

Absent and empty are two cases, and rules may tell them apart: ``text`` is ``None`` for an attribute
that is not there, and ``""`` for one without a value.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from causeway.dictionary import DICTIONARY, keyword_of, tag_of_keyword
from causeway.errors import ConfigurationError

_TAG = re.compile(r"\(?\s*([0-9a-fA-F]{4})\s*,?\s*([0-9a-fA-F]{4})\s*\)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributes:
    """What one header says."""

    values: Mapping[int, tuple[str, ...]] = field(repr=False)
    """Values by tag (0xggggeeee), decoded and without padding; none for an attribute that is
    empty. Numbers stand as text. Values that are long or binary are left out."""
    referenced_series: frozenset[str] = field(default=frozenset(), repr=False)
    """Series that any of its sequences refer to, its own left out."""
    referenced_instances: frozenset[str] = field(default=frozenset(), repr=False)

    def text(self, tag: int) -> str | None:
        """The values joined by backslashes, as they stand in the data set; None if absent."""
        found = self.values.get(tag)
        return None if found is None else "\\".join(found)

    def first(self, tag: int) -> str:
        """The first value; empty if there is none."""
        found = self.values.get(tag)
        return found[0] if found else ""

    def to_json(self) -> str:
        """For the ledger; ``from_json`` reads it."""
        told: dict[str, object] = {
            "values": {f"{tag:08X}": list(values) for tag, values in sorted(self.values.items())}
        }
        if self.referenced_series:
            told["series"] = sorted(self.referenced_series)
        if self.referenced_instances:
            told["instances"] = sorted(self.referenced_instances)
        return json.dumps(told, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Attributes:
        """Raises ``ValueError`` for what ``to_json`` has not made."""
        try:
            told = json.loads(text)
            return cls(
                values={int(tag, 16): tuple(values) for tag, values in told["values"].items()},
                referenced_series=frozenset(told.get("series", ())),
                referenced_instances=frozenset(told.get("instances", ())),
            )
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError("no attributes") from error


NOTHING = Attributes(values={})


@lru_cache(maxsize=4096)
def tag_of(name: str) -> int:
    """The tag of a keyword of PS3.6, in any case, or of ``(gggg,eeee)``.

    Raises ``ConfigurationError`` with the nearest keyword.
    """
    if (written := _TAG.fullmatch(name.strip())) is not None:
        return int(written[1] + written[2], 16)
    tag = tag_of_keyword(name) or _by_folded_keyword().get(name.strip().casefold())
    if tag is None:
        near = difflib.get_close_matches(name.strip().casefold(), _by_folded_keyword(), n=1)
        meant = keyword_of(_by_folded_keyword()[near[0]]) if near else ""
        raise ConfigurationError(
            f'"{name}" is no attribute of DICOM',
            hint=f"did you mean {meant}?"
            if meant
            else "a keyword such as PatientComments, or a tag such as (0010,4000)",
        )
    return tag


def name_of(tag: int) -> str:
    """Its keyword, or ``(gggg,eeee)`` for one that PS3.6 does not list."""
    return keyword_of(tag) or f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@lru_cache(maxsize=1)
def _by_folded_keyword() -> Mapping[str, int]:
    return {entry[4].casefold(): tag for tag, entry in DICTIONARY.items() if entry[4]}
