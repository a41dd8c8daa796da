"""A client's socket and its association joined: events out, messages in, nothing for ever.

Every wait has a deadline of its own, which a peer cannot prolong by dripping. Whatever ends the
association comes out as one ``AssociationLost`` that says during what.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterable

from causeway.dimse import (
    NEED_DATA,
    Aborted,
    AbortSource,
    Association,
    Buffer,
    Command,
    Event,
    Limits,
    ProtocolError,
    Role,
    TransportClosed,
)
from causeway.net.peer import AssociationLost, Peer, Unreachable
from causeway.net.sockets import acknowledge_at_once, dial
from causeway.net.tls import client_context

PEEK_SECONDS = 0.01


class Wire:
    """One connection to a peer, TLS over it if asked, and the association's state."""

    def __init__(self, peer: Peer) -> None:
        """Connect. Raises Unreachable; StartupError where our own TLS files are wrong."""
        self.peer = peer
        self.association = Association(
            Role.REQUESTOR,
            limits=Limits(
                max_pdu_length=peer.max_pdu_length, max_sent_pdu_length=peer.max_pdu_length
            ),
        )
        context = client_context(peer.tls) if peer.tls is not None else None
        name = (peer.tls.server_name or peer.host) if peer.tls is not None else ""
        try:
            self._socket = dial(
                peer.host,
                peer.port,
                peer.timeouts.connect_seconds,
                tls=context,
                server_name=name,
            )
        except (OSError, ValueError) as error:
            named = isinstance(error, socket.gaierror | UnicodeError)
            raise Unreachable(
                f"{peer} cannot be reached: {cause_of(error)}",
                hint="is the host's name right? An address needs no resolver"
                if named
                else "is it running, and does a firewall allow this address and port?",
            ) from error
        self._tls = isinstance(self._socket, ssl.SSLSocket)
        try:
            if isinstance(self._socket, ssl.SSLSocket):
                self._socket.do_handshake()
        except OSError as error:
            self.close()
            raise Unreachable(
                f"{peer}: no TLS connection: {cause_of(error)}",
                hint="is TLS spoken at that port, is its certificate signed by our CA, valid "
                "today, and made out to this host name?",
            ) from error
        except BaseException:
            self.close()
            raise

    def next_event(
        self, seconds: float, during: str, *, again: Callable[[], bool] | None = None
    ) -> Event:
        """The next event within so many seconds, and so many more each time ``again`` says so; a
        peer that is slower is aborted.
        """
        while (event := self.poll_event(seconds, during)) is None:
            if again is None or not again():
                self.abort()
                raise self._lost(during, f"no answer within {seconds:g} s")
        return event

    def poll_event(self, seconds: float, during: str) -> Event | None:
        """The same, but silence is no failure: None leaves the association as it was."""
        association = self.association
        until = time.monotonic() + seconds
        while True:
            try:
                event = association.next_event()
            except ProtocolError as error:
                self._say(error.reply)
                self.close()
                raise self._lost(during, f"it broke the protocol: {error}") from error
            if event is not NEED_DATA:
                if isinstance(event, Aborted):
                    self.close()
                    raise self._lost(during, _aborted(event))
                if isinstance(event, TransportClosed):
                    self.close()
                    raise self._lost(during, "it closed the connection")
                return event
            left = until - time.monotonic()
            if left <= 0:
                return None
            try:
                self._socket.settimeout(left)
                count = self._socket.recv_into(association.get_buffer())
            except TimeoutError:
                continue
            except OSError as error:
                # In TLS 1.3 this is where a refusal of our certificate shows.
                self.close()
                raise self._lost(during, cause_of(error)) from error
            if count:
                association.buffer_updated(count)
            else:
                association.transport_closed()

    def peek(self, during: str) -> Event | None:
        """An event that is there already, or None."""
        event = self.poll_event(0, during)  # it may have come in one piece with what was asked for
        if event is not None:
            return event
        poll = select.poll()
        poll.register(self._socket, select.POLLIN)
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()
        if not pending and not poll.poll(0):
            return None
        # What TLS says to itself, as its session tickets, is no event either.
        return self.poll_event(PEEK_SECONDS, during)

    def send(self, data: bytes, during: str) -> None:
        """Send a PDU."""
        self._put([data], during)

    def send_message(
        self,
        context_id: int,
        command: Command,
        data: Buffer | Iterable[Buffer] | None,
        during: str,
    ) -> None:
        """Send a command and its data set. An error of ``data`` itself passes through, after an
        abort: half a data set was sent, and the peer must not take it for a whole one.
        """
        try:
            for buffers in self.association.send_message(context_id, command, data):
                self._put(buffers, during)
        except AssociationLost:
            raise
        except BaseException:
            self.abort()
            raise

    def abort(self) -> None:
        """Abort if there is something to abort, and close."""
        self._say(self.association.abort())
        self.close()

    def close(self) -> None:
        self._socket.close()

    def _put(self, buffers: list[Buffer], during: str) -> None:
        try:
            self._socket.settimeout(self.peer.timeouts.progress_seconds)
            if self._tls:
                # One TLS record for many buffers; there is no sendmsg under encryption.
                self._socket.sendall(b"".join(buffers))
            else:
                self._send_all(buffers)
            acknowledge_at_once(self._socket)
        except OSError as error:
            why = self._last_words() or cause_of(error)
            self.close()
            raise self._lost(during, why) from error

    def _send_all(self, buffers: list[Buffer]) -> None:
        total = sum(len(buffer) for buffer in buffers)
        sent = self._socket.sendmsg(buffers)
        while sent < total:
            total -= sent
            buffers = _beyond(buffers, sent)
            sent = self._socket.sendmsg(buffers)

    def _last_words(self) -> str:
        """Why a peer that does not take our bytes any more says that it ended the association."""
        with contextlib.suppress(OSError, ProtocolError):
            self._socket.settimeout(0.2)
            while count := self._socket.recv_into(self.association.get_buffer()):
                self.association.buffer_updated(count)
                while (event := self.association.next_event()) is not NEED_DATA:
                    if isinstance(event, Aborted):
                        return _aborted(event)
        return ""

    def _say(self, data: bytes) -> None:
        """Send without caring whether it arrives."""
        with contextlib.suppress(OSError):
            self._socket.settimeout(1.0)
            if data:
                self._socket.sendall(data)

    def _lost(self, during: str, why: str) -> AssociationLost:
        return AssociationLost(f"{self.peer}: association lost during {during}: {why}")


def _beyond(buffers: list[Buffer], sent: int) -> list[Buffer]:
    """What is left of the buffers after the first ``sent`` bytes."""
    for index, buffer in enumerate(buffers):
        if sent < len(buffer):
            return [memoryview(buffer)[sent:], *buffers[index + 1 :]]
        sent -= len(buffer)
    return []


def _aborted(event: Aborted) -> str:
    by = "service user" if event.source == AbortSource.SERVICE_USER else "service provider"
    return f"it aborted ({by}, reason {event.reason})"


def cause_of(error: Exception) -> str:
    """What went wrong, in words of ours where there are any."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (error.reason or str(error)).lower().replace("_", " ")
    if isinstance(error, TimeoutError):
        return "timed out"
    if isinstance(error, UnicodeError):
        return "that is no host name"
    return getattr(error, "strerror", None) or str(error)
