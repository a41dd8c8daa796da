"""What the peer must not do: each mistake gets its A-ABORT, and nothing that follows is read."""

from __future__ import annotations

import pytest
from dimse_pair import CT_IMAGE, Pair, events, feed_whole, joined

from causeway.dimse import (
    NEED_DATA,
    VERIFICATION,
    AbortReason,
    AssociateRequest,
    Association,
    CEchoRQ,
    CStoreRQ,
    LimitExceeded,
    Limits,
    ProtocolError,
    Role,
    State,
    TransportClosed,
    offer,
)

REQUEST = AssociateRequest(
    called_ae="A", calling_ae="B", contexts=offer([(VERIFICATION, ["1.2.840.10008.1.2"])])
)
STORE = CStoreRQ(message_id=1, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid="1.2.3")
UNRECOGNIZED = AbortReason.UNRECOGNIZED_PDU
UNEXPECTED = AbortReason.UNEXPECTED_PDU
UNEXPECTED_PARAMETER = AbortReason.UNEXPECTED_PDU_PARAMETER
INVALID = AbortReason.INVALID_PDU_PARAMETER_VALUE


def pdata(*pdvs: tuple[int, int, bytes], rest: bytes = b"") -> bytes:
    """A P-DATA-TF PDU of (context, control, content), and what should not be behind them."""
    body = b"".join(
        (len(content) + 2).to_bytes(4, "big") + bytes((context, control)) + content
        for context, control, content in pdvs
    )
    body += rest
    return b"\4\0" + len(body).to_bytes(4, "big") + body


ECHO_COMMAND = joined(Pair().requestor.encode_response(1, CEchoRQ(message_id=1)))[12:]
STORE_COMMAND = joined(Pair().requestor.send_message(3, STORE, b""))[12:-12]
BARE_RESPONSE = (
    b"\0\0\0\1\2\0\0\0\x30\x80"  # command field 8030H
    b"\0\0\x20\1\2\0\0\0\1\0"  # answers message 1
    b"\0\0\0\x08\2\0\0\0\1\1"  # no data set
    b"\0\0\0\x09\2\0\0\0\0\0"  # success
)

ESTABLISHED = {
    "http": (b"GET / HTTP/1.1\r\n", UNRECOGNIZED),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc", UNRECOGNIZED),
    "zeros": (bytes(6), UNRECOGNIZED),
    "type 8": (b"\x08", UNRECOGNIZED),
    "a second request, by its header": (b"\1\0\xff\xff\xff\xff", UNEXPECTED),
    "an answer": (b"\2\0\0\0\0\4", UNEXPECTED),
    "a release response": (b"\6\0\0\0\0\4", UNEXPECTED),
    "a release of five bytes": (b"\5\0\0\0\0\5", INVALID),
    "an abort of four gigabytes": (b"\7\0\xff\xff\xff\xff", INVALID),
    "data of four gigabytes": (b"\4\0\xff\xff\xff\xff", INVALID),
    "data one byte too long": (b"\4\0\0\2\0\1", INVALID),
    "half a PDV header": (b"\4\0\0\0\0\3\0\0\0", INVALID),
    "a PDV longer than its PDU": (b"\4\0\0\0\0\6\0\0\0\3\1\3", INVALID),
    "a PDV of no bytes": (b"\4\0\0\0\0\6\0\0\0\0\1\3", INVALID),
    "a PDV of one byte": (b"\4\0\0\0\0\6\0\0\0\1\1\3", INVALID),
    "rest behind the last PDV": (pdata((1, 3, ECHO_COMMAND), rest=b"\0"), INVALID),
    "a context that was not accepted": (pdata((99, 3, ECHO_COMMAND)), INVALID),
    "data without a command": (pdata((3, 2, b"data")), UNEXPECTED_PARAMETER),
    "a command inside a data set": (
        pdata((3, 3, STORE_COMMAND), (3, 3, STORE_COMMAND)),
        UNEXPECTED_PARAMETER,
    ),
    "another context inside a data set": (
        pdata((3, 3, STORE_COMMAND), (1, 2, b"data")),
        UNEXPECTED_PARAMETER,
    ),
    "another context inside a command": (
        pdata((3, 1, STORE_COMMAND[:10]), (1, 1, b"more")),
        UNEXPECTED_PARAMETER,
    ),
    "data inside a command": (
        pdata((3, 1, STORE_COMMAND[:10]), (3, 2, b"data")),
        UNEXPECTED_PARAMETER,
    ),
    "a release inside a message": (
        pdata((3, 3, STORE_COMMAND)) + b"\5\0\0\0\0\4\0\0\0\0",
        UNEXPECTED,
    ),
    "a data set's PDU too long": (
        pdata((3, 3, STORE_COMMAND)) + pdata((3, 2, bytes(131_072 - 5))),
        INVALID,
    ),
    "a command inside a data set, in a PDU of its own": (
        pdata((3, 3, STORE_COMMAND)) + pdata((3, 3, STORE_COMMAND)),
        UNEXPECTED_PARAMETER,
    ),
    "another context inside a data set, in a PDU of its own": (
        pdata((3, 3, STORE_COMMAND)) + pdata((1, 2, b"data")),
        UNEXPECTED_PARAMETER,
    ),
    "a PDV longer than its PDU inside a data set": (
        pdata((3, 3, STORE_COMMAND)) + b"\4\0\0\0\0\x08\0\0\0\x08\3\0ab" + bytes(8),
        INVALID,
    ),
    "an empty command": (pdata((1, 3, b"")), INVALID),
    "a command without a type": (pdata((1, 3, BARE_RESPONSE[10:])), INVALID),
    "an element longer than the command": (pdata((1, 3, ECHO_COMMAND[:-1])), INVALID),
    "an element without a header": (pdata((1, 3, ECHO_COMMAND + b"\0\0\0\0")), INVALID),
    "an answer to nothing": (pdata((1, 3, BARE_RESPONSE)), UNEXPECTED_PARAMETER),
    "an identifier in use": (
        pdata((1, 3, ECHO_COMMAND), (1, 3, ECHO_COMMAND)),
        UNEXPECTED_PARAMETER,
    ),
}


