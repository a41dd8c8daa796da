"""Storage commitment on an association that somebody else asked for: the listener's side.

Requests and reports come in as messages with a data set that is held whole (it is small and
bounded), and go to the ``Desk``, which keeps them durably and says what to answer. Reports on what
was asked over this association may go out over it as well, as long as it is there and nothing else
is under way: another thread leaves them in the tray, and rings; the association's own thread sends
them and hears what the peer makes of them.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from causeway.dimse import (
    STORAGE_COMMITMENT_PUSH,
    AcceptedContext,
    Association,
    Command,
    NActionRQ,
    NEventReportRQ,
    NEventReportRSP,
    Status,
)
from causeway.net.commitment import (
    LONGEST,
    CommitmentReport,
    CommitmentRequest,
    Refused,
    check_action,
    check_event,
    decode_report,
    decode_request,
    encode_report,
)
from causeway.net.committing import report_command
from causeway.values import Caller

MOST_IN_TRAY = 64
"""Reports that wait for an association; more go another way."""


class Desk(Protocol):
    """Who keeps what is asked and reported. Called from the associations' threads."""

    def serves(self, caller: Caller) -> bool:
        """Whether storage commitment is offered to this caller, in whichever role."""

    def requested(self, caller: Caller, request: CommitmentRequest) -> int:
        """The status to answer; 0x0000 only when the request is durable."""

    def reported(self, caller: Caller, report: CommitmentReport) -> int:
        """The status to answer; 0x0000 only when the report is durable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """A report that shall go out over an association."""

    report: CommitmentReport
    settled: Callable[[int | None], None]
    """Told what the peer answered, or None if it did not go out, or nobody can tell."""


class Clerk:
    """Of one association. Only ``leave`` and ``close`` may be called from other threads."""

    def __init__(self, association: Association, desk: Desk, caller: Caller) -> None:
        self._association = association
        self._desk = desk
        self._caller = caller
        self._command: Command | None = None
        self._context_id = 0
        self._data = bytearray()
        self._too_long = False
        self._tray: deque[Outbound] = deque()
        self._under_way: Outbound | None = None
        self._bell = -1
        self._lock = threading.Lock()
        """Keeps the bell from being rung while it is closed: descriptors are used again."""

    # In

    @staticmethod
    def takes(command: Command) -> bool:
        return isinstance(command, NActionRQ | NEventReportRQ | NEventReportRSP)

    def begin(self, context_id: int, command: Command) -> None:
        """A message of storage commitment came; its data set follows if it has one."""
        self._command, self._context_id = command, context_id
        self._data.clear()
        self._too_long = False

    def fragment(self, data: memoryview) -> None:
        if len(self._data) + len(data) > LONGEST:
            self._too_long = True
        else:
            self._data += data

    def end(self) -> bytes:
        """The message is whole: what is to be sent to the peer."""
        command, self._command = self._command, None
        if isinstance(command, NEventReportRSP):
            self._settle(command.status)
            return b""
        assert isinstance(command, NActionRQ | NEventReportRQ)
        status = self._judged(command)
        return self._association.encode_response(self._context_id, command.response(status))

    def _judged(self, command: NActionRQ | NEventReportRQ) -> int:
        context = self._association.contexts[self._context_id]
        try:
            if context.abstract_syntax != STORAGE_COMMITMENT_PUSH:
                raise Refused(Status.NO_SUCH_SOP_CLASS, "over the context of something else")
            if self._too_long:
                raise Refused(Status.RESOURCE_LIMITATION, "more than is held")
            data = bytes(self._data)
            if isinstance(command, NActionRQ):
                check_action(command)
                request = decode_request(data, context.transfer_syntax)
                status = self._desk.requested(self._caller, request)
                if status == Status.SUCCESS and self._bell < 0:
                    self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
                return status
            check_event(command)
            return self._desk.reported(self._caller, decode_report(data, context.transfer_syntax))
        except Refused as refused:
            return refused.status
        finally:
            self._data.clear()

    # Out

    @property
    def bell(self) -> int:
        """A descriptor that becomes readable when a report was left; less than 0 before anything
        was asked over this association, which needs no waiting for it.
        """
        return self._bell

    def leave(self, outbound: Outbound) -> bool:
        """Leave a report for the association's thread; False if it is not wanted here."""
        with self._lock:
            if self._bell < 0 or len(self._tray) >= MOST_IN_TRAY:
                return False
            self._tray.append(outbound)
            os.eventfd_write(self._bell, 1)
            return True

    def next_report(self) -> bytes:
        """The next report as bytes to send; empty if there is none, or one is under way."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        if self._under_way is not None or not self._tray:
            return b""
        context = self._reporting()
        if context is None:
            while self._tray:
                self._tray.popleft().settled(None)
            return b""
        outbound = self._under_way = self._tray.popleft()
        command = report_command(self._association.new_message_id(), outbound.report)
        data = encode_report(outbound.report, context.transfer_syntax)
        lists = self._association.send_message(context.context_id, command, data)
        return b"".join(b"".join(buffers) for buffers in lists)

    def _reporting(self) -> AcceptedContext | None:
        """A context in which the peer is the user and we provide, which is what it asked by."""
        for context in self._association.contexts.values():
            if context.abstract_syntax == STORAGE_COMMITMENT_PUSH and context.scp_role:
                return context
        return None

    def _settle(self, status: int | None) -> None:
        outbound, self._under_way = self._under_way, None
        if outbound is not None:
            outbound.settled(status)

    def close(self) -> None:
        """The association is over: what has not been answered goes another way."""
        with self._lock:
            bell, self._bell = self._bell, -1
            if bell >= 0:
                os.close(bell)
        self._settle(None)
        while self._tray:
            self._tray.popleft().settled(None)
