"""How a person names things: by UID, or by the number that lists show.

``12`` and ``study:12`` are the same; ``series:34`` and ``instance:56`` name those.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from causeway.cli.exits import NothingFound
from causeway.errors import ConfigurationError

if TYPE_CHECKING:
    from causeway.ledger import InstanceRow, Ledger, SeriesRow, StudyRow

_NUMBERED = re.compile(r"(study|series|instance):([1-9]\d*)")
_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")


def reference_of(text: str) -> str:
    """What the ledger is asked for. Raises ``ConfigurationError`` for what can be no reference."""
    text = text.strip()
    if text.isdecimal() and text.isascii():
        text = f"study:{int(text)}"
    if _NUMBERED.fullmatch(text):
        return text
    if _UID.fullmatch(text):
        if len(text) > 64:  # PS3.5, section 9.1
            raise ConfigurationError(
                f"a UID has at most 64 characters; this one has {len(text)}",
                hint="copy it again from `causeway studies`",
            )
        return text
    raise ConfigurationError(
        f'"{text}" is neither a UID nor a number of the ledger',
        hint="write a UID, or a number as `study:12` or `series:34`; "
        "`causeway studies TEXT` finds studies by name, ID or accession number",
    )


def found(ledger: Ledger, text: str) -> StudyRow | SeriesRow | InstanceRow:
    """What a person names. Raises ``NothingFound``."""
    reference = reference_of(text)
    row = ledger.find(reference)
    if row is None:
        raise NothingFound(
            f"the ledger has no {reference}"
            if ":" in reference
            else f"the ledger has no study, series or instance {reference}",
            hint="`causeway studies` lists what arrived; "
            "`causeway quarantine list` what arrived and could not be read",
        )
    return row


def found_study(ledger: Ledger, text: str) -> StudyRow:
    """The study that a person names, or the one that holds the series or instance named."""
    from causeway.ledger import StudyRow

    row = found(ledger, text)
    if isinstance(row, StudyRow):
        return row
    study = ledger.study(row.study_id) if row.study_id is not None else None
    if study is None:
        raise NothingFound(
            f"instance:{row.id} belongs to no study, since it could not be read",
            hint=f"`causeway quarantine show {row.id}` shows it",
        )
    return study
