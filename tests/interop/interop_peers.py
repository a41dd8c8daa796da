"""Independent implementations as processes, on ports of their own, stopped by their id."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway.net import Peer, Timeouts
from causeway.testing.ports import free_port

PATIENT = Timeouts(
    connect_seconds=10, associate_seconds=10, response_seconds=20, release_seconds=10
)


@dataclass(frozen=True)
class Running:
    """A peer that listens."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    def peer(self, called_ae: str = "ANY-SCP", calling_ae: str = "CAUSEWAY") -> Peer:
        return Peer(
            host="127.0.0.1",
            port=self.port,
            called_ae=called_ae,
            calling_ae=calling_ae,
            timeouts=PATIENT,
        )


Start = Callable[..., Running]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a program that listens on ``{port}`` of its arguments, and wait until it does."""
    running: list[subprocess.Popen[bytes]] = []

    def start_peer(
        command: Sequence[str], *, folder: str = "peer", port: int | None = None
    ) -> Running:
        work = tmp_path / folder
        work.mkdir(exist_ok=True)
        port = port or free_port()
        program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin") or command[0]
        arguments = [each.format(port=port, folder=work) for each in command[1:]]
        with (work / "log").open("wb") as log:
            process = subprocess.Popen(
                [program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"TCP_NODELAY": "1"},
            )
        running.append(process)
        wait_until_it_listens(port, process, work / "log")
        return Running(port, work, process)

    yield start_peer
    for process in running:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def start_orthanc(start: Start, tmp_path: Path, **settings: object) -> Running:
    """Orthanc with its REST interface on loopback; ``{port}`` is that of DICOM."""
    folder = tmp_path / "orthanc"
    folder.mkdir()
    http, dicom = free_port(), free_port()
    (folder / "orthanc.json").write_text(
        json.dumps(
            {
                "Name": "peer",
                "StorageDirectory": str(folder / "storage"),
                "IndexDirectory": str(folder / "index"),
                "Plugins": [],
                "HttpPort": http,
                "RemoteAccessAllowed": False,
                "AuthenticationEnabled": False,
                "DicomAet": "ORTHANC",
                "DicomPort": dicom,
                "DicomCheckCalledAet": False,
                "DicomAlwaysAllowStore": True,
                "DicomAlwaysAllowFind": True,
                "DicomAlwaysAllowGet": True,
                "DicomAlwaysAllowMove": True,
                "UnknownSopClassAccepted": True,
                **settings,
            }
        )
    )
    running = start(["Orthanc", str(folder / "orthanc.json")], folder="orthanc-log", port=dicom)
    return Running(dicom, folder, running.process)


def http_port(orthanc: Running) -> int:
    return int(json.loads((orthanc.folder / "orthanc.json").read_text())["HttpPort"])


def wait_until_it_listens(
    port: int, process: subprocess.Popen[bytes], log: Path, seconds: float = 20
) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"the peer does not listen:\n{log.read_text(errors='replace')}")


def run(command: Sequence[str], *, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """A sender of somebody else's, run to its end."""
    return subprocess.run(
        list(command),
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        env=os.environ | {"TCP_NODELAY": "1"},
    )


PYTHON = sys.executable
