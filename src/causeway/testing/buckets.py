"""Independent servers that keep objects, each started on loopback for the length of a test.

- OpenStack Swift through its S3 interface: a real object store, strict about signatures and
  digests, and about what stands (``If-None-Match``);
- rclone's S3: another real one, picky about how bodies come, which takes any digest at its word and
  overwrites what stands: what one meets in hospitals;
- moto: an emulation that is close to AWS in what it answers (tags, digests, storage classes), and
  checks neither;
- Azurite, an emulation of Azure Blob Storage by its maker.

Their programs are looked for on PATH and in ``.venv/peers``, where ``scripts/peers`` puts them.
"""

from __future__ import annotations

import base64
import contextlib
import email.utils
import hmac
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

from causeway.testing.ports import free_port

PEERS: Final = Path(sys.prefix) / "peers" / "bin"
START_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketServer:
    """A server that runs, and how to get in."""

    url: str
    access_key: str = "AKTESTING"
    secret_key: str = field(default="SKTESTING123456", repr=False)
    region: str = "us-east-1"
    ca: Path | None = None

    def client(self) -> Any:
        """An S3 client of botocore's, for tests to look with."""
        return _client(self)


@cache
def _client(server: BucketServer) -> Any:
    import botocore.session
    from botocore.config import Config

    return botocore.session.Session().create_client(
        "s3",
        region_name=server.region,
        endpoint_url=server.url,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        verify=str(server.ca) if server.ca else True,
        config=Config(
            s3={"addressing_style": "path"},
            retries={"mode": "standard", "total_max_attempts": 2},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            proxies={},
        ),
    )


def peer(program: str) -> str:
    """Where a program is. Raises ``LookupError``."""
    found = shutil.which(program) or shutil.which(program, path=str(PEERS))
    if found is None:
        raise LookupError(f"{program} is not installed; see scripts/peers")
    return found


