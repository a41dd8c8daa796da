"""The door: the supervisor's accept path, which no client can block.

One thread accepts, looks at the address and the caps, and hands the socket to the receiver that has
the fewest; it neither reads from a client nor writes to one. Callers that are turned away go to the
refuser's thread. Everything that a receiver says comes over its channel, whose end of file says
that it is gone: what it had is reclaimed at once.

The caps live here, because here is the only place that sees all processes. A source is known only
when its association asks for it, so receivers ask then, and the answer is one look into a
dictionary.
"""

from __future__ import annotations

import errno
import os
import selectors
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from causeway.net.admission import Admission, Refusal, normal_address
from causeway.net.burst import BurstSummary
from causeway.net.handover import (
    Admit,
    Admitted,
    AssociationEnded,
    Channel,
    Connection,
    ConnectionClosed,
    Refresh,
    Renew,
    Snapshot,
    Stop,
)
from causeway.net.options import DoorLimits, ListenerOptions
from causeway.net.refuser import Refuser
from causeway.net.sink import Emit
from causeway.net.sockets import listen
from causeway.net.statistics import DoorStatistics, ReceiverStatistics

_TICK_SECONDS = 0.5
_ACCEPTS_IN_A_ROW = 64
"""From one listener, before the others and the receivers get their turn."""
_PAUSE_SECONDS = 0.5
"""When the process has no descriptor left: an accept that fails leaves its caller in the queue, and
the loop would spin on it.
"""
_SILENT_SECONDS = 5.0
"""A receiver whose snapshot is older is taken only when there is no other: it may be stopped or
stuck.
"""
_LEAVE_SECONDS = 3.0
"""What receivers get beyond their drain time, to cut what is left and to end."""
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(slots=True)
class _Held:
    """A connection in a receiver's hands."""

    address: str
    source: str = ""


@dataclass(slots=True, eq=False)
class _Receiver:
    """What the door knows of a receiver."""

    name: str
    channel: Channel
    heard_at: float
    is_behind: bool = False
    """It has not been sent the newest rules, for want of room in its channel."""
    held: dict[int, _Held] = field(default_factory=dict)
    statistics: ReceiverStatistics = field(default_factory=ReceiverStatistics)


@dataclass(slots=True, eq=False)
class _Listening:
    index: int
    options: ListenerOptions
    socket: socket.socket


