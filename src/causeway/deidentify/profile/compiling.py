"""From a profile to a plan: whatever can be decided before the first object is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from causeway.attributes import tag_of
from causeway.deidentify.edit.table import KEEP
from causeway.deidentify.plan import Action, Code, Plan, Rule, Temporal
from causeway.deidentify.profile.base import cleaner, rule_of
from causeway.deidentify.profile.conformance import removes_identity, temporal_of, weaknesses
from causeway.deidentify.profile.digest import digest_of
from causeway.deidentify.profile.model import Base, Profile, Treatment
from causeway.deidentify.profile.selectors import ByCreator, ByMask, ByPath, ByTag, Selector
from causeway.deidentify.standard import Option, edition, rows, safe_private, title_of
from causeway.deidentify.standard.options import BASIC_CODE, CODES

UNKNOWN: Final = "not in PS3.6"
PRIVATE: Final = "private"
NO_RULE: Final = "no rule"
NOT_ALLOWED: Final = "not in allow_only"
BY_VR: Final = "by value representation"

# Without these a list of what may stay leaves nothing that can be read: what says how pixels are
# laid out and shown, and what codes are made of (PS3.3 C.7.6.3, C.7.6.6, C.11.1, C.11.2, 8.8).
_CORE: Final = tuple(
    map(
        tag_of,
        [
            "SOPClassUID",
            "SOPInstanceUID",
            "StudyInstanceUID",
            "SeriesInstanceUID",
            "Modality",
            "InstanceNumber",
            "SamplesPerPixel",
            "PhotometricInterpretation",
            "PlanarConfiguration",
            "NumberOfFrames",
            "Rows",
            "Columns",
            "BitsAllocated",
            "BitsStored",
            "HighBit",
            "PixelRepresentation",
            "PixelAspectRatio",
            "SmallestImagePixelValue",
            "LargestImagePixelValue",
            "PixelPaddingValue",
            "PixelPaddingRangeLimit",
            "RescaleIntercept",
            "RescaleSlope",
            "RescaleType",
            "WindowCenter",
            "WindowWidth",
            "VOILUTFunction",
            "ModalityLUTSequence",
            "VOILUTSequence",
            "LUTDescriptor",
            "LUTData",
            "ModalityLUTType",
            "PresentationLUTShape",
            "LossyImageCompression",
            "LossyImageCompressionRatio",
            "LossyImageCompressionMethod",
            "ICCProfile",
            "ColorSpace",
            "RedPaletteColorLookupTableDescriptor",
            "GreenPaletteColorLookupTableDescriptor",
            "BluePaletteColorLookupTableDescriptor",
            "RedPaletteColorLookupTableData",
            "GreenPaletteColorLookupTableData",
            "BluePaletteColorLookupTableData",
            "SegmentedRedPaletteColorLookupTableData",
            "SegmentedGreenPaletteColorLookupTableData",
            "SegmentedBluePaletteColorLookupTableData",
            "FrameIncrementPointer",
            "ExtendedOffsetTable",
            "ExtendedOffsetTableLengths",
            "PixelData",
            "FloatPixelData",
            "DoubleFloatPixelData",
        ],
    )
)
_CODES: Final = tuple(
    map(tag_of, ("CodeValue", "CodingSchemeDesignator", "CodingSchemeVersion", "CodeMeaning"))
)

# What was reviewed are numbers and words: under the same tag a blob, a sequence or prose is
# something else. UN says nothing of what it is, and is how many archives write private attributes.
_SHORT_VRS: Final = frozenset(
    {"CS", "DS", "FD", "FL", "IS", "LO", "SH", "SL", "SS", "UL", "UN", "US"}
)
_VRS_OF: Final = {"UI": frozenset({"UI", "UN"})}


def compile_profile(profile: Profile) -> Plan:
    """The plan. Pure: of one profile the same in every process, digest and all."""
    by_tag: dict[int, Rule] = {}
    masks: list[tuple[int, int, Rule]] = []
    by_path: dict[tuple[int, ...], Rule] = {}
    private: dict[tuple[int, str, int], Rule] = {}
    by_vr: dict[str, Rule] = {}
    if profile.base is Base.BASIC:
        for row in rows():
            if row.is_repeating:
                masks.append((row.mask, row.value, rule_of(row, profile)))
            else:
                by_tag[row.value] = rule_of(row, profile)
        by_vr = _by_vr(profile)
        if Option.RETAIN_SAFE_PRIVATE in profile.options:
            private = dict(_safe_private())
    if profile.allow_only is not None:
        by_tag, masks, by_path, private = _allowed(profile, by_tag, masks, private)
        by_vr = {}
    for override in profile.overrides:
        rule = _rule(profile, override.treatment, override.origin)
        for each in override.selectors:
            _apply(each, rule, by_tag, masks, by_path, private)
    plan = Plan(
        name=profile.name,
        digest="",
        edition=edition(),
        codes=(),
        temporal=Temporal.REMOVED,
        is_conformant=False,
        by_tag=by_tag,
        by_mask=tuple(masks),
        by_vr=by_vr,
        by_path=_with_sequences(by_path) if profile.allow_only is not None else by_path,
        private=private,
        other_private=_fate(profile.keeps_private, PRIVATE),
        unknown=_fate(profile.keeps_unknown and profile.allow_only is None, UNKNOWN),
        other=Rule(action=Action.KEEP, origin=NO_RULE)
        if profile.allow_only is None
        else Rule(action=Action.REMOVE, origin=NOT_ALLOWED),
    )
    conformant = not any(weaknesses(plan, profile))
    plan = replace(
        plan,
        temporal=temporal_of(plan),
        removes_identity=removes_identity(plan),
        is_conformant=conformant,
        codes=_codes(profile) if conformant else (),
    )
    return replace(plan, digest=digest_of(plan))


def _fate(kept: bool, origin: str) -> Rule:
    return Rule(action=Action.KEEP if kept else Action.REMOVE, origin=origin)


def _by_vr(profile: Profile) -> dict[str, Rule]:
    """For attributes of which no row speaks, where an object says another VR than PS3.6."""
    gone = Rule(action=Action.REMOVE, origin=BY_VR)
    found = {"PN": gone}
    if Option.RETAIN_MODIFIED_DATES in profile.options:
        moved = Rule(action=Action.SHIFT, origin=BY_VR)
        found |= {"DA": moved, "DT": moved, "TM": moved}
    elif Option.RETAIN_FULL_DATES not in profile.options:
        found |= {"DA": gone, "DT": gone, "TM": gone}
    return found


def _safe_private() -> Iterator[tuple[tuple[int, str, int], Rule]]:
    origin = title_of(Option.RETAIN_SAFE_PRIVATE)
    for entry in safe_private():
        # A UID is of something that belongs to the examination, whatever the table says.
        action = Action.UID if entry.vr == "UI" else Action.KEEP
        yield entry.key, Rule(action=action, origin=origin, vrs=_VRS_OF.get(entry.vr, _SHORT_VRS))


def _codes(profile: Profile) -> tuple[Code, ...]:
    return (BASIC_CODE, *(code for option, code in CODES.items() if option in profile.options))


def _rule(profile: Profile, treatment: Treatment, origin: str) -> Rule:
    edit = treatment.edit
    if treatment.action is Action.CLEAN:
        edit = cleaner(profile)
    return Rule(
        action=treatment.action,
        origin=origin,
        value=treatment.value,
        inserts=treatment.inserts,
        edit=edit,
    )


def _apply(
    selector: Selector,
    rule: Rule,
    by_tag: dict[int, Rule],
    masks: list[tuple[int, int, Rule]],
    by_path: dict[tuple[int, ...], Rule],
    private: dict[tuple[int, str, int], Rule],
) -> None:
    match selector:
        case ByTag(tag):
            by_tag[tag] = rule
        case ByMask(mask, value):
            masks.insert(0, (mask, value, rule))
        case ByPath(tags):
            by_path[tags] = rule
        case ByCreator():
            private.update(dict.fromkeys(selector.keys(), rule))


# --- what may stay, and nothing else --------------------------------------------------------------


def _allowed(
    profile: Profile,
    by_tag: dict[int, Rule],
    masks: list[tuple[int, int, Rule]],
    private: dict[tuple[int, str, int], Rule],
) -> tuple[
    dict[int, Rule],
    list[tuple[int, int, Rule]],
    dict[tuple[int, ...], Rule],
    dict[tuple[int, str, int], Rule],
]:
    """Of the base's rules those of which the list speaks: a list says what may stay, the base what
    becomes of it.
    """
    listed = Rule(action=Action.KEEP, origin="allow_only")
    tags = {tag: by_tag.get(tag, Rule(action=Action.KEEP, origin="core")) for tag in _CORE}
    # The very rule that the editor does not take along into sequences that a dummy stands for.
    tags |= dict.fromkeys(_CODES, KEEP)
    repeating: list[tuple[int, int, Rule]] = []
    paths: dict[tuple[int, ...], Rule] = {}
    creators: dict[tuple[int, str, int], Rule] = {}
    for each in profile.allow_only or ():
        match each:
            case ByTag(tag):
                tags[tag] = by_tag.get(tag, listed)
            case ByMask(mask, value):
                found = [rule for other, told, rule in masks if told & mask == value & other]
                repeating.append((mask, value, found[0] if found else listed))
            case ByPath(path):
                paths[path] = by_tag.get(path[-1], listed)
            case ByCreator():
                for key in each.keys():  # noqa: SIM118 - no dictionary
                    creators[key] = private.get(key, listed)
    return tags, repeating, paths, creators


def _with_sequences(paths: dict[tuple[int, ...], Rule]) -> dict[tuple[int, ...], Rule]:
    """Where something in a sequence stays, so does the sequence."""
    found = dict(paths)
    for path, rule in paths.items():
        if rule.action is not Action.REMOVE:
            for length in range(1, len(path)):
                found.setdefault(path[:length], Rule(action=Action.KEEP, origin=rule.origin))
    return found
