"""A receiver: takes connections from the door and serves each in a thread of its own.

Threads that block, not asyncio: the work of an association is a handful of system calls that
release the interpreter lock, and one of them waits for a disk. The calling thread of ``run`` keeps
the channel to the door; a second one watches deadlines. When the channel ends, the door's process
is dead, and with it what guards the data: everything is stopped at once.
"""

from __future__ import annotations

import enum
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from causeway.dimse import BlockPool
from causeway.errors import StartupError
from causeway.net.admission import Admission, Refusal
from causeway.net.burst import BurstSummary
from causeway.net.clerk import Desk, Outbound
from causeway.net.handover import (
    Admit,
    Admitted,
    AssociationEnded,
    Channel,
    Connection,
    ConnectionClosed,
    Message,
    Refresh,
    Renew,
    Stop,
    close_descriptor,
    snapshots,
)
from causeway.net.identifiers import AssociationIds
from causeway.net.options import ListenerOptions, ReceiveOptions, Renewal
from causeway.net.roster import Roster
from causeway.net.session import Session, Surroundings
from causeway.net.sink import Emit, Sink
from causeway.net.statistics import ReceiverStatistics
from causeway.net.tls import ServerContext
from causeway.net.watchdog import Watchdog

TICK_SECONDS = 1.0
"""Between two snapshots to the door."""
REFRESH_SECONDS = 10.0
"""Between two looks at the files of TLS: a ``stat`` for each."""
ANSWER_SECONDS = 5.0
"""How long the door may take for an answer that takes it microseconds. A door that is slower is in
trouble, and the peer is better told to come back.
"""
CUT_SECONDS = 1.0
"""From cutting connections until their threads have cleaned up. A thread that is stuck in its sink
is left behind; it is a daemon, and what it holds was not acknowledged.
"""
# The interpreter's switch interval is left at 5 ms: threads here give up the lock at each system
# call long before. With 8 and 32 busy associations, 0.5, 5 and 50 ms came out the same within the
# noise.

STACK_BYTES = 524_288
"""A thread's stack. Pure Python frames are not on it since 3.11; TLS and SQLite go some tens of KB
deep. The default of 8 MiB is address space only, but counts where that is limited.
"""
RETAINED_BLOCKS = 32
"""Receive blocks kept for the next objects: 8 MiB."""


class Stopped(enum.StrEnum):
    """Why ``run`` returned."""

    ASKED = "asked"
    ORPHANED = "orphaned"
    """The door's end of the channel is gone."""