def first_error(association: Association, raw: bytes) -> ProtocolError:
    association.receive_data(raw)
    with pytest.raises(ProtocolError) as caught:
        events(association)
    return caught.value


@pytest.mark.parametrize("mistake", ESTABLISHED)
def test_in_an_association(mistake: str) -> None:
    raw, reason = ESTABLISHED[mistake]
    association = Pair().acceptor
    error = first_error(association, raw)
    assert error.abort_reason is reason
    assert error.reply == b"\7\0\0\0\0\4\0\0\2" + bytes((reason,))
    assert RULES.get(mistake, "") in str(error)
    deaf(association)


RULES = {
    "half a PDV header": "the middle of a PDV's header",
    "rest behind the last PDV": "the middle of a PDV's header",
    "a PDV longer than its PDU": "length does not agree",
    "a PDV longer than its PDU inside a data set": "length does not agree",
    "a PDV of no bytes": "length does not agree",
    "a PDV of one byte": "length does not agree",
    "data one byte too long": "131073",
    "a data set's PDU too long": "131073",
}
"""Where several rules would end alike: the one that has to notice first, before it reads on."""


def deaf(association: Association) -> None:
    """It has ended: whatever comes now makes no event, no error, and is not kept."""
    assert association.state is State.STA13
    assert association.artim_running
    for more in (b"\4\0\xff\xff\xff\xff", bytes(range(256)) * 64, b"\7\0\0\0\0\4\0\0\0\0"):
        assert feed_whole(association, more) == []
    assert association._buffer.start == association._buffer.end
    assert len(association.get_buffer()) > 0
    assert association.abort() == b""
    association.transport_closed()
    assert events(association) == [TransportClosed(abrupt=False)]


@pytest.mark.parametrize("mistake", ESTABLISHED)
def test_byte_by_byte_is_the_same(mistake: str) -> None:
    raw, reason = ESTABLISHED[mistake]
    association = Pair().acceptor
    with pytest.raises(ProtocolError) as caught:  # noqa: PT012
        for position in range(len(raw)):
            association.receive_data(raw[position : position + 1])
            events(association)
        # Some need another byte than the ones above to be seen.
        association.receive_data(b"\0")
        events(association)
    assert caught.value.abort_reason is reason


BEFORE = {
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "data": b"\4\0\0\0\0\6",
    "a release": b"\5\0\0\0\0\4",
    "a request of four gigabytes": b"\1\0\xff\xff\xff\xff",
    "a request too short": b"\1\0\0\0\0\x10" + bytes(16),
    "an item longer than its PDU": b"\1\0\0\0\0\x48\0\1" + bytes(66) + b"\x10\0\0\1",
    "half an item header": b"\1\0\0\0\0\x46\0\1" + bytes(66) + b"\x10\0",
}


