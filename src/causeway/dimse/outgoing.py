"""Messages to P-DATA-TF PDUs (PS3.8 section 9.3.5 and annex E), as lists of buffers for
``sendmsg``.

Data is not joined: a PDU is a header of twelve bytes and views of what the caller gave. Only
pieces too small to be worth an entry of their own are copied together. The end of the data is
found out as it comes: a PDU is held back until it is known whether another byte follows, since the
last one is marked.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

from causeway.dimse import commandset
from causeway.dimse.errors import LocalProtocolError
from causeway.dimse.messages import Command, CStoreRSP

Buffer: TypeAlias = bytes | bytearray | memoryview

_PDATA: Final = struct.Struct(">BxIIBB")
"""P-DATA-TF with one PDV: PDU type, PDU length; PDV length, context id, message control header."""

COMMAND: Final = 0x01
LAST: Final = 0x02
"""Bits of the message control header (PS3.8 section E.2)."""

PDV_OVERHEAD: Final = 6
"""What the PDV's header takes of the P-DATA-TF body that the peer bounds."""

_SMALL_PIECE: Final = 2_048
_LIST_BUFFERS: Final = 64
_LIST_BYTES: Final = 524_288
"""A list is given out when it has reached either. With pieces of ``_SMALL_PIECE`` a PDU of 128 KiB
has some 130 buffers, so that a list stays far below IOV_MAX (1024 on Linux)."""


def pdus(context_id: int, control: int, content: bytes, max_length: int) -> bytes:
    """``content`` in as many PDUs as it takes, joined; for commands, which are short."""
    chunk = chunk_size(max_length)
    size = len(content)
    if size <= chunk:
        return _PDATA.pack(4, size + 6, size + 2, context_id, control | LAST) + content
    parts = []
    for start in range(0, size, chunk):
        piece = content[start : start + chunk]
        last = LAST if start + chunk >= size else 0
        parts.append(_PDATA.pack(4, len(piece) + 6, len(piece) + 2, context_id, control | last))
        parts.append(piece)
    return b"".join(parts)


def chunk_size(max_length: int) -> int:
    """How much fits one PDU. Even, as fragments must be (PS3.8 section E.1)."""
    return (max_length - PDV_OVERHEAD) & ~1


def gather(
    head: bytes, context_id: int, data: Iterable[Buffer], max_length: int
) -> Iterator[list[Buffer]]:
    """``head`` (the command's PDUs), then the PDUs of ``data``."""
    out: list[Buffer] = [head]
    out_bytes = len(head)
    chunk = chunk_size(max_length)
    parts: list[Buffer] = []
    filled = 0
    for given in data:
        view = memoryview(given)
        if view.format != "B" or view.ndim != 1:
            view = view.cast("B")
        position, size = 0, len(view)
        while position < size:
            if filled == chunk:
                out.append(_PDATA.pack(4, chunk + 6, chunk + 2, context_id, 0))
                out += parts
                out_bytes += chunk
                parts, filled = [], 0
                if len(out) >= _LIST_BUFFERS or out_bytes >= _LIST_BYTES:
                    yield out
                    out, out_bytes = [], 0
            end = min(size, position + chunk - filled)
            _add(parts, view[position:end])
            filled += end - position
            position = end
    out.append(_PDATA.pack(4, filled + 6, filled + 2, context_id, LAST))
    out += parts
    yield out


def _add(parts: list[Buffer], piece: memoryview) -> None:
    """Small pieces go into one bytearray, which nobody else has seen yet."""
    if len(piece) >= _SMALL_PIECE:
        parts.append(piece)
    elif parts and isinstance(parts[-1], bytearray):
        parts[-1] += piece
    else:
        parts.append(bytearray(piece))


class Sender:
    """What is under way to the peer: at most one message, since messages do not interleave."""

    __slots__ = ("_busy", "_responses", "max_length")

    def __init__(self, max_length: int) -> None:
        self.max_length = max_length
        self._busy = False
        self._responses: dict[int, commandset.ResponseWriter] = {}

    def check_idle(self) -> None:
        if self._busy:
            raise LocalProtocolError("the message before has not been taken to its end")

    def whole(self, context_id: int, command: Command) -> bytes:
        """A message without data set. Raises ValueError where a value does not fit."""
        if type(command) is CStoreRSP:
            writer = self._responses.get(context_id)
            if writer is None:
                writer = self._responses[context_id] = commandset.ResponseWriter()
            encoded = writer.encode(command)
        else:
            encoded = commandset.encode(command, has_data=False)
        return pdus(context_id, COMMAND, encoded, self.max_length)

    def message(
        self, context_id: int, command: Command, data: Buffer | Iterable[Buffer]
    ) -> Iterator[list[Buffer]]:
        """A message with its data set; encoded now, produced as it is consumed."""
        encoded = commandset.encode(command, has_data=True)
        head = pdus(context_id, COMMAND, encoded, self.max_length)
        if isinstance(data, (bytes, bytearray, memoryview)):
            data = (data,)
        self._busy = True
        return self._produce(head, context_id, data)

    def _produce(
        self, head: bytes, context_id: int, data: Iterable[Buffer]
    ) -> Iterator[list[Buffer]]:
        # Left early, by the caller or by an error in ``data``, half a message has been sent. Only
        # an abort can follow, so this side stays busy.
        yield from gather(head, context_id, data, self.max_length)
        self._busy = False
