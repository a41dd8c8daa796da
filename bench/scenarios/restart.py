"""Ready to accept after a restart with 100,000 instances in the spool.

Two cases: the connector was killed before any of them was indexed, and after all of them were.
Ready means that an association is accepted; the program's start is part of the time.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from bench import wire
from bench.causeway_receiver import Causeway
from bench.generator import Target, send
from bench.receivers import stop
from bench.session import Session, Table, against, median
from causeway.ledger import open_ledger
from causeway.testing.ports import free_port

TARGET_SECONDS = 5.0
INSTANCES = {True: 100_000, False: 20_000}
INDEX_SECONDS = 600


def measure(session: Session) -> Iterator[Table]:
    instances = INSTANCES[session.full]
    receiver = Causeway(ready_mib=512)
    with session.folders.one() as work:
        with receiver.running(work) as (target, pid):
            outcome = send(
                target,
                shape="tiny",
                associations=4,
                seconds=300,
                most=instances // 4,
                run=session.run_name(),
                objects_per_series=500,
            )
            # No orderly stop: what a crash leaves is what a restart has to cope with.
            os.killpg(pid, signal.SIGKILL)
        session.say(f"restart: {outcome.stored} instances in the spool")
        fresh = [_ready(session, work) for _ in range(session.repetitions)]
        _index_all(session, work, outcome.stored)
        indexed = [_ready(session, work) for _ in range(session.repetitions)]
    yield Table(
        title="Ready after a restart",
        note=(
            f"From the start of `causeway run` to the first association accepted, after a kill, "
            f"with {instances:,} instances in the spool; medians of {session.repetitions}."
        ),
        heads=("", "reached", "target", ""),
        rows=[
            [
                name,
                f"{median(times):.1f} s",
                f"≤ {TARGET_SECONDS:g} s",
                against(median(times), TARGET_SECONDS, at_most=True),
            ]
            for name, times in (("none of them indexed", fresh), ("all of them indexed", indexed))
        ],
    )


@contextlib.contextmanager
def _started(work: Path) -> Iterator[Target]:
    """``causeway run`` on what is in the folder, not waited for; killed at the end."""
    port = free_port()
    receiver = Causeway(whole=True, quiet_seconds=3600)
    command = receiver.command(port, work)
    with (work / "log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=work, stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0
        )
        try:
            yield receiver.target(port, work)
        finally:
            process.send_signal(signal.SIGKILL)
            stop(process)


def _ready(session: Session, work: Path) -> float:
    began = time.monotonic()
    with _started(work) as target:
        while time.monotonic() - began < 120:
            try:
                sock = wire.connect(target.host, target.port, None)
                wire.associate(
                    sock,
                    called=target.called,
                    calling="BENCH",
                    sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
                )
            except (OSError, wire.Refused):
                time.sleep(0.02)
                continue
            seconds = time.monotonic() - began
            wire.release(sock)
            sock.close()
            session.say(f"restart: ready after {seconds:.2f} s")
            # The children of a killed supervisor notice and end; give them the time.
            break
        else:
            raise TimeoutError((work / "log").read_text(errors="replace")[-2000:])
    time.sleep(1)
    return seconds


def _index_all(session: Session, work: Path, instances: int) -> None:
    with _started(work):
        began = time.monotonic()
        while time.monotonic() - began < INDEX_SECONDS:
            time.sleep(0.5)
            if not (work / "data/ledger.db").exists():
                continue
            with open_ledger(work / "data/ledger.db", create=False) as ledger:
                done = sum(position.records for position in ledger.positions())
            if done >= instances:
                session.say(f"restart: indexed in {time.monotonic() - began:.0f} s")
                break
        else:
            raise TimeoutError("the spool was not indexed in time")
    time.sleep(1)
