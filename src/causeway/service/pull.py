"""The puller's process: nodes are queried, and what they have is brought into the spool.

Images that come over our own associations (C-GET, DICOMweb) are written here, as a receiver writes
them; those of a C-MOVE come to the receivers. From the receipt on there is one path.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from random import Random

from causeway.config import Configuration
from causeway.errors import CausewayError
from causeway.ledger import Ledger, open_ledger
from causeway.observe import bound, configure_logs, emit
from causeway.pull.asked import Asker
from causeway.pull.puller import Puller, PullParts
from causeway.service import mapping, nodes
from causeway.service.backlog import oldest_unindexed
from causeway.service.deciding import machine_zone
from causeway.service.hints import HintWriter
from causeway.service.sink import SpoolSink, judge_head
from causeway.spool import RealDisk, SpaceGauge, SpaceState, SpoolReader, SpoolWriter

FINISH_SECONDS = 8.0
"""What retrievals in hand get when the supervisor stops; it waits a little longer than that."""
LOOK_SECONDS = 0.1
"""Between two looks at whether the ledger was written to, perhaps by a person who asks for
something; and two tries to pass on hints for which the pipe had no room."""

say = bound(emit, process="pull")


def pull(configuration: Configuration, *, channel_fd: int, hints_fd: int) -> int:
    """Run until the channel to the supervisor closes, or the ledger cannot be trusted any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(level=configuration.log.level, format=configuration.log.format)
    try:
        ledger = open_ledger(configuration.ledger_path)
    except CausewayError as error:
        say("pull.failed", level="error", kind="ledger", error=error)
        return error.exit_status
    try:
        return _pull(configuration, ledger, channel_fd=channel_fd, hints_fd=hints_fd)
    finally:
        ledger.close()


def _pull(configuration: Configuration, ledger: Ledger, *, channel_fd: int, hints_fd: int) -> int:
    disk = RealDisk()
    root = configuration.spool_dir
    space = SpaceGauge(
        root, disk=disk, limits=mapping.space_limits(configuration), clock=time.monotonic
    )
    writer = SpoolWriter(root, disk=disk, space=space, durability=mapping.durability(configuration))
    reader = SpoolReader(root, disk=disk)
    hints = HintWriter(hints_fd)
    sink = SpoolSink(
        writer, hints, say,
        judge=judge_head if configuration.receive.on_bad_object == "refuse" else None,
    )  # fmt: skip
    asker = Asker(configuration.asked_dir)

    def all_indexed(at: float) -> bool:
        oldest = oldest_unindexed(ledger, reader)
        return oldest is None or oldest > at

    failed, tell_failure = socket.socketpair()
    puller = Puller(
        nodes.node_plans(configuration),
        PullParts(
            ledger=ledger,
            make_node=lambda plan, abilities: nodes.make_node(
                plan, configuration, abilities, sink=sink, asker=asker, emit=say
            ),
            emit=say,
            rng=Random(),  # noqa: S311  it spreads retries, nothing more
            zone=machine_zone(),
            all_indexed=all_indexed,
            whole=hints.series_whole,
            has_room=lambda: space.state() is SpaceState.OPEN,
        ),
        on_failure=lambda: tell_failure.sendall(b"!"),
    )
    puller.start()
    seen = ledger.stamp()
    try:
        while True:
            readable, _, _ = select.select([channel_fd, failed.fileno()], [], [], LOOK_SECONDS)
            hints.catch_up()
            if readable:
                break
            before, seen = seen, ledger.stamp()
            if seen != before:
                with contextlib.suppress(CausewayError):  # each node looks by itself, only later
                    puller.look()
    finally:
        puller.stop(patience_seconds=FINISH_SECONDS)
        hints.catch_up()
        writer.close()
        reader.close()
        os.close(channel_fd)
    return 0 if puller.failure is None else 1