class Door:
    """Listening sockets, and the receivers behind them."""

    def __init__(
        self,
        listeners: Sequence[ListenerOptions],
        *,
        admission: Admission,
        emit: Emit,
        limits: DoorLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Bind every port, or raise StartupError and leave none bound. Nobody is accepted yet."""
        self._limits = limits or DoorLimits()
        self._admission = admission
        self._rules = b""
        self._emit = emit
        self._clock = clock
        self._lock = threading.RLock()
        self._none_left = threading.Condition(self._lock)
        self._listening = [
            _Listening(index, options, connection)
            for index, (options, connection) in enumerate(
                zip(listeners, listen(listeners, self._limits.backlog), strict=True)
            )
        ]
        self.addresses = tuple(
            (each.socket.getsockname()[0], each.socket.getsockname()[1]) for each in self._listening
        )
        """Address and port of each listener, in order, as they were bound."""
        self._receivers: list[_Receiver] = []
        self._by_address: Counter[str] = Counter()
        self._by_source: Counter[str] = Counter()
        self._number = 0
        self._accepted = self._handed_over = self._unanswered = 0
        self._refused: Counter[str] = Counter()
        self._past = ReceiverStatistics()
        self._burst = BurstSummary()
        self._paused_until: float | None = None
        self._stopping = self._finished = False
        self._refuser = Refuser(
            at_once=self._limits.refusals_at_once,
            seconds=self._limits.refusal_seconds,
            done=self._refusal_done,
        )
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._selector.register(self._wake_in, selectors.EVENT_READ, None)
        self._thread = threading.Thread(target=self._run, name="door", daemon=True)

    def attach(self, name: str, channel: Channel) -> None:
        """A receiver is ready behind this channel (see ``channel_pair``). Its name must be free."""
        with self._lock:
            receiver = _Receiver(name, channel, heard_at=self._clock())
            self._receivers.append(receiver)
            self._selector.register(channel, selectors.EVENT_READ, receiver)

    def start(self) -> None:
        """Accept from now on."""
        self._refuser.start()
        with self._lock:
            self._resume()
        self._thread.start()

    def refresh(self) -> None:
        """Have every receiver read certificates and revocation lists again."""
        with self._lock:
            for receiver in self._receivers:
                receiver.channel.send(Refresh(), wait=False)

    def renew(self, admission: Admission, limits: DoorLimits, rules: bytes) -> None:
        """Other rules from now on, for the door and for every receiver, which reads ``rules``.

        A connection that is handed over after this is served by them; those that are open keep
        theirs and are not touched. How refusals are made and the ports stay as they were.
        """
        with self._lock:
            self._admission = admission
            self._limits = limits
            self._rules = rules
            for receiver in self._receivers:
                receiver.is_behind = True
                self._send_rules(receiver)

    def stop(self, drain_seconds: float) -> bool:
        """Close the ports, have receivers finish within so many seconds; whether all of them did.

        Blocks until they have, and a few seconds longer at most. A receiver that is left is the
        caller's to kill: it has lost its channel, and would end by itself if it could. May be
        called again, and without ``start``.
        """
        with self._lock:
            if self._stopping:
                return self._finished
            self._stopping = True
            self._pause()
            for listening in self._listening:
                listening.socket.close()
            for receiver in self._receivers:
                receiver.channel.send(Stop(drain_seconds=drain_seconds), wait=False)
            if self._thread.is_alive():
                self._none_left.wait_for(
                    lambda: not self._receivers, timeout=drain_seconds + _LEAVE_SECONDS
                )
            self._finished = not self._receivers
            for receiver in list(self._receivers):
                self._lose(receiver)
        if self._thread.is_alive():
            self._wake_out.send(b"\0")
            self._thread.join()
        self._refuser.stop()
        self._selector.close()
        self._wake_in.close()
        self._wake_out.close()
        self._tell_burst(final=True)
        return self._finished

    def statistics(self) -> DoorStatistics:
        """The counts now; those of the receivers are at most a second old."""
        with self._lock:
            return DoorStatistics(
                accepted=self._accepted,
                handed_over=self._handed_over,
                connections=sum(len(receiver.held) for receiver in self._receivers),
                refusing=self._refuser.busy,
                refused=dict(self._refused),
                unanswered=self._unanswered,
                receivers={receiver.name: receiver.statistics for receiver in self._receivers},
                past=self._past,
            )

    # The door's thread

    def _run(self) -> None:
        while True:
            ready = self._selector.select(_TICK_SECONDS)
            with self._lock:
                if self._stopping and not self._receivers:
                    return
                # What receivers say comes first, and their questions after what they gave back: a
                # scanner that released and came back must find its place free, in whichever process
                # it was.
                questions: list[tuple[_Receiver, Admit]] = []
                for key, _ in ready:
                    if isinstance(key.data, _Receiver):
                        questions += self._hear(key.data)
                for receiver, question in questions:
                    self._answer(receiver, question)
                for key, _ in ready:
                    if isinstance(key.data, _Listening) and not self._stopping:
                        self._accept_some(key.data)
                for receiver in self._receivers:
                    if receiver.is_behind:
                        self._send_rules(receiver)
                if self._paused_until is not None and self._clock() >= self._paused_until:
                    self._resume()
            self._tell_burst()

    def _hear(self, receiver: _Receiver) -> list[tuple[_Receiver, Admit]]:
        """Take in all that a receiver has said; the questions are for later."""
        questions: list[tuple[_Receiver, Admit]] = []
        while True:
            try:
                received = receiver.channel.receive(wait=False)
            except BlockingIOError:
                return questions
            if received is None:
                self._lose(receiver)
                return []
            message, _ = received
            match message:
                case Admit():
                    questions.append((receiver, message))
                case AssociationEnded(number=number):
                    if number in receiver.held:
                        self._free_source(receiver.held[number])
                case ConnectionClosed(number=number):
                    # Said twice, it counts once; it must not end the thread that accepts.
                    closed = receiver.held.pop(number, None)
                    if closed is not None:
                        self._forget(closed)
                case Snapshot(statistics=statistics):
                    # A source that was counted is in some snapshot of each second, not in each.
                    sources = {**receiver.statistics.sources, **statistics.sources}
                    receiver.statistics = replace(statistics, sources=sources)
                    receiver.heard_at = self._clock()

    def _answer(self, receiver: _Receiver, question: Admit) -> None:
        held = receiver.held.get(question.number)
        granted = (
            held is not None
            and not held.source
            and self._by_source[question.source] < self._admission.cap(question.source)
        )
        if granted and held is not None:
            held.source = question.source
            self._by_source[question.source] += 1
        receiver.channel.send(Admitted(number=question.number, granted=granted), wait=False)

    def _accept_some(self, listening: _Listening) -> None:
        for _ in range(_ACCEPTS_IN_A_ROW):
            try:
                connection, peer = listening.socket.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in _OUT_OF_RESOURCES:
                    self._pause()
                    self._paused_until = self._clock() + _PAUSE_SECONDS
                    self._emit("door.out_of_resources", error=error)
                    return
                continue  # that client is gone again
            self._accepted += 1
            self._place(listening, connection, normal_address(peer[0]))

    def _place(self, listening: _Listening, connection: socket.socket, address: str) -> None:
        """Hand a connection to a receiver, or to the refuser."""
        room = self._admission.screen(address)
        if not room:
            self._turn_away(listening, connection, address, Refusal.ADDRESS)
        elif sum(len(each.held) for each in self._receivers) >= self._limits.max_associations:
            self._turn_away(listening, connection, address, Refusal.TOTAL_LIMIT)
        elif self._by_address[address] >= room:
            self._turn_away(listening, connection, address, Refusal.ADDRESS_LIMIT)
        elif self._hand_over(listening, connection, address):
            self._handed_over += 1
            self._by_address[address] += 1
            connection.close()
        else:
            self._turn_away(listening, connection, address, Refusal.NO_RECEIVER)

    def _hand_over(self, listening: _Listening, connection: socket.socket, address: str) -> bool:
        heard_since = self._clock() - _SILENT_SECONDS
        self._number += 1
        message = Connection(number=self._number, listener=listening.index, address=address)
        for receiver in sorted(
            (each for each in self._receivers if not each.is_behind),
            key=lambda each: (each.heard_at < heard_since, len(each.held)),
        ):
            if receiver.channel.send(message, connection.fileno(), wait=False):
                receiver.held[message.number] = _Held(address)
                return True
        return False

    def _send_rules(self, receiver: _Receiver) -> None:
        try:
            # A file of its own for each: readers of one would share its position.
            descriptor = os.memfd_create("rules", os.MFD_CLOEXEC)
        except OSError as error:
            # It stays behind, and takes no connection until it has been told.
            self._emit("door.out_of_resources", error=error)
            return
        try:
            with open(descriptor, "wb", closefd=False) as file:
                file.write(self._rules)
            os.lseek(descriptor, 0, os.SEEK_SET)
            receiver.is_behind = not receiver.channel.send(Renew(), descriptor, wait=False)
        finally:
            os.close(descriptor)

    def _turn_away(
        self, listening: _Listening, connection: socket.socket, address: str, refusal: Refusal
    ) -> None:
        self._refused[refusal] += 1
        if listening.options.tls is not None:
            # An answer would cost a handshake, which is what a stranger must not be able to ask
            # for.
            connection.close()
        elif self._refuser.refuse(connection, address, refusal):
            return
        self._unanswered += 1
        self._burst.note(self._clock(), refusal, address)

    def _refusal_done(self, refusal: Refusal, address: str, spoke: bool) -> None:
        """Called by the refuser's thread."""
        if spoke:
            with self._lock:
                self._burst.note(self._clock(), refusal, address)

    def _forget(self, held: _Held) -> None:
        self._free_source(held)
        self._by_address[held.address] -= 1
        if not self._by_address[held.address]:
            del self._by_address[held.address]

    def _free_source(self, held: _Held) -> None:
        if held.source:
            self._by_source[held.source] -= 1
            held.source = ""

    def _lose(self, receiver: _Receiver) -> None:
        """A receiver is gone: so are its connections."""
        self._selector.unregister(receiver.channel)
        receiver.channel.close()
        self._receivers.remove(receiver)
        for held in receiver.held.values():
            self._forget(held)
        self._past = self._past + receiver.statistics
        if not self._stopping:
            self._emit("receiver.lost", process=receiver.name, associations=len(receiver.held))
        if not self._receivers:
            self._none_left.notify_all()

    def _resume(self) -> None:
        self._paused_until = None
        for listening in self._listening:
            self._selector.register(listening.socket, selectors.EVENT_READ, listening)

    def _pause(self) -> None:
        self._paused_until = None
        for listening in self._listening:
            if listening.socket in self._selector.get_map():
                self._selector.unregister(listening.socket)

    def _tell_burst(self, *, final: bool = False) -> None:
        with self._lock:
            burst = self._burst.poll(self._clock(), final=final)
        if burst is not None:
            self._emit("associations.refused", **asdict(burst))
