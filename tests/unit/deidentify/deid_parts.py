"""What the tests of de-identification share: a plan, a subject, data sets and real objects."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path

from pydicom.filereader import _read_file_meta_info, read_preamble

from causeway.deidentify.edit.clean import Cleaned, Source, clean
from causeway.deidentify.edit.reading import Element, read_items, read_unknown_items
from causeway.deidentify.edit.syntax import implicit_vr
from causeway.deidentify.identity import Identities, PatientKey, identities, project_key
from causeway.deidentify.plan import Action, Code, Plan, Rule, Temporal

SHARED = Path(__file__).parents[4] / "shared/data"
DICOM = SHARED / "dicom"

EXPLICIT, IMPLICIT = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
BIG, DEFLATED = "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"
JPEG = "1.2.840.10008.1.2.4.50"
CT = "1.2.840.10008.5.1.4.1.1.2"
INSTANCE = "1.2.826.0.1.3680043.8.498.1"

UNDEFINED = 0xFFFFFFFF
LONG = {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UC", "UN", "UR", "UT", "SV", "UV"}

KEY = project_key("test", hashlib.sha256(b"a key for tests").hexdigest())
SUBJECT: Identities = identities(KEY, PatientKey(patient_id="PHANTOM-1"))


def rule(action: Action | str, origin: str = "test", **more: object) -> Rule:
    return Rule(action=Action(action), origin=origin, **more)  # type: ignore[arg-type]


REMOVE = rule("X")
_numbers = iter(range(1 << 30))


def plan(by_tag: Mapping[int, Rule] | None = None, **more: object) -> Plan:
    """A plan of its own digest, which maps UIDs and removes what is private or unknown."""
    parts: dict[str, object] = {
        "name": "test",
        "digest": hashlib.sha256(str(next(_numbers)).encode()).hexdigest(),
        "edition": "2026c",
        "codes": (Code(value="113100", meaning="Basic Application Confidentiality Profile"),),
        "temporal": Temporal.REMOVED,
        "is_conformant": False,
        "other_private": REMOVE,
        "unknown": REMOVE,
        "other": rule("K"),
    }
    base = {0x00080018: rule("U"), 0x00100010: rule("Z"), 0x00100020: rule("pseudonym")}
    return Plan(by_tag=base | dict(by_tag or {}), **(parts | more))  # type: ignore[arg-type]


@cache
def basic_plan() -> Plan:
    """The Basic Profile, from the table as it was handed to the project."""
    rows = json.loads((SHARED / "ps315_table_e1_1.json").read_text())["rows"]
    by_tag: dict[int, Rule] = {}
    masks: list[tuple[int, int, Rule]] = []
    for row in rows:
        found = rule(row["basic"], "Basic Profile")
        if row["tag"].startswith("GGGG"):
            continue
        if "X" in row["tag"]:
            mask = int("".join("0" if each == "X" else "F" for each in row["tag"]), 16)
            masks.append((mask, int(row["tag"].replace("X", "0"), 16), found))
        else:
            by_tag[int(row["tag"], 16)] = found
    return plan(by_tag, by_mask=tuple(masks), digest=hashlib.sha256(b"basic").hexdigest())


def types(sop_class_uid: str, tag: int) -> str:
    return "?"


@dataclass(frozen=True, slots=True)
class Object:
    """A file's data set."""

    path: Path
    data: bytes
    sop_class: str
    instance: str
    syntax: str


def objects(*parts: str) -> Iterator[Object]:
    """All files that have file meta information to go by."""
    for part in parts or ("",):
        for path in sorted(each for each in (DICOM / part).rglob("*") if each.is_file()):
            found = read_object(path)
            if found is not None:
                yield found


def read_object(path: Path) -> Object | None:
    file = BytesIO(path.read_bytes())
    try:
        read_preamble(file, force=False)
        meta = _read_file_meta_info(file)
        names = [str(meta[name].value) for name in _NAMES]
    except Exception:
        return None
    return Object(path, file.read(), *names)


_NAMES = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID", "TransferSyntaxUID")


def source_of(found: Object) -> Source:
    data = found.data
    return Source(
        fetch=lambda offset, size: data[offset : offset + size],
        size=len(data),
        sop_class_uid=found.sop_class,
        sop_instance_uid=found.instance,
        transfer_syntax_uid=found.syntax,
    )


def cleaned(data: bytes, by: Plan, syntax: str = EXPLICIT, **more: object) -> tuple[bytes, Cleaned]:
    """A made-up object (``head`` and more), de-identified."""
    made = Object(Path(), data, CT, INSTANCE, syntax)
    found = clean(source_of(made), plan=by, subject=SUBJECT, types=types, **more)  # type: ignore[arg-type]
    result = b"".join(found.pieces())
    assert len(result) == found.size
    return result, found


def told(read: tuple[Element, ...], *, implicit: bool, little: bool = True) -> list[object]:
    """A level as comparable values: sequences by their items, however these are written."""
    found: list[object] = []
    for each in read:
        vr = implicit_vr(each.tag) if each.vr in ("", "UN") else each.vr
        items = each.items
        if vr == "SQ" and items is None:
            if each.vr == "UN" and not implicit:
                items = read_unknown_items(each.value, depth=0)
            else:
                items = read_items(each.value, implicit=implicit or not each.vr, little=little)
        if items is None:
            found.append((each.tag, each.value))
        else:
            inner = [told(item, implicit=implicit, little=little) for item in items]
            found.append((each.tag, inner))
    return found


# --- data sets by hand ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Write:
    """Writes elements in a transfer syntax."""

    implicit: bool = False
    little: bool = True

    def element(self, tag: int, vr: str, value: bytes | str = b"", length: int | None = None):
        if isinstance(value, str):
            value = value.encode("utf-8")
        if len(value) % 2:
            value += b"\0" if vr in ("UI", "OB", "UN") else b" "
        length = len(value) if length is None else length
        order = "<" if self.little else ">"
        head = struct.pack(order + "HH", tag >> 16, tag & 0xFFFF)
        if self.implicit:
            return head + struct.pack("<I", length) + value
        if vr in LONG:
            return head + vr.encode() + struct.pack(order + "HI", 0, length) + value
        return head + vr.encode() + struct.pack(order + "H", length) + value

    def item(self, *elements: bytes, undefined: bool = False) -> bytes:
        order = "<" if self.little else ">"
        content = b"".join(elements)
        length = UNDEFINED if undefined else len(content)
        end = struct.pack(order + "HHI", 0xFFFE, 0xE00D, 0) if undefined else b""
        return struct.pack(order + "HHI", 0xFFFE, 0xE000, length) + content + end

    def sequence(self, tag: int, *items: bytes, undefined: bool = False, vr: str = "SQ") -> bytes:
        order = "<" if self.little else ">"
        content = b"".join(items)
        if not undefined:
            return self.element(tag, vr, content)
        end = struct.pack(order + "HHI", 0xFFFE, 0xE0DD, 0)
        return self.element(tag, vr, content + end, UNDEFINED)

    def head(self, charset: str = "ISO_IR 100") -> bytes:
        """What each object begins with, up to (0008,0018)."""
        return (
            self.element(0x00080005, "CS", charset)
            + self.element(0x00080016, "UI", CT)
            + self.element(0x00080018, "UI", INSTANCE)
        )


E = Write()
IMPLICITLY = Write(implicit=True)
