"""Tokens that nothing else contains, planted wherever data sets have hidden things from others.

``Garden`` makes values by VR; each has a token of its own in it, and remembers where it was put.
``object_with`` writes a data set that has every row of table E.1-1 at the top level and at three
depths, and every place of the defects that libraries are known for.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from deid_parts import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, INSTANCE, JPEG, SUBJECT, Object, Write
from pydicom.charset import convert_encodings, encode_string

from causeway.deidentify.edit.syntax import dictionary_vr
from causeway.deidentify.plan import Action, Plan
from causeway.deidentify.proof.traces import rule_of
from causeway.deidentify.standard import rows

RLE, J2K = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90"
SYNTAXES = {
    "explicit": EXPLICIT,
    "implicit": IMPLICIT,
    "big endian": BIG,
    "deflated": DEFLATED,
    "jpeg": JPEG,
    "rle": RLE,
    "jpeg 2000": J2K,
}
ENCAPSULATED = frozenset({JPEG, RLE, J2K})
CHARSETS = {
    "ISO_IR 100": "é",
    "ISO_IR 192": "Ω山",
    "ISO_IR 144": "Ж",
    "GB18030": "王",
    "\\ISO 2022 IR 87": "山",
}
"""Specific Character Set, and what only it can say."""

PIXELS = b"PIXELPIX" * 9000

# Sequences that the Basic Profile keeps, as does every shipped profile: the way down.
DEEP = (0x00189346, 0x0040A043, 0x00289145)
UNKNOWN = 0x00081FFE
"""An even group's tag that PS3.6 does not have."""
TABLE_SKIPPED = frozenset({0x0000, 0x0002, 0x0004})
"""Groups of commands, file meta information and directories: objects with them are tested apart."""


@dataclass
class Garden:
    """Every token that was planted, by what it is and where."""

    plan: Plan
    charset: str = "ISO_IR 100"
    tokens: dict[str, str] = field(default_factory=dict)
    """Where by token."""
    kept: set[str] = field(default_factory=set)
    """Tokens that the plan leaves where they are."""
    dates: int = 0
    ages: int = 0
    is_kept: bool = False
    """Whether what is planted now is to stay."""
    above: bool = True
    """Whether all sequences above it are kept, and not only their items edited."""

    def word(self, where: str) -> str:
        return self.said(f"Zq{len(self.tokens):05d}Xv", where).decode()

    def value(self, vr: str, where: str) -> bytes | None:
        """A value with a token in it; None for VRs that hold too little for one."""
        number = len(self.tokens)
        match vr:
            case "CS" | "AE" | "UR":
                return self.word(where).upper().encode()
            case "LO" | "LT" | "SH" | "ST" | "UC" | "UT":
                return self.encoded(self.word(where) + CHARSETS[self.charset])
            case "PN":
                return self.encoded(f"{self.word(where)}^{CHARSETS[self.charset]}")
            case "UI":
                return self.said(f"1.3.6.1.4.1.99.{number:06d}77", where)
            case "DA":
                self.dates += 1
                day = dt.date(1700, 1, 1) + dt.timedelta(self.dates)
                # One that was moved must not become another that was planted.
                assert self.dates < -SUBJECT.shift_days
                return self.said(f"{day:%Y%m%d}", where)
            case "TM":
                return self.said(f"1122{number % 60:02}.{number:06d}", where)
            case "DT":
                return self.said(f"18991231{number % 24:02}0000.{number:06d}", where)
            case "AS":
                self.ages += 1
                return self.said(f"{900 + self.ages}Y", where)
            case "DS" | "IS":
                return self.said(f"77{number:06d}", where)
            case "OB" | "UN":
                return self.word(where).encode()
            case "OW" | "OD" | "OF" | "OL" | "OV":
                return (self.word(where) + "pad4567").encode()
            case _:
                return None

    def said(self, text: str, where: str) -> bytes:
        self.tokens[text] = where
        if self.is_kept:
            self.kept.add(text)
        return text.encode()

    def encoded(self, text: str) -> bytes:
        encodings = convert_encodings(self.charset.split("\\"))
        return encode_string(text, list(encodings)) if not text.isascii() else text.encode()

    def keeps(self, tag: int, vr: str) -> bool:
        """Whether the plan leaves an attribute as it is, where everything above it stays."""
        action = rule_of(self.plan, tag, vr).action
        return action is Action.KEEP or (action is Action.SHIFT and vr == "TM")

    def uid(self, where: str, *path: int) -> bytes:
        """A UID at the end of a path."""
        vrs = ["SQ"] * (len(path) - 1) + ["UI"]
        self.is_kept = all(map(self.keeps, path, vrs))
        value = self.value("UI", where)
        self.is_kept = False
        assert value is not None
        return value

    def left_in(self, data: bytes) -> set[str]:
        """The tokens that are still there, in whatever case or encoding."""
        plain = data.lower()
        narrow = plain.replace(b"\0", b"")
        # In 39 digits of a new UID a date may stand by chance.
        numbers = set(re.findall(rb"[0-9]+", plain)) | set(re.findall(rb"[0-9]+", narrow))
        numbers |= {each[:-1] for each in numbers}  # a tag behind it can begin with a digit
        found = set()
        for token in self.tokens:
            form = token.lower().encode()
            if form in numbers or (not form.isdigit() and (form in plain or form in narrow)):
                found.add(token)
        return found

    def leaks(self, data: bytes) -> list[str]:
        """What is there and should not be."""
        return [f"{self.tokens[token]}: {token}" for token in self.left_in(data) - self.kept]

    def losses(self, data: bytes) -> list[str]:
        """What should be there and is not."""
        return [f"{self.tokens[token]}: {token}" for token in self.kept - self.left_in(data)]


