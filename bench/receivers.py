"""The receivers that are compared: how each is started, and how it was configured.

Each runs as its own process group in a work folder of its own, and is stopped by that group's id.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Target
from causeway.testing.ports import free_port

HERE = Path(__file__).resolve().parent

# DCMTK answers in two small writes. Unless this variable is set it leaves Nagle's algorithm on, and
# the second waits 40 ms for the sender's delayed acknowledgement: 23 objects a second. Peers are
# compared at their best, so it is set for all; Orthanc contains DCMTK and profits as well.
PEER_ENVIRONMENT = {"TCP_NODELAY": "1"}


class Unavailable(Exception):
    """The program is not installed here."""


@dataclass(frozen=True)
class Receiver:
    """One way to receive; ``command`` is given the port and the work folder."""

    name: str
    describes: str

    def command(self, port: int, work: Path) -> Sequence[str]:
        raise NotImplementedError

    def target(self, port: int, work: Path) -> Target:  # noqa: ARG002
        return Target("127.0.0.1", port)

    def settle(self, work: Path) -> None:
        """Wait for what the receiver does once after its start, beside listening."""

    @contextmanager
    def running(self, work: Path) -> Iterator[tuple[Target, int]]:
        """Start it; gives where to send and the id of its first process."""
        port = free_port()
        command = list(self.command(port, work))
        program = shutil.which(command[0])
        if program is None:
            raise Unavailable(f"{self.name}: {command[0]} is not installed")
        log = (work / "log").open("wb")
        process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=work,
            env=os.environ | PEER_ENVIRONMENT,
            start_new_session=True,
        )
        try:
            wait_until_it_listens(port, process, work / "log")
            self.settle(work)
            # What an unsynced receiver left in the page cache is written back during the next
            # run: a synced one then pays for both. So each starts with nothing to write back.
            os.sync()
            yield self.target(port, work), process.pid
        finally:
            stop(process)
            log.close()


@dataclass(frozen=True)
class Null(Receiver):
    name: str = "nothing stored"
    describes: str = (
        "bench/peer_null.py: reads, answers, forgets; the ceiling of generator and loopback"
    )

    def command(self, port: int, work: Path) -> Sequence[str]:  # noqa: ARG002
        return [sys.executable, str(HERE / "peer_null.py"), str(port)]


@dataclass(frozen=True)
class Storescp(Receiver):
    name: str = "DCMTK storescp --fork"
    describes: str = "a process for each association, its default PDU of 16,384; syncs nothing"
    options: tuple[str, ...] = ()

    def command(self, port: int, work: Path) -> Sequence[str]:
        (work / "store").mkdir()
        return ["storescp", "--fork", *self.options, "-od", str(work / "store"), str(port)]


@dataclass(frozen=True)
class Orthanc(Receiver):
    name: str = "Orthanc"
    describes: str = "SyncStorageArea on (its default), SQLite index, no plugins, no HTTP"

    def command(self, port: int, work: Path) -> Sequence[str]:
        settings = {
            "Name": "bench",
            "StorageDirectory": str(work / "storage"),
            "IndexDirectory": str(work / "index"),
            "Plugins": [],
            "SyncStorageArea": True,
            "HttpServerEnabled": False,
            "DicomServerEnabled": True,
            "DicomAet": "ANY-SCP",
            "DicomPort": port,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "UnknownSopClassAccepted": True,
        }
        path = work / "orthanc.json"
        path.write_text(json.dumps(settings))
        for candidate in ("Orthanc", "/usr/sbin/Orthanc"):
            if shutil.which(candidate):
                return [candidate, str(path)]
        return ["Orthanc", str(path)]


@dataclass(frozen=True)
class Pynetdicom(Receiver):
    name: str = "pynetdicom"
    describes: str = "raw data sets written unsynced, maximum PDU unlimited"

    def command(self, port: int, work: Path) -> Sequence[str]:
        (work / "store").mkdir()
        script = str(HERE / "peer_pynetdicom.py")
        return [sys.executable, script, str(port), str(work / "store")]


def wait_until_it_listens(
    port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 30
) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the receiver ended at once:\n{log.read_text(errors='replace')}")
        if _listens(port):
            return
        time.sleep(0.02)
    raise TimeoutError(f"the receiver did not listen:\n{log.read_text(errors='replace')}")


def _listens(port: int) -> bool:
    """Looks in the kernel's table: connecting would make ``storescp`` fork for nothing."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            local, _, state = line.split()[1:4]
            if local.endswith(wanted) and state == "0A":
                return True
    return False


def stop(process: subprocess.Popen[bytes], seconds: float = 15) -> None:
    """End the process group that we started, and wait for it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
    # Children of a server that has gone may outlive it by a moment.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
