"""Settings of a STOW-RS destination."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from causeway.destinations.http import HttpOptions
from causeway.destinations.http.connect import Auth
from causeway.destinations.stow.presets import PRESETS, Preset


class Verify(enum.StrEnum):
    """How an instance is looked at before it counts as delivered."""

    LISTED = "listed"
    """A search (QIDO-RS) lists it."""
    READ_BACK = "read-back"
    """It is read back (WADO-RS), and its data set is the one that was sent, byte for byte."""
    ANSWER = "answer"
    """The server's answer to the store names it; nobody looks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StowSettings:
    name: str
    url: str
    """Of the DICOMweb service: what stands before ``/studies``."""
    http: HttpOptions
    auth: Auth = field(default=None, repr=False)
    preset: Preset = PRESETS["standard"]
    verify: Verify = Verify.LISTED
    batch_instances: int = 0
    """0: the preset's."""
    batch_bytes: int = 0
    visible_seconds: float | None = None
    requests_at_once: int = 4
    """Of one delivery."""
