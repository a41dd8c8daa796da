"""One object, de-identified by a plan.

What can be edited in place is; Explicit VR Big Endian, and what is written in an unusual way, goes
through pydicom, with the same result attribute by attribute. The result is a function of object,
plan and subject alone: the same bytes in every process, today and after a restart.
"""

from __future__ import annotations

import contextlib
import traceback
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from causeway.deidentify.edit.elements import Context, Part, Unusual
from causeway.deidentify.edit.syntax import is_edited_in_place, is_implicit
from causeway.deidentify.edit.table import SOP_INSTANCE_UID, AttributeTypes, Table, table_for
from causeway.deidentify.edit.through_pydicom import SIZE_LIMIT, edit_through_pydicom
from causeway.deidentify.edit.values import Edited, Path
from causeway.deidentify.edit.whole import Whole
from causeway.deidentify.edit.window import Fetch, Span, pieces
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Plan, Rule
from causeway.deidentify.subject import Subject
from causeway.errors import CausewayError

DEFLATED: Final = frozenset(
    {"1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.205"}
)
DIRECTORY: Final = "1.2.840.10008.1.3.10"
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

    sop_instance_uid: str = field(repr=False)
    transfer_syntax_uid: str
    size: int
    counts: Mapping[str, int]
    """Attributes by what was done and who asked for it, ``X Basic Profile``."""
    taken: frozenset[str] = field(repr=False)
    """Texts that named somebody, and must not be found in what comes out."""
    uids: Mapping[str, str] = field(repr=False)
    """UIDs that were replaced."""
    changes: tuple[tuple[Path, Rule], ...] = field(repr=False)
    """Which rule acted where, if that was asked for."""
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
    with_changes: bool = False,
) -> Cleaned:
    """The object without what names its patient.

    Raises ``Doubt`` for any that cannot be judged, and nothing else but what ``source.fetch`` does.
    """
    syntax = source.transfer_syntax_uid
    if source.sop_class_uid == DIRECTORY:
        raise Doubt("directory", "a directory has offsets into itself, which would no longer fit")
    data = source
    if syntax in DEFLATED:
        data = _in_memory(source, _inflated(source))
    table = table_for(plan, source.sop_class_uid, types)
    try:
        edited, parts = _edited(data, table, subject, pixels_cleaned, with_changes=with_changes)
    except (CausewayError, OSError):
        raise  # a doubt, or what reading the source has met
    except Exception as error:  # noqa: BLE001 - see below
        # Whatever it is, the object does not leave. Its text may quote a value, its place does not.
        at = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{type(error).__name__} in {at.name}, line {at.lineno}"
        raise Doubt("unforeseen", f"the editor failed: {place}") from None
    _check(source, edited, table)
    if syntax in DEFLATED:
        parts = [_deflated(parts, data.fetch)]
    new_uid = edited.uids.get(edited.sop_instance_uid, edited.sop_instance_uid)
    return Cleaned(
        sop_instance_uid=new_uid,
        transfer_syntax_uid=syntax,
        size=sum(map(len, parts)),
        counts=edited.counts,
        taken=frozenset(edited.taken - {""}),
        uids=edited.uids,
        changes=tuple(edited.changes or ()),
        parts=tuple(parts),
        source=data.fetch,
    )


def _edited(
    data: Source, table: Table, subject: Subject, pixels_cleaned: bool, *, with_changes: bool
) -> tuple[Edited, list[Part | Span]]:
    implicit = is_implicit(data.transfer_syntax_uid)
    little = is_edited_in_place(data.transfer_syntax_uid)
    if little:
        edited = Edited(changes=[] if with_changes else None)
        whole = Whole(
            data.fetch,
            data.size,
            implicit=implicit,
            table=table,
            context=Context(subject=subject, edited=edited),
            pixels_cleaned=pixels_cleaned,
        )
        with contextlib.suppress(Unusual):
            return edited, whole.edit()
    if data.size > SIZE_LIMIT:
        raise Doubt("size", f"written unusually, and more than {SIZE_LIMIT >> 20} MiB")
    edited = Edited(changes=[] if with_changes else None)
    made = edit_through_pydicom(
        data.fetch(0, data.size),
        implicit=implicit,
        little=little,
        table=table,
        subject=subject,
        edited=edited,
        pixels_cleaned=pixels_cleaned,
    )
    return edited, [made]


def _check(source: Source, edited: Edited, table: Table) -> None:
    """The kind of object is the one that was announced, since whether its pixels may pass and what
    it must have was decided by that; and it has a UID of its own, which is what counts.
    """
    if edited.sop_class_uid != source.sop_class_uid:
        raise Doubt("announced", "the SOP class in the data set is not the one that was announced")
    if not edited.sop_instance_uid:
        raise Doubt("announced", "the data set has no SOP Instance UID")
    if table.rule(SOP_INSTANCE_UID, "UI").action not in (Action.UID, Action.KEEP):
        raise Doubt("rule", "a profile may map SOP Instance UID or keep it, nothing else")


def _in_memory(source: Source, data: bytes) -> Source:
    return replace(source, fetch=lambda offset, size: data[offset : offset + size], size=len(data))


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
