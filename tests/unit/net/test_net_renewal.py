"""Other rules while associations are open: new connections meet them, open ones do not notice."""

from __future__ import annotations

import errno
import os
from ipaddress import ip_network

import pytest

from causeway.net import (
    Acceptance,
    AssociationRejected,
    DoorLimits,
    Patience,
    ReceiveOptions,
    Renewal,
    SourceRule,
    associate,
    echo,
)
from causeway.net.handover import Channel, Connection, Renew, channel_pair, close_descriptor
from causeway.net.pace import Marks, Phase
from causeway.net.watchdog import Watchdog
from causeway.testing.listening import LOOPBACK, Listening, wait_for
from causeway.testing.peers import CT_IMAGE_STORAGE, SilentClient

EXPLICIT = "1.2.840.10008.1.2.1"
KIND = (CT_IMAGE_STORAGE, EXPLICIT)
LOOPBACK_NET = (ip_network("127.0.0.0/8"),)


def named(ae_title: str, most: int = 1000) -> SourceRule:
    return SourceRule(
        name=ae_title.lower(), networks=LOOPBACK_NET, ae_title=ae_title, max_associations=most
    )


def refused(listening: Listening, calling_ae: str) -> bool:
    try:
        associate(listening.peer(calling_ae=calling_ae), [KIND]).release()
    except AssociationRejected:
        return True
    return False


def test_a_source_is_added_and_another_taken_away():
    with Listening(sources=[named("ONE")], receivers=2) as listening:
        assert refused(listening, "TWO")
        with associate(listening.peer(calling_ae="ONE"), [KIND]):
            listening.renew(named("TWO"))
            assert not refused(listening, "TWO")
            assert refused(listening, "ONE")
            # What is open goes on, though its source is no more.
            listening.statistics(lambda now: "one" in now.sources and now.sources["one"].open == 1)
        wait_for(lambda: len(listening.sink.ended) == 2)
    assert {each.outcome for each in listening.sink.ended} == {"released"}


def test_caps_and_what_is_accepted_change():
    with Listening(sources=[named("ONE", most=1)]) as listening:
        only_echo = ReceiveOptions(acceptance=Acceptance(sop_classes=frozenset()))
        with associate(listening.peer(calling_ae="ONE"), [KIND]):
            assert refused(listening, "ONE")
            listening.renew(named("ONE", most=2), options=only_echo)
            with associate(listening.peer(calling_ae="ONE"), [KIND]) as second:
                assert not second.contexts
        assert echo(listening.peer(calling_ae="ONE")) == 0


def test_the_bound_on_all_changes_and_what_is_open_stays():
    with (
        Listening(sources=[LOOPBACK]) as listening,
        SilentClient(listening.port),
        SilentClient(listening.port),
    ):
        wait_for(lambda: listening.door.statistics().connections == 2)
        listening.renew(LOOPBACK, limits=DoorLimits(max_associations=2))
        assert refused(listening, "TEST")
        assert listening.door.statistics().connections == 2
        listening.renew(LOOPBACK, limits=DoorLimits(max_associations=3))
        assert not refused(listening, "TEST")


def test_a_receiver_without_room_in_its_channel_gets_no_connection_until_it_has_the_rules():
    with Listening(sources=[LOOPBACK], receivers=0) as listening:
        channel, end = channel_pair()
        listening.door.attach("slow", channel)
        filled = 0
        while channel.send(Connection(number=0, listener=0, address="x" * 1000), wait=False):
            filled += 1
        assert filled
        listening.renew(named("ONE"))
        assert refused(listening, "ONE")  # no receiver takes it
        for _ in range(filled):
            end.recv(131_072)
        wait_for(lambda: not listening.door._receivers[0].is_behind)
        received = Channel(end).receive()
        assert received is not None
        message, descriptor = received
        assert message == Renew()
        assert descriptor is not None
        assert isinstance(listening._read_renewal(descriptor), Renewal)
        close_descriptor(descriptor)
        end.close()


def test_patience_is_for_what_comes_under_watch_later():
    class Watched:
        def __init__(self) -> None:
            self.marks = Marks(Phase.BETWEEN)
            self.expired: list[object] = []

        def expire(self, expiry: object) -> None:
            self.expired.append(expiry)

        def cut(self) -> None:
            self.expired.append("cut")

    now = [0.0]
    watchdog = Watchdog(Patience(idle_seconds=100), clock=lambda: now[0])
    early, late = Watched(), Watched()
    watchdog.watch(early)
    watchdog.renew(Patience(idle_seconds=10))
    watchdog.watch(late)
    now[0] = 50.0
    watchdog.look()
    assert not early.expired
    assert late.expired


def test_descriptors_are_not_left_open():
    with Listening(sources=[LOOPBACK], receivers=2) as listening:
        assert echo(listening.peer()) == 0
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(40):
            listening.renew(LOOPBACK)
        assert echo(listening.peer()) == 0
        wait_for(lambda: len(os.listdir("/proc/self/fd")) <= before)


def test_rules_that_no_descriptor_was_left_for_come_later(monkeypatch: pytest.MonkeyPatch):
    with Listening(sources=[named("ONE")]) as listening:
        make, left = os.memfd_create, [errno.EMFILE, errno.EMFILE]

        def scarce(name: str, flags: int) -> int:
            if left:
                raise OSError(left.pop(), "too many open files")
            return make(name, flags)

        monkeypatch.setattr(os, "memfd_create", scarce)
        listening.renew(named("TWO"))
        assert not left or refused(listening, "ONE"), "nobody comes in by rules that are past"
        wait_for(lambda: not left and not refused(listening, "TWO"))
        assert refused(listening, "ONE")
