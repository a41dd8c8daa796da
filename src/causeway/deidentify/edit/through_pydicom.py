"""The patient way: pydicom reads and writes, the same rules and the same values in between.

For Explicit VR Big Endian, and for what is written unusually: elements with implicit VR among
explicit ones, unknown VRs, elements out of order. It holds the object in memory and takes some
twenty times as long. In the tests it is the oracle of editing in place as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Final

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag, Tag

from causeway.deidentify.edit.items import DEPTH_LIMIT, IDENTIFYING
from causeway.deidentify.edit.markers import (
    BURNED_IN_ANNOTATION,
    DEIDENTIFICATION_METHOD,
    DEIDENTIFICATION_METHOD_CODES,
    LONGITUDINAL_TEMPORAL_INFORMATION,
    PATIENT_IDENTITY_REMOVED,
    method_of,
)
from causeway.deidentify.edit.syntax import UNDEFINED, dictionary_vr
from causeway.deidentify.edit.table import SPECIFIC_CHARACTER_SET, Table
from causeway.deidentify.edit.values import Edited, Level, new_value
from causeway.deidentify.edit.whole import PADDING
from causeway.deidentify.errors import Doubt
from causeway.deidentify.plan import Action, Code, Plan, Rule
from causeway.deidentify.subject import Subject
from causeway.text import decode

_IMPLICIT: Final = "1.2.840.10008.1.2"
_BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"


def edit_through_pydicom(
    data: bytes,
    transfer_syntax_uid: str,
    *,
    table: Table,
    subject: Subject,
    edited: Edited,
    pixels_cleaned: bool,
) -> bytes:
    """The data set edited. Raises ``Doubt``."""
    implicit = transfer_syntax_uid == _IMPLICIT
    little = transfer_syntax_uid != _BIG_ENDIAN
    try:
        read = read_dataset(BytesIO(data), implicit, little)
        made = _Edit(subject, edited).level(read, table, Level(charset=""), depth=0)
        _mark(made, table.plan, pixels_cleaned=pixels_cleaned)
        output = DicomBytesIO()
        output.is_implicit_VR, output.is_little_endian = implicit, little
        write_dataset(output, made)
    except Doubt:
        raise
    except Exception as error:  # noqa: BLE001 - see below
        # Of a foreign parser's exceptions only the kind is told: their text may quote a value.
        raise Doubt("unreadable", f"pydicom cannot read it: {type(error).__name__}") from None
    return bytes(output.getvalue())


@dataclass(frozen=True, slots=True)
class _Edit:
    subject: Subject
    edited: Edited

    def level(self, read: Dataset, table: Table, level: Level, *, depth: int) -> Dataset:
        """The data set of one level, edited."""
        if depth > DEPTH_LIMIT:
            raise Doubt("depth", f"sequences are nested more than {DEPTH_LIMIT} deep")
        made = Dataset()
        creators: dict[tuple[int, int], str] = {}
        # All at once: looking into a sequence makes pydicom convert values beside it.
        elements = [(tag, read.get_item(tag)) for tag in sorted(read.keys())]
        for tag, raw in elements:
            number = int(tag)
            if number & 0xFFFF == 0 or number == PADDING:
                continue
            vr = _vr_of(raw, number)
            if number == SPECIFIC_CHARACTER_SET and isinstance(raw.value, bytes):
                level = replace(level, charset=decode(raw.value))
            rule = self._rule(number, vr, raw, table, level, creators)
            if vr == "SQ":
                self._sequence(read, made, tag, rule, table, level, depth)
            else:
                self._value(raw, made, tag, vr, rule, level)
        return made

    def _rule(
        self,
        tag: int,
        vr: str,
        raw: RawDataElement | DataElement,
        table: Table,
        level: Level,
        creators: dict[tuple[int, int], str],
    ) -> Rule:
        group, element = tag >> 16, tag & 0xFFFF
        if not group & 1:
            return table.rule(tag, vr)
        if 0x10 <= element <= 0xFF:
            creator = decode(_bytes_of(raw), level.charset)
            creators[group, element] = creator
            if group in table.private_groups and table.plan.keeps_creator(group, creator):
                return Rule(action=Action.KEEP, origin="private creator")
            return table.plan.other_private
        return table.rule(tag, vr, creators.get((group, element >> 8), ""))

    def _sequence(
        self,
        read: Dataset,
        made: Dataset,
        tag: BaseTag,
        rule: Rule,
        table: Table,
        level: Level,
        depth: int,
    ) -> None:
        if rule.action is not Action.KEEP:
            self.edited.count(rule)
        if rule.action is Action.REMOVE:
            return
        child = table.child(int(tag))
        if rule.action is Action.DUMMY:
            child = child.strict()
        items = [] if rule.action is Action.EMPTY else read[tag].value
        made[tag] = DataElement(
            tag, "SQ", Sequence([self.level(item, child, level, depth=depth + 1) for item in items])
        )

    def _value(
        self,
        raw: RawDataElement | DataElement,
        made: Dataset,
        tag: BaseTag,
        vr: str,
        rule: Rule,
        level: Level,
    ) -> None:
        old = _bytes_of(raw)
        new: bytes | None = old
        if rule.action is not Action.KEEP:
            self.edited.count(rule)
            if vr == "PN" or int(tag) in IDENTIFYING:
                self.edited.taken.add(decode(old, level.charset, name=vr == "PN"))
            new = new_value(rule, int(tag), vr, old, level, self.subject, self.edited)
        if new is None:
            return
        undefined = raw.is_undefined_length if isinstance(raw, DataElement) else False
        undefined = undefined or getattr(raw, "length", 0) == UNDEFINED
        made[tag] = RawDataElement(
            tag, vr, UNDEFINED if undefined else len(new), new, 0, False, True
        )


def _vr_of(raw: RawDataElement | DataElement, tag: int) -> str:
    vr = raw.VR or ""
    if vr in ("", "UN"):
        private_creator = tag >> 16 & 1 and 0x10 <= tag & 0xFFFF <= 0xFF
        vr = dictionary_vr(tag) or ("LO" if private_creator else "UN")
    return str(vr)


def _bytes_of(raw: RawDataElement | DataElement) -> bytes:
    value = raw.value
    if value is None:
        return b""
    if not isinstance(value, bytes):
        raise Doubt("unreadable", f"a value of VR {raw.VR} is not as it was read")
    return value


# --- markers ----------------------------------------------------------------------------------


def _mark(made: Dataset, plan: Plan, *, pixels_cleaned: bool) -> None:
    made[Tag(PATIENT_IDENTITY_REMOVED)] = DataElement(PATIENT_IDENTITY_REMOVED, "CS", "YES")
    ours = method_of(plan)
    earlier = (
        decode(_bytes_of(made.get_item(DEIDENTIFICATION_METHOD)))
        if (DEIDENTIFICATION_METHOD in made)
        else ""
    )
    values = earlier.split("\\") if earlier else []
    if ours not in values:
        values.append(ours)
    made[Tag(DEIDENTIFICATION_METHOD)] = DataElement(DEIDENTIFICATION_METHOD, "LO", values)
    if plan.codes:
        known = (
            list(made[DEIDENTIFICATION_METHOD_CODES].value)
            if (DEIDENTIFICATION_METHOD_CODES in made)
            else []
        )
        items = [*known, *(_code(code) for code in plan.codes if not _has(known, code))]
        made[Tag(DEIDENTIFICATION_METHOD_CODES)] = DataElement(
            DEIDENTIFICATION_METHOD_CODES, "SQ", Sequence(items)
        )
    made[Tag(LONGITUDINAL_TEMPORAL_INFORMATION)] = DataElement(
        LONGITUDINAL_TEMPORAL_INFORMATION, "CS", plan.temporal.value
    )
    if pixels_cleaned:
        made[Tag(BURNED_IN_ANNOTATION)] = DataElement(BURNED_IN_ANNOTATION, "CS", "NO")


def _has(known: list[Dataset], code: Code) -> bool:
    return any(
        item.get("CodeValue") == code.value and item.get("CodeMeaning") == code.meaning
        for item in known
    )


def _code(code: Code) -> Dataset:
    item = Dataset()
    item.CodeValue = code.value
    item.CodingSchemeDesignator = "DCM"
    item.CodeMeaning = code.meaning
    return item
