"""The page: one HTML file that loads nothing, for the screen and for paper."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from causeway.deidentify.pixels.area import Rectangle
from causeway.deidentify.pixels.kinds import kind_of
from causeway.deidentify.profile import Profile, Weakness
from causeway.deidentify.profile.listing import words
from causeway.dictionary import uids
from causeway.preview.examine import Preview, State
from causeway.preview.meta import meta_rows
from causeway.preview.rows import Done, Row

GENERATOR: Final = "causeway preview"
"""By which a page is known as one of ours."""

_FACTS: Final = (
    ("Modality", 0x00080060),
    ("Manufacturer", 0x00080070),
    ("Model", 0x00081090),
    ("Software", 0x00181020),
    ("Image Type", 0x00080008),
    ("Series Description", 0x0008103E),
    ("Burned In Annotation", 0x00280301),
    ("Rows", 0x00280010),
    ("Columns", 0x00280011),
    ("Frames", 0x00280008),
    ("Photometric Interpretation", 0x00280004),
)
"""What the gate judges by."""
WEAKNESSES_SHOWN: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A name and what is said of it."""

    name: str
    value: str
    is_code: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Rows under a heading."""

    title: str
    rows: tuple[Row, ...]


def page(
    preview: Preview,
    *,
    file: str,
    meta: bytes,
    new_meta: bytes,
    profile: Profile,
    weak: Sequence[Weakness],
    has_key: bool,
    version: str,
    at: dt.datetime,
) -> str:
    """The page of a preview. ``meta`` and ``new_meta`` are what stands in front of both data sets;
    without ``has_key`` the key was made for this page.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("causeway.preview", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    in_meta = meta_rows(meta, new_meta)
    counts = preview.counts + Counter(row.done for row in in_meta)
    return environment.get_template("page.html.j2").render(
        generator=GENERATOR,
        preview=preview,
        file=file,
        state=preview.state.value,
        verdict=_VERDICTS[preview.state],
        next_step=_next_step(preview),
        facts=list(_facts(preview)),
        gate=list(_gate(preview)),
        treatment=list(_treatment(preview, profile)),
        codes=preview.treatment.plan.codes,
        proof=list(_proof(preview)),
        weak=[
            (each.attribute, words(each.done), words(each.asked), each.done.origin)
            for each in weak[:WEAKNESSES_SHOWN]
        ],
        more_weak=max(0, len(weak) - WEAKNESSES_SHOWN),
        conformant=preview.treatment.plan.is_conformant,
        notes=profile.notes,
        has_key=has_key,
        sections=[
            Section(title="File meta information", rows=tuple(in_meta)),
            Section(title="Data set", rows=preview.rows),
        ],
        counts={done.value: counts[done] for done in Done},
        version=version,
        at=f"{at:%Y-%m-%d %H:%M %Z}".strip(),
    )


_VERDICTS: Final = {
    State.LEAVES: "This object leaves",
    State.HELD: "This object is held",
    State.IN_DOUBT: "This object is in doubt and does not leave",
}


_ELSEWISE: Final = {
    "structured-report": "What a report says is text. A profile with clean_structured_content "
    "cleans it; else a rule has to name this class, or a person to release the object.",
    "document": "A document cannot be edited or searched here. A person can release it, or a rule "
    "that names its class.",
    "sound": "A recording can say a name. A person can release it, or a rule that names its class.",
    "private-class": "Nobody but its maker knows what is in it. A person can release it, or a rule "
    "that names its class.",
    "unknown-class": "It is not known what can be in it. A person can release it, or a rule that "
    "names its class.",
}
"""What can be done where rectangles are of no use."""


def _next_step(preview: Preview) -> str:
    match preview.state:
        case State.LEAVES:
            return (
                "Its attributes were edited, and what came out was searched for what identifies "
                "somebody in the original. Pixels are not searched: look at them."
            )
        case State.HELD if preview.code in _ELSEWISE:
            return f"{_ELSEWISE[preview.code]} The attributes below are what they would become."
        case State.HELD:
            return (
                "A rule for the device can blank what shows text or let its images pass, or a "
                "person can release this object. The attributes below are what they would become."
            )
        case State.IN_DOUBT if preview.code == "identifier_left":
            return (
                "What identifies somebody in the original was found in what came out. The places "
                "are marked below. Let the profile clean or remove these attributes."
            )
        case State.IN_DOUBT if preview.code == "no_patient_id":
            return "Without a Patient ID there is nothing to make a pseudonym from."
    return "What cannot be read or judged with certainty does not leave."


def _facts(preview: Preview) -> Iterable[Fact]:
    source, result = preview.source, preview.result
    yield Fact(name="Kind of object", value=_named(source.sop_class_uid))
    yield Fact(name="Transfer syntax", value=_named(source.transfer_syntax_uid))
    if result is not None and result.transfer_syntax_uid != source.transfer_syntax_uid:
        yield Fact(name="… after", value=_named(result.transfer_syntax_uid))
    yield Fact(name="Data set", value=f"{source.size:,} bytes")
    if result is not None:
        yield Fact(name="… after", value=f"{result.size:,} bytes")


def _gate(preview: Preview) -> Iterable[Fact]:
    attributes = preview.attributes
    yield Fact(name="Taken for", value=kind_of(preview.source.sop_class_uid).value)
    for name, tag in _FACTS:
        text = attributes.text(tag)
        if text:
            yield Fact(name=name, value=text)
    rules = preview.treatment.recipe.pixels
    matching = [rule.name for rule in rules.matching(attributes)]
    yield Fact(name="Pixel rules", value=f"{len(rules.rules)}, digest {rules.digest[:12]}")
    yield Fact(name="Rules that are for it", value=", ".join(matching) or "none")
    yield Fact(name="Reading (OCR)", value=rules.ocr.value)
    if preview.area.everything:
        yield Fact(name="Blanked", value="everything")
    if preview.area.blank:
        yield Fact(name="Blanked", value=_rectangles(preview.area.blank))
    for kept in preview.area.keep:
        yield Fact(name="Kept, all else blanked", value=_rectangles(kept))


def _rectangles(rectangles: Sequence[Rectangle]) -> str:
    said = "; ".join(
        f"{each.width} \N{MULTIPLICATION SIGN} {each.height} at {each.x}, {each.y}"
        for each in rectangles[:12]
    )
    return said + (f"; and {len(rectangles) - 12} more" if len(rectangles) > 12 else "")


def _treatment(preview: Preview, profile: Profile) -> Iterable[Fact]:
    treatment, plan = preview.treatment, preview.treatment.plan
    yield Fact(name="Profile", value=plan.name)
    if profile.description:
        yield Fact(name="It says of itself", value=profile.description)
    if profile.file not in ("", plan.name):
        yield Fact(name="Written in", value=profile.file)
    yield Fact(name="Digest", value=plan.digest, is_code=True)
    yield Fact(name="Table", value=plan.edition)
    yield Fact(name="Dates", value=plan.temporal.value)
    yield Fact(name="Key", value=treatment.key.id, is_code=True)
    if preview.subject:
        yield Fact(name="Subject", value=preview.subject, is_code=True)


def _proof(preview: Preview) -> Iterable[Fact]:
    proof = preview.proof
    if proof is None:
        return
    yield Fact(name="Names, identifiers, dates looked for", value=f"{proof.tokens:,}")
    yield Fact(name="Replaced UIDs looked for", value=f"{proof.uids:,}")
    yield Fact(name="Searched", value=f"{proof.searched_bytes:,} bytes")
    yield Fact(name="Pixels, not searched", value=f"{proof.pixel_bytes:,} bytes")


def _named(uid: str) -> str:
    return str(uids()[uid][0]) if uid in uids() else uid
