"""How elements are written in the transfer syntaxes that are edited in place.

Tags are compared as they stand in the bytes: four bytes read as one little-endian integer, so
``raw`` is the element's number above the group's. A dictionary keyed by it needs no shifting, and
whether a group is private is its lowest bit.
"""

from __future__ import annotations

import struct
from typing import Final

from causeway import dictionary

"""PS3.6: VR first. Without repeating groups."""

UNDEFINED: Final = 0xFFFFFFFF

HEADER: Final = struct.Struct("<IHH")
TAG_AND_LENGTH: Final = struct.Struct("<II")
LENGTH: Final = struct.Struct("<I")


def raw_of(tag: int) -> int:
    """0xggggeeee as it is read from the bytes, and the other way round."""
    return (tag & 0xFFFF) << 16 | tag >> 16


ITEM: Final = raw_of(0xFFFEE000)
ITEM_END: Final = raw_of(0xFFFEE00D)
SEQUENCE_END: Final = raw_of(0xFFFEE0DD)

# PS3.5 7.1.2: with these the length has 16 bits (table 7.1-2), with all others 32 (table 7.1-1).
_SHORT = "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US"
SHORT_VRS: Final = frozenset(_SHORT.split())
_LONG = "OB OD OF OL OV OW SQ SV UC UN UR UT UV"
LONG_VRS: Final = frozenset(_LONG.split())


def vr_code(vr: str) -> int:
    """A VR as its two bytes are read."""
    return vr.encode()[0] | vr.encode()[1] << 8


VR_OF_CODE: Final = {vr_code(vr): vr for vr in SHORT_VRS | LONG_VRS}
SQ: Final = vr_code("SQ")
UN: Final = vr_code("UN")
PN: Final = vr_code("PN")
SHORT: Final = frozenset(vr_code(vr) for vr in SHORT_VRS)
LONG: Final = frozenset(vr_code(vr) for vr in LONG_VRS)

TEXT_VRS: Final = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Those whose bytes depend on Specific Character Set (PS3.5 6.1.2.3)."""

DEPTH_LIMIT: Final = 64
"""How deep sequences may be nested; real ones reach 7."""

_IMPLICIT: Final = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.20", "1.2.840.113619.5.2"})
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"


def is_implicit(transfer_syntax_uid: str) -> bool:
    return transfer_syntax_uid in _IMPLICIT


def is_edited_in_place(transfer_syntax_uid: str) -> bool:
    """All but Explicit VR Big Endian, which is retired and goes through pydicom."""
    return transfer_syntax_uid != _BIG_ENDIAN


def dictionary_vr(tag: int) -> str:
    """The VR in PS3.6; of several (``US or SS``) the first; empty for a tag that is not listed."""
    entry = dictionary.DICTIONARY.get(tag)
    return entry[0][:2] if entry else ""


def private_vr(tag: int, creator: str) -> str:
    """The VR of a private element in pydicom's dictionary of them; ``UN`` if it is not listed."""
    try:
        vr = dictionary.private_vr(tag, creator)[:2]
    except KeyError:
        return "UN"
    return vr if vr in SHORT_VRS or vr in LONG_VRS else "UN"


def implicit_vr(tag: int) -> str:
    """The VR of an element that does not say it."""
    if tag >> 16 & 1:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"
    return dictionary_vr(tag) or "UN"
