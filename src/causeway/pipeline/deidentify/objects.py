"""One object: from the spool to what is known of it once it is clean, and its clean bytes again.

Nothing that is clean is kept but a row: what was made of the object, how large it is, and its
digest. Its bytes are made again while a destination takes them, and held against the digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from blake3 import blake3

from causeway.attributes import Attributes
from causeway.deidentify.edit.clean import Source
from causeway.deidentify.errors import Doubt
from causeway.deidentify.pixels import Held, Rectangle, Release
from causeway.deidentify.treatment import NEEDED, Clean, Treatment
from causeway.errors import BadDataSet
from causeway.ledger import CleanedRow, CleanedState, InstanceRow, NewCleaned, NewCleanHead
from causeway.pipeline.records import record_of
from causeway.pipeline.snapshot import attributes_of
from causeway.spool import SMALL_OBJECT
from causeway.values import Record, SpoolAddress

PIECE_BYTES: Final = 1 << 20

STUDY: Final = 0x0020000D
SERIES: Final = 0x0020000E


class Bytes(Protocol):
    """Where objects' bytes are: ``SpoolReader``."""

    def read(self, where: Record) -> bytes: ...

    def chunks(self, where: Record, size: int = ...) -> Iterator[bytes]: ...

    def piece(self, address: SpoolAddress, offset: int, size: int) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a person has said of an object that was held or in doubt."""

    by: str
    why: str = field(default="", repr=False)
    regions: tuple[tuple[int, int, int, int], ...] = ()
    excused: bool = False

    @classmethod
    def of(cls, row: CleanedRow | None) -> Word | None:
        if row is None or not row.decided_by:
            return None
        return cls(by=row.decided_by, why=row.decided_why, regions=row.regions, excused=row.excused)

    @property
    def release(self) -> Release:
        rectangles = (
            Rectangle(x=x, y=y, width=width, height=height) for x, y, width, height in self.regions
        )
        return Release(by=self.by, why=self.why, regions=tuple(rectangles))


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An object to be cleaned."""

    instance: InstanceRow = field(repr=False)
    word: Word | None = None
    alias: str | None = field(default=None, repr=False)
    """What the list of subjects said at another time; None: it is asked now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a pseudonym stands for, for the crosswalk."""

    kind: str
    pseudonym: str
    original: str = field(repr=False)
    issuer: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What became of an object."""

    cleaned: NewCleaned
    head: Attributes | None = field(default=None, repr=False)
    """Of the clean object, if the original's were those that were asked for."""
    known: tuple[Known, ...] = field(default=(), repr=False)

    def clean_head(self, digest: bytes) -> NewCleanHead | None:
        return None if self.head is None else NewCleanHead(digest=digest, attributes=self.head)


def source_of(instance: InstanceRow, spool: Bytes) -> Source:
    """The object as it was received, its digest checked. Raises ``SpoolCorrupt``."""
    record = record_of(instance)
    if record.size <= SMALL_OBJECT:
        data = spool.read(record)

        def fetch(offset: int, size: int) -> bytes:
            return data[offset : offset + size]
    else:
        # In flat memory: once through for the digest, then piece by piece.
        for _ in spool.chunks(record, PIECE_BYTES):
            pass

        def fetch(offset: int, size: int) -> bytes:
            return spool.piece(instance.address, offset, size)

    return Source(
        fetch=fetch,
        size=record.size,
        sop_class_uid=instance.sop_class_uid,
        sop_instance_uid=instance.sop_instance_uid,
        transfer_syntax_uid=instance.transfer_syntax_uid,
    )


def make(
    job: Job, treatment: Treatment, spool: Bytes, *, head: Attributes | None = None,
    tells_who: bool = False,
) -> Made:  # fmt: skip
    """Clean an object and prove it. ``head``: of an object that says this, its clean head is told.

    Raises what the spool does.
    """
    instance = job.instance
    try:
        source = source_of(instance, spool)
        attributes = _attributes(source, whole=head is not None)
        done = _cleaned(source, attributes, treatment, job)
        if isinstance(done, Held):
            return _kept_back(job, CleanedState.HELD, done.code, done.reason)
        hasher = blake3()
        for piece in done.cleaned.pieces(PIECE_BYTES):
            hasher.update(piece)
        clean_head = None
        if head is not None and head == attributes:
            clean_head = clean_attributes(done)
    except Doubt as doubt:
        return _kept_back(job, CleanedState.DOUBT, doubt.code, doubt.message)
    cleaned, proof, subject = done.cleaned, done.proof, done.subject
    return Made(
        cleaned=NewCleaned(
            instance_id=instance.id,
            state=CleanedState.CLEAN,
            sop_instance_uid=cleaned.sop_instance_uid,
            study_instance_uid=done.uid(attributes.first(STUDY)),
            series_instance_uid=done.uid(attributes.first(SERIES)),
            transfer_syntax_uid=cleaned.transfer_syntax_uid,
            subject=subject.patient_id(),
            alias=subject.alias or "",
            size=cleaned.size,
            digest=hasher.digest(),
            account=_account(done),
            tokens=proof.tokens if proof else 0,
            uids=proof.uids if proof else 0,
            searched_bytes=proof.searched_bytes if proof else 0,
            pixel_bytes=proof.pixel_bytes if proof else 0,
        ),
        head=clean_head,
        known=_known(done) if tells_who else (),
    )


