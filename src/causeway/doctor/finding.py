"""What a check says."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Outcome(enum.StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Works now; will not for ever, or not as its author thinks."""
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at. Without patient data, so that it can stand in a ticket."""

    name: str
    """The check's name; one check can have several findings."""
    outcome: Outcome
    said: str
    to_do: str = ""


def ok(name: str, said: str) -> Finding:
    return Finding(name=name, outcome=Outcome.OK, said=said)


def warning(name: str, said: str, to_do: str) -> Finding:
    return Finding(name=name, outcome=Outcome.WARNING, said=said, to_do=to_do)


def failed(name: str, said: str, to_do: str) -> Finding:
    return Finding(name=name, outcome=Outcome.FAILED, said=said, to_do=to_do)


def skipped(name: str, said: str) -> Finding:
    return Finding(name=name, outcome=Outcome.SKIPPED, said=said)
