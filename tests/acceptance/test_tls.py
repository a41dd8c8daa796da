"""Mutual TLS from file to folder, and certificates that come and go while it runs."""

from __future__ import annotations

import signal
import socket
import ssl
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from acceptance_site import Site, as_bytes, assert_delivered_once, outgoing, wait_for
from cryptography import x509

from causeway.errors import PeerError
from causeway.net import VERIFICATION_KINDS, AssociationRejected, ClientTls, Peer, associate, echo
from causeway.testing.certificates import Issued, TestAuthority
from causeway.testing.phantom import make_instance


class Keys(NamedTuple):
    """Who is who: our authority and one that nobody trusts, the listener, and two scanners."""

    authority: TestAuthority
    strangers: TestAuthority
    listener: Issued
    ct: Issued
    mr: Issued

    def peer(self, site: Site, issued: Issued | None) -> Peer:
        tls = ClientTls(
            ca=self.authority.certificate,
            certificate=issued.certificate if issued else None,
            key=issued.key if issued else None,
        )
        return replace(site.peer(), tls=tls)

    def options(self, issued: Issued) -> list[str]:
        """For ``causeway send`` and ``echo``."""
        return [
            "--ca", str(self.authority.certificate),
            "--certificate", str(issued.certificate), "--key", str(issued.key),
        ]  # fmt: skip


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    folder = tmp_path / "keys"
    folder.mkdir()
    authority = TestAuthority(folder)
    return Keys(
        authority,
        TestAuthority(folder, "strangers"),
        authority.issue("listener", usages=("server",)),
        authority.issue("ct", usages=("client",)),
        authority.issue("mr", usages=("client",)),
    )


@pytest.fixture
def tls_site(make_site: Callable[..., Site], keys: Keys) -> Site:
    site = make_site()
    files = {
        "certificate": keys.listener.certificate,
        "key": keys.listener.key,
        "client_ca": keys.authority.certificate,
        "crl": keys.authority.write_crl(),
    }
    table = ", ".join(f'{name} = "{path}"' for name, path in files.items())
    port = f"port = {site.port}\n"
    text = site.config.read_text()
    assert port in text
    site.config.write_text(text.replace(port, f"{port}tls = {{ {table} }}\n"))
    return site


def is_let_in(peer: Peer) -> bool:
    try:
        return echo(peer) == 0
    except PeerError:
        return False


def shown_serial(site: Site, keys: Keys) -> int:
    """The serial number of the certificate that the listener shows in a new handshake."""
    context = ssl.create_default_context(cafile=str(keys.authority.certificate))
    context.load_cert_chain(keys.ct.certificate, keys.ct.key)
    with context.wrap_socket(socket.socket(), server_hostname="127.0.0.1") as secured:
        secured.settimeout(10)
        secured.connect(("127.0.0.1", site.port))
        shown = secured.getpeercert(binary_form=True)
    assert shown is not None
    return x509.load_der_x509_certificate(shown).serial_number


def renew(site: Site, *, says: str = "tls.renewed") -> None:
    """Have files looked at now, and not within seconds, and wait until each receiver has done so:
    who asks from outside may meet the same one every time.
    """
    assert site.process is not None
    since = site.log.stat().st_size
    site.process.send_signal(signal.SIGHUP)
    in_each_receiver(site, says, since=since)


def in_each_receiver(site: Site, event: str, *, since: int) -> None:
    receivers = {name for name in site.children() if name.startswith("receiver")}
    assert len(receivers) == 2
    wait_for(lambda: receivers <= site.told(event, since=since), seconds=30, what=site.last_words)


def test_files_cross_over_mutual_tls(tls_site: Site, keys: Keys, tmp_path: Path):
    site = tls_site
    scans = tmp_path / "scans"
    scans.mkdir()
    instances = [make_instance("CT", rows=64, columns=64, instance_number=n) for n in range(1, 13)]
    instances.append(make_instance("CT", rows=1024, columns=1024, instance_number=13))
    for number, instance in enumerate(instances):
        instance.write(scans / f"{number}.dcm")
    site.start()
    node = f"127.0.0.1:{site.port}"
    done = site.cli("echo", node, *keys.options(keys.ct))
    assert done.returncode == 0, done.stderr
    assert "TLS" in done.stdout
    said = site.ask("send", str(scans), "--to", node, "-n", "3", *keys.options(keys.ct))
    assert said["stored"] == len(instances)
    site.settled(at_least=len(instances))
    assert_delivered_once(site, {each.sop_instance_uid: each.data_set for each in instances})


