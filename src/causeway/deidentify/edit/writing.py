"""Writing elements, as an object's transfer syntax has them (PS3.5 7.1)."""

from __future__ import annotations

from dataclasses import dataclass

from causeway.deidentify.edit.syntax import (
    HEADER,
    ITEM,
    LENGTH,
    SHORT,
    TAG_AND_LENGTH,
    UNDEFINED,
    raw_of,
    vr_code,
)
from causeway.deidentify.errors import Doubt

_MOST: int = 0xFFFFFFFE


@dataclass(frozen=True, slots=True)
class Writer:
    """A transfer syntax: explicit VR in both byte orders, or implicit VR in little endian."""

    implicit: bool
    little: bool = True

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        value = padded(value, vr)
        raw = raw_of(tag) if self.little else tag
        return self.header_of(raw, 0 if self.implicit else vr_code(vr), len(value)) + value

    def header(self, raw: int, code: int, value: bytes) -> bytes:
        return self.header_of(raw, code, len(value))

    def header_of(self, raw: int, code: int, length: int) -> bytes:
        """Of an element, by its tag and VR as they stand in the bytes.

        Raises ``Doubt`` if the length cannot be written.
        """
        if length > (0xFFFF if code in SHORT else _MOST):
            raise Doubt("length", "a value is longer than its VR allows")
        if not self.little:
            head = raw.to_bytes(4, "big") + code.to_bytes(2, "little")
            if code in SHORT:
                return head + length.to_bytes(2, "big")
            return head + bytes(2) + length.to_bytes(4, "big")
        if self.implicit:
            return TAG_AND_LENGTH.pack(raw, length)
        if code in SHORT:
            return HEADER.pack(raw, code, length)
        return HEADER.pack(raw, code, 0) + LENGTH.pack(length)

    def value_of(self, element: bytes) -> bytes:
        """The value in an element; of a sequence without its delimiter."""
        code = 0 if self.implicit else int.from_bytes(element[4:6], "little")
        head = 8 if self.implicit or code in SHORT else 12
        value = element[head:]
        if head == 8 and not self.implicit:
            return value
        (length,) = LENGTH.unpack_from(element, head - 4)
        return value[:-8] if length == UNDEFINED else value

    def item(self, content: bytes) -> bytes:
        if self.little:
            return TAG_AND_LENGTH.pack(ITEM, len(content)) + content
        return b"\xff\xfe\xe0\x00" + len(content).to_bytes(4, "big") + content


def padded(value: bytes, vr: str) -> bytes:
    """Even in length (PS3.5 6.2)."""
    if len(value) % 2 == 0:
        return value
    return value + (b"\0" if vr in ("UI", "OB", "UN") else b" ")
