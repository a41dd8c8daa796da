"""What all tests share: a network of their own, and independent programs as peers.

``@pytest.mark.peer("storescu", …)`` names programs that a test needs. Where one is missing the test
is skipped and says so; with CAUSEWAY_REQUIRE_PEERS=1, as in continuous integration, it fails.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import socket
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# No deadlines: machines are shared, and time is measured in bench/. Where a red test stops others
# from working, examples are the same at each run; new ones are looked for at every desk.
settings.register_profile("desk", deadline=None)
settings.register_profile("shared", deadline=None, derandomize=True)
settings.load_profile("shared" if os.environ.get("CI") else "desk")

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_OUTSIDE = "CAUSEWAY_TESTS_IN_HOST_NETWORK"

own_network = False
"""Whether nobody but this test run is on the network that it sees."""


def pytest_configure(config: pytest.Config) -> None:
    """Enter a network namespace with nothing but loopback, where that is allowed.

    storescp and Orthanc listen on all interfaces and cannot be told otherwise; in there it reaches
    nobody. It has to be done by the first thread before there are others: they inherit it.
    """
    global own_network  # noqa: PLW0603
    if os.environ.get(_OUTSIDE):
        return
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) == 0:
        _raise_loopback()
        own_network = True


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", answer, 16)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))


LISTEN_EVERYWHERE = frozenset({"storescp", "Orthanc"})


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("peer"):
        for program in mark.args:
            if find_peer(program) is None:
                _missing(f"{program} is not installed: make peers, or apt install what has it")
            if program in LISTEN_EVERYWHERE and not own_network:
                _missing(f"{program} listens on all interfaces, and this user may not unshare them")


PARTS = {
    "orthanc-dicomweb": Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so"),
    "oidc-provider": Path(sys.prefix) / "peer-issuer" / "node_modules" / "oidc-provider",
}
"""Peers that are no programs of their own."""


def find_peer(program: str) -> str | None:
    """Where a peer's program is; Debian keeps Orthanc outside of most users' PATH."""
    if program in PARTS:
        return str(PARTS[program]) if PARTS[program].exists() else None
    return shutil.which(program) or shutil.which(
        program, path=f"/usr/sbin:/usr/local/sbin:{sys.prefix}/peers/bin"
    )


def _missing(why: str) -> None:
    if os.environ.get("CAUSEWAY_REQUIRE_PEERS") == "1":
        pytest.fail(f"CAUSEWAY_REQUIRE_PEERS is set, and {why}", pytrace=False)
    pytest.skip(why)
