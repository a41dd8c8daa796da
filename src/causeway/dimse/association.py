"""The association: bytes in, events out; intentions in, bytes out.

One ``Association`` is one side of one association over one transport connection. The shell around
it owns the socket and the clock, and does four things in a loop: it writes what a method gave,
reads into ``get_buffer``, takes events until ``NEED_DATA``, and reacts to them. Two properties say
what else the standard asks of it: ``artim_running`` and ``must_close``.

What may happen when is looked up in ``states``. Here an event of the standard's machine is worked
out from a PDU's type, the action is looked up and done. After a mistake of the peer the
association is deaf: what still arrives is thrown away until the transport is closed.
"""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from causeway.dimse import readers, writers
from causeway.dimse.buffer import BlockPool, ReceiveBuffer
from causeway.dimse.errors import (
    AbortReason,
    AbortSource,
    LimitExceeded,
    LocalProtocolError,
    ProtocolError,
    callers_mistake,
)
from causeway.dimse.events import (
    NEED_DATA,
    Aborted,
    AssociateAccepted,
    AssociateRejected,
    AssociateRequested,
    Event,
    MessageReceived,
    NeedData,
    ReleaseConfirmed,
    ReleaseRequested,
    TransportClosed,
)
from causeway.dimse.incoming import Incoming
from causeway.dimse.limits import Limits
from causeway.dimse.messages import Command
from causeway.dimse.negotiation import agreed, check_answer, check_offer, introduction
from causeway.dimse.operations import Operations
from causeway.dimse.outgoing import Buffer, Sender
from causeway.dimse.pdu import (
    AcceptedContext,
    AcseRejectReason,
    AssociateAnswer,
    AssociateRequest,
    PduType,
    PeerInfo,
    RejectResult,
    RejectSource,
)
from causeway.dimse.states import Action, Machine, Occurrence, Role, State

_PDU: Final = struct.Struct(">BxI")
_HEADER: Final = 6

_OCCURRENCES: Final[dict[int, Occurrence]] = {
    PduType.A_ASSOCIATE_RQ: Occurrence.EVT6,
    PduType.A_ASSOCIATE_AC: Occurrence.EVT3,
    PduType.A_ASSOCIATE_RJ: Occurrence.EVT4,
    PduType.P_DATA_TF: Occurrence.EVT10,
    PduType.A_RELEASE_RQ: Occurrence.EVT12,
    PduType.A_RELEASE_RP: Occurrence.EVT13,
    PduType.A_ABORT: Occurrence.EVT16,
}


