"""P-DATA-TF PDUs to messages (PS3.8 section 9.3.5 and annex E), read where they lie.

One message at a time is taken apart: the fragments of its command, which are small and put
together, then those of its data set, which leave as views. A fragment that belongs to anything
else in between breaks the rules: nobody could tell to which message a data set belongs.

Beside the general way stands a lane for what nearly every PDU of a data set is: whole, with a
single PDV, of the context that is expected. It decides with one ``unpack`` and otherwise leaves
everything as it was for the general way.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from causeway.dimse.buffer import ReceiveBuffer
from causeway.dimse.commandset import CommandReader
from causeway.dimse.errors import AbortReason, LimitExceeded, ProtocolError
from causeway.dimse.events import NEED_DATA, FragmentReceived, MessageReceived, NeedData
from causeway.dimse.limits import Limits
from causeway.dimse.outgoing import COMMAND, LAST
from causeway.dimse.pdu import AcceptedContext, PduType

_PDU: Final = struct.Struct(">BxI")
_PDV: Final = struct.Struct(">IBB")
_PDATA: Final = struct.Struct(">BxIIBB")
_UNPACK_PDATA: Final = _PDATA.unpack_from
_P_DATA_TF: Final = int(PduType.P_DATA_TF)
_NO_CONTEXT: Final = -1


class Incoming:
    """What is under way from the peer."""

    __slots__ = (
        "_buffer",
        "_command_parts",
        "_command_size",
        "_context_id",
        "_data_set_size",
        "_in_data_set",
        "_limits",
        "_max_data_set",
        "_max_fragments",
        "_max_pdu",
        "_pdu_left",
        "_reader",
        "contexts",
    )

    def __init__(self, buffer: ReceiveBuffer, limits: Limits) -> None:
        self._buffer = buffer
        self._limits = limits
        self._max_pdu = limits.max_pdu_length
        self._max_fragments = limits.max_held_fragments
        self._max_data_set = limits.max_data_set_length
        self.contexts: Mapping[int, AcceptedContext] = {}
        self._reader = CommandReader()
        self._pdu_left = 0
        """Bytes of the current P-DATA-TF that are not read yet; they are in the buffer."""
        self._context_id = _NO_CONTEXT
        """Of the message under way."""
        self._command_parts: list[bytes] = []
        self._command_size = 0
        self._in_data_set = False
        self._data_set_size = 0

    @property
    def in_message(self) -> bool:
        """Whether a message has begun and not ended."""
        return self._context_id != _NO_CONTEXT

    def drop(self) -> int:
        """Forget the message under way; gives the bytes of its PDU that are still in the buffer."""
        left, self._pdu_left = self._pdu_left, 0
        self._in_data_set = False
        self._command_parts.clear()
        self._command_size = 0
        self._context_id = _NO_CONTEXT
        return left

    def next(self) -> MessageReceived | FragmentReceived | NeedData | None:
        """The next event, or None: the buffer does not begin with a P-DATA-TF PDU, as far as is
        seen.
        """
        buffer = self._buffer
        while True:
            if self._pdu_left:
                event = self._next_pdv()
                if event is not None:
                    return event
                continue
            start = buffer.start
            have = buffer.end - start
            if self._in_data_set and have > 12:
                kind, length, pdv_length, context_id, control = _UNPACK_PDATA(buffer.block, start)
                stop = start + 6 + length
                if (
                    stop <= buffer.end
                    and kind == _P_DATA_TF
                    and length == pdv_length + 4
                    and 6 < length <= self._max_pdu
                    and context_id == self._context_id
                    and not control & COMMAND
                ):
                    buffer.start = stop
                    return self._fragment(start + 12, stop, control & LAST)
            if have < 6:
                return None if have else NEED_DATA
            kind, length = _PDU.unpack_from(buffer.block, start)
            if kind != _P_DATA_TF:
                return None
            if length > self._max_pdu:
                raise LimitExceeded(
                    f"a P-DATA-TF PDU of {length} bytes where {self._max_pdu} were allowed",
                    AbortReason.INVALID_PDU_PARAMETER_VALUE,
                )
            if have < 6 + length:
                buffer.need = 6 + length
                return NEED_DATA
            # An empty PDU is against the standard and harmless: it says nothing.
            buffer.start = start + 6
            self._pdu_left = length

    def _next_pdv(self) -> MessageReceived | FragmentReceived | None:
        """The event of the next PDV, if it makes one."""
        buffer = self._buffer
        start = buffer.start
        if self._pdu_left < 6:
            raise ProtocolError(
                "a P-DATA-TF PDU ends in the middle of a PDV's header",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        length, context_id, control = _PDV.unpack_from(buffer.block, start)
        if length < 2 or length + 4 > self._pdu_left:
            raise ProtocolError(
                "a PDV's length does not agree with its P-DATA-TF PDU",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        if context_id != self._context_id:
            if self._context_id != _NO_CONTEXT:
                raise ProtocolError(
                    "a fragment of another presentation context in the middle of a message",
                    AbortReason.UNEXPECTED_PDU_PARAMETER,
                )
            if context_id not in self.contexts:
                raise ProtocolError(
                    "a presentation context that was not accepted",
                    AbortReason.INVALID_PDU_PARAMETER_VALUE,
                )
        stop = start + 4 + length
        buffer.start = stop
        self._pdu_left -= 4 + length
        if control & COMMAND:
            if self._in_data_set:
                raise ProtocolError(
                    "a command in the middle of a data set", AbortReason.UNEXPECTED_PDU_PARAMETER
                )
            return self._command(context_id, start + 6, stop, control & LAST)
        if not self._in_data_set:
            raise ProtocolError(
                "a data set without a command", AbortReason.UNEXPECTED_PDU_PARAMETER
            )
        if length == 2 and not control & LAST:
            return None
        return self._fragment(start + 6, stop, control & LAST)

    def _command(self, context_id: int, start: int, stop: int, last: int) -> MessageReceived | None:
        self._command_size += stop - start
        if self._command_size > self._limits.max_command_length:
            raise LimitExceeded(
                f"a command set longer than {self._limits.max_command_length} bytes",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        raw = bytes(self._buffer.readable[start:stop])
        if not last:
            self._context_id = context_id
            if raw:
                self._command_parts.append(raw)
            return None
        if self._command_parts:
            raw = b"".join((*self._command_parts, raw))
            self._command_parts.clear()
        self._command_size = 0
        command, has_data = self._reader.read(raw)
        self._in_data_set = has_data
        self._data_set_size = 0
        self._context_id = context_id if has_data else _NO_CONTEXT
        return MessageReceived(context_id, command, has_data)

    def _fragment(self, start: int, stop: int, last: int) -> FragmentReceived:
        buffer = self._buffer
        context_id = self._context_id
        if last:
            self._in_data_set = False
            self._context_id = _NO_CONTEXT
        buffer.fragments += 1
        if buffer.fragments > self._max_fragments:
            raise LimitExceeded(
                f"more than {self._max_fragments} fragments that are still held",
                AbortReason.INVALID_PDU_PARAMETER_VALUE,
            )
        if self._max_data_set is not None:
            self._data_set_size += stop - start
            if self._data_set_size > self._max_data_set:
                raise LimitExceeded(
                    f"a data set longer than {self._max_data_set} bytes",
                    AbortReason.INVALID_PDU_PARAMETER_VALUE,
                )
        return FragmentReceived(context_id, buffer.readable[start:stop], last != 0)
