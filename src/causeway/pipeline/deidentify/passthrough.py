"""Passing everything as it came, because somebody said so for each destination.

It is recorded on the series' row with the destinations' names, and the row's event says when.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from causeway.errors import ConfigurationError
from causeway.pipeline.deidentify.clean import Asked, record_text
from causeway.pipeline.deidentify.treating import NONE


def passthrough(destinations: Sequence[str], asked: Mapping[str, str]) -> str:
    """The record of a pass-through, which ``restored`` takes.

    ``asked`` is what was asked for each destination. Raises ``ConfigurationError`` unless that is
    ``none`` for every one of these.
    """
    for name in destinations:
        if asked.get(name) != NONE:
            raise ConfigurationError(
                f"destination {name} does not say that data may pass as they came",
                hint='deidentify = "none" says so',
            )
    return record_text(tuple(Asked(destination=name, name=NONE) for name in destinations))
