"""What an attribute's value becomes by its rule; the same for both ways of editing.

A value comes as its bytes and goes as its bytes, even in length (PS3.5 6.2), or as ``None``: the
attribute goes. Text is decoded by the character set of its level; what is written is in it too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pydicom.charset import convert_encodings, encode_string

from causeway.deidentify.edit.syntax import TEXT_VRS
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Rule
from causeway.deidentify.subject import Subject
from causeway.text import decode

DUMMY_TEXT: Final = "REMOVED"
_DUMMIES: Final = {
    "AE": b"REMOVED ",
    "AS": b"000Y",
    "CS": b"REMOVED ",
    "DA": b"19000101",
    "DS": b"0 ",
    "DT": b"19000101000000",
    "IS": b"0 ",
    "LO": b"REMOVED ",
    "LT": b"REMOVED ",
    "PN": b"REMOVED ",
    "SH": b"REMOVED ",
    "ST": b"REMOVED ",
    "TM": b"000000",
    "UC": b"REMOVED ",
    "UR": b"urn:removed ",
    "UT": b"REMOVED ",
    "AT": bytes(4),
    "FD": bytes(8),
    "FL": bytes(4),
    "SL": bytes(4),
    "SS": bytes(2),
    "SV": bytes(8),
    "UL": bytes(4),
    "US": bytes(2),
    "UV": bytes(8),
}
_BLOB_DUMMY: Final = bytes(8)
"""A multiple of each word of OB to OV."""

PATIENT_ID: Final = 0x00100020
PATIENT_BIRTH_DATE: Final = 0x00100030
_STANDARD_ROOT: Final = "1.2.840.10008."
_SEVERAL: Final = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "PN", "SH", "TM", "UC", "UI"}
)
"""Values of these are separated by backslashes; in all other text a backslash is text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What values at one level of an object are read by."""

    charset: str
    """(0008,0005) as it stands, joined by backslashes."""


@dataclass(slots=True, kw_only=True)
class Edited:
    """What was done so far, and what was taken away and so must not be found again."""

    counts: dict[str, int] = field(default_factory=dict)
    """Attributes by action and origin of the rule, ``X Basic Profile``."""
    taken: set[str] = field(default_factory=set, repr=False)
    """Texts that were removed or replaced and may name somebody."""
    uids: dict[str, str] = field(default_factory=dict, repr=False)

    def count(self, rule: Rule) -> None:
        key = f"{rule.action.value} {rule.origin}"
        self.counts[key] = self.counts.get(key, 0) + 1


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
            return padded(_encoded(rule.value, level), vr)
        case Action.UID:
            return mapped_uids(old, subject, edited)
        case Action.PSEUDONYM:
            return _each(old, vr, level, lambda text: _pseudonym(tag, text, subject))
        case Action.SHIFT:
            if tag == PATIENT_BIRTH_DATE:
                return _each(old, vr, level, subject.birth_date)
            return _each(old, vr, level, subject.date if vr == "DA" else subject.date_time)
        case Action.AGE:
            return _each(old, vr, level, subject.age)
        case Action.EDIT | Action.CLEAN:
            if rule.edit is None:
                return None if rule.action is Action.CLEAN else _unfit(rule, vr)
            if vr not in TEXT_VRS and vr not in _SEVERAL:
                return _unfit(rule, vr)
            return _each(old, vr, level, rule.edit)
        case _:
            raise AssertionError(rule.action)


def _unfit(rule: Rule, vr: str) -> bytes:
    raise Doubt("rule", f"{rule.origin}: {rule.action.value} cannot be done to a value of VR {vr}")


def _dummy(vr: str, old: bytes, subject: Subject, edited: Edited) -> bytes:
    if vr == "UI":
        return mapped_uids(old, subject, edited) or padded(subject.uid("").encode(), vr)
    return _DUMMIES.get(vr, _BLOB_DUMMY)


def mapped_uids(old: bytes, subject: Subject, edited: Edited) -> bytes:
    """Each UID replaced, but for those that the standard defines (classes, syntaxes, codes)."""
    text = old.decode("ascii", "replace").rstrip("\0 ")
    if not text:
        return old
    made = [_mapped_uid(each.strip("\0 "), subject, edited) for each in text.split("\\")]
    joined = "\\".join(made)
    return old if joined == text else padded(joined.encode(), "UI")


def _mapped_uid(uid: str, subject: Subject, edited: Edited) -> str:
    if not uid or uid.startswith(_STANDARD_ROOT):
        return uid
    found = edited.uids.get(uid)
    if found is None:
        found = edited.uids[uid] = subject.uid(uid)
    return found


def _pseudonym(tag: int, text: str, subject: Subject) -> str:
    if not text:
        return ""
    return subject.patient_id() if tag == PATIENT_ID else subject.token(f"{tag:08x}", text)


def _each(old: bytes, vr: str, level: Level, make: Callable[[str], str | None]) -> bytes | None:
    """Each value by itself; one that becomes nothing is dropped, and with the last the attribute.

    An empty attribute stays as it is.
    """
    text = decode(old, level.charset, name=vr == "PN")
    if not text:
        return old
    values = text.split("\\") if vr in _SEVERAL else [text]
    made = [
        new for new in (make(value.strip()) if value else "" for value in values) if new is not None
    ]
    if not made:
        return None
    joined = "\\".join(made)
    return old if joined == text else padded(_encoded(joined, level), vr)


def _encoded(text: str, level: Level) -> bytes:
    if text.isascii():
        return text.encode("ascii")
    encodings = convert_encodings(level.charset.split("\\"))
    return bytes(encode_string(text, list(encodings)))


def padded(value: bytes, vr: str) -> bytes:
    """Even in length (PS3.5 6.2)."""
    if len(value) % 2 == 0:
        return value
    return value + (b"\0" if vr in ("UI", "OB", "UN") else b" ")
