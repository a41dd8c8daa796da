"""One file: from where it was found to where it is put, or to why it is not."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Cleaned, Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.identity.identities import keyed_uid
from causeway.deidentify.pixels import Held, Pass, Prepared
from causeway.deidentify.plan import Action
from causeway.deidentify.proof.traces import rule_of
from causeway.deidentify.result import result_of
from causeway.deidentify.treatment import Clean, Treatment
from causeway.errors import BadDataSet
from causeway.offline.outcome import Entry, Fate, Outcome
from causeway.offline.places import Item
from causeway.offline.reading import NoObject, opened
from causeway.offline.writing import STUDY, Another, place_of, write
from causeway.pipeline.snapshot import attributes_of
from causeway.spool import file_meta
from causeway.values import Caller, Receipt

_NOBODY: Final = Caller(source="", calling_ae="", called_ae="", address="", association="")
_PATIENT_ID: Final = 0x00100020
NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT})


class CannotWrite(Exception):
    """The output cannot be written to; going on is of no use."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(number, text)
        self.number, self.text = number, text

    @property
    def is_full(self) -> bool:
        return self.number in NO_ROOM


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is done to each file; it can be sent to another process."""

    treatment: Treatment = field(repr=False)
    root: Path
    with_maps: bool = False
    """Whether outcomes tell who was who."""

    def do(self, item: Item) -> Outcome:
        """What became of a file. Raises ``CannotWrite``, and nothing for what is in the file."""
        try:
            with opened(item) as source:
                return self._treated(item, source)
        except NoObject as error:
            return Outcome(item=item, fate=error.fate, code=error.code, reason=error.reason)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            return Outcome(item=item, fate=Fate.FAILED, code="read", reason=reason)

    def _treated(self, item: Item, source: Source) -> Outcome:
        attributes = Attributes(values={})
        try:
            syntax = source.transfer_syntax_uid
            attributes = attributes_of(source.fetch, source.size, syntax)
            made = self.treatment.clean(source, attributes)
            if isinstance(made, Held):
                return self._left(item, attributes, Fate.HELD, made.code, made.reason)
            return self._put(item, attributes, made, source.sop_class_uid)
        except Doubt as doubt:
            return self._left(item, attributes, Fate.IN_DOUBT, doubt.code, doubt.message)
        except BadDataSet as error:
            return self._left(item, attributes, Fate.IN_DOUBT, "structure", error.message)
        except (OSError, CannotWrite):
            raise
        except Exception as error:  # noqa: BLE001 - see below
            # Whatever it is, the object is not written. Its text may quote a value.
            at = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__} in {at.name}, line {at.lineno}"
            return self._left(item, attributes, Fate.IN_DOUBT, "unforeseen", f"it failed: {place}")

    def _left(
        self, item: Item, attributes: Attributes, fate: Fate, code: str, reason: str
    ) -> Outcome:
        """Of one that is not written; told by the names that it would have had."""
        study = attributes.first(STUDY)
        try:
            subject = self.treatment.subject(attributes).patient_id()
        except Doubt:
            subject = ""
        return Outcome(
            item=item,
            fate=fate,
            code=code,
            reason=reason,
            study=self._new(study) if study else "",
            subject=subject,
        )

    def _new(self, study: str) -> str:
        plan = self.treatment.plan
        keeps = rule_of(plan, STUDY, "UI").action is Action.KEEP
        return study if keeps else keyed_uid(self.treatment.key, study)

    # --- writing ------------------------------------------------------------------------------

    def _put(self, item: Item, attributes: Attributes, made: Clean, sop_class_uid: str) -> Outcome:
        cleaned, subject = made.cleaned, made.subject.patient_id()
        receipt = Receipt(
            caller=_NOBODY,
            sop_class_uid=sop_class_uid,
            sop_instance_uid=cleaned.sop_instance_uid,
            transfer_syntax_uid=cleaned.transfer_syntax_uid,
            received_at=0.0,
        )
        meta = file_meta(receipt)
        result = result_of(cleaned, sop_class_uid)
        after = attributes_of(result.fetch, result.size, result.transfer_syntax_uid)
        named = made.subject.token("file", cleaned.sop_instance_uid)
        name = place_of(after, cleaned.sop_instance_uid, subject, named)
        try:
            written = write(self.root, name, _pieces(meta, cleaned))
        except Another:
            reason = "other bytes stand under its name: two objects have one UID"
            return self._left(item, attributes, Fate.CONFLICT, "conflict", reason)
        except _Reading as error:
            raise error.error from None
        except OSError as error:
            raise CannotWrite(error.errno or 0, error.strerror or "") from None
        entry = _entry(name, len(meta) + cleaned.size, after.first(STUDY), subject, made)
        return Outcome(
            item=item,
            fate=Fate.THERE if written is None else Fate.WRITTEN,
            study=entry.study,
            subject=subject,
            entry=entry,
            uids=dict(cleaned.uids) if self.with_maps else {},
            patient_id=(attributes.text(_PATIENT_ID) or "") if self.with_maps else "",
        )


class _Reading(Exception):
    """The original could not be read to its end, while its output was being written."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error


def _pieces(meta: bytes, cleaned: Cleaned) -> Iterator[bytes]:
    yield meta
    pieces = cleaned.pieces()
    while True:
        try:
            piece = next(pieces, None)
        except OSError as error:
            raise _Reading(error) from None
        if piece is None:
            return
        yield piece


def _entry(name: PurePosixPath, size: int, study: str, subject: str, made: Clean) -> Entry:
    proof = made.proof
    assert proof is not None  # nobody is excused here
    return Entry(
        file=str(name),
        size=size,
        study=study,
        subject=subject,
        rules=dict(made.cleaned.counts),
        pixels=pixels_in_words(made.prepared),
        tokens=proof.tokens,
        uids=proof.uids,
        searched_bytes=proof.searched_bytes,
        pixel_bytes=proof.pixel_bytes,
    )


def pixels_in_words(prepared: Prepared) -> str:
    """What was decided of pixels, for a report: ``kept``, or what was blanked by whom."""
    if isinstance(prepared.verdict, Pass) and not prepared.area:
        return "kept"
    by = [] if isinstance(prepared.verdict, Pass) else [prepared.verdict.rule]
    if prepared.found_by_ocr:
        by.append("text found by OCR")
    return ", ".join(by)
