"""The desk of a receiver: what peers ask and report becomes letters, durable before they are told.

Who may ask are sources that the configuration names for it. Who may report are nodes that a
destination of ours asks, by their AE titles; they have to be listed as sources to come in at all.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from causeway.commitment.letters import Letter
from causeway.dimse import Status
from causeway.errors import OutOfSpace, TemporaryError
from causeway.net import Emit
from causeway.net.commitment import CommitmentReport, CommitmentRequest
from causeway.spool import LetterBox
from causeway.values import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """Who is served at the desk."""

    sources: frozenset[str] = frozenset()
    """Names of sources that may ask."""
    reporters: frozenset[str] = frozenset()
    """AE titles of nodes that may report."""


class LetterDesk:
    """Called from the associations' threads."""

    def __init__(
        self,
        letters: LetterBox,
        served: Served,
        *,
        tell: Callable[[str], None],
        emit: Emit,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``tell`` is given the name of each letter that was kept."""
        self._letters = letters
        self._served = served
        self._tell = tell
        self._emit = emit
        self._clock = clock

    def serve(self, served: Served) -> None:
        """Others from now on."""
        self._served = served

    def serves(self, caller: Caller) -> bool:
        served = self._served
        return caller.source in served.sources or caller.calling_ae in served.reporters

    def requested(self, caller: Caller, request: CommitmentRequest) -> int:
        if caller.source not in self._served.sources:
            return Status.REFUSED_NOT_AUTHORIZED
        return self._keep(Letter(caller=caller, at=self._clock(), said=request))

    def reported(self, caller: Caller, report: CommitmentReport) -> int:
        if caller.calling_ae not in self._served.reporters:
            return Status.REFUSED_NOT_AUTHORIZED
        return self._keep(Letter(caller=caller, at=self._clock(), said=report))

    def _keep(self, letter: Letter) -> int:
        try:
            name = self._letters.put(letter.text())
        except OutOfSpace:
            return Status.RESOURCE_LIMITATION
        except TemporaryError as error:
            self._emit("letter.not_kept", association=letter.caller.association, error=error)
            return Status.PROCESSING_FAILURE
        self._tell(name)
        return Status.SUCCESS
