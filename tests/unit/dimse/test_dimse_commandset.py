"""Command sets: tolerant reading, and the lanes held equal to the general way."""

from __future__ import annotations

import dataclasses
import struct

import pytest

from causeway.dimse import (
    CEchoRQ,
    CFindRQ,
    CFindRSP,
    CStoreRQ,
    CStoreRSP,
    NActionRQ,
    ProtocolError,
    UnrecognizedRQ,
    UnrecognizedRSP,
)
from causeway.dimse.commandset import CommandReader, ResponseWriter, decode, encode

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
STORE = CStoreRQ(message_id=7, affected_sop_class_uid=CT_IMAGE, affected_sop_instance_uid="1.2.3")


def element(number: int, value: bytes, group: int = 0) -> bytes:
    return struct.pack("<HHI", group, number, len(value)) + value


def us(value: int) -> bytes:
    return struct.pack("<H", value)


def split(raw: bytes) -> list[bytes]:
    found = []
    position = 0
    while position < len(raw):
        end = position + 8 + int.from_bytes(raw[position + 4 : position + 8], "little")
        found.append(raw[position:end])
        position = end
    return found


RAW = encode(STORE, has_data=True)
ELEMENTS = split(RAW)

TOLERATED = {
    "without group length": b"".join(ELEMENTS[1:]),
    "with a wrong group length": element(0, b"\xff\xff\xff\xff") + b"".join(ELEMENTS[1:]),
    "with a short group length": element(0, b"\1\0") + b"".join(ELEMENTS[1:]),
    "backwards": b"".join(reversed(ELEMENTS)),
    "with unknown elements": element(0x5110, b"LT") + RAW + element(0x0850, b"xx"),
    "with another group": RAW + element(0x0005, b"CS", group=8),
    "twice": RAW + RAW.replace(us(7), us(8)),
    "UID padded with a space": RAW.replace(b"1.2.3\0", b"1.2.3 "),
    "UID padded with NULs": RAW[:-14] + element(0x1000, b"1.2.3\0\0\0"),
    "UID of odd length": RAW[:-14] + element(0x1000, b"1.2.3"),
    "16 bits in four": RAW.replace(element(0x0110, us(7)), element(0x0110, b"\7\0\0\0")),
    "empty originator": RAW + element(0x1030, b"") + element(0x1031, b""),
    "originator of spaces": RAW + element(0x1030, b"    "),
}


@pytest.mark.parametrize("how", TOLERATED)
def test_read_generously(how: str) -> None:
    assert decode(TOLERATED[how]) == (STORE, True)
    # The lane has seen the usual form, and must not be misled.
    reader = CommandReader()
    assert reader.read(RAW) == (STORE, True)
    assert reader.read(TOLERATED[how]) == (STORE, True)


@pytest.mark.parametrize(
    ("raw", "uid"),
    [(b"", ""), (b"\0", ""), (b"not a uid", "not a uid"), (b"\xff\xfe\0", "\xff\xfe")],
)
def test_uids_are_not_judged(raw: bytes, uid: str) -> None:
    for reader in (CommandReader(), primed()):
        command, _ = reader.read(RAW[:-14] + element(0x1000, raw))
        assert isinstance(command, CStoreRQ)
        assert command.affected_sop_instance_uid == uid


def primed() -> CommandReader:
    reader = CommandReader()
    reader.read(RAW)
    return reader


def test_an_answer_that_repeats_itself_is_read_once_and_the_next_that_differs_is_read() -> None:
    pending = CFindRSP(message_id_being_responded_to=7, affected_sop_class_uid="1.2", status=0xFF00)
    reader = CommandReader()
    first = reader.read(encode(pending, has_data=True))
    assert first == (pending, True)
    assert reader.read(encode(pending, has_data=True))[0] is first[0]
    for other, has_data in (
        (dataclasses.replace(pending, message_id_being_responded_to=8), True),
        (dataclasses.replace(pending, status=0xFF01), True),
        (dataclasses.replace(pending, status=0), False),
        (STORE, True),
        (pending, True),
    ):
        assert reader.read(encode(other, has_data=has_data)) == (other, has_data)


