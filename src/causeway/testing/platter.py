"""One file of a `FaultyDisk`: what reads see, what the platter has, where the two may differ."""

from __future__ import annotations

from random import Random

SECTOR = 512


class FaultyFile:
    """Bytes in two copies, the cache's and the platter's."""

    __slots__ = ("cache", "dirty", "doomed", "errors", "is_folder", "locks", "stable")

    def __init__(self, *, is_folder: bool = False) -> None:
        self.is_folder = is_folder
        self.cache = bytearray()
        self.stable = bytearray()
        self.dirty: list[range] = []
        """Sectors written since the last sync."""
        self.doomed: set[int] = set()
        """Sectors whose sync failed: the cache has them, and nobody will write them any more."""
        self.errors = 0
        """Failed syncs; each open descriptor is told of each once."""
        self.locks: dict[int, bool] = {}
        """Descriptor to whether its lock is shared."""

    def write(self, data: bytes, offset: int) -> None:
        if len(self.cache) < offset:
            self.cache.extend(bytes(offset - len(self.cache)))
        self.cache[offset : offset + len(data)] = data
        self.dirty.append(range(offset // SECTOR, (offset + len(data) + SECTOR - 1) // SECTOR))

    def sync(self) -> None:
        """The platter gets what was written, but for what an earlier failure has doomed."""
        _resize(self.stable, len(self.cache))
        for sectors in self.dirty:
            _copy(self.cache, self.stable, sectors)
            if self.doomed:
                self.doomed.difference_update(sectors)
        self.dirty = []

    def fail_sync(self) -> None:
        """The pages are clean from now on, and the platter does not have them."""
        self.errors += 1
        for sectors in self.dirty:
            self.doomed.update(sectors)
        self.dirty = []

    def forget(self, offset: int, length: int) -> None:
        """Clean pages of the range are dropped: reads see what the platter has."""
        end = offset + length if length else len(self.cache)
        wanted = range(offset // SECTOR, (end + SECTOR - 1) // SECTOR)
        dropped = {sector for sector in self.doomed if sector in wanted}
        for sectors in self.dirty:
            dropped.difference_update(sectors)
        for sector in dropped:
            _copy(self.stable, self.cache, range(sector, sector + 1))
        self.doomed -= dropped

    def lose(self, random: Random, *, spoil: bool) -> None:
        """The power goes: of what was not synced, any part is left."""
        at_risk = sorted(self.doomed.union(*self.dirty))
        size = random.choice((len(self.cache), len(self.stable)))
        if size > len(self.stable):
            self.stable.extend(bytes(size - len(self.stable)))
        # Now and then everything or nothing: runs that pure chance would never give.
        share = random.choice((0.0, 1.0, random.random()))
        for sector in at_risk:
            if random.random() < share:
                _copy(self.cache, self.stable, range(sector, sector + 1))
            elif spoil and random.random() < 0.1:
                start = sector * SECTOR
                length = len(self.stable[start : start + SECTOR])
                self.stable[start : start + length] = random.randbytes(length)
        del self.stable[size:]
        self.cache = bytearray(self.stable)
        self.dirty, self.doomed = [], set()


def _resize(data: bytearray, size: int) -> None:
    del data[size:]
    data.extend(bytes(size - len(data)))


def _copy(source: bytearray, target: bytearray, sectors: range) -> None:
    """Sectors of one to the other, as far as the other reaches."""
    start = sectors.start * SECTOR
    piece = source[start : min(sectors.stop * SECTOR, len(target))]
    target[start : start + len(piece)] = piece
