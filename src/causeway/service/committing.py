"""Storage commitment in the pipeline's process: a thread of its own, beside the pipeline's."""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

from causeway.commitment.judging import Promise
from causeway.commitment.part import Commitments
from causeway.commitment.reporting import Reporter, Requester
from causeway.config import Configuration, SourceSettings
from causeway.errors import TemporaryError
from causeway.ledger import CommitmentRow, Ledger
from causeway.net import CommitmentReport, Peer
from causeway.observe import bound, emit
from causeway.service.answers import AnswerWriter
from causeway.service.securing import client_tls
from causeway.spool import LetterBox, RealDisk

POLL_SECONDS = 1.0
"""The net under hints that were lost, and how soon an operator's retry is found."""
PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0

say = bound(emit, process="pipeline")


def requester_of(source: SourceSettings) -> Requester:
    """How a source that may ask is answered."""
    settings = source.commitment
    assert settings is not None, "it may ask"
    peer = None
    if settings.port is not None:
        peer = Peer(
            host=settings.host or "",
            port=settings.port,
            called_ae=settings.ae_title or "",
            tls=None if settings.tls is None else client_tls(settings.tls),
        )
    return Requester(
        promise=Promise(settings.when),
        peer=peer,
        any_title=settings.ae_title is None,
        patience_seconds=settings.patience_hours * 3600,
    )


def reporter_of(configuration: Configuration) -> Reporter:
    return Reporter(
        requesters={
            source.name: requester_of(source)
            for source in configuration.sources
            if source.commitment is not None
        }
    )


class CommitmentLoop:
    """Turns ``Commitments``, and wakes it when a hint says that there is something to do."""

    def __init__(
        self,
        configuration: Configuration,
        ledger: Ledger,
        *,
        answer_fds: tuple[int, ...],
        indexed_until: Callable[[], float],
        hear: Callable[[str, CommitmentReport], bool],
    ) -> None:
        letters = configuration.letters_dir
        self._answers = AnswerWriter(letters, answer_fds)
        self._clock = ledger.now
        self._part = Commitments(
            ledger,
            LetterBox(letters, disk=RealDisk()),
            reporter_of(configuration),
            indexed_until=indexed_until,
            hear=hear,
            over_the_same=self._leave,
            clock=ledger.now,
            rng=Random(),  # noqa: S311  it spreads retries, nothing more
            emit=say,
        )
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="commitments", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, *, patience_seconds: float) -> None:
        self._stopping.set()
        self._wake.set()
        self._thread.join(patience_seconds)
        self._part.close()

    # Hints, from any thread

    def letter(self) -> None:
        self._wake.set()

    def association_over(self, association: str) -> None:
        self._part.association_over(association)

    def answered(self, commitment: int, status: int | None) -> None:
        self._answers.forget(commitment)
        self._part.answered(commitment, status)
        self._wake.set()

    # The thread

    def _leave(self, row: CommitmentRow, report: CommitmentReport) -> bool:
        return self._answers.leave(row.association, row.id, report)

    def _run(self) -> None:
        pause = PAUSE_SECONDS
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                more = self._part.turn(self._clock())
            except Exception as error:  # noqa: BLE001 - it is turned again later
                say(
                    "pipeline.failed",
                    stage="commitments",
                    error=error,
                    again_in_seconds=pause,
                    level="warning" if isinstance(error, TemporaryError) else "error",
                )
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
                continue
            pause = PAUSE_SECONDS
            if not more:
                self._wake.wait(POLL_SECONDS)
