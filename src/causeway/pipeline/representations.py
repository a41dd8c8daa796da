"""Value representations: which VR an element has where it does not say so, and its values as text.

Texts are decoded by the data set's character set, padding goes, numbers are written as people
write them. What is binary, or long, has no values here.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from causeway import text
from causeway.dictionary import DICTIONARY
from causeway.pipeline.elements import Dialect

ATTRIBUTE_BYTES: Final = 8192
"""Of one attribute; its values behind that are left out."""

VALUE_LIMIT: Final = 1024
"""Characters of one value; what is longer is cut there."""

NUMBERS_LIMIT: Final = 32
"""Values of an attribute of binary numbers; a table of more is left out."""

PRINTABLE_BYTES: Final = 2048
"""Of an element of unknown VR; longer ones are not looked at for text."""

# What becomes of a value. In prose a backslash separates nothing (PS3.5 6.2).
_TEXTS: Final = frozenset(
    ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI", "UR")
)
_PROSE: Final = frozenset(("LT", "ST", "UT"))
_NUMBERS: Final = {
    "US": ("H", 2), "SS": ("h", 2), "UL": ("I", 4), "SL": ("i", 4), "UV": ("Q", 8), "SV": ("q", 8),
    "FL": ("f", 4), "FD": ("d", 8), "AT": ("HH", 4),
}  # fmt: skip
_OTHER: Final = frozenset(("OB", "OD", "OF", "OL", "OV", "OW"))
BINARY: Final = _OTHER | {"OB or OW", "US or OW", "US or SS or OW", "NONE"}


class Raw(NamedTuple):
    """A value as it stands. The VR is empty if nobody knows."""

    vr: str
    little: bool
    value: bytes


@lru_cache(maxsize=8)
def codes_of(dialect: Dialect) -> Mapping[int, str]:
    """VRs as the integers as which they are read."""
    order: Literal["little", "big"] = "little" if dialect.little else "big"
    return {
        int.from_bytes(code.encode(), order): code
        for code in (*_TEXTS, *_PROSE, *_NUMBERS, *_OTHER, "SQ", "UN")
    }


def vr_of(tag: int) -> str:
    """As PS3.6 has it; empty for private elements and what it does not list."""
    entry = DICTIONARY.get(tag)
    return entry[0] if entry is not None else ""


def values_of(raw: Raw, charset: str, *, signed: bool) -> tuple[str, ...] | None:
    """The values of an attribute that is not empty; None if it is not for this."""
    vr = raw.vr
    if vr in _TEXTS:
        return _texts(raw.value, charset, name=vr == "PN")
    if vr in _PROSE:
        prose = text.decode(raw.value, charset, prose=True)[:VALUE_LIMIT]
        return (prose,) if prose else ()
    if not vr:
        return _printable(raw.value, charset)
    if vr == "US or SS":
        vr = "SS" if signed else "US"
    form = _NUMBERS.get(vr)
    if form is None:
        return None
    return _numbers(raw, *form)


def _texts(raw: bytes, charset: str, *, name: bool = False) -> tuple[str, ...]:
    if raw.isascii() and text.ESCAPE not in raw and b"\0" not in raw:
        values = raw.decode("ascii").split("\\")
    elif text.ESCAPE in raw or text.has_backslash_in_characters(charset):
        values = text.decode(raw, charset, name=name).split("\\")
    else:
        values = [text.decode(each, charset, name=name) for each in raw.split(b"\\")]
    if len(raw) == ATTRIBUTE_BYTES and len(values) > 1:
        # The last of them may be half a value.
        values.pop()
    found = tuple([each.strip(" \0")[:VALUE_LIMIT] for each in values])
    return () if found == ("",) else found


def _printable(raw: bytes, charset: str) -> tuple[str, ...] | None:
    """Text in an element whose VR nobody knows; None if it does not look like it."""
    if len(raw) > PRINTABLE_BYTES:
        return None
    found = _texts(raw, charset)
    bare = raw.rstrip(b"\0")
    if not all(each.isprintable() for each in found) or b"\0" in bare or not bare.strip():
        return None
    return found


def _numbers(raw: Raw, form: str, size: int) -> tuple[str, ...] | None:
    count, rest = divmod(len(raw.value), size)
    if rest or count > NUMBERS_LIMIT:
        return None
    order = "<" if raw.little else ">"
    found = struct.unpack(order + form * count, raw.value)
    match form:
        case "HH":
            return tuple(f"{group:04X}{element:04X}" for group, element in _pairs(found))
        case "f":
            return tuple(_single(each) for each in found)
        case "d":
            return tuple(repr(each).removesuffix(".0") for each in found)
        case _:
            return tuple(map(str, found))


def _pairs(numbers: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    return zip(numbers[::2], numbers[1::2], strict=True)


def _single(number: float) -> str:
    """The shortest text that gives the same number of single precision: 0.1, not 0.10000000149."""
    for digits in (6, 7, 8):
        written = f"{number:.{digits}g}"
        try:
            if struct.unpack("<f", struct.pack("<f", float(written)))[0] == number:
                return written
        except OverflowError:
            continue
    return f"{number:.9g}"


def is_signed(raw: Raw | None) -> bool:
    return raw is not None and raw.value in (b"\1\0", b"\0\1")