class Receiver:
    """One receiver process's share of the work. Make it, then call ``run``."""

    def __init__(
        self,
        channel: socket.socket,
        *,
        listeners: Sequence[ListenerOptions],
        admission: Admission,
        sink: Sink,
        emit: Emit,
        options: ReceiveOptions | None = None,
        desk: Desk | None = None,
        admitting: Callable[[], Refusal | None] = lambda: None,
        renewal: Callable[[int], Renewal] | None = None,
        new_id: Callable[[], str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``listeners`` in the order that the door has them; ``renewal`` reads what
        ``Door.renew`` has sent, from a descriptor. Raises StartupError where TLS cannot be set up
        with the files of a listener.
        """
        options = options or ReceiveOptions()
        self._channel = Channel(channel)
        self._listeners = tuple(listeners)
        self._contexts = tuple(
            ServerContext(listener.tls) if listener.tls is not None else None
            for listener in listeners
        )
        self._renewal = renewal
        self._emit = emit
        self._clock = clock
        self._roster = Roster()
        self._watchdog = Watchdog(options.patience)
        self._burst = BurstSummary()
        self._burst_lock = threading.Lock()
        self._questions: dict[int, _Question] = {}
        self._surroundings = Surroundings(
            admission=admission,
            options=options,
            sink=sink,
            desk=desk,
            admitting=admitting,
            ask_door=self._ask_door,
            association_over=self._association_over,
            refused=self._refused,
            new_id=new_id or AssociationIds(clock),
            emit=emit,
            blocks=BlockPool(retain=RETAINED_BLOCKS),
            clock=clock,
        )

    def run(self) -> Stopped:
        """Serve until the door says stop, or is gone. Returns with no connection left open."""
        threading.stack_size(STACK_BYTES)
        self._watchdog.start()
        try:
            stop = self._attend()
        finally:
            self._watchdog.stop()
            self._tell_burst(final=True)
            self._send_snapshot()
            self._channel.close()
        return stop

    def report(self, association: str, outbound: Outbound) -> None:
        """Send a report of storage commitment over the association on which it was asked for, if
        that is one of these. For any thread.
        """
        for session in self._roster.open():
            if (
                session.caller is not None
                and session.caller.association == association
                and not session.report(outbound)
            ):
                outbound.settled(None)

    def statistics(self) -> ReceiverStatistics:
        return self._roster.snapshot(self._clock())

    # The channel's thread

    def _attend(self) -> Stopped:
        poll = select.poll()
        poll.register(self._channel.fileno(), select.POLLIN)
        next_tick = next_refresh = time.monotonic()
        draining_until: float | None = None
        while True:
            now = time.monotonic()
            if now >= next_tick:
                next_tick = now + TICK_SECONDS
                self._send_snapshot()
                self._tell_burst()
            if now >= next_refresh:
                next_refresh = now + REFRESH_SECONDS
                self._refresh(force=False)
            wake = next_tick
            if draining_until is not None:
                if self._roster.wait_until_empty(0) or now >= draining_until:
                    self._cut()
                    return Stopped.ASKED
                wake = min(wake, now + 0.05)
            if not poll.poll(max(0.0, wake - now) * 1000):
                continue
            received = self._channel.receive()
            if received is None:
                self._stop_sessions(drain=False)
                self._cut()
                return Stopped.ORPHANED
            message, descriptor = received
            if isinstance(message, Stop):
                self._stop_sessions(drain=message.drain_seconds > 0)
                draining_until = time.monotonic() + message.drain_seconds
            else:
                self._handle(message, descriptor)

    def _handle(self, message: Message, descriptor: int | None) -> None:
        if isinstance(message, Connection):
            if descriptor is None:
                # The kernel drops one that this process has no room for.
                self._lose(message, OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
            else:
                self._serve(message, descriptor)
        elif isinstance(message, Admitted):
            question = self._questions.pop(message.number, None)
            if question is not None:
                question.answer(granted=message.granted)
        elif isinstance(message, Refresh):
            self._refresh(force=True)
        elif isinstance(message, Renew):
            assert descriptor is not None, "rules come with their descriptor"
            try:
                self._renew(descriptor)
            finally:
                close_descriptor(descriptor)

    def _serve(self, message: Connection, descriptor: int) -> None:
        session = Session(
            socket.socket(fileno=descriptor),
            number=message.number,
            address=message.address,
            listener=self._listeners[message.listener],
            tls=self._contexts[message.listener],
            surroundings=self._surroundings,
        )
        self._roster.add(session)
        try:
            threading.Thread(
                target=self._session,
                args=(session,),
                name=f"connection-{message.number}",
                daemon=True,
            ).start()
        except RuntimeError as error:
            # The system gives no thread: this one connection is lost, and the others go on.
            session.close()
            self._roster.remove(session)
            self._lose(message, error)

    def _lose(self, connection: Connection, error: Exception) -> None:
        self._emit("connection.lost", address=connection.address, error=error)
        self._channel.send(ConnectionClosed(number=connection.number))

    def _session(self, session: Session) -> None:
        """A thread's whole life."""
        self._watchdog.watch(session)
        try:
            session.run()
        finally:
            self._watchdog.forget(session)
            self._roster.remove(session)
            self._channel.send(ConnectionClosed(number=session.number))

    def _renew(self, descriptor: int) -> None:
        """Other rules for connections to come; those that are open keep what they came in by."""
        if self._renewal is None:
            return
        renewal = self._renewal(descriptor)
        self._surroundings = replace(
            self._surroundings, admission=renewal.admission, options=renewal.options
        )
        self._watchdog.renew(renewal.options.patience)

    def _stop_sessions(self, *, drain: bool) -> None:
        for session in self._roster.open():
            session.stop(drain=drain)

    def _cut(self) -> None:
        """End what is left."""
        if self._roster.wait_until_empty(CUT_SECONDS / 4):
            return
        for session in self._roster.open():
            session.cut()
        self._roster.wait_until_empty(CUT_SECONDS)

    def _refresh(self, *, force: bool) -> None:
        for listener, context in zip(self._listeners, self._contexts, strict=True):
            if context is None:
                continue
            try:
                if context.refresh(force=force):
                    self._emit("tls.renewed", listener=listener.name)
            except StartupError as error:
                self._emit("tls.renewal_failed", listener=listener.name, error=error)

    def _send_snapshot(self) -> None:
        for snapshot in snapshots(self.statistics()):
            self._channel.send(snapshot, wait=False)

    def _tell_burst(self, *, final: bool = False) -> None:
        with self._burst_lock:
            burst = self._burst.poll(time.monotonic(), final=final)
        if burst is not None:
            self._emit("associations.refused", **asdict(burst))

    # Called by the sessions' threads

    def _ask_door(self, number: int, source: str) -> bool:
        question = self._questions[number] = _Question()
        if not self._channel.send(Admit(number=number, source=source)):
            self._questions.pop(number, None)
            return False
        return question.wait(ANSWER_SECONDS)

    def _association_over(self, number: int) -> None:
        self._channel.send(AssociationEnded(number=number))

    def _refused(self, refusal: Refusal, address: str, calling_ae: str, called_ae: str) -> None:
        self._roster.refused(refusal)
        with self._burst_lock:
            self._burst.note(time.monotonic(), refusal, address, calling_ae, called_ae)


class _Question:
    """An answer that one thread waits for and another gives."""

    __slots__ = ("_answered", "_granted")

    def __init__(self) -> None:
        self._answered = threading.Event()
        self._granted = False

    def answer(self, *, granted: bool) -> None:
        self._granted = granted
        self._answered.set()

    def wait(self, seconds: float) -> bool:
        return self._answered.wait(seconds) and self._granted
