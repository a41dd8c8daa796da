"""Forwarding to DCMTK's storescp by the real process: in clear, over TLS, and when things go wrong.

``storescp`` writes what it gets byte for byte (``+B``), so what stands in its folder is compared
with what was sent.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from acceptance_site import Site, outgoing, wait_for

from causeway.net import Outgoing, send
from causeway.testing.certificates import TestAuthority
from causeway.testing.phantom import make_instance
from causeway.testing.ports import free_port

NODE = """
[[destination]]
name = "node"
type = "dicom"
host = "{host}"
port = {port}
ae_title = "{ae_title}"
deidentify = "none"
connect_seconds = 3
association_seconds = 5
response_seconds = 10
{more}
retry = {{ first_seconds = 0.5, maximum_seconds = 1 }}
"""

pytestmark = pytest.mark.peer("storescp")


class Storescp:
    """A node that can be ended and started again."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.port = free_port()
        self.options = options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with (self.folder.parent / "storescp.log").open("ab") as log:
            self.process = subprocess.Popen(
                ["storescp", "+B", *self.options, "-od", str(self.folder), str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | {"TCP_NODELAY": "1"},
            )  # fmt: skip

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(10)
            self.process = None

    def data_sets(self) -> dict[str, bytes]:
        """By the end of the file's name, which is the SOP Instance UID."""
        found = {}
        for path in self.folder.iterdir():
            raw = path.read_bytes()
            if raw[128:132] == b"DICM":
                length = int.from_bytes(raw[140:144], "little")
                found[path.name.partition(".")[2]] = raw[144 + length :]
        return found


@dataclass(frozen=True)
class Forwarding:
    site: Site
    node: Storescp

    def sends(self, count: int, seed: str, rows: int = 64) -> list[Outgoing]:
        made = [
            make_instance("CT", rows=rows, columns=rows, seed=f"{seed}-{n}") for n in range(count)
        ]
        sent = [outgoing(each) for each in made]
        assert all(each.stored for each in send(self.site.peer(), sent))
        return sent

    def arrived(self, sent: Sequence[Outgoing], seconds: float = 60) -> None:
        wanted = {each.sop_instance_uid: each.data for each in sent}
        wait_for(
            lambda: wanted.keys() <= self.node.data_sets().keys(),
            seconds=seconds, what=self.site.last_words,
        )  # fmt: skip
        self.site.settled(at_least=len(sent), seconds=seconds)
        assert self.node.data_sets() == wanted

    def says(self, what: str, seconds: float = 30) -> str:
        """Wait until the log tells this."""
        wait_for(
            lambda: what in self.site.log.read_text(), seconds=seconds, what=self.site.last_words
        )
        return next(line for line in self.site.log.read_text().splitlines() if what in line)


Make = Callable[..., Forwarding]


@pytest.fixture
def forwarding(make_site: Callable[..., Site], tmp_path: Path) -> Iterator[Make]:
    nodes: list[Storescp] = []

    def make(
        *, options: Sequence[str] = (), more: str = "", ae_title: str = "NODE",
        host: str = "127.0.0.1", start: bool = True, **settings: Any,
    ) -> Forwarding:  # fmt: skip
        node = Storescp(tmp_path / "node", *options)
        nodes.append(node)
        if start:
            node.start()
        site = make_site(**settings)
        text = site.config.read_text()
        begin, end = text.index("[[destination]]"), text.index("[[route]]")
        table = NODE.format(host=host, port=node.port, ae_title=ae_title, more=more)
        text = text[:begin] + table + "\n" + text[end:]
        site.config.write_text(text.replace('["archive"]', '["node"]'))
        return Forwarding(site.start(), node)

    yield make
    for node in nodes:
        node.stop(signal.SIGKILL)


def test_images_go_on_as_they_came(forwarding: Make):
    setting = forwarding()
    setting.arrived(setting.sends(20, "plain"))
    assert setting.site.custody()["received"] == 20
    setting.site.stop()


def tls_options(server: Any, authority: TestAuthority) -> list[str]:
    return [
        "+tls", str(server.key), str(server.certificate), "-rc",
        "+cf", str(authority.certificate),
    ]  # fmt: skip


def tls_table(ours: Any, ca: Path, **more: str) -> str:
    table = f'ca = "{ca}", certificate = "{ours.certificate}", key = "{ours.key}"'
    return f"tls = {{ {table}" + "".join(f', {k} = "{v}"' for k, v in more.items()) + " }"


def test_in_clear_on_the_inside_and_mutual_tls_on_the_outside(forwarding: Make, tmp_path: Path):
    authority = TestAuthority(tmp_path)
    ours = authority.issue("ours")
    setting = forwarding(
        options=tls_options(authority.issue("server"), authority),
        more=tls_table(ours, authority.certificate),
    )
    setting.arrived(setting.sends(20, "mutual"))
    setting.site.stop()


def test_a_wrong_authority_and_a_wrong_name_are_told_and_nothing_leaves(
    forwarding: Make, tmp_path: Path
):
    authority, strangers = TestAuthority(tmp_path), TestAuthority(tmp_path, "strangers")
    ours = authority.issue("ours")
    other = authority.issue("other", names=("other.example",))
    setting = forwarding(
        options=tls_options(other, authority), more=tls_table(ours, strangers.certificate)
    )
    sent = setting.sends(3, "wrong-ca")
    setting.says("self-signed certificate in certificate chain")
    # The right authority now; the name is still another.
    text = setting.site.config.read_text()
    setting.site.config.write_text(
        text.replace(str(strangers.certificate), str(authority.certificate))
    )
    assert setting.site.cli("config", "reload").returncode == 0
    setting.says("is not valid for")
    assert not setting.node.data_sets()
    # Told which name it carries, it goes.
    text = setting.site.config.read_text()
    table = tls_table(ours, authority.certificate)
    assert table in text
    wanted = tls_table(ours, authority.certificate, server_name="other.example")
    setting.site.config.write_text(text.replace(table, wanted))
    assert setting.site.cli("config", "reload").returncode == 0
    setting.arrived(sent, seconds=150)
    setting.site.stop()


def test_a_node_that_does_not_know_us_and_one_that_comes_back(forwarding: Make):
    setting = forwarding(options=["--refuse"])
    sent = setting.sends(3, "refused")
    told = setting.says("rejected the association")
    assert "delivery.waits" in told or "retry" in told
    setting.node.stop()
    setting.node.options = ()
    setting.node.start()
    # Who is not known is not asked again for minutes; a person who has mended it says so.
    assert setting.site.cli("retry", "--all", "--to", "node").returncode == 0
    setting.arrived(sent, seconds=100)
    setting.site.stop()


def test_down_then_up_then_killed_in_mid_delivery(forwarding: Make):
    setting = forwarding(start=False)
    sent = setting.sends(60, "down", rows=256)
    setting.says("cannot be reached")
    setting.node.start()
    wait_for(setting.node.data_sets, seconds=150, what=setting.site.last_words)
    setting.site.kill_tree()
    setting.site.start()
    setting.arrived(sent, seconds=150)
    assert setting.site.custody()["received"] == 60
    setting.site.stop()
