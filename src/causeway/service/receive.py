"""The receiver's process: associations into the spool, and nothing else.

It imports neither the ledger nor SQL, and it never waits for the pipeline.
"""

from __future__ import annotations

import gc
import signal
import socket
import threading
import time

from causeway.config import Configuration
from causeway.net import Receiver, Refusal
from causeway.observe import bound, configure_logs, emit
from causeway.service import mapping
from causeway.service.hints import HintWriter
from causeway.service.sink import SpoolSink, judge_head
from causeway.spool import RealDisk, SpaceGauge, SpaceState, SpoolWriter

CATCH_UP_SECONDS = 0.25
"""Between two tries to pass on hints for which the pipe had no room."""


def receive(configuration: Configuration, *, channel_fd: int, hints_fd: int, name: str) -> int:
    """Serve until the door says stop or is gone."""
    # The supervisor decides when this ends; the terminal's signals are for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(level=configuration.log.level, format=configuration.log.format)
    say = bound(emit, process=name)

    disk = RealDisk()
    root = configuration.spool_dir
    space = SpaceGauge(
        root, disk=disk, limits=mapping.space_limits(configuration), clock=time.monotonic
    )
    writer = SpoolWriter(root, disk=disk, space=space, durability=mapping.durability(configuration))
    hints = HintWriter(hints_fd)
    sink = SpoolSink(
        writer,
        space,
        hints,
        say,
        judge=judge_head if configuration.receive.on_bad_object == "refuse" else None,
    )
    receiver = Receiver(
        socket.socket(fileno=channel_fd),
        listeners=mapping.listeners(configuration),
        admission=mapping.admission(configuration),
        sink=sink,
        emit=say,
        options=mapping.receive_options(configuration),
        admitting=lambda: None if space.state() is SpaceState.OPEN else Refusal.NO_SPACE,
    )

    stopped = threading.Event()

    def catch_up() -> None:
        while not stopped.wait(CATCH_UP_SECONDS):
            hints.catch_up()

    threading.Thread(target=catch_up, name="hints", daemon=True).start()
    # What was imported lives as long as the process; a collection need not look at it again.
    gc.collect()
    gc.freeze()
    receiver.run()
    stopped.set()
    hints.catch_up()
    writer.close()
    return 0
