"""Which requests are not answered yet, in both directions (PS3.7 section 7.5 and D.3.3.3).

The identifier of a message is chosen by who invokes the operation, so the two directions are
counted apart. What the peer does wrong is a ``ProtocolError``; what the caller does, a
``LocalProtocolError``.
"""

from __future__ import annotations

from causeway.dimse.errors import AbortReason, LimitExceeded, LocalProtocolError, ProtocolError
from causeway.dimse.messages import CCancelRQ, Command, NEventReportRQ, Request, Response
from causeway.dimse.pdu import AcceptedContext

_PENDING = (0xFF00, 0xFF01)


class Operations:
    """Message identifiers under way, each with its presentation context."""

    __slots__ = ("_asked", "_bound", "_last_id", "_owed", "_window")

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._window = 1
        self._asked: dict[int, int] = {}
        self._owed: dict[int, int] = {}
        self._last_id = 0

    def open_window(self, size: int) -> None:
        """How many operations this side may have under way, as negotiated; 0 is no limit."""
        self._window = min(size, self._bound) if size else self._bound

    @property
    def asked(self) -> int:
        """Requests of this side that the peer has not answered."""
        return len(self._asked)

    @property
    def owed(self) -> int:
        """Requests of the peer that this side has not answered."""
        return len(self._owed)

    def new_id(self) -> int:
        """A message identifier that is not in use."""
        while True:
            self._last_id = self._last_id % 0xFFFF + 1
            if self._last_id not in self._asked:
                return self._last_id

    def received(self, context_id: int, command: Command) -> None:
        """Note what the peer sent."""
        if isinstance(command, Request):
            if command.message_id in self._owed:
                raise ProtocolError(
                    "a message identifier that is in use", AbortReason.UNEXPECTED_PDU_PARAMETER
                )
            # The negotiated window is not held against the peer: what it sends too early waits in
            # the socket. Only memory is bounded.
            if len(self._owed) >= self._bound:
                raise LimitExceeded(
                    f"more than {self._bound} requests without an answer",
                    AbortReason.UNEXPECTED_PDU_PARAMETER,
                )
            self._owed[command.message_id] = context_id
        elif isinstance(command, Response):
            if command.message_id_being_responded_to not in self._asked:
                raise ProtocolError(
                    "an answer to nothing that was asked", AbortReason.UNEXPECTED_PDU_PARAMETER
                )
            if command.status not in _PENDING:
                del self._asked[command.message_id_being_responded_to]

    def check(self, context: AcceptedContext, command: Command) -> None:
        """Whether this side may send it now."""
        if isinstance(command, Response):
            if self._owed.get(command.message_id_being_responded_to) != context.context_id:
                raise LocalProtocolError("an answer to nothing that the peer asked in this context")
        elif isinstance(command, Request):
            # N-EVENT-REPORT is the one operation that the SCP invokes (PS3.7 section 10.1.1).
            event_report = isinstance(command, NEventReportRQ)
            if not (context.scp_role if event_report else context.scu_role):
                raise LocalProtocolError("the role that invokes this operation was not negotiated")
            if command.message_id in self._asked:
                raise LocalProtocolError("a message identifier that is in use")
            if len(self._asked) >= self._window:
                raise LocalProtocolError(
                    f"{self._window} operations are under way, and no more were negotiated"
                )
        elif not isinstance(command, CCancelRQ):
            raise LocalProtocolError("neither a request nor a response")

    def sent(self, context_id: int, command: Command) -> None:
        """Note what this side sent, after ``check``."""
        if isinstance(command, Response):
            if command.status not in _PENDING:
                del self._owed[command.message_id_being_responded_to]
        elif isinstance(command, Request):
            self._asked[command.message_id] = context_id
