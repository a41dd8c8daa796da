"""A whole listener in the process of a test: door, receivers in threads, a sink that remembers.

Everything is the real part; only that the receivers are threads here and processes in service. What
arrives is in ``Listening.sink``, what was told to the operator in ``Listening.told``.
"""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from types import TracebackType
from typing import Self

from causeway.dimse import CStoreRQ
from causeway.net import (
    Admission,
    CommitmentReport,
    CommitmentRequest,
    Door,
    DoorLimits,
    DoorStatistics,
    ListenerOptions,
    Patience,
    Peer,
    ReceiveOptions,
    Receiver,
    Refusal,
    Renewal,
    SourceRule,
    Stopped,
    Timeouts,
    channel_pair,
)
from causeway.values import Caller

AT_ONCE_SECONDS = 8.0
"""Less than the listener waits for anything by default, and enough for a machine that is busy."""
LOOPBACK = SourceRule(name="loopback", networks=(ip_network("127.0.0.0/8"),), max_associations=1000)


@dataclass(frozen=True, slots=True)
class Kept:
    """One object as it arrived."""

    caller: Caller
    request: CStoreRQ
    transfer_syntax_uid: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """One association's end, as the sink was told."""

    caller: Caller
    outcome: str
    stored: int


class RecordingSink:
    """Keeps objects in memory. The attributes set what goes wrong; a test may change them at any
    time.

    With ``holds`` the views themselves are kept until the object is whole, as a spool does with
    small objects; else each fragment is copied out at once.
    """

    def __init__(self, *, holds: bool = False) -> None:
        self.holds = holds
        self.status = 0x0000
        self.refuse_with: int | None = None
        self.fail_at = ""
        """``begin``, ``write``, ``finish`` or ``association_ended``: raise there."""
        self.error: Exception = RuntimeError("the sink was told to fail")
        self.gate = threading.Event()
        """Cleared, ``finish`` waits for it."""
        self.gate.set()
        self.begun = 0
        self.kept: list[Kept] = []
        self.aborted = 0
        self.ended: list[Ended] = []

    def begin(
        self, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> _RecordedObject | int:
        self.fail("begin")
        if self.refuse_with is not None:
            return self.refuse_with
        self.begun += 1
        return _RecordedObject(self, caller, request, transfer_syntax_uid)

    def association_ended(self, caller: Caller, outcome: str, stored: int) -> None:
        self.ended.append(Ended(caller, outcome, stored))
        self.fail("association_ended")

    def fail(self, where: str) -> None:
        if self.fail_at == where:
            raise self.error


class _RecordedObject:
    def __init__(
        self, sink: RecordingSink, caller: Caller, request: CStoreRQ, transfer_syntax_uid: str
    ) -> None:
        self._sink = sink
        self._about = (caller, request, transfer_syntax_uid)
        self._parts: list[memoryview | bytes] = []

    def write(self, fragment: memoryview) -> bool:
        self._sink.fail("write")
        self._parts.append(fragment if self._sink.holds else bytes(fragment))
        return self._sink.holds

    def finish(self) -> int:
        self._sink.gate.wait()
        self._sink.fail("finish")
        self._sink.kept.append(Kept(*self._about, data=b"".join(self._parts)))
        return self._sink.status

    def abort(self) -> None:
        self._sink.aborted += 1


class RecordingDesk:
    """Remembers what is asked and reported of storage commitment; serves everybody."""

    def __init__(self, *, status: int = 0x0000) -> None:
        self.status = status
        self.requests: list[tuple[Caller, CommitmentRequest]] = []
        self.reports: list[tuple[Caller, CommitmentReport]] = []

    def serves(self, caller: Caller) -> bool:
        del caller
        return True

    def requested(self, caller: Caller, request: CommitmentRequest) -> int:
        self.requests.append((caller, request))
        return self.status

    def reported(self, caller: Caller, report: CommitmentReport) -> int:
        self.reports.append((caller, report))
        return self.status


class Listening:
    """A door and its receivers, on a free port of loopback, for the time of a ``with`` block."""

    def __init__(
        self,
        *,
        sources: Sequence[SourceRule] = (LOOPBACK,),
        listeners: Sequence[ListenerOptions] = (ListenerOptions(ae_title="CAUSEWAY", port=0),),
        limits: DoorLimits | None = None,
        options: ReceiveOptions | None = None,
        patience: Patience | None = None,
        sink: RecordingSink | None = None,
        desk: RecordingDesk | None = None,
        admitting: Callable[[], Refusal | None] = lambda: None,
        receivers: int = 1,
    ) -> None:
        self.sink = sink or RecordingSink()
        self.desk = desk
        self.receivers: list[Receiver] = []
        self.told: list[tuple[str, dict[str, object]]] = []
        self.stopped: list[Stopped] = []
        self._listeners = tuple(listeners)
        self._admission = Admission(sources)
        self._options = options or ReceiveOptions(patience=patience or Patience())
        self._admitting = admitting
        self._threads: list[threading.Thread] = []
        self.door = Door(listeners, admission=self._admission, emit=self._emit, limits=limits)
        self.port = self.door.addresses[0][1]
        for number in range(receivers):
            self.add_receiver(f"receiver-{number}")

    def add_receiver(self, name: str) -> None:
        """One more receiver behind the door."""
        channel, end = channel_pair()
        receiver = Receiver(
            end,
            listeners=self._listeners,
            admission=self._admission,
            sink=self.sink,
            emit=self._emit,
            options=self._options,
            desk=self.desk,
            admitting=self._admitting,
            renewal=self._read_renewal,
        )
        self.receivers.append(receiver)
        thread = threading.Thread(
            target=lambda: self.stopped.append(receiver.run()), name=name, daemon=True
        )
        thread.start()
        self._threads.append(thread)
        self.door.attach(name, channel)

    def renew(
        self,
        *sources: SourceRule,
        limits: DoorLimits | None = None,
        options: ReceiveOptions | None = None,
    ) -> None:
        """Other rules for connections to come."""
        renewal = Renewal(admission=Admission(sources), options=options or self._options)
        self.door.renew(renewal.admission, limits or DoorLimits(), pickle.dumps(renewal))

    def _read_renewal(self, descriptor: int) -> Renewal:
        with open(descriptor, "rb", closefd=False) as file:
            renewal: Renewal = pickle.load(file)  # noqa: S301  this process wrote it
        return renewal

    def peer(
        self, *, calling_ae: str = "TEST", called_ae: str = "CAUSEWAY", seconds: float = 10.0
    ) -> Peer:
        """The listener, as a client calls it."""
        return Peer(
            host="127.0.0.1",
            port=self.port,
            called_ae=called_ae,
            calling_ae=calling_ae,
            timeouts=Timeouts(
                connect_seconds=seconds,
                associate_seconds=seconds,
                response_seconds=seconds,
                release_seconds=seconds,
            ),
        )

    def events(self, name: str) -> list[dict[str, object]]:
        """The fields of all events of one name."""
        return [fields for event, fields in self.told if event == name]

    def statistics(self, until: Callable[[DoorStatistics], bool]) -> DoorStatistics:
        """The door's statistics, as soon as they say what is waited for (a snapshot takes a
        second).
        """
        wait_for(lambda: until(self.door.statistics()), what=f"{self.door.statistics()}")
        return self.door.statistics()

    def stop(self, drain_seconds: float = 0.0) -> bool:
        finished = self.door.stop(drain_seconds)
        for thread in self._threads:
            thread.join(10)
            assert not thread.is_alive(), f"{thread.name} did not stop"
        self._threads.clear()
        return finished

    def __enter__(self) -> Self:
        self.door.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.sink.gate.set()
        if self._threads:
            self.stop()

    def _emit(self, event: str, /, **fields: object) -> None:
        self.told.append((event, fields))


def wait_for(condition: Callable[[], object], *, seconds: float = 30.0, what: str = "") -> None:
    """Return as soon as the condition holds; raise AssertionError when it does not in time."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.005)
