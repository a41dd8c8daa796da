"""Command sets: DIMSE messages as elements of group 0000, Implicit VR Little Endian (PS3.7 section
6.3).

Two ways lead in and out. The general one reads the annotations of ``messages`` once, at import,
and serves every class. Beside it stand two lanes for the messages that a storing association
repeats thousands of times, C-STORE-RQ and C-STORE-RSP: from one to the next only the message id,
the instance UID and the status change, so the rest is compared with, or copied from, the one
before. A lane gives up where anything else differs, and tests hold it equal to the general way.

Read generously: the group length may be missing or wrong, elements may stand in any order or more
than once (the first counts), unknown ones and other groups are passed over, text that the standard
makes mandatory may be empty (the service answers that with a status). What a message means must be
there: command field, data set type, message ids, status, and the type ids of N services.
"""

from __future__ import annotations

import dataclasses
import struct
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from causeway.dimse import messages
from causeway.dimse.errors import AbortReason, ProtocolError
from causeway.dimse.messages import (
    Command,
    CStoreRQ,
    CStoreRSP,
    Element,
    Encoding,
    Response,
    UnrecognizedRQ,
    UnrecognizedRSP,
)
from causeway.dimse.names import ae_title_from_bytes, uid_from_bytes

_HEADER: Final = struct.Struct("<HHI")
_UINT16: Final = struct.Struct("<H")
_UINT32: Final = struct.Struct("<I")

GROUP_LENGTH: Final = 0x0000
COMMAND_FIELD: Final = 0x0100
MESSAGE_ID: Final = 0x0110
RESPONDED_TO: Final = 0x0120
DATA_SET_TYPE: Final = 0x0800
STATUS: Final = 0x0900

NO_DATA_SET: Final = 0x0101
"""(0000,0800): the one value that says that no data set follows (PS3.7 E.1)."""
DATA_SET: Final = 0x0001
"""What is sent otherwise; DCMTK and dcm4che send the same."""
RESPONSE_BIT: Final = 0x8000


def _bad(message: str) -> ProtocolError:
    return ProtocolError(message, AbortReason.INVALID_PDU_PARAMETER_VALUE)


# Values. A reader is given the bytes of one element, a writer gives them, padded to even length.


def _read_uint16(raw: bytes) -> int | None:
    if not raw:
        return None
    if len(raw) < 2:
        raise _bad("a 16-bit value of a command set has one byte")
    value: int = _UINT16.unpack_from(raw)[0]
    return value