def cleaned(job: Job, treatment: Treatment, spool: Bytes) -> Clean | Held:
    """An object cleaned by what a person has said of it.

    Raises ``Doubt``, and what the spool does.
    """
    source = source_of(job.instance, spool)
    return _cleaned(source, _attributes(source), treatment, job)


def made_again(instance: InstanceRow, row: CleanedRow, treatment: Treatment, spool: Bytes) -> Clean:
    """The clean object once more. Its digest is still to be held against that of the row.

    Raises ``Doubt``, and what the spool does.
    """
    source = source_of(instance, spool)
    word = Word.of(row)
    done = treatment.clean(
        source,
        _attributes(source),
        released=word.release if word else None,
        excused=row.excused,
        alias=row.alias,
        proving=False,
    )
    if isinstance(done, Held):
        raise Doubt("held", f"it is held by now: {done.reason}")
    return done


def clean_attributes(done: Clean) -> Attributes:
    """What the header of a clean object says."""
    cleaned = done.cleaned
    pieces: list[bytes] = []
    if cleaned.size <= SMALL_OBJECT:
        pieces = [b"".join(cleaned.pieces())]

    def fetch(offset: int, size: int) -> bytes:
        if pieces:
            return pieces[0][offset : offset + size]
        return _part(cleaned.pieces(), offset, size)

    return attributes_of(fetch, cleaned.size, cleaned.transfer_syntax_uid)


def _part(pieces: Iterator[bytes], offset: int, size: int) -> bytes:
    """Some bytes of a long result. Headers stand in front, so this goes a short way."""
    found: list[bytes] = []
    at = 0
    for piece in pieces:
        start, end = max(offset - at, 0), offset + size - at
        if end <= 0:
            break
        if start < len(piece):
            found.append(piece[start:end])
        at += len(piece)
        if at >= offset + size:
            break
    return b"".join(found)


_LOOKED_AT: Final = NEEDED | {STUDY, SERIES}


def _attributes(source: Source, *, whole: bool = False) -> Attributes:
    try:
        return attributes_of(
            source.fetch,
            source.size,
            source.transfer_syntax_uid,
            wanted=None if whole else _LOOKED_AT,
        )
    except BadDataSet as error:
        raise Doubt("structure", error.message) from None


def _cleaned(
    source: Source, attributes: Attributes, treatment: Treatment, job: Job
) -> Clean | Held:
    word = job.word
    return treatment.clean(
        source,
        attributes,
        released=word.release if word else None,
        excused=word.excused if word else False,
        alias=job.alias,
    )


def _kept_back(job: Job, state: CleanedState, code: str, reason: str) -> Made:
    return Made(
        cleaned=NewCleaned(instance_id=job.instance.id, state=state, code=code, reason=reason)
    )


def _account(done: Clean) -> str:
    told = {
        "rules": done.cleaned.counts,
        "pixels": done.prepared.to_document(),
        "proven": done.proof is not None,
    }
    return json.dumps(told, sort_keys=True, ensure_ascii=False)


def _known(done: Clean) -> tuple[Known, ...]:
    subject = done.subject
    patient = Known(
        kind="patient",
        pseudonym=subject.patient_id(),
        original=subject.patient.patient_id.strip(),
        issuer=subject.patient.issuer.strip(),
    )
    uids = (
        Known(kind="uid", pseudonym=new, original=old) for old, new in done.cleaned.uids.items()
    )
    return (patient, *uids)


def chunks_of(jobs: Sequence[Job], size: int) -> Iterator[Sequence[Job]]:
    for start in range(0, len(jobs), size):
        yield jobs[start : start + size]
