"""What the doctor finds on the way to a node: one cause and one remedy for each thing that can be
wrong, against real peers that have it wrong.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest
from cli_world import World, empty

from causeway.net import ListenerOptions, ServerTls
from causeway.testing.certificates import TestAuthority
from causeway.testing.listening import Listening
from causeway.testing.nodes import ScriptedNode

__all__ = ["empty"]


def node_table(
    port: int, *, host: str = "127.0.0.1", ae_title: str = "NODE", more: str = ""
) -> str:
    return f"""
[[node]]
name = "pacs"
ae_title = "{ae_title}"
host = "{host}"
port = {port}
{more}
"""


def examined(world: World, table: str) -> dict[str, tuple[str, str, str]]:
    """Outcome, what was said and what to do, by the step of the node's checks."""
    world.config.write_text(world.config.read_text() + table)
    said = world.call("doctor", "--json").json
    return {
        check["said"].partition(":")[0]: (check["outcome"], check["said"], check["to_do"])
        for check in said["checks"]
        if check["name"] == "node pacs"
    }


def test_a_node_that_is_well(empty: World):
    with ScriptedNode() as node:
        node.add(count=3)
        steps = examined(empty, node_table(node.port))
        assert node.asked["move study"] == 1
    outcomes = {name: outcome for name, (outcome, _, _) in steps.items()}
    assert outcomes == {
        "dns": "ok", "route": "ok", "tcp": "ok", "tls": "skipped", "association": "ok",
        "echo": "ok", "find": "ok", "move": "ok",
    }  # fmt: skip
    assert "127.0.0.1" in steps["route"][1]
    assert "1 study of today" in steps["find"][1]


def test_a_node_that_does_not_know_us_as_a_destination(empty: World):
    with ScriptedNode() as node:
        node.manners.knows_destination = False
        steps = examined(empty, node_table(node.port))
    outcome, said, to_do = steps["move"]
    assert outcome == "failed"
    assert "does not know the AE title CAUSEWAY" in said
    assert "enter CAUSEWAY" in to_do


def test_a_node_that_rejects_us(empty: World):
    with ScriptedNode() as node:
        node.manners.refuses = True
        steps = examined(empty, node_table(node.port))
    assert steps["association"][0] == "failed"
    assert "rejected" in steps["association"][1]
    assert "find" not in steps, "it went on after the cause was known"


def test_a_node_whose_database_is_away(empty: World):
    with ScriptedNode() as node:
        node.manners.find_status = 0xA700
        steps = examined(empty, node_table(node.port))
    assert steps["find"][0] == "failed"
    assert "A700" in steps["find"][1]


def test_nobody_listens(empty: World):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        steps = examined(empty, node_table(taken.getsockname()[1]))
    assert steps["tcp"][0] == "failed"
    assert "nothing listens" in steps["tcp"][1]
    assert "association" not in steps


def test_a_name_that_nobody_knows(empty: World):
    steps = examined(empty, node_table(104, host="no-such-host.invalid"))
    assert list(steps) == ["dns"]
    assert "has no address" in steps["dns"][1]


@contextlib.contextmanager
def losing_full_packets(port: int, most: int) -> Iterator[int]:
    """A way to ``port`` on which every request of more than ``most`` bytes is lost, as packets of
    full size are where the MTU is smaller and nobody says so.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        kept: list[socket.socket] = []

        def pump(source: socket.socket, target: socket.socket, limit: int | None) -> None:
            with contextlib.suppress(OSError):
                while data := source.recv(65536):
                    if limit is not None and len(data) > limit:
                        continue
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    near, _ = server.accept()
                    far = socket.create_connection(("127.0.0.1", port))
                    kept.extend((near, far))
                    for ends in ((near, far, most), (far, near, None)):
                        threading.Thread(target=pump, args=ends, daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            for each in kept:
                each.close()


def test_packets_of_full_size_are_lost(empty: World, monkeypatch: pytest.MonkeyPatch):
    """The signature of an MTU: echo works, an association for images times out."""
    from dataclasses import replace

    from causeway.doctor import nodes

    monkeypatch.setattr(nodes, "PATIENCE", replace(nodes.PATIENCE, associate_seconds=1))
    with ScriptedNode() as node, losing_full_packets(node.port, most=1400) as port:
        world_steps = examined(empty, node_table(port))
    outcome, said, to_do = world_steps["association"]
    assert outcome == "failed"
    assert "a small request is answered, a large one is not" in said
    assert "MTU" in to_do
    assert world_steps["echo"][0] == "ok"


# --- TLS ------------------------------------------------------------------------------------------


@pytest.fixture
def authority(empty: World) -> TestAuthority:
    return TestAuthority(empty.folder)


def tls_table(ca: TestAuthority, more: str = "") -> str:
    return f'[node.tls]\nca = "{ca.certificate}"\n{more}\n'


def served(
    authority: TestAuthority, name: str = "localhost", *, expired: bool = False
) -> Listening:
    issued = authority.issue("node", names=(name,), expired=expired)
    tls = ServerTls(certificate=issued.certificate, key=issued.key)
    return Listening(listeners=(ListenerOptions(ae_title="NODE", port=0, tls=tls),))


def test_tls_that_is_well(empty: World, authority: TestAuthority):
    with served(authority) as listening:
        table = node_table(listening.port, host="localhost", more=tls_table(authority))
        steps = examined(empty, table)
    assert steps["tls"][0] == "warning"
    assert "expires in 0 days" in steps["tls"][1], "those of tests live for hours"
    assert steps["echo"][0] == "ok"


def test_tls_made_out_to_another_name(empty: World, authority: TestAuthority):
    with served(authority, "elsewhere.example") as listening:
        table = node_table(listening.port, host="localhost", more=tls_table(authority))
        steps = examined(empty, table)
    assert steps["tls"][0] == "failed"
    assert "another name" in steps["tls"][1]


def test_tls_that_has_expired(empty: World, authority: TestAuthority):
    with served(authority, expired=True) as listening:
        table = node_table(listening.port, host="localhost", more=tls_table(authority))
        steps = examined(empty, table)
    assert steps["tls"][0] == "failed"
    assert "has expired" in steps["tls"][1]


def test_tls_of_an_authority_that_we_do_not_know(empty: World, authority: TestAuthority):
    other = TestAuthority(empty.folder, "other")
    with served(other) as listening:
        table = node_table(listening.port, host="localhost", more=tls_table(authority))
        steps = examined(empty, table)
    assert steps["tls"][0] == "failed"
    assert "authority" in steps["tls"][1]
    assert "`ca`" in steps["tls"][2]


def test_tls_where_none_is_spoken(empty: World, authority: TestAuthority):
    with Listening(listeners=(ListenerOptions(ae_title="NODE", port=0),)) as listening:
        table = node_table(listening.port, host="localhost", more=tls_table(authority))
        steps = examined(empty, table)
    assert steps["tls"][0] == "failed"
    assert "TLS" in steps["tls"][1]


def test_clear_text_where_tls_is_spoken(empty: World, authority: TestAuthority):
    with served(authority) as listening:
        steps = examined(empty, node_table(listening.port))
    assert steps["association"][0] == "failed"
    assert "TLS" in steps["association"][2]
