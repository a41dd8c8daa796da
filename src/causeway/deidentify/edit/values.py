"""What an attribute's value becomes by its rule; the same for both ways of editing.

A value comes as its bytes and goes as its bytes, even in length (PS3.5 6.2), or as ``None``: the
attribute goes. Text is decoded by the character set of its level; what is written is in it too.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from causeway.deidentify.edit.reading import PROSE, Level
from causeway.deidentify.edit.syntax import TEXT_VRS
from causeway.deidentify.edit.writing import padded
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.subject import Subject
from causeway.dictionary import uids
from causeway.text import decode, encode

_REMOVED: Final = b"REMOVED "
_DUMMIES: Final = {
    **dict.fromkeys(("AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UT"), _REMOVED),
    **dict.fromkeys(("DS", "IS"), b"0 "),
    **dict.fromkeys(("SS", "US"), bytes(2)),
    **dict.fromkeys(("AT", "FL", "SL", "UL"), bytes(4)),
    "AS": b"000Y",
    "DA": b"19000101",
    "DT": b"19000101000000",
    "TM": b"000000",
    "UR": b"urn:removed ",
}
_BLOB_DUMMY: Final = bytes(8)
"""A multiple of each word of OB to OV, and one number of FD, SV and UV."""

_NUMBERS: Final = {
    "FD": "d", "FL": "f", "SL": "i", "SS": "h", "SV": "q", "UL": "I", "US": "H", "UV": "Q",
}  # fmt: skip

PATIENT_ID: Final = 0x00100020
PATIENT_BIRTH_DATE: Final = 0x00100030
_SEVERAL: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
)
"""Values of these are separated by backslashes; in all other text a backslash is text."""
_TEXTS: Final = TEXT_VRS | _SEVERAL | {"UR"}
_TOKENS: Final = TEXT_VRS | {"AE", "CS", "UR"}
"""What can take a pseudonym of 16 letters and digits."""

IDENTIFYING: Final = frozenset(
    {
        0x00080050,  # Accession Number
        0x00100020,  # Patient ID
        0x00100021,  # Issuer of Patient ID
        0x00100030,  # Patient's Birth Date
        0x00101000,  # Other Patient IDs
        0x00101040,  # Patient's Address
        0x00102154,  # Patient's Telephone Numbers
        0x00380010,  # Admission ID
    }
)
"""Whose values must not be found in what comes out, beside all person names."""


@lru_cache(maxsize=4096)
def _label(action: Action, origin: str) -> str:
    return f"{action.value} {origin}"


Path = tuple[int, ...]
"""Tags of sequences and indices of items in turn, and the attribute's tag."""


@dataclass(slots=True, kw_only=True)
class Edited:
    """What was done so far, and what was taken away and so must not be found again."""

    tallies: dict[int, tuple[Rule, int]] = field(default_factory=dict)
    """Attributes by their rule; each under its identity, since to hash it takes longer."""
    taken: set[str] = field(default_factory=set, repr=False)
    """Texts that were removed or replaced and may name somebody."""
    uids: dict[str, str] = field(default_factory=dict, repr=False)
    changes: list[tuple[Path, Rule]] | None = None
    """Which rule acted where; None if nobody wants to know."""
    path: list[int] = field(default_factory=list)
    """Of the sequence and the item that are being edited."""
    sop_class_uid: str = ""
    sop_instance_uid: str = field(default="", repr=False)
    """As the data set itself says them."""

    @property
    def counts(self) -> dict[str, int]:
        """Attributes by action and origin of the rule, ``X Basic Profile``."""
        counts: dict[str, int] = {}
        for rule, number in self.tallies.values():
            key = _label(rule.action, rule.origin)
            counts[key] = counts.get(key, 0) + number
        return dict(sorted(counts.items()))

    def count(self, tag: int, rule: Rule) -> None:
        self.count_several(rule, 1)
        if self.changes is not None:
            self.changes.append(((*self.path, tag), rule))

    def count_several(self, rule: Rule, number: int) -> None:
        known = self.tallies.get(id(rule))
        self.tallies[id(rule)] = (rule, number if known is None else known[1] + number)

    def branch(self) -> Edited:
        """For an attempt that may fail: ``adopt`` it, or forget it."""
        changes: list[tuple[Path, Rule]] | None = None if self.changes is None else []
        return Edited(taken=self.taken, uids=self.uids, changes=changes, path=list(self.path))

    def adopt(self, branch: Edited) -> None:
        for rule, number in branch.tallies.values():
            self.count_several(rule, number)
        if self.changes is not None and branch.changes is not None:
            self.changes += branch.changes

    def take(self, tag: int, vr: str, old: bytes, level: Level) -> None:
        """Remember a value that goes, if it may name somebody."""
        if vr == "PN" or tag in IDENTIFYING:
            self.taken.add(decode(old, level.charset, name=vr == "PN", prose=vr in PROSE))


