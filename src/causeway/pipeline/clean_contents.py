"""What leaves de-identified: made again from the spool, and held against what was proven.

A clean object is not kept. The stage has cleaned it, proven it and written down its digest; while a
destination takes it, it is made once more, by the same treatment, and is the same object if its
digest is. Of a small one that is known before a byte of it is given away, of a large one behind its
last byte, before which nothing of it counts as delivered.

Where the bytes are others (another version of a codec, of the deflating library, of this program),
the object is cleaned and proven anew, that is written down, and the next try delivers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Protocol

from blake3 import blake3

from causeway.deidentify.errors import Doubt
from causeway.deidentify.treatment import Treatment
from causeway.destinations import Instance
from causeway.errors import LedgerCorrupt, PermanentError, TemporaryError
from causeway.ledger import CleanedRow, CleanedState, InstanceRow, NewCleaned, TreatmentRow
from causeway.pipeline.contents import AsReceived, Content
from causeway.pipeline.deidentify.objects import PIECE_BYTES, Bytes, Job, Word, made_again, make
from causeway.pipeline.deidentify.treating import Treating
from causeway.pipeline.parcel import Face, Parcel, named
from causeway.spool import SMALL_OBJECT, file_meta
from causeway.values import Caller, Receipt

NOBODY = Caller(source="", calling_ae="", called_ae="", address="", association="")
"""Who sent a clean object is not told."""


class CleanedLedger(Protocol):
    """What is asked of the ledger."""

    def cleaned_of(
        self, series_id: int, treatment_id: int | None = None
    ) -> tuple[CleanedRow, ...]: ...

    def treatments(self, ids: Iterable[int]) -> Mapping[int, TreatmentRow]: ...

    def made_otherwise(
        self, treatment_id: int, made: NewCleaned, *, now: float, delivery_id: int | None = None
    ) -> None: ...


class AsDecided:
    """``Contents``: as it came where that was decided, and clean where that was."""

    def __init__(
        self, spool: Bytes, ledger: CleanedLedger, treating: Treating, clock: Callable[[], float]
    ) -> None:
        self._spool = spool
        self._ledger = ledger
        self._treating = treating
        self._clock = clock
        self._as_received = AsReceived(spool)
        self._treatments: dict[int, Treatment] = {}

    def of(self, parcel: Parcel, destination: str) -> Content:
        """What of a parcel leaves for a destination.

        Raises ``NotAllowed`` where nobody has decided how it leaves for it, and ``PermanentError``
        where it cannot be cleaned again as it was.
        """
        face = parcel.face_for(destination)
        if face is None:
            return self._as_received.of(parcel, destination)
        treatment = self._treatment(face.treatment_id)
        rows = self._rows(parcel, face)
        members = [each for each in parcel.members if each.instance.id in rows]
        if not members:
            raise LedgerCorrupt("nothing of a parcel is clean, and yet it is to be delivered")
        clean = named(
            [_clean_row(each.instance, rows[each.instance.id]) for each in members], face.modality
        )
        return Content(
            parcel=parcel.seen_as(face, clean),
            is_clean=True,
            instances=tuple(
                self._instance(
                    each.name, source.instance, rows[source.instance.id], face, treatment
                )
                for each, source in zip(clean, members, strict=True)
            ),
        )

    def _treatment(self, treatment_id: int) -> Treatment:
        found = self._treatments.get(treatment_id)
        if found is None:
            row = self._ledger.treatments([treatment_id]).get(treatment_id)
            if row is None:
                raise LedgerCorrupt(f"there is no treatment {treatment_id}")
            found = self._treatments[treatment_id] = self._treating.again(row)
        return found

    def _rows(self, parcel: Parcel, face: Face) -> Mapping[int, CleanedRow]:
        series = {member.instance.series_id for member in parcel.members}
        return {
            row.instance_id: row
            for series_id in series
            if series_id is not None
            for row in self._ledger.cleaned_of(series_id, face.treatment_id)
            if row.state is CleanedState.CLEAN
        }

    def _instance(
        self, name: str, row: InstanceRow, cleaned: CleanedRow, face: Face, treatment: Treatment
    ) -> Instance:
        assert cleaned.size is not None
        assert cleaned.digest is not None
        return Instance(
            id=row.id,
            name=name,
            sop_class_uid=row.sop_class_uid,
            sop_instance_uid=cleaned.sop_instance_uid,
            study_instance_uid=cleaned.study_instance_uid,
            series_instance_uid=cleaned.series_instance_uid,
            transfer_syntax_uid=cleaned.transfer_syntax_uid,
            meta=file_meta(_receipt(row, cleaned)),
            dataset_size=cleaned.size,
            digest=cleaned.digest,
            open=partial(self._open, row, cleaned, face, treatment),
        )

    def _open(
        self, row: InstanceRow, cleaned: CleanedRow, face: Face, treatment: Treatment
    ) -> Iterator[bytes]:
        """The clean data set, in pieces, checked."""
        hasher = blake3()
        try:
            done = made_again(row, cleaned, treatment, self._spool)
            if done.cleaned.size <= SMALL_OBJECT:
                whole = b"".join(done.cleaned.pieces(PIECE_BYTES))
                if hasher.update(whole).digest() == cleaned.digest:
                    yield whole
                    return
            else:
                for piece in done.cleaned.pieces(PIECE_BYTES):
                    hasher.update(piece)
                    yield piece
                if hasher.digest() == cleaned.digest:
                    return
        except Doubt as doubt:
            raise TemporaryError(
                f"instance {row.id} cannot be made clean again: {doubt.code}: {doubt.message}",
                hint="reroute its series, so that it is cleaned anew",
            ) from None
        self._anew(row, cleaned, face, treatment)

    def _anew(
        self, row: InstanceRow, cleaned: CleanedRow, face: Face, treatment: Treatment
    ) -> None:
        """Clean and prove an object whose bytes are others by now, and write that down."""
        job = Job(instance=row, word=Word.of(cleaned), alias=cleaned.alias)
        made = make(job, treatment, self._spool).cleaned
        if made.state is not CleanedState.CLEAN:
            raise PermanentError(
                f"instance {row.id} was clean and is {made.state.value} by now: {made.reason}",
                hint="reroute its series, so that it is decided about anew",
            )
        self._ledger.made_otherwise(face.treatment_id, made, now=self._clock())
        raise TemporaryError(
            f"instance {row.id} was cleaned anew, and its bytes are others than before: another "
            "version of a codec or of Causeway makes them; they go with the next try"
        )


def _clean_row(row: InstanceRow, cleaned: CleanedRow) -> InstanceRow:
    """An instance with nothing in it of the original but its class and its place in the series."""
    assert cleaned.size is not None
    assert cleaned.digest is not None
    return replace(
        row,
        sop_instance_uid=cleaned.sop_instance_uid,
        transfer_syntax_uid=cleaned.transfer_syntax_uid,
        size=cleaned.size,
        digest=cleaned.digest,
        referenced_series="",
        source="",
        calling_ae="",
        called_ae="",
        peer_address="",
        certificate="",
        move_originator="",
        association="",
        received_at=0.0,
    )


def _receipt(row: InstanceRow, cleaned: CleanedRow) -> Receipt:
    return Receipt(
        caller=NOBODY,
        sop_class_uid=row.sop_class_uid,
        sop_instance_uid=cleaned.sop_instance_uid,
        transfer_syntax_uid=cleaned.transfer_syntax_uid,
        received_at=0.0,
    )
