"""Signatures; the body follows."""
from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from causeway.spool.disk import Disk


class Outcome(enum.StrEnum):
    """What became of a leftover."""

    KEPT = "kept as received"
    DISCARDED = "discarded"
    SET_ASIDE = "set aside"
    REPAIRED = "repaired"
    LEFT = "left in place"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    name: str
    """What it is: "torn record", "half-made segment", … The list is in the format's page."""
    where: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryReport:
    leftovers: tuple[Leftover, ...]
    containers: int
    records: int
    """Sound records beyond the positions that the ledger knows."""


def prepare(root: Path, *, disk: Disk) -> None:
    """Make the spool's folders."""
    raise NotImplementedError


def recover(root: Path, *, disk: Disk, positions: Mapping[str, int]) -> RecoveryReport:
    """Give each leftover a name and an outcome. Nobody else may use the spool meanwhile.

    ``positions``: container → end of the last record that the ledger knows of.
    """
    raise NotImplementedError
