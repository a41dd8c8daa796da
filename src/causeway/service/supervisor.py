"""``causeway run``: builds everything once, starts and stops it in order.

Start: claim the data folder, open the ledger, give each leftover in the spool an outcome, bind
the ports, start receivers and pipeline, accept. Stop: accept nobody, let receivers finish the
objects in hand, let the pipeline finish its steps. What a stop cuts off is taken up again at the
next start, as after a crash; an orderly stop is merely kinder to the peers.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Self

from causeway import __version__
from causeway.config import Configuration, Loaded
from causeway.errors import CausewayError, StartupError
from causeway.ledger import Ledger, open_ledger
from causeway.net import Door, channel_pair
from causeway.net.tls import server_context
from causeway.observe import bound, configure_logs, emit
from causeway.service import mapping, treating
from causeway.service.ahead import AHEAD_SECONDS, Ahead
from causeway.service.asking import Request, take_request
from causeway.service.children import Child, ChildEnded, ChildNotStarted, spawn
from causeway.service.exclusive import exclusive
from causeway.service.reload import RunningConfiguration, tell_doubts
from causeway.service.status import ProcessState, StatusFile
from causeway.spool import (
    Durability,
    LetterBox,
    RealDisk,
    SpaceGauge,
    SpaceState,
    SpoolKeeper,
    prepare,
    recover,
)

TICK_SECONDS = 1.0
TALLY_SECONDS = 5.0
"""Between two looks at the door's refusals for the ledger."""
DRAIN_SECONDS = 10.0
"""What receivers get to finish objects, and then the pipeline to finish steps."""
REPLACE_SECONDS = 15.0
"""What the pipeline gets to finish steps when another configuration replaces it; it takes 8."""
READY_SECONDS = 20.0
"""What children get until they say their first word. Slow machines import slowly."""

Process = subprocess.Popen[bytes]

say = bound(emit, process="supervisor")


def run(loaded: Loaded, *, by: str = "", receive_only: bool = False) -> int:
    """Run until SIGTERM or SIGINT; an exit status. Raises CausewayError if it cannot start.

    With ``receive_only`` there is no pipeline: what is received waits in the spool for a start
    without it.
    """
    configuration = loaded.configuration
    configure_logs(level=configuration.log.level, format=configuration.log.format)
    tell_doubts(loaded, emit)
    with contextlib.ExitStack() as claimed:
        claimed.enter_context(exclusive(configuration.data_dir))
        with Supervisor(loaded, by=by, receive_only=receive_only) as supervisor:
            return supervisor.run()


