"""The receiver's process: associations into the spool, and nothing else.

It knows neither ledger nor pipeline nor configuration, imports none of them, and so is there a
fraction of a second after it was killed. It never waits for the pipeline.
"""

from __future__ import annotations

import gc
import pickle
import signal
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from causeway.commitment.desk import LetterDesk, Served
from causeway.net import Admission, ListenerOptions, ReceiveOptions, Receiver, Refusal, Renewal
from causeway.observe import Level, bound, configure_logs, emit
from causeway.pull.asked import AskedOf
from causeway.service.answers import answers
from causeway.service.hints import HintWriter
from causeway.service.sink import Expected, SpoolSink, judge_head
from causeway.spool import (
    Durability,
    LetterBox,
    RealDisk,
    SpaceGauge,
    SpaceLimits,
    SpaceState,
    SpoolWriter,
)

CATCH_UP_SECONDS = 0.25
"""Between two tries to pass on hints for which the pipe had no room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverPlan:
    """What the supervisor hands to the process."""

    spool_dir: Path
    listeners: tuple[ListenerOptions, ...]
    admission: Admission
    options: ReceiveOptions
    space: SpaceLimits
    durability: Durability
    refuses_bad_objects: bool
    letters_dir: Path
    commitment: Served
    asked_dir: Path
    """Where the puller says what nodes were asked for."""
    nodes: frozenset[str]
    """Sources that may send only what they were asked for."""
    movers: frozenset[str]
    """AE titles by which nodes are asked."""
    log_level: Level
    log_format: Literal["console", "json"]


def receive(
    plan: ReceiverPlan, *, channel_fd: int, hints_fd: int, answers_fd: int, name: str
) -> int:
    """Serve until the door says stop or is gone."""
    # The supervisor decides when this ends; the terminal's signals are for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(level=plan.log_level, format=plan.log_format)
    say = bound(emit, process=name)

    disk = RealDisk()
    space = SpaceGauge(plan.spool_dir, disk=disk, limits=plan.space, clock=time.monotonic)
    writer = SpoolWriter(plan.spool_dir, disk=disk, space=space, durability=plan.durability)
    hints = HintWriter(hints_fd)
    sink = SpoolSink(writer, hints, say)
    letters = LetterBox(plan.letters_dir, disk=disk)
    desk = LetterDesk(letters, plan.commitment, tell=hints.letter, emit=say)

    def judge_as(plan: ReceiverPlan) -> None:
        sink.judge_by(judge_head if plan.refuses_bad_objects else None)
        asked = AskedOf(plan.asked_dir)
        sink.expect(Expected(asked, nodes=plan.nodes, movers=plan.movers) if plan.movers else None)

    def renewal(descriptor: int) -> Renewal:
        """Another plan, of which the spool and the listeners are as they were."""
        with open(descriptor, "rb", closefd=False) as file:
            # Our own parent wrote it, and sent it over the channel that only it has.
            renewed: ReceiverPlan = pickle.load(file)  # noqa: S301
        configure_logs(level=renewed.log_level, format=renewed.log_format)
        judge_as(renewed)
        desk.serve(renewed.commitment)
        return Renewal(admission=renewed.admission, options=renewed.options)

    judge_as(plan)
    receiver = Receiver(
        socket.socket(fileno=channel_fd),
        listeners=plan.listeners,
        admission=plan.admission,
        sink=sink,
        emit=say,
        options=plan.options,
        desk=desk,
        admitting=lambda: None if space.state() is SpaceState.OPEN else Refusal.NO_SPACE,
        renewal=renewal,
    )

    stopped = threading.Event()

    def catch_up() -> None:
        while not stopped.wait(CATCH_UP_SECONDS):
            hints.catch_up()

    def report() -> None:
        for association, outbound in answers(plan.letters_dir, answers_fd, hints.answered):
            receiver.report(association, outbound)

    threading.Thread(target=catch_up, name="hints", daemon=True).start()
    threading.Thread(target=report, name="answers", daemon=True).start()
    # What was imported lives as long as the process; a collection need not look at it again.
    gc.collect()
    gc.freeze()
    receiver.run()
    stopped.set()
    hints.catch_up()
    writer.close()
    return 0