Elements = dict[int, bytes]


def of_all(garden: Garden, write: Write, where: str) -> Elements:
    """The defects, and one of each row of the table, ours beyond it included."""
    made = of_defects(garden, write, where)
    for row in rows():
        tag = row.value
        if row.is_repeating:
            tag |= 0x00020000 if row.mask & 0xFFFF else 0x00020010
        if tag >> 16 in TABLE_SKIPPED or tag >> 16 == 0xFFFC:
            continue
        if tag in made or tag in (0x00080016, 0x00080018):
            continue
        made[tag] = one(garden, write, tag, where)
    return made


def one(garden: Garden, write: Write, tag: int, where: str) -> bytes:
    """An attribute with a token in it; of a sequence that stays only what is listed itself."""
    vr = dictionary_vr(tag) or ("OW" if tag & 0xFFFF == 0x3000 else "LO")
    here = f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {vr} {where}"
    if vr == "SQ":
        action = rule_of(garden.plan, tag, vr).action
        stays = action in (Action.KEEP, Action.UID, Action.REMOVE_OR_EMPTY_OR_UID)
        inner, above = {}, garden.above
        garden.above = above and action is Action.KEEP
        for inside in (0x00081155, 0x00100010) if stays else (0x00080104, 0x00081155, 0x00100010):
            if not garden.above and garden.keeps(inside, "UI"):
                continue  # in a sequence that becomes a dummy it may stay, or not
            inner[inside] = one(garden, write, inside, here)
        garden.above = above
        return write.sequence(tag, write.item(*in_order(inner)), undefined=bool(tag & 1 << 4))
    garden.is_kept = garden.above and garden.keeps(tag, vr)
    value = garden.value(vr, here)
    garden.is_kept = False
    if value is None:  # numbers as bytes: no token fits, and its absence is tested by the editor's
        value = bytes(8 if vr in ("FD", "SV", "UV") else 2 if vr in ("US", "SS") else 4)
    return write.element(tag, vr, value)


def of_defects(garden: Garden, write: Write, where: str) -> Elements:
    """The places that de-identifiers forget."""
    implicit = replace(write, implicit=True)
    word = garden.word
    made: Elements = {}

    def put(tag: int, vr: str, value: bytes | str) -> None:
        made[tag] = write.element(tag, vr, value)

    # Private elements and sequences, with and without a creator.
    put(0x00090010, "LO", "ACME " + word(f"private creator {where}"))
    put(0x00091001, "LO", word(f"private LO {where}"))
    put(0x00091002, "PN", word(f"private PN {where}") + "^Given")
    put(0x00091003, "UN", word(f"private UN {where}"))
    put(0x00091004, "OB", ("\0".join(word(f"private UTF-16 {where}")) + "\0").encode("latin-1"))
    made[0x00091005] = write.sequence(
        0x00091005,
        write.item(write.element(0x00100010, "PN", word(f"name in private sequence {where}"))),
    )
    put(0x00111001, "LO", word(f"private without creator {where}"))
    # VR UN for known tags, as text and as sequences of implicit VR.
    put(0x00081048, "UN", word(f"UN for PN {where}"))
    made[0x00081111] = write.element(
        0x00081111,
        "UN" if not write.implicit and write.little else "SQ",
        (implicit if write.little else write).item(
            (implicit if write.little else write).element(
                0x00081155, "UI", garden.uid(f"reference in UN {where}", 0x00081111, 0x00081155)
            ),
            (implicit if write.little else write).element(
                0x00100020, "LO", word(f"Patient ID in UN {where}")
            ),
        ),
    )
    put(UNKNOWN, "LO", word(f"unknown standard tag {where}"))
    # Repeating groups.
    put(0x50003000, "OW", word(f"curve data {where}") + "pad")
    put(0x50020022, "LO", word(f"curve label {where}"))
    put(0x60004000, "LT", word(f"overlay comment {where}"))
    put(0x60023000, "OW", word(f"overlay data {where}") + "pad")
    # Several values.
    uids = [garden.uid(f"UID of several {where}", 0x00083010) for _ in range(3)]
    put(0x00083010, "UI", b"\\".join(uids))
    put(0x00081060, "PN", "\\".join(word(f"name of several {where}") for _ in range(3)))
    put(0x00101001, "PN", f"{word(f'other name {where}')}^A=山^{word(f'ideographic {where}')}")
    # References at depth.
    made[0x00081115] = write.sequence(
        0x00081115,
        write.item(
            write.element(
                0x0020000E, "UI", garden.uid(f"series reference {where}", 0x00081115, 0x0020000E)
            ),
            write.sequence(
                0x00081199,
                write.item(
                    write.element(0x00081150, "UI", CT),
                    write.element(
                        0x00081155,
                        "UI",
                        garden.uid(f"nested reference {where}", 0x00081115, 0x00081199, 0x00081155),
                    ),
                ),
                undefined=True,
            ),
        ),
        undefined=True,
    )
    # Private blocks in public sequences that stay.
    made[0x00409096] = write.sequence(
        0x00409096,
        write.item(
            write.element(0x00409211, "US", b"\1\0"),
            write.element(0x00410010, "LO", "ACME"),
            write.element(0x00411001, "LT", word(f"private in public sequence {where}")),
        ),
    )
    return made


