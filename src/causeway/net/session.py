"""One connection served, from the hand-over to the close, by one thread.

The loop is: receive into the association's buffer, take events until it wants more, answer. It
blocks in ``recv_into`` and nowhere else that a peer could prolong unseen: the watchdog reads
``marks`` and wakes this thread when patience runs out (see ``watchdog``). Nothing is logged and
nothing is allocated per object beyond what the events are.

The order at the end of an association: the object in hand is aborted, the source's place is given
back, the sink is told, and then the peer is answered or cut off; so whoever sees the answer finds
all done.
"""

from __future__ import annotations

import contextlib
import enum
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from causeway.dimse import (
    APPLICATION_CONTEXT,
    NEED_DATA,
    Aborted,
    AssociateRequest,
    AssociateRequested,
    Association,
    BlockPool,
    Event,
    FragmentReceived,
    Limits,
    MessageReceived,
    ProtocolError,
    ReleaseRequested,
    Role,
    TransportClosed,
    same_ae_title,
)
from causeway.net.admission import Admission, Refusal
from causeway.net.clerk import Clerk, Desk, Outbound
from causeway.net.intake import Intake
from causeway.net.options import ListenerOptions, ReceiveOptions
from causeway.net.pace import Expiry, Marks, Phase, Waiting
from causeway.net.secured import Secured
from causeway.net.sink import Emit, Sink
from causeway.net.sockets import acknowledge_at_once, prepare
from causeway.net.tls import ServerContext
from causeway.values import Caller


class Ending(enum.StrEnum):
    """How a connection ended. The values are the counters' names."""

    RELEASED = "released"
    ABORTED = "aborted"
    """By either side, for a reason of the protocol."""
    LOST = "lost"
    """The transport went away in the middle."""
    TIMEOUT = "timeout"
    STOPPED = "stopped"
    """This side is stopping."""
    REFUSED = "refused"
    SILENT = "silent"
    """Connected and closed without a byte: a port scan, or the probe of a load balancer."""
    NOT_DICOM = "not dicom"
    NO_TLS = "handshake failed"


_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: close resets the connection."""

_CUT_SHORT = frozenset({Ending.LOST, Ending.NO_TLS, Ending.SILENT})
"""What an end looks like from inside when patience ran out in the middle of a call."""

_OUTCOMES = {
    Ending.RELEASED: "released",
    Ending.LOST: "lost",
    Ending.TIMEOUT: "timeout",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What all sessions of a process share."""

    admission: Admission
    options: ReceiveOptions
    sink: Sink
    desk: Desk | None
    """Who keeps what is asked of storage commitment; None offers it to nobody."""
    admitting: Callable[[], Refusal | None]
    """Whether new associations are taken at all now, as for the room on the disk."""
    ask_door: Callable[[int, str], bool]
    """Whether connection so-and-so may be an association of that source: counted over all
    processes.
    """
    association_over: Callable[[int], None]
    refused: Callable[[Refusal, str, str, str], None]
    """Told why, from which address, and the calling and the called AE title."""
    new_id: Callable[[], str]
    emit: Emit
    blocks: BlockPool
    clock: Callable[[], float]
    """Seconds since the epoch."""


