"""The listener with peers that misbehave: each is cleaned up, and nobody else notices."""

from __future__ import annotations

import random
import socket
import threading
import time

import pytest

from causeway.dimse import VERIFICATION, AssociateAccepted
from causeway.net import Ending, Outgoing, Patience, associate, echo, send
from causeway.testing.listening import AT_ONCE_SECONDS, Listening, wait_for
from causeway.testing.peers import (
    CT_IMAGE_STORAGE,
    DripFeeder,
    GarbageSender,
    HalfObjectSender,
    HalfRequestClient,
    HttpClient,
    HugeDataPduClient,
    HugePduClient,
    NeverCloses,
    NeverReads,
    ScriptedClient,
    SilentClient,
    VanishingSender,
)

EXPLICIT = "1.2.840.10008.1.2.1"
HASTY = Patience(
    handshake_seconds=1,
    artim_seconds=1,
    closing_seconds=0.5,
    idle_seconds=30,
    stall_seconds=1,
    minimum_bytes_per_second=1024,
)


@pytest.mark.parametrize(
    ("peer", "ending", "outcome"),
    [
        (SilentClient, Ending.TIMEOUT, None),
        (HalfRequestClient, Ending.TIMEOUT, None),
        (HttpClient, Ending.NOT_DICOM, None),
        (GarbageSender, Ending.NOT_DICOM, None),
        (HugePduClient, Ending.NOT_DICOM, None),
        (HugeDataPduClient, Ending.ABORTED, "aborted"),
        (HalfObjectSender, Ending.TIMEOUT, "timeout"),
        (DripFeeder, Ending.TIMEOUT, "timeout"),
        (VanishingSender, Ending.LOST, "lost"),
        (NeverCloses, Ending.RELEASED, "released"),
        (NeverReads, Ending.TIMEOUT, "timeout"),
    ],
)
def test_it_is_cleaned_up_and_others_are_unharmed(
    peer: type[ScriptedClient], ending: Ending, outcome: str | None
):
    with (
        Listening(patience=HASTY) as listening,
        associate(listening.peer(), [(VERIFICATION, EXPLICIT)]) as bystander,
        peer(listening.port) as misbehaving,
    ):
        assert bystander.echo() == 0
        assert echo(listening.peer()) == 0
        wait_for(lambda: listening.door.statistics().connections == 1)
        if peer is not VanishingSender:
            assert misbehaving.closed_by_peer()
        assert bystander.echo() == 0
        now = listening.statistics(lambda now: {ending, Ending.RELEASED} <= set(now.ended))
        assert set(now.ended) == {ending, Ending.RELEASED}
        theirs = [each.outcome for each in listening.sink.ended if each.outcome != "released"]
        assert theirs == ([outcome] if outcome not in {None, "released"} else [])
        halves = {HalfObjectSender, DripFeeder, VanishingSender}
        assert listening.sink.aborted == (peer in halves)
        assert listening.sink.kept == []


@pytest.mark.parametrize("peer", [HttpClient, GarbageSender, HugePduClient])
def test_what_is_no_dicom_is_closed_at_once(peer: type[ScriptedClient]):
    with Listening() as listening:
        began = time.monotonic()
        with peer(listening.port) as misbehaving:
            assert misbehaving.closed_by_peer()
        assert time.monotonic() - began < AT_ONCE_SECONDS


def test_a_stall_is_told_to_the_peer():
    with Listening(patience=HASTY) as listening, HalfObjectSender(listening.port) as half:
        assert half.connection.recv(100)[:1] == b"\x07", "no A-ABORT"
        wait_for(lambda: listening.events("association.ended"))
    assert listening.events("association.ended")[0]["expired"] == "stalled"


def test_idleness_ends():
    patience = Patience(idle_seconds=0.5)
    with (
        Listening(patience=patience) as listening,
        ScriptedClient(listening.port) as idle,
    ):
        assert isinstance(idle.associate(), AssociateAccepted)
        assert idle.connection.recv(100)[:1] == b"\x07"
        wait_for(lambda: listening.sink.ended)
        assert listening.sink.ended[0].outcome == "timeout"


def test_a_slow_disk_is_not_charged_to_the_sender():
    with Listening(patience=HASTY) as listening:
        listening.sink.gate.clear()
        threading.Timer(1.6, listening.sink.gate.set).start()
        one = Outgoing(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=EXPLICIT,
            data=bytes(1000),
        )
        assert [each.status for each in send(listening.peer(), [one])] == [0]


def test_silent_clients_do_not_keep_anybody_waiting():
    with Listening() as listening:
        crowd = [SilentClient(listening.port) for _ in range(100)]
        began = time.monotonic()
        assert echo(listening.peer()) == 0
        assert time.monotonic() - began < AT_ONCE_SECONDS
        for each in crowd:
            each.close()


@pytest.mark.parametrize("seed", range(4))
def test_damaged_requests_end(seed: int):
    """An A-ASSOCIATE-RQ with bytes changed: an answer, an abort, or patience's end."""
    rng = random.Random(seed)
    with Listening(patience=HASTY) as listening:
        for _ in range(25):
            with ScriptedClient(listening.port) as client:
                wire = bytearray(client.association.associate(client.request))
                for _ in range(rng.randint(1, 6)):
                    wire[rng.randrange(len(wire))] = rng.randrange(256)
                client.connection.sendall(wire)
                client.connection.shutdown(socket.SHUT_WR)
                assert client.closed_by_peer()
        assert echo(listening.peer()) == 0
        wait_for(lambda: listening.door.statistics().connections == 0)
        assert listening.sink.kept == []


def test_three_hundred_associations_at_once():
    """20 objects each, all there; from a few threads, so that the sender is not what is tested."""
    many, each_sends, size = 300, 20, 2_000
    with Listening(receivers=2) as listening:
        peer = listening.peer(seconds=60)
        kind = (CT_IMAGE_STORAGE, EXPLICIT)
        failures: list[BaseException] = []

        def worker(numbers: range) -> None:
            try:
                opened = [associate(peer, [kind]) for _ in numbers]
                started.wait(60)
                for turn in range(each_sends):
                    for number, to in zip(numbers, opened, strict=True):
                        one = Outgoing(
                            sop_class_uid=kind[0],
                            sop_instance_uid=f"1.2.{number}.{turn}",
                            transfer_syntax_uid=EXPLICIT,
                            data=f"{number}.{turn} ".encode() * (size // 8),
                        )
                        assert to.store(one).status == 0
                for to in opened:
                    to.release()
            except BaseException as error:
                failures.append(error)
                started.abort()

        workers = 6
        started = threading.Barrier(workers)
        threads = [
            threading.Thread(target=worker, args=(range(first, many, workers),))
            for first in range(workers)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        assert not failures
        kept = listening.sink.kept
        assert len(kept) == many * each_sends
        assert len({one.request.affected_sop_instance_uid for one in kept}) == many * each_sends
        for one in kept:
            name = one.request.affected_sop_instance_uid.removeprefix("1.2.")
            assert one.data.startswith(f"{name} ".encode())
        wait_for(lambda: len(listening.sink.ended) == many)
        assert {each.outcome for each in listening.sink.ended} == {"released"}
