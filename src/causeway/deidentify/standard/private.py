"""Private attributes that are known to be safe: table E.3.10-1, and reviewed ones beyond it.

Without the numbers of diffusion (b-values, gradients) an image of it is of no use, and vendors keep
them in private attributes; so these were reviewed, one by one. Canon (Toshiba) writes the gradient
into Image Comments, as text, which the vocabulary of descriptors knows; its b-value stands in the
standard's attribute.

Blobs, sequences, free text and what the table gives no VR for are left out, with the reason in the
data.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class SafePrivate:
    """One private attribute: by group, creator and low byte, as its block is not known before."""

    group: int
    creator: str
    element: int
    vr: str
    name: str
    source: str

    @property
    def key(self) -> tuple[int, str, int]:
        """As ``Plan.private`` has it."""
        return self.group, self.creator.lower(), self.element


@lru_cache(maxsize=1)
def safe_private() -> tuple[SafePrivate, ...]:
    """All of them, each once."""
    found: dict[tuple[int, str, int], SafePrivate] = {}
    for each in _entries():
        found.setdefault(each.key, each)
    return tuple(found.values())


def _entries() -> Iterator[SafePrivate]:
    folder = files("causeway.deidentify.standard")
    for name, key, source in (
        ("safe_private.json", "entries", "PS3.15 table E.3.10-1"),
        ("reviewed.json", "private", "reviewed"),
    ):
        said = json.loads(folder.joinpath(name).read_text(encoding="utf-8"))
        for entry in said[key]:
            yield SafePrivate(
                group=int(entry["group"], 16),
                creator=entry["creator"],
                element=int(entry["element"], 16),
                vr=entry["vr"],
                name=entry["name"],
                source=source,
            )
