"""What one running connector claims of the machine before anything else starts.

Its data folder and its ports. Each refusal says who or what is in the way, and what to do.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from causeway.errors import StartupError

BACKLOG = 512
"""Connections that may wait to be accepted; bounded by net.core.somaxconn as well."""


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Hold the lock of a data folder, which is made if it is missing.

    Raises StartupError when another process holds it, or the folder allows no writing.
    """
    try:
        data_dir.mkdir(mode=0o750, parents=False, exist_ok=True)
        fd = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise StartupError(
            f"cannot use data_dir {data_dir}: {os.strerror(error.errno or 0)}",
            hint="give the user that runs causeway the right to write there, or choose another "
            "data_dir",
        ) from error
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip()
            raise StartupError(
                f"data_dir {data_dir} is in use by another causeway"
                + (f" (process {holder})" if holder else ""),
                hint="stop that one first, or give this one a data_dir of its own",
            ) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, b"%d\n" % os.getpid(), 0)
        yield
    finally:
        os.close(fd)


def bind(host: str, port: int) -> socket.socket:
    """A listening TCP socket, accepting nothing yet. Raises StartupError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family is socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listening.bind((host, port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise _refused(host, port, error) from error
    return listening


def bind_all(addresses: Sequence[tuple[str, int]]) -> list[socket.socket]:
    """One listening socket for each address; none is left open if one of them fails."""
    sockets: list[socket.socket] = []
    try:
        for host, port in addresses:
            sockets.append(bind(host, port))
    except StartupError:
        for each in sockets:
            each.close()
        raise
    return sockets


def _refused(host: str, port: int, error: OSError) -> StartupError:
    where = f"cannot listen on {host} port {port}"
    match error.errno:
        case errno.EADDRINUSE:
            return StartupError(
                f"{where}: another program has the port",
                hint="`ss -ltnp` shows which one; stop it, or set another `port`",
            )
        case errno.EACCES | errno.EPERM:
            return StartupError(
                f"{where}: no right to use a port below 1024",
                hint="set a `port` of 1024 or more, such as 11112, or grant CAP_NET_BIND_SERVICE",
            )
        case errno.EADDRNOTAVAIL:
            return StartupError(
                f"{where}: this machine has no such address",
                hint="`ip address` lists them; 0.0.0.0 listens on all",
            )
        case _:
            return StartupError(f"{where}: {os.strerror(error.errno or 0)}")