def _read_tags(raw: bytes) -> tuple[int, ...]:
    if len(raw) % 4:
        raise _bad("a list of tags in a command set is not a multiple of four bytes")
    pairs = struct.unpack(f"<{len(raw) // 2}H", raw)
    return tuple(
        group << 16 | element for group, element in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _read_text(raw: bytes) -> str:
    return raw.decode("latin-1").strip("\0 ")


def _write_uint16(value: int) -> bytes:
    return _UINT16.pack(value)


def _write_tags(value: tuple[int, ...]) -> bytes:
    return b"".join(struct.pack("<HH", tag >> 16, tag & 0xFFFF) for tag in value)


def _write_uid(value: str) -> bytes:
    raw = value.encode("latin-1")
    return raw + b"\0" if len(raw) % 2 else raw


def _write_text(value: str) -> bytes:
    raw = value.encode("latin-1", "replace")
    return raw + b" " if len(raw) % 2 else raw


_READERS: Final[dict[Encoding, Callable[[bytes], Any]]] = {
    Encoding.UID: uid_from_bytes,
    Encoding.UINT16: _read_uint16,
    Encoding.AE_TITLE: ae_title_from_bytes,
    Encoding.TEXT: _read_text,
    Encoding.TAGS: _read_tags,
}
_WRITERS: Final[dict[Encoding, Callable[[Any], bytes]]] = {
    Encoding.UID: _write_uid,
    Encoding.UINT16: _write_uint16,
    Encoding.AE_TITLE: _write_text,
    Encoding.TEXT: _write_text,
    Encoding.TAGS: _write_tags,
}


_TEXTS: Final = (Encoding.UID, Encoding.AE_TITLE, Encoding.TEXT)


@dataclass(frozen=True, slots=True)
class _Field:
    """One annotated field of a message class."""

    name: str
    number: int
    encoding: Encoding
    required: bool
    """Without it the message has no meaning."""
    absent: Any
    """Its value where the element is missing or empty."""


def _fields(cls: type[Command]) -> tuple[_Field, ...]:
    hints = typing.get_type_hints(cls, include_extras=True)
    found = []
    for item in dataclasses.fields(cls):  # type: ignore[arg-type]  # every subclass is a dataclass
        for mark in getattr(hints[item.name], "__metadata__", ()):
            if isinstance(mark, Element):
                mandatory = item.default is dataclasses.MISSING
                required = mandatory and mark.encoding is Encoding.UINT16
                absent = "" if mark.encoding in _TEXTS else item.default
                found.append(_Field(item.name, mark.number, mark.encoding, required, absent))
    return tuple(sorted(found, key=lambda entry: entry.number))


_FIELDS: Final = {
    cls: _fields(cls)
    for cls in vars(messages).values()
    if isinstance(cls, type)
    and issubclass(cls, Command)
    and (cls.command_field >= 0 or cls in (UnrecognizedRQ, UnrecognizedRSP))
}
_BY_COMMAND_FIELD: Final = {cls.command_field: cls for cls in _FIELDS if cls.command_field >= 0}


def decode(raw: bytes) -> tuple[Command, bool]:
    """The message in a whole command set, and whether a data set follows."""
    elements: dict[int, bytes] = {}
    position, size = 0, len(raw)
    while position < size:
        if size - position < 8:
            raise _bad("a command set ends in the middle of an element")
        group, element, length = _HEADER.unpack_from(raw, position)
        position += 8
        if length > size - position:
            raise _bad("an element is longer than its command set")
        if group == 0 and element not in elements:
            elements[element] = raw[position : position + length]
        position += length
    command_field = _read_uint16(elements.get(COMMAND_FIELD, b""))
    data_set_type = _read_uint16(elements.get(DATA_SET_TYPE, b""))
    if command_field is None or data_set_type is None:
        raise _bad("a command set has no command field or no data set type")
    cls = _BY_COMMAND_FIELD.get(command_field)
    values: dict[str, Any] = {}
    if cls is None:
        cls = UnrecognizedRSP if command_field & RESPONSE_BIT else UnrecognizedRQ
        values["operation"] = command_field
    for entry in _FIELDS[cls]:
        value_bytes = elements.get(entry.number)
        if value_bytes:
            values[entry.name] = _READERS[entry.encoding](value_bytes)
        elif entry.required:
            raise _bad(f"a command set has no value for (0000,{entry.number:04X})")
        else:
            values[entry.name] = entry.absent
    return cls(**values), data_set_type != NO_DATA_SET


def encode(command: Command, *, has_data: bool) -> bytes:
    """A message as a command set. Raises ValueError where a value does not fit its encoding."""
    fields = _FIELDS.get(type(command))
    if fields is None:
        raise ValueError(f"{type(command).__name__} is not a message")
    operation = getattr(command, "operation", command.command_field)
    encoded = {
        COMMAND_FIELD: _uint16(operation, "command field"),
        DATA_SET_TYPE: _UINT16.pack(DATA_SET if has_data else NO_DATA_SET),
    }
    for entry in fields:
        value = getattr(command, entry.name)
        if entry.encoding is Encoding.UINT16:
            if value is not None:
                encoded[entry.number] = _uint16(value, entry.name)
        elif value:
            encoded[entry.number] = _WRITERS[entry.encoding](value)
    body = b"".join(
        _HEADER.pack(0, number, len(encoded[number])) + encoded[number]
        for number in sorted(encoded)
    )
    return _HEADER.pack(0, GROUP_LENGTH, 4) + _UINT32.pack(len(body)) + body


def _uint16(value: int, name: str) -> bytes:
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{name} does not fit 16 bits")
    return _UINT16.pack(value)


# C-STORE-RQ as nearly everybody writes it, where n is the length of the SOP class UID:
#
#   0      (0000,0000) group length           not looked at, as in the general way
#   12     (0000,0002) affected SOP class  ┐
#   20+n   (0000,0100) command field       │  head: the same from object to object
#   30+n   (0000,0110) message id, header  ┘
#   38+n               message id, value
#   40+n   (0000,0700) priority            ┐
#   50+n   (0000,0800) data set type       │  middle: the same from object to object
#   60+n   (0000,1000) instance UID, tag   ┘
#   64+n               its length, its value, and nothing behind it

_GROUP_LENGTH_HEADER: Final = _HEADER.pack(0, GROUP_LENGTH, 4)
_STORE_HEAD_END: Final = (
    _HEADER.pack(0, COMMAND_FIELD, 2) + b"\1\0" + _HEADER.pack(0, MESSAGE_ID, 2)
)
_PRIORITY_HEADER: Final = _HEADER.pack(0, 0x0700, 2)
_DATA_SET_TYPE_HEADER: Final = _HEADER.pack(0, DATA_SET_TYPE, 2)
_CLASS_TAG: Final = b"\0\0\2\0"
_INSTANCE_TAG: Final = b"\0\0\0\x10"


class CommandReader:
    """``decode`` with a memory of the last C-STORE-RQ, and of the last answer: those to one query
    are the same to the last byte, but for the one that ends it.
    """

    __slots__ = (
        "_answer", "_answered", "_head", "_middle", "_middle_at", "_priority", "_sop_class",
    )  # fmt: skip

    def __init__(self) -> None:
        self._answer = b""
        self._answered: tuple[Command, bool] | None = None
        self._head = b""
        self._middle = b""
        self._middle_at = 0
        self._sop_class = ""
        self._priority = 0

    def read(self, raw: bytes) -> tuple[Command, bool]:
        """As ``decode``."""
        if self._answered is not None and raw == self._answer:
            return self._answered
        at = self._middle_at
        if (
            at
            and raw.startswith(self._head, 12)
            and raw.startswith(self._middle, at)
            and raw.startswith(_GROUP_LENGTH_HEADER)
            and len(raw) >= at + 28
        ):
            length = _UINT32.unpack_from(raw, at + 24)[0]
            if at + 28 + length == len(raw):
                return (
                    CStoreRQ(
                        message_id=_UINT16.unpack_from(raw, at - 2)[0],
                        affected_sop_class_uid=self._sop_class,
                        affected_sop_instance_uid=raw[at + 28 :].rstrip(b"\0 ").decode("latin-1"),
                        priority=self._priority,
                    ),
                    True,
                )
        command, has_data = decode(raw)
        if has_data and type(command) is CStoreRQ:
            self._learn(raw, command)
        elif has_data and isinstance(command, Response):
            self._answer, self._answered = raw, (command, has_data)
        return command, has_data

    def _learn(self, raw: bytes, command: CStoreRQ) -> None:
        """Keep the constant part of ``raw`` if it has the layout above."""
        if len(raw) < 20 or raw[12:16] != _CLASS_TAG:
            return
        at = 40 + _UINT32.unpack_from(raw, 16)[0]
        head, middle = raw[12 : at - 2], raw[at : at + 24]
        if (
            head.endswith(_STORE_HEAD_END)
            and middle.startswith(_PRIORITY_HEADER)
            and middle.startswith(_DATA_SET_TYPE_HEADER, 10)
            and middle.endswith(_INSTANCE_TAG)
        ):
            self._head, self._middle, self._middle_at = head, middle, at
            self._sop_class, self._priority = command.affected_sop_class_uid, command.priority


class ResponseWriter:
    """``encode`` for C-STORE-RSP without error fields, with a memory of its constant parts.

    They depend on the SOP class and on the length of the instance UID, which takes few values.
    """

    __slots__ = ("_parts", "_sop_class")

    _MOST = 64
    """UIDs have at most 64 characters, so there are 33 even lengths; longer ones are not kept."""

    def __init__(self) -> None:
        self._sop_class = ""
        self._parts: dict[int, tuple[bytes, bytes, bytes]] = {}

    def encode(self, response: CStoreRSP) -> bytes:
        """As ``encode(response, has_data=False)``."""
        if response.error_comment or response.offending_elements or response.error_id is not None:
            return encode(response, has_data=False)
        instance = response.affected_sop_instance_uid.encode("latin-1")
        if len(instance) % 2:
            instance += b"\0"
        if response.affected_sop_class_uid != self._sop_class:
            self._parts.clear()
            self._sop_class = response.affected_sop_class_uid
        parts = self._parts.get(len(instance))
        if parts is None:
            whole = encode(response, has_data=False)
            if not instance or len(instance) > self._MOST:
                return whole
            # Behind the status value stand the instance UID's header and value; before it, 18 bytes
            # behind the message id's value, its own header and the data set type.
            status_at = len(whole) - len(instance) - 8 - 2
            id_at = status_at - 18 - 2
            parts = (whole[:id_at], whole[id_at + 2 : status_at], whole[status_at + 2 :][:8])
            self._parts[len(instance)] = parts
            return whole
        head, middle, tail = parts
        return b"".join(
            (
                head,
                _uint16(response.message_id_being_responded_to, "message id"),
                middle,
                _uint16(response.status, "status"),
                tail,
                instance,
            )
        )
