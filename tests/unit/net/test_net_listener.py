"""The listener with well-behaved peers: what is taken, refused, counted, drained and told."""

from __future__ import annotations

import os
import socket
import threading
import time
from ipaddress import ip_network

import pytest

from causeway.dimse import VERIFICATION, AssociateRejected
from causeway.errors import OutOfSpace, StartupError
from causeway.net import (
    Acceptance,
    Admission,
    AssociationLost,
    AssociationRejected,
    Door,
    DoorLimits,
    ListenerOptions,
    NotNegotiated,
    Outgoing,
    ReceiveOptions,
    Refusal,
    SourceRule,
    Stopped,
    StoreResult,
    Unreachable,
    associate,
    echo,
    send,
)
from causeway.net.handover import (
    Channel,
    Connection,
    ConnectionClosed,
    channel_pair,
    close_descriptor,
)
from causeway.testing.listening import AT_ONCE_SECONDS, LOOPBACK, Listening, RecordingSink, wait_for
from causeway.testing.peers import (
    CT_IMAGE_STORAGE,
    HalfObjectSender,
    ImpatientSender,
    ScriptedClient,
    SilentClient,
)

EXPLICIT = "1.2.840.10008.1.2.1"


def objects(*sizes: int) -> list[Outgoing]:
    return [
        Outgoing(
            sop_class_uid=CT_IMAGE_STORAGE,
            sop_instance_uid=f"1.2.3.{number}",
            transfer_syntax_uid=EXPLICIT,
            data=(number.to_bytes(4, "big") * (size // 4 + 1))[:size],
        )
        for number, size in enumerate(sizes)
    ]


def store(listening: Listening, *sizes: int) -> list[StoreResult]:
    return list(send(listening.peer(), objects(*sizes)))


@pytest.mark.parametrize("holds", [False, True], ids=["copies", "holds"])
def test_objects_of_all_sizes_arrive_as_they_were_sent(holds: bool):
    sizes = (2, 100, 4_096, 131_060, 131_066, 131_072, 262_144, 1_000_000, 3_000_002, 2)
    with Listening(sink=RecordingSink(holds=holds)) as listening:
        results = store(listening, *sizes)
        assert [result.status for result in results] == [0] * len(sizes)
        kept = listening.sink.kept
        assert [each.data for each in kept] == [each.data for each in objects(*sizes)]
        assert {each.transfer_syntax_uid for each in kept} == {EXPLICIT}
        wait_for(lambda: listening.sink.ended)
    (ended,) = listening.sink.ended
    assert (ended.outcome, ended.stored) == ("released", len(sizes))
    assert ended.caller == kept[0].caller
    assert ended.caller.source == "loopback"
    assert ended.caller.address == "127.0.0.1"
    assert (ended.caller.calling_ae, ended.caller.called_ae) == ("TEST", "CAUSEWAY")


def test_echo_and_events():
    with Listening() as listening:
        assert echo(listening.peer()) == 0
        wait_for(lambda: listening.events("association.ended"))
        (accepted,) = listening.events("association.accepted")
        (ended,) = listening.events("association.ended")
        assert accepted["association"] == ended["association"]
        assert ended["outcome"] == "released"


def test_a_sender_that_does_not_wait_is_served_in_order():
    sent = [os.urandom(size) for size in (10, 200_000, 20, 30_000, 40)]
    with Listening() as listening, ImpatientSender(listening.port, window=8) as sender:
        assert sender.send_all(sent) == [number << 16 for number in range(1, 6)]
        assert [each.data for each in listening.sink.kept] == sent


def test_a_refused_object_is_drained_and_the_next_one_taken():
    with Listening() as listening, associate(listening.peer(), [objects(4)[0].kind]) as to:
        large, small = objects(2_000_000, 100)
        listening.sink.refuse_with = 0xA700
        assert to.store(large).status == 0xA700
        listening.sink.refuse_with = None
        assert to.store(small).status == 0
        assert [each.data for each in listening.sink.kept] == [small.data]
        statistics = listening.statistics(lambda now: "loopback" in now.sources)
    assert statistics.sources["loopback"].refused_objects == 1


@pytest.mark.parametrize("where", ["begin", "write", "finish"])
@pytest.mark.parametrize(
    ("error", "status"), [(RuntimeError("PATIENT^NAME"), 0x0110), (OutOfSpace("full"), 0xA700)]
)
def test_a_sink_that_fails_costs_one_object(where: str, error: Exception, status: int):
    with Listening() as listening, associate(listening.peer(), [objects(4)[0].kind]) as to:
        listening.sink.fail_at, listening.sink.error = where, error
        assert to.store(objects(500_000)[0]).status == status
        listening.sink.fail_at = ""
        assert to.store(objects(500_000)[0]).status == 0
        assert listening.sink.aborted == (where != "begin")
        told = listening.events("sink.failed")
        assert len(told) == (status == 0x0110)
    assert len(listening.sink.kept) == 1


def test_a_sink_that_fails_at_the_end_is_told_and_nothing_else():
    with Listening() as listening:
        listening.sink.fail_at = "association_ended"
        assert echo(listening.peer()) == 0
        wait_for(lambda: listening.events("association.ended"))
        assert listening.events("sink.failed")[0]["during"] == "association_ended"


def test_what_is_not_served_is_declined_in_order():
    with (
        Listening() as listening,
        associate(
            listening.peer(), [("1.2.840.10008.5.1.4.1.2.2.1", EXPLICIT), (VERIFICATION, EXPLICIT)]
        ) as to,
    ):
        assert to.echo() == 0
        with pytest.raises(NotNegotiated):
            to.context("1.2.840.10008.5.1.4.1.2.2.1")


def test_an_object_over_the_context_of_verification_is_refused():
    with Listening() as listening, associate(listening.peer(), [(VERIFICATION, EXPLICIT)]) as to:
        stray = Outgoing(
            sop_class_uid=VERIFICATION,
            sop_instance_uid="1.2.3",
            transfer_syntax_uid=EXPLICIT,
            data=bytes(300_000),
        )
        assert to.store(stray).status == 0x0122
        assert to.echo() == 0
    assert listening.sink.kept == []


def test_acceptance_is_configurable():
    options = ReceiveOptions(acceptance=Acceptance(transfer_syntaxes=frozenset({"1.2.3"})))
    with Listening(options=options) as listening:
        (result,) = store(listening, 100)
        assert isinstance(result.error, NotNegotiated)


# Who is refused, and how


def rejected(listening: Listening, **who: str) -> tuple[int, int, int]:
    with pytest.raises(AssociationRejected) as caught:
        echo(listening.peer(**who))
    return caught.value.result, caught.value.source, caught.value.reason


def test_wrong_titles_are_refused_for_good():
    ct1 = SourceRule(name="ct1", ae_title="CT1", networks=(ip_network("127.0.0.0/8"),))
    with Listening(sources=[ct1]) as listening:
        assert rejected(listening, calling_ae="CT2") == (1, 1, 3)
        assert rejected(listening, calling_ae="CT1", called_ae="OTHER") == (1, 1, 7)
        assert echo(listening.peer(calling_ae="CT1")) == 0
        now = listening.statistics(lambda now: len(now.all_refused) == 2)
        assert now.all_refused == {Refusal.CALLING_AE_TITLE: 1, Refusal.CALLED_AE_TITLE: 1}
        wait_for(lambda: listening.events("associations.refused"))
    (burst,) = listening.events("associations.refused")
    assert burst["refused"] == 2
    assert (burst["calling_ae"], burst["called_ae"]) == ("CT2", "CAUSEWAY"), "what to look for"
    assert listening.sink.ended[0].caller.source == "ct1"


def test_any_called_title_if_so_configured():
    listener = ListenerOptions(ae_title="CAUSEWAY", port=0, any_called_ae=True)
    with Listening(listeners=[listener]) as listening:
        assert echo(listening.peer(called_ae="OTHER")) == 0


def test_several_listeners_have_titles_of_their_own():
    listeners = [ListenerOptions(ae_title=title, port=0) for title in ("ONE", "TWO")]
    with Listening(listeners=listeners) as listening:
        assert echo(listening.peer(called_ae="ONE")) == 0
        assert rejected(listening, called_ae="TWO") == (1, 1, 7)
        listening.port = listening.door.addresses[1][1]
        assert echo(listening.peer(called_ae="TWO")) == 0


ELSEWHERE = SourceRule(name="far", networks=(ip_network("192.0.2.0/24"),))


def test_an_unlisted_address_is_told_so():
    with Listening(sources=[ELSEWHERE]) as listening:
        assert rejected(listening) == (1, 1, 3)
        assert listening.door.statistics().refused == {Refusal.ADDRESS: 1}
        assert listening.door.statistics().handed_over == 0
        wait_for(lambda: listening.events("associations.refused"))
    (burst,) = listening.events("associations.refused")
    assert burst["example"] == "127.0.0.1"


def test_a_crowd_of_strangers_is_closed_without_a_word_and_told_in_one_line():
    limits = DoorLimits(refusals_at_once=4, refusal_seconds=0.5)
    with Listening(sources=[ELSEWHERE], limits=limits) as listening:
        crowd = [SilentClient(listening.port) for _ in range(40)]
        try:
            assert all(each.closed_by_peer() for each in crowd)
        finally:
            for each in crowd:
                each.close()
        now = listening.door.statistics()
        assert now.refused == {Refusal.ADDRESS: 40}
        assert now.unanswered >= 20
        assert now.refusing <= 4
        wait_for(lambda: listening.events("associations.refused"))
        assert len(listening.events("associations.refused")) == 1
        assert rejected(listening) == (1, 1, 3)


def test_a_silent_probe_from_an_unlisted_address_is_counted_without_a_line():
    with Listening(sources=[ELSEWHERE]) as listening:
        for _ in range(3):
            SilentClient(listening.port).close()
        wait_for(lambda: listening.door.statistics().refused == {Refusal.ADDRESS: 3})
    assert listening.events("associations.refused") == []


def test_a_probe_from_a_listed_address_is_no_event():
    with Listening() as listening:
        SilentClient(listening.port).close()
        listening.statistics(lambda now: now.ended == {"silent": 1})
    assert listening.told == []


def test_no_room_on_the_disk_is_a_reason_to_come_back():
    full: list[Refusal | None] = [Refusal.NO_SPACE]
    with Listening(admitting=lambda: full[0]) as listening:
        assert rejected(listening) == (2, 3, 1)
        full[0] = None
        assert echo(listening.peer()) == 0


# Caps


def capped(most: int) -> SourceRule:
    return SourceRule(name="ct1", networks=(ip_network("127.0.0.0/8"),), max_associations=most)


def test_a_source_has_its_cap_over_all_receivers():
    with Listening(sources=[capped(3)], receivers=2) as listening:
        kinds = [(VERIFICATION, EXPLICIT)]
        held = [associate(listening.peer(), kinds) for _ in range(3)]
        assert rejected(listening) == (2, 3, 2)
        held.pop().release()
        held.append(associate(listening.peer(), kinds))
        for each in held:
            each.abort()
        listening.statistics(
            lambda now: (
                now.all_refused == {Refusal.SOURCE_LIMIT: 1}
                and now.sources["ct1"].associations == 4  # a receiver tells once a second
            )
        )


def test_a_source_at_its_cap_that_releases_may_come_back_at_once():
    with Listening(sources=[capped(1)], receivers=2) as listening:
        for _ in range(100):
            assert echo(listening.peer()) == 0


def test_those_who_are_silent_use_up_their_address_and_not_the_listener():
    with Listening(sources=[capped(1)]) as listening:
        room = Admission([capped(1)]).screen("127.0.0.1")
        crowd = [SilentClient(listening.port) for _ in range(room)]
        wait_for(lambda: listening.door.statistics().handed_over == room)
        assert rejected(listening) == (2, 3, 2)
        assert listening.door.statistics().refused == {Refusal.ADDRESS_LIMIT: 1}
        for each in crowd:
            each.close()
        wait_for(lambda: listening.door.statistics().connections == 0)
        assert echo(listening.peer()) == 0


def test_the_total_has_a_cap():
    with Listening(limits=DoorLimits(max_associations=5), receivers=2) as listening:
        crowd = [SilentClient(listening.port) for _ in range(5)]
        wait_for(lambda: listening.door.statistics().connections == 5)
        assert rejected(listening) == (2, 3, 2)
        for each in crowd:
            each.close()
        wait_for(lambda: listening.door.statistics().connections == 0)
        assert echo(listening.peer()) == 0


def test_connections_go_to_the_receiver_with_the_fewest():
    with Listening(receivers=3) as listening:
        kinds = [(VERIFICATION, EXPLICIT)]
        held = [associate(listening.peer(), kinds) for _ in range(9)]
        now = listening.statistics(
            lambda now: sum(each.connections for each in now.receivers.values()) == 9
        )
        assert [each.connections for each in now.receivers.values()] == [3, 3, 3]
        for each in held:
            each.release()


def test_a_connection_that_is_closed_twice_counts_once_and_the_door_goes_on():
    with Listening(sources=[capped(1)], receivers=0) as listening:
        channel, end = channel_pair()
        listening.door.attach("stutters", channel)
        receiver = Channel(end)
        with socket.create_connection(("127.0.0.1", listening.port)):
            received = receiver.receive()
            assert received is not None
            message, descriptor = received
            assert isinstance(message, Connection)
            close_descriptor(descriptor)
            for number in (message.number, message.number, 4711):
                assert receiver.send(ConnectionClosed(number=number))
            wait_for(lambda: listening.door.statistics().connections == 0)
        receiver.close()
        wait_for(lambda: listening.events("receiver.lost"))
        assert not listening.door._by_address, "counted down twice"
        listening.add_receiver("receiver-0")
        assert echo(listening.peer()) == 0


def test_without_a_receiver_there_is_an_answer():
    with Listening(receivers=0) as listening:
        assert rejected(listening) == (2, 3, 1)
        listening.add_receiver("late")
        assert echo(listening.peer()) == 0


# Stop, and the death of either side


def test_a_drain_finishes_the_object_in_hand():
    with Listening() as listening:
        listening.sink.gate.clear()
        results: list[StoreResult] = []
        sender = threading.Thread(
            target=lambda: results.extend(send(listening.peer(), objects(500_000, 100)))
        )
        sender.start()
        idle = associate(listening.peer(), [(VERIFICATION, EXPLICIT)])
        wait_for(lambda: len(listening.events("association.accepted")) == 2)
        wait_for(lambda: listening.sink.begun)
        stopper = threading.Thread(target=listening.stop, args=(5.0,))
        stopper.start()
        with pytest.raises(AssociationLost, match="aborted"):
            idle.next_event("waiting")
        with pytest.raises(Unreachable):
            echo(listening.peer())
        assert not results
        listening.sink.gate.set()
        stopper.join(10)
        sender.join(10)
    assert [result.status for result in results] == [0, None]
    assert isinstance(results[1].error, AssociationLost)
    assert listening.stopped == [Stopped.ASKED]
    assert {each.outcome for each in listening.sink.ended} == {"aborted"}


def test_a_stop_without_drain_aborts_at_once():
    with Listening() as listening, HalfObjectSender(listening.port) as half:
        wait_for(lambda: listening.events("association.accepted"))
        began = time.monotonic()
        assert listening.stop(0)
        assert time.monotonic() - began < AT_ONCE_SECONDS
        assert half.closed_by_peer()
    assert listening.sink.aborted == 1


def test_a_drain_has_an_end():
    with Listening() as listening, HalfObjectSender(listening.port):
        wait_for(lambda: listening.sink.begun)  # what has no object in hand is not waited for
        began = time.monotonic()
        assert listening.stop(0.5)
        assert 0.4 < time.monotonic() - began < AT_ONCE_SECONDS
    assert listening.sink.aborted == 1


def test_a_door_that_had_no_descriptor_left_stops_all_the_same():
    with Listening() as listening, HalfObjectSender(listening.port):
        wait_for(lambda: listening.sink.begun)
        with listening.door._lock:  # as after an accept that found none
            listening.door._pause()
            listening.door._paused_until = time.monotonic() + 0.1
        assert listening.stop(1.0)


def test_a_receiver_that_is_orphaned_stops_by_itself():
    with Listening() as listening, HalfObjectSender(listening.port) as half:
        wait_for(lambda: listening.events("association.accepted"))
        with listening.door._lock:
            (receiver,) = listening.door._receivers
            listening.door._lose(receiver)
        assert half.closed_by_peer()
        wait_for(lambda: listening.stopped == [Stopped.ORPHANED])
    assert listening.sink.aborted == 1


def test_what_a_dead_receiver_had_is_reclaimed():
    with Listening(sources=[capped(1)]) as listening:
        held = associate(listening.peer(), [(VERIFICATION, EXPLICIT)])
        assert rejected(listening) == (2, 3, 2)
        wait_for(lambda: listening.door.statistics().connections == 1)
        with listening.door._lock:
            (receiver,) = listening.door._receivers
            listening.door._lose(receiver)
        assert listening.door.statistics().connections == 0
        assert listening.events("receiver.lost") == [{"process": "receiver-0", "associations": 1}]
        listening.add_receiver("receiver-0")
        assert echo(listening.peer()) == 0
        held.abort()


# Ports


def test_a_port_that_is_taken_is_a_clear_error_and_none_stays_bound():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with socket.create_server(("127.0.0.1", 0)) as other:
            free = other.getsockname()[1]
        listeners = [
            ListenerOptions(ae_title="ONE", port=free),
            ListenerOptions(ae_title="TWO", port=port),
        ]
        with pytest.raises(StartupError, match=f"127.0.0.1:{port}.*another program"):
            Door(listeners, admission=Admission([LOOPBACK]), emit=lambda *_, **__: None)
    with socket.create_server(("127.0.0.1", free)):
        pass


def test_an_address_of_somebody_else_is_a_clear_error():
    with pytest.raises(StartupError, match=r"192\.0\.2\.1.*ip address"):
        Door(
            [ListenerOptions(ae_title="ONE", host="192.0.2.1", port=0)],
            admission=Admission([LOOPBACK]),
            emit=lambda *_, **__: None,
        )


def test_a_door_may_be_stopped_twice_and_before_it_started():
    door = Door(
        [ListenerOptions(ae_title="ONE", port=0)],
        admission=Admission([LOOPBACK]),
        emit=lambda *_, **__: None,
    )
    assert door.stop(5.0)
    assert door.stop(5.0)


def test_ipv6_is_served_like_ipv4():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    source = SourceRule(name="six", networks=(ip_network("::1/128"),))
    listener = ListenerOptions(ae_title="CAUSEWAY", host="::1", port=0)
    with (
        Listening(sources=[source], listeners=[listener]) as listening,
        ScriptedClient(listening.port, host="::1") as client,
    ):
        assert not isinstance(client.associate(), AssociateRejected)
        wait_for(lambda: listening.events("association.accepted"))
        assert listening.events("association.accepted")[0]["address"] == "::1"


def test_no_name_is_looked_up(monkeypatch: pytest.MonkeyPatch):
    def never(*_: object) -> None:
        raise AssertionError("a name was looked up")

    for name in ("gethostbyaddr", "getfqdn", "getnameinfo", "gethostbyname"):
        monkeypatch.setattr(socket, name, never)
    with Listening() as listening:
        assert echo(listening.peer()) == 0
