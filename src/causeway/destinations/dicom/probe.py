"""``causeway destinations test``: is the node there, is it the right one, does it know us?

One step after another, as the connection itself has them, so that the one which fails says where to
look. Nothing is stored: C-ECHO is what DICOM has for this, and what it takes in the end depends on
the objects.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator

from causeway.destinations.contract import Step
from causeway.destinations.dicom.asking import FIND_KINDS, STUDY_ROOT_FIND
from causeway.destinations.dicom.sending import explained
from causeway.destinations.dicom.settings import Commitment, DicomSettings
from causeway.dimse import STORAGE_COMMITMENT_PUSH, VERIFICATION
from causeway.errors import CausewayError, PeerError, StartupError
from causeway.net import VERIFICATION_KINDS, ClientAssociation, Peer, associate
from causeway.net.committing import COMMITMENT_KINDS
from causeway.net.tls import client_context
from causeway.net.wire import cause_of


def probe(settings: DicomSettings) -> Iterator[Step]:
    """Ends after a step that failed."""
    peer = settings.peer
    for step in (*_reach(peer),):
        yield step
        if not step.ok:
            return
    kinds = [*VERIFICATION_KINDS]
    if settings.commitment is not Commitment.OFF:
        kinds += COMMITMENT_KINDS
    if settings.query:
        kinds += FIND_KINDS
    try:
        association = associate(peer, kinds)
    except PeerError as error:
        told = explained(error, settings.name, peer.calling_ae, opening=True)
        assert isinstance(told, CausewayError)
        yield Step(name="association", ok=False, text=error.message, hint=told.hint)
        return
    with association:
        yield Step(
            name="association", ok=True,
            text=f"{peer.called_ae} accepts associations from {peer.calling_ae}",
        )  # fmt: skip
        yield from _ask(settings, association)


def _ask(settings: DicomSettings, association: ClientAssociation) -> Iterator[Step]:
    offered = {each.abstract_syntax for each in association.contexts.values()}
    if VERIFICATION in offered:
        try:
            status = association.echo()
        except PeerError as error:
            yield Step(name="echo", ok=False, text=error.message, hint=error.hint)
            return
        if status:
            yield Step(name="echo", ok=False, text=f"C-ECHO answered 0x{status:04X}")
            return
        yield Step(name="echo", ok=True, text="C-ECHO answered success")
    else:
        yield Step(name="echo", ok=True, text="the node offers no C-ECHO, which is its right")
    if settings.commitment is not Commitment.OFF:
        yield _commitment(settings.commitment, offers=STORAGE_COMMITMENT_PUSH in offered)
    if settings.query:
        yield Step(
            name="query", ok=True,
            text="C-FIND is offered, and can tell whether images are there"
            if STUDY_ROOT_FIND in offered
            else "C-FIND is not offered",
        )  # fmt: skip


def _commitment(wanted: Commitment, *, offers: bool) -> Step:
    if offers:
        return Step(name="commitment", ok=True, text="storage commitment is offered")
    if wanted is Commitment.AUTO:
        return Step(name="commitment", ok=True, text="storage commitment is not offered")
    return Step(
        name="commitment", ok=False, text="storage commitment is required, and not offered",
        hint='let the node offer it to us, or set commitment = "auto"',
    )  # fmt: skip


def _reach(peer: Peer) -> Iterator[Step]:
    """Name, connection, encryption: each by itself, as who just connects cannot say which."""
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        yield Step(
            name="dns", ok=False, text=f"{peer.host} has no address: {cause_of(error)}",
            hint="is the name right? `getent hosts NAME` asks as this does",
        )  # fmt: skip
        return
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    yield Step(name="dns", ok=True, text=f"{peer.host} is {', '.join(addresses)}")
    try:
        connection = socket.create_connection(
            (peer.host, peer.port), timeout=peer.timeouts.connect_seconds
        )
    except OSError as error:
        yield Step(
            name="tcp", ok=False, text=f"no connection to port {peer.port}: {cause_of(error)}",
            hint="is it running, and does a firewall allow this address and port?",
        )  # fmt: skip
        return
    with connection:
        yield Step(name="tcp", ok=True, text=f"port {peer.port} is open")
        if peer.tls is not None:
            yield _secured(peer, connection)


def _secured(peer: Peer, connection: socket.socket) -> Step:
    assert peer.tls is not None
    try:
        context = client_context(peer.tls)
    except StartupError as error:
        return Step(name="tls", ok=False, text=error.message, hint=error.hint)
    try:
        with context.wrap_socket(
            connection, server_hostname=peer.tls.server_name or peer.host
        ) as secured:
            version = secured.version() or "TLS"
            with contextlib.suppress(OSError):
                secured.shutdown(socket.SHUT_RDWR)
    except ssl.SSLCertVerificationError as error:
        return Step(
            name="tls", ok=False, text=f"its certificate is not accepted: {error.verify_message}",
            hint="it must be signed by the CA of `ca`, be valid today, and carry the name that is "
            "called; `server_name` says another one",
        )  # fmt: skip
    except (OSError, ValueError) as error:
        return Step(
            name="tls", ok=False, text=f"no TLS connection: {cause_of(error)}",
            hint="is TLS spoken at that port, and does the node trust the CA of our certificate?",
        )  # fmt: skip
    return Step(name="tls", ok=True, text=f"{version}, and its certificate is accepted")
