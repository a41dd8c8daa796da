"""Killed a hundred times while it delivers to three destinations, one of them away half the time.

A DICOM node (DCMTK's ``storescp``, byte for byte), a DICOMweb service, and a folder on a share that
comes and goes. Bandwidth keeps deliveries going for so long that the kills hit them: within an
image, within a batch, between what arrived and its answer. In the end each has every image once.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
from acceptance_site import (
    Site,
    alive,
    assert_delivered_once,
    kill,
    outgoing,
    store,
    wait_for,
)
from test_forwarding import Storescp

from causeway.testing.dicomweb_peer import DicomWebPeer, Kept

KILLS = 100
"""The pipeline thrice, and then everything, again and again."""
IMAGES_A_START = 15
BYTES_PER_SECOND = 60_000

DESTINATIONS = """
bandwidth = {{ bytes_per_second = {rate} }}

[[destination]]
name = "node"
type = "dicom"
host = "127.0.0.1"
port = {node_port}
ae_title = "NODE"
deidentify = "none"
commitment = "off"
connect_seconds = 3
association_seconds = 5
response_seconds = 10
bandwidth = {{ bytes_per_second = {rate} }}
retry = {{ first_seconds = 0.2, maximum_seconds = 1, maximum_attempts = 10000 }}

[[destination]]
name = "web"
type = "stow"
url = "{web}"
deidentify = "none"
bandwidth = {{ bytes_per_second = {rate} }}
retry = {{ first_seconds = 0.2, maximum_seconds = 1, maximum_attempts = 10000 }}

[[route]]
name = "all-three"
destinations = ["archive", "node", "web"]
"""


class Counting(dict[str, Kept]):
    """What the service has, and how often each was brought."""

    def __init__(self) -> None:
        super().__init__()
        self.brought: Counter[str] = Counter()

    def __setitem__(self, uid: str, kept: Kept) -> None:
        self.brought[uid] += 1
        super().__setitem__(uid, kept)


class Share:
    """The archive's folder is mounted, and is not, by turns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.away = path.with_name("unmounted")
        self.turns = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        random = Random(3)
        while not self._stop.wait(random.uniform(0.3, 1.2)):
            self.path.rename(self.away)
            self.path.mkdir()
            self._stop.wait(random.uniform(0.3, 1.2))
            # What was written below the mount point is hidden when the share is back.
            while self.path.exists():
                shutil.rmtree(self.path, ignore_errors=True)
            self.away.rename(self.path)
            self.turns += 1


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Storescp]:
    made = Storescp(tmp_path / "node")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def web() -> Iterator[DicomWebPeer]:
    with DicomWebPeer() as peer:
        peer.kept = Counting()
        yield peer


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.peer("storescp")
def test_a_hundred_kills_while_three_destinations_are_delivered_to(
    make_site: Callable[..., Site], node: Storescp, web: DicomWebPeer
) -> None:
    random = Random(5)
    tail = DESTINATIONS.format(rate=BYTES_PER_SECOND, node_port=node.port, web=web.service)
    site = make_site(tail="", quiet_seconds=0.5)
    text = site.config.read_text()
    before, _, after = text.partition("[destination.retry]")
    _, _, log = after.partition("[log]")
    site.config.write_text(f"{before.rstrip()}\n{tail}\n[log]{log}")
    share = Share(site.archive)
    acknowledged: dict[str, bytes] = {}
    kills = 0
    while kills < KILLS:
        site.start()
        items = [
            outgoing(f"{kills}-{n}", edge=random.choice((48, 48, 96)), series=f"{kills}-{n // 6}")
            for n in range(IMAGES_A_START)
        ]
        acknowledged |= store(site, *items)
        if not kills:
            site.cli("destinations", "test", "archive")  # first use, before the share goes
            share.start()
        for _ in range(3):
            wait_for(lambda: "pipeline" in site.children(), seconds=20, what=site.last_words)
            time.sleep(random.uniform(0.2, 0.8))
            if (pipeline := site.children().get("pipeline")) is not None:
                kill(pipeline)
                kills += 1
                wait_for(lambda pid=pipeline: not alive(pid), seconds=5, what="killed")
        time.sleep(random.uniform(0.1, 0.4))
        site.kill_tree()
        kills += 1
    share.stop()
    assert share.turns >= 10
    # What is left need not be slow any more: there are no kills to hit it.
    limit = f"bandwidth = {{ bytes_per_second = {BYTES_PER_SECOND} }}"
    text = site.config.read_text()
    assert limit in text
    site.config.write_text(text.replace(limit, ""))
    site.start()
    said = site.settled(at_least=len(acknowledged), seconds=180)
    assert said["dispositions"]["delivered"] == len(acknowledged)

    assert_delivered_once(site, acknowledged)
    assert node.data_sets() == acknowledged
    assert {uid: data_set(kept.file) for uid, kept in web.kept.items()} == acknowledged
    assert isinstance(web.kept, Counting)
    twice = sum(web.kept.brought.values()) - len(acknowledged)
    # A request that is cut off may be read to its end after the next attempt has asked.
    assert twice <= kills, f"{twice} images were brought once more to the service"
    assert not web.complaints
    for row in site.ask("destinations")["destinations"]:
        assert (row["waiting"], row["dead"], row["state"]) == (0, 0, "closed"), row
    assert site.stop() == 0


def data_set(file: bytes) -> bytes:
    return file[144 + int.from_bytes(file[140:144], "little") :]
