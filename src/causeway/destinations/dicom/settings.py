"""Settings of a DICOM node that is stored to."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from causeway.net import Peer


class Commitment(enum.StrEnum):
    """Whether the node is asked to take responsibility for what it was sent."""

    AUTO = "auto"
    """Where it offers to; else it is looked for by a query, where that is offered."""
    REQUIRED = "required"
    """Nothing counts as delivered without."""
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomSettings:
    name: str
    peer: Peer
    associations: int = 4
    """At once, over all deliveries."""
    idle_seconds: float = 10.0
    """How long an association that nothing goes over is kept."""
    commitment: Commitment = Commitment.AUTO
    report_seconds: float = 5.0
    """How long a report is waited for on the association on which it was asked for."""
    silence_seconds: float = 3600.0
    """How long no report may come until it is asked for anew, or done without."""
    query: bool = True
    """Whether what was sent is looked for by C-FIND, where commitment does not tell."""
    convert: bool = True
    """Whether what the node does not take as it is may go in another transfer syntax, where that
    loses nothing."""
