"""Archives of others, in a network of their own, filled; for tests that pull from them.

Orthanc and ``dcmqrscp`` listen on all interfaces and cannot be told otherwise. So they run inside a
network namespace whose loopback is theirs alone, and so does the connector that pulls from them:
the test starts itself again in there (see ``in_namespace``).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from causeway.net import ClientTls, Outgoing, Peer, send

INSIDE = "CAUSEWAY_TEST_INSIDE"


def in_namespace(request: pytest.FixtureRequest) -> bool:
    """Whether this is the run inside; outside, it runs the same test there, and fails if that does.

    Skips where namespaces are not allowed.
    """
    if os.environ.get(INSIDE):
        return True
    unshare = shutil.which("unshare")
    options = ["--net"]
    if unshare is None or subprocess.run([unshare, *options, "true"]).returncode != 0:
        options = ["--net", "--map-root-user"]
        if unshare is None or subprocess.run([unshare, *options, "true"]).returncode != 0:
            pytest.skip("a network of its own takes the superuser or user namespaces")
    script = "ip link set lo up && exec " + " ".join(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"'{request.node.nodeid}'"]
    )
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")
    }
    done = subprocess.run(
        [unshare, *options, "sh", "-c", script], capture_output=True, text=True, timeout=600,
        env=environment | {INSIDE: "1"}, cwd=request.config.rootpath,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    return False


@dataclass(frozen=True)
class Archive:
    """One that runs."""

    name: str
    port: int
    tls: ClientTls | None = None

    def peer(self) -> Peer:
        return Peer(
            host="127.0.0.1", port=self.port, called_ae="ARCHIVE", calling_ae="FILLER", tls=self.tls
        )

    def fill(self, images: Sequence[Outgoing]) -> dict[str, bytes]:
        """Store all of them; data sets by SOP Instance UID."""
        assert [result.status for result in send(self.peer(), images)] == [0] * len(images)
        return {each.sop_instance_uid: _bytes(each) for each in images}


def _bytes(each: Outgoing) -> bytes:
    assert isinstance(each.data, bytes)
    return each.data


DICOMWEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


@contextlib.contextmanager
def orthanc_web(folder: Path, *, port: int, destination: int) -> Iterator[Archive]:
    """The same, with its DICOMweb service at ``destination``."""
    if not DICOMWEB.exists():
        pytest.skip("Orthanc's DICOMweb plugin is not installed")
    web = {
        "HttpServerEnabled": True, "HttpPort": destination, "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True, "RegisteredUsers": {"causeway": "secret"},
        "Plugins": [str(DICOMWEB)], "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }  # fmt: skip
    with orthanc(folder, port=port, destination=1, **web) as archive:
        yield archive


@contextlib.contextmanager
def orthanc(folder: Path, *, port: int, destination: int, **more: object) -> Iterator[Archive]:
    """With CAUSEWAY at the port ``destination`` as a modality that it knows."""
    folder.mkdir()
    settings = {
        "Name": "archive", "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"), "Plugins": [], "HttpServerEnabled": False,
        "DicomAet": "ARCHIVE", "DicomPort": port, "DicomCheckCalledAet": False,
        "DicomAlwaysAllowStore": True, "DicomAlwaysAllowFind": True,
        "DicomAlwaysAllowGet": True, "DicomAlwaysAllowMove": True,
        "DicomModalities": {"causeway": ["CAUSEWAY", "127.0.0.1", destination]}, **more,
    }  # fmt: skip
    (folder / "orthanc.json").write_text(json.dumps(settings))
    with running(["Orthanc", str(folder / "orthanc.json")], port, folder):
        yield Archive("orthanc", port)


@contextlib.contextmanager
def dcmqrscp(folder: Path, *, port: int, destination: int) -> Iterator[Archive]:
    folder.mkdir()
    (folder / "database").mkdir()
    (folder / "dcmqrscp.cfg").write_text(
        f"NetworkTCPPort = {port}\nMaxPDUSize = 131072\nMaxAssociations = 16\n"
        f"HostTable BEGIN\ncauseway = (CAUSEWAY, 127.0.0.1, {destination})\nHostTable END\n"
        "VendorTable BEGIN\nVendorTable END\n"
        f"AETable BEGIN\nARCHIVE {folder / 'database'} RW (200, 1024mb) ANY\nAETable END\n"
    )
    with running(["dcmqrscp", "-c", str(folder / "dcmqrscp.cfg")], port, folder):
        yield Archive("dcmqrscp", port)


@contextlib.contextmanager
def running(command: Sequence[str], port: int, folder: Path) -> Iterator[int]:
    """A program that listens at a port, stopped by its id."""
    program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [program, *command[1:]], stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if process.poll() is not None:
                raise AssertionError(log.read_text(errors="replace"))
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
