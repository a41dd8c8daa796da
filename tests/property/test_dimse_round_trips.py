"""What is written is read again, whatever it is; and pynetdicom agrees where it can."""

from __future__ import annotations

from dimse_strategies import answers, commands, requests, uids
from hypothesis import given
from hypothesis import strategies as st

from causeway.dimse import (
    AssociateAnswer,
    AssociateRequest,
    Command,
    CStoreRQ,
    CStoreRSP,
    Limits,
    negotiate,
)
from causeway.dimse.commandset import CommandReader, ResponseWriter, decode, encode
from causeway.dimse.names import is_valid_uid
from causeway.dimse.negotiation import agreed
from causeway.dimse.readers import read_answer, read_request
from causeway.dimse.writers import write_answer, write_request

LIMITS = Limits()


@given(requests)
def test_requests(request: AssociateRequest) -> None:
    raw = write_request(request)
    assert int.from_bytes(raw[2:6], "big") == len(raw) - 6
    assert read_request(raw[6:], LIMITS) == request


@given(answers)
def test_answers(answer: AssociateAnswer) -> None:
    raw = write_answer(answer, bytes(range(64)))
    assert int.from_bytes(raw[2:6], "big") == len(raw) - 6
    assert raw[10:74] == bytes(range(64))
    assert read_answer(raw[6:], LIMITS) == answer


@given(commands, st.booleans())
def test_commands(command: Command, has_data: bool) -> None:
    raw = encode(command, has_data=has_data)
    assert len(raw) % 2 == 0
    assert int.from_bytes(raw[8:12], "little") == len(raw) - 12
    assert decode(raw) == (command, has_data)


store_requests = st.builds(
    CStoreRQ,
    message_id=st.integers(0, 0xFFFF),
    affected_sop_class_uid=st.sampled_from(["1.2.840.10008.5.1.4.1.1.2", "1.2.3"]),
    affected_sop_instance_uid=uids,
    priority=st.sampled_from([0, 1, 2]),
    move_originator_ae_title=st.sampled_from(["", "", "ASKER"]),
    move_originator_message_id=st.sampled_from([None, None, 7]),
)


@given(st.lists(st.tuples(st.one_of(store_requests, commands), st.booleans()), max_size=12))
def test_the_reading_lane_agrees(sent: list[tuple[Command, bool]]) -> None:
    reader = CommandReader()
    for command, has_data in sent:
        raw = encode(command, has_data=has_data)
        assert reader.read(raw) == decode(raw) == (command, has_data)


@given(
    st.lists(store_requests, min_size=2, max_size=4),
    st.binary(max_size=6),
    st.integers(0, 200),
    st.integers(0, 40),
)
def test_the_reading_lane_agrees_on_damage(
    sent: list[CStoreRQ], damage: bytes, at: int, cut: int
) -> None:
    """A command that is nearly the one before: both ways give the same, or the same error."""
    reader = CommandReader()
    for command in sent[:-1]:
        reader.read(encode(command, has_data=True))
    raw = encode(sent[-1], has_data=True)
    raw = raw[:at] + damage + raw[at + cut :]
    assert outcome(reader.read, raw) == outcome(decode, raw)


def outcome(read, raw: bytes) -> object:
    try:
        return read(raw)
    except Exception as error:
        return type(error), str(error)


responses = st.builds(
    CStoreRSP,
    message_id_being_responded_to=st.integers(0, 0xFFFF),
    status=st.integers(0, 0xFFFF),
    affected_sop_class_uid=st.sampled_from(["1.2.840.10008.5.1.4.1.1.2", "1.2.3", ""]),
    affected_sop_instance_uid=uids,
    error_comment=st.sampled_from(["", "", "no"]),
)


@given(st.lists(responses, max_size=12))
def test_the_writing_lane_agrees(sent: list[CStoreRSP]) -> None:
    writer = ResponseWriter()
    for response in sent:
        assert writer.encode(response) == encode(response, has_data=False)


@given(requests)
def test_an_answer_fits_its_offer(request: AssociateRequest) -> None:
    """Whatever is offered: a line for each identifier, a proposed syntax, both sides agree."""
    answer = negotiate(request)
    offered: dict[int, list[tuple[str, ...]]] = {}
    for context in request.contexts:
        offered.setdefault(context.context_id, []).append(context.transfer_syntaxes)
    assert [line.context_id for line in answer.contexts] == list(offered)
    for line in answer.contexts:
        if line.result == 0:
            assert all(line.transfer_syntax in syntaxes for syntaxes in offered[line.context_id])
    ours = agreed(request, answer, requestor=True)
    theirs = agreed(request, answer, requestor=False)
    assert ours.keys() == theirs.keys()
    assert len(ours) == answer.accepted_count
    for context_id in ours:
        assert ours[context_id].scu_role == theirs[context_id].scp_role
        assert ours[context_id].scp_role == theirs[context_id].scu_role


@given(uids)
def test_validity_of_uids(uid: str) -> None:
    parts = uid.split(".")
    expected = len(uid) <= 64 and all(
        part != "" and set(part) <= set("0123456789") and (part == "0" or part[0] != "0")
        for part in parts
    )
    assert is_valid_uid(uid) is expected