def test_missing_text_is_empty() -> None:
    raw = b"".join(ELEMENTS[2:-1])
    command, _ = decode(raw)
    assert command == dataclasses.replace(
        STORE, affected_sop_class_uid="", affected_sop_instance_uid=""
    )


def test_a_default_is_not_read_into_what_was_not_sent() -> None:
    raw = encode(CEchoRQ(message_id=1, affected_sop_class_uid=""), has_data=False)
    assert decode(raw) == (CEchoRQ(message_id=1, affected_sop_class_uid=""), False)


@pytest.mark.parametrize("missing", [2, 3, 5], ids=["field", "message id", "data set type"])
def test_what_a_message_means_must_be_there(missing: int) -> None:
    with pytest.raises(ProtocolError):
        decode(b"".join(ELEMENTS[:missing] + ELEMENTS[missing + 1 :]))


def test_an_action_needs_its_type() -> None:
    raw = encode(
        NActionRQ(
            message_id=1,
            requested_sop_class_uid="1.2",
            requested_sop_instance_uid="1.3",
            action_type_id=1,
        ),
        has_data=True,
    )
    with pytest.raises(ProtocolError, match="1008"):
        decode(b"".join(one for one in split(raw) if not one.startswith(b"\0\0\x08\x10")))


@pytest.mark.parametrize(
    ("value", "has_data"), [(0x0000, True), (0x0001, True), (0x0102, True), (0x0101, False)]
)
def test_every_type_but_one_means_data(value: int, has_data: bool) -> None:
    raw = RAW.replace(element(0x0800, us(1)), element(0x0800, us(value)))
    for reader in (CommandReader(), primed()):
        assert reader.read(raw) == (STORE, has_data)


@pytest.mark.parametrize(
    ("field", "cls"),
    [(0x0110, UnrecognizedRQ), (0x8140, UnrecognizedRSP), (0x7FFF, UnrecognizedRQ)],
)
def test_unknown_operations_are_told(field: int, cls: type) -> None:
    raw = (
        element(0x0100, us(field))
        + element(0x0110, us(5))
        + element(0x0120, us(6))
        + element(0x0800, us(0x0101))
        + element(0x0900, us(0x0110))
    )
    command, _ = decode(raw)
    assert type(command) is cls
    if isinstance(command, UnrecognizedRQ):
        assert (command.operation, command.message_id) == (field, 5)
        assert command.response().status == 0x0211
        assert command.response().operation == field | 0x8000
    else:
        assert isinstance(command, UnrecognizedRSP)
        assert (command.operation, command.status) == (field, 0x0110)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        RAW[:-1],
        RAW + b"\0\0\0",
        element(0x0100, b"\1") + RAW,
        RAW + struct.pack("<HHI", 0, 2, 0xFFFFFFFF),
        RAW + element(0x0901, b"\0\0")[:-1],
        encode(CEchoRQ(message_id=1).response(), has_data=False) + element(0x0901, b"123"),
    ],
)
def test_garbage_is_a_protocol_error(raw: bytes) -> None:
    for reader in (CommandReader(), primed()):
        with pytest.raises(ProtocolError):
            reader.read(raw)


@pytest.mark.parametrize("size", range(len(RAW)))
def test_a_command_cut_anywhere(size: int) -> None:
    """Cut between elements it may still mean something; else it is an error; the lane agrees."""
    try:
        expected = decode(RAW[:size])
    except ProtocolError:
        with pytest.raises(ProtocolError):
            primed().read(RAW[:size])
    else:
        assert primed().read(RAW[:size]) == expected


