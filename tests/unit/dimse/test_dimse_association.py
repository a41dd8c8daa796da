"""Two associations joined in memory: what services do over them, and what goes wrong."""

from __future__ import annotations

import dataclasses

import pytest
from dimse_pair import (
    CT_IMAGE,
    FIND,
    GET,
    Feed,
    Pair,
    data_set,
    events,
    feed_buffer,
    feed_bytes,
    feed_whole,
    joined,
)

from causeway.dimse import (
    NEED_DATA,
    VERIFICATION,
    Aborted,
    AbortReason,
    AbortSource,
    AssociateRequest,
    AssociateRequested,
    Association,
    AsyncWindow,
    CCancelRQ,
    CEchoRQ,
    CFindRQ,
    CGetRQ,
    CGetRSP,
    CStoreRQ,
    FragmentReceived,
    Limits,
    LocalProtocolError,
    MessageReceived,
    Policy,
    ProtocolError,
    ReleaseConfirmed,
    ReleaseRequested,
    Role,
    RoleSelection,
    State,
    TransportClosed,
    UserIdentity,
    negotiate,
    offer,
)

REQUESTOR_IS_SCP = (RoleSelection(sop_class_uid=CT_IMAGE, scu_role=True, scp_role=True),)


def store(message_id: int, uid: str = "1.2.3") -> CStoreRQ:
    return CStoreRQ(
        message_id=message_id, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid=uid
    )


def test_echo() -> None:
    pair = Pair()
    request = CEchoRQ(message_id=1)
    assert pair.request(1, request) == [MessageReceived(1, request, False)]
    assert pair.answer(1, request.response()) == [MessageReceived(1, request.response(), False)]
    assert pair.requestor.operations == pair.acceptor.operations == (0, 0)


