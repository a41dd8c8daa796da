"""One object, de-identified by a plan.

What can be edited in place is; Explicit VR Big Endian, and what is written in an unusual way, goes
through pydicom, with the same result attribute by attribute. The result is a function of object,
plan and subject alone: the same bytes in every process, today and after a restart.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from causeway.deidentify.edit.items import Context, Part, Unusual
from causeway.deidentify.edit.markers import markers
from causeway.deidentify.edit.syntax import is_edited_in_place, is_implicit
from causeway.deidentify.edit.table import AttributeTypes, table_for
from causeway.deidentify.edit.through_pydicom import edit_through_pydicom
from causeway.deidentify.edit.values import Edited
from causeway.deidentify.edit.whole import Fetch, Span, Whole, pieces
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Plan
from causeway.deidentify.subject import Subject

DEFLATED: Final = frozenset(
    {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
INFLATED_LIMIT: Final = 256 * 1024 * 1024
DEFLATE_LEVEL: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A data set as it was received, without file meta information."""

    fetch: Fetch = field(repr=False)
    size: int
    sop_class_uid: str
    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A de-identified data set. Its transfer syntax is the source's."""

    sop_instance_uid: str
    transfer_syntax_uid: str
    size: int
    counts: Mapping[str, int]
    """Attributes by what was done and who asked for it, ``X Basic Profile``."""
    taken: frozenset[str] = field(repr=False)
    """Texts that named somebody, and must not be found in what comes out."""
    uids: Mapping[str, str] = field(repr=False)
    """UIDs that were replaced."""
    parts: tuple[Part | Span, ...] = field(repr=False)
    source: Fetch = field(repr=False)

    def pieces(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes, in flat memory whatever the size of the pixels."""
        return pieces(list(self.parts), self.source, size)


def clean(
    source: Source,
    *,
    plan: Plan,
    subject: Subject,
    types: AttributeTypes,
    pixels_cleaned: bool = False,
) -> Cleaned:
    """The object without what names its patient. Raises ``Doubt`` for any that cannot be judged."""
    syntax = source.transfer_syntax_uid
    fetch, size = source.fetch, source.size
    if syntax in DEFLATED:
        inflated = _inflated(source)
        fetch, size = _fetch_from(inflated), len(inflated)
    edited = Edited()
    parts: list[Part | Span]
    try:
        if not is_edited_in_place(syntax):
            raise Unusual
        implicit = is_implicit(syntax)
        whole = Whole(
            fetch,
            size,
            table=table_for(plan, source.sop_class_uid, types),
            context=Context(subject=subject, edited=edited, implicit=implicit),
            markers=markers(plan, implicit=implicit, pixels_cleaned=pixels_cleaned),
        )
        parts = whole.edit()
    except Unusual:
        edited = Edited()
        parts = [
            edit_through_pydicom(
                fetch(0, size),
                syntax,
                table=table_for(plan, source.sop_class_uid, types),
                subject=subject,
                edited=edited,
                pixels_cleaned=pixels_cleaned,
            )
        ]
    if syntax in DEFLATED:
        parts = [_deflated(parts, fetch)]
        fetch = source.fetch
    return Cleaned(
        # Mapped, if the plan maps it.
        sop_instance_uid=edited.uids.get(source.sop_instance_uid, source.sop_instance_uid),
        transfer_syntax_uid=syntax,
        size=sum(map(len, parts)),
        counts=edited.counts,
        taken=frozenset(edited.taken),
        uids=edited.uids,
        parts=tuple(parts),
        source=fetch,
    )


def _fetch_from(data: bytes) -> Fetch:
    return lambda offset, size: data[offset : offset + size]


def _inflated(source: Source) -> bytes:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = inflater.decompress(source.fetch(0, source.size), INFLATED_LIMIT)
    except zlib.error:
        raise Doubt("structure", "the deflated data set cannot be inflated") from None
    if not inflater.eof:
        raise Doubt("size", f"deflated, and more than {INFLATED_LIMIT >> 20} MiB or cut short")
    return data


def _deflated(parts: list[Part | Span], fetch: Fetch) -> bytes:
    deflater = zlib.compressobj(DEFLATE_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(deflater.compress(piece) for piece in pieces(parts, fetch))
    packed += deflater.flush()
    return packed + b"\0" * (len(packed) % 2)  # PS3.5 A.5: padded to even length
