"""What the spool costs beyond the disk's own sync, and what it can do.

    python bench/micro_spool.py [--dir /some/disk] [--rounds 3]

- ``store`` without the sync (relaxed durability), one thread, the bytes in fragments as a listener
  gets them; split into what it consists of: digest, write, and the rest, which is ours.
- ``store`` with the sync, for 1, 4 and 8 threads and for different limits of open segments.
- scanning by headers, and with verification; recovery after a kill.
- an object of 2 GiB: memory, dirty pages, and how long its commit takes.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from blake3 import blake3

from causeway.spool import (
    Durability,
    RealDisk,
    SpaceGauge,
    SpoolKeeper,
    SpoolReader,
    SpoolWriter,
    prepare,
    recover,
)
from causeway.values import Caller, Receipt

MR, CT = 33_000, 520_000
FRAGMENT = 131_072 - 6


def receipts(count: int) -> list[Receipt]:
    caller = Caller(
        source="ct1",
        calling_ae="CT1",
        called_ae="CAUSEWAY",
        address="127.0.0.1",
        association="a-17",
    )
    return [
        Receipt(
            caller=caller,
            sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
            sop_instance_uid=f"1.2.826.0.1.3680043.8.498.12345678901234567890123456789{number:08}",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
            received_at=1_795_204_800.25 + number,
        )
        for number in range(count)
    ]


class Unsynced(RealDisk):
    """Fills a spool quickly."""

    def fdatasync(self, fd: int) -> None:
        pass


class Spool:
    """A fresh spool with segments made ahead."""

    def __init__(self, parent: Path, ready_bytes: int) -> None:
        self.root = Path(tempfile.mkdtemp(dir=parent)) / "spool"
        self.disk = RealDisk()
        prepare(self.root, disk=self.disk)
        self.space = SpaceGauge(self.root, disk=self.disk)
        keeper = SpoolKeeper(
            self.root,
            disk=self.disk,
            space=self.space,
            ready_bytes=ready_bytes,
            sleep=lambda _: None,
        )
        keeper.make_ahead()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        shutil.rmtree(self.root.parent)


def fragments(size: int) -> list[memoryview]:
    data = memoryview(os.urandom(size))
    return [data[start : start + FRAGMENT] for start in range(0, size, FRAGMENT)]


def microseconds(action: Callable[[], object], count: int) -> float:
    """Median of single calls."""
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e6


def overhead(parent: Path) -> None:
    print("store without sync, one thread, µs (median; digest includes joining)")
    for name, size, count in (("MR 33 kB", MR, 1500), ("CT 0.52 MB", CT, 100)):
        with Spool(parent, 2 << 26) as spool:
            total = _storing(spool, size, count)
            digesting = _digesting(size, count)
            writing = _writing(spool, size, count)
            print(
                f"  {name:11} {total:6.1f} = digest {digesting:5.1f} + pwritev {writing:5.1f}"
                f" + ours {total - digesting - writing:5.1f}"
            )


def _storing(spool: Spool, size: int, count: int) -> float:
    relaxed = Durability.RELAXED
    writer = SpoolWriter(spool.root, disk=spool.disk, space=spool.space, durability=relaxed)
    pieces = fragments(size)
    some = iter(receipts(count))
    return microseconds(lambda: writer.store(next(some), pieces), count)


def _digesting(size: int, count: int) -> float:
    pieces = fragments(size)
    return microseconds(
        lambda: blake3(pieces[0] if len(pieces) == 1 else b"".join(pieces)).digest(), count
    )


def _writing(spool: Spool, size: int, count: int) -> float:
    """The same bytes into a fresh segment, by nothing but the system call."""
    length = (size + 400 + 4095) & -4096  # header and receipt take some 400 bytes
    padded = [bytes(400), os.urandom(size), bytes(length - size - 400)]
    offsets = iter(range(8192, 8192 + count * length, length))
    fd = os.open(min((spool.root / "segments").glob("*.ready")), os.O_RDWR)
    try:
        return microseconds(lambda: os.pwritev(fd, padded, next(offsets)), count)
    finally:
        os.close(fd)


def throughput(parent: Path, rounds: int) -> None:
    print(f"store with sync, objects/s, median of {rounds} alternating rounds")
    for name, size, count in (("MR 33 kB", MR, 3200), ("CT 0.52 MB", CT, 320)):
        for threads, limits in ((1, (1,)), (4, (1, 2, 4)), (8, (2, 4, 8)), (16, (4, 8, 16))):
            rates: dict[int, list[float]] = {limit: [] for limit in limits}
            for _ in range(rounds):
                for limit in limits:
                    with Spool(parent, (limit + 4) << 26) as spool:
                        rates[limit].append(_throughput(spool, size, threads, limit, count))
            row = "   ".join(
                f"{limit:2} segments {statistics.median(found):6.0f}"
                for limit, found in rates.items()
            )
            print(f"  {name:11} {threads:2} threads: {row}", flush=True)


def _throughput(spool: Spool, size: int, threads: int, limit: int, count: int) -> float:
    writer = SpoolWriter(spool.root, disk=spool.disk, space=spool.space, max_segments=limit)

    def send() -> None:
        pieces = fragments(size)
        receipt = receipts(1)[0]
        for _ in range(count // threads):
            writer.store(receipt, pieces)

    start = time.perf_counter()
    workers = [threading.Thread(target=send) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return count / (time.perf_counter() - start)


def scanning(parent: Path) -> None:
    with Spool(parent, 1 << 26) as spool:
        writer = SpoolWriter(spool.root, disk=Unsynced(), space=spool.space)
        count = 100_000
        pieces = fragments(400)
        for receipt in receipts(count):
            writer.store(receipt, pieces)
        writer.close()
        print(f"scan of {count} records")
        reader = SpoolReader(spool.root, disk=spool.disk)
        for verify in (False, True):
            start = time.perf_counter()
            seen = sum(
                1 for info in reader.containers() for _ in reader.scan(info.name, verify=verify)
            )
            taken = time.perf_counter() - start
            print(f"  verify={verify!s:5} {taken:.2f} s, {taken / seen * 1e6:.1f} µs each")


def recovering(parent: Path) -> None:
    count = 100_000
    with Spool(parent, 1 << 26) as spool:
        writer = SpoolWriter(spool.root, disk=Unsynced(), space=spool.space)
        pieces = fragments(400)
        last: dict[str, int] = {}
        for receipt in receipts(count):
            record = writer.store(receipt, pieces)
            last[record.address.container] = record.end
        print(f"recovery of a killed process's spool of {count} records")
        del writer  # its descriptors stay open, so the locks are given up by hand
        for path in (spool.root / "segments").glob("*.log"):
            shutil.copy(path, path.with_suffix(".copy"))
            path.unlink()
            path.with_suffix(".copy").rename(path)
        for name, positions in (("known to the ledger", last), ("ledger lost", {})):
            start = time.perf_counter()
            recover(spool.root, disk=spool.disk, positions=positions)
            print(f"  {name:20} {time.perf_counter() - start:.3f} s")
            for path in (spool.root / "segments").glob("*.log"):
                _unseal(path, last)


def _unseal(path: Path, last: dict[str, int]) -> None:
    """As if its writer had been killed once more."""
    end = last[f"seg-{path.stem}.1"]
    with path.open("r+b") as file:
        file.seek(end)
        file.write(bytes(4096))


def large(parent: Path, size: int = 2 << 30) -> None:
    with Spool(parent, 1 << 26) as spool:
        writer = SpoolWriter(spool.root, disk=spool.disk, space=spool.space)
        piece = memoryview(os.urandom(FRAGMENT))
        before = _resident()
        dirtiest, slowest = 0, 0.0
        stream = writer.stream(receipts(1)[0])
        start = time.perf_counter()
        for number in range(size // FRAGMENT):
            at = time.perf_counter()
            stream.write(piece)
            slowest = max(slowest, time.perf_counter() - at)
            if number % 64 == 0:
                dirtiest = max(dirtiest, _dirty())
        written = time.perf_counter()
        stream.commit()
        end = time.perf_counter()
        print(
            f"an object of {size / 2**30:.0f} GiB: {size / (end - start) / 2**20:.0f} MiB/s, "
            f"commit {(end - written) * 1e3:.0f} ms, slowest fragment {slowest * 1e3:.0f} ms, "
            f"memory +{(_resident() - before) / 2**20:.1f} MiB, "
            f"dirty pages of the machine at most {dirtiest / 2**20:.0f} MiB"
        )


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def _dirty() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("Dirty:"):
            return int(line.split()[1]) * 1024
    return 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dir", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("overhead", "throughput", "scan", "recover", "large"))
    options = parser.parse_args()
    if options.only in (None, "overhead"):
        overhead(options.dir)
    if options.only in (None, "throughput"):
        throughput(options.dir, options.rounds)
    if options.only in (None, "scan"):
        scanning(options.dir)
    if options.only in (None, "recover"):
        recovering(options.dir)
    if options.only in (None, "large"):
        large(options.dir)


if __name__ == "__main__":
    main()