@pytest.mark.parametrize("feed", [feed_whole, feed_bytes, feed_buffer])
@pytest.mark.parametrize(
    "size", [0, 1, 2, 4_089, 4_090, 4_091, 8_180, 8_181, 50_000], ids=lambda size: f"{size}B"
)
def test_store(size: int, feed: Feed) -> None:
    small = Limits(max_pdu_length=4_096)
    pair = Pair(acceptor=small, feed=feed)
    content = bytes(index * 7 % 251 for index in range(size))
    found = pair.request(3, store(1), content)
    assert data_set(found) == content
    assert found[0] == MessageReceived(3, store(1), True)
    # No PDU is longer than what the acceptor announced, and none but the last is short.
    expected = max(1, -(-size // 4_090))
    assert len(found) - 1 == expected
    assert pair.answer(3, store(1).response(0)) == [MessageReceived(3, store(1).response(0), False)]


def test_the_largest_pdu_is_announced_and_obeyed() -> None:
    pair = Pair(requestor=Limits(max_pdu_length=8_192), acceptor=Limits(max_pdu_length=4_096))
    assert pair.acceptor.peer.max_pdu_length == 8_192
    assert pair.requestor.peer.max_pdu_length == 4_096
    sent = joined(pair.requestor.send_message(3, store(1), bytes(10_000)))
    position, lengths = 0, []
    while position < len(sent):
        lengths.append(int.from_bytes(sent[position + 2 : position + 6], "big"))
        position += 6 + lengths[-1]
    assert max(lengths) == 4_096


def test_no_limit_is_limited_by_us() -> None:
    """A peer that says 0 gets PDUs of our own bound."""
    requestor = Association(Role.REQUESTOR, limits=Limits(max_sent_pdu_length=8_192))
    request = AssociateRequest(
        called_ae="A", calling_ae="B", contexts=offer([(CT_IMAGE, ["1.2.840.10008.1.2"])])
    )
    acceptor = Association(Role.ACCEPTOR)
    (asked,) = feed_whole(acceptor, requestor.associate(request))
    assert isinstance(asked, AssociateRequested)
    raw = acceptor.accept(negotiate(asked.request))
    announced = b"\x51\0\0\x04" + (131_072).to_bytes(4, "big")
    assert announced in raw
    feed_whole(requestor, raw.replace(announced, b"\x51\0\0\x04\0\0\0\0"))
    assert requestor.peer.max_pdu_length == 0
    found = feed_whole(acceptor, joined(requestor.send_message(1, store(1), bytes(20_000))))
    assert len(data_set(found)) == 20_000
    assert [len(event.data) for event in found[1:]] == [8_186, 8_186, 3_628]


def test_find_with_pending_answers_and_cancel() -> None:
    pair = Pair()
    request = CFindRQ(message_id=9, affected_sop_class_uid=FIND)
    assert data_set(pair.request(5, request, b"identifier")) == b"identifier"
    for number in range(3):
        match = f"match {number}".encode()
        assert data_set(pair.answer(5, request.response(0xFF00), match)) == match
    cancel = CCancelRQ(message_id_being_responded_to=9)
    assert pair.request(5, cancel) == [MessageReceived(5, cancel, False)]
    # A match that crossed the cancel still arrives.
    assert data_set(pair.answer(5, request.response(0xFF01), b"late")) == b"late"
    pair.answer(5, request.response(0xFE00))
    assert pair.requestor.operations == pair.acceptor.operations == (0, 0)
    with pytest.raises(LocalProtocolError):
        pair.acceptor.encode_response(5, request.response(0x0000))
    # A cancel that crossed the last answer is no mistake.
    assert pair.request(5, cancel) == [MessageReceived(5, cancel, False)]


def test_get_with_sub_operations() -> None:
    pair = Pair(roles=REQUESTOR_IS_SCP)
    assert pair.requestor.contexts[3].scp_role
    assert pair.acceptor.contexts[3].scu_role
    request = CGetRQ(message_id=1, affected_sop_class_uid=GET)
    pair.request(7, request, b"identifier")
    for number in (1, 2):
        # Message identifiers of the two directions are apart: both start at 1.
        found = pair.answer(3, store(number), b"object")
        assert data_set(found) == b"object"
        pair.request(3, store(number).response(0))
        pending = CGetRSP(
            message_id_being_responded_to=1,
            status=0xFF00,
            affected_sop_class_uid=GET,
            number_of_remaining_suboperations=2 - number,
        )
        assert pair.answer(7, pending) == [MessageReceived(7, pending, False)]
    pair.answer(7, dataclasses.replace(pending, status=0, number_of_remaining_suboperations=None))
    assert pair.requestor.operations == pair.acceptor.operations == (0, 0)


def test_without_role_selection_the_acceptor_does_not_store() -> None:
    pair = Pair()
    pair.request(7, CGetRQ(message_id=1, affected_sop_class_uid=GET), b"identifier")
    with pytest.raises(LocalProtocolError, match="role"):
        pair.acceptor.send_message(3, store(1), b"object")


@pytest.mark.parametrize("first", ["requestor", "acceptor"])
def test_release_from_either_side(first: str) -> None:
    pair = Pair()
    if first == "requestor":
        assert pair.to_acceptor(pair.requestor.release()) == [ReleaseRequested()]
        assert pair.to_requestor(pair.acceptor.release_response()) == [ReleaseConfirmed()]
        asked, answered = pair.requestor, pair.acceptor
    else:
        assert pair.to_requestor(pair.acceptor.release()) == [ReleaseRequested()]
        assert pair.to_acceptor(pair.requestor.release_response()) == [ReleaseConfirmed()]
        asked, answered = pair.acceptor, pair.requestor
    # Who asked closes; who answered waits for it, with ARTIM running.
    assert asked.must_close
    assert asked.state is State.STA1
    assert not answered.must_close
    assert answered.artim_running
    answered.transport_closed()
    assert events(answered) == [TransportClosed(abrupt=False)]
    assert answered.state is State.STA1


def test_release_collision() -> None:
    """PS3.8 section 7.2.2.7: the requestor answers first, the acceptor waits for that."""
    pair = Pair()
    from_requestor, from_acceptor = pair.requestor.release(), pair.acceptor.release()
    assert pair.to_requestor(from_acceptor) == [ReleaseRequested(collision=True)]
    assert pair.to_acceptor(from_requestor) == [ReleaseRequested(collision=True)]
    with pytest.raises(LocalProtocolError):
        pair.acceptor.release_response()
    assert pair.to_acceptor(pair.requestor.release_response()) == [ReleaseConfirmed()]
    assert not pair.acceptor.must_close
    assert pair.to_requestor(pair.acceptor.release_response()) == [ReleaseConfirmed()]
    assert pair.requestor.must_close
    assert pair.acceptor.state is State.STA13


def test_messages_still_arrive_after_a_release_was_asked_for() -> None:
    """Sta7, action AR-6; and Sta8, action AR-7."""
    pair = Pair()
    request = CFindRQ(message_id=1, affected_sop_class_uid=FIND)
    pair.request(5, request, b"identifier")
    pair.to_acceptor(pair.requestor.release())
    assert data_set(pair.answer(5, request.response(0xFF00), b"match")) == b"match"
    pair.answer(5, request.response(0))
    assert pair.to_requestor(pair.acceptor.release_response()) == [ReleaseConfirmed()]


def test_abort() -> None:
    pair = Pair()
    sent = pair.requestor.abort(AbortSource.SERVICE_PROVIDER, AbortReason.UNEXPECTED_PDU)
    assert pair.to_acceptor(sent) == [Aborted(2, 2)]
    assert pair.acceptor.must_close
    assert pair.requestor.artim_running
    # What was on its way to the one that aborted is of no interest any more.
    assert pair.to_requestor(b"\4\0\0\0\0\6\0\0\0\2\1\2") == []


def test_abort_in_the_middle_of_a_data_set() -> None:
    pair = Pair()
    whole = joined(pair.requestor.send_message(3, store(1), bytes(300_000)))
    found = pair.to_acceptor(whole[:200_000])
    assert isinstance(found[-1], FragmentReceived)
    pair.acceptor.abort()
    assert pair.to_acceptor(whole[200_000:]) == []
    assert pair.to_acceptor(pair.requestor.abort()) == [Aborted(0, 0)]


def test_abort_between_two_messages_of_one_pdu() -> None:
    """What is left of the PDU is passed over, so that the next one is found."""
    pair = Pair()
    one = joined(pair.requestor.encode_response(1, CEchoRQ(message_id=1)))[6:]
    cancel = joined(pair.requestor.encode_response(5, CCancelRQ(message_id_being_responded_to=1)))[
        6:
    ]
    body = one + cancel
    pair.acceptor.receive_data(b"\4\0" + len(body).to_bytes(4, "big") + body)
    assert isinstance(pair.acceptor.next_event(), MessageReceived)
    pair.acceptor.abort()
    assert pair.to_acceptor(pair.requestor.abort()) == [Aborted(0, 0)]


def test_both_abort() -> None:
    pair = Pair()
    one, other = pair.requestor.abort(), pair.acceptor.abort()
    assert pair.to_requestor(other) == [Aborted(0, 0)]
    assert pair.to_acceptor(one) == [Aborted(0, 0)]
    assert pair.requestor.must_close
    assert pair.acceptor.must_close


def test_what_came_before_the_end_is_told_first() -> None:
    pair = Pair()
    pair.acceptor.receive_data(joined(pair.requestor.send_message(3, store(1), b"object")))
    pair.acceptor.receive_data(b"\4\0\0")
    pair.acceptor.receive_data(b"")
    found = events(pair.acceptor)
    assert found[:-1] == [
        MessageReceived(3, store(1), True),
        FragmentReceived(3, memoryview(b"object"), True),
    ]
    assert found[-1] == TransportClosed(abrupt=True)


def test_zero_bytes_from_the_socket_are_the_end() -> None:
    pair = Pair()
    assert len(pair.acceptor.get_buffer()) > 0
    pair.acceptor.buffer_updated(0)
    assert events(pair.acceptor) == [TransportClosed(abrupt=True)]


def test_a_version_of_the_protocol_that_does_not_exist_is_rejected() -> None:
    """AE-6, the other outcome: A-ASSOCIATE-RJ by the provider."""
    acceptor = Association(Role.ACCEPTOR)
    request = AssociateRequest(
        called_ae="A",
        calling_ae="B",
        contexts=offer([(VERIFICATION, ["1.2.840.10008.1.2"])]),
        protocol_version=2,
    )
    acceptor.receive_data(Association(Role.REQUESTOR).associate(request))
    with pytest.raises(ProtocolError) as caught:
        acceptor.next_event()
    assert caught.value.reply == b"\3\0\0\0\0\4\0\1\2\2"
    assert acceptor.state is State.STA13
    assert acceptor.artim_running
    assert feed_whole(acceptor, b"GET / HTTP/1.1") == [], "a mistake is answered once"


def test_more_than_the_version_bit_is_no_reason_to_reject() -> None:
    """Only bit 0 is tested (PS3.8 Table 9-11)."""
    acceptor = Association(Role.ACCEPTOR)
    request = AssociateRequest(
        called_ae="A",
        calling_ae="B",
        contexts=offer([(VERIFICATION, ["1.2.840.10008.1.2"])]),
        protocol_version=3,
    )
    (asked,) = feed_whole(acceptor, Association(Role.REQUESTOR).associate(request))
    assert asked == AssociateRequested(dataclasses.replace(request, max_pdu_length=131_072))


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        (b"  CT1           ", "CT1"),
        (b"CT1\0\0\0\0\0\0\0\0\0\0\0\0\0", "CT1"),
        (b"\0CT1            ", "\0CT1"),
        (b"ct one          ", "ct one"),
        (b"\x01\x1b[31mX         ", "\x01\x1b[31mX"),
        (b"A\0B             ", "A\0B"),
        ("MÜNCHEN".encode().ljust(16), "M\xc3\x9cNCHEN"),
        (b"\xff" * 16, "\xff" * 16),
        (b" " * 16, ""),
        (b"\0" * 16, ""),
    ],
)
def test_odd_titles_survive(raw: bytes, title: str) -> None:
    acceptor = Association(Role.ACCEPTOR)
    request = AssociateRequest(
        called_ae="CALLED", calling_ae="CALLING", contexts=offer([(VERIFICATION, ["1.2"])])
    )
    sent = bytearray(Association(Role.REQUESTOR).associate(request))
    sent[26:42] = raw
    sent[42:74] = bytes(range(32))
    (asked,) = feed_whole(acceptor, bytes(sent))
    assert isinstance(asked, AssociateRequested)
    assert asked.request.calling_ae == acceptor.peer.calling_ae == title
    # The answer has to repeat both titles and the reserved bytes as they came.
    assert acceptor.accept(negotiate(asked.request))[10:74] == sent[10:74]


