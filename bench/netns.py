"""A network of our own: only loopback, and nobody else on it.

DCMTK's ``storescp`` and Orthanc listen on all interfaces and cannot be told otherwise. So the bench
starts itself again inside a network namespace where that reaches nobody. Root may make one; others
may where user namespaces are allowed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

_INSIDE = "CAUSEWAY_BENCH_INSIDE"
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1


def enter() -> bool:
    """Start the program again inside; True in the one that is, False where that is not allowed."""
    if os.environ.get(_INSIDE):
        _raise_loopback()
        return True
    unshare = shutil.which("unshare")
    for options in (["--net"], ["--net", "--map-root-user"]):
        if (
            unshare
            and subprocess.run([unshare, *options, "true"], capture_output=True).returncode == 0
        ):
            os.environ[_INSIDE] = "1"
            command = [unshare, *options, sys.executable, "-m", "bench", *sys.argv[1:]]
            os.execv(unshare, command)
    return False


def _raise_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(sock, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", answer, 16)
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
