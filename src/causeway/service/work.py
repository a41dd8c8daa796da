"""The pipeline's process: from the spool to the destinations, by way of the ledger."""

from __future__ import annotations

import os
import secrets
import select
import signal
import socket
import time
from random import Random

from causeway.config import Configuration
from causeway.destinations import DicomDestination
from causeway.errors import CausewayError
from causeway.ledger import Ledger, open_ledger
from causeway.observe import bound, configure_logs, emit
from causeway.pipeline import Parts, Pipeline
from causeway.service import mapping, planning
from causeway.service.committing import CommitmentLoop
from causeway.service.hints import (
    AssociationOver,
    Committed,
    HintReader,
    LetterKept,
    Refused,
    ReportAnswered,
    SeriesWhole,
)
from causeway.spool import RealDisk, SpaceGauge, SpoolKeeper, SpoolReader

FINISH_SECONDS = 8.0
"""What steps in hand get when the supervisor stops; it waits a little longer than that."""

HINTS_SECONDS = 0.05
"""Between two looks at what receivers say, while they say something: what came meanwhile is entered
with one commit. The first after a pause is looked at at once."""

say = bound(emit, process="pipeline")


def work(
    configuration: Configuration,
    *,
    channel_fd: int,
    hints_fd: int,
    answer_fds: tuple[int, ...] = (),
) -> int:
    """Run until the channel to the supervisor closes, or the ledger cannot be trusted any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    configure_logs(level=configuration.log.level, format=configuration.log.format)
    try:
        ledger = open_ledger(configuration.ledger_path)
    except CausewayError as error:
        say("pipeline.failed", level="error", error=error)
        return error.exit_status
    try:
        return _work(
            configuration, ledger, channel_fd=channel_fd, hints_fd=hints_fd, answer_fds=answer_fds
        )
    finally:
        ledger.close()


def _work(
    configuration: Configuration,
    ledger: Ledger,
    *,
    channel_fd: int,
    hints_fd: int,
    answer_fds: tuple[int, ...],
) -> int:
    # The data folder is the supervisor's alone and it has one pipeline, so any lease that is left
    # is that of a predecessor that died.
    ledger.release_all_leases(owner=None, now=ledger.now())
    disk = RealDisk()
    root = configuration.spool_dir
    space = SpaceGauge(
        root, disk=disk, limits=mapping.space_limits(configuration), clock=time.monotonic
    )
    reader = SpoolReader(root, disk=disk)
    parts = Parts(
        planning.pipeline_settings(configuration),
        ledger=ledger,
        spool=reader,
        keeper=SpoolKeeper(
            root,
            disk=disk,
            space=space,
            ready_bytes=configuration.spool.ready_bytes,
            durability=mapping.durability(configuration),
        ),
        owner=f"pipeline-{os.getpid()}-{secrets.token_hex(3)}",
        rng=Random(),  # noqa: S311  it spreads retries, nothing more
        emit=say,
    )
    failed, tell_failure = socket.socketpair()
    pipeline = Pipeline(parts, emit=say, on_failure=lambda: tell_failure.sendall(b"!"))
    commitments = CommitmentLoop(
        configuration,
        ledger,
        answer_fds=answer_fds,
        indexed_until=lambda: parts.indexer.indexed_until,
        hear=lambda calling_ae, report: any(
            each.reported(calling_ae, report)
            for each in parts.destinations.values()
            if isinstance(each, DicomDestination)
        ),
    )
    pipeline.start()
    commitments.start()
    try:
        _attend(pipeline, commitments, HintReader(hints_fd), [channel_fd, failed.fileno()])
    finally:
        commitments.stop(patience_seconds=FINISH_SECONDS / 4)
        pipeline.stop(patience_seconds=FINISH_SECONDS)
        reader.close()
        failed.close()
        tell_failure.close()
    return 0 if pipeline.failure is None else 1


def _attend(
    pipeline: Pipeline, commitments: CommitmentLoop, hints: HintReader, ends: list[int]
) -> None:
    """Pass hints on until one of ``ends`` has something to say."""
    while True:
        readable, _, _ = select.select([hints.fileno(), *ends], [], [])
        if any(end in readable for end in ends):
            return
        for hint in hints.read():
            match hint:
                case Committed(container=container, end=end):
                    pipeline.committed(container, end)
                case AssociationOver(association=association, outcome=outcome):
                    pipeline.association_over(association, outcome)
                    commitments.association_over(association)
                case Refused(source=source, status=status, count=count):
                    pipeline.refused(source, f"{status:04X}", count)
                case SeriesWhole():
                    pipeline.series_whole()
                case LetterKept():
                    commitments.letter()
                case ReportAnswered(commitment=commitment, status=answer):
                    commitments.answered(commitment, answer)
        if select.select(ends, [], [], HINTS_SECONDS)[0]:
            return
