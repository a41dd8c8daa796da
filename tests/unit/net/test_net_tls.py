"""TLS: who is let in, what is renewed, what is told; the listener and our client on both ends."""

from __future__ import annotations

import gc
import select
import shutil
import socket
import ssl
import struct
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from causeway.dimse import VERIFICATION
from causeway.errors import PeerError, StartupError
from causeway.net import (
    AssociationRejected,
    ClientTls,
    Ending,
    ListenerOptions,
    Outgoing,
    Patience,
    Peer,
    Profile,
    Refusal,
    ServerTls,
    SourceRule,
    Unreachable,
    associate,
    echo,
    expiries,
    send,
)
from causeway.net.tls import ServerContext, client_context, server_context
from causeway.testing.certificates import Issued, TestAuthority
from causeway.testing.listening import Listening, wait_for
from causeway.testing.peers import CT_IMAGE_STORAGE, GarbageSender, HttpClient, SilentClient

EXPLICIT = "1.2.840.10008.1.2.1"


class Site:
    """An authority, a server's certificate and a scanner's, and the options that name them."""

    def __init__(self, folder: Path) -> None:
        self.authority = TestAuthority(folder)
        self.server = self.authority.issue("server")
        self.scanner = self.authority.issue("scanner", usages=["client"])
        self.crl = self.authority.write_crl()

    def listener(self, **options: object) -> ListenerOptions:
        return ListenerOptions(ae_title="CAUSEWAY", port=0, tls=self.tls(**options))

    def tls(self, **options: object) -> ServerTls:
        chosen: dict[str, object] = {
            "certificate": self.server.certificate,
            "key": self.server.key,
            "client_ca": self.authority.certificate,
            **options,
        }
        return ServerTls(**chosen)  # type: ignore[arg-type]

    def client(self, shown: Issued | None = None, **options: object) -> ClientTls:
        chosen: dict[str, object] = {"ca": self.authority.certificate, **options}
        if shown is not None:
            chosen |= {"certificate": shown.certificate, "key": shown.key}
        return ClientTls(**chosen)  # type: ignore[arg-type]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def calling(listening: Listening, tls: ClientTls | None, host: str = "localhost") -> Peer:
    return Peer(
        host=host,
        port=listening.port,
        called_ae="CAUSEWAY",
        calling_ae="TEST",
        tls=tls,
        timeouts=listening.peer().timeouts,
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("profile", list(Profile))
def test_objects_cross_over_mutual_tls(site: Site, version: ssl.TLSVersion, profile: Profile):
    listener = site.listener(crl=site.crl, profile=profile)
    one = Outgoing(
        sop_class_uid=CT_IMAGE_STORAGE,
        sop_instance_uid="1.2.3",
        transfer_syntax_uid=EXPLICIT,
        data=bytes(range(256)) * 8192,
    )
    with Listening(listeners=[listener]) as listening:
        tls = site.client(site.scanner, profile=profile, minimum_version=version)
        results = list(send(calling(listening, tls), [one, one]))
        assert [each.status for each in results] == [0, 0]
        assert [each.data for each in listening.sink.kept] == [one.data, one.data]
        caller = listening.sink.kept[0].caller
        assert caller.certificate == site.scanner.fingerprint
        wait_for(lambda: listening.sink.ended)
        assert listening.sink.ended[0].outcome == "released"


def test_a_connection_that_is_reset_before_the_handshake_leaves_no_socket(
    site: Site, monkeypatch: pytest.MonkeyPatch
):
    def until_reset(connection: socket.socket) -> None:
        waiting = select.poll()
        waiting.register(connection, select.POLLIN)
        assert waiting.poll(10_000)

    def reset_one() -> None:
        connection, _ = listener.accept()
        with connection:  # without lingering, closing is a reset
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    # Our client is as late with the handshake as a busy machine makes it now and then.
    monkeypatch.setattr("causeway.net.sockets.prepare", until_reset)
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        ThreadPoolExecutor(1) as pool,
        warnings.catch_warnings(record=True) as told,
    ):
        warnings.simplefilter("always")
        pool.submit(reset_one)
        to = Peer(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            called_ae="CAUSEWAY",
            calling_ae="TEST",
            tls=site.client(site.scanner),
        )
        with pytest.raises(Unreachable):
            echo(to)
        gc.collect()
    assert [str(each.message) for each in told] == []


