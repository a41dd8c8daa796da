"""Whether an object's pixels may leave: as they are, with parts of them blanked, or not yet.

Pure: what the header says and the site's rules in, a verdict out. It trusts no header that says
that all is well: BurnedInAnnotation = NO stands on screens full of names. What is not known to be
harmless is held, and a rule or a person decides.

The order, in which the first that speaks is right:

1. a person's release;
2. a rule that holds;
3. what no rectangle can help: private classes, documents, reports, sound. A rule may let such a
   class pass if it names it;
4. rules that blank or keep: these parts go, and the rest may leave;
5. BurnedInAnnotation = YES;
6. a rule that lets pass;
7. what is known: original images of CT, MR, PET and NM pass, and so does what has no picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.deidentify.pixels.area import NOTHING, Area, Rectangle
from causeway.deidentify.pixels.kinds import Kind, kind_of
from causeway.deidentify.pixels.regions import Effect, RegionRule, Rules

_SOP_CLASS: Final = 0x00080016
_IMAGE_TYPE: Final = 0x00080008
_MODALITY: Final = 0x00080060
_CONVERSION_TYPE: Final = 0x00080064
_SERIES_DESCRIPTION: Final = 0x0008103E
_SAMPLES: Final = 0x00280002
_PHOTOMETRIC: Final = 0x00280004
_BURNED_IN: Final = 0x00280301
_OVERLAY_BITS_ALLOCATED: Final = 0x60000100
_OVERLAY_BIT_POSITION: Final = 0x60000102

JUDGED: Final = frozenset(
    {
        _SOP_CLASS, _IMAGE_TYPE, _MODALITY, _CONVERSION_TYPE, _SERIES_DESCRIPTION, _SAMPLES,
        _PHOTOMETRIC, _BURNED_IN,
        *(tag + (group << 16) for tag in (_OVERLAY_BITS_ALLOCATED, _OVERLAY_BIT_POSITION)
          for group in range(0, 0x20, 2)),
    }
)  # fmt: skip
"""Attributes that are looked at here."""

_RISKY_TYPES: Final = (
    "LOCALIZER", "SURVIEW", "TOPOGRAM", "SCOUT", "SCREEN", "CAPTURE", "SNAPSHOT", "SUMMARY",
    "DOSE", "REPORT", "PATIENT_INFO", "RESULTS", "PROTOCOL", "PHOTO", "GRAPH", "LABEL",
)  # fmt: skip
"""Parts of values of Image Type. A localizer has text as often as an axial image has none."""

_RISKY_WORDS: Final = (
    "SUMMARY", "DOSE REPORT", "DOSE INFO", "DOSE RECORD", "SCREEN SAVE", "SCREENSAVE", "SCREENSHOT",
    "SCREEN CAPTURE", "PATIENT PROTOCOL", "SECONDARY CAPTURE", "KEY IMAGES",
)  # fmt: skip
"""Parts of a Series Description; "low dose" is no reason."""

_HELD: Final = {
    Kind.CAPTURE: "secondary-capture",
    Kind.ULTRASOUND: "ultrasound",
    Kind.FLUOROSCOPY: "fluoroscopy",
    Kind.PROJECTION: "projection",
    Kind.PHOTOGRAPH: "photograph",
    Kind.DOCUMENT: "document",
    Kind.REPORT: "structured-report",
    Kind.VOICE: "sound",
    Kind.PRIVATE: "private-class",
    Kind.UNKNOWN: "unknown-class",
}
_BEYOND_RECTANGLES: Final = frozenset(
    {Kind.PRIVATE, Kind.DOCUMENT, Kind.REPORT, Kind.VOICE, Kind.UNKNOWN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A person has looked at the object and says that it may leave."""

    by: str
    why: str = ""
    regions: tuple[Rectangle, ...] = ()
    """To be blanked all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The pixels leave as they are."""

    reason: str
    release: Release | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redact:
    """The pixels leave without these regions, and without overlays and icons."""

    regions: Area
    """May be empty, if it is only overlays in the pixels that go."""
    rule: str
    release: Release | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """The object waits for a rule or for a person."""

    code: str
    """One word, for counting."""
    reason: str


