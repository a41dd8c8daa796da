"""TLS over time: last words, what a context remembers, and trust that is taken back."""

from __future__ import annotations

import os
import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import pytest

from causeway.dimse import VERIFICATION
from causeway.errors import PeerError, StartupError
from causeway.net import (
    ClientTls,
    Ending,
    ListenerOptions,
    Patience,
    Peer,
    ServerTls,
    Unreachable,
    associate,
    echo,
    expiries,
)
from causeway.net.tls import RENEW_SECONDS, ServerContext
from causeway.testing.certificates import Issued, TestAuthority
from causeway.testing.listening import AT_ONCE_SECONDS, Listening, wait_for
from causeway.testing.peers import HalfObjectSender, ScriptedClient

KINDS = [(VERIFICATION, "1.2.840.10008.1.2.1")]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
A_ABORT = b"\x07"


class Site:
    """One authority, our certificate, and a scanner's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = TestAuthority(folder)
        self.server = self.authority.issue("server")
        self.scanner = self.authority.issue("scanner")
        self.tls = ServerTls(
            certificate=self.server.certificate,
            key=self.server.key,
            client_ca=self.authority.certificate,
        )

    def listening(
        self, tls: ServerTls | None = None, patience: Patience | None = None
    ) -> Listening:
        listener = ListenerOptions(ae_title="CAUSEWAY", port=0, tls=tls or self.tls)
        return Listening(listeners=[listener], patience=patience)

    def peer(
        self, listening: Listening, shown: Issued | None = None, crl: Path | None = None
    ) -> Peer:
        shown = shown or self.scanner
        tls = ClientTls(
            ca=self.authority.certificate,
            certificate=shown.certificate,
            key=shown.key,
            crl=crl,
        )
        return replace(listening.peer(), tls=tls)

    def context(self, version: ssl.TLSVersion) -> ssl.SSLContext:
        """A client of nobody's making, up to that version."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.certificate)
        context.load_cert_chain(self.scanner.certificate, self.scanner.key)
        context.maximum_version = version
        return context


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def secure(
    client: ScriptedClient, context: ssl.SSLContext, session: ssl.SSLSession | None = None
) -> ssl.SSLSocket:
    secured = context.wrap_socket(client.connection, server_hostname="localhost", session=session)
    client.connection = secured
    return secured


# Last words. OpenSSL takes a socket that is shut down for reading for an attack, and would send
# nothing after it: the peer would learn of a broken connection, and not of an abort.


@pytest.mark.parametrize("version", VERSIONS)
def test_a_stall_is_told_over_tls_too(site: Site, version: ssl.TLSVersion):
    class HalfObjectOverTls(HalfObjectSender):
        def misbehave(self) -> None:
            secure(self, site.context(version))
            super().misbehave()

    with (
        site.listening(patience=Patience(stall_seconds=0.5)) as listening,
        HalfObjectOverTls(listening.port) as half,
    ):
        assert half.connection.recv(100)[:1] == A_ABORT
        listening.statistics(lambda now: now.ended == {Ending.TIMEOUT: 1})
    assert listening.sink.aborted == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_after_the_handshake_the_request_has_to_come(site: Site, version: ssl.TLSVersion):
    """Without a word (PS3.8 AA-2), and without an alert that would say something is wrong."""
    with (
        site.listening(patience=Patience(artim_seconds=0.5)) as listening,
        ScriptedClient(listening.port) as silent,
    ):
        assert secure(silent, site.context(version)).recv(100) == b""
        listening.statistics(lambda now: now.ended == {Ending.TIMEOUT: 1})
    assert listening.events("connection.ended")[0]["expired"] == "artim"


def test_a_stop_is_told_over_tls_too(site: Site):
    with site.listening() as listening:
        idle = associate(site.peer(listening), KINDS)
        listening.stop()
        with pytest.raises(PeerError, match="it aborted"):
            idle.next_event("waiting")


def test_half_a_record_does_not_outlast_patience(site: Site):
    """And the last words are still said: OpenSSL has not seen the end of the stream."""
    with (
        site.listening(patience=Patience(idle_seconds=0.5)) as listening,
        ScriptedClient(listening.port) as client,
    ):
        secured = secure(client, site.context(ssl.TLSVersion.TLSv1_3))
        client.associate()
        with socket.socket(fileno=os.dup(secured.fileno())) as bare:
            bare.sendall(b"\x17\x03\x03\x40\x00" + bytes(10))
            assert secured.recv(100)[:1] == A_ABORT
        listening.statistics(lambda now: now.ended == {Ending.TIMEOUT: 1})


def test_a_probe_of_a_tls_port_is_no_event(site: Site):
    with site.listening() as listening:
        ScriptedClient(listening.port).close()
        listening.statistics(lambda now: now.ended == {Ending.SILENT: 1})
    assert listening.told == []


def test_a_peer_that_vanishes_is_lost(site: Site):
    with site.listening() as listening:
        with ScriptedClient(listening.port) as client:
            secure(client, site.context(ssl.TLSVersion.TLSv1_3))
            client.associate()
        listening.statistics(lambda now: now.ended == {Ending.LOST: 1})
    assert [each.outcome for each in listening.sink.ended] == ["lost"]


# Trust