def test_credentials_and_uids_hide() -> None:
    identity = UserIdentity(type=2, primary=b"someone", secondary=b"secret")
    pair = Pair(user_identity=identity)
    assert pair.acceptor.peer.user_identity == identity
    text = (
        f"{pair.acceptor.peer!r}{store(1, '1.2.999.777')!r}{store(1, '1.2.999.777').response(0)!r}"
    )
    for hidden in ("someone", "secret", "999"):
        assert hidden not in text


# What the caller must not do.


def test_one_operation_at_a_time_unless_negotiated() -> None:
    pair = Pair()
    pair.request(1, CEchoRQ(message_id=1))
    with pytest.raises(LocalProtocolError, match="no more were negotiated"):
        pair.requestor.encode_response(1, CEchoRQ(message_id=2))


def test_an_asynchronous_window() -> None:
    window = AsyncWindow(invoked=0, performed=1)
    pair = Pair(
        async_window=window,
        policy=Policy(abstract_syntax=bool, async_window=AsyncWindow(invoked=3, performed=0)),
    )
    for message_id in (1, 2, 3):
        pair.request(1, CEchoRQ(message_id=message_id))
    with pytest.raises(LocalProtocolError):
        pair.requestor.encode_response(1, CEchoRQ(message_id=4))
    # Answers may come in any order.
    for message_id in (2, 3, 1):
        pair.answer(1, CEchoRQ(message_id=message_id).response())
    pair.request(1, CEchoRQ(message_id=4))


