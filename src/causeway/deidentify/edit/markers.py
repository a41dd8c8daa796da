"""What says that an object was de-identified, and how (PS3.15 E.1.1, PS3.3 C.12.1.1.9).

What an earlier de-identification has left is built upon, not overwritten: its codes and its words
stay in front of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from causeway.deidentify.edit.syntax import (
    HEADER,
    ITEM,
    LENGTH,
    SEQUENCE_END,
    SHORT_VRS,
    TAG_AND_LENGTH,
    UNDEFINED,
    raw_of,
    vr_code,
)
from causeway.deidentify.edit.values import padded
from causeway.deidentify.plan import Code, Plan

PATIENT_IDENTITY_REMOVED: Final = 0x00120062
DEIDENTIFICATION_METHOD: Final = 0x00120063
DEIDENTIFICATION_METHOD_CODES: Final = 0x00120064
LONGITUDINAL_TEMPORAL_INFORMATION: Final = 0x00280303
BURNED_IN_ANNOTATION: Final = 0x00280301

MARKERS: Final = (
    PATIENT_IDENTITY_REMOVED,
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_METHOD_CODES,
    LONGITUDINAL_TEMPORAL_INFORMATION,
)

Marker = Callable[[bytes | None], bytes]
"""(the element that is there, edited; None if there is none) → the element that shall be there."""

METHOD_LIMIT: Final = 64
"""Characters of an LO (PS3.5 table 6.2-1)."""


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes elements as the object's transfer syntax has them."""

    implicit: bool

    def element(self, tag: int, vr: str, value: bytes) -> bytes:
        value = padded(value, vr)
        if self.implicit:
            return TAG_AND_LENGTH.pack(raw_of(tag), len(value)) + value
        if vr in SHORT_VRS:
            return HEADER.pack(raw_of(tag), vr_code(vr), len(value)) + value
        return HEADER.pack(raw_of(tag), vr_code(vr), 0) + LENGTH.pack(len(value)) + value

    def item(self, *elements: bytes) -> bytes:
        content = b"".join(elements)
        return TAG_AND_LENGTH.pack(ITEM, len(content)) + content

    def value_of(self, element: bytes, vr: str) -> bytes:
        """The value of an element that this object has, without the delimiter of a sequence."""
        short = self.implicit or vr_code(vr) == int.from_bytes(element[4:6], "little")
        head = 8 if self.implicit or (short and vr in SHORT_VRS) else 12
        value = element[head:]
        length = LENGTH.unpack_from(element, head - 4)[0] if head == 12 or self.implicit else 0
        if length == UNDEFINED and value.endswith(_SEQUENCE_END):
            value = value[: -len(_SEQUENCE_END)]
        return value


_SEQUENCE_END: Final = TAG_AND_LENGTH.pack(SEQUENCE_END, 0)


def method_of(plan: Plan) -> str:
    """What De-identification Method says of us: the profile and which version of it."""
    return f"Causeway {plan.name} {plan.digest[:12]}"[:METHOD_LIMIT]


def markers(plan: Plan, *, implicit: bool, pixels_cleaned: bool = False) -> Mapping[int, Marker]:
    """The elements that are put in, by tag."""
    writer = Writer(implicit)

    def always(tag: int, vr: str, value: str) -> Marker:
        made = writer.element(tag, vr, value.encode("ascii"))
        return lambda _: made

    def method(old: bytes | None) -> bytes:
        ours = method_of(plan).encode("ascii")
        earlier = writer.value_of(old, "LO").rstrip(b" \0") if old else b""
        known = earlier.split(b"\\") if earlier else []
        values = known if ours in known else [*known, ours]
        return writer.element(DEIDENTIFICATION_METHOD, "LO", b"\\".join(values))

    def codes(old: bytes | None) -> bytes:
        earlier = writer.value_of(old, "SQ") if old else b""
        items = [_code_item(writer, code) for code in plan.codes]
        new = b"".join(item for item in items if item not in earlier)
        return writer.element(DEIDENTIFICATION_METHOD_CODES, "SQ", earlier + new)

    found = {
        PATIENT_IDENTITY_REMOVED: always(PATIENT_IDENTITY_REMOVED, "CS", "YES"),
        DEIDENTIFICATION_METHOD: method,
        LONGITUDINAL_TEMPORAL_INFORMATION: always(
            LONGITUDINAL_TEMPORAL_INFORMATION, "CS", plan.temporal.value
        ),
    }
    if plan.codes:
        found[DEIDENTIFICATION_METHOD_CODES] = codes
    if pixels_cleaned:
        found[BURNED_IN_ANNOTATION] = always(BURNED_IN_ANNOTATION, "CS", "NO")
    return found


def _code_item(writer: Writer, code: Code) -> bytes:
    return writer.item(
        writer.element(0x00080100, "SH", code.value.encode("ascii")),
        writer.element(0x00080102, "SH", b"DCM"),
        writer.element(0x00080104, "LO", code.meaning.encode("ascii")),
    )