def new_value(
    rule: Rule, tag: int, vr: str, old: bytes, level: Level, subject: Subject, edited: Edited
) -> bytes | None:
    """The bytes of the value by its rule, the very same object if nothing changes.

    Raises ``Doubt`` for a rule that makes no sense for the VR.
    """
    match rule.action:
        case Action.KEEP:
            return old
        case Action.REMOVE:
            return None
        case Action.EMPTY:
            return b""
        case Action.DUMMY:
            return _dummy(vr, old, subject, edited)
        case Action.REPLACE:
            return replacement(rule, vr, level)
        case Action.UID:
            return mapped_uids(old, subject, edited)
        case Action.SHIFT if vr == "TM":
            made = _each(old, vr, level, rule, _time_of_day)
        case Action.CLEAN if rule.edit is None:
            made = None
        case _:
            made = _each(old, vr, level, rule, _maker(rule, tag, vr, level, subject))
    if made is None and rule.left is not Action.REMOVE:
        return b"" if rule.left is Action.EMPTY else _dummy(vr, old, subject, edited)
    return made


# PS3.5 table 6.2-1, with the colons of ACR-NEMA.
_TIME: Final = re.compile(
    r"(?:[01][0-9]|2[0-3])(?::?[0-5][0-9](?::?(?:[0-5][0-9]|60)(?:\.[0-9]{1,6})?)?)?"
)


def _time_of_day(text: str) -> str | None:
    """Days are moved, not hours; what is no time of day may be a date."""
    return text if _TIME.fullmatch(text) else None


def _maker(
    rule: Rule, tag: int, vr: str, level: Level, subject: Subject
) -> Callable[[str], str | None]:
    """What makes one new value from one old."""
    match rule.action:
        case Action.PSEUDONYM if vr in _TOKENS:
            if tag != PATIENT_ID:
                return lambda text: subject.token(f"{tag:08x}", text)
            # Deeper down somebody else may be meant: a donor, a mother, a group.
            return lambda text: subject.patient_id(None if level.is_top else text)
        case Action.SHIFT if vr in _TEXTS:
            if tag == PATIENT_BIRTH_DATE:
                return subject.birth_date
            return subject.date if vr == "DA" else subject.date_time
        case Action.AGE if vr in _TEXTS:
            return subject.age
        case Action.EDIT | Action.CLEAN if rule.edit is not None and vr in _TEXTS:
            return rule.edit
    raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to a value of VR {vr}")


def _dummy(vr: str, old: bytes, subject: Subject, edited: Edited) -> bytes:
    if vr == "UI":
        made = mapped_uids(old, subject, edited)
        return made if made.strip(b"\0 ") else padded(subject.uid("").encode("ascii"), vr)
    return _DUMMIES.get(vr, _BLOB_DUMMY)


def replacement(rule: Rule, vr: str, level: Level) -> bytes:
    """The value that a rule puts in. Raises ``Doubt`` if the VR cannot have it."""
    if not rule.value:
        return b""
    if vr in _TEXTS:
        return padded(_encoded(rule.value, vr, level, b""), vr)
    form = _NUMBERS.get(vr)
    try:
        if form is None:
            raise ValueError(vr)
        kind = float if vr in ("FD", "FL") else int
        numbers = [kind(each) for each in rule.value.split("\\")]
        return struct.pack(f"{'<' if level.is_little else '>'}{len(numbers)}{form}", *numbers)
    except (ValueError, OverflowError, struct.error):
        raise Doubt("rule", f"{rule.origin}: no value for a VR of {vr}") from None


def mapped_uids(old: bytes, subject: Subject, edited: Edited) -> bytes:
    """Each UID replaced, but for those that the standard defines (classes, syntaxes, codes)."""
    text = old.decode("ascii", "backslashreplace").rstrip("\0 ")
    if not text:
        return old
    made = [_mapped_uid(each.strip("\0 "), subject, edited) for each in text.split("\\")]
    joined = "\\".join(made)
    return old if joined == text else padded(joined.encode("ascii"), "UI")


def _mapped_uid(uid: str, subject: Subject, edited: Edited) -> str:
    # Not all under the standard's root: somebody's own may be there by mistake.
    if not uid or uid in uids():
        return uid
    found = edited.uids.get(uid)
    if found is None:
        found = edited.uids[uid] = subject.uid(uid)
    return found


def _each(
    old: bytes, vr: str, level: Level, rule: Rule, make: Callable[[str], str | None]
) -> bytes | None:
    """Each value by itself; one that becomes nothing is dropped, and with the last the attribute.

    An empty attribute stays as it is.
    """
    text = decode(old, level.charset, name=vr == "PN", prose=vr in PROSE)
    if not text:
        return old
    values = text.split("\\") if vr in _SEVERAL else [text]
    try:
        tried = [make(stripped) if (stripped := value.strip()) else "" for value in values]
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - what a profile brings along may fail as it likes
        raise Doubt("rule", f"{rule.origin}: it failed: {type(error).__name__}") from None
    made = [new for new in tried if new is not None]
    if not any(made):
        return None if len(made) < len(tried) else b""
    joined = "\\".join(made)
    return old if joined == text else padded(_encoded(joined, vr, level, old), vr)


def _encoded(text: str, vr: str, level: Level, old: bytes) -> bytes:
    """In the declared set; in UTF-8 if that is what the old value was, undeclared."""
    made = encode(text, level.charset, name=vr == "PN", prose=vr in PROSE)
    if made is None and _is_utf_8(old):
        made = text.encode("utf-8")
    if made is None:
        raise Doubt("charset", "a new value cannot be written in the object's character set")
    return made


def _is_utf_8(value: bytes) -> bool:
    try:
        return bool(value.decode("utf-8"))
    except UnicodeDecodeError:
        return False
