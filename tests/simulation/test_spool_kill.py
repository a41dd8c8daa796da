"""The real disk, a real process, SIGKILL: what it said was stored is there.

The child writes an answer to its pipe after each store, as a receiver would to its peer. Killing
loses no page cache, so this is no test of syncing; it is one of the order of things in the real
system calls.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from causeway.spool import Damaged, RealDisk, SpoolReader, recover
from causeway.spool.recovery import Outcome
from causeway.values import SpoolAddress

CHILD = """
import os, sys, threading
from pathlib import Path
from random import Random
from causeway.spool import *
from causeway.values import Caller, Receipt

root, seed = Path(sys.argv[1]), int(sys.argv[2])
disk = RealDisk()
space = SpaceGauge(root, disk=disk)
writer = SpoolWriter(root, disk=disk, space=space, segment_size=1 << 20, small_object=100_000)
caller = Caller(source="s", calling_ae="A", called_ae="B", address="::1", association="1")

def send(thread):
    random = Random(seed * 10 + thread)
    for number in range(100_000):
        name = f"{seed}.{thread}.{number}"
        size = random.choice((100, 30_000, 90_000, 300_000))
        receipt = Receipt(caller=caller, sop_class_uid="1", sop_instance_uid=name,
                          transfer_syntax_uid="1", received_at=0.0)
        record = writer.store(receipt, [(name.encode() * size)[:size]])
        os.write(1, f"{name} {record.address} {size}\\n".encode())

for thread in range(3):
    threading.Thread(target=send, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


def test_what_a_killed_process_acknowledged_is_there(tmp_path: Path) -> None:
    root = tmp_path / "spool"
    disk = RealDisk()
    chance = random.Random(7)
    promised: dict[str, tuple[SpoolAddress, bytes]] = {}
    recover(root, disk=disk, positions={})
    for seed in range(6):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(root), str(seed)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        answers = os.read(child.stdout.fileno(), 100)  # it is at work
        time.sleep(chance.random() * 0.15)
        child.send_signal(signal.SIGKILL)
        answers += child.communicate()[0]
        for line in answers.splitlines(keepends=True):
            if line.endswith(b"\n"):
                name, address, size = line.decode().split()
                promised[name] = (
                    SpoolAddress.parse(address),
                    (name.encode() * int(size))[: int(size)],
                )
        report = recover(root, disk=disk, positions={})
        assert not [x for x in report.leftovers if x.outcome is Outcome.LEFT]
        assert recover(root, disk=disk, positions={}).leftovers == ()
    reader = SpoolReader(root, disk=disk)
    assert len(promised) > 20
    for address, data in promised.values():
        assert reader.read(address) == data
    for info in reader.containers():
        for item in reader.scan(info.name, verify=True):
            assert not isinstance(item, Damaged)