Verdict = Pass | Redact | Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a gate needs to know that is no attribute of the top level."""

    ultrasound_regions: tuple[Rectangle, ...] | None = field(default=None)
    """None if nobody has looked for them."""


def gate(
    attributes: Attributes,
    rules: Rules,
    released: Release | None = None,
    *,
    seen: Seen | None = None,
) -> Verdict:
    """What becomes of the pixels."""
    matching = rules.matching(attributes)
    regions = [rule for rule in matching if rule.effect is Effect.REGIONS]
    if released is not None:
        return _released(attributes, regions, released, seen)
    for rule in matching:
        if rule.effect is Effect.HOLD:
            return Hold(code="rule", reason=f'the rule "{rule.name}" holds it')
    kind = kind_of(attributes.first(_SOP_CLASS))
    passing = next((rule for rule in matching if rule.effect is Effect.PASS), None)
    if kind in _BEYOND_RECTANGLES:
        return _beyond(kind, rules, passing)
    if regions:
        return _redacted(regions, seen)
    if attributes.first(_BURNED_IN).strip().upper() == "YES":
        return Hold(code="burned-in", reason="Burned In Annotation says that there is text in it")
    if passing is not None:
        return _as_it_is(attributes, f'the rule "{passing.name}" lets it pass')
    if kind is Kind.NO_PICTURE:
        return _as_it_is(attributes, "has no picture")
    if kind is not Kind.SLICES:
        return Hold(code=_HELD[kind], reason=f"{kind.value}, and no rule is for it")
    return _doubt_of_slices(attributes) or _as_it_is(attributes, "an original image of a scanner")


def _beyond(kind: Kind, rules: Rules, passing: RegionRule | None) -> Verdict:
    if kind is Kind.REPORT and rules.structured_content:
        return Pass(reason="a structured report, whose content the profile cleans")
    if passing is not None and passing.match.sop_class:
        return Pass(reason=f'the rule "{passing.name}" lets this class pass')
    return Hold(code=_HELD[kind], reason=f"{kind.value}, and no rule names its class")


def _released(
    attributes: Attributes, regions: list[RegionRule], released: Release, seen: Seen | None
) -> Verdict:
    """A person's word passes what is held. Where rules blank, it does not bring back."""
    area = Area(blank=released.regions)
    names = ["release"] if released.regions else []
    for rule in regions:
        # Without ultrasound regions such a rule holds; this is what the person has decided about.
        area |= _area_of(rule, seen) or NOTHING
        names.append(rule.name)
    if area or _has_overlay_in_pixels(attributes):
        return Redact(
            regions=area, rule=", ".join(names) or "overlays in the pixels", release=released
        )
    return Pass(reason="released by a person", release=released)


def _redacted(rules: list[RegionRule], seen: Seen | None) -> Verdict:
    area = NOTHING
    for rule in rules:
        found = _area_of(rule, seen)
        if found is None:
            return Hold(
                code="ultrasound-regions",
                reason=f'the rule "{rule.name}" keeps ultrasound regions, and there are none',
            )
        area |= found
    return Redact(regions=area, rule=", ".join(rule.name for rule in rules))


def _area_of(rule: RegionRule, seen: Seen | None) -> Area | None:
    area = rule.area
    if rule.keeps_ultrasound_regions:
        found = seen.ultrasound_regions if seen is not None else None
        if not found:
            return None
        area |= Area(keep=(found,))
    return area


def _as_it_is(attributes: Attributes, reason: str) -> Verdict:
    """Overlays in unused bits of pixels are seen by whoever looks there: their plane is told of by
    attributes that a profile removes, but the bits would stay.
    """
    if _has_overlay_in_pixels(attributes):
        return Redact(regions=NOTHING, rule="overlays in the pixels")
    return Pass(reason=reason)


def _doubt_of_slices(attributes: Attributes) -> Hold | None:
    values = [value.strip().upper() for value in attributes.values.get(_IMAGE_TYPE, ())]
    if len(values) < 2:
        return Hold(code="image-type", reason="Image Type does not say what it is")
    for value in values:
        for risky in _RISKY_TYPES:
            if risky in value:
                return Hold(code="image-type", reason=f"Image Type has {risky}")
    if values[:2] != ["ORIGINAL", "PRIMARY"]:
        return Hold(code="derived", reason="Image Type is not ORIGINAL, PRIMARY")
    if attributes.first(_CONVERSION_TYPE).strip():
        return Hold(code="secondary-capture", reason="it has a Conversion Type")
    description = (attributes.text(_SERIES_DESCRIPTION) or "").upper()
    for word in _RISKY_WORDS:
        if word in description:
            return Hold(code="description", reason=f'Series Description has "{word.lower()}"')
    if attributes.first(_MODALITY).strip().upper() not in {"CT", "MR", "PT", "NM", "ST"}:
        return Hold(code="modality", reason="Modality is not what the SOP class says")
    colour = attributes.first(_PHOTOMETRIC).strip().upper()
    if colour not in {"MONOCHROME1", "MONOCHROME2"} or attributes.first(_SAMPLES) not in {"", "1"}:
        return Hold(code="colour", reason="it is no monochrome image")
    return None


def _has_overlay_in_pixels(attributes: Attributes) -> bool:
    """PS3.5 8.1.2 (retired): Overlay Bits Allocated is that of the pixels, and Overlay Bit Position
    the bit in them.
    """
    for group in range(0, 0x20, 2):
        allocated = attributes.first(_OVERLAY_BITS_ALLOCATED + (group << 16)).strip()
        position = attributes.first(_OVERLAY_BIT_POSITION + (group << 16)).strip()
        if allocated not in {"", "0", "1"} or position not in {"", "0"}:
            return True
    return False