@pytest.mark.parametrize("name", ["..", "x" * 70 + ".example", ".example"])
def test_a_name_that_cannot_be_one_is_an_error_of_the_peer(site: Site, name: str):
    tls = site.client(site.scanner, server_name=name)
    with Listening() as listening, pytest.raises(Unreachable, match="cannot be reached"):
        echo(calling(listening, tls))
    with Listening() as listening, pytest.raises(Unreachable, match="cannot be reached"):
        echo(calling(listening, None, host=name))


@pytest.fixture
def refused(site: Site, tmp_path: Path) -> dict[str, Issued | None]:
    """Certificates that are not to be let in."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    revoked = site.authority.issue("revoked")
    site.authority.revoke(revoked)
    site.authority.write_crl()
    return {
        "none": None,
        "expired": site.authority.issue("expired", expired=True),
        "revoked": revoked,
        "foreign": TestAuthority(elsewhere, "foreign").issue("foreign"),
        "servers only": site.authority.issue("servers-only", usages=["server"]),
    }


_WHY = {
    "none": "PEER_DID_NOT_RETURN_A_CERTIFICATE",
    "expired": "certificate has expired",
    "revoked": "certificate revoked",
    "foreign": "unable to get local issuer certificate",
    "servers only": "unsuitable certificate purpose",
}


@pytest.mark.parametrize("which", list(_WHY))
def test_a_client_that_is_not_trusted_gets_nowhere(
    site: Site, refused: dict[str, Issued | None], which: str
):
    with Listening(listeners=[site.listener(crl=site.crl)]) as listening:
        with pytest.raises(PeerError):
            echo(calling(listening, site.client(refused[which])))
        assert echo(calling(listening, site.client(site.scanner))) == 0
        listening.statistics(lambda now: now.ended.get(Ending.NO_TLS) == 1)
        told = listening.events("connection.ended")
        assert told[0]["outcome"] == Ending.NO_TLS
        assert told[0]["detail"] == _WHY[which]
    assert len(listening.sink.ended) == 1


def test_without_a_client_ca_nobody_is_asked(site: Site):
    with Listening(listeners=[site.listener(client_ca=None)]) as listening:
        assert echo(calling(listening, site.client())) == 0
        wait_for(lambda: listening.sink.ended)
        assert listening.sink.ended[0].caller.certificate == ""


def test_an_expired_revocation_list_lets_nobody_in(site: Site):
    crl = site.authority.write_crl(expired=True)
    with (
        Listening(listeners=[site.listener(crl=crl)]) as listening,
        pytest.raises(PeerError),
    ):
        echo(calling(listening, site.client(site.scanner)))


def test_certificate_title_and_address_are_bound_together(site: Site):
    other = site.authority.issue("other")
    source = SourceRule(
        name="ct1",
        ae_title="TEST",
        networks=(ip_network("127.0.0.0/8"),),
        certificate=site.scanner.fingerprint,
    )
    with Listening(sources=[source], listeners=[site.listener()]) as listening:
        assert echo(calling(listening, site.client(site.scanner))) == 0
        with pytest.raises(AssociationRejected) as caught:
            echo(calling(listening, site.client(other)))
        assert (caught.value.result, caught.value.reason) == (1, 3)
        listening.statistics(lambda now: now.all_refused == {Refusal.CERTIFICATE: 1})


def test_an_unlisted_address_is_closed_before_any_handshake(site: Site):
    elsewhere = SourceRule(name="far", networks=(ip_network("192.0.2.0/24"),))
    with Listening(sources=[elsewhere], listeners=[site.listener()]) as listening:
        with pytest.raises(Unreachable):
            echo(calling(listening, site.client(site.scanner)))
        now = listening.door.statistics()
        assert now.refused == {Refusal.ADDRESS: 1}
        assert now.unanswered == 1
        assert now.handed_over == 0


@pytest.mark.parametrize("peer", [HttpClient, GarbageSender])
def test_what_is_no_tls_is_closed(site: Site, peer: type[HttpClient]):
    with Listening(listeners=[site.listener()]) as listening, peer(listening.port) as misbehaving:
        assert misbehaving.closed_by_peer()


def test_handshakes_that_never_begin_block_nobody(site: Site):
    with Listening(listeners=[site.listener()]) as listening:
        crowd = [SilentClient(listening.port) for _ in range(50)]
        assert echo(calling(listening, site.client(site.scanner))) == 0
        now = listening.statistics(lambda now: now.ended.get(Ending.RELEASED) == 1)
        assert set(now.ended) == {Ending.RELEASED}, "it came first"
        for each in crowd:
            each.close()


def test_handshakes_that_never_begin_end(site: Site):
    patience = Patience(handshake_seconds=1)
    with Listening(listeners=[site.listener()], patience=patience) as listening:
        crowd = [SilentClient(listening.port) for _ in range(50)]
        assert all(each.closed_by_peer() for each in crowd)
        for each in crowd:
            each.close()
        listening.statistics(lambda now: now.ended.get(Ending.TIMEOUT) == 50)


def test_tls_1_1_is_not_spoken(site: Site):
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname = False
    old.verify_mode = ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        Listening(listeners=[site.listener(client_ca=None)]) as listening,
        socket.create_connection(("127.0.0.1", listening.port)) as connection,
        pytest.raises(ssl.SSLError),
    ):
        old.wrap_socket(connection)


def test_no_session_of_tls_1_3_can_be_resumed(site: Site):
    """Of TLS 1.2 there is more to say: see ``test_net_tls_life``."""
    context = client_context(site.client(site.scanner))
    with Listening(listeners=[site.listener()]) as listening:
        address = ("127.0.0.1", listening.port)
        with (
            socket.create_connection(address) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as first,
        ):
            assert first.version() == "TLSv1.3"
            first.settimeout(0.3)
            with pytest.raises(TimeoutError):
                first.recv(1)  # a ticket would come now
            session = first.session
        with (
            socket.create_connection(address) as plain,
            context.wrap_socket(plain, server_hostname="localhost", session=session) as second,
        ):
            assert not second.session_reused


# Renewal


def test_a_renewed_certificate_serves_new_handshakes_and_old_connections_go_on(site: Site):
    with Listening(listeners=[site.listener()]) as listening:
        peer = calling(listening, site.client(site.scanner))
        with associate(peer, [(VERIFICATION, EXPLICIT)]) as before:
            renewed = site.authority.issue("renewed")
            shutil.copy(renewed.certificate, site.server.certificate)
            shutil.copy(renewed.key, site.server.key)
            listening.door.refresh()
            wait_for(lambda: listening.events("tls.renewed"))
            assert before.echo() == 0
            context = client_context(site.client(site.scanner))
            with (
                socket.create_connection(("127.0.0.1", listening.port)) as plain,
                context.wrap_socket(plain, server_hostname="localhost") as fresh,
            ):
                shown = fresh.getpeercert()
        assert shown is not None
        assert int(str(shown["serialNumber"]), 16) == renewed.serial


def test_a_revocation_counts_for_new_handshakes(site: Site):
    with Listening(listeners=[site.listener(crl=site.crl)]) as listening:
        peer = calling(listening, site.client(site.scanner))
        assert echo(peer) == 0
        site.authority.revoke(site.scanner)
        site.authority.write_crl()
        listening.door.refresh()
        wait_for(lambda: listening.events("tls.renewed"))
        with pytest.raises(PeerError):
            echo(peer)


def test_files_that_do_not_fit_leave_the_old_ones_in_use(site: Site):
    with Listening(listeners=[site.listener()]) as listening:
        site.server.certificate.write_text("half a certif")
        listening.door.refresh()
        wait_for(lambda: listening.events("tls.renewal_failed"))
        assert echo(calling(listening, site.client(site.scanner))) == 0


def test_a_change_on_disk_is_noticed_without_being_told(site: Site):
    context = ServerContext(site.tls())
    before = context.current
    assert not context.refresh()
    renewed = site.authority.issue("renewed")
    shutil.copy(renewed.certificate, site.server.certificate)
    with pytest.raises(StartupError):
        context.refresh()  # the key is still that of before
    shutil.copy(renewed.key, site.server.key)
    assert context.refresh()
    assert context.current is not before
    assert not context.refresh()


# Our own files, and the server's, looked at by the client


@pytest.mark.parametrize("what", ["certificate", "key", "client_ca", "crl"])
@pytest.mark.parametrize("how", ["missing", "garbage", "other"])
def test_files_at_fault_are_named(site: Site, tmp_path: Path, what: str, how: str):
    path = tmp_path / "at-fault"
    if how == "garbage":
        path.write_text("-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----\n")
    elif how == "other":
        shutil.copy(site.server.key if what != "key" else site.scanner.key, path)
    with pytest.raises(StartupError, match="at-fault"):
        server_context(site.tls(**{"crl": site.crl, what: path}))


def test_a_leaf_is_no_authority(site: Site):
    with pytest.raises(StartupError, match="CA:TRUE"):
        server_context(site.tls(client_ca=site.scanner.certificate))


def test_an_authority_that_can_vouch_for_nobody_is_refused_when_it_is_loaded(
    site: Site, tmp_path: Path
):
    """It would be found at each handshake, by whoever looks into the log."""
    sloppy = TestAuthority(tmp_path, "sloppy", sloppy=True).certificate
    with pytest.raises(StartupError, match=r"sloppy\.pem: Causeway test sloppy has no key usage"):
        server_context(site.tls(client_ca=sloppy))
    with pytest.raises(StartupError, match="has no key usage"):
        client_context(site.client(ca=sloppy))
    several = tmp_path / "several.pem"
    several.write_bytes(sloppy.read_bytes() + site.authority.certificate.read_bytes())
    with Listening(listeners=[site.listener(client_ca=several)]) as listening:
        assert echo(calling(listening, site.client(site.scanner))) == 0


def test_an_encrypted_key_needs_its_password(site: Site):
    sealed = site.authority.issue("sealed", password="opens")
    options = {"certificate": sealed.certificate, "key": sealed.key}
    assert server_context(site.tls(**options, key_password="opens"))
    for wrong in ("", "does not"):
        with pytest.raises(StartupError, match="password"):
            server_context(site.tls(**options, key_password=wrong))
    assert "opens" not in repr(site.tls(**options, key_password="opens"))


def test_a_server_of_another_name_is_not_believed(site: Site):
    site.server = site.authority.issue("elsewhere", names=["pacs.example"])
    with Listening(listeners=[site.listener()]) as listening:
        with pytest.raises(Unreachable, match=r"[Hh]ostname mismatch"):
            echo(calling(listening, site.client(site.scanner)))
        named = site.client(site.scanner, server_name="pacs.example")
        assert echo(calling(listening, named)) == 0
        unnamed = site.client(site.scanner, verify_name=False)
        assert echo(calling(listening, unnamed)) == 0


def test_a_server_of_a_foreign_authority_is_not_believed(site: Site, tmp_path: Path):
    (tmp_path / "x").mkdir()
    foreign = TestAuthority(tmp_path / "x", "foreign")
    with Listening(listeners=[site.listener()]) as listening:
        tls = site.client(site.scanner, ca=foreign.certificate, verify_name=False)
        with pytest.raises(Unreachable):
            echo(calling(listening, tls))


def test_session_keys_are_not_written(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    keys = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(keys))
    with Listening(listeners=[site.listener()]) as listening:
        assert echo(calling(listening, site.client(site.scanner))) == 0
    assert not keys.exists()


def test_what_expires_is_listed_soonest_first(site: Site):
    found = expiries(site.tls(crl=site.crl))
    assert [each.at for each in found] == sorted(each.at for each in found)
    assert {each.what for each in found} == {
        "certificate",
        "certificate authority",
        "revocation list",
    }
    assert {each.subject for each in found} == {"server", "Causeway test ca"}
    left = [each.at - time.time() for each in found]
    assert all(11 * 3600 < seconds < 25 * 3600 for seconds in left)
    assert len(expiries(site.client(site.scanner))) == 2