def test_messages_do_not_interleave() -> None:
    pair = Pair()
    pair.to_acceptor(joined(pair.requestor.send_message(1, CEchoRQ(message_id=1))))
    pair.answer(1, CEchoRQ(message_id=1).response())
    half = pair.requestor.send_message(3, store(2), [b"a", b"b"])
    for call in (
        lambda: pair.requestor.encode_response(1, CEchoRQ(message_id=3)),
        lambda: pair.requestor.send_message(1, CEchoRQ(message_id=3)),
        pair.requestor.release,
    ):
        with pytest.raises(LocalProtocolError, match="not been taken"):
            call()
    assert data_set(pair.to_acceptor(half)) == b"ab"
    pair.answer(3, store(2).response(0))
    pair.requestor.release()


def test_half_a_message_leaves_only_an_abort() -> None:
    pair = Pair()

    def broken():
        yield bytes(2_000_000)
        raise OSError("the disk")

    sending = pair.requestor.send_message(3, store(2), broken())
    with pytest.raises(OSError, match="the disk"):  # noqa: PT012
        for buffers in sending:
            pair.to_acceptor([buffers])
    with pytest.raises(LocalProtocolError):
        pair.requestor.release()
    assert pair.to_acceptor(pair.requestor.abort()) == [Aborted(0, 0)]