@contextlib.contextmanager
def moto() -> Iterator[BucketServer]:
    port = free_port()
    with running([peer("moto_server"), "-H", "127.0.0.1", "-p", str(port)], port):
        yield BucketServer(url=f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def rclone(
    folder: Path,
    *,
    certificate: Path | None = None,
    key: Path | None = None,
    ca: Path | None = None,
    client_ca: Path | None = None,
) -> Iterator[BucketServer]:
    """Buckets are folders in ``folder``. With a certificate over TLS."""
    server = BucketServer(url="")
    port = free_port()
    command = [
        peer("rclone"), "serve", "s3", "--addr", f"127.0.0.1:{port}",
        "--auth-key", f"{server.access_key},{server.secret_key}", "--config", os.devnull,
        "--vfs-cache-mode", "off", str(folder),
    ]  # fmt: skip
    if certificate is not None and key is not None:
        command += ["--cert", str(certificate), "--key", str(key)]
    if client_ca is not None:
        command += ["--client-ca", str(client_ca)]
    scheme = "https" if certificate else "http"
    with running(command, port):
        yield BucketServer(url=f"{scheme}://127.0.0.1:{port}", ca=ca)


@contextlib.contextmanager
def swift(folder: Path) -> Iterator[BucketServer]:
    """Account, container, object and proxy servers in one go, with one copy of everything."""
    etc, node = folder / "etc", folder / "node" / "d1"
    etc.mkdir(parents=True)
    node.mkdir(parents=True)
    (etc / "swift.conf").write_text(_SWIFT_CONF)
    ports = {name: free_port() for name in ("account", "container", "object", "proxy")}
    builder = peer("swift-ring-builder")
    for name in ("account", "container", "object"):
        place = f"r1z1-127.0.0.1:{ports[name]}/d1"
        for arguments in (["create", "4", "1", "0"], ["add", place, "1"], ["rebalance"]):
            subprocess.run(
                [builder, f"{name}.builder", *arguments], cwd=etc, check=True, capture_output=True
            )
        (etc / f"{name}.conf").write_text(
            _SWIFT_SERVER.format(name=name, port=ports[name], etc=etc, node=node.parent)
        )
    (etc / "proxy.conf").write_text(
        _SWIFT_PROXY.format(port=ports["proxy"], etc=etc, nowhere=free_port())
    )
    with contextlib.ExitStack() as stack:
        for name, port in ports.items():
            stack.enter_context(
                running([peer(f"swift-{name}-server"), str(etc / f"{name}.conf")], port, wait=False)
            )
        for port in ports.values():
            wait_for_port(port)
        yield BucketServer(
            url=f"http://127.0.0.1:{ports['proxy']}",
            access_key="test:tester",
            secret_key="testing",  # noqa: S106
        )


@contextlib.contextmanager
def azurite(folder: Path, *containers: str) -> Iterator[str]:
    """The address of its emulated account, with these containers in it."""
    port = free_port()
    command = [
        peer("azurite-blob"), "--blobHost", "127.0.0.1", "--blobPort", str(port),
        "--location", str(folder), "--silent", "--skipApiVersionCheck", "--disableTelemetry",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}/{AZURITE_ACCOUNT}"
    with running(command, port):
        for container in containers:
            _make_container(url, container)
        yield url


AZURITE_ACCOUNT: Final = "devstoreaccount1"
AZURITE_KEY: Final = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
"""Of the one account that each Azurite has; published by its maker."""


def _make_container(url: str, container: str) -> None:
    """Obstore has no verb for it."""
    date = email.utils.formatdate(usegmt=True)
    headers = {"x-ms-date": date, "x-ms-version": "2023-11-03"}
    named = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    # Twelve standard headers, of which only the length is there, and 0 is written as nothing.
    resource = f"/{AZURITE_ACCOUNT}/{AZURITE_ACCOUNT}/{container}\nrestype:container"
    text = "PUT" + "\n" * 12 + named + resource
    digest = hmac.digest(base64.b64decode(AZURITE_KEY), text.encode(), "sha256")
    signature = base64.b64encode(digest).decode()
    request = urllib.request.Request(  # noqa: S310  loopback, and ours
        f"{url}/{container}?restype=container",
        method="PUT",
        headers=headers | {"Authorization": f"SharedKey {AZURITE_ACCOUNT}:{signature}",
                           "Content-Length": "0"},
    )  # fmt: skip
    urllib.request.urlopen(request, timeout=10).close()  # noqa: S310


# --- processes ----------------------------------------------------------------------------------


@contextlib.contextmanager
def running(
    command: Sequence[str],
    port: int,
    *,
    environment: Mapping[str, str] | None = None,
    wait: bool = True,
) -> Iterator[subprocess.Popen[bytes]]:
    """A program, until the block ends; ``wait`` for its port to answer."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=dict(os.environ) | dict(environment or {}),
    )
    try:
        if wait:
            wait_for_port(port, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for_port(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process is not None and process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}") from None
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing listens on port {port}") from None
            time.sleep(0.05)


_SWIFT_CONF: Final = """\
[swift-hash]
swift_hash_path_suffix = a
swift_hash_path_prefix = b

[storage-policy:0]
name = gold
default = yes
"""
_SWIFT_SERVER: Final = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user =
swift_dir = {etc}
devices = {node}
mount_check = false
workers = 0

[pipeline:main]
pipeline = healthcheck {name}-server

[app:{name}-server]
use = egg:swift#{name}

[filter:healthcheck]
use = egg:swift#healthcheck
"""
_SWIFT_PROXY: Final = """\
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {etc}
user =
workers = 0

[pipeline:main]
pipeline = catch_errors healthcheck cache listing_formats bulk s3api tempauth copy \
container-quotas account-quotas slo dlo versioned_writes symlink proxy-server

[app:proxy-server]
use = egg:swift#proxy
allow_account_management = true
account_autocreate = true

[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1

[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin

[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{nowhere}

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_versioned_writes = true
allow_object_versioning = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:healthcheck]
use = egg:swift#healthcheck

[filter:listing_formats]
use = egg:swift#listing_formats

[filter:bulk]
use = egg:swift#bulk

[filter:copy]
use = egg:swift#copy

[filter:container-quotas]
use = egg:swift#container_quotas

[filter:account-quotas]
use = egg:swift#account_quotas

[filter:slo]
use = egg:swift#slo

[filter:dlo]
use = egg:swift#dlo

[filter:symlink]
use = egg:swift#symlink
"""