class Association:
    """One side of one association. Not thread safe; one thread at a time."""

    __slots__ = (
        "_buffer",
        "_deaf",
        "_end_told",
        "_ended",
        "_incoming",
        "_machine",
        "_operations",
        "_outgoing",
        "_peer",
        "_request",
        "_skip",
        "_titles",
        "contexts",
        "limits",
        "role",
    )

    def __init__(
        self, role: Role, *, limits: Limits | None = None, blocks: BlockPool | None = None
    ) -> None:
        """The transport connection is taken to be open. ``blocks`` may be shared by many."""
        self.role = role
        self.limits = limits = limits or Limits()
        self.contexts: Mapping[int, AcceptedContext] = {}
        """What was accepted, by identifier; empty until then."""
        self._machine = Machine(role)
        self._buffer = ReceiveBuffer(limits.initial_buffer, blocks or BlockPool())
        self._incoming = Incoming(self._buffer, limits)
        self._outgoing = Sender(limits.max_sent_pdu_length)
        self._operations = Operations(limits.max_outstanding)
        self._peer: PeerInfo | None = None
        self._request: AssociateRequest | None = None
        self._titles = b""
        self._deaf = False
        self._skip = 0
        """Bytes of an ignored PDU that are still to come."""
        self._ended = self._end_told = False

    # What the shell has to know.

    @property
    def state(self) -> State:
        return self._machine.state

    @property
    def artim_running(self) -> bool:
        """Whether the ARTIM timer has to run; when it runs out, call ``artim_expired``.

        It runs while a peer has yet to ask for an association, and while it has yet to close the
        transport after the association has ended. PS3.8 leaves its length to the site.
        """
        return self._machine.artim_running

    @property
    def must_close(self) -> bool:
        """Whether this side has to close the transport now; true once, then for good."""
        return self._machine.must_close

    @property
    def peer(self) -> PeerInfo:
        """What the peer said of itself, once it has asked for an association or accepted one."""
        if self._peer is None:
            raise LocalProtocolError("the peer has not introduced itself")
        return self._peer

    @property
    def operations(self) -> tuple[int, int]:
        """How many requests wait for the peer's answer, and how many for ours."""
        return self._operations.asked, self._operations.owed

    # Bytes in.

    def get_buffer(self) -> memoryview:
        """Where the transport is to write what it receives; never empty.

        Valid until the next call of anything here. Take all events before asking again.
        """
        return self._buffer.get()

    def buffer_updated(self, count: int) -> None:
        """``count`` bytes were written to ``get_buffer``; 0 is the end of the stream."""
        if count:
            self._buffer.put(count)
        else:
            self._ended = True

    def receive_data(self, data: Buffer) -> None:
        """Copy received bytes in, for those who do not use ``get_buffer``; empty is the end."""
        if len(data):
            self._buffer.append(data)
        else:
            self._ended = True

    def transport_closed(self) -> None:
        """The transport is gone: what was received before still makes events, then it is told."""
        self._ended = True

    def artim_expired(self) -> None:
        """The ARTIM timer ran out (Evt18): ``must_close`` is true from now on."""
        action = self._machine.action(Occurrence.EVT18)
        if action is not None and self._machine.artim_running:
            self._machine.do(action)

    def release_fragments(self) -> None:
        """No view of a ``FragmentReceived`` is used any more: its memory may be written again."""
        self._buffer.release()

    def trim(self) -> None:
        """Give back the large receive block of a quiet association; call it from an idle timer."""
        self._buffer.trim()

    def next_event(self) -> Event | NeedData:
        """What has happened next, or ``NEED_DATA``.

        Raises ``ProtocolError``, and only that, when the peer breaks the rules.
        """
        try:
            if self._machine.receives:
                event = self._incoming.next()
                if event is NEED_DATA:
                    return self._nothing()
                if event is not None:
                    if type(event) is MessageReceived:
                        self._operations.received(event.context_id, event.command)
                    return event
            return self._next_control()
        except ProtocolError as error:
            if not error.reply:
                self._fail(error, Occurrence.EVT19)
            raise

    def _next_control(self) -> Event | NeedData:
        """The event of what is no P-DATA-TF PDU, or not a whole one."""
        buffer = self._buffer
        while True:
            if self._deaf or self._machine.state is State.STA1:
                buffer.discard()
                return self._nothing()
            if self._skip:
                skipped = min(self._skip, buffer.end - buffer.start)
                buffer.start += skipped
                self._skip -= skipped
            have = buffer.end - buffer.start
            if not have:
                return self._nothing()
            # The first byte tells what cannot be; neither header nor body is waited for.
            occurrence = _OCCURRENCES.get(buffer.block[buffer.start])
            if occurrence is None:
                error = ProtocolError("bytes that are no DICOM PDU", AbortReason.UNRECOGNIZED_PDU)
                raise self._fail(error, Occurrence.EVT19)
            action = self._machine.action(occurrence)
            if action is None or action in (Action.AA_1, Action.AA_7, Action.AA_8):
                error = ProtocolError("a PDU that is not expected now", AbortReason.UNEXPECTED_PDU)
                raise self._fail(error, occurrence)
            if have < _HEADER:
                buffer.need = 0
                return self._nothing()
            kind, length = _PDU.unpack_from(buffer.block, buffer.start)
            readers.check_length(kind, length, self.limits)
            if action is Action.AA_6:
                self._skip = _HEADER + length
                continue
            if have < _HEADER + length:
                buffer.need = _HEADER + length
                return self._nothing()
            body = bytes(buffer.readable[buffer.start + _HEADER :][:length])
            buffer.start += _HEADER + length
            return self._indicate(action, body)

    def _indicate(self, action: Action, body: bytes) -> Event:
        """Do what the table says to a whole PDU."""
        if action is Action.AE_6:
            return self._requested(body)
        if action is Action.AE_3:
            answer = readers.read_answer(body, self.limits)
            assert self._request is not None
            self._machine.do(action)
            self._peer = introduction(self._request, answer)
            self._establish(self._request, answer)
            return AssociateAccepted(answer)
        if action is Action.AE_4:
            self._machine.do(action)
            return AssociateRejected(body[1], body[2], body[3])
        if action in (Action.AA_2, Action.AA_3):
            self._machine.do(action)
            return Aborted(body[2], body[3])
        if self._incoming.in_message:
            error = ProtocolError(
                "the release of an association in the middle of a message",
                AbortReason.UNEXPECTED_PDU,
            )
            raise self._fail(error, Occurrence.EVT19)
        self._machine.do(action)
        if action in (Action.AR_2, Action.AR_8):
            return ReleaseRequested(collision=action is Action.AR_8)
        assert action in (Action.AR_3, Action.AR_10)
        return ReleaseConfirmed()

    def _requested(self, body: bytes) -> AssociateRequested:
        """AE-6, both outcomes."""
        request = readers.read_request(body, self.limits)
        if not request.protocol_version & 1:
            self._machine.do(Action.AE_6)
            self._machine.do(Action.AE_8)
            self._deaf = True
            raise ProtocolError(
                "a version of the upper layer protocol that does not exist",
                reply=writers.write_reject(
                    RejectResult.PERMANENT,
                    RejectSource.SERVICE_PROVIDER_ACSE,
                    AcseRejectReason.PROTOCOL_VERSION_NOT_SUPPORTED,
                ),
            )
        self._machine.do(Action.AE_6)
        self._request = request
        self._titles = readers.echoed_titles(body)
        self._peer = introduction(request)
        return AssociateRequested(request)

    def _nothing(self) -> TransportClosed | NeedData:
        """No event is left in what was received."""
        if self._buffer.held_bytes > self.limits.max_held_bytes and not self._deaf:
            raise LimitExceeded(
                f"more than {self.limits.max_held_bytes} bytes that are still held",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        if not self._ended or self._end_told:
            return NEED_DATA
        self._end_told = True
        action = self._machine.action(Occurrence.EVT17)
        if action is not None:
            self._machine.do(action)
        self._buffer.discard()
        self._buffer.trim()
        return TransportClosed(abrupt=action is Action.AA_4)

    # Intentions in, bytes out.

    def associate(self, request: AssociateRequest) -> bytes:
        """Ask for an association (requestor). ``max_pdu_length`` is replaced by the limit."""
        if self.role is not Role.REQUESTOR or self._request is not None:
            raise LocalProtocolError("this side does not ask for the association, or has asked")
        action = self._machine.allowed(Occurrence.EVT1)
        callers_mistake(check_offer, request.contexts)
        request = dataclasses.replace(request, max_pdu_length=self.limits.max_pdu_length)
        encoded = callers_mistake(writers.write_request, request)
        self._request = request
        self._machine.do(action)
        self._machine.do(self._machine.allowed(Occurrence.EVT2))
        return encoded

    def accept(self, answer: AssociateAnswer) -> bytes:
        """Accept what was asked for. ``max_pdu_length`` is replaced by the limit."""
        action = self._machine.allowed(Occurrence.EVT7)
        request = self._request
        assert request is not None
        callers_mistake(check_answer, request, answer)
        answer = dataclasses.replace(answer, max_pdu_length=self.limits.max_pdu_length)
        encoded = callers_mistake(writers.write_answer, answer, self._titles)
        self._machine.do(action)
        self._establish(request, answer)
        return encoded

    def reject(self, result: int, source: int, reason: int) -> bytes:
        """Refuse what was asked for."""
        action = self._machine.allowed(Occurrence.EVT8)
        encoded = callers_mistake(writers.write_reject, result, source, reason)
        self._machine.do(action)
        return encoded

    def release(self) -> bytes:
        """Ask to end; ``ReleaseConfirmed`` follows, or ``ReleaseRequested`` after a collision."""
        action = self._machine.allowed(Occurrence.EVT11)
        self._outgoing.check_idle()
        self._machine.do(action)
        return writers.RELEASE_RQ

    def release_response(self) -> bytes:
        """Answer ``ReleaseRequested``."""
        action = self._machine.allowed(Occurrence.EVT14)
        self._outgoing.check_idle()
        self._machine.do(action)
        return writers.RELEASE_RP

    def abort(
        self,
        source: AbortSource = AbortSource.SERVICE_USER,
        reason: AbortReason = AbortReason.NOT_SPECIFIED,
    ) -> bytes:
        """End at once. Never raises: where there is nothing to abort, there is nothing to send."""
        action = self._machine.action(Occurrence.EVT15)
        if action is None:
            return b""
        self._skip = self._incoming.drop()
        self._machine.do(action)
        return writers.write_abort(source, reason)

    def new_message_id(self) -> int:
        """A message identifier for the next request."""
        return self._operations.new_id()

    def send_message(
        self, context_id: int, command: Command, data: Buffer | Iterable[Buffer] | None = None
    ) -> Iterator[list[Buffer]]:
        """A message as lists of buffers; each list fits one ``sendmsg``.

        Checked at the call, produced as it is consumed; until it is exhausted no other message can
        be sent. ``data`` may be a generator that reads a file in chunks; a buffer that it gave
        must not change before the lists with its views are sent, which may be one list later.
        """
        self._check_sendable(context_id, command)
        if data is None:
            whole: list[Buffer] = [callers_mistake(self._outgoing.whole, context_id, command)]
            produced = iter([whole])
        else:
            produced = callers_mistake(self._outgoing.message, context_id, command, data)
        self._operations.sent(context_id, command)
        return produced

    def encode_response(self, context_id: int, command: Command) -> bytes:
        """A message without data set as one ``bytes``: any of them, responses above all."""
        self._check_sendable(context_id, command)
        encoded = callers_mistake(self._outgoing.whole, context_id, command)
        self._operations.sent(context_id, command)
        return encoded

    def _check_sendable(self, context_id: int, command: Command) -> None:
        if not self._machine.sends:
            raise LocalProtocolError(f"no message can be sent in {self.state.name.capitalize()}")
        self._outgoing.check_idle()
        context = self.contexts.get(context_id)
        if context is None:
            raise LocalProtocolError("a presentation context that was not accepted")
        self._operations.check(context, command)

    # What both directions share.

    def _fail(self, error: ProtocolError, occurrence: Occurrence) -> ProtocolError:
        """The peer's mistake: put the reply on the error, and be deaf from now on."""
        action = self._machine.action(occurrence)
        if action is Action.AA_1:
            error.reply = writers.write_abort(AbortSource.SERVICE_USER, AbortReason.NOT_SPECIFIED)
        elif action is not None and not self._deaf:
            error.reply = writers.write_abort(AbortSource.SERVICE_PROVIDER, error.abort_reason)
        if action is not None:
            self._machine.do(action)
        self._deaf = True
        self._incoming.drop()
        self._buffer.discard()
        return error

    def _establish(self, request: AssociateRequest, answer: AssociateAnswer) -> None:
        """Both sides have spoken: take on what was agreed."""
        requestor = self.role is Role.REQUESTOR
        self.contexts = agreed(request, answer, requestor=requestor)
        self._incoming.contexts = self.contexts
        self._buffer.trusted = True
        if self.peer.max_pdu_length:
            self._outgoing.max_length = min(
                self.limits.max_sent_pdu_length, self.peer.max_pdu_length
            )
        if request.async_window is not None and answer.async_window is not None:
            window = answer.async_window
            self._operations.open_window(window.invoked if requestor else window.performed)