@pytest.mark.parametrize("mistake", BEFORE)
def test_before_an_association(mistake: str) -> None:
    """AA-1: the abort's source is the service user, and it has no reason."""
    association = Association(Role.ACCEPTOR)
    error = first_error(association, BEFORE[mistake])
    assert error.reply == b"\7\0\0\0\0\4\0\0\0\0"
    deaf(association)


def with_user_item(item: bytes) -> bytes:
    """A request whose user information is ``item``."""
    body = Association(Role.REQUESTOR).associate(REQUEST)[6:]
    head = body[: body.index(b"\x50\0\0")]
    user = b"\x50\0" + len(item).to_bytes(2, "big") + item
    return b"\1\0" + len(head + user).to_bytes(4, "big") + head + user


ITEMS = {
    "maximum length of three bytes": b"\x51\0\0\3\0\0\0",
    "maximum length of seven": b"\x51\0\0\4\0\0\0\7",
    "window of two bytes": b"\x53\0\0\2\0\1",
    "role without roles": b"\x54\0\0\3\0\0011",
    "role with one role": b"\x54\0\0\4\0\0011\1",
    "role whose UID is longer": b"\x54\0\0\5\0\x091\1\1",
    "extended without a length": b"\x56\0\0\1\0",
    "common extended cut short": b"\x57\0\0\6\0\0011\0\0011",
    "related class cut short": b"\x57\0\0\x0a\0\0011\0\0011\0\2\0\2",
    "identity without a type": b"\x58\0\0\1\1",
    "identity without a field": b"\x58\0\0\3\1\0\0",
    "identity without a second field": b"\x58\0\0\5\1\0\0\1a",
    "an item longer than the rest": b"\x55\0\0\xff",
}


@pytest.mark.parametrize("mistake", ITEMS)
def test_in_user_information(mistake: str) -> None:
    error = first_error(Association(Role.ACCEPTOR), with_user_item(ITEMS[mistake]))
    assert error.abort_reason is INVALID


@pytest.mark.parametrize(
    "harmless",
    [
        b"",
        b"\x99\0\0\4abcd",  # not defined
        b"\x52\0\0\0",  # an empty implementation class UID
        b"\x55\0\0\x14" + b"TWENTY CHARACTERS OK",  # the standard has 16
        b"\x51\0\0\4\0\0\x40\0" * 2,  # twice
    ],
)
def test_harmless_user_information(harmless: bytes) -> None:
    association = Association(Role.ACCEPTOR)
    assert len(feed_whole(association, with_user_item(harmless))) == 1


# Bounds.


def test_too_many_contexts() -> None:
    request = AssociateRequest(
        called_ae="A",
        calling_ae="B",
        contexts=offer([(VERIFICATION, ["1.2"])] * 5),
    )
    association = Association(Role.ACCEPTOR, limits=Limits(max_contexts=4))
    error = first_error(association, Association(Role.REQUESTOR).associate(request))
    assert isinstance(error, LimitExceeded)
    assert "4 presentation contexts" in str(error)


def test_too_many_transfer_syntaxes() -> None:
    request = AssociateRequest(
        called_ae="A", calling_ae="B", contexts=offer([(VERIFICATION, ["1.2"] * 5)])
    )
    association = Association(Role.ACCEPTOR, limits=Limits(max_transfer_syntaxes=4))
    assert isinstance(
        first_error(association, Association(Role.REQUESTOR).associate(request)), LimitExceeded
    )


def test_too_many_user_items() -> None:
    association = Association(Role.ACCEPTOR, limits=Limits(max_user_items=4))
    assert isinstance(first_error(association, with_user_item(b"\x99\0\0\0" * 5)), LimitExceeded)


def test_a_request_too_long() -> None:
    association = Association(Role.ACCEPTOR, limits=Limits(max_associate_length=1_024))
    error = first_error(association, b"\1\0\0\0\4\1")
    assert isinstance(error, LimitExceeded)
    assert "1025" in str(error)


@pytest.mark.parametrize("step", [1, 100])
def test_a_command_too_long(step: int) -> None:
    """In one fragment or in many."""
    association = Pair(acceptor=Limits(max_command_length=1_024)).acceptor
    whole = bytes(1_100)
    raw = b"".join(
        pdata((1, 1, whole[position : position + step])) for position in range(0, 1_100, step)
    )
    error = first_error(association, raw)
    assert isinstance(error, LimitExceeded)
    assert sum(map(len, association._incoming._command_parts)) == 0


