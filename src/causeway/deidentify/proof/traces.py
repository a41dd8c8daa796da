"""What the original says of people, read off its bytes without trusting anybody's parser.

The editor could only overlook what it misreads: a sequence taken for an opaque value, an element
hidden in private bytes. So nothing is parsed here. The bytes are scanned for the tags of
identifying attributes, and for the VR of person names, wherever they stand: at any depth, in UN,
in private blocks, in sequences that are removed. What merely looks like one costs nothing: it is
not going to be found in the output.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import re2

from causeway.deidentify.edit.syntax import LONG_VRS, SHORT_VRS
from causeway.deidentify.plan import Action, Plan, Rule
from causeway.dictionary import DICTIONARY

VALUE_LIMIT: Final = 4096
"""Longest value that is taken for a name or an identifier."""
OVERLAP: Final = VALUE_LIMIT + 16
"""By which blocks overlap, so that no value falls between two."""


class Kind(enum.StrEnum):
    """What a value says of somebody; the word for it in messages."""

    NAME = "person name"
    ID = "identifier"
    BIRTH_DATE = "birth date"
    ADDRESS = "address"
    TELEPHONE = "telephone number"
    UID = "UID"


SPECIFIC_CHARACTER_SET: Final = 0x00080005

KINDS: Final[dict[int, Kind]] = {
    0x00080050: Kind.ID,  # Accession Number
    0x00080092: Kind.ADDRESS,  # Referring Physician's Address
    0x00080094: Kind.TELEPHONE,  # Referring Physician's Telephone Numbers
    0x00100020: Kind.ID,  # Patient ID
    0x00100030: Kind.BIRTH_DATE,  # Patient's Birth Date
    0x00100033: Kind.BIRTH_DATE,  # … in Alternative Calendar
    0x00101000: Kind.ID,  # Other Patient IDs
    0x00101040: Kind.ADDRESS,  # Patient's Address
    0x00101050: Kind.ID,  # Insurance Plan Identification
    0x00101090: Kind.ID,  # Medical Record Locator
    0x00102154: Kind.TELEPHONE,  # Patient's Telephone Numbers
    0x00102155: Kind.TELEPHONE,  # Patient's Telecom Information
    0x00380010: Kind.ID,  # Admission ID
    0x00380060: Kind.ID,  # Service Episode ID
    0x00401102: Kind.ADDRESS,  # Person's Address
    0x00401103: Kind.TELEPHONE,  # Person's Telephone Numbers
    0x00401104: Kind.TELEPHONE,  # Person's Telecom Information
    0x00401006: Kind.ID,  # Placer Order Number / Procedure (retired)
    0x00401007: Kind.ID,  # Filler Order Number / Procedure (retired)
    0x00402006: Kind.ID,  # Placer and Filler Order Number / Imaging Service Request (retired)
    0x00402007: Kind.ID,
    0x00402016: Kind.ID,  # Placer Order Number / Imaging Service Request
    0x00402017: Kind.ID,  # Filler Order Number / Imaging Service Request
    0x0040050A: Kind.ID,  # Specimen Accession Number
    **{tag: Kind.NAME for tag, entry in DICTIONARY.items() if entry[0] == "PN"},
}
"""Attributes whose values must not be found in what comes out."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A value of the original, as its bytes are."""

    tag: int
    kind: Kind
    raw: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Traces:
    """All that was found. Hashable: most objects of a series say the same."""

    values: frozenset[Trace]
    charsets: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class _Scanner:
    order: str
    """``<`` or ``>``, as ``struct`` has it."""
    pattern: re2._Regexp[bytes]
    tags: dict[bytes, int]


_SHORT: Final = frozenset(vr.encode() for vr in SHORT_VRS)
_LONG: Final = frozenset(vr.encode() for vr in LONG_VRS)


def re2_options() -> re2.Options:
    """Bytes as they are, no words on the error output."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    options.dot_nl = True
    return options


@lru_cache(maxsize=2)
def _scanner(order: str) -> _Scanner:
    tags = {
        struct.pack(order + "HH", tag >> 16, tag & 0xFFFF): tag
        for tag in (*KINDS, SPECIFIC_CHARACTER_SET)
    }
    # A name is at most 3 x 64 characters (PS3.5 table 6.2-1); several of them still fit.
    name = rb"PN.[\x00-\x03]" if order == "<" else rb"PN[\x00-\x03]."
    alternatives = b"|".join(re2.escape(tag.decode("latin-1")).encode("latin-1") for tag in tags)
    pattern = re2.compile(alternatives + b"|" + name, re2_options())
    return _Scanner(order, pattern, tags)


def traces(blocks: Iterable[bytes], plan: Plan, *, little_endian: bool) -> Traces:
    """What identifies somebody in these blocks, and that the plan does not keep.

    ``blocks`` overlap by ``OVERLAP`` where one continues another.
    """
    scanner = _scanner("<" if little_endian else ">")
    found: set[Trace] = set()
    charsets: set[bytes] = set()
    for block in blocks:
        for tag, raw in _values(scanner, block):
            if tag == SPECIFIC_CHARACTER_SET:
                charsets.add(raw)
            elif rule_of(plan, tag, "PN").action is not Action.KEEP:
                found.add(Trace(tag, KINDS.get(tag, Kind.NAME), raw))
    return Traces(frozenset(found), frozenset(charsets))


def _values(scanner: _Scanner, block: bytes) -> Iterator[tuple[int, bytes]]:
    shorts, longs = struct.Struct(scanner.order + "H"), struct.Struct(scanner.order + "I")
    group_and_element = struct.Struct(scanner.order + "HH")
    for match in scanner.pattern.finditer(block):
        at = match.start()
        tag = scanner.tags.get(match.group())
        try:
            if tag is None:
                group, element = group_and_element.unpack_from(block, at - 4) if at >= 4 else (0, 0)
                tag = group << 16 | element
                length, value = shorts.unpack_from(block, at + 2)[0], at + 4
            elif (vr := block[at + 4 : at + 6]) in _SHORT:
                length, value = shorts.unpack_from(block, at + 6)[0], at + 8
            elif vr in _LONG:
                length, value = longs.unpack_from(block, at + 8)[0], at + 12
            else:
                length, value = longs.unpack_from(block, at + 4)[0], at + 8
        except struct.error:
            continue
        if 0 < length <= VALUE_LIMIT and value + length <= len(block):
            raw = block[value : value + length].strip(b" \0")
            if raw and _is_text(raw):
                yield tag, raw


_CONTROLS: Final = bytes(set(range(32)) - {9, 10, 12, 13, 27})


def _is_text(raw: bytes) -> bool:
    return len(raw.translate(None, _CONTROLS)) == len(raw)


def rule_of(plan: Plan, tag: int, vr: str) -> Rule:
    """The plan's rule for an attribute, wherever it stands; of private ones the general one."""
    if tag >> 16 & 1:
        return plan.other_private
    rule = plan.by_tag.get(tag)
    if rule is None:
        rule = next((r for mask, value, r in plan.by_mask if tag & mask == value), None)
    if rule is None:
        rule = plan.by_vr.get(vr)
    if rule is None:
        rule = plan.other if tag in DICTIONARY else plan.unknown
    return rule
