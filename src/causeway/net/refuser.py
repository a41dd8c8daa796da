"""The bounded path for those who may not come in.

A caller that is refused is told so in its own protocol: its A-ASSOCIATE-RQ is read and answered
with an A-ASSOCIATE-RJ, since a person at a scanner who reads "calling AE title not recognized"
knows what to do, and one who reads "connection reset" calls the network department. That means
reading what strangers send, so it happens in a thread of its own, without blocking, for a few
connections at a time and a few seconds each; whoever does not fit is closed without a word. Nothing
here can slow the accept path down.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from collections.abc import Callable

from causeway.dimse import (
    NEED_DATA,
    AssociateRequested,
    Association,
    ProtocolError,
    Role,
)
from causeway.net.admission import Refusal

_LOOK_SECONDS = 0.25


class _Caller:
    """One that is being refused."""

    __slots__ = ("address", "association", "connection", "refusal", "spoke", "told", "until")

    def __init__(
        self, connection: socket.socket, address: str, refusal: Refusal, until: float
    ) -> None:
        self.connection = connection
        self.address = address
        self.refusal = refusal
        self.until = until
        self.association = Association(Role.ACCEPTOR)
        self.spoke = False
        self.told = False


class Refuser:
    """Tells callers why not. ``done`` hears of each, with whether it had said anything at all.

    Whoever connects and leaves in silence (the probe of a load balancer) is worth a count but no
    log line.
    """

    def __init__(
        self,
        *,
        at_once: int,
        seconds: float,
        done: Callable[[Refusal, str, bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._at_once = at_once
        self._seconds = seconds
        self._done = done
        self._clock = clock
        self._callers: set[_Caller] = set()
        self._lock = threading.Lock()
        self._stopping = False
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="refuser", daemon=True)

    @property
    def busy(self) -> int:
        return len(self._callers)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End at once, whoever is still waiting for an answer."""
        self._stopping = True
        self._wake_out.send(b"\0")
        if self._thread.is_alive():
            self._thread.join()
        for caller in list(self._callers):
            self._drop(caller)
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()

    def refuse(self, connection: socket.socket, address: str, refusal: Refusal) -> bool:
        """Whether the caller will hear it; otherwise its connection was closed. Never blocks."""
        with self._lock:
            if len(self._callers) >= self._at_once or self._stopping:
                connection.close()
                return False
            connection.setblocking(False)
            caller = _Caller(connection, address, refusal, self._clock() + self._seconds)
            self._callers.add(caller)
            # epoll takes this from another thread, while it waits.
            self._selector.register(connection, selectors.EVENT_READ, caller)
        return True

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select(_LOOK_SECONDS):
                caller = key.data
                if caller is None:
                    continue
                try:
                    finished = self._read(caller)
                except (OSError, ProtocolError):
                    finished = True
                if finished:
                    self._drop(caller)
            now = self._clock()
            with self._lock:
                late = [caller for caller in self._callers if caller.until <= now]
            for caller in late:
                self._drop(caller)

    def _read(self, caller: _Caller) -> bool:
        """Take one read's worth; whether there is nothing more to do."""
        association, connection = caller.association, caller.connection
        if caller.told:
            # It has its answer; what it still sends is dropped until it closes.
            return not connection.recv(4096)
        count = connection.recv_into(association.get_buffer())
        if count == 0:
            return True
        caller.spoke = True
        association.buffer_updated(count)
        try:
            event = association.next_event()
        except ProtocolError as error:
            connection.send(error.reply)
            return True
        if event is NEED_DATA:
            return False
        if isinstance(event, AssociateRequested):
            answer = caller.refusal.answer
            connection.send(association.reject(answer.result, answer.source, answer.reason))
            caller.told = True
            return False
        return True

    def _drop(self, caller: _Caller) -> None:
        with self._lock:
            if caller not in self._callers:
                return
            self._callers.remove(caller)
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(caller.connection)
            caller.connection.close()
        self._done(caller.refusal, caller.address, caller.spoke)
