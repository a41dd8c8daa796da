"""What a snapshot of an object's attributes costs beyond reading its file, over all shared objects.

    python bench/micro_snapshot.py [--rounds 3]

Milliseconds a file: median, 99th percentile and the worst, best of the rounds each. Files are in
memory. An enhanced multi-frame object of 600 frames with 18,000 elements is made up, with its
sequences once of defined and once of undefined length, as there is none of that size to share.
"""

from __future__ import annotations

import argparse
import statistics
import struct
import time
from collections.abc import Iterator
from pathlib import Path

import pydicom

from causeway.errors import BadDataSet
from causeway.pipeline.snapshot import attributes_of
from causeway.testing.site import EXPLICIT, data_set

SHARED = Path(__file__).parents[2] / "shared" / "data" / "dicom"
UNDEFINED = 0xFFFFFFFF


def real() -> Iterator[tuple[str, str, bytes]]:
    """Data sets as they come over the wire: what stands behind the file meta information."""
    for path in sorted(SHARED.rglob("*")):
        if not path.is_file() or "fuzzing" in str(path):
            continue
        file = path.read_bytes()
        if file[128:132] != b"DICM":
            continue
        try:
            meta = pydicom.filereader.read_file_meta_info(path)
            start = 144 + int(meta.FileMetaInformationGroupLength)
            yield path.name, str(meta.TransferSyntaxUID), file[start:]
        except Exception:
            continue


def sequence(tag: int, items: list[bytes], *, defined: bool) -> bytes:
    """In explicit VR little endian."""
    head = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, b"SQ", 0)
    if defined:
        body = b"".join(struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item for item in items)
        return head + struct.pack("<I", len(body)) + body
    end = struct.pack("<HHI", 0xFFFE, 0xE00D, 0)
    begin = struct.pack("<HHI", 0xFFFE, 0xE000, UNDEFINED)
    body = b"".join(begin + item + end for item in items)
    return head + struct.pack("<I", UNDEFINED) + body + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def enhanced(frames: int, *, defined: bool) -> bytes:
    """Thirty elements a frame: content, geometry, timing, and the image that it was planned on."""
    functional = []
    for frame in range(frames):
        numbers = [(0x00189074 + n, "FD", struct.pack("<d", n)) for n in range(19)]
        reference = data_set(
            (0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.4"),
            (0x00081155, "UI", f"1.2.826.0.1.3680043.8.498.{frame % 3}"),
        )
        functional.append(
            sequence(0x00081140, [reference], defined=defined)
            + sequence(0x00189114, [data_set(*numbers)], defined=defined)
            + sequence(0x00209111, [data_set((0x00189151, "TM", "101112.5"))], defined=defined)
            + sequence(0x00209113, [data_set((0x00200032, "DS", "-1.5\\2.25\\3"))], defined=defined)
            + sequence(
                0x00209116, [data_set((0x00200037, "DS", "1\\0\\0\\0\\1\\0"))], defined=defined
            )
        )
    head = data_set(
        (0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4.1"),
        (0x00100020, "LO", "PHANTOM-0"),
        *((0x00180050 + n, "DS", "1.000000") for n in range(50)),
        (0x00280008, "IS", str(frames)),
    )
    return head + sequence(0x52009230, functional, defined=defined)


def milliseconds(data: bytes, syntax: str, rounds: int) -> float | None:
    best = None
    for _ in range(rounds):
        began = time.perf_counter()
        try:
            attributes_of(lambda at, size: data[at : at + size], len(data), syntax)
        except BadDataSet:
            return None
        taken = (time.perf_counter() - began) * 1000
        best = taken if best is None else min(best, taken)
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    taken = []
    broken = 0
    for name, syntax, data in real():
        if (each := milliseconds(data, syntax, rounds)) is None:
            broken += 1
        else:
            taken.append((each, name))
    if taken:
        times = sorted(each for each, _ in taken)
        worst, name = max(taken)
        print(f"{len(times)} objects ({broken} do not hold together), ms each")
        print(f"  median           {statistics.median(times):8.3f}")
        print(f"  99th percentile  {times[len(times) * 99 // 100]:8.3f}")
        print(f"  worst            {worst:8.3f}   {name}")
    else:
        print(f"no shared objects in {SHARED}")
    for kind in (True, False):
        data = enhanced(600, defined=kind)
        each = milliseconds(data, EXPLICIT, rounds)
        lengths = "defined" if kind else "undefined"
        print(f"  18,000 elements, {lengths:9} lengths {each:8.3f}   {len(data) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
