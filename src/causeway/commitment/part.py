"""The part of the pipeline that answers requests for storage commitment: letters in, reports out.

A turn takes over what has come, judges what can be judged by now, and sends what is due. Every step
ends in a row or begins from one, so it can stop at any point: a letter is removed once the ledger
has it, an answer that was lost is given again.

Reports go out from threads of their own, a few at a time: a requester that does not answer keeps
one of them busy and no more.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Final, Protocol

from causeway.commitment.judging import SAFE, Decided, Promise, judge
from causeway.commitment.letters import Letter
from causeway.commitment.reporting import OverTheSame, Reporter, Requester, check_answer
from causeway.errors import PeerError, SpoolCorrupt, TemporaryError
from causeway.ledger import (
    AskedObject,
    CommitmentRow,
    Dead,
    NewCommitment,
    ReportOutcome,
    Retry,
    Told,
    Wait,
)
from causeway.net import Emit
from causeway.net.commitment import CommitmentReport, Reference

BATCH: Final = 20
"""Letters, judgements and reports in one turn."""
REPORTS_AT_ONCE: Final = 4

KNOWN_SECONDS: Final = 0.25
"""Until what was received before the request is known to the ledger."""
SOONEST_LOOK_SECONDS: Final = 1.0
LATEST_LOOK_SECONDS: Final = 60.0
"""Between two looks at whether all is delivered: a tenth of the time that it has taken so far."""

SAME_SECONDS: Final = 10.0
"""What a requester gets to answer over the association on which it asked."""
LEASE_SECONDS: Final = 300.0
"""Longer than all time-outs of an association together."""

MOST_REMEMBERED: Final = 10_000
"""Associations; who asks over an older one waits ``SAME_SECONDS`` longer, that is all."""

FIRST_RETRY_SECONDS: Final = 10.0
LONGEST_RETRY_SECONDS: Final = 3600.0
MOST_ATTEMPTS: Final = 200
"""About eight days: a scanner that is away for a week is still told."""

KEPT_SECONDS: Final = 30 * 86400.0
"""How long answered requests can be looked up."""
FORGET_SECONDS: Final = 3600.0


class CommitmentLedger(Protocol):
    """What it asks the ledger."""

    def enter_commitment(self, new: NewCommitment, *, now: float) -> int: ...

    def commitments_due(self, *, now: float, limit: int) -> tuple[CommitmentRow, ...]: ...

    def commitment_objects(self, commitment_id: int) -> tuple[AskedObject, ...]: ...

    def judge_commitment(
        self, row: CommitmentRow, reasons: dict[int, int], *, now: float
    ) -> bool: ...

    def postpone_commitment(self, row: CommitmentRow, *, until: float, waits_for: str) -> bool: ...

    def claim_reports(
        self, *, now: float, limit: int, lease_seconds: float
    ) -> tuple[CommitmentRow, ...]: ...

    def settle_report(
        self, claim: CommitmentRow, outcome: ReportOutcome, *, now: float
    ) -> bool: ...

    def forget_commitments(self, *, before: float) -> int: ...


class Letters(Protocol):
    """Where letters lie: ``LetterBox``."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def remove(self, name: str) -> None: ...


