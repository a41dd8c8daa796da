"""Bodies whose length is known before the first byte goes, and which can be sent again.

Length first, because receivers plan by it and some refuse chunks; again, because a token can run
out in mid-upload. Nothing is held in memory: the parts are opened when their turn comes.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

Pieces = Callable[[], Iterator[bytes]]
"""Reads something from its beginning; each call anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a request carries."""

    content_type: str
    size: int
    pieces: Pieces = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of a multipart body."""

    headers: Sequence[tuple[str, str]] = field(repr=False)
    size: int
    pieces: Pieces = field(repr=False)


def in_memory(content: bytes, content_type: str) -> Body:
    return Body(content_type=content_type, size=len(content), pieces=lambda: iter((content,)))


def part_in_memory(content: bytes, *headers: tuple[str, str]) -> Part:
    return Part(headers=headers, size=len(content), pieces=lambda: iter((content,)))


BOUNDARY_BYTES: Final = 24


def new_boundary() -> str:
    """Random, so that no image holds it: 192 bits are not met by chance, nor by intent."""
    return secrets.token_hex(BOUNDARY_BYTES)


def multipart(parts: Sequence[Part], *, content_type: str, boundary: str) -> Body:
    """RFC 2046, 5.1.1. ``content_type`` gets the boundary behind it."""
    heads = [_head(part, boundary) for part in parts]
    tail = f"--{boundary}--\r\n".encode()
    size = sum(len(head) + part.size + 2 for head, part in zip(heads, parts, strict=True))

    def pieces() -> Iterator[bytes]:
        before = b""
        for head, part in zip(heads, parts, strict=True):
            # Joined to the head of the next, since a write of its own for two bytes costs a packet.
            yield before + head
            given = 0
            for piece in part.pieces():
                given += len(piece)
                yield piece
            if given != part.size:
                raise ValueError(f"a part of {part.size} bytes had {given}")
            before = b"\r\n"
        yield before + tail

    return Body(
        content_type=f"{content_type}; boundary={boundary}",
        size=size + len(tail),
        pieces=pieces,
    )


def _head(part: Part, boundary: str) -> bytes:
    lines = [f"--{boundary}", *(f"{name}: {value}" for name, value in part.headers), "", ""]
    return "\r\n".join(lines).encode()


def parts_of(pieces: Iterator[bytes], boundary: str) -> Iterator[Iterator[bytes]]:
    """The parts of a multipart body, without their headers, each as it arrives.

    Each part has to be read to its end before the next is asked for. Raises ``ValueError`` for what
    is no multipart body or ends before it should.
    """
    reader = _PartReader(pieces, f"--{boundary}".encode())
    while reader.begin():
        yield reader.content()


HEADERS_LIMIT: Final = 64 * 1024


class _PartReader:
    def __init__(self, pieces: Iterator[bytes], delimiter: bytes) -> None:
        self._pieces = pieces
        self._end = b"\r\n" + delimiter
        self._buffer = b"\r\n"  # so that the first delimiter looks like the others
        self._inside = True
        """A part is being read; the preamble counts as one."""

    def begin(self) -> bool:
        """Go to the next part's content; False if there is none."""
        if self._inside:
            for _ in self.content():
                pass
        while len(self._buffer) < 2:
            self._more()
        if self._buffer.startswith(b"--"):
            return False
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > HEADERS_LIMIT:
                raise ValueError("headers of a part are too long")
            self._more()
        # A part without headers begins with the empty line that ends them.
        self._buffer = self._buffer[end + 4 :]
        self._inside = True
        return True

    def content(self) -> Iterator[bytes]:
        """What stands before the next delimiter, which is passed over."""
        while (at := self._buffer.find(self._end)) < 0:
            safe = len(self._buffer) - len(self._end) + 1
            if safe > 0:
                yield self._buffer[:safe]
                self._buffer = self._buffer[safe:]
            self._more()
        if at:
            yield self._buffer[:at]
        self._buffer = self._buffer[at + len(self._end) :]
        self._inside = False

    def _more(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            raise ValueError("a multipart body ends before its last delimiter")
        self._buffer += piece