def test_a_plain_caller_is_closed_at_once_and_the_operator_told(site: Site):
    with site.listening() as listening:
        began = time.monotonic()
        with ScriptedClient(listening.port) as plain:
            plain.connection.sendall(plain.association.associate(plain.request))
            assert plain.closed_by_peer()
        assert time.monotonic() - began < AT_ONCE_SECONDS
        wait_for(lambda: listening.events("connection.ended"))
    (told,) = listening.events("connection.ended")
    assert told["outcome"] == Ending.NO_TLS
    assert told["detail"], "nobody would know why"


def test_the_name_of_an_authority_is_not_enough(site: Site):
    elsewhere = site.folder / "elsewhere"
    elsewhere.mkdir()
    namesake = TestAuthority(elsewhere).issue("scanner")
    with site.listening() as listening:
        with pytest.raises(PeerError):
            echo(site.peer(listening, namesake))
        listening.statistics(lambda now: now.ended == {Ending.NO_TLS: 1})


def test_an_authority_can_be_taken_back(site: Site):
    trusted = site.folder / "trusted.pem"
    other = TestAuthority(site.folder, "other")
    scanner = other.issue("scanner")
    ours = site.authority.certificate.read_bytes()
    trusted.write_bytes(ours + other.certificate.read_bytes())
    with site.listening(replace(site.tls, client_ca=trusted)) as listening:
        assert echo(site.peer(listening, scanner)) == 0
        trusted.write_bytes(ours)
        listening.door.refresh()
        wait_for(lambda: listening.events("tls.renewed"))
        with pytest.raises(PeerError):
            echo(site.peer(listening, scanner))
        assert echo(site.peer(listening)) == 0


def test_who_is_revoked_finishes_and_does_not_come_back(site: Site):
    crl = site.authority.write_crl()
    with site.listening(replace(site.tls, crl=crl)) as listening:
        before = associate(site.peer(listening), KINDS)
        site.authority.revoke(site.scanner)
        site.authority.write_crl()
        listening.door.refresh()
        wait_for(lambda: listening.events("tls.renewed"))
        with pytest.raises(PeerError):
            echo(site.peer(listening))
        assert before.echo() == 0
        before.release()


def test_a_revoked_server_is_not_believed(site: Site):
    site.authority.revoke(site.server)
    crl = site.authority.write_crl()
    with site.listening() as listening:
        assert echo(site.peer(listening)) == 0
        with pytest.raises(Unreachable, match="revoked"):
            echo(site.peer(listening, crl=crl))


def test_every_list_of_a_file_is_looked_at(site: Site):
    crl = site.authority.write_crl().read_bytes()
    two = site.folder / "two.crl"
    two.write_bytes(b"# ours\n" + crl + b"# again\n" + crl)
    found = [each.what for each in expiries(replace(site.tls, crl=two))]
    assert found.count("revocation list") == 2


# The life of a context


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_outlives_its_context(site: Site, version: ssl.TLSVersion):
    """TLS 1.3 resumes nothing. TLS 1.2 does from the context's own memory, so that has to go."""
    context = site.context(version)
    with site.listening() as listening, ScriptedClient(listening.port) as first:
        session = secure(first, context).session
        first.associate()
        if version is ssl.TLSVersion.TLSv1_3:
            with ScriptedClient(listening.port) as second:
                assert not secure(second, context, session).session_reused
        listening.door.refresh()
        wait_for(lambda: listening.events("tls.renewed"))
        with ScriptedClient(listening.port) as third:
            assert not secure(third, context, session).session_reused


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_context_does_not_live_long(site: Site):
    clock = Clock()
    context = ServerContext(site.tls, clock=clock)
    first = context.current
    clock.now += RENEW_SECONDS - 1
    assert not context.refresh()
    assert context.current is first
    clock.now += 1
    assert not context.refresh(), "nothing changed that anybody need be told"
    assert context.current is not first


def test_files_that_do_not_fit_are_tried_and_told_again(site: Site):
    clock = Clock()
    context = ServerContext(site.tls, clock=clock)
    first = context.current
    fitting = site.server.key.read_bytes()
    site.server.key.write_bytes(b"half a k")
    with pytest.raises(StartupError, match="key"):
        context.refresh()
    assert not context.refresh()
    clock.now += RENEW_SECONDS
    with pytest.raises(StartupError):
        context.refresh()
    assert context.current is first
    site.server.key.write_bytes(fitting)
    assert context.refresh()
    assert context.current is not first


def test_a_change_of_any_file_is_seen(site: Site):
    crl = site.authority.write_crl()
    context = ServerContext(replace(site.tls, crl=crl))
    for path in (site.server.certificate, site.server.key, site.authority.certificate, crl):
        first = context.current
        path.write_bytes(path.read_bytes() + b"\n")
        assert context.refresh()
        assert context.current is not first
        assert not context.refresh()


def test_a_file_with_the_time_and_size_of_the_old_one_is_seen(site: Site):
    """A certificate that is written over in place by a tool which then sets the time back."""
    context = ServerContext(site.tls)
    path = site.server.certificate
    status = path.stat()
    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert context.refresh()


def test_a_file_that_became_readable_is_seen(site: Site):
    """A change of mode moves no time of modification."""
    context = ServerContext(site.tls)
    site.server.key.chmod(0o640)
    assert context.refresh()
