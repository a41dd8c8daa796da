"""The small pure parts: deadlines, bursts, names, plans, offers, messages between processes."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID_dictionary

from causeway.dimse import (
    VERIFICATION,
    AssociateRequest,
    AsyncWindow,
    ContextResult,
    RoleSelection,
    offer,
)
from causeway.dimse.negotiation import check_answer
from causeway.net import (
    Acceptance,
    AssociationIds,
    DoorStatistics,
    Outgoing,
    Patience,
    ReceiverStatistics,
    SourceCounts,
    StoreResult,
    plan,
)
from causeway.net.burst import MOST_ADDRESSES, BurstSummary
from causeway.net.handover import (
    Admit,
    Admitted,
    AssociationEnded,
    Channel,
    Connection,
    ConnectionClosed,
    Message,
    Refresh,
    Renew,
    Snapshot,
    Stop,
    channel_pair,
    decode,
    encode,
    snapshots,
)
from causeway.net.pace import Expiry, Marks, Pace, Phase, Waiting
from causeway.net.peer import AssociationRejected, NotNegotiated, Peer

# Deadlines

PATIENCE = Patience(
    handshake_seconds=5,
    artim_seconds=10,
    closing_seconds=2,
    idle_seconds=60,
    stall_seconds=20,
    minimum_bytes_per_second=1000,
)


class Watch:
    """A peer under a watch that looks each quarter of a second."""

    def __init__(self, phase: Phase, patience: Patience = PATIENCE) -> None:
        self.now = 1000.0
        self.marks = Marks(phase)
        self.pace = Pace(patience, self.now, phase)

    def spend(self, seconds: float, *, bytes_per_second: float = 0) -> tuple[Expiry, float] | None:
        """What expired, and after how many seconds."""
        began = self.now
        while self.now - began < seconds:
            self.now += 0.25
            self.marks.received += round(bytes_per_second / 4)
            expiry = self.pace.look(self.now, self.marks)
            if expiry is not None:
                return expiry, self.now - began
        return None

    def settle(self, phase: Phase) -> None:
        self.marks.settled, self.marks.phase = self.marks.received, phase


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.HANDSHAKE, (Expiry.HANDSHAKE, 5)),
        (Phase.OPENING, (Expiry.ARTIM, 10)),
        (Phase.BETWEEN, (Expiry.IDLE, 60)),
        (Phase.OBJECT, (Expiry.STALLED, 20)),
        (Phase.CLOSING, (Expiry.ARTIM, 2)),
    ],
)
def test_silence_ends_each_phase(phase: Phase, expected: tuple[Expiry, float]):
    assert Watch(phase).spend(100) == expected


@pytest.mark.parametrize("phase", [Phase.HANDSHAKE, Phase.OPENING, Phase.CLOSING])
def test_dripping_does_not_prolong_the_beginning_nor_the_end(phase: Phase):
    assert Watch(phase).spend(100, bytes_per_second=500_000) is not None


def test_the_request_has_its_own_time_after_the_handshake():
    watch = Watch(Phase.HANDSHAKE)
    assert watch.spend(4) is None
    watch.marks.phase = Phase.OPENING
    assert watch.spend(100) == (Expiry.ARTIM, 10.25)


def test_a_drip_is_no_progress():
    expired = Watch(Phase.OBJECT).spend(1000, bytes_per_second=4)
    assert expired is not None
    assert expired[0] is Expiry.STALLED
    assert 20 <= expired[1] < 21


def test_half_the_minimum_rate_lasts_twice_as_long():
    expired = Watch(Phase.OBJECT).spend(1000, bytes_per_second=500)
    assert expired == (Expiry.STALLED, pytest.approx(40, abs=1))


def test_a_slow_link_may_take_for_ever():
    assert Watch(Phase.OBJECT).spend(10_000, bytes_per_second=1100) is None


def test_credit_does_not_pile_up():
    watch = Watch(Phase.OBJECT)
    assert watch.spend(60, bytes_per_second=1_000_000) is None
    assert watch.spend(100) == (Expiry.STALLED, 20)


def test_at_no_minimum_rate_any_byte_counts():
    patience = Patience(stall_seconds=20, minimum_bytes_per_second=0)
    watch = Watch(Phase.OBJECT, patience)
    assert watch.spend(200, bytes_per_second=4) is None
    assert watch.spend(100) == (Expiry.STALLED, 20)


def test_half_a_pdu_between_objects_is_no_idleness():
    watch = Watch(Phase.BETWEEN)
    watch.marks.received += 3
    assert watch.spend(100) == (Expiry.STALLED, pytest.approx(20, abs=0.5))


def test_time_of_our_own_is_not_charged():
    watch = Watch(Phase.OBJECT)
    watch.marks.waiting = Waiting.NOT
    assert watch.spend(1000) is None
    watch.marks.waiting = Waiting.TO_RECEIVE
    assert watch.spend(100) == (Expiry.STALLED, 20)


def test_an_answer_that_is_not_read_is_a_stall_and_no_idleness():
    watch = Watch(Phase.BETWEEN)
    watch.marks.waiting = Waiting.TO_SEND
    assert watch.spend(100) == (Expiry.STALLED, 20)


def test_each_message_starts_anew():
    watch = Watch(Phase.OBJECT)
    for _ in range(10):
        assert watch.spend(15) is None
        watch.marks.received += 1
        watch.settle(Phase.OBJECT)
    watch.settle(Phase.BETWEEN)
    assert watch.spend(100) == (Expiry.IDLE, 60.25)


# Bursts


def test_a_burst_is_told_once_when_it_is_over():
    bursts = BurstSummary(quiet_seconds=2, longest_seconds=60)
    assert bursts.poll(0) is None
    for number in range(1000):
        bursts.note(10 + number / 1000, "a" if number % 4 else "b", f"10.0.0.{number % 3}")
        assert bursts.poll(10 + number / 1000) is None
    assert bursts.poll(12.9) is None
    burst = bursts.poll(13.0)
    assert burst is not None
    assert (burst.refused, burst.reasons) == (1000, {"a": 750, "b": 250})
    assert (burst.addresses, burst.example) == (3, "10.0.0.0")
    assert burst.seconds == pytest.approx(1.0, abs=0.01)
    assert bursts.poll(20) is None


def test_a_burst_without_end_is_told_at_intervals():
    bursts = BurstSummary(quiet_seconds=2, longest_seconds=60)
    told = []
    for second in range(180):
        bursts.note(second, "a", "10.0.0.1")
        if (burst := bursts.poll(second)) is not None:
            told.append(burst.refused)
    assert len(told) == 2
    assert sum(told) + 180 % 61 == pytest.approx(180, abs=3)


def test_a_flood_of_addresses_costs_no_memory():
    bursts = BurstSummary()
    for number in range(10_000):
        bursts.note(0, "a", str(number))
    burst = bursts.poll(0, final=True)
    assert burst is not None
    assert burst.addresses == MOST_ADDRESSES
    assert burst.refused == 10_000


# Names of associations


def test_names_sort_by_time_and_are_unique():
    now = [1_800_000_000.0]
    ids = AssociationIds(lambda: now[0], random.Random(1).getrandbits)
    names = []
    for step in (0.0, 0.0, 0.0, 0.001, 5.0, -60.0, 0.0, 86_400.0):
        now[0] += step
        names.append(ids())
    assert names == sorted(set(names))
    assert {len(name) for name in names} == {15}
    assert set("".join(names)) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_processes_do_not_collide_in_the_same_millisecond():
    one = AssociationIds(lambda: 1_800_000_000.0)
    other = AssociationIds(lambda: 1_800_000_000.0)
    assert {one() for _ in range(100)}.isdisjoint({other() for _ in range(100)})


# What is accepted

CT, PRIVATE, FIND = (
    "1.2.840.10008.5.1.4.1.1.2",
    "1.3.12.2.1107.5.9.1",
    "1.2.840.10008.5.1.4.1.2.1.1",
)
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
JPEG, GE = "1.2.840.10008.1.2.4.70", "1.2.840.113619.5.2"


def request(*contexts: tuple[str, tuple[str, ...]], **fields: object) -> AssociateRequest:
    return AssociateRequest(
        called_ae="CAUSEWAY",
        calling_ae="CT1",
        contexts=offer(contexts),
        **fields,  # type: ignore[arg-type]
    )


def chosen(acceptance: Acceptance, abstract: str, *syntaxes: str) -> str | int:
    (answer,) = acceptance.answer(request((abstract, syntaxes))).contexts
    return answer.transfer_syntax if answer.result == 0 else answer.result


@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ((IMPLICIT,), IMPLICIT),
        ((IMPLICIT, EXPLICIT), EXPLICIT),
        ((BIG, IMPLICIT), IMPLICIT),
        ((BIG, IMPLICIT, EXPLICIT), EXPLICIT),
        ((JPEG, EXPLICIT), JPEG),
        ((EXPLICIT, JPEG), EXPLICIT),
        ((IMPLICIT, JPEG), JPEG),
        ((GE,), GE),
        ((BIG,), BIG),
        (("1.2.3.4.5",), "1.2.3.4.5"),
    ],
)
def test_the_sender_chooses_unless_it_loses_by_it(offered: tuple[str, ...], taken: str):
    assert chosen(Acceptance(), CT, *offered) == taken


def test_every_storage_class_of_the_standard_is_taken():
    on_media_only = "1.2.840.10008.1.3.10"  # Media Storage Directory: the DICOMDIR
    for uid, (name, kind, *_) in UID_dictionary.items():
        if (
            kind == "SOP Class"
            and uid != on_media_only
            and name.split(" (Retired)")[0].endswith("Storage")
        ):
            assert Acceptance().takes(uid), name


def test_what_is_no_storage_is_not_taken():
    assert chosen(Acceptance(), FIND, IMPLICIT) == ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    for uid, (name, kind, *_) in UID_dictionary.items():
        if kind == "SOP Class" and name.endswith((" FIND", " MOVE", " GET")):
            assert not Acceptance().takes(uid), name


def test_private_classes_can_be_declined():
    assert chosen(Acceptance(), PRIVATE, EXPLICIT) == EXPLICIT
    declined = ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert chosen(Acceptance(private_sop_classes=False), PRIVATE, EXPLICIT) == declined
    assert chosen(Acceptance(private_sop_classes=False), CT, EXPLICIT) == EXPLICIT


def test_lists_narrow_what_is_taken_and_never_shut_out_verification():
    narrow = Acceptance(sop_classes=frozenset({CT}), transfer_syntaxes=frozenset({EXPLICIT}))
    assert chosen(narrow, CT, JPEG, EXPLICIT) == EXPLICIT
    assert chosen(narrow, CT, JPEG) == ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
    assert chosen(narrow, PRIVATE, EXPLICIT) == ContextResult.ABSTRACT_SYNTAX_NOT_SUPPORTED
    assert chosen(narrow, VERIFICATION, EXPLICIT) == EXPLICIT
    assert chosen(narrow, VERIFICATION, IMPLICIT) == IMPLICIT


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((EXPLICIT, IMPLICIT), (IMPLICIT, EXPLICIT)),
        ((EXPLICIT,), (EXPLICIT, "")),
        ((EXPLICIT, JPEG), (EXPLICIT,)),
    ],
    ids=["another order", "an empty one more", "one more that is not taken"],
)
def test_an_identifier_that_means_two_things_is_answered_with_a_refusal(
    one: tuple[str, ...], other: tuple[str, ...]
):
    """What differs in the offer must not become the same by what is left out of it."""
    offered = request((CT, one), (CT, other))
    first, second = offered.contexts
    doubled = replace(offered, contexts=(first, replace(second, context_id=first.context_id)))
    answer = Acceptance(transfer_syntaxes=frozenset({EXPLICIT, IMPLICIT})).answer(doubled)
    assert [each.result for each in answer.contexts] == [ContextResult.USER_REJECTION]
    check_answer(doubled, answer)


def test_window_and_roles_are_answered():
    answer = Acceptance().answer(
        request(
            (CT, (EXPLICIT,)),
            async_window=AsyncWindow(invoked=8, performed=8),
            roles=(RoleSelection(sop_class_uid=CT, scu_role=True, scp_role=True),),
        )
    )
    assert answer.async_window == AsyncWindow(invoked=1, performed=1)
    assert answer.roles == (RoleSelection(sop_class_uid=CT, scu_role=True, scp_role=False),)
    assert Acceptance().answer(request((CT, (EXPLICIT,)))).async_window is None


# Plans and results of sending


def outgoing(sop_class: str, syntax: str = EXPLICIT, number: int = 0) -> Outgoing:
    return Outgoing(
        sop_class_uid=sop_class,
        sop_instance_uid=f"1.2.{number}",
        transfer_syntax_uid=syntax,
        data=b"",
        key=number,
    )


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3))), st.integers(1, 7))
def test_a_plan_carries_everything_once_within_the_bound(kinds: list[tuple[int, int]], most: int):
    instances = [
        outgoing(f"1.2.{sop_class}", f"1.3.{syntax}", number)
        for number, (sop_class, syntax) in enumerate(kinds)
    ]
    batches = plan(instances, most)
    carried = [each.key for batch in batches for each in batch.instances]
    assert sorted(carried) == list(range(len(kinds)))
    for batch in batches:
        assert len(batch.kinds) <= most
        assert {each.kind for each in batch.instances} == set(batch.kinds)
        keys = [each.key for each in batch.instances]
        assert keys == sorted(keys)
    assert len(batches) == -(-len(set(kinds)) // most)


PEER = Peer(host="10.0.0.9", port=104, called_ae="PACS")


@pytest.mark.parametrize(
    ("status", "stored", "temporary"),
    [
        (0x0000, True, False),
        (0xB000, True, False),
        (0xB007, True, False),
        (0xA700, False, True),
        (0xA702, False, True),
        (0x0110, False, True),
        (0x0122, False, False),
        (0x0124, False, False),
        (0xA900, False, False),
        (0xC123, False, False),
    ],
)
def test_statuses_say_whether_to_try_again(status: int, stored: bool, temporary: bool):
    result = StoreResult(outgoing=outgoing(CT), status=status)
    assert (result.stored, result.temporary) == (stored, temporary)
    assert f"{status:04X}" in str(result)


def test_errors_say_whether_to_try_again():
    def temporary(error: NotNegotiated | AssociationRejected) -> bool:
        return StoreResult(outgoing=outgoing(CT), error=error).temporary

    assert not temporary(NotNegotiated("no"))
    assert temporary(AssociationRejected(PEER, 2, 3, 1))
    assert not temporary(AssociationRejected(PEER, 1, 1, 7))


def test_rejections_are_told_in_words():
    assert "called AE title not recognized" in str(AssociationRejected(PEER, 1, 1, 7))
    assert "temporary congestion" in str(AssociationRejected(PEER, 2, 3, 1))
    assert "source 9, reason 8" in str(AssociationRejected(PEER, 7, 9, 8))


def test_instances_do_not_show_themselves():
    shown = repr(outgoing(CT, number=77))
    assert "1.2.77" not in shown


# Between processes

COUNTS = SourceCounts(associations=3, open=1, objects=7, bytes=9, last_object_at=1.5)
STATISTICS = ReceiverStatistics(
    at=12.5, connections=2, sources={"ct1": COUNTS}, refused={"no space": 1}, ended={"lost": 4}
)


@pytest.mark.parametrize(
    "message",
    [
        Connection(number=1, listener=0, address="10.0.0.9"),
        Admit(number=1, source="ct1"),
        Admitted(number=1, granted=True),
        AssociationEnded(number=1),
        ConnectionClosed(number=1),
        Snapshot(statistics=STATISTICS),
        Refresh(),
        Renew(),
        Stop(drain_seconds=2.5),
    ],
)
def test_messages_come_out_as_they_went_in(message: Message):
    assert decode(encode(message)) == message


def test_the_channel_carries_messages_and_its_own_end():
    door, end = channel_pair()
    assert door.send(Stop(drain_seconds=0))
    with pytest.raises(BlockingIOError):
        door.receive(wait=False)
    end.close()
    assert door.receive() is None
    assert not door.send(Refresh())
    door.close()


def test_the_counts_of_a_thousand_sources_fit_the_channel():
    many = {f"{'source' * 9}-{number:05}": COUNTS for number in range(1500)}
    door, end = channel_pair()
    receiver, gathered = Channel(end), {}
    for snapshot in snapshots(replace(STATISTICS, sources=many)):
        assert receiver.send(snapshot, wait=False)
        received = door.receive(wait=False)
        assert received is not None
        assert isinstance(received[0], Snapshot)
        assert received[0].statistics.ended == STATISTICS.ended
        gathered |= received[0].statistics.sources
    assert gathered == many
    assert len(list(snapshots(ReceiverStatistics()))) == 1, "also the sign that it lives"
    door.close()
    receiver.close()


def test_a_full_channel_does_not_block_who_does_not_wait():
    door, end = channel_pair()
    with end:
        sent = 0
        while door.send(Refresh(), wait=False):
            sent += 1
        assert sent > 100
    door.close()


def test_statistics_add_up_over_receivers_and_their_deaths():
    gone = ReceiverStatistics() + STATISTICS
    assert gone.connections == 0
    assert gone.sources["ct1"].open == 0
    assert gone.sources["ct1"].objects == 7
    door = DoorStatistics(receivers={"a": STATISTICS, "b": STATISTICS}, past=gone, refused={"x": 1})
    assert door.sources["ct1"].objects == 21
    assert door.sources["ct1"].open == 2
    assert door.sources["ct1"].last_object_at == 1.5
    assert door.all_refused == {"x": 1, "no space": 3}
    assert door.ended == {"lost": 12}
