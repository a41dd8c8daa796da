"""PULL with mutual TLS in both roles: we ask over TLS, and the node sends to our TLS listener."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from acceptance_site import Site, assert_delivered_once, free_port, wait_for
from pull_peers import in_namespace, orthanc
from test_pull_archives import images

from causeway.errors import PeerError
from causeway.net import ClientTls, echo
from causeway.testing.certificates import Issued, TestAuthority
from causeway.testing.nodes import ScriptedNode, series_uid

# pynetdicom leaves sockets of which the handshake failed to the collector.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning"
)
NODE = """
[[node]]
name = "pacs"
ae_title = "{ae_title}"
host = "127.0.0.1"
port = {port}
interval_seconds = 1
retrieve = "move"
tls = {{ ca = "{ca}"{ours} }}

[node.retry]
first_seconds = 0.2
maximum_seconds = 1
maximum_failures = 3
"""


@dataclass(frozen=True)
class Keys:
    """Who is who: our authority, one that nobody trusts, and a certificate for each role."""

    authority: TestAuthority
    strangers: TestAuthority
    listener: Issued
    ours: Issued
    node: Issued

    def site(self, make_site: Callable[..., Site], ae_title: str, port: int, own: int) -> Site:
        """One that asks with its certificate, and lets in nobody who has none of the authority."""
        ours = f', certificate = "{self.ours.certificate}", key = "{self.ours.key}"'
        tail = NODE.format(ae_title=ae_title, port=port, ca=self.authority.certificate, ours=ours)
        site = make_site(port=own, tail=tail)
        table = (
            f'tls = {{ certificate = "{self.listener.certificate}", key = "{self.listener.key}", '
            f'client_ca = "{self.authority.certificate}" }}'
        )
        text = site.config.read_text()
        text = text.replace(f"port = {own}\n", f"port = {own}\n{table}\n", 1)
        # The node is no source: what it sends is let in as it was asked for.
        site.config.write_text(text.replace('ae_title = "*"', 'ae_title = "TESTS"'))
        return site

    def contexts(self, shows: Issued) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Of a node that wants to see a certificate, and of its calls to us with this one."""
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.node.certificate, self.node.key)
        server.load_verify_locations(self.authority.certificate)
        server.verify_mode = ssl.CERT_REQUIRED
        client = ssl.create_default_context(cafile=str(self.authority.certificate))
        client.load_cert_chain(shows.certificate, shows.key)
        return server, client


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    folder = tmp_path / "keys"
    folder.mkdir()
    authority = TestAuthority(folder)
    return Keys(
        authority=authority,
        strangers=TestAuthority(folder, "strangers"),
        listener=authority.issue("listener", usages=("server",)),
        ours=authority.issue("ours", usages=("client",)),
        node=authority.issue("node"),
    )


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedNode]]:
    nodes: list[ScriptedNode] = []

    def start(tls: tuple[ssl.SSLContext, ssl.SSLContext], destination: int) -> ScriptedNode:
        nodes.append(ScriptedNode(gets=False, destination=("127.0.0.1", destination), tls=tls))
        nodes[-1].start()
        return nodes[-1]

    yield start
    for node in nodes:
        node.over.set()
        node.stop()


def test_pynetdicom_is_asked_over_tls_and_sends_over_tls(
    make_site: Callable[..., Site], keys: Keys, scripted: Callable[..., ScriptedNode]
) -> None:
    own = free_port()
    node = scripted(keys.contexts(keys.node), own)
    node.add(count=4)
    site = keys.site(make_site, "NODE", node.port, own).start()
    wanted = {str(each.SOPInstanceUID) for each in node.images}
    wait_for(lambda: set(site.delivered()) == wanted, seconds=60, what=site.last_words)
    assert node.asked["move series"] == 1
    assert all(len(copies) == 1 for copies in site.delivered().values())
    assert site.custody()["holds"]
    # Without TLS, or without a certificate, neither side lets anybody in.
    plain = replace(site.peer(), tls=None)
    alone = ClientTls(ca=keys.authority.certificate, certificate=None, key=None)
    for port, called in ((own, "CAUSEWAY"), (node.port, "NODE")):
        for tls in (None, alone):
            with pytest.raises(PeerError):
                echo(replace(plain, port=port, called_ae=called, tls=tls))


def test_a_node_that_shows_a_strange_certificate_gets_nothing_in(
    make_site: Callable[..., Site], keys: Keys, scripted: Callable[..., ScriptedNode]
) -> None:
    own = free_port()
    node = scripted(keys.contexts(keys.strangers.issue("node")), own)
    node.add(count=2)
    site = keys.site(make_site, "NODE", node.port, own).start()
    wait_for(
        lambda: site.ask("nodes")["nodes"][0]["series"] == {"abandoned": 1}, seconds=60,
        what=site.last_words,
    )  # fmt: skip
    assert site.received() == 0
    failure = site.ask("nodes")["nodes"][0]["retrieval_failure"]
    assert failure["hint"]
    listed = site.ask("nodes", "list", "pacs", "--state", "abandoned")["series"]
    assert [each["series_instance_uid"] for each in listed] == [series_uid("1")]


@pytest.mark.peer("Orthanc")
def test_orthanc_is_asked_over_tls_and_sends_over_tls(
    request: pytest.FixtureRequest, make_site: Callable[..., Site], tmp_path: Path, keys: Keys
) -> None:
    if not in_namespace(request):
        return
    port, own = free_port(), free_port()
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(keys.node.certificate),
        "DicomTlsPrivateKey": str(keys.node.key),
        "DicomTlsTrustedCertificates": str(keys.authority.certificate),
        "DicomTlsRemoteCertificateRequired": True,
        "DicomModalities": {
            "causeway": {"AET": "CAUSEWAY", "Host": "127.0.0.1", "Port": own, "UseDicomTls": True}
        },
    }
    with orthanc(tmp_path / "peer", port=port, destination=own, **settings) as archive:
        ours = ClientTls(
            ca=keys.authority.certificate, certificate=keys.ours.certificate, key=keys.ours.key
        )
        wanted = replace(archive, tls=ours).fill(images(0, 5))
        site = keys.site(make_site, "ARCHIVE", port, own).start()
        wait_for(lambda: len(site.delivered()) == 5, seconds=60, what=site.last_words)
        assert_delivered_once(site, wanted)
        assert site.custody()["holds"]
        with pytest.raises(PeerError):
            echo(replace(archive, tls=None).peer())
