"""Three hundred at once, and those who misbehave among them."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import pytest
from acceptance_site import Site, assert_delivered_once, outgoing, peak_memory_mib, wait_for

from causeway.net import Peer, Timeouts, send
from causeway.testing.peers import (
    DripFeeder,
    GarbageSender,
    HalfObjectSender,
    HttpClient,
    ScriptedClient,
    SilentClient,
    VanishingSender,
)

MISBEHAVING: tuple[type[ScriptedClient], ...] = (
    SilentClient,
    HttpClient,
    GarbageSender,
    HalfObjectSender,
    VanishingSender,
    DripFeeder,
)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_three_hundred_associations_of_twenty_objects(make_site: Callable[..., Site]):
    site = make_site(
        ready_mib=128, quiet_seconds=3,
        receive="artim_seconds = 5\nidle_seconds = 120\nstall_seconds = 5",
    )  # fmt: skip
    site.start()
    acknowledged: dict[str, bytes] = {}
    trouble: list[object] = []
    lock = threading.Lock()
    together = threading.Barrier(300)
    patient = Timeouts(
        connect_seconds=60, associate_seconds=60, response_seconds=120, release_seconds=60
    )

    def send_twenty(number: int) -> None:
        items = [outgoing(f"crowd-{number}-{n}", series=f"crowd-{number}") for n in range(20)]
        peer = Peer(
            host="127.0.0.1", port=site.port, called_ae="CAUSEWAY", calling_ae=f"C{number}",
            timeouts=patient,
        )  # fmt: skip
        together.wait(120)
        for result in send(peer, items):
            with lock:
                if result.status == 0:
                    assert isinstance(result.outgoing.data, bytes)
                    acknowledged[result.outgoing.sop_instance_uid] = result.outgoing.data
                else:
                    trouble.append((result.status, str(result.error)))

    threading.stack_size(512 * 1024)
    threads = [threading.Thread(target=send_twenty, args=(n,)) for n in range(300)]
    for thread in threads:
        thread.start()
    bad = [kind(site.port) for kind in MISBEHAVING for _ in range(3)]
    for client in bad:
        client.misbehave()
    for thread in threads:
        thread.join(300)
    threading.stack_size(0)
    assert not trouble, trouble[:5]
    assert len(acknowledged) == 300 * 20
    assert max(peak_memory_mib(pid) for pid in site.children().values()) < 600

    def nobody_is_left() -> bool:
        said = json.loads((site.data / "run" / "status.json").read_text())
        return all(each["associations"] == 0 for each in said["receivers"])

    wait_for(nobody_is_left, seconds=60, what=site.last_words)
    for client in bad:
        client.close()
    site.settled(at_least=len(acknowledged), seconds=180)
    assert_delivered_once(site, acknowledged)