def test_who_shows_no_good_certificate_does_not_come_in(tls_site: Site, keys: Keys):
    site = tls_site
    site.start()
    expired = keys.authority.issue("expired", usages=("client",), expired=True)
    strange = keys.strangers.issue("strange", usages=("client",))
    server = keys.authority.issue("no-client", usages=("server",))
    assert is_let_in(keys.peer(site, keys.ct))
    for nobody in (None, expired, strange, server):
        assert not is_let_in(keys.peer(site, nobody))
    assert not is_let_in(replace(site.peer())), "it spoke DICOM without TLS"
    done = site.cli("echo", f"127.0.0.1:{site.port}", *keys.options(strange))
    assert done.returncode == 6
    assert "Traceback" not in done.stderr
    # And the listener must be who it says, too.
    elsewhere = ClientTls(
        ca=keys.strangers.certificate, certificate=keys.ct.certificate, key=keys.ct.key
    )
    assert not is_let_in(replace(site.peer(), tls=elsewhere))
    assert is_let_in(keys.peer(site, keys.mr))
    assert site.custody()["received"] == 0


@pytest.mark.slow
def test_a_new_certificate_is_used_without_a_restart(tls_site: Site, keys: Keys):
    site = tls_site
    site.start()
    before = site.children()
    assert shown_serial(site, keys) == keys.listener.serial
    first, second = (outgoing(f"renewal-{n}", series="renewal") for n in range(2))
    with associate(keys.peer(site, keys.ct), [first.kind]) as association:
        assert association.store(first).status == 0
        since = site.log.stat().st_size
        renewed = keys.authority.issue("listener", usages=("server",))  # over the files before
        assert renewed.certificate == keys.listener.certificate
        in_each_receiver(site, "tls.renewed", since=since)  # nobody tells them; they look
        assert {shown_serial(site, keys) for _ in range(6)} == {renewed.serial}
        assert association.store(second).status == 0, "what was open did not go on"

    # A pair that does not fit is refused, told, and changes nothing.
    key = renewed.key.read_bytes()
    renewed.key.write_bytes(keys.ct.key.read_bytes())
    renew(site, says="tls.renewal_failed")
    assert {shown_serial(site, keys) for _ in range(6)} == {renewed.serial}
    renewed.key.write_bytes(key)
    assert site.children() == before
    site.settled(at_least=2)
    assert_delivered_once(site, {each.sop_instance_uid: as_bytes(each) for each in (first, second)})


def test_a_revoked_certificate_is_refused_without_a_restart(tls_site: Site, keys: Keys):
    site = tls_site
    site.start()
    assert is_let_in(keys.peer(site, keys.mr))
    keys.authority.revoke(keys.mr)
    keys.authority.write_crl()
    renew(site)
    assert not any(is_let_in(keys.peer(site, keys.mr)) for _ in range(6))
    assert all(is_let_in(keys.peer(site, keys.ct)) for _ in range(6))
    keys.authority.write_crl(expired=True)  # a list that is out of date lets nobody in
    renew(site)
    assert not any(is_let_in(keys.peer(site, keys.ct)) for _ in range(6))
    keys.authority.write_crl()
    renew(site)
    assert all(is_let_in(keys.peer(site, keys.ct)) for _ in range(6))
    assert not is_let_in(keys.peer(site, keys.mr)), "it was forgotten"


def test_a_source_is_bound_to_its_certificate(tls_site: Site, keys: Keys):
    site = tls_site
    source = 'name = "tests"\n'
    text = site.config.read_text()
    assert source in text
    site.config.write_text(text.replace(source, f'{source}certificate = "{keys.ct.fingerprint}"\n'))
    site.start()
    assert echo(keys.peer(site, keys.ct)) == 0
    with pytest.raises(AssociationRejected):
        associate(keys.peer(site, keys.mr), VERIFICATION_KINDS)
    wait_for(
        lambda: ("association", "certificate not bound to source") in site.refusals(),
        seconds=20,
        what=lambda: str(site.refusals()),
    )