@pytest.mark.parametrize("position", range(len(RAW)))
@pytest.mark.parametrize("value", [0x00, 0x01, 0x02, 0x04, 0x10, 0xFF])
def test_a_command_with_one_byte_changed(position: int, value: int) -> None:
    raw = RAW[:position] + bytes((value,)) + RAW[position + 1 :]
    try:
        expected = decode(raw)
    except ProtocolError:
        with pytest.raises(ProtocolError):
            primed().read(raw)
    else:
        assert primed().read(raw) == expected


def test_the_lane_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else all the tests above would compare the general way with itself."""
    reader = primed()
    monkeypatch.setattr("causeway.dimse.commandset.decode", None)
    other = dataclasses.replace(STORE, message_id=0xFFFE, affected_sop_instance_uid="1.22.333.4")
    assert reader.read(encode(other, has_data=True)) == (other, True)


def test_the_lane_follows_a_change() -> None:
    reader = primed()
    for command in (
        dataclasses.replace(STORE, priority=2),
        dataclasses.replace(STORE, affected_sop_class_uid="1.2.840.10008.5.1.4.1.1.4"),
        dataclasses.replace(STORE, affected_sop_class_uid=""),
        dataclasses.replace(STORE, move_originator_ae_title="A", move_originator_message_id=0),
        STORE,
        CFindRQ(message_id=1, affected_sop_class_uid="1.2"),
        STORE,
    ):
        for _ in range(2):
            assert reader.read(encode(command, has_data=True)) == (command, True)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"status": 0xC123},
        {"message_id_being_responded_to": 0},
        {"affected_sop_instance_uid": ""},
        {"affected_sop_instance_uid": "1.2.3.4"},
        {"affected_sop_instance_uid": "1" * 64},
        {"affected_sop_instance_uid": "1" * 65},
        {"affected_sop_instance_uid": "1" * 200},
        {"affected_sop_instance_uid": "\xff"},
        {"affected_sop_class_uid": ""},
        {"affected_sop_class_uid": "1.2.3"},
        {"error_comment": "no"},
        {"error_id": 0},
        {"offending_elements": (0x00080016,)},
    ],
)
def test_the_response_lane_writes_what_the_general_way_does(change: dict[str, object]) -> None:
    writer = ResponseWriter()
    usual = STORE.response(0)
    for response in (usual, dataclasses.replace(usual, **change)) * 2:
        assert writer.encode(response) == encode(response, has_data=False)


def test_the_response_lane_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = ResponseWriter()
    writer.encode(STORE.response(0))
    expected = encode(STORE.response(0xA700), has_data=False)
    monkeypatch.setattr("causeway.dimse.commandset.encode", None)
    assert writer.encode(STORE.response(0xA700)) == expected


def test_the_response_lane_does_not_grow() -> None:
    writer = ResponseWriter()
    for length in range(300):
        writer.encode(
            dataclasses.replace(STORE.response(0), affected_sop_instance_uid="1" * length)
        )
    assert len(writer._parts) <= 32


@pytest.mark.parametrize(
    "command",
    [
        CStoreRSP(message_id_being_responded_to=-1, status=0),
        CStoreRSP(message_id_being_responded_to=1, status=0x10000),
        dataclasses.replace(STORE, priority=1 << 16),
        dataclasses.replace(STORE, affected_sop_instance_uid="\u0660"),
        UnrecognizedRQ(message_id=1, operation=1 << 16),
    ],
)
def test_what_does_not_fit_is_refused(command) -> None:
    with pytest.raises(ValueError):
        encode(command, has_data=True)


def test_a_comment_beyond_latin_1_is_still_sent() -> None:
    """It is for people; an error in an error message helps nobody."""
    response = dataclasses.replace(STORE.response(0xC000), error_comment="größer \u2265 1")
    command, _ = decode(encode(response, has_data=False))
    assert isinstance(command, CStoreRSP)
    assert command.error_comment == "größer ? 1"
