"""An object through its treatment, with everything that a person wants to know of it kept."""

from __future__ import annotations

import enum
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Cleaned, Source, clean
from causeway.deidentify.edit.private import CHARACTERISTICS, Safe, declared_safe
from causeway.deidentify.edit.reading import Element
from causeway.deidentify.edit.table import table_for
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import Area, Held, Pass, Prepared
from causeway.deidentify.proof import Proof, prove
from causeway.deidentify.result import result_of
from causeway.deidentify.standard import attribute_type
from causeway.deidentify.treatment import Clean, Treatment
from causeway.errors import BadDataSet
from causeway.pipeline.snapshot import attributes_of
from causeway.preview.levels import Node, tree_of
from causeway.preview.pictures import Shown, shown
from causeway.preview.rows import Done, Listing, Path, Row

_DIGESTED: Final = 1 << 20
_NOTHING: Final = Attributes(values={})


class State(enum.StrEnum):
    """Whether the object would leave."""

    LEAVES = "leaves"
    HELD = "held"
    IN_DOUBT = "in doubt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What becomes of one object."""

    state: State
    code: str
    """One word for the reason why it does not leave."""
    reason: str
    """What was decided of its pixels, or why it does not leave."""
    source: Source = field(repr=False)
    result: Source | None = field(repr=False)
    """What comes out, also of what would not leave."""
    attributes: Attributes = field(repr=False)
    """Of the original."""
    rows: tuple[Row, ...] = field(repr=False)
    counts: Counter[Done]
    tags_note: str
    """Why there are no rows, or no values behind them."""
    shown: Shown = field(repr=False)
    area: Area
    found_by_ocr: int
    proof: Proof | None
    subject: str
    """The patient's pseudonym; empty if there is none."""
    treatment: Treatment = field(repr=False)


def examine(
    source: Source, treatment: Treatment, *, frames: Sequence[int] | None = None
) -> Preview:
    """The object before and after. Raises nothing for what is in it."""
    looked = _Looked(source, treatment)
    result = None if looked.cleaned is None else result_of(looked.cleaned, source.sop_class_uid)
    rows, counts, note = looked.listed(result)
    area = looked.prepared.area if looked.prepared is not None else Area()
    leaves = result if looked.state is State.LEAVES else None
    return Preview(
        state=looked.state,
        code=looked.code,
        reason=looked.reason,
        source=source,
        result=result,
        attributes=looked.attributes,
        rows=tuple(rows),
        counts=counts,
        tags_note=note,
        shown=shown(source, leaves, area, frames),
        area=area,
        found_by_ocr=looked.prepared.found_by_ocr if looked.prepared is not None else 0,
        proof=looked.proof,
        subject=looked.subject,
        treatment=treatment,
    )


class _Looked:
    """What the treatment makes of an object, as far as it comes."""

    def __init__(self, source: Source, treatment: Treatment) -> None:
        self.source, self.treatment = source, treatment
        self.state, self.code, self.reason = State.IN_DOUBT, "", ""
        self.attributes = _NOTHING
        self.subject = ""
        self.cleaned: Cleaned | None = None
        self.prepared: Prepared | None = None
        self.proof: Proof | None = None
        try:
            self._look()
        except Doubt as doubt:
            self.code, self.reason = doubt.code, doubt.message
        except BadDataSet as error:
            self.code, self.reason = "structure", error.message

    def _look(self) -> None:
        source, treatment = self.source, self.treatment
        self.attributes = attributes_of(source.fetch, source.size, source.transfer_syntax_uid)
        subject = treatment.subject(self.attributes)
        self.subject = subject.patient_id()
        made = treatment.clean(source, self.attributes, excused=True, with_changes=True)
        if isinstance(made, Held):
            self.state, self.code, self.reason = State.HELD, made.code, made.reason
            # As it would be after a release: the reviewer wants to see that as well.
            try:
                self.cleaned = clean(
                    source,
                    plan=treatment.plan,
                    subject=subject,
                    types=attribute_type,
                    with_changes=True,
                )
            except Doubt as doubt:
                self.reason += f"; and even then in doubt: {doubt.message}"
            return
        self.cleaned, self.prepared = made.cleaned, made.prepared
        if made.proof is None:
            self._prove_again(made)
            return
        self.state, self.proof = State.LEAVES, made.proof
        self.reason = _pixels_of(made.prepared)

    def _prove_again(self, made: Clean) -> None:
        """For what it has to say: somebody was excused who is not."""
        prove(
            made.prepared.source,
            made.cleaned,
            self.treatment.plan,
            pseudonyms=[made.subject.patient_id()],
        )
        raise Doubt("proof", "the proof has found something, and then not")

    # --- attributes -----------------------------------------------------------------------------

    def listed(self, result: Source | None) -> tuple[list[Row], Counter[Done], str]:
        plan = self.treatment.plan
        try:
            before = tree_of(self.source, _digest)
        except Doubt as doubt:
            return [], Counter(), f"its attributes cannot be listed: {doubt.message}"
        after: tuple[Node, ...] = ()
        note = ""
        if result is None:
            note = "Nothing came out. The actions are what the rules ask for."
        else:
            try:
                after = tree_of(result, _digest)
            except Doubt as doubt:
                result, note = None, f"what came out cannot be listed: {doubt.message}"
        table = table_for(plan, self.source.sop_class_uid, attribute_type)
        listing = Listing(
            rules=dict(self.cleaned.changes) if self.cleaned is not None else {},
            safe=_safe(before) if plan.keeps_safe_private else {},
            found=_places(self.reason) if self.code == "identifier_left" else frozenset(),
            pixels=self._pixels(),
            is_planned=result is None,
        )
        return listing.rows(before, after, table), listing.counts, note

    def _pixels(self) -> str:
        """Who has changed pixels, and what shows them."""
        prepared = self.prepared
        if prepared is None or (isinstance(prepared.verdict, Pass) and not prepared.area):
            return ""
        by = "OCR" if isinstance(prepared.verdict, Pass) else prepared.verdict.rule
        return f"pixels: {by}"


def _pixels_of(prepared: Prepared) -> str:
    verdict = prepared.verdict
    said = verdict.reason if isinstance(verdict, Pass) else f'redacted: "{verdict.rule}"'
    if prepared.found_by_ocr:
        said += f"; {prepared.found_by_ocr} places with text found by OCR are blanked"
    return said


_TAG: Final = re.compile(r"\(([0-9A-F]{4}),([0-9A-F]{4})\)")


def _places(reason: str) -> frozenset[Path]:
    """The paths that a doubt of the proof names."""
    found = (
        tuple(int(group + element, 16) for group, element in _TAG.findall(each))
        for each in reason.split("; ")
    )
    return frozenset(path for path in found if path)


def _safe(before: Sequence[Node]) -> Safe:
    for node in before:
        if node.tag == CHARACTERISTICS and node.items is not None:
            items = (
                tuple(Element(tag=n.tag, vr=n.vr, value=n.value or b"") for n in item)
                for item in node.items
            )
            try:
                return declared_safe(items, node.level)
            except Doubt:
                return {}
    return {}


def _digest(fetch: Callable[[int, int], bytes], offset: int, size: int) -> bytes:
    made = hashlib.blake2b(digest_size=16)
    end = offset + size
    while offset < end:
        piece = fetch(offset, min(_DIGESTED, end - offset))
        if not piece:
            break
        made.update(piece)
        offset += len(piece)
    return made.digest()