@pytest.mark.parametrize(
    ("context_id", "command"),
    [
        (9, CEchoRQ(message_id=1)),
        (1, CEchoRQ(message_id=70_000)),
        (1, CEchoRQ(message_id=1, affected_sop_class_uid="\u20ac")),
        (1, CEchoRQ(message_id=1).response()),
        (1, CEchoRQ(message_id=1).response(0x1_0000)),
    ],
)
def test_what_cannot_be_sent_changes_nothing(context_id: int, command) -> None:
    pair = Pair()
    for call in (pair.requestor.encode_response, pair.requestor.send_message):
        with pytest.raises(LocalProtocolError):
            call(context_id, command)
    assert pair.requestor.operations == (0, 0)
    assert pair.request(1, CEchoRQ(message_id=1))


def test_an_answer_goes_back_the_way_it_came() -> None:
    pair = Pair()
    pair.request(3, store(1), b"")
    with pytest.raises(LocalProtocolError):
        pair.acceptor.encode_response(1, store(1).response(0))
    pair.acceptor.encode_response(3, store(1).response(0))


@pytest.mark.parametrize(
    "wrong",
    [
        {"called_ae": "SEVENTEEN LETTERS"},
        {"calling_ae": "\u20ac"},
        {"contexts": ()},
        {"contexts": offer([(VERIFICATION, [])])},
        {"contexts": offer([(VERIFICATION, ["1.2"])]) * 2},
        {"contexts": (dataclasses.replace(offer([("1", ["1"])])[0], context_id=2),)},
        {"contexts": (dataclasses.replace(offer([("1", ["1"])])[0], context_id=257),)},
        {"async_window": AsyncWindow(invoked=70_000)},
        {"user_identity": UserIdentity(type=1, primary=bytes(70_000))},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_offer_that_is_none(wrong: dict[str, object]) -> None:
    request = AssociateRequest(
        called_ae="A", calling_ae="B", contexts=offer([(VERIFICATION, ["1.2"])])
    )
    requestor = Association(Role.REQUESTOR)
    with pytest.raises(LocalProtocolError):
        requestor.associate(dataclasses.replace(request, **wrong))
    assert requestor.state is State.STA1
    assert requestor.associate(request)


def test_the_peer_is_unknown_before_it_speaks() -> None:
    with pytest.raises(LocalProtocolError):
        _ = Association(Role.ACCEPTOR).peer


def test_new_message_ids_are_free() -> None:
    pair = Pair(
        async_window=AsyncWindow(invoked=0, performed=0),
        policy=Policy(abstract_syntax=bool, async_window=AsyncWindow(invoked=0, performed=0)),
    )
    pair.requestor._operations._last_id = 0xFFFE
    used = []
    for _ in range(4):
        message_id = pair.requestor.new_message_id()
        used.append(message_id)
        pair.requestor.encode_response(1, CEchoRQ(message_id=message_id))
    assert used == [0xFFFF, 1, 2, 3]
    assert pair.requestor.next_event() is NEED_DATA