class Session:
    """A connection and its thread's work. ``run`` returns when the socket is closed."""

    def __init__(
        self,
        connection: socket.socket,
        *,
        number: int,
        address: str,
        listener: ListenerOptions,
        tls: ServerContext | None,
        surroundings: Surroundings,
    ) -> None:
        self.number = number
        self.address = address
        self.marks = Marks(Phase.OPENING if tls is None else Phase.HANDSHAKE)
        self.caller: Caller | None = None
        self.ending = Ending.LOST
        self._socket = connection
        self._stream: socket.socket | Secured = connection
        """What is read from and written to: the socket, or TLS over it."""
        self._listener = listener
        self._tls = tls
        self._around = surroundings
        self._association = Association(
            Role.ACCEPTOR,
            limits=Limits(max_pdu_length=listener.max_pdu_length),
            blocks=surroundings.blocks,
        )
        self.intake = Intake(
            self._association,
            surroundings.sink,
            send=self._send,
            marks=self.marks,
            emit=surroundings.emit,
            clock=surroundings.clock,
            takes=surroundings.options.acceptance.takes,
        )
        self._began = time.monotonic()
        self._certificate = ""
        self._expiry: Expiry | None = None
        self._stopping = False
        self._over = False
        self._closed = False
        self._lock = threading.Lock()
        """Keeps the socket open while another thread shuts it down: descriptors are used again."""

    # Called by other threads

    @property
    def associated(self) -> bool:
        """Whether an association was accepted and is not over."""
        return self.caller is not None and not self._over

    def report(self, outbound: Outbound) -> bool:
        """Send a report of storage commitment as soon as nothing else is under way; False if this
        association will not.
        """
        clerk = self.intake.clerk
        return clerk is not None and clerk.leave(outbound)

    def expire(self, expiry: Expiry) -> None:
        """Patience ran out: wake the thread; it ends the association in order."""
        self._expiry = expiry
        self._shut(socket.SHUT_RD)

    def stop(self, *, drain: bool) -> None:
        """End soon: after the object in hand with ``drain``, else at once."""
        # The order matters: the thread leaves the phase first and looks at the flag after.
        self._stopping = True
        if not (drain and self.marks.phase is Phase.OBJECT):
            self._shut(socket.SHUT_RD)

    def cut(self) -> None:
        """End now: every blocked call of the thread returns.

        What the peer has not read is thrown away when the socket is closed: the kernel would keep
        it for a peer that does not read for a long time.
        """
        with self._lock, contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._shut(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the socket; for ``run``, and for a session whose ``run`` is never called."""
        with self._lock:
            self._closed = True
            self._socket.close()

    def _shut(self, how: int) -> None:
        with self._lock, contextlib.suppress(OSError):
            if not self._closed:
                self._socket.shutdown(how)

    # The thread

    def run(self) -> None:
        detail = ""
        try:
            prepare(self._socket)
            if self._tls is not None:
                self._secure(self._tls)
            self.ending = self._serve()
        except ProtocolError as error:
            detail = str(error)
            established = self.caller is not None
            self.ending = Ending.ABORTED if established else Ending.NOT_DICOM
            self._conclude(self.ending)
            self._leave(error.reply, linger=established)
        except ssl.SSLCertVerificationError as error:
            detail = error.verify_message
        except OSError as error:
            detail = getattr(error, "reason", None) or type(error).__name__
        finally:
            self._finish(detail)

    def _secure(self, tls: ServerContext) -> None:
        """The TLS handshake, under the watchdog's eye."""
        secured = Secured(self._socket, tls.current)
        try:
            secured.do_handshake()
        except OSError:
            self.ending = Ending.SILENT if secured.silent else Ending.NO_TLS
            raise
        self._stream = secured
        self._certificate = secured.fingerprint()
        self.marks.phase = Phase.OPENING

    def _serve(self) -> Ending:
        association, marks, intake = self._association, self.marks, self.intake
        receive_into, get_buffer = self._stream.recv_into, association.get_buffer
        buffer_updated, next_event = association.buffer_updated, association.next_event
        to_receive, not_waiting = Waiting.TO_RECEIVE, Waiting.NOT
        while True:
            marks.waiting = to_receive
            if intake.clerk is not None:
                self._wait_or_report(intake.clerk)
            count = receive_into(get_buffer())
            marks.waiting = not_waiting
            if count:
                marks.received += count
                buffer_updated(count)
            elif self._expiry is not None or self._stopping:
                return self._give_up()
            else:
                association.transport_closed()
            while (event := next_event()) is not NEED_DATA:
                kind = type(event)
                if kind is FragmentReceived:
                    over = intake.fragment(event)  # type: ignore[arg-type]
                elif kind is MessageReceived:
                    over = intake.message(event)  # type: ignore[arg-type]
                else:
                    ending = self._control(event)
                    if ending is not None:
                        return ending
                    over = True
                if over:
                    marks.settled = marks.received
                    marks.phase = Phase.BETWEEN
                    if self._stopping:
                        return self._give_up()

    def _wait_or_report(self, clerk: Clerk) -> None:
        """Until there is something to receive; what is left for the peer meanwhile goes out.

        Between two messages only: in the middle of one the peer is not listening.
        """
        while clerk.bell >= 0 and self.marks.phase is Phase.BETWEEN:
            if data := clerk.next_report():
                self._send(data)
                self.marks.waiting = Waiting.TO_RECEIVE
            if isinstance(self._stream, Secured) and self._stream.pending:
                return
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            poll.register(clerk.bell, select.POLLIN)
            if any(descriptor == self._socket.fileno() for descriptor, _ in poll.poll()):
                return

    def _control(self, event: Event) -> Ending | None:
        """Everything but messages; how the association ended if it did."""
        if isinstance(event, AssociateRequested):
            return self._open(event.request)
        if isinstance(event, ReleaseRequested):
            self._conclude(Ending.RELEASED)
            self._leave(self._association.release_response())
            return Ending.RELEASED
        if isinstance(event, Aborted):
            return Ending.ABORTED
        assert isinstance(event, TransportClosed)
        if self.marks.received == 0:
            return Ending.SILENT
        return Ending.LOST

    def _open(self, request: AssociateRequest) -> Ending | None:
        """Accept or reject."""
        around = self._around
        source = self._admit(request)
        if isinstance(source, Refusal):
            around.refused(source, self.address, request.calling_ae, request.called_ae)
            said = source.answer
            self._leave(self._association.reject(said.result, said.source, said.reason))
            return Ending.REFUSED
        self.caller = self.intake.caller = Caller(
            source=source,
            calling_ae=request.calling_ae,
            called_ae=request.called_ae,
            address=self.address,
            association=around.new_id(),
            certificate=self._certificate,
        )
        desk = around.desk
        commitment = desk is not None and desk.serves(self.caller)
        if desk is not None and commitment:
            self.intake.clerk = Clerk(self._association, desk, self.caller)
        answer = around.options.acceptance.answer(request, commitment=commitment)
        self._send(self._association.accept(answer))
        around.emit(
            "association.accepted",
            association=self.caller.association,
            source=source,
            address=self.address,
            calling_ae=request.calling_ae,
            called_ae=request.called_ae,
            contexts=len(self._association.contexts),
            tls=self._tls is not None,
        )
        return None

    def _admit(self, request: AssociateRequest) -> str | Refusal:
        """The source's name, or why there is none. The cheap questions come first."""
        around, listener = self._around, self._listener
        if request.application_context != APPLICATION_CONTEXT:
            return Refusal.APPLICATION_CONTEXT
        rule = around.admission.identify(self.address, request.calling_ae, self._certificate)
        if isinstance(rule, Refusal):
            return rule
        if not (listener.any_called_ae or same_ae_title(request.called_ae, listener.ae_title)):
            return Refusal.CALLED_AE_TITLE
        if self._stopping:
            return Refusal.STOPPING
        refusal = around.admitting()
        if refusal is not None:
            return refusal
        if not around.ask_door(self.number, rule.name):
            return Refusal.SOURCE_LIMIT
        return rule.name

    def _send(self, data: bytes) -> None:
        marks = self.marks
        marks.waiting = Waiting.TO_SEND
        self._stream.sendall(data)
        marks.waiting = Waiting.NOT
        acknowledge_at_once(self._socket)

    def _give_up(self) -> Ending:
        """Patience ran out, or this side is stopping: say so, and do not wait for the peer."""
        ending = Ending.TIMEOUT if self._expiry is not None else Ending.STOPPED
        self._conclude(ending)
        self._leave(self._association.abort(), linger=False)
        return ending

    def _leave(self, last_words: bytes, *, linger: bool = True) -> None:
        """Send what ends the association, and let the peer close first, so that it can read them.

        Closing with unread bytes in our buffer resets the connection, and a reset overtakes what
        was sent.
        """
        self.marks.phase = Phase.CLOSING
        with contextlib.suppress(OSError):
            if last_words:
                self._send(last_words)
            if linger:
                scrap = bytearray(4096)
                while self._socket.recv_into(scrap):
                    pass

    def _conclude(self, ending: Ending) -> None:
        """The association is over, whatever becomes of the connection. Once."""
        if self.caller is None or self._over:
            return
        self._over = True
        self.intake.abandon()
        self._around.association_over(self.number)
        try:
            self._around.sink.association_ended(
                self.caller, _OUTCOMES.get(ending, "aborted"), self.intake.stored
            )
        except Exception as error:  # noqa: BLE001  the socket is to be closed whatever the sink does
            self._around.emit(
                "sink.failed",
                association=self.caller.association,
                during="association_ended",
                error=error,
            )

    def _finish(self, detail: str) -> None:
        """Close, and tell what there is to tell."""
        if self._expiry is not None and self.ending in _CUT_SHORT:
            self.ending = Ending.TIMEOUT
        self._conclude(self.ending)
        self.close()
        if self.ending is Ending.SILENT or self.ending is Ending.REFUSED:
            return
        told: dict[str, object] = {
            "address": self.address,
            "outcome": self.ending,
            "seconds": round(time.monotonic() - self._began, 3),
        }
        if detail:
            told["detail"] = detail
        if self._expiry is not None:
            told["expired"] = self._expiry
        if self.caller is None:
            self._around.emit("connection.ended", **told)
        else:
            self._around.emit(
                "association.ended",
                association=self.caller.association,
                source=self.caller.source,
                stored=self.intake.stored,
                bytes=self.intake.bytes,
                **told,
            )
