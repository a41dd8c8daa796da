"""Candidates into the spool, one after the other, each durable before the next.

What the ledger has already, byte for byte, is not stored again: so an import that was cut off goes
on where it was. Of an object with the same UID and other bytes both are kept, as of any that
arrives.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from blake3 import blake3

from causeway.errors import OutOfSpace, TemporaryError
from causeway.importing.finding import Candidate, Damaged
from causeway.ledger import InstanceRow, InstanceState
from causeway.spool import SpoolWriter
from causeway.values import Caller, Receipt

NOT_HERE: Final = frozenset({InstanceState.DISCARDED})
"""What a person has thrown away may come again."""


class Facts(Protocol):
    """What an import asks the ledger."""

    def instances_named(self, sop_instance_uid: str) -> tuple[InstanceRow, ...]: ...


class Became(enum.StrEnum):
    """What became of a candidate."""

    STORED = "stored"
    HERE = "here already"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A candidate, and what became of it."""

    candidate: Candidate
    became: Became
    reason: str = ""


class Importer:
    """For one thread."""

    def __init__(
        self,
        writer: SpoolWriter,
        facts: Facts | None,
        caller: Caller,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._writer = writer
        self._facts = facts
        self._caller = caller
        self._clock = clock

    def run(self, candidate: Candidate) -> Imported:
        """Store it, unless it is here. Raises ``OutOfSpace``: then nothing more can be imported."""
        try:
            if self._facts is not None and is_here(candidate, self._facts):
                return Imported(candidate=candidate, became=Became.HERE)
            self._store(candidate)
        except OutOfSpace:
            raise
        except Damaged as error:
            return Imported(candidate=candidate, became=Became.FAILED, reason=str(error))
        except OSError as error:
            reason = error.strerror or "cannot be read"
            return Imported(candidate=candidate, became=Became.FAILED, reason=reason)
        except TemporaryError as error:
            return Imported(candidate=candidate, became=Became.FAILED, reason=error.message)
        return Imported(candidate=candidate, became=Became.STORED)

    def _store(self, candidate: Candidate) -> None:
        intake = self._writer.begin(
            Receipt(
                caller=self._caller,
                sop_class_uid=candidate.sop_class_uid,
                sop_instance_uid=candidate.sop_instance_uid,
                transfer_syntax_uid=candidate.transfer_syntax_uid,
                received_at=self._clock(),
            )
        )
        try:
            for piece in candidate.open():
                intake.write(piece)
            if intake.size != candidate.size:
                raise Damaged("it changed while it was read")
            intake.commit()
        finally:
            intake.abort()


def is_here(candidate: Candidate, facts: Facts) -> bool:
    """Whether the ledger has it, with these bytes. Raises as ``candidate.open`` does."""
    alike = {
        row.digest
        for row in facts.instances_named(candidate.sop_instance_uid)
        if row.size == candidate.size and row.state not in NOT_HERE
    }
    if not alike:
        return False
    hasher = blake3()
    for piece in candidate.open():
        hasher.update(piece)
    return hasher.digest() in alike
