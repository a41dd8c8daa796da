"""Where received objects go: into the spool, a hint to the pipeline, a status to the sender.

What a node sends because it was asked to is told by the C-MOVE that its C-STORE names, and counts
as the node's; what nobody asked for is refused.

This is the place where Success is decided. ``finish`` answers 0x0000 after ``commit`` has returned,
and at no other place does a C-STORE status of success come into being.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from causeway.dimse import Buffer, CStoreRQ, Status, StoreStatus
from causeway.errors import BadDataSet, OutOfSpace, SpoolCorrupt, TemporaryError
from causeway.net import Emit, ObjectSink
from causeway.pull.asked import AskedFor, AskedOf
from causeway.service.hints import HintWriter
from causeway.spool import Intake, SpoolWriter
from causeway.values import Caller, Receipt

Judge = Callable[[bytes, Receipt], int]
"""(first bytes of the data set, receipt) → the C-STORE status to refuse it with, or 0x0000."""

JUDGED_BYTES = 256 * 1024
"""The head that a judge sees. What needs more is let through, and judged when it is indexed."""


NOT_ASKED = Status.REFUSED_NOT_AUTHORIZED


class Expected:
    """Which objects have to have been asked for, and which were."""

    def __init__(self, asked: AskedOf, *, nodes: frozenset[str], movers: frozenset[str]) -> None:
        self._asked = asked
        self._nodes = nodes
        self._movers = movers

    def of(self, caller: Caller, request: CStoreRQ) -> tuple[AskedFor, ...] | None:
        """What the object may belong to; None for one that anybody may send."""
        mover = request.move_originator_ae_title.strip()
        if mover == caller.calling_ae.strip():
            # Some put their own AE title there, and not that of who has asked (PS3.7 9.1.1.1.6).
            mover = ""
        of_node = caller.source in self._nodes
        if not of_node and mover not in self._movers:
            return None
        return self._asked.matching(
            node=caller.source if of_node else None,
            mover=mover,
            message_id=request.move_originator_message_id,
        )


class SpoolSink:
    """The sink of one receiver process."""

    def __init__(
        self,
        writer: SpoolWriter,
        hints: HintWriter,
        emit: Emit,
        *,
        judge: Judge | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = writer
        self._hints = hints
        self._emit = emit
        self._judge = judge
        self._expected: Expected | None = None
        self._clock = clock

    def expect(self, expected: Expected | None) -> None:
        """Objects that begin from now on are held against what was asked for."""
        self._expected = expected

    def judge_by(self, judge: Judge | None) -> None:
        """Objects that begin from now on; None lets all of them in."""
        self._judge = judge

    def begin(
        self, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> ObjectSink | int:
        judge = self._judge
        asked = None if self._expected is None else self._expected.of(caller, request)
        if asked is not None:
            if not asked:
                self._hints.refused(caller.source, NOT_ASKED)
                return NOT_ASKED
            caller = replace(caller, source=asked[0].node)
            judge = _belongs_to(asked, judge)
        receipt = Receipt(
            caller=caller,
            sop_class_uid=request.affected_sop_class_uid,
            sop_instance_uid=request.affected_sop_instance_uid,
            transfer_syntax_uid=transfer_syntax_uid,
            received_at=self._clock(),
            move_originator=request.move_originator_ae_title,
        )
        try:
            intake = self._writer.begin(receipt)
        except OutOfSpace:
            self._hints.refused(caller.source, StoreStatus.OUT_OF_RESOURCES)
            return StoreStatus.OUT_OF_RESOURCES
        if judge is None:
            return _Object(intake, receipt, self._hints, self._emit)
        return _JudgedObject(intake, receipt, self._hints, self._emit, judge)

    def association_ended(self, caller: Caller, outcome: str, stored: int) -> None:
        self._hints.association_over(caller.association, outcome, stored)


class _Object:
    """One object on its way into the spool."""

    __slots__ = ("_emit", "_hints", "_intake", "_receipt")

    def __init__(self, intake: Intake, receipt: Receipt, hints: HintWriter, emit: Emit) -> None:
        self._intake = intake
        self._receipt = receipt
        self._hints = hints
        self._emit = emit

    def write(self, fragment: Buffer) -> bool:
        try:
            return self._intake.write(fragment)
        except OutOfSpace:
            # Large objects meet a full disk on their way in, and count as refused all the same.
            self._refuse(StoreStatus.OUT_OF_RESOURCES)
            raise
        except TemporaryError:
            self._refuse(Status.PROCESSING_FAILURE)
            raise

    def finish(self) -> int:
        try:
            record = self._intake.commit()
        except OutOfSpace:
            return self._refuse(StoreStatus.OUT_OF_RESOURCES)
        except TemporaryError as error:
            self._emit(
                "object.not_stored",
                association=self._receipt.caller.association,
                source=self._receipt.caller.source,
                error=error,
            )
            return self._refuse(Status.PROCESSING_FAILURE)
        self._hints.committed(record.address.container, record.end)
        return Status.SUCCESS

    def abort(self) -> None:
        self._intake.abort()

    def _refuse(self, status: int) -> int:
        self._hints.refused(self._receipt.caller.source, status)
        return status


class _JudgedObject(_Object):
    """The same, but its head is read before it is committed, and nonsense is sent back."""

    __slots__ = ("_head", "_judge", "_taken")

    def __init__(
        self,
        intake: Intake,
        receipt: Receipt,
        hints: HintWriter,
        emit: Emit,
        judge: Judge,
    ) -> None:
        super().__init__(intake, receipt, hints, emit)
        self._judge = judge
        self._head: list[bytes] = []
        self._taken = 0

    def write(self, fragment: Buffer) -> bool:
        if self._taken < JUDGED_BYTES:
            part = bytes(fragment[: JUDGED_BYTES - self._taken])
            self._head.append(part)
            self._taken += len(part)
        return super().write(fragment)

    def finish(self) -> int:
        status = self._judge(b"".join(self._head), self._receipt)
        if status == Status.SUCCESS:
            return super().finish()
        self._intake.abort()
        return self._refuse(status)


def _belongs_to(asked: tuple[AskedFor, ...], judge: Judge | None) -> Judge:
    """Judges whether an object is of a series that was asked for, and then as ``judge`` does."""
    wanted = frozenset(each.series_instance_uid for each in asked)

    def judged(head: bytes, receipt: Receipt) -> int:
        from causeway.pipeline.header import Structure, read_header

        try:
            header = read_header(
                lambda offset, size: head[offset : offset + size],
                len(head),
                receipt.transfer_syntax_uid,
                Structure.HEAD,
            )
        except (BadDataSet, SpoolCorrupt):
            # It cannot be read: what becomes of such objects is decided as for any other.
            return Status.SUCCESS if judge is None else judge(head, receipt)
        if header.series_instance_uid not in wanted:
            return NOT_ASKED
        return Status.SUCCESS if judge is None else judge(head, receipt)

    return judged


def judge_head(head: bytes, receipt: Receipt) -> int:
    """Refuse what cannot be read (C000) or is not what the request said (A900), PS3.4 B.2.3."""
    from causeway.pipeline.header import Structure, check, read_header

    try:
        header = read_header(
            lambda offset, size: head[offset : offset + size],
            len(head),
            receipt.transfer_syntax_uid,
            Structure.HEAD,
        )
    except BadDataSet:
        # A head that was cut off here is no fault of the sender's.
        return StoreStatus.CANNOT_UNDERSTAND if len(head) < JUDGED_BYTES else Status.SUCCESS
    except SpoolCorrupt:
        return Status.SUCCESS
    try:
        check(header, receipt)
    except BadDataSet:
        return StoreStatus.DATA_SET_DOES_NOT_MATCH_SOP_CLASS
    return Status.SUCCESS
