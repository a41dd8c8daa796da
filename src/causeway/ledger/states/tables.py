"""What a table of transitions is, and how it is asked."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import TypeVar

from causeway.errors import NotAllowed

S = TypeVar("S", bound=enum.StrEnum)

Table = Mapping[S, Mapping[S, str]]


def require(table: Table[S], old: S, new: S, *, by: str = "") -> None:
    """Raise ``NotAllowed`` unless the table leads from ``old`` to ``new``.

    A person's move names its verb: what may be retried into a state may not be released into it.
    """
    cause = table.get(old, {}).get(new)
    if cause is None or (by and by not in cause.split(",")[0].split(" or ")):
        kind = type(old).__name__.removesuffix("State").lower()
        verb = f" by {by}" if by else ""
        raise NotAllowed(f"a {kind} that is {old.value} cannot become {new.value}{verb}")
