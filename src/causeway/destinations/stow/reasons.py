"""What a failure reason means for an instance.

PS3.18, Table I.2.2-1 (Store Instances Response: failure reasons), with those of PS3.4, B.2.3 and
PS3.7, C, and what Microsoft documents for its service. An unknown reason counts as passing: tries
are bounded, and an image that was given up for a misread number is not sent by anybody.
"""

from __future__ import annotations

import enum
from typing import Final


class Meaning(enum.Enum):
    PASSES = "passes"
    STAYS = "stays"
    EXISTS = "exists"
    """Something is stored under this UID; whether it is the same has to be looked at."""
    SYNTAX = "syntax"
    """Its transfer syntax is not taken."""


_NAMED: Final = {
    0x0105: Meaning.STAYS,  # no such attribute
    0x0106: Meaning.STAYS,  # invalid attribute value
    # Processing failure. Of servers that keep what they have, the answer to other bytes as well.
    0x0110: Meaning.EXISTS,
    0x0111: Meaning.EXISTS,  # duplicate SOP instance
    0x0112: Meaning.STAYS,  # no such SOP instance
    0x0117: Meaning.STAYS,  # invalid object instance
    0x0119: Meaning.STAYS,  # class-instance conflict
    0x0122: Meaning.STAYS,  # SOP class not supported
    0x0124: Meaning.STAYS,  # not authorised
    0xB00E: Meaning.EXISTS,  # Azure, 45070: already there
    0xB00F: Meaning.PASSES,  # Azure, 45071: being made, or being cleaned up
    0xC122: Meaning.SYNTAX,  # referenced transfer syntax not supported
}


def meaning_of(reason: int | None) -> Meaning:
    if reason in _NAMED:
        return _NAMED[reason]
    if reason is not None and reason & 0xFF00 == 0xA700:  # out of resources
        return Meaning.PASSES
    if reason is not None and (reason & 0xFF00 == 0xA900 or reason & 0xF000 == 0xC000):
        # The data set does not fit its SOP class; it cannot be understood.
        return Meaning.STAYS
    return Meaning.PASSES


_WORDS: Final = {
    0x0122: "its SOP class is not supported there",
    0x0124: "the account may not store it",
    0x0110: "processing failed there",
    0x0117: "it counts as an invalid object there",
    0xC122: "its transfer syntax is not supported there",
    0xA900: "it does not pass the checks there",
    0xA901: "it belongs to another study there",
    0xB00F: "it is being made or removed there just now",
}


def words_for(reason: int | None) -> str:
    """A reason, for an operator."""
    if reason is None:
        return "it was not stored, and no reason was given"
    known = _WORDS.get(reason)
    if known is None:
        known = {
            0xA700: "out of resources there",
            0xA900: "it does not match its SOP class",
        }.get(reason & 0xFF00, "it cannot be understood there")
        if reason & 0xF000 != 0xC000 and reason & 0xFF00 not in (0xA700, 0xA900):
            known = "it was not stored"
    return f"{known} ({reason:04X})"
