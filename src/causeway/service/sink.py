"""Where received objects go: into the spool, a hint to the pipeline, a status to the sender.

This is the place where Success is decided. ``finish`` answers 0x0000 after ``commit`` has returned,
and at no other place does a C-STORE status of success come into being.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from causeway.dimse import Buffer, CStoreRQ, Status, StoreStatus
from causeway.errors import BadDataSet, OutOfSpace, SpoolCorrupt, TemporaryError
from causeway.net import Emit, ObjectSink
from causeway.service.hints import HintWriter
from causeway.spool import Intake, SpoolWriter
from causeway.values import Caller, Receipt

Judge = Callable[[bytes, Receipt], int]
"""(first bytes of the data set, receipt) → the C-STORE status to refuse it with, or 0x0000."""

JUDGED_BYTES = 256 * 1024
"""The head that a judge sees. What needs more is let through, and judged when it is indexed."""


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
        self._clock = clock

    def judge_by(self, judge: Judge | None) -> None:
        """Objects that begin from now on; None lets all of them in."""
        self._judge = judge

    def begin(
        self, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> ObjectSink | int:
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
        judge = self._judge
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