class Supervisor:
    """The running whole. A context manager: leaving it stops what was started."""

    def __init__(self, loaded: Loaded, *, by: str = "", receive_only: bool = False) -> None:
        self._loaded = loaded
        self._configuration = loaded.configuration
        self._by = by
        self._receive_only = receive_only
        self._stop = threading.Event()
        self._hurry = threading.Event()
        self._read_again = threading.Event()
        self._told: Counter[str] = Counter()
        self._reserve_kept: bool | None = None
        self._room = SpaceState.OPEN
        self._status_is_written = True
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._build()
        except BaseException:
            self._exits.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._exits.close()

    # Building

    def _build(self) -> None:
        configuration = self._configuration
        if not self._receive_only:
            treating.check(self._loaded)  # better told here, with lines, than by the pipeline
        started_at = time.time()
        disk = RealDisk()
        root = configuration.spool_dir
        try:
            prepare(root, disk=disk)
            LetterBox(configuration.letters_dir, disk=disk).prepare()
        except OSError as error:
            raise StartupError(
                f"cannot make the spool in {root}: {os.strerror(error.errno or 0)}",
                hint="data_dir must be writable for the user that runs causeway",
            ) from error
        self._ledger = self._open_ledger()
        self._recover(disk)
        # What was open when the last run ended, however it ended, is over.
        self._ledger.end_all_associations("lost", at=started_at)
        self._space = SpaceGauge(
            root, disk=disk, limits=mapping.space_limits(configuration), clock=time.monotonic
        )
        self._keeper = SpoolKeeper(
            root,
            disk=disk,
            space=self._space,
            ready_bytes=configuration.spool.ready_bytes,
            durability=mapping.durability(configuration),
        )
        listeners = mapping.listeners(configuration)
        for listener in listeners:
            if listener.tls is not None:
                server_context(listener.tls)  # a misfit is better told here than by each receiver
        self._door = Door(
            listeners,
            admission=mapping.admission(configuration),
            emit=say,
            limits=mapping.door_limits(configuration),
        )
        self._exits.callback(self._door.stop, 0.0)
        self._status = StatusFile(
            configuration.status_path,
            listeners=listeners,
            addresses=self._door.addresses,
            space=self._space,
            started_at=started_at,
            receive_only=self._receive_only,
        )
        self._exits.callback(self._status.remove)
        self._running = RunningConfiguration(
            self._loaded, by=self._by, say=say, receive_only=self._receive_only
        )
        if self._receive_only:
            self._hints_in = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
            self._hints_out = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        else:
            self._hints_in, self._hints_out = os.pipe()
        self._exits.callback(os.close, self._hints_in)
        self._exits.callback(os.close, self._hints_out)
        self._answers = [os.pipe() for _ in range(configuration.receive.processes)]
        for answers_in, answers_out in self._answers:
            self._exits.callback(os.close, answers_in)
            self._exits.callback(os.close, answers_out)
        self._receivers = [
            Child(name=f"receiver{n}", start=self._receiver_starter(f"receiver{n}", answers_in))
            for n, (answers_in, _) in enumerate(self._answers, start=1)
        ]
        self._pipeline_channel: socket.socket | None = None
        self._children = list(self._receivers)
        self._pipeline: Child | None = None
        self._pull_channel: socket.socket | None = None
        self._pull: Child | None = None
        if not self._receive_only:
            self._pipeline = Child(name="pipeline", start=self._start_pipeline)
            self._children.append(self._pipeline)
            if configuration.nodes:
                self._begin_to_pull()

    def _open_ledger(self) -> Ledger:
        ledger = open_ledger(self._configuration.ledger_path)
        self._exits.callback(ledger.close)
        return ledger

    def _recover(self, disk: RealDisk) -> None:
        positions = {each.container: each.offset for each in self._ledger.positions()}
        report = recover(self._configuration.spool_dir, disk=disk, positions=positions)
        for leftover in report.leftovers:
            say(
                "spool.leftover",
                kind=leftover.name,
                container=leftover.where,
                outcome=str(leftover.outcome),
            )
        say(
            "spool.recovered",
            containers=report.containers,
            records=report.records,
            count=len(report.leftovers),
        )

    def _receiver_starter(self, name: str, answers_in: int) -> Callable[[], Process]:
        def start() -> Process:
            plan = mapping.receiver_plan(self._configuration)
            channel, theirs = channel_pair()
            with theirs, contextlib.ExitStack() as unless_started:
                unless_started.callback(channel.close)
                process = spawn(
                    "receiver",
                    plan,
                    [theirs.fileno(), self._hints_out, answers_in],
                    [name, str(theirs.fileno()), str(self._hints_out), str(answers_in)],
                )
                unless_started.pop_all()
            self._door.attach(name, channel)
            return process

        return start

    def _start_pipeline(self) -> Process:
        ours, theirs = socket.socketpair()
        answers = [answers_out for _, answers_out in self._answers]
        with theirs, contextlib.ExitStack() as unless_started:
            unless_started.enter_context(ours)
            process = spawn(
                "pipeline",
                self._configuration,
                [theirs.fileno(), self._hints_in, *answers],
                [
                    "pipeline",
                    str(theirs.fileno()),
                    str(self._hints_in),
                    ",".join(map(str, answers)),
                ],
            )
            unless_started.pop_all()
        if self._pipeline_channel is not None:
            self._pipeline_channel.close()
        self._pipeline_channel = ours
        return process

    def _begin_to_pull(self) -> None:
        self._pull = Child(name="pull", start=self._start_pull)
        self._children.append(self._pull)

    def _start_pull(self) -> Process:
        ours, theirs = socket.socketpair()
        with theirs:
            process = spawn(
                "pull",
                self._configuration,
                [theirs.fileno(), self._hints_out],
                ["pull", str(theirs.fileno()), str(self._hints_out), ""],
            )
        if self._pull_channel is not None:
            self._pull_channel.close()
        self._pull_channel = ours
        return process

    # Running

    def run(self) -> int:
        configuration = self._configuration
        with self._signals():
            for child in self._children:
                self._start(child)
            self._keep_reserve()  # first of all: what is received next takes the room
            threading.Thread(target=self._make_ahead, name="segments", daemon=True).start()
            self._door.start()
            self._await_receivers()
            if mapping.durability(configuration) is Durability.RELAXED:
                say("spool.relaxed", level="warning", durability="relaxed")
            for listener, (host, port) in zip(
                configuration.listeners, self._door.addresses, strict=True
            ):
                say(
                    "listening",
                    listener=listener.ae_title,
                    host=host,
                    port=port,
                    tls=listener.tls is not None,
                )
            if self._receive_only:
                say("pipeline.left_out", level="warning")
            self._tell()
            say("service.ready", version=__version__, pid=os.getpid())
            next_tally = time.monotonic() + TALLY_SECONDS
            while not self._stop.wait(TICK_SECONDS):
                self._look_after_children()
                self._keep_reserve()
                self._reload_if_asked()
                self._tell()
                if time.monotonic() >= next_tally:
                    next_tally = time.monotonic() + TALLY_SECONDS
                    self._tally()
            self._wind_down()
        return 0

    def _await_receivers(self) -> None:
        """Until each receiver has said something, so that "ready" means it.

        Whoever connects before is served as soon as the receiver is there.
        """
        deadline = time.monotonic() + READY_SECONDS
        silent = {child.name: child for child in self._receivers}
        while silent and not self._stop.wait(0.02):
            heard = self._door.statistics().receivers
            for name, child in list(silent.items()):
                if name in heard and heard[name].at > 0:
                    del silent[name]
                elif (
                    child.process is None
                    or child.process.poll() is not None
                    or time.monotonic() > deadline
                ):
                    raise StartupError(
                        f"{name} did not start", hint="what it said itself stands above"
                    )

    def _start(self, child: Child) -> None:
        failed = child.ensure(time.monotonic())
        if isinstance(failed, ChildNotStarted):
            if isinstance(failed.error, CausewayError):
                raise failed.error
            raise StartupError(
                f"{child.name} cannot be started: {failed.error}",
                hint="see its rights, and the limits on processes, memory and open files",
            ) from failed.error

    def _look_after_children(self) -> None:
        now = time.monotonic()
        for child in self._children:
            found = child.ensure(now)
            if isinstance(found, ChildEnded) and found.was_asked:
                say(
                    "process.replaced",
                    process=found.name,
                    pid=found.pid,
                    exit_status=found.returncode,
                )
                found = child.ensure(now)
            if isinstance(found, ChildNotStarted):
                say(
                    "process.not_started",
                    level="error",
                    process=found.name,
                    error=found.error,
                    again_in_seconds=found.again_in_seconds,
                )
            elif found is not None:
                say(
                    "process.ended",
                    level="error",
                    process=found.name,
                    pid=found.pid,
                    exit_status=found.returncode,
                    seconds=found.lived_seconds,
                    again_in_seconds=found.restart_in_seconds,
                )

    def _reload_if_asked(self) -> None:
        """Read the configuration again if somebody wants it, and change over to it if it is good.

        No association notices: what is open keeps the rules that it came in by. What the pipeline
        had in hand its successor finds in the ledger, as after a crash.
        """
        request = take_request(self._configuration.status_path.parent)
        if self._read_again.is_set():
            self._read_again.clear()
            request = request or Request(by="SIGHUP")
        if request is None:
            return
        wanted = self._running.consider(request)
        if wanted is None:
            return
        self._configuration = wanted
        configure_logs(level=wanted.log.level, format=wanted.log.format)
        plan = mapping.receiver_plan(wanted)
        self._door.renew(plan.admission, mapping.door_limits(wanted), pickle.dumps(plan))
        if self._pipeline is not None:
            self._pipeline.replace(time.monotonic(), REPLACE_SECONDS)
            if self._pipeline_channel is not None:
                self._pipeline_channel.close()
                self._pipeline_channel = None
            self._pull_otherwise(wanted)

    def _pull_otherwise(self, wanted: Configuration) -> None:
        """Nodes may have come or gone; what was under way is found in the ledger."""
        if self._pull is None:
            if wanted.nodes:
                self._begin_to_pull()
            return
        self._pull.replace(time.monotonic(), REPLACE_SECONDS)
        if self._pull_channel is not None:
            self._pull_channel.close()
            self._pull_channel = None

    def _tell(self) -> None:
        try:
            self._tell_of_room()
            self._status.write(
                self._door.statistics(),
                [_process_state(each) for each in self._receivers],
                self._running.said(),
                None if self._pipeline is None else _process_state(self._pipeline),
                None if self._pull is None else _process_state(self._pull),
            )
        except OSError as error:
            # A full disk must not stop the service, nor fill its log.
            if self._status_is_written:
                say("status.not_written", level="warning", error=error)
            self._status_is_written = False
        else:
            self._status_is_written = True

    def _tell_of_room(self) -> None:
        """Each crossing of a watermark; also at the start, when there was no room to begin with."""
        state = self._space.state()
        if state is self._room:
            return
        self._room = state
        say(
            "room.changed",
            level="info" if state is SpaceState.OPEN else "warning",
            state=str(state),
            room_bytes=self._space.room().room_bytes,
        )

    def _tally(self) -> None:
        refused = Counter(self._door.statistics().all_refused)
        now = time.time()
        for reason, count in (refused - self._told).items():
            try:
                self._ledger.tally("association", "", reason, at=now, count=count)
            except CausewayError as error:
                say("tally.not_written", level="warning", error=error)
                return
            self._told[reason] += count

    def _make_ahead(self) -> None:
        ahead = Ahead(
            stop=self._stop,
            received_bytes=self._received_bytes,
            ready_bytes=lambda: self._space.room().ready_bytes,
            few=self._configuration.spool.ready_bytes // 4,
        )
        while not self._stop.is_set():
            try:
                self._keeper.make_ahead(ahead.give_way)
            except (OSError, CausewayError) as error:
                say("segments.not_made", level="warning", error=error)
                self._stop.wait(TICK_SECONDS)
            self._stop.wait(AHEAD_SECONDS)

    def _keep_reserve(self) -> None:
        """Each second, whatever else waits: on a full disk the operator's commands live by it."""
        try:
            kept = self._space.keep_reserve()
        except (OSError, CausewayError) as error:
            say("reserve.not_kept", level="warning", error=error)
            return
        if self._reserve_kept and not kept:
            say("reserve.given_back", level="warning")
        elif kept and self._reserve_kept is False:
            say("reserve.made_again")
        self._reserve_kept = kept

    def _received_bytes(self) -> int:
        return sum(source.bytes for source in self._door.statistics().sources.values())

    # Stopping

    def _wind_down(self) -> None:
        drain = 0.0 if self._hurry.is_set() else DRAIN_SECONDS
        say("service.stopping", seconds=drain)
        self._door.stop(drain)
        self._tally()
        for channel in (self._pull_channel, self._pipeline_channel):
            if channel is not None:
                channel.close()
        for child in self._children:
            if child.process is None:
                continue
            try:
                child.process.wait(0.5 if self._hurry.is_set() else DRAIN_SECONDS)
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
                say("process.killed", level="warning", process=child.name)
        say("service.stopped")

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        def stop(_number: int, _frame: FrameType | None) -> None:
            if self._stop.is_set():
                self._hurry.set()
            self._stop.set()

        def renew(_number: int, _frame: FrameType | None) -> None:
            self._door.refresh()
            self._read_again.set()

        before = {
            number: signal.signal(number, handler)
            for number, handler in (
                (signal.SIGTERM, stop),
                (signal.SIGINT, stop),
                (signal.SIGHUP, renew),
            )
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _process_state(child: Child) -> ProcessState:
    return ProcessState(name=child.name, pid=child.pid, restarts=child.restarts)