def in_order(*several: Elements) -> Iterator[bytes]:
    """Elements by tag; of those of one tag the last one."""
    merged: Elements = {}
    for each in several:
        merged |= each
    return (merged[tag] for tag in sorted(merged))


def pixels(write: Write, syntax: str) -> bytes:
    """More than the editor reads."""
    if syntax not in ENCAPSULATED:
        return write.element(0x7FE00010, "OW", PIXELS)
    fragments = write.item() + write.item(b"\xff\xd8" + PIXELS[:40_000]) + write.item(PIXELS)
    return write.sequence(0x7FE00010, fragments, vr="OB", undefined=True)


def kept_values(write: Write) -> Elements:
    """What every profile leaves as it is."""
    return {
        0x00080060: write.element(0x00080060, "CS", "CT"),
        0x00180050: write.element(0x00180050, "DS", "1.25"),
        0x00180060: write.element(0x00180060, "DS", "120"),
        0x00200013: write.element(0x00200013, "IS", "7"),
        0x00200032: write.element(0x00200032, "DS", "-1.5\\2.5\\3.75"),
        0x00280010: write.element(0x00280010, "US", struct.pack("<H" if write.little else ">H", 2)),
        0x00280011: write.element(0x00280011, "US", struct.pack("<H" if write.little else ">H", 2)),
        0x00280030: write.element(0x00280030, "DS", "0.5\\0.5"),
        0x00281054: write.element(0x00281054, "LO", "HU"),
    }


def object_with(garden: Garden, syntax: str, *content: Elements) -> Object:
    """An object in a transfer syntax, with trailing padding behind its pixels."""
    write = writer_for(syntax)
    head = {
        0x00080005: write.element(0x00080005, "CS", garden.charset),
        0x00080016: write.element(0x00080016, "UI", CT),
        0x00080018: write.element(0x00080018, "UI", INSTANCE),
        0x7FE00010: pixels(write, syntax),
        0xFFFCFFFC: write.element(0xFFFCFFFC, "OB", garden.word("trailing padding")),
    }
    data = b"".join(in_order(*content, head))
    return Object(Path(), deflated(data) if syntax == DEFLATED else data, CT, INSTANCE, syntax)


def writer_for(syntax: str) -> Write:
    return Write(implicit=syntax == IMPLICIT, little=syntax != BIG)


def deflated(data: bytes) -> bytes:
    deflater = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = deflater.compress(data) + deflater.flush()
    return packed + b"\0" * (len(packed) % 2)


def inflated(data: bytes, syntax: str) -> bytes:
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(data) if syntax == DEFLATED else data


def everything(garden: Garden, syntax: str) -> Object:
    """Each row of the table and each defect, at the top level and at three depths."""
    write = writer_for(syntax)
    top = of_all(garden, write, "at the top")
    inner: Elements = {}
    for depth in range(len(DEEP), 0, -1):
        where = f"at depth {depth}"
        here = of_all(garden, write, where) | inner
        here |= kept_values(write)
        item = write.item(*in_order(here), undefined=depth != 2)
        inner = {DEEP[depth - 1]: write.sequence(DEEP[depth - 1], item, undefined=depth == 3)}
    return object_with(garden, syntax, top, kept_values(write), inner)
