"""Who forwards: Causeway, and Orthanc by its own means; and the node that both forward to.

The node is DCMTK's ``storescp`` with mutual TLS, ``--bit-preserving`` and 128 KiB PDUs, at its
best. What it has written it acknowledges next, so its files say how far a forwarder is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.causeway_receiver import SETTLE_SECONDS
from bench.generator import Target
from bench.receivers import (
    PEER_ENVIRONMENT,
    Receiver,
    Unavailable,
    free_port,
    stop,
    wait_until_it_listens,
)
from causeway.testing.certificates import TestAuthority

_CONFIGURATION = """\
data_dir = "data"

[[listener]]
ae_title = "CAUSEWAY"
host = "127.0.0.1"
port = {port}

[[source]]
name = "bench"
ae_title = "*"
addresses = ["127.0.0.0/8"]

[spool]
ready_bytes = "{ready_mib} MiB"

[[destination]]
name = "node"
type = "dicom"
host = "127.0.0.1"
port = {node}
ae_title = "NODE"
deidentify = "none"
tls = {{ ca = "{ca}", certificate = "{certificate}", key = "{key}", verify_name = false }}

[[route]]
destinations = ["node"]
complete = "arrival"

[log]
level = "warning"
"""

_AUTO_FORWARD = """\
function OnStoredInstance(instanceId, tags, metadata, origin)
  SendToModality(instanceId, 'node')
end
"""


@dataclass(frozen=True)
class Node:
    """Where it is forwarded to."""

    port: int
    folder: Path
    authority: TestAuthority | None

    def count(self) -> int:
        """Files; only names are looked at, as the two processors are busy."""
        return len(os.listdir(self.folder))

    def last_written(self) -> float:
        return max(path.stat().st_mtime for path in self.folder.iterdir())


@contextmanager
def node(work: Path, *, tls: bool) -> Iterator[Node]:
    """``storescp``, in a folder of its own."""
    program = shutil.which("storescp")
    if program is None:
        raise Unavailable("storescp is not installed")
    folder = work / "node"
    folder.mkdir()
    authority = None
    options = ["--fork", "--bit-preserving", "--max-pdu", "131072"]
    if tls:
        authority = TestAuthority(work)
        server = authority.issue("node")
        authority.issue("forwarder")
        options += ["+tls", str(server.key), str(server.certificate), "--require-peer-cert"]
        options += ["--add-cert-file", str(authority.certificate)]
    port = free_port()
    with (work / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *options, "-od", str(folder), str(port)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=os.environ | PEER_ENVIRONMENT,
            start_new_session=True,
        )
    try:
        wait_until_it_listens(port, process, work / "node.log")
        yield Node(port, folder, authority)
    finally:
        stop(process)


@dataclass(frozen=True)
class CausewayForwarder(Receiver):
    name: str = "Causeway"
    describes: str = '`complete = "arrival"`, four associations, synced before Success'
    node: Node | None = None
    ready_mib: int = 1024

    def command(self, port: int, work: Path) -> Sequence[str]:
        assert self.node is not None
        assert self.node.authority is not None
        keys = work.parent / self.node.folder.parent
        path = work / "causeway.toml"
        path.write_text(
            _CONFIGURATION.format(
                port=port, node=self.node.port, ready_mib=self.ready_mib,
                ca=self.node.authority.certificate,
                certificate=keys / "ca-forwarder.pem", key=keys / "ca-forwarder.key",
            )
        )  # fmt: skip
        return [sys.executable, "-m", "causeway", "--config", str(path), "run"]

    def target(self, port: int, work: Path) -> Target:  # noqa: ARG002
        return Target("127.0.0.1", port, called="CAUSEWAY")

    def settle(self, work: Path) -> None:
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            segments = (work / "data/spool/segments").glob("*.ready")
            ready = sum(path.stat().st_size for path in segments)
            if ready >= (self.ready_mib - 64 << 20) and (work / "data/run/status.json").exists():
                return
            time.sleep(0.05)
        raise TimeoutError("Causeway did not make its segments ready")


@dataclass(frozen=True)
class OrthancForwarder(Receiver):
    name: str = "Orthanc"
    describes: str = (
        "`OnStoredInstance` with `SendToModality`, DICOM TLS, eight threads for its jobs, no HTTP"
    )
    node: Node | None = None

    def command(self, port: int, work: Path) -> Sequence[str]:
        assert self.node is not None
        assert self.node.authority is not None
        keys = work.parent / self.node.folder.parent
        script = work / "forward.lua"
        script.write_text(_AUTO_FORWARD)
        settings = {
            "Name": "bench",
            "StorageDirectory": str(work / "storage"),
            "IndexDirectory": str(work / "index"),
            "Plugins": [],
            "LuaScripts": [str(script)],
            "ConcurrentJobs": 8,
            "JobsHistorySize": 10,
            "SaveJobs": False,
            "HttpServerEnabled": False,
            "DicomServerEnabled": True,
            "DicomAet": "ANY-SCP",
            "DicomPort": port,
            "DicomCheckCalledAet": False,
            "DicomAlwaysAllowStore": True,
            "UnknownSopClassAccepted": True,
            "DicomTlsCertificate": str(keys / "ca-forwarder.pem"),
            "DicomTlsPrivateKey": str(keys / "ca-forwarder.key"),
            "DicomTlsTrustedCertificates": str(self.node.authority.certificate),
            "DicomModalities": {
                "node": {
                    "AET": "NODE",
                    "Host": "127.0.0.1",
                    "Port": self.node.port,
                    "UseDicomTls": True,
                }
            },
        }
        path = work / "orthanc.json"
        path.write_text(json.dumps(settings))
        for candidate in ("Orthanc", "/usr/sbin/Orthanc"):
            if shutil.which(candidate):
                return [candidate, str(path)]
        return ["Orthanc", str(path)]
