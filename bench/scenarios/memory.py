"""Resident memory of the receivers while one object of 2 GB arrives."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench import wire
from bench.causeway_receiver import Causeway
from bench.generator import Target
from bench.session import Session, Table, against, memory_of
from causeway.testing.phantom import stream_instance

BYTES = 2_000_000_000
TARGET_MB = 100


def measure(session: Session) -> Iterator[Table]:
    receiver = Causeway(ready_mib=128)
    with session.folders.one() as work, receiver.running(work) as (target, _):
        pids = receiver_pids(work)
        before = {pid: memory_of(pid) for pid in pids}
        began = time.monotonic()
        peaks = _watch_while(pids, lambda: _send_large(target))
        seconds = time.monotonic() - began
        grown = max(peaks[pid] - before[pid] for pid in pids)
    session.say(f"memory: +{grown:.0f} MB while {BYTES / 1e9:g} GB arrived in {seconds:.1f} s")
    yield Table(
        title="Memory while a 2 GB object arrives",
        note="Resident memory of the receiver that serves it, the highest against before.",
        heads=("", "reached", "target", ""),
        rows=[
            [
                f"{BYTES / 1e9:g} GB in one object, {BYTES / 1e6 / seconds:,.0f} MB/s",
                f"+{grown:.0f} MB",
                f"≤ +{TARGET_MB} MB",
                against(grown, TARGET_MB, at_most=True),
            ]
        ],
    )


def receiver_pids(work: Path) -> list[int]:
    status = json.loads((work / "data/run/status.json").read_text())
    return [int(receiver["pid"]) for receiver in status["receivers"]]


def _watch_while(pids: list[int], act: object) -> dict[int, float]:
    peaks = dict.fromkeys(pids, 0.0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for pid in pids:
                peaks[pid] = max(peaks[pid], memory_of(pid))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        assert callable(act)
        act()
    finally:
        over.set()
        thread.join()
    return peaks


def _send_large(target: Target) -> None:
    instance = stream_instance(BYTES)
    sock = wire.connect(target.host, target.port, None)
    longest = wire.associate(
        sock, called=target.called, calling="BENCH", sop_class_uid=instance.sop_class_uid
    )
    command = wire.store_command(instance.sop_class_uid, instance.sop_instance_uid, 1)
    sock.sendall(wire.pdata(command, command=True, last=True))
    room = min(longest or 1 << 20, 1 << 20) - 6
    left = instance.size
    for chunk in instance.chunks():
        view = memoryview(chunk)
        for at in range(0, len(view), room):
            piece = view[at : at + room]
            left -= len(piece)
            head = struct.pack(">BxIIBB", 4, len(piece) + 6, len(piece) + 2, 1, 0 if left else 2)
            sock.sendall(head)
            sock.sendall(piece)
    status = wire.read_status(sock)
    if status:
        raise RuntimeError(f"the large object was refused with {status:04X}")
    wire.release(sock)