def test_empty_fragments_of_a_command_are_not_kept() -> None:
    association = Pair().acceptor
    for _ in range(1_000):
        assert feed_whole(association, pdata((1, 1, b""))) == []
    assert association._incoming._command_parts == []
    assert len(feed_whole(association, pdata((1, 3, ECHO_COMMAND)))) == 1


def test_empty_fragments_of_a_data_set_are_not_told() -> None:
    association = Pair().acceptor
    assert len(feed_whole(association, pdata((3, 3, STORE_COMMAND)))) == 1
    for _ in range(1_000):
        assert feed_whole(association, pdata((3, 0, b""))) == []
    (last,) = feed_whole(association, pdata((3, 2, b"")))
    assert last.last


def test_an_empty_pdu_says_nothing() -> None:
    association = Pair().acceptor
    assert feed_whole(association, pdata() * 3 + pdata((1, 3, ECHO_COMMAND))) != []


def test_too_many_requests_without_an_answer() -> None:
    pair = Pair(acceptor=Limits(max_outstanding=3))
    raw = [
        Pair().requestor.encode_response(1, CEchoRQ(message_id=message_id))
        for message_id in range(1, 5)
    ]
    assert len(feed_whole(pair.acceptor, b"".join(raw[:3]))) == 3
    error = first_error(pair.acceptor, raw[3])
    assert isinstance(error, LimitExceeded)


def test_too_many_fragments_held() -> None:
    association = Pair(acceptor=Limits(max_held_fragments=16)).acceptor
    feed_whole(association, pdata((3, 3, STORE_COMMAND)))
    for _ in range(10):
        assert len(feed_whole(association, pdata((3, 0, b"x")) * 16)) == 16
        association.release_fragments()
    error = first_error(association, pdata((3, 0, b"x")) * 17)
    assert isinstance(error, LimitExceeded)


def test_too_many_bytes_held() -> None:
    limits = Limits(max_pdu_length=4_096, max_held_bytes=1_000_000)
    association = Pair(acceptor=limits).acceptor
    feed_whole(association, pdata((3, 3, STORE_COMMAND)))
    piece = pdata((3, 0, bytes(4_000)))
    held = []
    with pytest.raises(LimitExceeded, match="held"):  # noqa: PT012
        for _ in range(1_000):
            view = association.get_buffer()[: len(piece)]
            view[:] = piece[: len(view)]
            association.buffer_updated(len(view))
            rest = piece[len(view) :]
            if rest:
                association.receive_data(rest)
            held += events_without_copy(association)
    # One block beyond the bound at most, and what was handed out is intact.
    assert 1_000_000 < sum(len(event.data) for event in held) * 1.1 < 1_700_000
    # Still held: that is told once.
    assert association._buffer.held_bytes > 1_000_000
    deaf(association)


def events_without_copy(association: Association) -> list:
    found = []
    while (event := association.next_event()) is not NEED_DATA:
        found.append(event)
    return found


def test_a_data_set_too_long() -> None:
    """Each data set is counted by itself, all its fragments together."""
    pair = Pair(acceptor=Limits(max_data_set_length=1_000))
    association = pair.acceptor
    for _ in range(3):
        feed_whole(association, pdata((3, 3, STORE_COMMAND)))
        assert len(feed_whole(association, pdata((3, 0, bytes(500)), (3, 2, bytes(500))))) == 2
        association.encode_response(3, STORE.response(0))
    feed_whole(association, pdata((3, 3, STORE_COMMAND)))
    assert len(feed_whole(association, pdata((3, 0, bytes(500)), (3, 0, bytes(500))))) == 2
    assert isinstance(first_error(association, pdata((3, 2, b"x"))), LimitExceeded)


def test_commands_are_counted_one_by_one() -> None:
    association = Pair(acceptor=Limits(max_command_length=1_024)).acceptor
    for _ in range(30):
        first, rest = ECHO_COMMAND[:20], ECHO_COMMAND[20:]
        assert len(feed_whole(association, pdata((1, 1, first)) + pdata((1, 3, rest)))) == 1
        association.encode_response(1, CEchoRQ(message_id=1).response())


def test_errors_do_not_quote_the_peer() -> None:
    """A message can go to a log: it has numbers, and nothing that the peer wrote."""
    for raw, _ in ESTABLISHED.values():
        association = Pair().acceptor
        association.receive_data(raw)
        with pytest.raises(ProtocolError) as caught:  # noqa: PT012
            events(association)
            association.receive_data(b"\0")
            events(association)
        assert "HTTP" not in str(caught.value)
        assert "1.2" not in str(caught.value)
