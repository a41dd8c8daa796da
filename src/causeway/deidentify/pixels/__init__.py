"""Pixels: whether they may leave, and what is blanked in them before they do.

``prepared`` is the one function that the rest calls, in front of the editor::

    ready = prepared(source, attributes, rules, released)
    if isinstance(ready, Held):
        ...                                     # the object waits; ready.code, ready.reason
    else:
        cleaned = clean(ready.source, plan=plan, subject=subject, types=types,
                        pixels_cleaned=ready.pixels_cleaned)

``gate`` decides by the header (pure), ``redact`` makes a source without what is to go, and with
``ocr`` switched on what would leave is read first. ``regions`` has the rules of a site.

``Doubt`` is raised, here or while the pixels of ``ready.source`` are read, for an object that
cannot be taken apart as it must be; as everywhere, it ends in quarantine. What is prepared is a
function of source, rules and release (and of the versions of codecs and Tesseract): asked again, it
gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels.area import NOTHING, Area, Rectangle
from causeway.deidentify.pixels.gate import JUDGED as _GATE
from causeway.deidentify.pixels.gate import Hold, Pass, Redact, Release, Seen, Verdict, gate
from causeway.deidentify.pixels.ocr import Reader, tesseract, text_in
from causeway.deidentify.pixels.picture import picture
from causeway.deidentify.pixels.redact import Frames, has_pixels, redact, ultrasound_regions
from causeway.deidentify.pixels.regions import (
    MATCHED,
    Ocr,
    RegionRule,
    Rules,
    load_rules,
    parse_rules,
    rules_from_table,
)

JUDGED = _GATE | MATCHED
"""Attributes that have a say in whether pixels may leave."""

__all__ = [
    "JUDGED",
    "Area",
    "Frames",
    "Held",
    "Hold",
    "Ocr",
    "Pass",
    "Prepared",
    "Rectangle",
    "Redact",
    "RegionRule",
    "Release",
    "Rules",
    "Verdict",
    "gate",
    "load_rules",
    "parse_rules",
    "picture",
    "prepared",
    "redact",
    "rules_from_table",
    "tesseract",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The object does not leave until a rule or a person says so."""

    code: str
    """One word, for counting."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What the editor is given."""

    source: Source
    verdict: Pass | Redact
    area: Area
    """All that was blanked, by rules, by a person, and by OCR."""
    found_by_ocr: int = 0
    """Places with text that OCR has found and that were blanked."""

    @property
    def pixels_cleaned(self) -> bool:
        """Whether pixels were changed, so that Burned In Annotation may say NO."""
        return bool(self.area)

    def to_document(self) -> Mapping[str, Any]:
        """For the report of a study."""
        verdict = self.verdict
        release = verdict.release
        return {
            "verdict": "pass" if isinstance(verdict, Pass) else "redact",
            "by": verdict.reason if isinstance(verdict, Pass) else verdict.rule,
            "area": self.area.to_document(),
            "found_by_ocr": self.found_by_ocr,
            "released": None if release is None else {"by": release.by, "why": release.why},
        }


def prepared(
    source: Source,
    attributes: Attributes,
    rules: Rules,
    released: Release | None = None,
    *,
    reader: Reader | None = None,
) -> Prepared | Held:
    """The object as its pixels may leave, or why they may not.

    ``attributes`` are those of the same object. ``reader`` stands in for Tesseract. Raises
    ``Doubt``.
    """
    seen = None
    if any(rule.keeps_ultrasound_regions for rule in rules.matching(attributes)):
        seen = Seen(ultrasound_regions=ultrasound_regions(source))
    verdict = gate(attributes, rules, released, seen=seen)
    if isinstance(verdict, Hold):
        return Held(code=verdict.code, reason=verdict.reason)
    area = verdict.regions if isinstance(verdict, Redact) else NOTHING
    ready = redact(source, area) if isinstance(verdict, Redact) else source
    if rules.ocr is Ocr.OFF or released is not None:
        return Prepared(source=ready, verdict=verdict, area=area)
    return _read(source, Prepared(source=ready, verdict=verdict, area=area), rules, reader)


def _read(source: Source, ready: Prepared, rules: Rules, reader: Reader | None) -> Prepared | Held:
    """What OCR has to say of what would leave."""
    try:
        if not has_pixels(source):
            return ready
        reader = reader or tesseract(rules.ocr_languages)
        if reader is None:
            return Held(code="ocr", reason="it is to be read, and Tesseract is not installed")
        found = text_in(Frames(ready.source), reader, rules.ocr_frames)
        if not found:
            return ready
        if rules.ocr is Ocr.HOLD:
            return Held(code="text-found", reason=f"there is text in {_places(len(found))}")
        area = ready.area | Area(blank=found)
        again = redact(source, area)
        left = text_in(Frames(again), reader, rules.ocr_frames)
    except Doubt as doubt:
        return Held(code="ocr", reason=f"it is to be read, and cannot be: {doubt.message}")
    if left:
        return Held(code="text-found", reason=f"there is still text in {_places(len(left))}")
    return Prepared(source=again, verdict=ready.verdict, area=area, found_by_ocr=len(found))


def _places(count: int) -> str:
    return "one place" if count == 1 else f"{count} places"