class Commitments:
    """``turn`` is for one thread; ``answered`` and ``association_over`` for any."""

    def __init__(
        self,
        ledger: CommitmentLedger,
        letters: Letters,
        reporter: Reporter,
        *,
        indexed_until: Callable[[], float],
        hear: Callable[[str, CommitmentReport], bool],
        over_the_same: OverTheSame,
        clock: Callable[[], float],
        rng: Random,
        emit: Emit,
    ) -> None:
        """``hear`` is told reports on what our destinations asked for, with the AE title of who
        reports; ``indexed_until`` says up to when all that arrived is in the ledger.
        """
        self._ledger = ledger
        self._letters = letters
        self._reporter = reporter
        self._indexed_until = indexed_until
        self._hear = hear
        self._over_the_same = over_the_same
        self._clock = clock
        self._rng = rng
        self._emit = emit
        self._threads = ThreadPoolExecutor(REPORTS_AT_ONCE, thread_name_prefix="commitment")
        self._busy = 0
        self._lock = threading.Lock()
        self._left: dict[int, CommitmentRow] = {}
        """Reports that were left for the association on which they were asked for."""
        self._over: OrderedDict[str, None] = OrderedDict()
        """Associations that ended lately."""
        self._forget_at = 0.0

    def turn(self, now: float) -> bool:
        """True if there is more to do at once."""
        took = self._take_letters(now)
        judged = self._judge(now)
        self._report(now)
        if now >= self._forget_at:
            self._forget_at = now + FORGET_SECONDS
            self._ledger.forget_commitments(before=now - KEPT_SECONDS)
        return took or judged

    def close(self) -> None:
        """What is under way ends by its time-outs; it is due again when its lease ends."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # --- in ---------------------------------------------------------------------------------------

    def _take_letters(self, now: float) -> bool:
        names = self._letters.names()
        for name in names[:BATCH]:
            try:
                letter = Letter.parsed(self._letters.read(name))
            except SpoolCorrupt as error:
                self._emit("letter.unreadable", level="error", letter=name, error=error)
                self._letters.remove(name)
                continue
            self._take(name, letter, now)
            self._letters.remove(name)
        return len(names) > BATCH

    def _take(self, name: str, letter: Letter, now: float) -> None:
        if isinstance(letter.said, CommitmentReport):
            heard = self._hear(letter.caller.calling_ae, letter.said)
            self._emit(
                "commitment.heard" if heard else "commitment.not_asked_for",
                level="info" if heard else "warning",
                calling_ae=letter.caller.calling_ae,
                instances=len(letter.said.committed) + len(letter.said.failed),
                refused=len(letter.said.failed),
            )
            return
        number = self._ledger.enter_commitment(
            NewCommitment(
                letter=name,
                transaction_uid=letter.said.transaction_uid,
                caller=letter.caller,
                objects=tuple(
                    (each.sop_class_uid, each.sop_instance_uid) for each in letter.said.references
                ),
                asked_at=letter.at,
            ),
            now=now,
        )
        self._emit(
            "commitment.asked",
            commitment=number,
            source=letter.caller.source,
            instances=len(letter.said.references),
        )

    # --- judged -----------------------------------------------------------------------------------

    def _judge(self, now: float) -> bool:
        rows = self._ledger.commitments_due(now=now, limit=BATCH)
        for row in rows:
            self._judge_one(row, now)
        return len(rows) == BATCH

    def _judge_one(self, row: CommitmentRow, now: float) -> None:
        if self._indexed_until() <= row.asked_at <= now:
            self._ledger.postpone_commitment(
                row, until=now + KNOWN_SECONDS, waits_for="what was received before it"
            )
            return
        requester = self._reporter.requesters.get(row.source)
        # A source that may not ask any more is answered as it was to be: safe is safe.
        promise = Promise.DELIVERED if requester is None else requester.promise
        patience = Requester(promise=promise).patience_seconds
        if requester is not None:
            patience = requester.patience_seconds
        waited = max(0.0, now - row.asked_at)
        match judge(
            self._ledger.commitment_objects(row.id), promise, out_of_patience=waited >= patience
        ):
            case Decided(reasons=reasons):
                if self._ledger.judge_commitment(row, reasons, now=now):
                    refused = sum(reason != SAFE for reason in reasons.values())
                    self._emit(
                        "commitment.judged", commitment=row.id, source=row.source,
                        instances=len(reasons), refused=refused,
                    )  # fmt: skip
            case undecided:
                pause = min(max(waited / 10, SOONEST_LOOK_SECONDS), LATEST_LOOK_SECONDS)
                self._ledger.postpone_commitment(
                    row, until=now + pause, waits_for=undecided.waits_for
                )

    # --- out --------------------------------------------------------------------------------------

    def _report(self, now: float) -> None:
        with self._lock:
            room = REPORTS_AT_ONCE - self._busy
        if room <= 0:
            return
        for row in self._ledger.claim_reports(now=now, limit=room, lease_seconds=LEASE_SECONDS):
            report = report_on(row, self._ledger.commitment_objects(row.id))
            if row.attempt == 1 and self._leave(row, report, now):
                continue
            with self._lock:
                self._busy += 1
            self._threads.submit(self._send, row, report)

    def _leave(self, row: CommitmentRow, report: CommitmentReport, now: float) -> bool:
        """For the association on which it was asked for, first of all; False if it is over."""
        with self._lock:
            if not row.association or row.association in self._over:
                return False
            self._left[row.id] = row
        if not self._over_the_same(row, report):
            with self._lock:
                self._left.pop(row.id, None)
            return False
        # Should nobody tell what came of it, it is due again soon, and goes another way.
        until = now + SAME_SECONDS
        self._ledger.settle_report(
            row, Retry(at=until, code="same", text="left for the association"), now=now
        )
        return True

    def association_over(self, association: str) -> None:
        """An association ended; what is left for it is told apart by its receiver."""
        with self._lock:
            self._over[association] = None
            while len(self._over) > MOST_REMEMBERED:
                self._over.popitem(last=False)

    def answered(self, commitment_id: int, status: int | None) -> None:
        """What came of a report that was left; None if it did not go out."""
        with self._lock:
            row = self._left.pop(commitment_id, None)
        if row is None:
            return
        now = self._clock()
        try:
            if status is None:
                raise TemporaryError("its association was over before the report went out")
            check_answer(row.calling_ae, status)
        except TemporaryError as error:
            self._settle(row, Retry(at=now, code="same", text=str(error)), error)
        else:
            self._settle(row, Told(), None)

    def _send(self, row: CommitmentRow, report: CommitmentReport) -> None:
        """In a thread."""
        try:
            self._settle(row, *self._tried(row, report))
        except Exception as error:  # noqa: BLE001 - it is due again when its lease ends
            self._emit("commitment.failed", level="error", commitment=row.id, error=error)
        finally:
            with self._lock:
                self._busy -= 1

    def _tried(
        self, row: CommitmentRow, report: CommitmentReport
    ) -> tuple[ReportOutcome, Exception | None]:
        peer = self._reporter.peer_of(row)
        if peer is None:
            text = "nothing says where its source hears reports, and its association is over"
            hint = f'give source "{row.source}" a port in [source.commitment]'
            return Dead(code="no_address", text=f"{text} ({hint})"), None
        try:
            self._reporter.send(peer, report)
        except (PeerError, TemporaryError) as error:
            if row.attempt >= MOST_ATTEMPTS:
                text = f"gave up after {row.attempt} tries: {error}"
                return Dead(code="not_taken", text=text), error
            grown = FIRST_RETRY_SECONDS * 2.0 ** min(row.attempt - 1, 20)
            pause = min(grown, LONGEST_RETRY_SECONDS)
            at = self._clock() + pause * self._rng.uniform(0.5, 1.0)
            return Retry(at=at, code="not_taken", text=str(error)), error
        return Told(), None

    def _settle(self, row: CommitmentRow, outcome: ReportOutcome, error: Exception | None) -> None:
        now = self._clock()
        if not self._ledger.settle_report(row, outcome, now=now):
            return
        match outcome:
            case Told():
                self._emit(
                    "commitment.reported", commitment=row.id, source=row.source,
                    instances=row.object_count, refused=row.failed_count, attempt=row.attempt,
                )  # fmt: skip
            case Retry(at=at):
                self._emit(
                    "commitment.retry", level="warning", commitment=row.id, source=row.source,
                    attempt=row.attempt, again_in_seconds=max(0.0, at - now), error=error,
                )  # fmt: skip
            case Dead(code=code):
                self._emit(
                    "commitment.dead", level="error", commitment=row.id, source=row.source,
                    code=code, error=error,
                )  # fmt: skip
            case Wait():
                pass


def report_on(row: CommitmentRow, objects: Iterable[AskedObject]) -> CommitmentReport:
    """What is told of a request that was judged."""
    committed, failed = [], []
    for each in objects:
        reference = Reference(each.sop_class_uid, each.sop_instance_uid)
        if each.reason == SAFE:
            committed.append(reference)
        else:
            # Never null once it was judged; were it so, the safe answer is no.
            failed.append((reference, each.reason or 0x0110))
    return CommitmentReport(
        transaction_uid=row.transaction_uid, committed=tuple(committed), failed=tuple(failed)
    )
