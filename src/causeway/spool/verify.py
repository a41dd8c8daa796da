"""Signatures; the body follows."""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causeway.spool.model import Damaged
from causeway.spool.reader import SpoolReader


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    records: int
    bytes: int
    damaged: tuple[Damaged, ...]


def verify(
    reader: SpoolReader, progress: Callable[[int, int], None] | None = None
) -> VerifyReport:
    """Read every record back against its digest; ``progress(bytes done, bytes in all)``."""
    raise NotImplementedError
