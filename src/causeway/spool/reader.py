"""Signatures; the body follows."""
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from causeway.spool.disk import Disk
from causeway.spool.model import ContainerInfo, Damaged
from causeway.values import Record, SpoolAddress


class SpoolReader:
    """Any process, many threads. Raises SpoolCorrupt for bytes that do not match their digest
    and SpoolGone (a SpoolCorrupt) for an address whose container was recycled or removed.
    """

    def __init__(self, root: Path, *, disk: Disk, max_files: int = 64) -> None:
        raise NotImplementedError

    def containers(self) -> list[ContainerInfo]:
        """Segments in use, large and kept files; not segments that are made ahead."""
        raise NotImplementedError

    def scan(
        self, container: str, start: int = 0, *, verify: bool = False, durable_to: int = 0
    ) -> Iterator[Record | Damaged]:
        """Records from ``start`` (0, or a Record's or Damaged's ``end``). All that is yielded as
        Record is durable: a last record that no later one vouches for is synced and verified here
        first, unless it ends at or before ``durable_to`` (what a writer's hint says).
        A record still being written is not yielded; come again.
        """
        raise NotImplementedError

    def record(self, address: SpoolAddress) -> Record:
        """Header and receipt of one record."""
        raise NotImplementedError

    def head(self, address: SpoolAddress, size: int) -> bytes:
        """At most the first ``size`` bytes of the data set, not checked against the digest."""
        raise NotImplementedError

    def read(self, where: Record | SpoolAddress) -> bytes:
        """The whole data set, verified."""
        raise NotImplementedError

    def chunks(self, where: Record | SpoolAddress, size: int = 1 << 20) -> Iterator[bytes]:
        """The data set in pieces; raises SpoolCorrupt after the last if the whole is wrong."""
        raise NotImplementedError

    def make_durable(self, container: str) -> None:
        """Sync what a dead writer may have left in the page cache."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
