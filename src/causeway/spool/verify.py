"""Reading everything back against its digests, for `causeway spool verify`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from causeway.errors import SpoolGone
from causeway.spool.model import Damaged
from causeway.spool.reader import SpoolReader


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyReport:
    """What was read."""

    records: int
    """Those whose digest is right."""
    bytes: int
    """Of their data sets."""
    damaged: tuple[Damaged, ...]


def verify(reader: SpoolReader, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
    """Read every record. ``progress(done, total)`` counts bytes of files, and is called after each
    record.

    May run beside everything else: what is recycled or removed meanwhile is passed over.
    """
    containers = reader.containers()
    total = sum(info.size for info in containers)
    done = records = size = 0
    damaged: list[Damaged] = []
    for info in containers:
        try:
            for item in reader.scan(info.name, verify=True):
                if isinstance(item, Damaged):
                    damaged.append(item)
                else:
                    records += 1
                    size += item.size
                if progress is not None:
                    progress(done + min(item.end, info.size), total)
        except SpoolGone:
            pass
        done += info.size
        if progress is not None:
            progress(done, total)
    return VerifyReport(records=records, bytes=size, damaged=tuple(damaged))
