"""Causeway as a receiver: its receive role alone, or the whole connector."""

from __future__ import annotations

import secrets
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.generator import Target
from bench.receivers import Receiver
from causeway.testing.certificates import TestAuthority

_CONFIGURATION = """\
data_dir = "data"

[[listener]]
ae_title = "CAUSEWAY"
host = "127.0.0.1"
port = {port}
{tls}

[[source]]
name = "bench"
ae_title = "*"
addresses = ["127.0.0.0/8"]

[receive]
processes = {processes}

[completion]
quiet_seconds = {quiet_seconds}

[spool]
durability = "{durability}"
ready_bytes = "{ready_mib} MiB"

[[destination]]
name = "archive"
type = "folder"
path = "archive"
deidentify = "{deidentify}"

[[route]]
destinations = ["archive"]

{key}

[log]
level = "warning"
"""
_KEY = """\
[deidentify]
key = "file:deidentify.key"
processes = {processes}
"""
SETTLE_SECONDS = 60


@dataclass(frozen=True)
class Causeway(Receiver):
    """``whole`` is ``causeway run``; otherwise it is ``causeway run --receive-only``."""

    name: str = "Causeway"
    describes: str = "two receiver processes, maximum PDU of 131,072; synced before Success"
    durability: str = "synced"
    tls: bool = False
    whole: bool = False
    deidentify: str = "none"
    cleaning_processes: int = 1
    processes: int = 2
    quiet_seconds: int = 5
    ready_mib: int = 512

    def command(self, port: int, work: Path) -> Sequence[str]:
        (work / "archive").mkdir(exist_ok=True)
        path = work / "causeway.toml"
        (work / "deidentify.key").write_text(secrets.token_hex(32))
        path.write_text(
            _CONFIGURATION.format(
                port=port,
                tls=self._tls_line(work) if self.tls else "",
                processes=self.processes,
                quiet_seconds=self.quiet_seconds,
                durability=self.durability,
                deidentify=self.deidentify,
                key=""
                if self.deidentify == "none"
                else _KEY.format(processes=self.cleaning_processes),
                ready_mib=self.ready_mib,
            )
        )
        command = [sys.executable, "-m", "causeway", "--config", str(path), "run"]
        return command if self.whole else [*command, "--receive-only"]

    def target(self, port: int, work: Path) -> Target:
        if not self.tls:
            return Target("127.0.0.1", port, called="CAUSEWAY")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_verify_locations(work / "ca.pem")
        context.load_cert_chain(work / "ca-client.pem", work / "ca-client.key")
        return Target("127.0.0.1", port, called="CAUSEWAY", tls=context)

    def settle(self, work: Path) -> None:
        """Until it is ready, with as many segments as were asked for, as a burst finds them."""
        deadline = time.monotonic() + SETTLE_SECONDS
        wanted = self.ready_mib << 20
        while time.monotonic() < deadline:
            ready = sum(
                path.stat().st_size for path in (work / "data/spool/segments").glob("*.ready")
            )
            if ready >= wanted - (64 << 20) and (work / "data/run/status.json").exists():
                return
            time.sleep(0.05)
        raise TimeoutError("Causeway did not make its segments ready")

    def _tls_line(self, work: Path) -> str:
        authority = TestAuthority(work)
        server, _ = authority.issue("server"), authority.issue("client")
        return (
            f'tls = {{ certificate = "{server.certificate}", key = "{server.key}", '
            f'client_ca = "{authority.certificate}", minimum_version = "1.3" }}'
        )
