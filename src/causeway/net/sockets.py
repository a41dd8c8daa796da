"""Options that every DICOM socket of ours has; the one place that listens and the one that dials.

No name is ever looked up for an address: a resolver that does not answer costs a receiver 25
seconds for each association (seen with DCMTK's ``storescp``).
"""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
from collections.abc import Sequence

from causeway.errors import StartupError
from causeway.net.options import ListenerOptions

KEEPALIVE_IDLE_SECONDS = 60
KEEPALIVE_INTERVAL_SECONDS = 10
KEEPALIVE_PROBES = 6
"""A peer whose cable was pulled is known to be gone after two minutes, whatever the idle timer
says.
"""

UNACKNOWLEDGED_SECONDS = 120
"""What a peer's kernel has not acknowledged for so long, it never will: the connection ends. Covers
the case that no other timer sees, a peer that neither takes our answer nor closes.
"""


def prepare(connection: socket.socket) -> None:
    """Set what is ours to set.

    TCP_NODELAY: DIMSE is a conversation of small answers; with Nagle's algorithm and delayed
    acknowledgements each C-STORE waits 40 ms (measured: 10 MB/s instead of 310).
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    connection.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED_SECONDS * 1000
    )


def acknowledge_at_once(connection: socket.socket) -> None:
    """Have the kernel acknowledge what comes next without delay; for after each send, which ends
    it.

    A peer that leaves Nagle's algorithm on (DCMTK does by default, and many devices are built on
    it) keeps the last piece of each message back until the piece before is acknowledged, and a
    kernel that has just sent something takes 40 ms over that, in the hope of something to send
    along. Measured with ``storescu`` as it is installed: 54 CT images a second without this, 800
    with it. Its price is one system call for each answer.
    """
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def dial(
    host: str,
    port: int,
    timeout_seconds: float,
    *,
    tls: ssl.SSLContext | None = None,
    server_name: str = "",
) -> socket.socket:
    """Connect; raises OSError, and ValueError for a name that cannot be one. Every outgoing DICOM
    connection starts here.

    With ``tls`` it is an ``SSLSocket`` whose handshake is still to be done. It is one before it is
    connected: when the peer resets a connection just before ``wrap_socket`` looks at it, that
    raises, and a socket stays open that nobody can name any more (seen with Python 3.11).
    """
    if tls is not None and server_name:
        server_name.encode("idna")  # raises here, while there is no socket
    failed: OSError = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        connection = socket.socket(family, kind, protocol)
        if tls is not None:
            connection = tls.wrap_socket(
                connection, server_hostname=server_name or None, do_handshake_on_connect=False
            )
        try:
            connection.settimeout(timeout_seconds)
            connection.connect(address)
            prepare(connection)
        except OSError as error:
            connection.close()
            failed = error
        except BaseException:
            connection.close()
            raise
        else:
            return connection
    raise failed


def listen(listeners: Sequence[ListenerOptions], backlog: int) -> list[socket.socket]:
    """Bind all, or raise StartupError and none stays bound. The sockets do not block."""
    with contextlib.ExitStack() as bound:
        sockets = [bound.enter_context(_bind(each)) for each in listeners]
        for each in sockets:
            each.listen(backlog)
            each.setblocking(False)
        bound.pop_all()
    return sockets


def _bind(listener: ListenerOptions) -> socket.socket:
    place = f"{listener.host}:{listener.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            listener.host, listener.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise StartupError(
            f"listener {listener.ae_title}: {place} is no address: {error.strerror}",
            hint="host is an IP address of this machine, or 0.0.0.0 or :: for all of them",
        ) from error
    try:
        # The port of a connector that was restarted is still in TIME_WAIT.
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # "::" means every address; a particular IPv6 address is what it says.
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, listener.host != "::")
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise StartupError(
            f"listener {listener.ae_title}: cannot listen on {place}: {error.strerror}",
            hint=_HINTS.get(error.errno or 0, ""),
        ) from error
    return bound


_HINTS = {
    errno.EADDRINUSE: "another program has the port; `ss -ltnp` shows which",
    errno.EADDRNOTAVAIL: "this machine does not have that address; `ip address` shows which it has",
    errno.EACCES: "ports below 1024 need CAP_NET_BIND_SERVICE, or a higher port",
}
