"""A node, from its name to its images: each step stands on the one before, so the first that fails
is the cause, and what comes after it is not asked.

Two steps are there for one signature each. A small request for an association and then a large one:
where the first is answered and the second is not, packets of full size are lost on the way (a
tunnel with a smaller MTU, and ICMP that a firewall drops), and everything else looks well. And a
C-MOVE of a study that nobody has: it moves nothing, and a node that does not know our AE title says
so.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Protocol

from causeway.attributes import tag_of
from causeway.dimse import MoveStatus, Status
from causeway.doctor.finding import Finding, failed, ok, skipped, warning
from causeway.errors import CausewayError, PeerError, StartupError
from causeway.net import (
    AssociationLost,
    AssociationRejected,
    NotNegotiated,
    Peer,
    Timeouts,
    associate,
    move,
)
from causeway.net.client import VERIFICATION_KINDS
from causeway.net.outgoing import Kind
from causeway.net.sockets import dial
from causeway.net.tls import client_context
from causeway.pull.classes import MOST_CONTEXTS, SYNTAXES
from causeway.pull.contract import Level, Node, Query, QueryRefused
from causeway.pull.diagnosis import diagnosed, unreachable
from causeway.pull.identifiers import LEVEL, encode_identifier
from causeway.pull.plan import DimsePlan, NodePlan, Root, Way, WebPlan

PATIENCE: Final = Timeouts(
    connect_seconds=8, associate_seconds=12, response_seconds=20, release_seconds=3
)
EXPIRY_DAYS: Final = 30
SLOW_SECONDS: Final = 5.0
"""An association that takes longer waits for something; mostly for a name server."""
_STORAGE: Final = tuple(
    f"1.2.840.10008.5.1.4.1.1.{each}" for each in ("2", "4", "1", "7", "20", "128", "6.1", "481.3")
)
_MOVE: Final = {
    Root.STUDY: "1.2.840.10008.5.1.4.1.2.2.2",
    Root.PATIENT: "1.2.840.10008.5.1.4.1.2.1.2",
}
_STUDY_INSTANCE_UID: Final = tag_of("StudyInstanceUID")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrievals:
    """How the service fares with a node, as the ledger has it."""

    failing: str = ""
    """What the last retrieval failed with; empty if it did not."""


class MakeNode(Protocol):
    """Who can be asked questions of this plan."""

    def __call__(self, plan: NodePlan) -> Node: ...


def node_findings(
    plan: NodePlan, make: MakeNode, retrievals: Retrievals, *, today: dt.date
) -> Iterator[Finding]:
    """All that can be found out of it without moving an image."""
    name = f"node {plan.name}"
    if isinstance(plan, WebPlan):
        yield from _web(name, plan, make, today)
        return
    assert isinstance(plan, DimsePlan)
    plan = replace(plan, peer=replace(plan.peer, timeouts=PATIENCE))
    steps: tuple[Callable[[], Iterator[Finding]], ...] = (
        lambda: dns(name, plan.peer),
        lambda: route(name, plan.peer),
        lambda: tcp(name, plan.peer),
        lambda: tls(name, plan.peer),
        lambda: small_association(name, plan),
        lambda: large_association(name, plan),
        lambda: _find(name, plan, make, today),
        lambda: _move(name, plan, retrievals),
    )
    for step in steps:
        stopped = False
        for finding in step():
            yield finding
            stopped = finding.outcome == "failed"
        if stopped:
            return


# --- the way there --------------------------------------------------------------------------------


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
        dial(peer.host, peer.port, PATIENCE.connect_seconds).close()
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
            peer.host, peer.port, PATIENCE.connect_seconds, tls=context, server_name=server_name
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


# --- DICOM ----------------------------------------------------------------------------------------


def small_association(name: str, plan: DimsePlan) -> Iterator[Finding]:
    """Whether it takes us, and answers C-ECHO."""
    began = time.monotonic()
    try:
        with associate(plan.peer, VERIFICATION_KINDS) as association:
            taken = time.monotonic() - began
            try:
                status = association.echo()
            except NotNegotiated:
                status = None
    except AssociationRejected as error:
        said = unreachable(error, plan)
        yield failed(name, f"association: {said.text}", said.hint)
        return
    except AssociationLost:
        if plan.peer.tls is None:
            hint = "does it speak TLS at this port? Then `tls` has to be set; else its log says why"
        else:
            hint = "its log says why; some end the connection of callers that they do not know"
        yield failed(name, "association: it did not answer a small request for one", hint)
        return
    except PeerError as error:
        yield failed(name, f"association: {error.message}", error.hint)
        return
    if taken > SLOW_SECONDS:
        yield warning(
            name,
            f"association: accepted, after {taken:.0f} s",
            "it probably looks up a name for our address and finds none: have its administrator "
            "switch that off (DCMTK: -dhl), or enter this machine in its name server",
        )
    else:
        yield ok(name, f"association: accepted in {taken * 1000:.0f} ms")
    if status is None:
        yield warning(name, "echo: it offers no C-ECHO", "most nodes do; others do without")
    elif status != Status.SUCCESS:
        yield failed(name, f"echo: status {status:04X}", "its log says what that means")
    else:
        yield ok(name, "echo: answered")


def large_kinds() -> list[Kind]:
    """Contexts whose request fills several packets of any network."""
    kinds = [(storage, syntax) for storage in _STORAGE for syntax in SYNTAXES]
    return kinds[:MOST_CONTEXTS]


def large_association(name: str, plan: DimsePlan) -> Iterator[Finding]:
    """Whether packets of full size arrive: "echo works, association times out" is an MTU."""
    try:
        with associate(plan.peer, large_kinds()):
            pass
    except AssociationRejected:
        # Many reject what they have no service for; the packets have arrived all the same.
        pass
    except PeerError:
        yield failed(
            name,
            "association: a small request is answered, a large one is not",
            "packets of full size are lost on the way: lower the MTU of the tunnel or clamp its "
            'MSS (nft: `tcp option maxseg size set rt mtu`), or let ICMP "fragmentation needed" '
            "through; `sysctl net.ipv4.tcp_mtu_probing=1` helps meanwhile",
        )
        return
    yield ok(name, "association: a large request is answered as well, so the MTU is right")


def _find(name: str, plan: NodePlan, make: MakeNode, today: dt.date) -> Iterator[Finding]:
    """Whether it answers a question."""
    query = Query(
        level=Level.STUDY,
        keys={tag_of("StudyDate"): today.strftime("%Y%m%d"), _STUDY_INSTANCE_UID: ""},
    )
    try:
        with make(plan).session() as session:
            count = sum(1 for _ in session.find(query))
    except QueryRefused as error:
        yield failed(name, f"find: {error.message}", error.hint)
    except CausewayError as error:
        yield failed(name, f"find: {error.message}", error.hint)
    else:
        yield ok(name, f"find: answered; {count} studies of today")


def _move(name: str, plan: DimsePlan, retrievals: Retrievals) -> Iterator[Finding]:
    """Whether it would send to us."""
    if plan.way is Way.GET:
        yield skipped(name, 'move: not used (retrieve = "get")')
        return
    if not plan.move_destination:
        yield skipped(name, "move: there is no listener of ours that it could send to")
        return
    model = _MOVE[plan.root]
    try:
        with associate(plan.peer, [(model, syntax) for syntax in SYNTAXES[:2]]) as association:
            syntax = association.context(model).transfer_syntax
            nobodys = f"2.25.{secrets.randbits(120)}"
            keys = {LEVEL: Level.STUDY.value, _STUDY_INSTANCE_UID: nobodys}
            operation = move(
                association, model, encode_identifier(keys, syntax), syntax,
                destination=plan.move_destination,
            )  # fmt: skip
            status = [answer.status for answer in operation][-1]
    except NotNegotiated:
        if plan.way is Way.AUTO:
            yield skipped(name, "move: it offers none; C-GET is used")
        else:
            yield failed(
                name, "move: it offers no C-MOVE", 'use C-GET (retrieve = "get") if it has that'
            )
        return
    except PeerError as error:
        yield failed(name, f"move: {error.message}", error.hint)
        return
    said = diagnosed(status, plan)
    if status == MoveStatus.MOVE_DESTINATION_UNKNOWN:
        yield failed(name, f"move: {said.text}", said.hint)
    elif retrievals.failing:
        yield warning(
            name,
            f"move: it knows {plan.move_destination}, but the last retrieval failed: "
            f"{retrievals.failing}",
            "the address or port that it has for us is probably wrong, or a firewall is between: "
            f"have its administrator send a C-ECHO to {plan.move_destination}",
        )
    else:
        yield ok(name, f"move: it knows {plan.move_destination}")


def _web(name: str, plan: WebPlan, make: MakeNode, today: dt.date) -> Iterator[Finding]:
    yield from _find(name, plan, make, today)
