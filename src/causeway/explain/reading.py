"""Files as the connector would receive them: each taken in, or not, and why not.

The same functions look at a file here and at a received object there, so that what is unreadable or
the same again here would be there. Nothing is kept of a file but what deciding needs; attributes,
which are most of it, once for each head that a series has.
"""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from pathlib import Path

from blake3 import blake3

from causeway.attributes import Attributes
from causeway.errors import BadDataSet
from causeway.part10 import NotSendable, Part10, read_part10
from causeway.pipeline.header import Structure, check, read
from causeway.pipeline.heads import Heads
from causeway.pipeline.snapshot import attributes_of
from causeway.values import Caller, Header, Receipt

CONFLICT = "another object with this UID and other bytes is there already"
_NOBODY = Caller(source="", calling_ae="", called_ae="", address="", association="")
_PIECE_BYTES = 1 << 20


class Fate(enum.StrEnum):
    """What becomes of a file before anything is decided about it."""

    TAKEN = "taken"
    NOT_DICOM = "not DICOM"
    """It would not be sent at all."""
    FAILED = "failed"
    """It could not be read from the disk."""
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """One file."""

    path: Path
    fate: Fate
    reason: str = ""
    """Why it is not taken. Without patient data."""
    header: Header | None = None
    attributes: Attributes | None = field(default=None, repr=False)
    """Of its head: shared by all files that have the same."""
    digest: bytes = b""
    """Which head it has."""


@dataclass(slots=True)
class _Known:
    """An object that has a UID already."""

    part: Part10
    is_live: bool
    is_conflict: bool = False
    digest: bytes | None = None


class Reader:
    """Looks at files in the order in which they would arrive."""

    def __init__(
        self, *, decided_by: tuple[int, ...] = (), structure: Structure = Structure.WHOLE
    ) -> None:
        self._decided_by = decided_by
        self._structure = structure
        self._known: dict[str, list[_Known]] = {}
        self._heads = Heads()

    def look_at(self, path: Path) -> Examined:
        """What would become of this file. Never raises for what is in it."""
        try:
            part = read_part10(path)
        except NotSendable as error:
            return Examined(path=path, fate=Fate.NOT_DICOM, reason=str(error))
        except OSError as error:
            reason = error.strerror or "cannot be read"
            return Examined(path=path, fate=Fate.FAILED, reason=reason)
        try:
            with path.open("rb", buffering=0) as file:
                return self._taken(part, file.fileno())
        except BadDataSet as error:
            return self._quarantined(part, error.message)
        except OSError as error:
            reason = error.strerror or "cannot be read"
            return Examined(path=path, fate=Fate.FAILED, reason=reason)

    def _taken(self, part: Part10, descriptor: int) -> Examined:
        def fetch(offset: int, size: int) -> bytes:
            return os.pread(descriptor, min(size, part.size - offset), part.offset + offset)

        syntax = part.transfer_syntax_uid
        reading = read(fetch, part.size, syntax, self._structure, self._decided_by)
        head = self._heads.of(
            reading.digest, lambda: attributes_of(fetch, part.size, syntax, self._structure)
        )
        check(reading.header, _receipt(part))
        if stopped := self._again(part):
            return stopped
        return Examined(
            path=part.path,
            fate=Fate.TAKEN,
            header=reading.header,
            attributes=head.attributes,
            digest=head.digest,
        )

    # --- what is there already; the table of ``ledger.classify`` ------------------------------

    def _again(self, part: Part10) -> Examined | None:
        """Why a readable file is not taken; None if it is."""
        here = self._known.setdefault(part.sop_instance_uid, [])
        new = _Known(part=part, is_live=True)
        for known in here:
            if (known.is_live or known.is_conflict) and _digest(known) == _digest(new):
                return Examined(path=part.path, fate=Fate.DUPLICATE, reason="the same once more")
        if any(known.is_live for known in here):
            here.append(_Known(part=part, is_live=False, is_conflict=True, digest=new.digest))
            return Examined(path=part.path, fate=Fate.QUARANTINED, reason=CONFLICT)
        here.append(new)
        return None

    def _quarantined(self, part: Part10, reason: str) -> Examined:
        here = self._known.setdefault(part.sop_instance_uid, [])
        new = _Known(part=part, is_live=False)
        if any(_digest(known) == _digest(new) for known in here):
            return Examined(path=part.path, fate=Fate.DUPLICATE, reason="the same once more")
        here.append(new)
        return Examined(path=part.path, fate=Fate.QUARANTINED, reason=reason)


def _receipt(part: Part10) -> Receipt:
    return Receipt(
        caller=_NOBODY,
        sop_class_uid=part.sop_class_uid,
        sop_instance_uid=part.sop_instance_uid,
        transfer_syntax_uid=part.transfer_syntax_uid,
        received_at=0.0,
    )


def _digest(known: _Known) -> bytes:
    """Of the data set, taken when two files have one UID and not before."""
    if known.digest is None:
        hasher = blake3()
        with known.part.path.open("rb") as file:
            file.seek(known.part.offset)
            while piece := file.read(_PIECE_BYTES):
                hasher.update(piece)
        known.digest = hasher.digest()
    return known.digest
