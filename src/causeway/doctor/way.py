"""The way to a peer: its name, the route, TCP and TLS, each on the shoulders of the one before."""

from __future__ import annotations

import contextlib
import errno
import socket
import ssl
import time
from collections.abc import Iterator
from typing import Final

from causeway.doctor.finding import Finding, failed, ok, skipped, warning
from causeway.errors import StartupError
from causeway.net import Peer
from causeway.net.sockets import dial
from causeway.net.tls import client_context

EXPIRY_DAYS: Final = 30
SLOW_SECONDS: Final = 5.0
"""A name server that takes longer does not answer; another one did."""


def dns(name: str, peer: Peer) -> Iterator[Finding]:
    """Whether the host's name has an address."""
    began = time.monotonic()
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        yield failed(
            name,
            f"dns: {peer.host} has no address",
            "is the name written right, and does this machine's resolver know it? An address "
            "needs no resolver",
        )
        return
    addresses = ", ".join(dict.fromkeys(str(entry[4][0]) for entry in found))
    if time.monotonic() - began > SLOW_SECONDS:
        yield warning(
            name,
            f"dns: {peer.host} is {addresses}, but it took {time.monotonic() - began:.0f} s",
            "one of the name servers does not answer: see /etc/resolv.conf",
        )
    else:
        yield ok(name, f"dns: {peer.host} is {addresses}")


def route(name: str, peer: Peer) -> Iterator[Finding]:
    """From which of our addresses it is reached: what its allowlist has to have."""
    family, _, _, _, address = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(address)  # of a datagram socket: nothing is sent
        except OSError as error:
            yield failed(
                name,
                f"route: no way to {address[0]}: {error.strerror}",
                "is the network, or the tunnel that leads there, up? `ip route get "
                f"{address[0]}` says which way it would go",
            )
            return
        yield ok(name, f"route: it sees us as {probe.getsockname()[0]}")


def tcp(name: str, peer: Peer) -> Iterator[Finding]:
    """Whether something listens at the port."""
    began = time.monotonic()
    try:
        dial(peer.host, peer.port, peer.timeouts.connect_seconds).close()
    except OSError as error:
        if error.errno == errno.ECONNREFUSED:
            said = f"tcp: nothing listens at port {peer.port}, or a firewall says so"
            to_do = "is the node running, and is this its port? 104 and 11112 are usual"
        elif isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
            said = f"tcp: no answer from {peer.host}:{peer.port}"
            to_do = (
                "a firewall drops what we send, the tunnel is down, or the address is nobody's: "
                "ask for this machine's address to be let through"
            )
        else:
            said = f"tcp: {error.strerror or 'no connection'}"
            to_do = "is the node reachable from this machine? `ping` and `ip route get` tell more"
        yield failed(name, said, to_do)
        return
    yield ok(name, f"tcp: connected in {(time.monotonic() - began) * 1000:.0f} ms")


def tls(name: str, peer: Peer) -> Iterator[Finding]:
    """Whether we trust each other, and for how long yet."""
    if peer.tls is None:
        yield skipped(name, "tls: not configured; images cross the network in clear")
        return
    try:
        context = client_context(peer.tls)
    except StartupError as error:
        yield failed(name, f"tls: {error.message}", error.hint)
        return
    server_name = peer.tls.server_name or peer.host
    try:
        connection = dial(
            peer.host,
            peer.port,
            peer.timeouts.connect_seconds,
            tls=context,
            server_name=server_name,
        )
        assert isinstance(connection, ssl.SSLSocket)
        with connection:
            connection.do_handshake()
            # With TLS 1.3 a server looks at our certificate after our side of the handshake is
            # over; its alert comes with the first read.
            connection.settimeout(0.5)
            with contextlib.suppress(TimeoutError):
                connection.recv(1)
            version, left = connection.version(), _days_left(connection)
    except ssl.SSLError as error:
        yield failed(name, *_of_tls(error, server_name))
        return
    except OSError as error:
        yield failed(
            name,
            f"tls: the connection ended during the handshake: {error.strerror or 'closed'}",
            "is TLS spoken at that port? Many nodes have another port for it, such as 2762",
        )
        return
    if left is not None and left < EXPIRY_DAYS:
        yield warning(
            name,
            f"tls: {version}; its certificate expires in {left} days",
            "tell its administrator",
        )
    else:
        yield ok(name, f"tls: {version}, its certificate is trusted")


def _days_left(connection: ssl.SSLSocket) -> int | None:
    facts = connection.getpeercert() or {}
    until = facts.get("notAfter")
    if not isinstance(until, str):
        return None
    return int((ssl.cert_time_to_seconds(until) - time.time()) // 86400)


def _of_tls(error: ssl.SSLError, server_name: str) -> tuple[str, str]:
    """One cause and one remedy. Texts of OpenSSL are known by their parts; codes differ."""
    text = str(error).upper()
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message
        if "expired" in why:
            return (
                "tls: its certificate has expired",
                "its administrator has to renew it; or this machine's clock is wrong",
            )
        if "not yet valid" in why:
            return "tls: its certificate is not valid yet", "is this machine's clock right?"
        if "mismatch" in why or "not valid for" in why:
            return (
                f"tls: its certificate is made out to another name than {server_name}",
                "set `server_name` to a name in its certificate, or have it made out to this one",
            )
        return (
            f"tls: its certificate is not signed by an authority of ours: {why}",
            "put the authority that signed it into the file of `ca`",
        )
    if "CERTIFICATE_REQUIRED" in text or "HANDSHAKE_FAILURE" in text:
        return (
            "tls: it asks for a certificate of ours",
            "set `certificate` and `key` to one that its authority has signed",
        )
    if "UNKNOWN_CA" in text or "BAD_CERTIFICATE" in text or "CERTIFICATE_UNKNOWN" in text:
        return (
            "tls: it does not accept our certificate",
            "its administrator has to trust the authority that signed it",
        )
    if "WRONG_VERSION" in text or "RECORD_LAYER" in text or "HTTP_REQUEST" in text:
        return (
            "tls: what answers there speaks no TLS",
            "is this the port for TLS? Many nodes have another one, such as 2762",
        )
    if "PROTOCOL_VERSION" in text or "UNSUPPORTED_PROTOCOL" in text:
        return (
            "tls: it speaks no version that we accept",
            "TLS 1.2 is the least that DICOM allows: have it updated",
        )
    return f"tls: the handshake failed: {error.reason or 'unknown'}", "its log says why"
